"""Timestamps as the States Language takes them: RFC 3339 with a capital T and a Z or an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: object) -> int | None:
    """Nanoseconds since the epoch, or None if it is no timestamp (comparisons see all nine digits)."""
    if not isinstance(text, str) or (found := _FORM.fullmatch(text)) is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    if sign:
        if int(off_hour) > 23 or int(off_minute) > 59:
            return None
        offset = 3600 * int(off_hour) + 60 * int(off_minute)
        whole -= offset if sign == "+" else -offset
    return whole * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def timestamp_ms(text: object) -> int | None:
    """Milliseconds since the epoch, or None."""
    nanoseconds = parse_timestamp(text)
    return None if nanoseconds is None else nanoseconds // 1_000_000
