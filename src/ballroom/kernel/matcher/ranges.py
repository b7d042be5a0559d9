"""Ranges of numbers, asked which of them hold a value.

Ranges with two ends are kept by the power of two that their span reaches, sorted by their lower end: those
that can hold a value begin within one such span below it, so a bisection finds them and one huge range
slows nothing down. Ranges with one end are sorted by that end.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from ballroom.kernel.matcher.tests import Range

_INFINITE = float("inf")


class RangeSet:
    """Distinct ranges; a range is added or removed in the time that moving a list's tail takes."""

    __slots__ = ("_down", "_spans", "_up")

    def __init__(self) -> None:
        self._up: tuple[list[float], list[Range]] = ([], [])  # no upper end, by lower end
        self._down: tuple[list[float], list[Range]] = ([], [])  # no lower end, by upper end
        self._spans: dict[int, tuple[list[float], list[Range]]] = {}

    def __bool__(self) -> bool:
        return bool(self._up[0] or self._down[0] or self._spans)

    def _home(self, item: Range) -> tuple[float, tuple[list[float], list[Range]]]:
        if item.high == _INFINITE:
            return item.low, self._up
        if item.low == -_INFINITE:
            return item.high, self._down
        return item.low, self._spans.setdefault(_reach(item), ([], []))

    def add(self, item: Range) -> None:
        key, (keys, items) = self._home(item)
        place = bisect_left(keys, key)
        keys.insert(place, key)
        items.insert(place, item)

    def remove(self, item: Range) -> None:
        key, (keys, items) = self._home(item)
        place = items.index(item, bisect_left(keys, key))
        del keys[place], items[place]
        if not keys and (keys, items) not in (self._up, self._down):
            del self._spans[_reach(item)]

    def holding(self, value: float) -> Iterator[Range]:
        """The ranges that hold the value."""
        keys, items = self._up
        for item in items[: bisect_right(keys, value)]:
            if item.holds(value):
                yield item
        keys, items = self._down
        for item in items[bisect_left(keys, value) :]:
            if item.holds(value):
                yield item
        for exponent, (keys, items) in self._spans.items():
            first = bisect_left(keys, value - math.ldexp(1.0, exponent))
            for item in items[first : bisect_right(keys, value)]:
                if item.holds(value):
                    yield item


def _reach(item: Range) -> int:
    """The exponent of the power of two that the span does not exceed."""
    span = float(item.high) - float(item.low)
    return 1023 if span == _INFINITE else math.frexp(span)[1]
