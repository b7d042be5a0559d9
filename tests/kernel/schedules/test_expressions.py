"""Rates, moments and what is no expression at all."""

from __future__ import annotations

import pytest

from ballroom.kernel.schedules import InvalidSchedule, load_zone, parse_schedule

MINUTE = 60_000


@pytest.mark.parametrize(
    ("expression", "period"),
    [("rate(1 minute)", 1), ("rate(5 minutes)", 5), ("rate(1 hour)", 60), ("rate(2 days)", 2880)],
)
def test_a_rate_counts_from_its_beginning(expression: str, period: int) -> None:
    rate = parse_schedule(expression, anchor_ms=1_234)
    assert rate.next_after(1_234) == 1_234 + period * MINUTE
    assert rate.next_after(0) == 1_234 + period * MINUTE
    assert rate.next_after(1_234 + period * MINUTE) == 1_234 + 2 * period * MINUTE
    assert rate.next_after(1_234 + period * MINUTE - 1) == 1_234 + period * MINUTE


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(5 seconds)", "rate(5)", "rate(-5 minutes)",
        "rate(5minutes)", "rate(1.5 hours)", "rate(five minutes)", "rate()", "Rate(5 minutes)", "rate(5 minutes",
        "at(2026-02-30T00:00:00)", "at(2026-01-01)", "at(2026-01-01T25:00:00)", "at(2026-01-01T00:00:00Z)",
        "at(0000-01-01T00:00:00)", "", "cron", "cron()", "every day", " rate(5 minutes)", "rate(5 minutes) ",
        "cron(" * 50, "rate(" + "9" * 400 + " minutes)",
    ],
)  # fmt: skip
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_schedule(expression)


def test_units_may_be_loose() -> None:
    assert parse_schedule("rate(1 minutes)", loose_units=True).next_after(0) == MINUTE


def test_only_some_kinds_may_be_allowed() -> None:
    with pytest.raises(InvalidSchedule):
        parse_schedule("at(2026-01-01T00:00:00)", kinds=frozenset({"cron", "rate"}))


def test_a_moment_comes_once() -> None:
    once = parse_schedule("at(2026-01-01T00:00:00)", timezone="Asia/Tokyo")
    due = once.next_after(0)
    assert due == 1_767_193_200_000
    assert once.next_after(due) is None
    assert once.next_after(due - 1) == due


def test_a_moment_that_the_clocks_skip_is_as_much_later() -> None:
    skipped = parse_schedule("at(2026-03-08T02:30:00)", timezone="America/New_York").next_after(0)
    shown = parse_schedule("at(2026-03-08T03:30:00)", timezone="America/New_York").next_after(0)
    assert skipped == shown


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "a" * 5000, "Europe/\0"]
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(InvalidSchedule):
        load_zone(name)
