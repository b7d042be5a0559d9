"""Keys: packed bytes compare as the tuples do."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ballroom.kernel.keys import Packed, pack, prefix_range, unpack

parts = st.one_of(st.text(max_size=6), st.integers(), st.binary(max_size=6))
keys = st.lists(parts, max_size=4).map(tuple)


def order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The order that the store promises: bytes before strings before integers, each by its own."""
    return tuple(
        (0, part) if isinstance(part, bytes) else (1, part.encode("utf-8", "surrogatepass")) if isinstance(part, str)
        else (2, part)
        for part in key
    )  # fmt: skip


@given(keys)
def test_unpacking_gives_the_key_back(key: tuple[Any, ...]) -> None:
    assert unpack(pack(key)) == key


@given(keys, keys)
def test_packed_keys_compare_as_the_tuples_do(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    assert (pack(a) < pack(b)) == (order(a) < order(b))


@given(keys, keys)
def test_a_prefix_range_holds_exactly_the_continuations(prefix: tuple[Any, ...], key: tuple[Any, ...]) -> None:
    low, high = prefix_range(prefix)
    assert low <= pack(prefix + key) < high
    inside = key[: len(prefix)] == prefix
    assert (low <= pack(key) < high) == inside


def test_lone_surrogates_and_huge_integers_are_keys_too() -> None:
    key = ("\ud800", 1 << 300, -(1 << 300))
    assert unpack(pack(key)) == key


@given(keys, keys)
def test_a_front_packed_beforehand_makes_the_same_key(front: tuple[Any, ...], rest: tuple[Any, ...]) -> None:
    assert pack((Packed(pack(front)), *rest)) == pack(front + rest)
