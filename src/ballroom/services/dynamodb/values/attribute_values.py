"""From what a request brings to what is kept, and back.

Values are kept in the form they have on the wire, `{"S": "x"}`, with canonical numbers and with binary as
base64 text: an item as stored is the JSON that a GetItem answers, so that nothing is decoded on its way.

Source: DynamoDB API Reference, AttributeValue; Developer Guide, "DynamoDB item sizes and formats".
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from ballroom.services.dynamodb.errors import Invalid, TooDeep
from ballroom.services.dynamodb.values import numbers

Value = dict[str, Any]
"""An attribute value as it is kept."""
Attributes = dict[str, Value]

TYPES = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
DEEPEST = 31
"""Lists and maps around a value: with it, 32 levels."""


def text_size(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def binary_size(encoded: str) -> int:
    """Bytes that base64 text stands for."""
    return len(encoded) // 4 * 3 - encoded.endswith("=") - encoded.endswith("==")


def take_attributes(given: dict[str, Any]) -> Attributes:
    """The attributes of an item or key of a request, as they are kept.

    Raises:
        Invalid: a value breaks a rule.
    """
    return {name: take(value) for name, value in given.items()}


def take(given: dict[str, Any], depth: int = 0) -> Value:
    """One value of a request, as it is kept.

    Raises:
        Invalid: it breaks a rule.
    """
    if len(given) != 1:
        given = {kind: given[kind] for kind in TYPES if given.get(kind) is not None}
        if len(given) != 1:
            for number in (*([given["N"]] if "N" in given else ()), *given.get("NS", ())):
                numbers.canonical(number)  # a wrong number is told of first
            raise _not_one(given)
    ((kind, value),) = given.items()
    if kind == "S":
        return given
    if kind == "N":
        number = numbers.canonical(value)
        return given if number is value else {"N": number}
    take_kind = _TAKE.get(kind)
    if take_kind is None:
        raise _not_one({})
    return {kind: take_kind(value, depth)}


def _not_one(given: dict[str, Any]) -> Invalid:
    if not given:
        return Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    return Invalid(
        "Supplied AttributeValue has more than one datatypes set, "
        "must contain exactly one of the supported datatypes"
    )


def _binary(value: bytes | str, depth: int) -> str:
    return value if isinstance(value, str) else b64encode(value).decode()


def _null(value: bool, depth: int) -> bool:
    if not value:
        raise Invalid.parameter("Null attribute value types must have the value of true")
    return True


def _boolean(value: bool, depth: int) -> bool:
    return value


def _string_set(value: list[str], depth: int) -> list[str]:
    if not value:
        raise Invalid.parameter("An string set  may not be empty")
    if len(set(value)) != len(value):
        raise Invalid.parameter(f"Input collection [{', '.join(value)}] contains duplicates.")
    return value


def _number_set(value: list[str], depth: int) -> list[str]:
    if not value:
        raise Invalid.parameter("An number set  may not be empty")
    found = [numbers.canonical(text) for text in value]
    if len(set(found)) != len(found):
        raise Invalid.parameter(f"Input collection [{', '.join(value)}] contains duplicates.")
    return found


def _binary_set(value: list[bytes | str], depth: int) -> list[str]:
    if not value:
        raise Invalid.parameter("Binary sets should not be empty")
    found = [_binary(one, depth) for one in value]
    if len(set(found)) != len(found):
        raise Invalid.parameter(f"Input collection [{', '.join(found)}]of type BS contains duplicates.")
    return found


def _list(value: list[Any], depth: int) -> list[Value]:
    if value and depth >= DEEPEST:
        raise TooDeep
    return [take(inner, depth + 1) for inner in value]


def _map(value: dict[str, Any], depth: int) -> Attributes:
    if value and depth >= DEEPEST:
        raise TooDeep
    return {name: take(inner, depth + 1) for name, inner in value.items()}


_TAKE: dict[str, Callable[[Any, int], Any]] = {
    "B": _binary, "SS": _string_set, "NS": _number_set, "BS": _binary_set, "M": _map, "L": _list,
    "NULL": _null, "BOOL": _boolean,
}  # fmt: skip


def type_of(value: Value) -> str:
    """`S`, `N`, ..."""
    for kind in value:
        return kind
    raise AssertionError("a kept value has a type")


def size_of_attributes(attributes: Attributes) -> int:
    """Bytes of an item as AWS counts them: names and values."""
    size = 0
    for name, value in attributes.items():
        size += len(name) if name.isascii() else text_size(name)
        text = value.get("S")
        if text is not None:
            size += len(text) if text.isascii() else text_size(text)
        else:
            size += size_of(value)
    return size


def size_of(value: Value) -> int:
    """Bytes of a value as AWS counts them."""
    ((kind, inner),) = value.items()
    if kind == "S":
        return text_size(inner)
    if kind == "N":
        return numbers.size(inner)
    if kind == "B":
        return binary_size(inner)
    if kind in ("NULL", "BOOL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + text_size(name) + size_of(one) for name, one in inner.items())
    if kind == "L":
        return 3 + sum(1 + size_of(one) for one in inner)
    return sum(_SIZES[kind](one) for one in inner)


_SIZES: dict[str, Callable[[str], int]] = {"SS": text_size, "NS": numbers.size, "BS": binary_size}


def give(value: Value) -> dict[str, Any]:
    """A kept value as callers inside the process see it: binary as bytes."""
    ((kind, inner),) = value.items()
    if kind == "B":
        return {"B": b64decode(inner)}
    if kind == "BS":
        return {"BS": [b64decode(one) for one in inner]}
    if kind == "M":
        return {"M": give_attributes(inner)}
    if kind == "L":
        return {"L": [give(one) for one in inner]}
    return value


def give_attributes(attributes: Attributes) -> dict[str, Any]:
    """Kept attributes as callers inside the process see them: binary as bytes."""
    return {name: give(value) for name, value in attributes.items()}
