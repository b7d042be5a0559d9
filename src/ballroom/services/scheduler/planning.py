"""When a schedule fires next: its expression between its dates, and a moment within its flexible window.

Source: EventBridge Scheduler User Guide, "Schedule types", "Configuring flexible time windows"; API Reference,
CreateSchedule (`StartDate`, `EndDate`).
"""

from __future__ import annotations

from dataclasses import replace as dataclass_replace
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Tx
from ballroom.kernel.schedules import At, InvalidSchedule, Rate, load_zone, parse_schedule
from ballroom.kernel.schedules import Schedule as Expression

from .errors import Invalid
from .resources import Schedule, put_schedule

FIRE = "scheduler.fire"
DEFAULT_AGE_S = 86_400


@lru_cache(maxsize=10_000)
def _parsed(text: str, timezone: str) -> Expression:
    return parse_schedule(text, timezone=timezone)


def check_expression(settings: dict[str, Any]) -> None:
    """Refuse an expression or a time zone that AWS refuses.

    Raises:
        Invalid: with AWS's text.
    """
    zone = settings["ScheduleExpressionTimezone"]
    try:
        load_zone(zone)
    except InvalidSchedule:
        raise Invalid(f"Invalid ScheduleExpressionTimezone {zone}.") from None
    try:
        _parsed(settings["ScheduleExpression"], zone)
    except InvalidSchedule:
        raise Invalid(f"Invalid Schedule Expression {settings['ScheduleExpression']}.") from None


def expression_of(schedule: Schedule) -> Expression:
    """The parsed expression. A rate is counted from the start date, its first moment, or from creation."""
    settings = schedule.settings
    parsed = _parsed(settings["ScheduleExpression"], settings["ScheduleExpressionTimezone"])
    if isinstance(parsed, Rate):
        start = settings.get("StartDate")
        anchor = start - parsed.period_ms if start is not None else schedule.modified_ms
        return dataclass_replace(parsed, anchor_ms=anchor)
    return parsed


def next_moment(schedule: Schedule, after_ms: int, now_ms: int) -> int | None:
    """The schedule's first moment after `after_ms`.

    Moments that passed while nobody was there count as long as an invocation may be tried, a day at most.
    """
    settings = schedule.settings
    if settings["State"] == "DISABLED":
        return None
    expression = expression_of(schedule)
    once = isinstance(expression, At)
    start, end = settings.get("StartDate"), settings.get("EndDate")
    if start is not None and not once:
        after_ms = max(after_ms, start - 1)
    found = expression.next_after(max(after_ms, now_ms - age_limit_ms(schedule) - 1) if not once else after_ms)
    if found is not None and end is not None and not once and found > end:
        return None
    return found


def age_limit_ms(schedule: Schedule) -> int:
    """How old an invocation may become."""
    policy = schedule.target.get("RetryPolicy", {})
    return int(policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_S)) * 1000


def plan(tx: Tx, schedule: Schedule, after_ms: int) -> Schedule:
    """Store the schedule with its next moment, and the timer for it, in this transaction."""
    moment = next_moment(schedule, after_ms, tx.now_ms)
    wake = moment
    window = schedule.settings["FlexibleTimeWindow"]
    if moment is not None and window["Mode"] == "FLEXIBLE":
        wake = moment + int(tx.ids.uniform(0, window["MaximumWindowInMinutes"] * 60_000))
    planned = replace(schedule, next_ms=moment, wake_ms=wake)
    put_schedule(tx, planned)
    if wake is not None:
        tx.wake_at(
            max(wake, tx.now_ms), FIRE,
            schedule.account, schedule.region, schedule.group, schedule.name, schedule.generation,
            housekeeping=schedule.is_recurring,
        )  # fmt: skip
    return planned
