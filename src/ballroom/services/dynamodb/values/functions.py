"""What the functions of expressions (and the legacy operators of the same names) say about values.

Source: DynamoDB Developer Guide, "Comparison operator and function reference"; API Reference, Condition.
"""

from __future__ import annotations

from base64 import b64decode

from ballroom.services.dynamodb.values.attribute_values import Value, binary_size
from ballroom.services.dynamodb.values.comparing import equal


def begins_with(value: Value | None, start: Value | None) -> bool:
    """Whether a string or binary value begins with another of its type."""
    if value is None or start is None:
        return False
    if "S" in value and "S" in start:
        return bool(value["S"].startswith(start["S"]))
    if "B" in value and "B" in start:
        return b64decode(value["B"]).startswith(b64decode(start["B"]))
    return False


def contains(value: Value | None, wanted: Value | None) -> bool:
    """Whether a string has a substring, binary a part, a set or list an element."""
    if value is None or wanted is None:
        return False
    ((kind, inner),) = value.items()
    ((wanted_kind, sought),) = wanted.items()
    if kind == "S":
        return wanted_kind == "S" and sought in inner
    if kind == "B":
        return wanted_kind == "B" and b64decode(sought) in b64decode(inner)
    if kind == "L":
        return any(equal(one, wanted) for one in inner)
    return kind == wanted_kind + "S" and sought in inner


def size_value(value: Value | None) -> Value | None:
    """What `size()` gives: a string's UTF-16 code units, bytes or elements; None where the type has no size."""
    if value is None:
        return None
    ((kind, inner),) = value.items()
    if kind in ("N", "NULL", "BOOL"):
        return None
    if kind == "B":
        return {"N": str(binary_size(inner))}
    if kind == "S" and not inner.isascii():
        return {"N": str(len(inner.encode("utf-16-le", "surrogatepass")) // 2)}
    return {"N": str(len(inner))}
