"""Fits a template's loosely typed values to the model of the operation that takes them.

Templates say `"5"`, `5` or `5.0`, and `"true"` or `true`; AWS accepts each where the other is meant. A
policy given as an object is its JSON text where text is wanted. A member that the model lacks is refused: it
would be dropped in silence otherwise.

Source: CloudFormation User Guide, "Resource properties"; recorded case test_implicit_type_conversion.
"""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel.model import Shape

from ..resource_types.base import Failure
from ..template.values import as_text, is_scalar


def fit(shape: Shape | None, value: Any, path: str = "#") -> Any:
    """The value as the model types it.

    Args:
        shape: the operation's input, or a shape within.
        value: from a template.
        path: for the texts.

    Raises:
        Failure: it cannot be that type, or has a member that the model lacks.
    """
    if shape is None or shape.is_document:
        return value
    if shape.kind == "structure":
        return _structure(shape, value, path)
    if shape.kind == "map":
        if not isinstance(value, dict):
            raise _wrong(path, "JSONObject", value)
        return {
            as_text(name): fit(shape.value.shape, item, f"{path}/{name}")
            for name, item in value.items()
            if item is not None
        }
    if shape.kind == "list":
        if not isinstance(value, list):
            raise _wrong(path, "JSONArray", value)
        return [
            fit(shape.element.shape, item, f"{path}/{n}") for n, item in enumerate(value) if item is not None
        ]
    return _scalar(shape.kind, value, path)


def _structure(shape: Shape, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(path, "JSONObject", value)
    fitted = {}
    for name, item in value.items():
        if item is None:
            continue
        member = shape.members.get(name)
        if member is None:
            raise Failure(f"Encountered unsupported property {name}")
        if member.is_streaming or member.is_event_stream:
            fitted[name] = item
        else:
            fitted[name] = fit(member.shape, item, f"{path}/{name}")
    return fitted


def _scalar(kind: str, value: Any, path: str) -> Any:
    if kind == "string":
        if isinstance(value, dict | list):
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return as_text(value)
    if kind == "blob":
        return value if isinstance(value, bytes) else as_text(value).encode()
    if not is_scalar(value):
        raise _wrong(path, kind.capitalize(), value)
    if kind == "boolean":
        text = as_text(value).lower()
        if text not in ("true", "false"):
            raise _wrong(path, "Boolean", value)
        return text == "true"
    if isinstance(value, bool):
        raise _wrong(path, "Integer" if kind in ("integer", "long") else "Number", value)
    try:
        number = float(value)
        if kind in ("integer", "long", "timestamp"):
            if not number.is_integer():
                raise ValueError
            return (
                int(value)
                if isinstance(value, int | str) and as_text(value).lstrip("+-").isdigit()
                else int(number)
            )
    except (ValueError, OverflowError):
        raise _wrong(path, "Number" if kind in ("float", "double") else "Integer", value) from None
    return number


_NAMES = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Number",
}


def _wrong(path: str, expected: str, value: Any) -> Failure:
    found = _NAMES.get(type(value), type(value).__name__)
    return Failure(f"Model validation failed ({path}: expected type: {expected}, found: {found})")
