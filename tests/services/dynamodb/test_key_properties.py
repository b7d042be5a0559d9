"""Ranges of packed keys against a model: a Query selects what its condition says, in the order of the values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballroom.kernel.keys import pack
from ballroom.services.dynamodb.keys import HASH_BITS, hash_of
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.ranges import query_range, scan_range
from ballroom.services.dynamodb.resources import Table
from ballroom.services.dynamodb.values.attribute_values import Value, take

from .test_numbers import decimals

MODEL: dict[str, Callable[[Any, Any, Any], bool]] = {
    "EQ": lambda own, a, b: own == a,
    "LT": lambda own, a, b: own < a,
    "LE": lambda own, a, b: own <= a,
    "GT": lambda own, a, b: own > a,
    "GE": lambda own, a, b: own >= a,
    "BETWEEN": lambda own, a, b: a <= own <= b,
    "BEGINS_WITH": lambda own, a, b: bool(own.startswith(a)),
}
texts = st.text("\0\1aé\uffff\U0001f600", min_size=1, max_size=4)
blobs = st.lists(st.sampled_from([0, 1, 254, 255]), min_size=1, max_size=4).map(bytes)
SORTS: list[tuple[str, st.SearchStrategy[Any]]] = [("S", texts), ("B", blobs), ("N", decimals)]


def value(kind: str, plain: Any) -> Value:
    return take({kind: str(plain) if kind == "N" else plain})


def order(kind: str, plain: Any) -> Any:
    """What orders as values of the type do: texts by their bytes."""
    return plain.encode() if kind == "S" else plain


def a_table(kind: str) -> LiveTable:
    record = Table("1" * 12, "us-east-1", "tab", "id", 0, {"pk": "S", "sk": kind}, "pk", "sk")
    return LiveTable(record)


def row(table: LiveTable, pk: str, sort: Value) -> bytes:
    item = {"pk": {"S": pk}, "sk": sort}
    return pack(table.key(table.schema.of_key(item)))


@pytest.mark.parametrize(("kind", "sorts"), SORTS, ids=["text", "binary", "numbers"])
def test_a_query_selects_what_its_condition_says(kind: str, sorts: st.SearchStrategy[Any]) -> None:
    table = a_table(kind)
    comparisons = [one for one in MODEL if kind != "N" or one != "BEGINS_WITH"]

    @settings(deadline=None)
    @given(st.lists(sorts, max_size=6), st.sampled_from(comparisons), sorts, sorts)
    def check(present: list[Any], comparison: str, one: Any, other: Any) -> None:
        low, high = sorted((one, other), key=lambda plain: order(kind, plain))
        bounds = [value(kind, low), *([value(kind, high)] if comparison == "BETWEEN" else [])]
        first, last = query_range(table, {"pk": ("EQ", [{"S": "a"}]), "sk": (comparison, bounds)})
        for plain in (*present, one, other):
            means = MODEL[comparison](order(kind, plain), order(kind, low), order(kind, high))
            assert (first <= row(table, "a", value(kind, plain)) < last) is means, plain
            assert not first <= row(table, "b", value(kind, plain)) < last

    check()


@pytest.mark.parametrize(("kind", "sorts"), SORTS, ids=["text", "binary", "numbers"])
def test_rows_of_a_partition_are_in_the_order_of_their_sort_keys(
    kind: str, sorts: st.SearchStrategy[Any]
) -> None:
    table = a_table(kind)

    @settings(deadline=None)
    @given(sorts, sorts)
    def check(one: Any, other: Any) -> None:
        left, right = (row(table, "a", value(kind, plain)) for plain in (one, other))
        assert (left < right) == (order(kind, one) < order(kind, other))
        assert (left == right) == (one == other)

    check()


@settings(deadline=None)
@given(texts, st.integers(1, 1_000_000))
def test_each_item_is_in_exactly_one_segment(pk: str, segments: int) -> None:
    table = a_table("S")
    packed = row(table, pk, {"S": "x"})
    near = hash_of(pk.encode()) * segments >> HASH_BITS
    ranges = [scan_range(table, one, segments) for one in (near - 1, near, near + 1) if 0 <= one < segments]
    assert sum(low <= packed < high for low, high in ranges) == 1
    assert all(one[1] == other[0] for one, other in pairwise(ranges))
