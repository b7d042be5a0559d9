"""The right-hand side of a condition: text with wildcards, a number, or a regular expression.

Shared by JSON selectors and space-delimited fields, which differ only in what stands on the left.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import InvalidPattern
from .scanner import Scanner

Value = str | int | float | bool
Condition = Callable[[Value], bool]

_BARE = re.compile(r"[\w.*+\-]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
OPERATORS = (">=", "<=", "!=", "=", ">", "<")  # the longer first


def as_number(text: str) -> float | None:
    """The number that a text spells, as filter patterns write them."""
    return float(text) if _NUMBER.fullmatch(text) else None


def as_text(value: Value) -> str:
    """How a JSON value reads in a log line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def read_condition(scanner: Scanner, *, numeric_text: bool) -> tuple[Condition, int]:
    """The condition that stands here (operator and value), and how many regexes it used.

    `numeric_text`: whether a text that spells a number compares as one. Words of a line do, strings
    in a JSON document do not.
    """
    operator = next((o for o in OPERATORS if scanner.take(o)), None)
    if operator is None:
        raise scanner.unexpected()
    following = scanner.peek()
    if following == "%":
        if operator not in ("=", "!="):
            raise InvalidPattern()
        return _negate_if(operator, _regex_condition(scanner)), 1
    if following == '"':
        if operator not in ("=", "!="):
            raise InvalidPattern()
        return _negate_if(operator, _text_condition(scanner.quoted())), 0
    bare = scanner.match(_BARE)
    if bare is None:
        raise scanner.unexpected()
    number = as_number(bare)
    if operator in ("=", "!="):
        if number is None:
            return _negate_if(operator, _text_condition(bare)), 0
        return _negate_if(operator, _equals_number(bare, number, numeric_text)), 0
    if number is None:
        raise InvalidPattern()
    return _comparison(operator, number, numeric_text), 0


def _negate_if(operator: str, condition: Condition) -> Condition:
    if operator == "=":
        return condition
    return lambda value: not condition(value)


def _regex_condition(scanner: Scanner) -> Condition:
    search = scanner.regex().search
    return lambda value: search(as_text(value))


def _text_condition(pattern: str) -> Condition:
    """Asterisks at either end stand for any text; elsewhere they are asterisks.

    Source: User Guide (2019 edition): "Ev*ent will only match the actual string Ev*ent".
    """
    core = pattern.strip("*")
    if not core and pattern:
        return lambda value: True
    before, after = pattern.startswith("*"), pattern.endswith("*")
    if before and after:
        return lambda value: core in as_text(value)
    if before:
        return lambda value: as_text(value).endswith(core)
    if after:
        return lambda value: as_text(value).startswith(core)
    return lambda value: as_text(value) == pattern


def _number_of(value: Value, numeric_text: bool) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return as_number(value) if numeric_text else None
    return value


def _equals_number(text: str, number: float, numeric_text: bool) -> Condition:
    def equals(value: Value) -> bool:
        found = _number_of(value, numeric_text)
        return as_text(value) == text if found is None else found == number

    return equals


def _comparison(operator: str, number: float, numeric_text: bool) -> Condition:
    def compare(value: Value) -> bool:
        found = _number_of(value, numeric_text)
        if found is None:
            return False
        if operator == ">":
            return found > number
        if operator == "<":
            return found < number
        return found >= number if operator == ">=" else found <= number

    return compare
