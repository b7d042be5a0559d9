"""Numbers: 38 digits, one text for each, and keys that sort as they do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.values import numbers

from .tables import a_table, item, refusal

CANONICAL = [
    ("0", "0"), ("-0", "0"), ("0.000", "0"), ("0e500", "0"), ("1", "1"), ("+1", "1"), ("001", "1"), ("1.0", "1"),
    (".5", "0.5"), ("5.", "5"), ("1e3", "1000"), ("1E-3", "0.001"), ("-12.340", "-12.34"), ("1e+2", "100"),
    ("123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"),
    ("1e125", "1" + "0" * 125), ("1e-130", "0." + "0" * 129 + "1"), ("9" * 38, "9" * 38),
    ("-" + "9" * 38 + "0" * 10, "-" + "9" * 38 + "0" * 10), ("0" * 300 + "7", "7"), ("1" + "0" * 125, "1" + "0" * 125),
]  # fmt: skip
NO_NUMBER = "The parameter cannot be converted to a numeric value"
OVER = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDER = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
DIGITS = "Attempting to store more than 38 significant digits in a Number"
WRONG = [
    ("", NO_NUMBER), ("x", NO_NUMBER + ": x"), ("1x", NO_NUMBER + ": 1x"), (" 1", NO_NUMBER + ":  1"),
    ("1e", NO_NUMBER + ": 1e"), (".", NO_NUMBER + ": ."), ("NaN", NO_NUMBER + ": NaN"), ("٣", NO_NUMBER + ": ٣"),
    ("Infinity", NO_NUMBER + ": Infinity"), ("1e126", OVER), ("-1e126", OVER), ("1" + "0" * 126, OVER),
    ("1e-131", UNDER), ("1e9999999999999", OVER), ("1e-9999999999999", UNDER), ("1" * 39, DIGITS),
    ("1." + "1" * 38, DIGITS), ("9" * 5000 + "e-5000", DIGITS),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CANONICAL)
def test_a_number_has_one_text(text: str, expected: str) -> None:
    assert numbers.canonical(text) == expected


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_is_no_number_or_out_of_range_is_refused(cloud: Cloud, text: str, told: str) -> None:
    a_table(cloud)
    assert refusal(cloud, "PutItem", Item={"pk": {"S": "a"}, "n": {"N": text}}) == told


decimals = st.one_of(
    st.integers(-30, 30).map(Decimal),
    st.builds(
        lambda digits, exponent: Decimal(f"{digits}e{exponent}"),
        st.integers(-(10**38) + 1, 10**38 - 1),
        st.integers(-130, 88),
    ),
)


@settings(deadline=None)
@given(decimals, decimals)
def test_keys_sort_as_numbers_do(a: Decimal, b: Decimal) -> None:
    left, right = numbers.canonical(str(a)), numbers.canonical(str(b))
    assert (numbers.sortable(left) < numbers.sortable(right)) == (a < b)
    assert (numbers.sortable(left) == numbers.sortable(right)) == (a == b)
    assert (numbers.comparable(left) < numbers.comparable(right)) == (a < b)


@settings(deadline=None)
@given(decimals)
def test_a_canonical_number_is_the_same_number(a: Decimal) -> None:
    text = numbers.canonical(f"{a:E}")
    assert Decimal(text) == a
    assert numbers.canonical(text) == text == numbers.canonical(f"{a:f}")
    assert "e" not in text.lower()


@settings(deadline=None)
@given(st.text("0123456789+-.eE _\u0663x", max_size=12))
@example("1e" + "9" * 4000)
@example("." + "0" * 5000 + "1")
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        found = numbers.canonical(text)
    except Invalid:
        return
    assert Decimal(found) == Decimal(text)
    assert numbers.canonical(found) == found


@settings(deadline=None)
@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_sums_are_exact(a: int, b: int) -> None:
    assert numbers.add(str(a), str(b)) == str(a + b)
    assert numbers.add(str(a), str(b), subtract=True) == str(a - b)


def test_a_sum_out_of_range_is_refused(cloud: Cloud) -> None:
    a_table(cloud)
    big = {"N": "9" * 38 + "0" * 88}
    cloud.dynamodb("PutItem", TableName="tab", Item={**item(pk="a"), "n": big})
    request = {"Key": item(pk="a"), "UpdateExpression": "ADD n :v", "ExpressionAttributeValues": {":v": big}}
    assert refusal(cloud, "UpdateItem", **request) == OVER


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 1), ("1", 2), ("12", 2), ("123", 3), ("-1", 3), ("100", 2), ("0.01", 2), ("1" * 38, 20)],
)
def test_sizes(text: str, size: int) -> None:
    assert numbers.size(text) == size
