"""The fields of a cron expression as bit sets: bit n is set when the field allows the value n.

Source: EventBridge User Guide, "Cron expressions reference".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ballroom.kernel.schedules.errors import InvalidSchedule

_NUMBER = re.compile(r"[0-9]{1,4}")


def _names(text: str, start: int) -> dict[str, int]:
    return {name: start + n for n, name in enumerate(text.split())}


@dataclass(frozen=True)
class FieldKind:
    """What one field of a cron expression may hold."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    wraps: bool = True
    """Whether a range may go past the end, as in FRI-MON."""

    @property
    def every(self) -> int:
        """All values."""
        return _span(self.low, self.high)


MINUTES = FieldKind("minutes", 0, 59)
HOURS = FieldKind("hours", 0, 23)
DAYS = FieldKind("day-of-month", 1, 31)
MONTHS = FieldKind("month", 1, 12, _names("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", 1))
WEEKDAYS = FieldKind("day-of-week", 1, 7, _names("SUN MON TUE WED THU FRI SAT", 1))
YEARS = FieldKind("year", 1970, 2199, wraps=False)


def parse_field(kind: FieldKind, text: str) -> int:
    """The bits of a list of values, ranges and steps.

    Raises:
        InvalidSchedule: something else, or a value out of range.
    """
    bits = 0
    for item in text.split(","):
        bits |= _parse_item(kind, item)
    return bits


def _parse_item(kind: FieldKind, item: str) -> int:
    span, slash, step_text = item.partition("/")
    step = 1
    if slash:
        step = _number(kind, step_text)
        if not 0 < step <= max(kind.high, 1):
            raise InvalidSchedule(f"the step of {kind.name} is out of range: {item}")
    if span == "*":
        return _stepped(kind.low, kind.high, step)
    first, dash, last = span.partition("-")
    low = parse_value(kind, first)
    if not dash:
        return _stepped(low, kind.high, step) if slash else 1 << low
    high = parse_value(kind, last)
    if high >= low:
        return _stepped(low, high, step)
    if not kind.wraps:
        raise InvalidSchedule(f"the range of {kind.name} is reversed: {item}")
    size = kind.high - kind.low + 1
    bits = 0
    for value in range(low, high + size + 1, step):
        bits |= 1 << (value if value <= kind.high else value - size)
    return bits


def parse_value(kind: FieldKind, text: str) -> int:
    """One value, as a number or by name.

    Raises:
        InvalidSchedule: neither, or out of range.
    """
    named = kind.names.get(text.upper())
    value = _number(kind, text) if named is None else named
    if not kind.low <= value <= kind.high:
        raise InvalidSchedule(f"{kind.name} is out of range: {text}")
    return value


def _number(kind: FieldKind, text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise InvalidSchedule(f"{kind.name} has no such value: {text}")
    return int(text)


def _stepped(low: int, high: int, step: int) -> int:
    if step == 1:
        return _span(low, high)
    bits = 0
    for value in range(low, high + 1, step):
        bits |= 1 << value
    return bits


def _span(low: int, high: int) -> int:
    return (1 << (high + 1)) - (1 << low)


def next_bit(bits: int, at_least: int) -> int | None:
    """The lowest value not below `at_least` that is in the set."""
    rest = bits >> at_least
    if not rest:
        return None
    return at_least + (rest & -rest).bit_length() - 1


def split_fields(text: str, count: int) -> Sequence[str]:
    """The white-space separated fields.

    Raises:
        InvalidSchedule: another number of them.
    """
    fields = text.split()
    if len(fields) != count:
        raise InvalidSchedule(f"a cron expression has {count} fields, not {len(fields)}")
    return fields
