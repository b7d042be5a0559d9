"""Which days of a month a cron expression means: the day-of-month and day-of-week fields, L, W and #.

Exactly one of the two fields says something; the other is `?`.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass

from ballroom.kernel.schedules.errors import InvalidSchedule
from ballroom.kernel.schedules.fields import DAYS, WEEKDAYS, parse_field, parse_value


@dataclass(frozen=True)
class DayRule:
    """The days of any month, as sets of bits (bit 1 is the first day, or Sunday)."""

    days: int = 0
    last_day: bool = False
    nearest_weekdays: int = 0
    """`nW`: the weekday nearest to day n, within its month."""
    last_weekday: bool = False
    """`LW`: the last weekday of the month."""
    weekdays: int = 0
    last_of: int = 0
    """`nL`: the last such day of the week."""
    nth: tuple[int, int] | None = None
    """`d#n`: the n-th such day of the week."""

    def in_month(self, year: int, month: int) -> int:
        """The days of one month, as bits."""
        monday_based, length = monthrange(year, month)
        first = (monday_based + 1) % 7 + 1  # Sunday is 1
        every = (1 << (length + 1)) - 2
        bits = self.days & every
        if self.last_day:
            bits |= 1 << length
        if self.last_weekday:
            bits |= 1 << _nearest_weekday(length, length, first)
        if self.nearest_weekdays:
            for day in range(1, length + 1):
                if self.nearest_weekdays >> day & 1:
                    bits |= 1 << _nearest_weekday(day, length, first)
        if self.weekdays or self.last_of or self.nth:
            bits |= self._by_weekday(first, length)
        return bits

    def _by_weekday(self, first: int, length: int) -> int:
        bits = 0
        for weekday in range(1, 8):
            start = 1 + (weekday - first) % 7
            days = range(start, length + 1, 7)
            if self.weekdays >> weekday & 1:
                for day in days:
                    bits |= 1 << day
            if self.last_of >> weekday & 1:
                bits |= 1 << days[-1]
            if self.nth is not None and self.nth[0] == weekday and self.nth[1] <= len(days):
                bits |= 1 << days[self.nth[1] - 1]
        return bits


def _nearest_weekday(day: int, length: int, first: int) -> int:
    weekday = (first - 1 + day - 1) % 7 + 1
    if weekday == 7:  # Saturday: the Friday before, in the same month
        return day - 1 if day > 1 else day + 2
    if weekday == 1:  # Sunday: the Monday after
        return day + 1 if day < length else day - 2
    return day


def parse_days(of_month: str, of_week: str) -> DayRule:
    """The rule that both fields make together.

    Raises:
        InvalidSchedule: both fields say something, none does, or one is wrong.
    """
    if (of_month == "?") == (of_week == "?"):
        raise InvalidSchedule("exactly one of day-of-month and day-of-week must be ?")
    return _days_of_month(of_month) if of_week == "?" else _days_of_week(of_week)


def _days_of_month(text: str) -> DayRule:
    days = nearest = 0
    last_day = last_weekday = False
    for item in text.split(","):
        upper = item.upper()
        if upper == "L":
            last_day = True
        elif upper in ("LW", "WL"):
            last_weekday = True
        elif upper.endswith("W"):
            nearest |= 1 << parse_value(DAYS, upper[:-1])
        else:
            days |= parse_field(DAYS, item)
    return DayRule(days=days, last_day=last_day, nearest_weekdays=nearest, last_weekday=last_weekday)


def _days_of_week(text: str) -> DayRule:
    if "#" in text:
        weekday, _, which = text.partition("#")
        if which not in ("1", "2", "3", "4", "5"):
            raise InvalidSchedule(f"# takes one day and a number from 1 to 5: {text}")
        return DayRule(nth=(parse_value(WEEKDAYS, weekday), int(which)))
    weekdays = last_of = 0
    for item in text.split(","):
        upper = item.upper()
        if upper == "L":
            weekdays |= 1 << WEEKDAYS.high
        elif upper.endswith("L"):
            last_of |= 1 << parse_value(WEEKDAYS, upper[:-1])
        else:
            weekdays |= parse_field(WEEKDAYS, item)
    return DayRule(weekdays=weekdays, last_of=last_of)
