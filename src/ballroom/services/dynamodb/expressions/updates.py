"""Update expressions: checked against the table's key, then applied to an item.

All operands are read from the item as it was; SET, ADD and DELETE come before REMOVE, whose positions in
lists are those of the item as it was.

Source: DynamoDB Developer Guide, "Using update expressions in DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.caching import kept_by_text
from ballroom.services.dynamodb.expressions.environment import Environment, Names, resolve
from ballroom.services.dynamodb.expressions.nodes import Action, Call, Node, Operator, Path, ValueRef
from ballroom.services.dynamodb.expressions.parser import parse
from ballroom.services.dynamodb.expressions.paths import Parts, check_overlaps, finder, path_text, step
from ballroom.services.dynamodb.values import numbers
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value, type_of

KIND = "UpdateExpression"
INVALID_PATH = "The document path provided in the update expression is invalid for update"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_FUNCTIONS = frozenset({"if_not_exists", "list_append"})
_CONDITIONS = frozenset(
    {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"}
)
_LONG_NAMES = {
    "S": "STRING", "N": "NUMBER", "B": "BINARY", "SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET",
    "M": "MAP", "L": "LIST", "BOOL": "BOOLEAN", "NULL": "NULL",
}  # fmt: skip
_ADDABLE = frozenset({"N", "SS", "NS", "BS"})
_DELETABLE = frozenset({"SS", "NS", "BS"})
Give = Callable[[Attributes, Attributes], Value]
Check = Callable[[Attributes], None]


class Step:
    """One compiled action."""

    __slots__ = ("give", "parts", "section")

    def __init__(self, section: str, parts: Parts, give: Give | None) -> None:
        self.section, self.parts, self.give = section, parts, give


class Update:
    """An update bound to the values of a request."""

    __slots__ = ("_steps", "_values", "paths")

    def __init__(self, steps: list[Step], values: Attributes) -> None:
        self._steps, self._values = steps, values
        self.paths = [one.parts for one in steps]
        """What it touches."""

    @property
    def written(self) -> list[Parts]:
        """What it touches and does not remove."""
        return [one.parts for one in self._steps if one.section != "REMOVE"]

    def apply(self, item: Attributes) -> None:
        """Change the item in place.

        Raises:
            Invalid: a path or an operand does not fit the item.
        """
        values = self._values
        sets: list[tuple[Parts, Value | None]] = []
        removals: list[Parts] = []
        for one in self._steps:
            if one.section == "REMOVE":
                removals.append(one.parts)
            elif one.give is not None:
                given = one.give(item, values)
                if one.section == "SET":
                    sets.append((one.parts, given))
                else:
                    combine = added if one.section == "ADD" else without
                    sets.append((one.parts, combine(finder(one.parts)(item), given)))
        sets.sort(key=_position)
        for parts, value in sets:
            if value is None:
                removals.append(parts)
            else:
                put_at(item, parts, value)
        removals.sort(key=_position, reverse=True)
        for parts in removals:
            remove_at(item, parts)


def update(text: str, environment: Environment) -> Update:
    """The update that an expression states.

    Raises:
        Invalid: with AWS's text.
    """
    _, names = environment.parse(KIND, text)
    steps, checks = _compile(text, names)
    for check in checks:
        check(environment.values)
    return Update(steps, environment.values)


def _position(change: Any) -> int:
    """Elements of a list are added in order and removed from the end."""
    parts = change[0] if change and isinstance(change[0], tuple) else change
    return parts[-1] if isinstance(parts[-1], int) else -1


@kept_by_text(2048)
def _compile(text: str, names: Names) -> tuple[list[Step], list[Check]]:
    parsed = parse(KIND, text)
    for name in parsed.calls:
        if name in _CONDITIONS:
            raise Invalid(
                f"Invalid {KIND}: The function is not allowed in an update expression; function: {name}"
            )
        if name not in _FUNCTIONS:
            raise Invalid(f"Invalid {KIND}: Invalid function name; function: {name}")
    checks: list[Check] = []
    steps = [_step(action, names, checks) for action in parsed.actions]
    check_overlaps(KIND, [one.parts for one in steps])
    return steps, checks


def _step(action: Action, names: Names, checks: list[Check]) -> Step:
    parts = resolve(action.path, names)
    if action.operand is None:
        return Step(action.section, parts, None)
    if action.section == "SET":
        return Step("SET", parts, _operand(action.operand, names, checks))
    assert isinstance(action.operand, ValueRef)
    name, section = action.operand.name, action.section
    allowed = _ADDABLE if section == "ADD" else _DELETABLE

    def check(values: Attributes) -> None:
        kind = type_of(values[name])
        if kind not in allowed:
            raise Invalid(
                f"Invalid {KIND}: Incorrect operand type for operator or function; operator: {section}, "
                f"operand type: {_LONG_NAMES[kind]}, typeSet: ALLOWED_FOR_{section}_OPERAND"
            )

    checks.append(check)
    return Step(section, parts, lambda item, values: values[name])


def _operand(node: Node, names: Names, checks: list[Check]) -> Give:
    if isinstance(node, ValueRef):
        name = node.name
        return lambda item, values: values[name]
    if isinstance(node, Path):
        find = finder(resolve(node, names))
        return lambda item, values: copied(present(find(item)))
    if isinstance(node, Operator):
        return _sum(node, names, checks)
    if len(node.operands) != 2:
        raise Invalid(
            f"Invalid {KIND}: Incorrect number of operands for operator or function; "
            f"operator or function: {node.name}, number of operands: {len(node.operands)}"
        )
    first, second = node.operands
    if node.name == "if_not_exists":
        if not isinstance(first, Path):
            raise Invalid(
                f"Invalid {KIND}: Operator or function requires a document path; "
                "operator or function: if_not_exists"
            )
        find = finder(resolve(first, names))
        otherwise = _operand(second, names, checks)

        def choose(item: Attributes, values: Attributes) -> Value:
            found = find(item)
            return otherwise(item, values) if found is None else copied(found)

        return choose
    left, right = _operand(first, names, checks), _operand(second, names, checks)
    _limit(node, "list_append", "L", checks)
    return lambda item, values: appended(left(item, values), right(item, values))


def _sum(node: Operator, names: Names, checks: list[Check]) -> Give:
    left, right = (_operand(one, names, checks) for one in node.operands)
    subtract = node.name == "-"
    _limit(node, node.name, "N", checks)

    def add(item: Attributes, values: Attributes) -> Value:
        a, b = left(item, values), right(item, values)
        if "N" not in a or "N" not in b:
            raise Invalid(WRONG_TYPE)
        return {"N": numbers.add(a["N"], b["N"], subtract=subtract)}

    return add


def _limit(node: Operator | Call, name: str, wanted: str, checks: list[Check]) -> None:
    """Values that a request brings must have the operand's type; what the item holds is seen later."""
    for operand in node.operands:
        if isinstance(operand, ValueRef):

            def check(values: Attributes, value: str = operand.name) -> None:
                kind = type_of(values[value])
                if kind != wanted:
                    raise Invalid(
                        f"Invalid {KIND}: Incorrect operand type for operator or function; "
                        f"operator or function: {name}, operand type: {kind}"
                    )

            checks.append(check)


def present(value: Value | None) -> Value:
    """The value of an operand, which must be there."""
    if value is None:
        raise Invalid(NO_ATTRIBUTE)
    return value


def copied(value: Value) -> Value:
    """What an attribute is set to must not be part of another attribute."""
    if "M" in value or "L" in value:
        copy: Value = orjson.loads(orjson.dumps(value))
        return copy
    return value


def appended(left: Value, right: Value) -> Value:
    """What list_append makes of two lists."""
    if "L" not in left or "L" not in right:
        raise Invalid(WRONG_TYPE)
    return {"L": left["L"] + right["L"]}


def added(before: Value | None, more: Value) -> Value:
    """What ADD makes of a number or set.

    Raises:
        Invalid: the attribute has another type.
    """
    if before is None:
        return more
    ((kind, inner),) = more.items()
    if kind not in before:
        raise Invalid(WRONG_TYPE)
    if kind == "N":
        return {"N": numbers.add(before["N"], inner)}
    return {kind: list(dict.fromkeys([*before[kind], *inner]))}


def without(before: Value | None, less: Value) -> Value | None:
    """What DELETE leaves of a set; None: nothing.

    Raises:
        Invalid: the attribute has another type.
    """
    if before is None:
        return None
    ((kind, inner),) = less.items()
    if kind not in before:
        raise Invalid(WRONG_TYPE)
    gone = set(inner)
    left = [one for one in before[kind] if one not in gone]
    return {kind: left} if left else None


def put_at(item: Attributes, parts: Parts, value: Value) -> None:
    """Set what stands at a path; its parent must be there. Behind the end of a list it is appended.

    Raises:
        Invalid: there is no such parent.
    """
    if len(parts) == 1:
        item[str(parts[0])] = value
        return
    parent = _parent(item, parts)
    last = parts[-1]
    members = None if parent is None else parent.get("L" if isinstance(last, int) else "M")
    if members is None:
        raise Invalid(INVALID_PATH)
    if isinstance(last, int) and last >= len(members):
        members.append(value)
    else:
        members[last] = value


def remove_at(item: Attributes, parts: Parts) -> None:
    """Remove what stands at a path, if anything; its parent must be there.

    Raises:
        Invalid: there is no such parent.
    """
    if len(parts) == 1:
        item.pop(str(parts[0]), None)
        return
    parent = _parent(item, parts)
    last = parts[-1]
    members = None if parent is None else parent.get("L" if isinstance(last, int) else "M")
    if members is None:
        raise Invalid(INVALID_PATH)
    if isinstance(last, int):
        if last < len(members):
            del members[last]
    else:
        members.pop(last, None)


def _parent(item: Attributes, parts: Parts) -> Value | None:
    found = item.get(str(parts[0]))
    for part in parts[1:-1]:
        if found is None:
            return None
        found = step(found, part)
    return found


def check_keys(names: tuple[str, ...], paths: list[Parts]) -> None:
    """Raise if an update touches the key."""
    for parts in paths:
        if parts[0] in names:
            raise Invalid.parameter(f"Cannot update attribute {parts[0]}. This attribute is part of the key")


__all__ = ["Update", "added", "check_keys", "path_text", "put_at", "remove_at", "update", "without"]
