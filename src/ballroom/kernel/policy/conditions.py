"""Condition operators: what each compares, with its modifiers. Pure.

A condition holds if every operator's every key does; a key holds if any of its values does. `...IfExists`
holds for an absent key; `ForAllValues:` and `ForAnyValue:` ask about keys of several values.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from ballroom.kernel.policy.patterns import fill, matches, plain

Values = Mapping[str, tuple[str, ...]]
"""Context keys in lower case, with their values."""
Compare = Callable[[str, str], bool]


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def holds(actual: str, wanted: str) -> bool:
        try:
            return compare(Decimal(actual), Decimal(plain(wanted)))
        except InvalidOperation:
            return False

    return holds


def _dated(compare: Callable[[float, float], bool]) -> Compare:
    def holds(actual: str, wanted: str) -> bool:
        one, other = moment(actual), moment(plain(wanted))
        return one is not None and other is not None and compare(one, other)

    return holds


def moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 date or of a number of seconds; None if it is neither."""
    try:
        return float(int(text))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _in_network(actual: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(plain(wanted), strict=False)
    except ValueError:
        return False


def _same_bytes(actual: str, wanted: str) -> bool:
    try:
        return base64.b64decode(actual, validate=True) == base64.b64decode(plain(wanted), validate=True)
    except (binascii.Error, ValueError):
        return False


def _arn_like(actual: str, wanted: str) -> bool:
    """Part by part, so that a wildcard in the account does not reach into the resource."""
    one, other = actual.split(":", 5), wanted.split(":", 5)
    if len(one) != 6 or len(other) != 6:
        return wanted == "*" or matches(wanted, actual)
    return all(matches(w, a) for w, a in zip(other, one, strict=True))


_POSITIVE: dict[str, Compare] = {
    "stringequals": lambda actual, wanted: actual == plain(wanted),
    "stringequalsignorecase": lambda actual, wanted: actual.casefold() == plain(wanted).casefold(),
    "stringlike": lambda actual, wanted: matches(wanted, actual),
    "numericequals": _numeric(lambda a, b: a == b),
    "numericlessthan": _numeric(lambda a, b: a < b),
    "numericlessthanequals": _numeric(lambda a, b: a <= b),
    "numericgreaterthan": _numeric(lambda a, b: a > b),
    "numericgreaterthanequals": _numeric(lambda a, b: a >= b),
    "dateequals": _dated(lambda a, b: a == b),
    "datelessthan": _dated(lambda a, b: a < b),
    "datelessthanequals": _dated(lambda a, b: a <= b),
    "dategreaterthan": _dated(lambda a, b: a > b),
    "dategreaterthanequals": _dated(lambda a, b: a >= b),
    "bool": lambda actual, wanted: actual.lower() == plain(wanted).lower(),
    "binaryequals": _same_bytes,
    "ipaddress": _in_network,
    "arnequals": _arn_like,  # AWS: ArnEquals and ArnLike behave identically
    "arnlike": _arn_like,
}
_NEGATIVE = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}
OPERATORS = frozenset({*_POSITIVE, *_NEGATIVE, "null"})


def known_operator(name: str) -> bool:
    """Whether there is such an operator, modifiers included."""
    return split(name)[1] in OPERATORS


def split(name: str) -> tuple[str, str, bool]:
    """Set qualifier (`forallvalues`, `foranyvalue` or empty), operator, whether absent keys pass."""
    qualifier, colon, operator = name.lower().rpartition(":")
    if not colon:
        qualifier = ""
    if operator.endswith("ifexists"):
        return qualifier, operator.removesuffix("ifexists"), True
    return qualifier, operator, False


def holds(name: str, key: str, wanted: tuple[str, ...], values: Values) -> bool:
    """Whether one operator holds for one key."""
    qualifier, operator, if_exists = split(name)
    actual = values.get(key.lower())
    if operator == "null":
        absent = "true" if not actual else "false"
        return any(plain(w).lower() == absent for w in wanted)
    negative = operator in _NEGATIVE
    compare = _POSITIVE.get(_NEGATIVE.get(operator, operator))
    if compare is None:
        return False
    filled = [text for one in wanted if (text := fill(one, values)) is not None]
    if not actual:
        return if_exists or negative or qualifier == "forallvalues"
    held = [any(compare(value, w) for w in filled) is not negative for value in actual]
    if qualifier == "forallvalues" or (negative and qualifier != "foranyvalue"):
        return all(held)
    return any(held)
