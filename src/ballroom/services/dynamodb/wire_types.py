"""What DynamoDB says of a value of the wrong JSON type: words that differ by shape and place.

Walks the JSON of a request that failed already, in the order in which it was sent, so that ordinary requests
pay nothing.

Source: texts that DynamoDB answers.
"""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel.model.errors import SerializationFailed
from ballroom.kernel.model.shapes import Shape

_JAVA = {
    "string": "class java.lang.String", "integer": "class java.lang.Integer", "long": "class java.lang.Long",
    "boolean": "class java.lang.Boolean", "blob": "class java.nio.ByteBuffer",
    "double": "class java.lang.Double", "float": "class java.lang.Float", "timestamp": "class java.util.Date",
}  # fmt: skip
_NAMES = {"string": "String", "integer": "Integer", "long": "Long", "boolean": "Boolean", "double": "Double"}
_PACKAGE = "com.amazonaws.dynamodb.v20120810."
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch


def check_types(shape: Shape, value: object) -> None:
    """Raise for the first part of a request that has the wrong type, if any.

    Raises:
        SerializationFailed: with DynamoDB's text.
    """
    _check(shape, value, is_field=True)


def _check(shape: Shape, value: Any, *, is_field: bool) -> None:
    if value is None:
        return
    if shape.is_scalar:
        _check_scalar(shape, value)
    elif shape.kind == "list":
        if isinstance(value, dict):
            raise SerializationFailed("Start of structure or map found where not expected.")
        if not isinstance(value, list):
            raise SerializationFailed("Unexpected field type")
        for element in value:
            _check(shape.element.shape, element, is_field=False)
    elif not isinstance(value, dict):
        if isinstance(value, list):
            raise SerializationFailed(f"Unrecognized collection type {_java(shape)}")
        raise SerializationFailed("Unexpected field type" if is_field else "Unexpected value type in payload")
    elif shape.kind == "map":
        for element in value.values():
            _check(shape.value.shape, element, is_field=False)
    else:
        for name, inner in value.items():
            member = shape.members.get(name)
            if member is not None:
                _check(member.shape, inner, is_field=True)


def _java(shape: Shape) -> str:
    """The Java type that stands for a shape."""
    if shape.is_scalar:
        return _JAVA[shape.kind]
    if shape.kind == "structure":
        return f"class {_PACKAGE}{shape.name}"
    if shape.kind == "list":
        return f"java.util.List<{_inner(shape.element.shape)}>"
    return f"java.util.Map<java.lang.String, {_inner(shape.value.shape)}>"


def _inner(shape: Shape) -> str:
    return _java(shape).removeprefix("class ")


def _check_scalar(shape: Shape, value: Any) -> None:
    kind = shape.kind
    if isinstance(value, dict):
        raise SerializationFailed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise SerializationFailed(f"Unrecognized collection type {_JAVA[kind]}")
    if kind == "blob":
        _check_blob(value)
        return
    if kind not in _NAMES:
        return
    if isinstance(value, bool):
        token, fits = "TRUE_VALUE" if value else "FALSE_VALUE", kind == "boolean"
    elif isinstance(value, str):
        token, fits = "STRING_VALUE", kind == "string"
        if kind == "boolean":
            raise SerializationFailed("Unexpected token received from parser")
    else:
        token, fits = "NUMBER_VALUE", kind in ("integer", "long", "double")
    if not fits:
        raise SerializationFailed(f"{token} cannot be converted to {_NAMES[kind]}")


def _check_blob(value: Any) -> None:
    if isinstance(value, bytes):
        return
    if not isinstance(value, str):
        raise SerializationFailed("only base-64-encoded strings are convertible to bytes")
    if len(value) % 4:
        raise SerializationFailed(
            f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(value)}"
        )
    if not _BASE64(value):
        wrong = next((one for one in value.rstrip("=") if not _BASE64(one) or one == "="), "=")
        raise SerializationFailed(f"Invalid Base64 character: '{wrong}'")
