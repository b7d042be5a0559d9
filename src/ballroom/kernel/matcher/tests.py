"""The test of one value: a field's alternatives, compiled.

A `Predicate` is one alternative that is no plain value. A `FieldTest` holds all alternatives of a field
and decides by the value's type first, since a string rule never looks at a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ballroom.kernel.matcher.networks import Network, digits, holds_digits, parse_address
from ballroom.kernel.matcher.wildcards import split_wildcard, wildcard_test

Number = int | float
Scalar = str | int | float | bool | None


class Range(NamedTuple):
    """A range of numbers; an end that is infinite is open."""

    low: float
    low_included: bool
    high: float
    high_included: bool

    def holds(self, value: float) -> bool:
        above = value >= self.low if self.low_included else value > self.low
        return above and (value <= self.high if self.high_included else value < self.high)


class Predicate(NamedTuple):
    """One alternative: a kind of the table below, and what it compares with.

    | kind | operand |
    |---|---|
    | prefix, suffix, wildcard | str |
    | folded, folded-prefix, folded-suffix | str, in lower case |
    | range | Range |
    | network | Network |
    | not | Excluded |
    """

    kind: str
    operand: Any


class Excluded(NamedTuple):
    """What `anything-but` names; any other value matches, numbers and null included."""

    strings: frozenset[str] = frozenset()
    numbers: frozenset[Number] = frozenset()
    predicates: tuple[Predicate, ...] = ()


def string_test(predicate: Predicate) -> Callable[[str], bool] | None:
    """The predicate's test of a string; None when no string can match."""
    kind, operand = predicate
    match kind:
        case "prefix":
            return lambda value: value.startswith(operand)
        case "suffix":
            return lambda value: value.endswith(operand)
        case "wildcard":
            return wildcard_test(split_wildcard(operand))
        case "folded":
            return lambda value: value.lower() == operand
        case "folded-prefix":
            return lambda value: value.lower().startswith(operand)
        case "folded-suffix":
            return lambda value: value.lower().endswith(operand)
        case "network":
            return _inside(operand)
        case "not":
            return _not_among(operand)
    return None


def _inside(network: Network) -> Callable[[str], bool]:
    shift = network.width - network.bits

    def test(value: str) -> bool:
        address = parse_address(value)
        if address is None:
            return False
        width, number = address
        if width != network.width:
            return holds_digits(network, digits(width, number))
        return number >> shift == network.prefix

    return test


def _not_among(excluded: Excluded) -> Callable[[str], bool]:
    strings, tests = excluded.strings, [test for p in excluded.predicates if (test := string_test(p))]
    if not tests:
        return lambda value: value not in strings
    return lambda value: value not in strings and not any(test(value) for test in tests)


def number_test(predicate: Predicate) -> Callable[[Number], bool] | None:
    """The predicate's test of a number; None when no number can match."""
    kind, operand = predicate
    if kind == "range":
        holds: Callable[[Number], bool] = operand.holds
        return holds
    if kind == "network":
        return lambda value: holds_digits(operand, repr(value))
    if kind == "not":
        numbers = operand.numbers
        return lambda value: value not in numbers
    return None


def _any(tests: list[Callable[[Any], bool]]) -> Callable[[Any], bool] | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda value: any(test(value) for test in tests)


class FieldTest:
    """All alternatives of one field; `absent` and `present` are `exists` false and true."""

    __slots__ = (
        "absent", "constants", "numbers", "on_constant", "on_number", "on_string", "predicates", "present",
        "strings",
    )  # fmt: skip

    def __init__(
        self,
        strings: frozenset[str],
        numbers: frozenset[Number],
        constants: frozenset[bool | None],
        predicates: tuple[Predicate, ...],
        *,
        absent: bool,
        present: bool,
    ) -> None:
        self.strings = strings
        self.numbers = numbers
        self.constants = constants
        self.predicates = predicates
        self.absent = absent
        self.present = present
        self.on_string = self._test(strings, string_test)
        self.on_number = self._test(numbers, number_test)
        anything = present or any(p.kind == "not" for p in predicates)
        self.on_constant = (lambda _: True) if anything else constants.__contains__ if constants else None

    def _test(self, values: frozenset[Any], make: Callable[[Predicate], Any]) -> Callable[[Any], bool] | None:
        if self.present:
            return lambda _: True
        tests = [test for predicate in self.predicates if (test := make(predicate)) is not None]
        return _any([values.__contains__, *tests] if values else tests)

    def accepts(self, value: Scalar) -> bool:
        """Does a value that is there match?"""
        kind = type(value)
        if kind is str:
            test = self.on_string
        elif kind is int or kind is float:
            test = self.on_number
        else:
            test = self.on_constant
        return test is not None and test(value)
