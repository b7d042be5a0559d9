"""A schedule expression of any of its three kinds, and the two that need no calendar: rate and at.

Source: EventBridge User Guide, "Rate expressions reference"; Scheduler User Guide, "Schedule types".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ballroom.kernel.schedules.cron import Cron, parse_cron
from ballroom.kernel.schedules.errors import InvalidSchedule
from ballroom.kernel.schedules.zones import load_zone, moment_or_after

_EXPRESSION = re.compile(r"(cron|rate|at)\(([^()]*)\)")
_RATE = re.compile(r"([0-9]{1,9})\s+(minute|hour|day)(s?)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_UNIT_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
ALL_KINDS = frozenset({"cron", "rate", "at"})


@dataclass(frozen=True)
class Rate:
    """Every `period_ms`, counted from `anchor_ms` (when the schedule began), at which it does not fire."""

    period_ms: int
    anchor_ms: int = 0

    def next_after(self, ms: int) -> int | None:
        """The first moment after `ms` at which it fires."""
        passed = max(ms - self.anchor_ms, 0) // self.period_ms
        return self.anchor_ms + (passed + 1) * self.period_ms


@dataclass(frozen=True)
class At:
    """Once."""

    due_ms: int

    def next_after(self, ms: int) -> int | None:
        """The moment, unless it has come."""
        return self.due_ms if self.due_ms > ms else None


Schedule = Cron | Rate | At


def parse_schedule(
    text: str,
    *,
    timezone: str = "UTC",
    anchor_ms: int = 0,
    kinds: frozenset[str] = ALL_KINDS,
    loose_units: bool = False,
) -> Schedule:
    """The schedule that an expression describes.

    Args:
        timezone: an IANA name; it counts for cron and at.
        anchor_ms: what a rate is counted from.
        kinds: the kinds that are allowed here (rules of EventBridge know no `at`).
        loose_units: whether `1 minutes` and `5 minute` are let through.

    Raises:
        InvalidSchedule: AWS would refuse it.
    """
    zone = load_zone(timezone)
    found = _EXPRESSION.fullmatch(text)
    if found is None or found[1] not in kinds:
        raise InvalidSchedule(f"no schedule expression: {text[:256]}")
    if found[1] == "cron":
        return parse_cron(found[2], zone)
    if found[1] == "rate":
        return _parse_rate(found[2], anchor_ms, loose_units)
    if _AT.fullmatch(found[2]) is None:
        raise InvalidSchedule(f"at takes yyyy-mm-ddThh:mm:ss: {text[:256]}")
    try:
        wall = datetime.fromisoformat(found[2])
        return At(moment_or_after(wall, zone))
    except (ValueError, OverflowError) as error:
        raise InvalidSchedule(f"no such time: {text[:256]}") from error


def _parse_rate(text: str, anchor_ms: int, loose_units: bool) -> Rate:
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise InvalidSchedule(f"rate takes a number and minutes, hours or days: {text[:256]}")
    value = int(found[1])
    if value == 0:
        raise InvalidSchedule("a rate is at least 1")
    if not loose_units and (value == 1) == bool(found[3]):
        raise InvalidSchedule("1 takes the singular of the unit, any other value the plural")
    return Rate(value * _UNIT_MS[found[2]], anchor_ms)
