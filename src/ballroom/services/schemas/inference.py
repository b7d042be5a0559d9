"""What JSON values look like: a shape for one, and the shape that fits two.

A shape is JSON schema without references: {"type": "object", "properties": {...}, "required": [...]}, arrays
with one shape for all items, {} for anything. Pure; bounded in depth and in the number of properties.
"""

from __future__ import annotations

import re
from typing import Any

Shape = dict[str, Any]
_DEEPEST = 32
_MOST_PROPERTIES = 1000
_MOST_ITEMS = 100
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ANYTHING: Shape = {}


def shape_of(value: Any, depth: int = 0) -> Shape:
    """The shape of one value."""
    if isinstance(value, str):
        dated = len(value) < 40 and _DATE_TIME.fullmatch(value) is not None
        return {"type": "string", "format": "date-time"} if dated else {"type": "string"}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if depth >= _DEEPEST or value is None:
        return {}
    if isinstance(value, list):
        items: Shape | None = None
        for item in value[:_MOST_ITEMS]:
            shape = shape_of(item, depth + 1)
            items = shape if items is None else merged(items, shape)
        return {"type": "array", "items": {} if items is None else items}
    names = list(value)[:_MOST_PROPERTIES]
    return {
        "type": "object",
        "required": sorted(names),
        "properties": {name: shape_of(value[name], depth + 1) for name in names},
    }


def merged(one: Shape, other: Shape) -> Shape:
    """The narrowest shape that fits what either fits."""
    if one == other:
        return one
    if not one or not other or one.get("type") != other.get("type"):
        # null beside something says nothing about it
        return one or other if not one or not other else _ANYTHING
    if one["type"] == "array":
        return {"type": "array", "items": merged(one["items"], other["items"])}
    if one["type"] == "object":
        mine, yours = one["properties"], other["properties"]
        either = {**mine, **yours}
        both = {
            name: merged(mine[name], yours[name]) if name in mine and name in yours else either[name]
            for name in list(either)[:_MOST_PROPERTIES]
        }
        return {
            "type": "object",
            "required": sorted(set(one["required"]) & set(other["required"])),
            "properties": both,
        }
    return {"type": one["type"]}  # strings, of which one is no time
