"""Conditions compiled to closures: `run(item, values)` says whether an item meets one.

What can be said without an item (names of functions, numbers and types of operands) is checked first.

Source: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions".
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.environment import Environment, Names, resolve
from ballroom.services.dynamodb.expressions.nodes import Call, Node, Operator, Parsed, Path, ValueRef
from ballroom.services.dynamodb.expressions.parser import parse
from ballroom.services.dynamodb.expressions.paths import finder, path_text
from ballroom.services.dynamodb.values.attribute_values import TYPES, Attributes, Value, type_of
from ballroom.services.dynamodb.values.comparing import equal, sort_scalar
from ballroom.services.dynamodb.values.functions import begins_with, contains, size_value

Test = Callable[[Attributes, Attributes], bool]
Get = Callable[[Attributes, Attributes], Value | None]
Check = Callable[[Attributes], None]

OPERANDS = {
    "attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2,
    "size": 1,
}  # fmt: skip
UPDATE_FUNCTIONS = frozenset({"if_not_exists", "list_append"})
ORDERED = frozenset({"S", "N", "B"})
_SIZED = frozenset({"S", "B", "SS", "NS", "BS", "L", "M"})
_ALLOWED = {"begins_with": frozenset({"S", "B"}), "size": _SIZED}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MOST_CHOICES = 100
_KINDS = {"ConditionExpression": "condition", "FilterExpression": "filter"}


class Condition:
    """A condition bound to the values of a request."""

    __slots__ = ("_run", "_values", "paths")

    def __init__(self, run: Test, values: Attributes, paths: list[tuple[str | int, ...]]) -> None:
        self._run, self._values = run, values
        self.paths = paths
        """The document paths in it."""

    def __call__(self, item: Attributes) -> bool:
        """Whether the item meets it."""
        return self._run(item, self._values)


def condition(kind: str, text: str, environment: Environment) -> Condition:
    """The condition that an expression states; `kind` is the parameter's name.

    Raises:
        Invalid: with AWS's text.
    """
    _, names = environment.parse(kind, text)
    compiled = _compile(kind, text, names)
    for check in compiled.checks:
        check(environment.values)
    return Condition(compiled.run, environment.values, compiled.paths)


class _Compiled:
    __slots__ = ("checks", "paths", "run")

    def __init__(self, run: Test, checks: list[Check], paths: list[tuple[str | int, ...]]) -> None:
        self.run, self.checks, self.paths = run, checks, paths


@kept_by_text(2048)
def _compile(kind: str, text: str, names: Names) -> _Compiled:
    parsed = parse(kind, text)
    check_functions(parsed)
    compiler = Compiler(kind, names)
    assert parsed.root is not None
    run = compiler.test(parsed.root)
    return _Compiled(run, compiler.checks, compiler.paths)


def check_functions(parsed: Parsed) -> None:
    """Raise if a function is unknown, or not allowed in this kind of expression."""
    for name in parsed.calls:
        if name in UPDATE_FUNCTIONS:
            where = _KINDS.get(parsed.kind, "key condition")
            raise Invalid(
                f"Invalid {parsed.kind}: The function is not allowed in a {where} expression; function: {name}"
            )
        if name not in OPERANDS:
            raise Invalid(f"Invalid {parsed.kind}: Invalid function name; function: {name}")


class Compiler:
    """Compiles the nodes of one condition, gathering what must be checked with each request's values."""

    def __init__(self, kind: str, names: Names) -> None:
        self.kind, self.names = kind, names
        self.checks: list[Check] = []
        self.paths: list[tuple[str | int, ...]] = []

    def invalid(self, text: str) -> Invalid:
        """The error with its usual beginning."""
        return Invalid(f"Invalid {self.kind}: {text}")

    # -- operands ------------------------------------------------------------------------------------

    def get(self, node: Node) -> Get:
        """What gives an operand's value, or None."""
        if isinstance(node, ValueRef):
            name = node.name
            return lambda item, values: values[name]
        if isinstance(node, Path):
            parts = resolve(node, self.names)
            self.paths.append(parts)
            if len(parts) == 1:
                first: Any = parts[0]
                return lambda item, values: item.get(first)
            find = finder(parts)
            return lambda item, values: find(item)
        if isinstance(node, Call):
            if node.name != "size":
                raise self.invalid(
                    f"The function is not allowed to be used this way in an expression; function: {node.name}"
                )
            return self._size(node)
        raise self.invalid(f'Syntax error; token: "{node.name}", near: "{node.name}"')

    def _size(self, node: Call) -> Get:
        self._arity(node)
        inner = self.get(node.operands[0])
        self._limit_types(node.operands[0], "size", _SIZED)
        return lambda item, values: size_value(inner(item, values))

    def _arity(self, node: Call) -> None:
        if len(node.operands) != OPERANDS[node.name]:
            raise self.invalid(
                f"Incorrect number of operands for operator or function; operator or function: {node.name}, "
                f"number of operands: {len(node.operands)}"
            )

    def _limit_types(self, node: Node, name: str, allowed: frozenset[str]) -> None:
        if isinstance(node, ValueRef):
            value_name = node.name

            def check(values: Attributes) -> None:
                kind = type_of(values[value_name])
                if kind not in allowed:
                    raise self._wrong_type(name, kind)

            self.checks.append(check)
        elif isinstance(node, Call) and "N" not in allowed:
            raise self._wrong_type(name, "N")

    def _wrong_type(self, name: str, kind: str) -> Invalid:
        return self.invalid(
            f"Incorrect operand type for operator or function; operator or function: {name}, "
            f"operand type: {kind}"
        )

    def _distinct(self, name: str, operands: tuple[Node, ...]) -> None:
        first = operands[0]
        if not isinstance(first, Path):
            return
        parts = resolve(first, self.names)
        for other in operands[1:]:
            if isinstance(other, Path) and resolve(other, self.names) == parts:
                raise self.invalid(
                    "The first operand must be distinct from the remaining operands for this operator or "
                    f"function; operator: {name}, first operand: {path_text(parts)}"
                )

    # -- tests ---------------------------------------------------------------------------------------

    def test(self, node: Node) -> Test:
        """What says whether a node holds."""
        if isinstance(node, Call):
            return self._function(node)
        if isinstance(node, Operator):
            if node.name in ("AND", "OR"):
                return self._chain(node)
            if node.name == "NOT":
                inner = self.test(node.operands[0])
                return lambda item, values: not inner(item, values)
            return self._comparison(node)
        shown = node.name if isinstance(node, ValueRef) else str(node.parts[0])
        raise self.invalid(f'Syntax error; token: "<EOF>", near: "{shown}"')

    def _chain(self, node: Operator) -> Test:
        tests = [self.test(operand) for operand in node.operands]
        if len(tests) == 2:
            one, two = tests
            if node.name == "AND":
                return lambda item, values: one(item, values) and two(item, values)
            return lambda item, values: one(item, values) or two(item, values)
        if node.name == "AND":
            return lambda item, values: all(test(item, values) for test in tests)
        return lambda item, values: any(test(item, values) for test in tests)

    def _function(self, node: Call) -> Test:
        name, operands = node.name, node.operands
        if name == "size":
            raise self.invalid(
                f"The function is not allowed to be used this way in an expression; function: {name}"
            )
        self._arity(node)
        first = operands[0]
        if name in ("attribute_exists", "attribute_not_exists", "attribute_type") and not isinstance(
            first, Path
        ):
            raise self.invalid(f"Operator or function requires a document path; operator or function: {name}")
        gets = [self.get(operand) for operand in operands]
        self._distinct(name, operands)
        if name in _ALLOWED:
            for operand in operands:
                self._limit_types(operand, name, _ALLOWED[name])
        get = gets[0]
        if name == "attribute_exists":
            return lambda item, values: get(item, values) is not None
        if name == "attribute_not_exists":
            return lambda item, values: get(item, values) is None
        other = gets[1]
        if name == "attribute_type":
            self._type_name(operands[1])
            return lambda item, values: _is_type(get(item, values), other(item, values))
        decide = begins_with if name == "begins_with" else contains
        return lambda item, values: decide(get(item, values), other(item, values))

    def _type_name(self, node: Node) -> None:
        if not isinstance(node, ValueRef):
            raise self._wrong_type("attribute_type", "{NS,SS,L,BS,N,M,B,S,NULL,BOOL}")
        name = node.name

        def check(values: Attributes) -> None:
            value = values[name]
            if "S" not in value:
                raise self._wrong_type("attribute_type", type_of(value))
            if value["S"] not in TYPES:
                raise self.invalid(
                    f"Invalid attribute type name found; type: {value['S']}, "
                    "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
                )

        self.checks.append(check)

    def _comparison(self, node: Operator) -> Test:
        name, operands = node.name, node.operands
        if name in ("+", "-"):
            raise self.invalid(f'Syntax error; token: "{name}", near: "{name}"')
        if name == "IN" and len(operands) - 1 > _MOST_CHOICES:
            raise self.invalid(
                f"The IN operator is provided with too many operands; number of operands: {len(operands) - 1}"
            )
        gets = [self.get(operand) for operand in operands]
        self._distinct(name, operands)
        left, right = gets[0], gets[1]
        if name == "=":
            return lambda item, values: _equal(left(item, values), right(item, values))
        if name == "<>":
            return lambda item, values: not _equal(left(item, values), right(item, values))
        if name == "IN":
            choices = gets[1:]
            return lambda item, values: _among(left(item, values), [one(item, values) for one in choices])
        for operand in operands:
            self._limit_types(operand, name, ORDERED)
        if name == "BETWEEN":
            self._check_bounds(operands[1], operands[2])
            high = gets[2]
            return lambda item, values: _between(left(item, values), right(item, values), high(item, values))
        order = _ORDERS[name]
        return lambda item, values: _ordered(left(item, values), right(item, values), order)

    def _check_bounds(self, low: Node, high: Node) -> None:
        if not isinstance(low, ValueRef) or not isinstance(high, ValueRef):
            return
        low_name, high_name = low.name, high.name

        def check(values: Attributes) -> None:
            check_bounds(self.kind, values[low_name], values[high_name])

        self.checks.append(check)


def check_bounds(kind: str, low: Value, high: Value) -> None:
    """Raise unless the bounds of a BETWEEN have one type and are in order."""
    ((low_kind, a),) = low.items()
    ((high_kind, b),) = high.items()
    told = (
        f"lower bound operand: AttributeValue: {{{low_kind}:{a}}}, "
        f"upper bound operand: AttributeValue: {{{high_kind}:{b}}}"
    )
    if low_kind != high_kind:
        raise Invalid(
            f"Invalid {kind}: The BETWEEN operator requires same data type for lower and upper bounds; {told}"
        )
    if sort_scalar(low_kind, a) > sort_scalar(high_kind, b):  # type: ignore[operator]
        raise Invalid(
            f"Invalid {kind}: The BETWEEN operator requires upper bound to be greater than or equal to "
            f"lower bound; {told}"
        )


def _equal(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and equal(left, right)


def _among(value: Value | None, choices: list[Value | None]) -> bool:
    return value is not None and any(one is not None and equal(value, one) for one in choices)


def _ordered(left: Value | None, right: Value | None, order: Callable[[Any, Any], bool]) -> bool:
    if left is None or right is None:
        return False
    ((kind, a),) = left.items()
    if kind not in right or kind not in ORDERED:
        return False
    return order(sort_scalar(kind, a), sort_scalar(kind, right[kind]))


def _between(value: Value | None, low: Value | None, high: Value | None) -> bool:
    return _ordered(value, low, operator.ge) and _ordered(value, high, operator.le)


def _is_type(value: Value | None, wanted: Value | None) -> bool:
    return value is not None and wanted is not None and wanted["S"] in value
