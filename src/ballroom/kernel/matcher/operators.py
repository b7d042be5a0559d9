"""The alternatives of one field: values and match expressions such as `{"prefix": "a"}`.

Checks run in the order in which AWS's reader meets the text, so that a pattern with two errors is told
the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ballroom.kernel.matcher.dialect import Dialect
from ballroom.kernel.matcher.errors import Fault, Pointer
from ballroom.kernel.matcher.networks import parse_network
from ballroom.kernel.matcher.tests import Excluded, FieldTest, Number, Predicate, Range
from ballroom.kernel.matcher.wildcards import BadWildcard, split_wildcard

_INFINITE = float("inf")
_VALUE_OF_ANYTHING_BUT = "Value of anything-but must be an array or single string/number value."
_IN_ANYTHING_BUT = "Inside anything but list, start|null|boolean is not supported."
_MIXED = "Inside anything but list, either all values are number or string, mixed type is not supported"
_IN_IGNORE_CASE = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
_ONE_KEY = "Only one key allowed in match expression"


class FloatText(float):
    """A number that remembers how it was written, since AWS refuses what a double cannot hold."""

    text: str

    def __new__(cls, text: str) -> FloatText:
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass
class _Alternatives:
    strings: set[str] = field(default_factory=set)
    numbers: set[Number] = field(default_factory=set)
    constants: set[bool | None] = field(default_factory=set)
    predicates: dict[Predicate, None] = field(default_factory=dict)
    absent: bool = False
    present: bool = False


def compile_field(values: list[Any], pointer: Pointer, dialect: Dialect) -> FieldTest:
    """The test that a field's array of alternatives stands for."""
    if not values:
        raise Fault("Empty arrays are not allowed", pointer, at="end")
    found = _Alternatives()
    for index, value in enumerate(values):
        kind = type(value)
        if kind is str:
            found.strings.add(value)
        elif value is None or kind is bool:
            found.constants.add(value)
            found.absent = found.absent or (value is None and dialect.null_is_absence)
        elif kind is dict:
            _expression(value, (*pointer, index), dialect, found)
        elif kind is list:
            raise Fault("Match value must be String, number, true, false, or null", (*pointer, index))
        else:
            found.numbers.add(_in_range(value, (*pointer, index), dialect))
    return FieldTest(
        frozenset(found.strings),
        frozenset(found.numbers),
        frozenset(found.constants),
        tuple(found.predicates),
        absent=found.absent,
        present=found.present,
    )


def _expression(expression: dict[str, Any], pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if not expression:
        raise Fault("Match expression name not found", pointer, at="end")
    name = next(iter(expression))
    compile_operator = OPERATORS.get(name)
    if compile_operator is None or (name == "wildcard" and not dialect.wildcards):
        raise Fault(f"Unrecognized match type {name}", (*pointer, name))
    compile_operator(expression[name], (*pointer, name), dialect, found)
    _only_one_key(expression, pointer)


def _only_one_key(expression: dict[str, Any], pointer: Pointer) -> None:
    if len(expression) > 1:
        raise Fault(_ONE_KEY, (*pointer, list(expression)[1]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_range(value: Number, pointer: Pointer, dialect: Dialect) -> Number:
    limit = dialect.number_limit
    if limit is not None and not -limit <= value <= limit:
        shown = f"{limit:.1E}".replace("E+0", "E")
        raise Fault(f"Value must be between -{shown} and {shown}, inclusive", pointer, at="end")
    return value


def _comparable(value: Number, pointer: Pointer, dialect: Dialect) -> Number:
    """A number that a double holds without loss."""
    text = value.text if isinstance(value, FloatText) else str(value)
    try:
        exact = len(text) < 16 or float(value) == (_as_written(text) if isinstance(value, float) else value)
    except OverflowError:
        exact = False
    if not exact:
        raise Fault(f"Cannot compare number : {text}", pointer, at="end")
    return _in_range(value, pointer, dialect)


def _as_written(text: str) -> Any:
    """The number as a decimal; equal to a double's own shortest text when nothing was lost."""
    from decimal import Decimal

    written = Decimal(text)
    return float(text) if written == Decimal(repr(float(text))) else written


def _prefix(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    _affix("prefix", operand, pointer, found)


def _suffix(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    _affix("suffix", operand, pointer, found)


def _affix(kind: str, operand: Any, pointer: Pointer, found: _Alternatives) -> None:
    if isinstance(operand, dict):
        name = next(iter(operand), "")
        if name != "equals-ignore-case":
            raise Fault(f"Unsupported {kind} pattern: {name}", (*pointer, name) if name else pointer)
        if not isinstance(operand[name], str):
            raise Fault("equals-ignore-case match pattern must be a string", (*pointer, name))
        _only_one_key(operand, pointer)
        found.predicates[Predicate(f"folded-{kind}", operand[name].lower())] = None
        return
    if not isinstance(operand, str):
        raise Fault(f"{kind} match pattern must be a string", pointer)
    found.predicates[Predicate(kind, operand)] = None


def _ignore_case(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if not isinstance(operand, str):
        raise Fault("equals-ignore-case match pattern must be a string", pointer)
    found.predicates[Predicate("folded", operand.lower())] = None


def _wildcard(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    found.predicates[_checked_wildcard(operand, pointer, dialect)] = None


def _checked_wildcard(operand: Any, pointer: Pointer, dialect: Dialect, *, times: int = 1) -> Predicate:
    if not isinstance(operand, str):
        raise Fault("wildcard match pattern must be a string", pointer, times=times)
    try:
        parts = split_wildcard(operand)
    except BadWildcard as error:
        raise Fault(str(error), pointer, at="end") from error
    if len(parts) - 1 > dialect.max_stars:
        raise Fault(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
            "sequences after a wildcard character",
            pointer,
            at=None,
        )
    return Predicate("wildcard", operand)


def _exists(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if not isinstance(operand, bool):
        raise Fault("exists match pattern must be either true or false.", pointer)
    if operand:
        found.present = True
    else:
        found.absent = True


def _cidr(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if not isinstance(operand, str):
        raise Fault("prefix match pattern must be a string", pointer)  # AWS's words, for a cidr too
    try:
        found.predicates[Predicate("network", parse_network(operand))] = None
    except ValueError as error:
        raise Fault(str(error), pointer, at=None) from error


def _numeric(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if not isinstance(operand, list):
        raise Fault("Value of numeric must be an array.", pointer)
    if not operand:
        raise Fault("Invalid member in numeric match: ]", pointer, at="end")
    operator = operand[0]
    if not isinstance(operator, str):
        shown = "{" if isinstance(operator, dict) else "[" if isinstance(operator, list) else str(operator)
        raise Fault(f"Invalid member in numeric match: {shown}", (*pointer, 0))
    if operator == "=":
        value = _bound(operand, 1, "equals", pointer, dialect)
        if len(operand) > 2:
            raise Fault("Too many elements in numeric expression", (*pointer, 2))
        found.numbers.add(value)
    elif operator in ("<", "<="):
        high = _bound(operand, 1, operator, pointer, dialect)
        if len(operand) > 2:
            raise Fault("Too many elements in numeric expression", (*pointer, 2))
        found.predicates[Predicate("range", Range(-_INFINITE, False, high, operator == "<="))] = None
    elif operator in (">", ">="):
        low = _bound(operand, 1, operator, pointer, dialect)
        found.predicates[Predicate("range", _upwards(operand, low, operator == ">=", pointer, dialect))] = None
    else:
        raise Fault(f"Unrecognized numeric range operator: {operator}", (*pointer, 0), at="end")


def _bound(operand: list[Any], index: int, operator: str, pointer: Pointer, dialect: Dialect) -> Number:
    if len(operand) <= index:
        raise Fault(f"Value of {operator} must be numeric", pointer, at="end")
    value: Number = operand[index]
    if not _is_number(value):
        raise Fault(f"Value of {operator} must be numeric", (*pointer, index))
    return _comparable(value, (*pointer, index), dialect)


def _upwards(operand: list[Any], low: Number, included: bool, pointer: Pointer, dialect: Dialect) -> Range:
    if len(operand) == 2:
        return Range(low, included, _INFINITE, False)
    operator = operand[2]
    if not isinstance(operator, str):
        raise Fault(f"Bad value in numeric range: {operator}", (*pointer, 2))
    if operator not in ("<", "<="):
        raise Fault(f"Bad numeric range operator: {operator}", (*pointer, 2), at="end")
    high = _bound(operand, 3, operator, pointer, dialect)
    if len(operand) > 4:
        raise Fault("Too many terms in numeric range expression", (*pointer, 4))
    if low >= high:
        raise Fault("Bottom must be less than top", pointer, at="end")
    return Range(low, included, high, operator == "<=")


def _anything_but(operand: Any, pointer: Pointer, dialect: Dialect, found: _Alternatives) -> None:
    if isinstance(operand, dict):
        excluded = _negated(operand, pointer, dialect)
    elif isinstance(operand, list):
        excluded = _excluded_values(operand, pointer, dialect)
    elif isinstance(operand, str):
        excluded = Excluded(strings=frozenset({operand}))
    elif _is_number(operand):
        excluded = Excluded(numbers=frozenset({_comparable(operand, pointer, dialect)}))
    else:
        raise Fault(_VALUE_OF_ANYTHING_BUT, pointer)
    found.predicates[Predicate("not", excluded)] = None


def _excluded_values(values: list[Any], pointer: Pointer, dialect: Dialect) -> Excluded:
    if not values:
        raise Fault("Empty arrays are not allowed", pointer, at="end", times=2)
    strings: set[str] = set()
    numbers: set[Number] = set()
    for index, value in enumerate(values):
        place = (*pointer, index)
        if isinstance(value, str):
            strings.add(value)
        elif _is_number(value):
            numbers.add(_comparable(value, place, dialect))
        else:
            raise Fault(_IN_ANYTHING_BUT, place, times=2)
        if strings and numbers:
            raise Fault(_MIXED, place, at="end", times=2)
    return Excluded(frozenset(strings), frozenset(numbers))


def _negated(expression: dict[str, Any], pointer: Pointer, dialect: Dialect) -> Excluded:
    if not expression:
        raise Fault("Anything-But expression name not found", pointer, at="end")
    name = next(iter(expression))
    if name not in dialect.negations:
        raise Fault(f"Unsupported anything-but pattern: {name}", (*pointer, name))
    operand, place = expression[name], (*pointer, name)
    if isinstance(operand, list):
        if not operand:
            raise Fault("Empty arrays are not allowed", place, at="end", times=2)
        predicates = [
            _negation(name, element, (*place, index), dialect, times=2) for index, element in enumerate(operand)
        ]
    else:
        predicates = [_negation(name, operand, place, dialect, times=1)]
    _only_one_key(expression, pointer)
    return Excluded(predicates=tuple(predicates))


def _negation(name: str, operand: Any, pointer: Pointer, dialect: Dialect, *, times: int) -> Predicate:
    if name == "wildcard":
        return _checked_wildcard(operand, pointer, dialect, times=times)
    if name == "equals-ignore-case":
        if not isinstance(operand, str):
            raise Fault(_IN_IGNORE_CASE, pointer, times=times)
        return Predicate("folded", operand.lower())
    if isinstance(operand, dict) and dialect.negations != frozenset({"prefix"}):
        raise Fault(_VALUE_OF_ANYTHING_BUT, pointer, times=times)
    if not isinstance(operand, str):
        raise Fault(dialect.prefix_text, pointer, times=times)
    if not operand:
        raise Fault("Null prefix/suffix not allowed", pointer, at="end", times=times)
    return Predicate(name, operand)


OPERATORS: dict[str, Callable[[Any, Pointer, Dialect, _Alternatives], None]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "exists": _exists,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
