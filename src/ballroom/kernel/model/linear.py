"""Matching in linear time: a regular expression as an automaton whose states are made as they are met.

Python's own matcher backtracks, and a hostile value can make it run for years on patterns such as
`(a+b?)*c`. Patterns where that may happen run here once values are long (`patterns` decides). About
0.1 µs a character once warm.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

sre: Any = importlib.import_module("re._constants")
sre_parser: Any = importlib.import_module("re._parser")
"""Python's own parser of expressions: not public, but as old as `re`; where it changes, `Unsupported`."""

MOST_STATES = 20_000
MOST_KEPT = 5_000
"""Automaton states kept before starting afresh; bounds memory under hostile values."""

WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
DIGITS = frozenset("0123456789")
SPACE = frozenset(" \t\n\r\f\v")
CATEGORIES: dict[Any, tuple[frozenset[str], bool]] = {
    sre.CATEGORY_DIGIT: (DIGITS, True),
    sre.CATEGORY_NOT_DIGIT: (DIGITS, False),
    sre.CATEGORY_SPACE: (SPACE, True),
    sre.CATEGORY_NOT_SPACE: (SPACE, False),
    sre.CATEGORY_WORD: (WORD, True),
    sre.CATEGORY_NOT_WORD: (WORD, False),
}
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)

HARMLESS = int(sre.SRE_FLAG_ASCII | sre.SRE_FLAG_UNICODE)
"""Flags that change nothing here: ASCII is how categories are read anyway."""

Test = Callable[[str], bool]


class Unsupported(ValueError):
    """The expression has parts that no automaton can do here (assertions, references)."""


class Automaton:
    """One expression; call it with a text to learn whether the whole text matches."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._tests: list[Test | None] = []  # None: passes without a character
        self._next: list[list[int]] = []
        tree = sre_parser.parse(pattern, flags)
        if tree.state.flags & ~HARMLESS:
            raise Unsupported("flags")
        self._end = self._state(None)
        self._start = self._sequence(list(tree), self._end, at_start=True, at_end=True)
        self._kept: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._first = self._closure([self._start])

    def __call__(self, text: str) -> bool:
        current = self._first
        kept = self._kept
        for character in text:
            moves = kept.get(current)
            if moves is None:
                if len(kept) > MOST_KEPT:
                    kept.clear()
                moves = kept[current] = {}
            after = moves.get(character)
            if after is None:
                after = self._step(current, character)
                if len(moves) < MOST_KEPT:
                    moves[character] = after
            if not after:
                return False
            current = after
        return self._end in current

    def _state(self, test: Test | None, *following: int) -> int:
        if len(self._tests) >= MOST_STATES:
            raise Unsupported("too many states")
        self._tests.append(test)
        self._next.append(list(following))
        return len(self._tests) - 1

    def _step(self, current: Iterable[int], character: str) -> frozenset[int]:
        reached = []
        for state in current:
            test = self._tests[state]
            if test is not None and test(character):
                reached += self._next[state]
        return self._closure(reached)

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        seen = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                if self._tests[state] is None:
                    waiting += self._next[state]
        return frozenset(s for s in seen if self._tests[s] is not None or s == self._end)

    def _sequence(self, nodes: list[Any], after: int, *, at_start: bool, at_end: bool) -> int:
        """States for nodes one after the other, made from the last; returns where they begin."""
        for position in range(len(nodes) - 1, -1, -1):
            first, last = at_start and position == 0, at_end and position == len(nodes) - 1
            after = self._node(nodes[position], after, first, last)
        return after

    def _node(self, node: Any, after: int, first: bool, last: bool) -> int:
        kind, value = node
        if kind is sre.SUBPATTERN:
            _, added, removed, inner = value
            if added or removed:
                raise Unsupported("flags in the middle")
            return self._sequence(list(inner), after, at_start=first, at_end=last)
        if kind is sre.BRANCH:
            starts = [self._sequence(list(b), after, at_start=first, at_end=last) for b in value[1]]
            return self._state(None, *starts)
        if kind in REPEATS:
            low, high, inner = value
            return self._repeat(low, high, inner, after)
        if kind is sre.AT:
            if (first and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)) or (
                last and value in (sre.AT_END, sre.AT_END_STRING)
            ):
                return after  # the whole text is matched anyway
            raise Unsupported("an anchor in the middle")
        return self._state(character_test(kind, value), after)

    def _repeat(self, low: int, high: int, inner: Any, after: int) -> int:
        nodes = list(inner)
        if high == sre.MAXREPEAT:
            loop = self._state(None, after)
            self._next[loop].append(self._sequence(nodes, loop, at_start=False, at_end=False))
            after = loop
        else:
            skip = after
            for _ in range(high - low):
                start = self._sequence(nodes, after, at_start=False, at_end=False)
                after = self._state(None, start, skip)
        for _ in range(low):
            after = self._sequence(nodes, after, at_start=False, at_end=False)
        return after


def character_test(kind: Any, value: Any) -> Test:
    """Whether a character is one of those that a node of the parsed expression takes."""
    if kind is sre.LITERAL:
        return chr(value).__eq__
    if kind is sre.NOT_LITERAL:
        return chr(value).__ne__
    if kind is sre.ANY:
        return lambda character: character != "\n"
    if kind is sre.IN:
        return _set_test(value)
    raise Unsupported(str(kind))


def _set_test(items: list[Any]) -> Test:
    negated = False
    spans: list[tuple[int, int]] = []
    sets: list[tuple[frozenset[str], bool]] = []
    for kind, value in items:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            spans.append((value, value))
        elif kind is sre.RANGE:
            spans.append(value)
        elif kind is sre.CATEGORY and value in CATEGORIES:
            sets.append(CATEGORIES[value])
        else:
            raise Unsupported(str(kind))

    def test(character: str) -> bool:
        code = ord(character)
        inside = any(low <= code <= high for low, high in spans) or any(
            (character in members) is positive for members, positive in sets
        )
        return inside is not negated

    return test
