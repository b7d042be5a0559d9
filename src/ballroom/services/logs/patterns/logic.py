"""Conditions joined by `&&`, `||` and parentheses; `&&` binds tighter, as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .errors import InvalidPattern
from .scanner import Scanner

T = TypeVar("T")
Test = Callable[[T], bool]

_MAX_DEPTH = 64


def read_expression(scanner: Scanner, read_leaf: Callable[[], Test[T]], depth: int = 0) -> Test[T]:
    """The expression that stands here, compiled; `read_leaf` reads one condition.

    Raises:
        InvalidPattern: also for more than 64 nested parentheses, so that no text exhausts the stack.
    """
    if depth > _MAX_DEPTH:
        raise InvalidPattern()
    alternatives = [_read_conjunction(scanner, read_leaf, depth)]
    while scanner.take("||"):
        alternatives.append(_read_conjunction(scanner, read_leaf, depth))
    if len(alternatives) == 1:
        return alternatives[0]
    return lambda subject: any(test(subject) for test in alternatives)


def _read_conjunction(scanner: Scanner, read_leaf: Callable[[], Test[T]], depth: int) -> Test[T]:
    parts = [_read_primary(scanner, read_leaf, depth)]
    while scanner.take("&&"):
        parts.append(_read_primary(scanner, read_leaf, depth))
    if len(parts) == 1:
        return parts[0]
    return lambda subject: all(test(subject) for test in parts)


def _read_primary(scanner: Scanner, read_leaf: Callable[[], Test[T]], depth: int) -> Test[T]:
    if not scanner.take("("):
        return read_leaf()
    inner = read_expression(scanner, read_leaf, depth + 1)
    if not scanner.take(")"):
        raise scanner.unexpected()
    return inner
