"""Time zones, and how a wall clock's reading becomes a moment.

Daylight saving, as EventBridge Scheduler documents it: a reading that the clocks skip is skipped; one that
comes twice counts the first time only. Source: EventBridge Scheduler User Guide, "Daylight savings time".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from ballroom.kernel.schedules.errors import InvalidSchedule

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what a wall clock shows
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def load_zone(name: str) -> tzinfo:
    """The time zone of an IANA name, such as `Europe/Berlin`.

    Raises:
        InvalidSchedule: there is none.
    """
    if name == "UTC":
        return UTC
    if _NAME.fullmatch(name) is None or len(name) > 64:
        raise InvalidSchedule(f"no such time zone: {name}")
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise InvalidSchedule(f"no such time zone: {name}") from error


def wall_clock(ms: int, zone: tzinfo) -> datetime:
    """What the zone's wall clocks show at a moment, to the second."""
    seconds = ms // 1000
    if zone is UTC:
        return EPOCH + timedelta(seconds=seconds)
    return datetime.fromtimestamp(seconds, zone).replace(tzinfo=None, fold=0)


def moment(wall: datetime, zone: tzinfo) -> int | None:
    """The first moment at which the zone's clocks show this, or None if they skip it."""
    if zone is UTC:
        return (wall - EPOCH) // _SECOND * 1000
    seconds = int(wall.replace(tzinfo=zone).timestamp())
    if datetime.fromtimestamp(seconds, zone).replace(tzinfo=None, fold=0) != wall:
        return None
    return seconds * 1000


def moment_or_after(wall: datetime, zone: tzinfo) -> int:
    """Like `moment`; a reading that the clocks skip is as much later as they are put forward."""
    if zone is UTC:
        return (wall - EPOCH) // _SECOND * 1000
    return int(wall.replace(tzinfo=zone).timestamp()) * 1000
