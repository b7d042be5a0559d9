"""Cron expressions: AWS's rules as tables, and against a reference that asks every minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballroom.kernel.schedules import InvalidSchedule, load_zone, parse_cron, parse_schedule
from tests.kernel.schedules import reference


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=load_zone(zone)).timestamp()) * 1000


def shown(ms: int | None, zone: str = "UTC") -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, load_zone(zone)).isoformat()[:16]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 10 * * ? *", "2026-01-01T10:00", "2026-01-02T10:00"),  # after, not at
        ("0 10 * * ? *", "2026-01-01T09:59:59", "2026-01-01T10:00"),
        ("15 12 * * ? *", "2026-02-28T13:00", "2026-03-01T12:15"),
        ("0 18 ? * MON-FRI *", "2026-01-02T18:00", "2026-01-05T18:00"),
        ("0 8 1 * ? *", "2026-01-01T08:00", "2026-02-01T08:00"),
        ("0/15 * * * ? *", "2026-01-01T00:46", "2026-01-01T01:00"),
        ("1/10 * * * ? *", "2026-01-01T00:00", "2026-01-01T00:01"),
        ("0/10 * ? * MON-FRI *", "2026-01-02T23:51", "2026-01-05T00:00"),
        ("0/5 8-17 ? * MON-FRI *", "2026-01-02T17:55", "2026-01-05T08:00"),
        ("0 9 ? * 2#1 *", "2026-01-05T09:00", "2026-02-02T09:00"),
        ("0 9 ? * TUE#5 *", "2026-01-01T00:00", "2026-03-31T09:00"),
        ("0 9 ? * 6L *", "2026-01-01T00:00", "2026-01-30T09:00"),
        ("0 9 ? * L *", "2026-01-01T00:00", "2026-01-03T09:00"),
        ("0 9 L * ? *", "2028-02-01T00:00", "2028-02-29T09:00"),
        ("0 9 L * ? *", "2100-02-01T00:00", "2100-02-28T09:00"),
        ("0 9 3W * ? *", "2026-01-01T00:00", "2026-01-02T09:00"),  # the 3rd is a Saturday
        ("0 9 1W * ? *", "2026-07-31T10:00", "2026-08-03T09:00"),  # not back into July
        ("0 9 31W * ? *", "2026-05-01T00:00", "2026-05-29T09:00"),  # not on into June
        ("0 9 LW * ? *", "2026-01-01T00:00", "2026-01-30T09:00"),
        ("0 0 29 2 ? *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 29 FEB ? 2026-2027", "2026-01-01T00:00", None),
        ("0 0 30 2 ? *", "2026-01-01T00:00", None),
        ("0 0 ? * FRI-MON *", "2026-01-06T00:00", "2026-01-09T00:00"),
        ("0 0 1 DEC-FEB ? *", "2026-03-01T00:00", "2026-12-01T00:00"),
        ("59 23 31 12 ? 2199", "2026-01-01T00:00", "2199-12-31T23:59"),
        ("* * * * ? 1970", "2026-01-01T00:00", None),
        ("*/15 * * * ? *", "2026-12-31T23:45", "2027-01-01T00:00"),
        ("0-59/10 0-23/2 ? * * *", "2026-01-01T00:50", "2026-01-01T02:00"),
        ("1-31/30 1-1 ? * 1,7 *", "2026-01-01T00:00", "2026-01-03T01:01"),
        ("  5   4  *  * ?   *  ", "2026-01-01T00:00", "2026-01-01T04:05"),
        ("0 0 ? jan mon *", "2026-01-06T00:00", "2026-01-12T00:00"),
    ],
)
def test_the_next_moment(expression: str, after: str, expected: str | None) -> None:
    assert shown(parse_cron(expression).next_after(at(after))) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "", "* * * * *", "* * * * ? * *", "* * * * * *", "* * ? * ? *", "0 0 1 * 2 *", "60 * * * ? *",
        "-1 * * * ? *", "* 24 * * ? *", "* * 0 * ? *", "* * 32 * ? *", "* * * 13 ? *", "* * ? * 0 *",
        "* * ? * 8 *", "* * * * ? 1969", "* * * * ? 2200", "* * * * ? 2030-2020", "*/0 * * * ? *",
        "*/61 * * * ? *", "a * * * ? *", "1.5 * * * ? *", "* * * FOO ? *", "* * ? * 3#0 *", "* * ? * 3#6 *",
        "* * ? * 3#1,6#3 *", "* * ? * MON-2#1 *", "1, * * * ? *", ",1 * * * ? *", "1-2-3 * * * ? *",
        "? * * * ? *", "* ? * * ? *", "* * W * ? *", "* * 32W * ? *", "* * 1-5W * ? *", "L * * * ? *",
        "* * * L ? *", "* * ? * 9L *", "1//2 * * * ? *", "* * * * ? " + "9" * 500, "٣ * * * ? *",
    ],
)  # fmt: skip
def test_what_aws_refuses(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_cron(expression)


def test_a_reading_that_the_clocks_skip_is_skipped() -> None:
    cron = parse_schedule("cron(30 2 * * ? *)", timezone="America/New_York")
    after = at("2026-03-07T03:00", "America/New_York")
    assert shown(cron.next_after(after), "America/New_York") == "2026-03-09T02:30"


def test_a_reading_that_comes_twice_counts_once() -> None:
    cron = parse_schedule("cron(30 1 * * ? *)", timezone="America/New_York")
    first = cron.next_after(at("2026-11-01T00:00", "America/New_York"))
    assert first == at("2026-11-01T05:30")
    assert cron.next_after(first) == at("2026-11-02T06:30")
    during_the_second = at("2026-11-01T06:10")
    assert cron.next_after(during_the_second) == at("2026-11-02T06:30")


def test_a_time_zone_moves_the_day() -> None:
    cron = parse_schedule("cron(0 8 ? * MON *)", timezone="Asia/Tokyo")
    assert shown(cron.next_after(at("2026-01-01T00:00"))) == "2026-01-04T23:00"


NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (1, 7)}


def items(kind: str) -> st.SearchStrategy[str]:
    low, high = NUMBERS[kind]
    value = st.integers(low, high)
    step = st.integers(1, high)
    choices = [
        value.map(str),
        st.tuples(value, value).map(lambda v: f"{v[0]}-{v[1]}"),
        st.tuples(value, step).map(lambda v: f"{v[0]}/{v[1]}"),
        step.map(lambda n: f"*/{n}"),
    ]
    return st.one_of(choices)


def lists(kind: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.lists(items(kind), min_size=1, max_size=3).map(",".join))


DAYS_OF_MONTH = st.one_of(
    lists("day"), st.sampled_from(["L", "LW", "1W", "15W", "31W", "L,15", "1W,20-22", "29,30,31"])
)
DAYS_OF_WEEK = st.one_of(
    lists("weekday"), st.sampled_from(["L", "2L", "SAT,1L", "MON-FRI", "3#2", "7#5", "1#1", "SAT-SUN"])
)
BOTH_DAYS = st.one_of(DAYS_OF_MONTH.map(lambda d: (d, "?")), DAYS_OF_WEEK.map(lambda d: ("?", d)))


@given(
    st.one_of(st.just("*"), lists("minute")),
    lists("hour"),
    BOTH_DAYS,
    lists("month"),
    st.integers(at("2023-12-01T00:00") // 60_000, at("2028-12-31T00:00") // 60_000),
)
@settings(max_examples=150, deadline=None)
def test_it_agrees_with_asking_every_minute(
    minute: str, hour: str, days: tuple[str, str], month: str, start: int
) -> None:
    expression = f"{minute} {hour} {days[0]} {month} {days[1]} *"
    within = 3 * 1440
    found = parse_cron(expression).next_after(start * 60_000)
    expected = reference.next_after(expression, start * 60_000, UTC, within)
    if expected is None:
        assert found is None or found > (start + within) * 60_000
        if found is not None:  # what it names does fire
            assert reference.fires(expression, datetime.fromtimestamp(found // 1000, UTC).replace(tzinfo=None))
    else:
        assert found == expected


@given(
    lists("minute"),
    st.sampled_from(["*", "0-3", "1", "2", "23,0,1,2,3"]),
    st.sampled_from(
        [
            ("America/New_York", "2026-03-08T04:00"), ("America/New_York", "2026-11-01T04:00"),
            ("Europe/Berlin", "2026-03-28T22:00"), ("Europe/Berlin", "2026-10-24T22:00"),
            ("Australia/Lord_Howe", "2026-04-04T12:00"), ("Australia/Lord_Howe", "2026-10-03T12:00"),
            ("America/Sao_Paulo", "2026-05-05T00:00"), ("Asia/Kathmandu", "2026-05-05T00:00"),
        ]
    ),
    st.integers(0, 180),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_it_agrees_around_the_changes_of_daylight_saving(
    minute: str, hour: str, change: tuple[str, str], later: int
) -> None:
    zone = load_zone(change[0])
    start = at(change[1]) + later * 60_000
    expression = f"{minute} {hour} * * ? *"
    found = parse_cron(expression, zone).next_after(start)
    assert found == reference.next_after(expression, start, zone, 3 * 1440)
