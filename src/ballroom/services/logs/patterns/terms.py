"""Unstructured filter patterns: `ERROR "exact phrase" -excluded ?either ?or %regex%`."""

from __future__ import annotations

import re
from collections.abc import Callable

from .form import Pattern
from .scanner import Scanner

Test = Callable[[str], bool]

_WORD = re.compile(r"\w+")


def compile_terms(text: str) -> Pattern:
    """All plain terms must appear and no excluded one may; `?` terms count only when they stand alone.

    Source: User Guide, "Match optional terms": combined with other terms they are ignored.
    """
    scanner = Scanner(text)
    required: list[Test] = []
    excluded: list[Test] = []
    optional: list[Test] = []
    regexes = 0
    while scanner.peek():
        where = required
        if scanner.take("-"):
            where = excluded
        elif scanner.take("?"):
            where = optional
        if scanner.peek() == "%":
            regexes += 1
        where.append(_term(scanner))
    return Pattern(_combine(required, excluded, optional), regexes=regexes)


def _term(scanner: Scanner) -> Test:
    if scanner.peek() == "%":
        return scanner.regex().search
    start = scanner.at
    term = scanner.quoted() if scanner.peek() == '"' else scanner.match(_WORD)
    if not term:
        scanner.at = start
        raise scanner.unexpected()
    if term.isspace():
        return _everything  # the guide's own way to match every event: a quoted blank

    def contains(message: str) -> bool:
        return term in message

    return contains


def _everything(message: str) -> bool:
    return True


def _combine(required: list[Test], excluded: list[Test], optional: list[Test]) -> Test:
    if len(required) == 1 and not excluded:
        return required[0]
    if not required and not excluded:
        return (lambda message: any(test(message) for test in optional)) if optional else _everything

    def matches(message: str) -> bool:
        for test in required:
            if not test(message):
                return False
        return not any(test(message) for test in excluded)

    return matches
