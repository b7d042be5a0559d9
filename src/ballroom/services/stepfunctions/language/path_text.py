"""What paths and filters share: the error of an invalid one, and how Java names and prints values."""

from __future__ import annotations

from decimal import Decimal

from ballroom.services.stepfunctions.language.machine import Json


class InvalidPath(Exception):
    """A text is no path; the message says why."""


class PathNotFound(Exception):
    """A definite path leads nowhere in this data; the text is Jayway's."""


def java_class(value: Json) -> str:
    """The class that AWS's messages name for a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, str):
        return "java.lang.String"
    if isinstance(value, int):
        return "java.lang.Integer" if -(2**31) <= value < 2**31 else "java.lang.Long"
    if isinstance(value, float):
        return "java.lang.Double"
    return "java.util.ArrayList" if isinstance(value, list) else "java.util.LinkedHashMap"


def java_text(value: Json) -> str:
    """A value as Java's `toString` prints it, which `States.Format` inserts: `{a=1, b=[x, null]}`.

    Source: recorded (`States.Format` of an object).
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={java_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return _java_double(value) if isinstance(value, float) else str(value)


def _java_double(value: float) -> str:
    """A double as Java prints it: with an exponent outside of 0.001 to 10,000,000."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{Decimal(repr(value)):E}".partition("E")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0")
    mantissa += "0" if mantissa.endswith(".") else "" if "." in mantissa else ".0"
    return f"{mantissa}E{int(exponent)}"
