"""Cron by asking every minute: the rules of the documentation, one `if` each, and nothing clever."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta, tzinfo

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def fires(expression: str, wall: datetime) -> bool:
    minutes, hours, of_month, months, of_week, years = expression.split()
    return (
        allows(minutes, wall.minute, 0, 59)
        and allows(hours, wall.hour, 0, 23)
        and allows(months, wall.month, 1, 12, MONTHS)
        and allows(years, wall.year, 1970, 2199)
        and (of_month == "?" or any(day_of_month(item, wall.date()) for item in of_month.split(",")))
        and (of_week == "?" or any(day_of_week(item, wall.date()) for item in of_week.split(",")))
    )


def allows(text: str, value: int, low: int, high: int, names: list[str] | None = None) -> bool:
    return any(value in values(item, low, high, names or []) for item in text.split(","))


def values(item: str, low: int, high: int, names: list[str]) -> list[int]:
    def number(text: str) -> int:
        return names.index(text) + low if text in names else int(text)

    span, _, step = item.partition("/")
    if span == "*":
        found = list(range(low, high + 1))
    elif "-" in span:
        first, last = (number(text) for text in span.split("-"))
        found = list(range(first, last + 1))
        if last < first:
            found = [*range(first, high + 1), *range(low, last + 1)]
    else:
        found = list(range(number(span), high + 1)) if step else [number(span)]
    return found[:: int(step or 1)]


def weekday(day: date) -> int:
    return (day.weekday() + 1) % 7 + 1


def nearest_weekday(day: date) -> date:
    same_month = [
        day + timedelta(days=n) for n in (0, -1, 1, -2, 2) if (day + timedelta(days=n)).month == day.month
    ]
    return next(d for d in same_month if weekday(d) not in (1, 7))


def day_of_month(item: str, day: date) -> bool:
    last = monthrange(day.year, day.month)[1]
    if item == "L":
        return day.day == last
    if item == "LW":
        return day == nearest_weekday(day.replace(day=last))
    if item.endswith("W"):
        n = int(item[:-1])
        return n <= last and day == nearest_weekday(day.replace(day=n))
    return day.day in values(item, 1, 31, [])


def day_of_week(item: str, day: date) -> bool:
    if item == "L":
        return weekday(day) == 7
    if item.endswith("L"):
        return weekday(day) in values(item[:-1], 1, 7, DAYS) and (day + timedelta(days=7)).month != day.month
    if "#" in item:
        which, n = item.split("#")
        return weekday(day) in values(which, 1, 7, DAYS) and (day.day - 1) // 7 + 1 == int(n)
    return weekday(day) in values(item, 1, 7, DAYS)


def next_after(expression: str, ms: int, zone: tzinfo, within_minutes: int) -> int | None:
    """Every minute of real time is asked; a reading that came before does not count again."""
    first = ms // 60_000 + 1
    for minute in range(first, first + within_minutes):
        local = datetime.fromtimestamp(minute * 60, zone)
        if local.fold == 0 and fires(expression, local.replace(tzinfo=None)):
            return minute * 60_000
    return None
