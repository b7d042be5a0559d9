"""Cron expressions of AWS: minutes, hours, day-of-month, month, day-of-week, year.

Finding the next moment looks at bits, never at minutes one by one; a schedule that can never fire again is
known after at most 230 years of months.

Source: EventBridge User Guide, "Cron expressions reference"; Scheduler User Guide, "Schedule types".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ballroom.kernel.schedules.days import DayRule, parse_days
from ballroom.kernel.schedules.fields import (
    HOURS,
    MINUTES,
    MONTHS,
    YEARS,
    next_bit,
    parse_field,
    split_fields,
)
from ballroom.kernel.schedules.zones import moment, wall_clock

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Cron:
    """A cron expression in a time zone."""

    minutes: int
    hours: int
    days: DayRule
    months: int
    years: int
    zone: tzinfo = UTC

    def next_after(self, ms: int) -> int | None:
        """The first moment after `ms` at which it fires, or None if it never does again."""
        wall: datetime | None = wall_clock(ms, self.zone).replace(second=0)
        while wall is not None:
            wall = self._next_reading(wall + _MINUTE)
            if wall is None:
                return None
            due = moment(wall, self.zone)
            if due is not None and due > ms:
                return due
        return None

    def _next_reading(self, wall: datetime) -> datetime | None:
        """The first reading of a wall clock, not before `wall`, that all six fields allow."""
        year, month, day, hour, minute = wall.year, wall.month, wall.day, wall.hour, wall.minute
        if (found_hour := self._in_day(hour, minute)) is None:
            day, hour, minute = day + 1, 0, 0
            found_hour = self._in_day(0, 0)
            assert found_hour is not None  # no field is empty
        while (found_year := next_bit(self.years, year)) is not None:
            if found_year != year:
                year, month, day = found_year, 1, 1
                found_hour = self._in_day(0, 0)
            while (found_month := next_bit(self.months, month)) is not None:
                if found_month != month:
                    month, day = found_month, 1
                    found_hour = self._in_day(0, 0)
                found_day = next_bit(self.days.in_month(year, month), day)
                if found_day is not None:
                    if found_day != day:
                        found_hour = self._in_day(0, 0)
                    assert found_hour is not None
                    return datetime(year, month, found_day, *found_hour)  # noqa: DTZ001 - what a wall clock shows
                month, day = month + 1, 1
                found_hour = self._in_day(0, 0)
            year, month, day = year + 1, 1, 1
            found_hour = self._in_day(0, 0)
        return None

    def _in_day(self, hour: int, minute: int) -> tuple[int, int] | None:
        found = next_bit(self.hours, hour)
        if found is None:
            return None
        if found > hour:
            minute = 0
        found_minute = next_bit(self.minutes, minute)
        if found_minute is None:
            found = next_bit(self.hours, found + 1)
            if found is None:
                return None
            found_minute = next_bit(self.minutes, 0)
        assert found_minute is not None
        return found, found_minute


def parse_cron(fields: str, zone: tzinfo = UTC) -> Cron:
    """The cron expression between the brackets of `cron(...)`.

    Raises:
        InvalidSchedule: AWS would refuse it.
    """
    minutes, hours, of_month, months, of_week, years = split_fields(fields, 6)
    return Cron(
        parse_field(MINUTES, minutes),
        parse_field(HOURS, hours),
        parse_days(of_month, of_week),
        parse_field(MONTHS, months),
        parse_field(YEARS, years),
        zone,
    )
