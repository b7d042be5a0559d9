"""Whether a text matches a model's pattern, safely whatever the text.

Python's matcher backtracks. Each pattern is weighed once: how its worst time grows with the text's
length. A text whose worst case is cheap goes to Python's matcher; others run in linear time
(`linear`). What neither can do safely is not checked, and so accepted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from ballroom.kernel.model.java_regex import Untranslatable, translate
from ballroom.kernel.model.linear import REPEATS, Automaton, Unsupported, sre, sre_parser

TRIVIAL = frozenset({".*", "[\\s\\S]*", "[\\S\\s]*", "^[\\s\\S]*$"})
MOST_STEPS = 100_000
"""Steps of Python's matcher that a text may take in the worst case: about 1 ms."""
LONGEST = 1 << 20
"""Longer texts are not matched: no field with a pattern is that long."""
EXPLODES = 1_000
"""The weight of patterns whose worst time is exponential."""
FLAGS = re.ASCII  # as in Java, \w \d \s are ASCII

Matcher = Callable[[str], bool]


@cache
def matcher(pattern: str) -> Matcher | None:
    """Whether a whole text matches; None where the pattern says nothing.

    Compiled when the first text comes (0.1 to 1 ms each; an operation may have dozens).
    """
    if pattern in TRIVIAL:
        return None
    made: Matcher | None = None

    def matches(text: str) -> bool:
        nonlocal made
        if made is None:
            made = compile_pattern(pattern)
        return made(text)

    return matches


def compile_pattern(pattern: str) -> Matcher:
    """The pattern's matcher; one that takes everything if the pattern can't be understood."""
    try:
        translated = translate(pattern)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "[[" is meant as it stands
            compiled = re.compile(translated, FLAGS)
            degree, choices = weigh(sre_parser.parse(translated, FLAGS))
    except (Untranslatable, re.error, OverflowError, RecursionError):
        return _anything
    if degree <= 1 and choices <= 8:
        return lambda text: len(text) > LONGEST or compiled.fullmatch(text) is not None
    return _guarded(translated, compiled, _longest_safe(degree, choices))


def _anything(text: str) -> bool:
    return True


def _longest_safe(degree: int, choices: int) -> int:
    """The longest text that Python's matcher surely finishes in time."""
    if degree >= EXPLODES:
        return 14
    budget = MOST_STEPS / 2**choices
    return max(8, int(budget ** (1 / max(1, degree))))


def _guarded(translated: str, compiled: re.Pattern[str], longest: int) -> Matcher:
    automaton: Automaton | None = None
    tried = False

    def matches(text: str) -> bool:
        nonlocal automaton, tried
        if len(text) <= longest:
            return compiled.fullmatch(text) is not None
        if not tried:  # made only when a long text comes
            tried = True
            try:
                automaton = Automaton(translated, FLAGS)
            except Unsupported:
                automaton = None
        return automaton is None or len(text) > LONGEST or automaton(text)

    return matches


def weigh(tree: Any) -> tuple[int, int]:
    """How badly a parsed expression may backtrack: `(degree, choices)`.

    The worst time grows with `length ** degree * 2 ** choices`; the degree counts long repeats one after
    the other, the choices short ones and alternatives. `EXPLODES` where a repeated part can itself be
    cut in several ways.
    """
    degree = choices = 0
    for kind, value in tree:
        more_degree, more_choices = 0, 0
        if kind in REPEATS or kind is sre.POSSESSIVE_REPEAT:
            more_degree, more_choices = _weigh_repeat(*value)
        elif kind is sre.SUBPATTERN:
            more_degree, more_choices = weigh(value[3])
        elif kind is sre.BRANCH:
            inner = [weigh(branch) for branch in value[1]]
            more_degree = max(d for d, _ in inner)
            more_choices = max(c for _, c in inner) + len(inner).bit_length() - 1
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            more_degree, more_choices = weigh(value[1])
        elif kind is sre.ATOMIC_GROUP:
            more_degree, more_choices = weigh(value)
        degree += more_degree
        choices += more_choices
    return degree, choices


def _weigh_repeat(low: int, high: int, inner: Any) -> tuple[int, int]:
    inner_degree, inner_choices = weigh(inner)
    if high <= 1:
        return inner_degree, inner_choices + (1 if low != high else 0)
    if inner_degree or inner_choices:
        return EXPLODES, 0
    if low == high:
        return 0, 0
    return (1, 0) if high > 16 else (0, (high - low).bit_length())
