"""The constraints that a shape puts on its own value, in AWS's words, and the types it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ballroom.kernel.model import enums, patterns
from ballroom.kernel.model.errors import wrong_type
from ballroom.kernel.model.shapes import Member, Shape
from ballroom.kernel.model.styles import ValidationStyle

RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "timestamp": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "blob": bytes,
}

Constraint = tuple[str, str, Callable[[Any], bool]]
"""Kind, AWS's text, and whether a value of the right type keeps it."""


def is_opaque(member: Member) -> bool:
    """The member's value is not looked into: a stream, or JSON that travels as text."""
    return member.is_streaming or member.is_event_stream or member.is_json_text


def check_type(shape: Shape, value: object) -> None:
    """Refuse a value of the wrong type.

    Raises:
        SerializationFailed: it is one.
    """
    if shape.is_document:
        return
    if not isinstance(value, PYTHON_TYPES[shape.kind]):
        raise wrong_type(value, shape.kind)
    if isinstance(value, bool) and shape.kind != "boolean":
        raise wrong_type(value, shape.kind)
    if shape.kind in RANGES and isinstance(value, int):
        low, high = RANGES[shape.kind]
        if not low <= value <= high:
            raise wrong_type(value, shape.kind)


def constraints(shape: Shape, style: ValidationStyle) -> list[Constraint]:
    """Those that the style checks: enum, or upper bound, lower bound and pattern, in AWS's order."""
    found: list[Constraint] = []
    traits = shape.traits
    if shape.kind == "string" and "enum" in traits and "enum" in style.checks:
        allowed = frozenset(traits["enum"])
        text = f"Member must satisfy enum value set: [{', '.join(enums.printed_order(traits['enum']))}]"
        found.append(("enum", text, allowed.__contains__))
    if "length" in style.checks and shape.kind in ("string", "list", "map", "blob"):
        found.extend(_length(traits.get("min"), traits.get("max")))
    if "range" in style.checks and shape.kind in ("integer", "long", "float", "double"):
        found.extend(_range(traits.get("min"), traits.get("max")))
    if "pattern" in style.checks and shape.kind == "string" and "pattern" in traits:
        matches = patterns.matcher(traits["pattern"])
        if matches is not None:
            text = f"Member must satisfy regular expression pattern: {traits['pattern']}"
            found.append(("pattern", text, matches))
    return found


def _length(low: int | None, high: int | None) -> list[Constraint]:
    found: list[Constraint] = []
    if high is not None:
        most = int(high)
        text = f"Member must have length less than or equal to {most}"
        found.append(("length", text, lambda value: len(value) <= most))
    if low is not None:
        least = int(low)
        text = f"Member must have length greater than or equal to {least}"
        found.append(("length", text, lambda value: len(value) >= least))
    return found


def _range(low: float | None, high: float | None) -> list[Constraint]:
    found: list[Constraint] = []
    if high is not None:
        most = high
        text = f"Member must have value less than or equal to {_number(high)}"
        found.append(("range", text, lambda value: value <= most))
    if low is not None:
        least = low
        text = f"Member must have value greater than or equal to {_number(low)}"
        found.append(("range", text, lambda value: value >= least))
    return found


def _number(bound: float) -> str:
    return re.sub(r"\.0$", "", str(bound))
