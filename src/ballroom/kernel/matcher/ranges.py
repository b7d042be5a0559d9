"""Ranges of numbers, asked which of them hold a value.

Ranges with two ends are kept by the power of two that their span reaches, sorted by their lower end: those
that can hold a value begin within one such span below it, so a bisection finds them and one huge range
slows nothing down. Ranges with one end are sorted by that end.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

from ballroom.kernel.matcher.tests import Range

T = TypeVar("T")

_INFINITE = float("inf")


class _Sorted(Generic[T]):
    """Ranges in the order of one of their ends, with what each of them carries."""

    __slots__ = ("carried", "ends", "items", "width")

    def __init__(self, width: float) -> None:
        self.width = width  # that no span exceeds
        self.ends: list[float] = []
        self.items: list[Range] = []
        self.carried: list[T] = []

    def add(self, end: float, item: Range, carried: T) -> None:
        place = bisect_left(self.ends, end)
        self.ends.insert(place, end)
        self.items.insert(place, item)
        self.carried.insert(place, carried)

    def remove(self, end: float, item: Range) -> None:
        place = self.items.index(item, bisect_left(self.ends, end))
        del self.ends[place], self.items[place], self.carried[place]

    def hold(self, value: float, first: int, last: int, found: list[T]) -> None:
        items = self.items
        for place in range(first, last):
            low, low_included, high, high_included = items[place]
            if (value > low or (low_included and value == low)) and (
                value < high or (high_included and value == high)
            ):
                found.append(self.carried[place])


class RangeSet(Generic[T]):
    """Distinct ranges; a range is added or removed in the time that moving a list's tail takes."""

    __slots__ = ("_by_reach", "_down", "_up")

    def __init__(self) -> None:
        self._up: _Sorted[T] = _Sorted(_INFINITE)  # no upper end, by lower end
        self._down: _Sorted[T] = _Sorted(_INFINITE)  # no lower end, by upper end
        self._by_reach: dict[int, _Sorted[T]] = {}

    def add(self, item: Range, carried: T) -> None:
        if item.high == _INFINITE:
            self._up.add(item.low, item, carried)
        elif item.low == -_INFINITE:
            self._down.add(item.high, item, carried)
        else:
            reach = _reach(item)
            if reach not in self._by_reach:
                self._by_reach[reach] = _Sorted(math.ldexp(1.0, reach))
            self._by_reach[reach].add(item.low, item, carried)

    def remove(self, item: Range) -> None:
        if item.high == _INFINITE:
            self._up.remove(item.low, item)
        elif item.low == -_INFINITE:
            self._down.remove(item.high, item)
        else:
            reach = _reach(item)
            self._by_reach[reach].remove(item.low, item)
            if not self._by_reach[reach].ends:
                del self._by_reach[reach]

    def holding(self, value: float, found: list[T]) -> None:
        """Add what the ranges that hold the value carry."""
        for ranges in self._by_reach.values():
            last = bisect_right(ranges.ends, value)
            if last:
                ranges.hold(value, bisect_left(ranges.ends, value - ranges.width, 0, last), last, found)
        if self._up.ends:
            self._up.hold(value, 0, bisect_right(self._up.ends, value), found)
        if self._down.ends:
            self._down.hold(value, bisect_left(self._down.ends, value), len(self._down.ends), found)


def _reach(item: Range) -> int:
    """The exponent of the power of two that the span does not exceed."""
    span = float(item.high) - float(item.low)
    return 1023 if span == _INFINITE else math.frexp(span)[1]
