"""How values compare: equality of every type, order of strings, numbers and binary.

Source: DynamoDB Developer Guide, "Comparison operator and function reference".
"""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import Any

from ballroom.services.dynamodb.values import numbers
from ballroom.services.dynamodb.values.attribute_values import Value

SETS = frozenset({"SS", "NS", "BS"})


def equal(left: Value, right: Value) -> bool:
    """Same type and same value; the order of a set's elements does not count."""
    if left == right:
        return True
    ((kind, a),) = left.items()
    ((other, b),) = right.items()
    if kind != other:
        return False
    if kind in SETS:
        return len(a) == len(b) and set(a) == set(b)
    if kind == "L":
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if kind == "M":
        return a.keys() == b.keys() and all(equal(inner, b[name]) for name, inner in a.items())
    return False


def sort_value(value: Value) -> Any:
    """Something that orders as the value does among values of its type; None: the type has no order."""
    ((kind, inner),) = value.items()
    return sort_scalar(kind, inner)


def sort_scalar(kind: str, inner: Any) -> bytes | int | Decimal | None:
    """See `sort_value`."""
    if kind == "S":
        encoded: bytes = inner.encode("utf-8", "surrogatepass")
        return encoded
    if kind == "N":
        return numbers.comparable(inner)
    if kind == "B":
        return b64decode(inner)
    return None
