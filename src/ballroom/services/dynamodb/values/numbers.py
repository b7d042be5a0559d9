"""Numbers: up to 38 significant digits, magnitudes from 1E-130 to 9.99E+125, kept as plain decimal text.

The canonical text has no exponent, no leading or trailing zeros: numbers are equal if their texts are.

Source: DynamoDB Developer Guide, "Data types: Number"; API Reference, AttributeValue.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from ballroom.services.dynamodb.errors import Invalid

_CANONICAL_INTEGER = re.compile(r"-?[1-9][0-9]{0,14}|0").fullmatch
_SHORT_INTEGER = re.compile(r"-?[0-9]{1,18}").fullmatch
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?)([0-9]+))?").fullmatch
_MOST_DIGITS = 38
_HIGHEST, _LOWEST = 125, -130
_EXPONENT_DIGITS = 6
_EXACT = Context(prec=600, Emax=10_000, Emin=-10_000)


class Parts:
    """A number taken apart: 0.d1d2d3... is never used; the value is d1.d2d3... times 10 to `exponent`."""

    __slots__ = ("digits", "exponent", "negative")

    def __init__(self, negative: bool, digits: str, exponent: int) -> None:
        self.negative, self.digits, self.exponent = negative, digits, exponent


def take_apart(text: str) -> Parts:
    """Sign, significant digits (none for zero) and exponent.

    Raises:
        Invalid: it is no number, or out of range.
    """
    match = _NUMBER(text)
    if match is None or not (match[2] or match[3]):
        raise Invalid("The parameter cannot be converted to a numeric value" + (f": {text}" if text else ""))
    sign, whole, fraction, exponent_sign, exponent_text = match.groups(default="")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    if not stripped:
        return Parts(False, "", 0)
    exponent_text = exponent_text.lstrip("0")
    shift = int(exponent_text[: _EXPONENT_DIGITS + 1] or "0")
    exponent = len(whole) - (len(digits) - len(stripped)) - 1 + (-shift if exponent_sign == "-" else shift)
    if len(exponent_text) > _EXPONENT_DIGITS:
        exponent = _LOWEST - 1 if exponent_sign == "-" else _HIGHEST + 1
    significant = stripped.rstrip("0")
    if exponent > _HIGHEST:
        raise Invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if exponent < _LOWEST:
        raise Invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    if len(significant) > _MOST_DIGITS:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    return Parts(sign == "-", significant, exponent)


def canonical(text: str) -> str:
    """The number's one text, in plain decimal notation.

    Raises:
        Invalid: it is no number, or out of range.
    """
    if _CANONICAL_INTEGER(text):
        return text
    parts = take_apart(text)
    digits, exponent = parts.digits, parts.exponent
    if not digits:
        return "0"
    if exponent < 0:
        plain = "0." + "0" * (-exponent - 1) + digits
    elif exponent + 1 >= len(digits):
        plain = digits + "0" * (exponent + 1 - len(digits))
    else:
        plain = f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"
    return "-" + plain if parts.negative else plain


def comparable(text: str) -> int | Decimal:
    """Something that compares as the number does; `text` is canonical."""
    return int(text) if _SHORT_INTEGER(text) else Decimal(text)


def add(left: str, right: str, *, subtract: bool = False) -> str:
    """The sum (or difference) of two canonical numbers, canonical.

    Raises:
        Invalid: the result is out of range, or has more than 38 digits.
    """
    if _SHORT_INTEGER(left) and _SHORT_INTEGER(right):
        return str(int(left) - int(right) if subtract else int(left) + int(right))
    a, b = Decimal(left), Decimal(right)
    return canonical(str(_EXACT.subtract(a, b) if subtract else _EXACT.add(a, b)))


def size(text: str) -> int:
    """Bytes that AWS counts for a canonical number: one for two digits, one more, and one for a sign."""
    digits = text.strip("-0.").replace(".", "") if "." in text else text.lstrip("-").rstrip("0")
    return 1 + (len(digits) + 1) // 2 + (text[0] == "-")


_FIRST_NEGATIVE, _ZERO, _FIRST_POSITIVE = b"\x00", b"\x01", b"\x02"


def sortable(text: str) -> bytes:
    """Bytes that sort as the numbers do: sign, exponent, then two digits a byte."""
    parts = take_apart(text)
    digits = parts.digits
    if not digits:
        return _ZERO
    if len(digits) % 2:
        digits += "0"
    pairs = [int(digits[i : i + 2]) + 1 for i in range(0, len(digits), 2)]
    exponent = parts.exponent - _LOWEST
    if parts.negative:
        # the complement, and an end that is larger than any pair: of two negative numbers, the one with
        # more digits behind a common front is the smaller
        return _FIRST_NEGATIVE + bytes((255 - exponent, *(101 - pair for pair in pairs), 102))
    return _FIRST_POSITIVE + bytes((exponent, *pairs))
