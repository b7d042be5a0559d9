"""Document paths with their names resolved: finding values, overlaps, and projections.

Source: DynamoDB Developer Guide, "Referring to item attributes when using expressions".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.nodes import Part
from ballroom.services.dynamodb.values.attribute_values import Attributes, Value

Parts = tuple[Part, ...]
Finder = Callable[[Attributes], Value | None]


def path_text(parts: Parts) -> str:
    """As AWS's texts print a path: `[a, b, [0]]`."""
    return f"[{', '.join(f'[{part}]' if isinstance(part, int) else part for part in parts)}]"


def finder(parts: Parts) -> Finder:
    """A function that gives the value at a path, or None."""
    first = parts[0]
    if len(parts) == 1:
        return lambda attributes: attributes.get(first)  # type: ignore[arg-type]
    rest = parts[1:]

    def find(attributes: Attributes) -> Value | None:
        found: Any = attributes.get(first)  # type: ignore[arg-type]
        for part in rest:
            if found is None:
                return None
            found = step(found, part)
        return found  # type: ignore[no-any-return]

    return find


def step(value: Value, part: Part) -> Value | None:
    """The value one step below another, or None."""
    if isinstance(part, int):
        elements = value.get("L")
        return elements[part] if elements is not None and part < len(elements) else None
    members = value.get("M")
    return members.get(part) if members is not None else None


def check_overlaps(kind: str, paths: Sequence[Parts]) -> None:
    """Raise if one path is the other's beginning, or two take the same place for a map and a list.

    Linear in the parts of all paths.
    """
    root: dict[Part, Any] = {}
    for parts in paths:
        node = root
        for depth, part in enumerate(parts):
            other = _other_kind(node, part)
            if other is not None:
                raise _clash(kind, "conflict", _any_leaf(other), parts)
            last = depth == len(parts) - 1
            below = node.get(part)
            if below is None:
                node[part] = _Leaf(parts) if last else {}
                if last:
                    break
            elif last or isinstance(below, _Leaf):
                raise _clash(kind, "overlap", _any_leaf(below), parts)
            node = node[part]


class _Leaf:
    __slots__ = ("parts",)

    def __init__(self, parts: Parts) -> None:
        self.parts = parts


def _other_kind(node: dict[Part, Any], part: Part) -> Any:
    """Something in the node that is an index where `part` is a name, or the other way round."""
    for key in node:
        return node[key] if isinstance(key, int) is not isinstance(part, int) else None
    return None


def _any_leaf(node: Any) -> Parts:
    while not isinstance(node, _Leaf):
        node = next(iter(node.values()))
    return node.parts


def _clash(kind: str, how: str, one: Parts, two: Parts) -> Invalid:
    return Invalid(
        f"Invalid {kind}: Two document paths {how} with each other; must remove or rewrite one of these paths; "
        f"path one: {path_text(one)}, path two: {path_text(two)}"
    )


Projection = Callable[[Attributes], Attributes]


def projection(paths: Sequence[Parts]) -> Projection:
    """A function that gives those parts of an item; elements of lists close up."""
    if all(len(parts) == 1 for parts in paths):
        names: list[Any] = [parts[0] for parts in paths]
        return lambda attributes: {name: attributes[name] for name in names if name in attributes}
    tree: dict[Part, Any] = {}
    for parts in paths:
        node = tree
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = None
    return lambda attributes: _project_members(tree, attributes)


def _project_members(tree: dict[Part, Any], attributes: Attributes) -> Attributes:
    found: Attributes = {}
    for name, below in tree.items():
        if isinstance(name, str) and name in attributes:
            value = attributes[name] if below is None else _project(below, attributes[name])
            if value is not None:
                found[name] = value
    return found


def _project(tree: dict[Part, Any], value: Value) -> Value | None:
    members, elements = value.get("M"), value.get("L")
    if members is not None:
        kept = _project_members(tree, members)
        return {"M": kept} if kept else None
    if elements is not None:
        chosen = []
        for position in sorted(part for part in tree if isinstance(part, int)):
            if position < len(elements):
                below = tree[position]
                one = elements[position] if below is None else _project(below, elements[position])
                if one is not None:
                    chosen.append(one)
        return {"L": chosen} if chosen else None
    return None
