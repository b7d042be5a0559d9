"""Which names an expression uses: parameters, resources, attributes, conditions, mappings.

Source: CloudFormation User Guide, "Intrinsic function reference", "DependsOn attribute".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import ValidationError

SUB_VARIABLE = re.compile(r"\$\{([^${}]+)\}")
GETATT_FORM = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
    "resource attribute"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What one function names."""

    names: frozenset[str] = frozenset()
    """By `Ref` or `${Name}`: a parameter, a resource or a pseudo parameter."""
    attributes: frozenset[tuple[str, str]] = frozenset()
    """By `Fn::GetAtt` or `${Name.Attribute}`."""
    conditions: frozenset[str] = frozenset()
    mappings: frozenset[str] = frozenset()

    @property
    def attributes_of(self) -> frozenset[str]:
        """The resources whose attributes are read."""
        return frozenset(name for name, _ in self.attributes)


def function_of(node: Any) -> tuple[str, Any] | None:
    """`(name, argument)` if the node is a call such as `{"Ref": "X"}`."""
    if isinstance(node, dict) and len(node) == 1:
        name = next(iter(node))
        if name in ("Ref", "Condition") or name.startswith("Fn::"):
            return name, node[name]
    return None


def walk_functions(node: Any, taken: Callable[[str], bool | None] | None = None) -> Iterator[Found]:
    """What the functions within `node` name, outermost first.

    Args:
        node: any part of a template.
        taken: tells a condition's value; branches of `Fn::If` that are not taken are then left out.

    Raises:
        ValidationError: an `Fn::GetAtt` or `Fn::Sub` of the wrong form.
    """
    call = function_of(node)
    if call is None:
        if isinstance(node, dict):
            for value in node.values():
                yield from walk_functions(value, taken)
        elif isinstance(node, list):
            for value in node:
                yield from walk_functions(value, taken)
        return
    name, argument = call
    if name == "Ref":
        if isinstance(argument, str):
            yield Found(names=frozenset({argument}))
            return
    elif name == "Condition":
        if isinstance(argument, str):
            yield Found(conditions=frozenset({argument}))
            return
    elif name == "Fn::GetAtt":
        yield from _getatt(argument, taken)
        return
    elif name == "Fn::Sub":
        yield from _sub(argument, taken)
        return
    elif (
        name == "Fn::If" and isinstance(argument, list) and len(argument) == 3 and isinstance(argument[0], str)
    ):
        yield Found(conditions=frozenset({argument[0]}))
        value = taken(argument[0]) if taken else None
        branches = argument[1:] if value is None else [argument[1] if value else argument[2]]
        for branch in branches:
            yield from walk_functions(branch, taken)
        return
    elif name == "Fn::FindInMap" and isinstance(argument, list) and argument and isinstance(argument[0], str):
        yield Found(mappings=frozenset({argument[0]}))
    yield from walk_functions(argument, taken)


def split_attribute(argument: Any) -> tuple[str, Any]:
    """The resource and attribute of an `Fn::GetAtt`; the attribute may be an expression.

    Raises:
        ValidationError: not two non-empty parts.
    """
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str) or not parts[0]:
        raise ValidationError(GETATT_FORM)
    if all(isinstance(part, str) for part in parts[1:]):
        attribute: Any = ".".join(parts[1:])
    elif len(parts) == 2 and isinstance(parts[1], dict):
        attribute = parts[1]
    else:
        raise ValidationError(GETATT_FORM)
    if not attribute:
        raise ValidationError(GETATT_FORM)
    return parts[0], attribute


def _getatt(argument: Any, taken: Callable[[str], bool | None] | None) -> Iterator[Found]:
    resource, attribute = split_attribute(argument)
    if isinstance(attribute, str):
        yield Found(attributes=frozenset({(resource, attribute)}))
        return
    yield Found(attributes=frozenset({(resource, "")}))
    yield from walk_functions(attribute, taken)


def _sub(argument: Any, taken: Callable[[str], bool | None] | None) -> Iterator[Found]:
    text, variables = sub_parts(argument)
    names, attributes = set(), set()
    for match in SUB_VARIABLE.finditer(text):
        name = match.group(1).strip()
        if name.startswith("!") or name in variables:
            continue
        if "." in name and not name.startswith("AWS::"):
            resource, attribute = name.split(".", 1)
            attributes.add((resource, attribute))
        else:
            names.add(name)
    yield Found(names=frozenset(names), attributes=frozenset(attributes))
    yield from walk_functions(list(variables.values()), taken)


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text and the variables of an `Fn::Sub`, in either form."""
    if isinstance(argument, str):
        return argument, {}
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and isinstance(argument[1], dict)
    ):
        return argument[0], argument[1]
    raise ValidationError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify "
        "a string "
        "as first argument, and an optional second argument to specify a mapping of values to replace in "
        "the string"
    )


@dataclass(slots=True)
class Uses:
    """All that an expression uses, summed up."""

    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    conditions: set[str] = field(default_factory=set)


def uses_of(node: Any, taken: Callable[[str], bool | None] | None = None) -> Uses:
    """Everything that `node` names."""
    uses = Uses()
    for found in walk_functions(node, taken):
        uses.names |= found.names
        uses.attributes |= found.attributes
        uses.conditions |= found.conditions
    return uses
