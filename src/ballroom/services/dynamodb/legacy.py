"""The parameters of the API before expressions: Expected, AttributeUpdates, KeyConditions, filters.

Source: DynamoDB Developer Guide, "Legacy conditional parameters"; API Reference, Condition,
ExpectedAttributeValue, AttributeValueUpdate.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.updates import added, without
from ballroom.services.dynamodb.values import numbers
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value, take, type_of
from ballroom.services.dynamodb.values.comparing import equal, sort_value
from ballroom.services.dynamodb.values.functions import begins_with, contains

Test = Callable[[Attributes], bool]
_ARGUMENTS = {
    "EQ": 1, "NE": 1, "LT": 1, "LE": 1, "GT": 1, "GE": 1, "BEGINS_WITH": 1, "CONTAINS": 1, "NOT_CONTAINS": 1,
    "NULL": 0, "NOT_NULL": 0, "BETWEEN": 2,
}  # fmt: skip
_SCALAR = frozenset({"S", "N", "B"})
_ALLOWED_TYPES = {
    **dict.fromkeys(("LT", "LE", "GT", "GE", "BETWEEN"), _SCALAR),
    "IN": _SCALAR,
    "BEGINS_WITH": frozenset({"S", "B"}),
    **dict.fromkeys(("CONTAINS", "NOT_CONTAINS"), frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M"})),
}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "LT": operator.lt, "LE": operator.le, "GT": operator.gt, "GE": operator.ge,
}  # fmt: skip

EXPRESSIONS = ("ProjectionExpression", "UpdateExpression", "ConditionExpression", "FilterExpression",
               "KeyConditionExpression")  # fmt: skip
OLD_PARAMETERS = ("AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions",
                  "QueryFilter", "ScanFilter")  # fmt: skip


def check_not_mixed(request: dict[str, Any]) -> None:
    """Raise if a request has both expressions and parameters from before."""
    old = [name for name in OLD_PARAMETERS if request.get(name) is not None]
    if not old:
        return
    new = [name for name in EXPRESSIONS if request.get(name) is not None]
    if new:
        raise Invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )


def take_values(values: list[dict[str, Any]]) -> list[Value]:
    """The values of an AttributeValueList."""
    return [take(value) for value in values]


def check_arguments(name: str, comparison: str, values: list[Value]) -> None:
    """Raise unless an operator is given as many values, and of such types, as it takes."""
    wanted = _ARGUMENTS.get(comparison)
    if (wanted is None and not values) or (wanted is not None and len(values) != wanted):
        raise Invalid.parameter(f"Invalid number of argument(s) for the {comparison} ComparisonOperator")
    allowed = _ALLOWED_TYPES.get(comparison)
    for value in values:
        kind = type_of(value)
        if allowed is not None and kind not in allowed:
            raise Invalid.parameter(
                f"ComparisonOperator {comparison} is not valid for {kind} AttributeValue type"
            )
    if comparison in ("IN", "BETWEEN") and len({type_of(value) for value in values}) > 1:
        raise Invalid.parameter("AttributeValues inside AttributeValueList must be of same type")
    if comparison == "BETWEEN" and sort_value(values[0]) > sort_value(values[1]):
        raise Invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )


def compare(comparison: str, value: Value | None, values: list[Value]) -> bool:
    """Whether a value (None: absent) meets a legacy comparison."""
    if comparison == "NULL":
        return value is None
    if comparison == "NOT_NULL":
        return value is not None
    if comparison == "NE":
        return value is None or not equal(value, values[0])
    if value is None:
        return False
    if comparison == "EQ":
        return equal(value, values[0])
    if comparison == "IN":
        return any(equal(value, one) for one in values)
    if comparison == "BEGINS_WITH":
        return begins_with(value, values[0])
    if comparison == "CONTAINS":
        return contains(value, values[0])
    if comparison == "NOT_CONTAINS":
        return not contains(value, values[0])
    kind = type_of(value)
    if kind not in _SCALAR or any(kind not in one for one in values):
        return False
    own = sort_value(value)
    if comparison == "BETWEEN":
        return bool(sort_value(values[0]) <= own <= sort_value(values[1]))
    return _ORDERS[comparison](own, sort_value(values[0]))


def _combined(request: dict[str, Any], tests: list[Test]) -> Test:
    conditional = request.get("ConditionalOperator")
    if conditional is not None and len(tests) < 2:
        raise Invalid("ConditionalOperator can only be used when Filter or Expected has two or more elements")
    if conditional == "OR":
        return lambda item: any(test(item) for test in tests)
    return lambda item: all(test(item) for test in tests)


def check_operator_alone(request: dict[str, Any], *members: str) -> None:
    """Raise if there is a ConditionalOperator without anything that it combines."""
    if request.get("ConditionalOperator") is not None and not any(request.get(name) for name in members):
        raise Invalid("ConditionalOperator cannot be used without Filter or Expected")


def expected(request: dict[str, Any]) -> Test | None:
    """What `Expected` asks for; None: nothing.

    Raises:
        Invalid: an entry contradicts itself.
    """
    check_operator_alone(request, "Expected")
    given = request.get("Expected")
    if not given:
        return None
    return _combined(request, [_expectation(name, entry) for name, entry in given.items()])


def _expectation(name: str, entry: dict[str, Any]) -> Test:
    value, values = entry.get("Value"), entry.get("AttributeValueList")
    comparison, exists = entry.get("ComparisonOperator"), entry.get("Exists")
    if values is not None and value is not None:
        raise Invalid.parameter(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    if comparison is not None:
        if exists is not None:
            raise Invalid.parameter(
                f"Exists and ComparisonOperator cannot be used together for Attribute: {name}"
            )
        if value is None and values is None and comparison not in ("NULL", "NOT_NULL"):
            raise Invalid.parameter(
                f"Value or AttributeValueList must be used with ComparisonOperator: {comparison} "
                f"for Attribute: {name}"
            )
        taken = take_values(values if values is not None else [value] if value is not None else [])
        check_arguments(name, comparison, taken)
        return lambda item: compare(comparison, item.get(name), taken)
    if values is not None:
        raise Invalid.parameter(
            f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        )
    if exists is False:
        if value is not None:
            raise Invalid.parameter(f"Value cannot be used when Exists is false for Attribute: {name}")
        return lambda item: name not in item
    if value is None:
        state = "null" if exists is None else "true"
        raise Invalid.parameter(f"Value must be provided when Exists is {state} for Attribute: {name}")
    wanted = take(value)
    return lambda item: name in item and equal(item[name], wanted)


def filtered(request: dict[str, Any], member: str) -> tuple[Test | None, list[str]]:
    """What `QueryFilter` or `ScanFilter` asks for, and the attributes that it names."""
    check_operator_alone(request, member)
    given = request.get(member)
    if not given:
        return None, []
    tests = [_test(name, *condition) for name, condition in conditions(given).items()]
    return _combined(request, tests), list(given)


def _test(name: str, comparison: str, values: list[Value]) -> Test:
    return lambda item: compare(comparison, item.get(name), values)


Conditions = dict[str, tuple[str, list[Value]]]
"""By attribute: the legacy name of an operator and its operands."""


def conditions(given: dict[str, Any]) -> Conditions:
    """The conditions of KeyConditions or a filter, checked."""
    found: Conditions = {}
    for name, entry in given.items():
        values = take_values(entry.get("AttributeValueList") or [])
        check_arguments(name, entry["ComparisonOperator"], values)
        found[name] = (entry["ComparisonOperator"], values)
    return found


class AttributeUpdates:
    """AttributeUpdates of UpdateItem."""

    def __init__(self, given: dict[str, Any]) -> None:
        """Check them.

        Raises:
            Invalid: an action lacks its value, or cannot have one of that type.
        """
        self._changes: list[tuple[str, str, Value | None]] = []
        for name, entry in given.items():
            action = entry.get("Action") or "PUT"
            value = entry.get("Value")
            taken = take(value) if value is not None else None
            if taken is None and action != "DELETE":
                raise Invalid.parameter("Only DELETE action is allowed when no attribute value is specified")
            if taken is not None:
                kind = type_of(taken)
                if action == "DELETE" and kind not in ("SS", "NS", "BS"):
                    raise Invalid.parameter(f"DELETE action with value is not supported for the type {kind}")
                if action == "ADD" and kind not in ("N", "SS", "NS", "BS", "L"):
                    raise Invalid.parameter(f"ADD action is not supported for the type {kind}")
            self._changes.append((name, action, taken))
        self.paths: list[tuple[str | int, ...]] = [(name,) for name, _, _ in self._changes]

    def apply(self, item: Attributes) -> None:
        """Change the item in place.

        Raises:
            Invalid: an attribute has another type.
        """
        for name, action, value in self._changes:
            if value is None:
                item.pop(name, None)
            elif action == "PUT":
                item[name] = value
            else:
                changed = self._combined(action, item.get(name), value)
                if changed is None:
                    item.pop(name, None)
                else:
                    item[name] = changed

    @staticmethod
    def _combined(action: str, before: Value | None, value: Value) -> Value | None:
        kind = type_of(value)
        if before is not None and kind not in before:
            raise Invalid("Type mismatch for attribute to update")
        if action == "DELETE":
            return without(before, value)
        if before is not None and kind == "L":
            return {"L": before["L"] + value["L"]}
        if before is None and kind == "N":
            return {"N": numbers.canonical(value["N"])}
        return added(before, value)


def attributes_to_get(request: dict[str, Any]) -> list[str] | None:
    """AttributesToGet, without duplicates."""
    names: list[str] | None = request.get("AttributesToGet")
    if names is None:
        return None
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Invalid.parameter(f"Duplicate value in attribute name: {name}")
        seen.add(name)
    return names
