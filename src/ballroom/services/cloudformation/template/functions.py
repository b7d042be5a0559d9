"""The intrinsic functions on known arguments: pure, one function each.

Source: CloudFormation User Guide, "Intrinsic function reference". Texts are AWS's.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable
from typing import Any

from ..errors import ValidationError
from .values import NO_VALUE, as_text, is_scalar

OUTPUT_LIMIT = 1_048_576
"""Characters that one function may give: loops and joins must not grow a template without bound."""

_ZONES = {
    "us-east-1": "abcdef", "us-west-1": "ac", "us-west-2": "abcd", "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd", "sa-east-1": "abc",
}  # fmt: skip


def join(argument: Any) -> str:
    """`[delimiter, [items]]`"""
    form = (
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a "
        "list of "
        "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
    if not isinstance(argument, list) or len(argument) != 2 or not is_scalar(argument[0]):
        raise ValidationError(form)
    items = [] if argument[1] is NO_VALUE else argument[1]
    if not isinstance(items, list) or not all(is_scalar(item) or item is NO_VALUE for item in items):
        raise ValidationError(form)
    return bounded(as_text(argument[0]).join(as_text(item) for item in items if item is not NO_VALUE))


def split(argument: Any) -> list[str]:
    """`[delimiter, text]`"""
    if (
        not isinstance(argument, list)
        or len(argument) != 2
        or not isinstance(argument[0], str)
        or not argument[0]
    ):
        raise ValidationError(
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and "
            "(2) a string "
            "to be split or a function that returns a string to be split."
        )
    if not is_scalar(argument[1]):
        raise ValidationError("Template error: every Fn::Split object requires a string to be split")
    return as_text(argument[1]).split(argument[0])


def select(argument: Any) -> Any:
    """`[index, [items]]`"""
    if not isinstance(argument, list) or len(argument) != 2:
        raise ValidationError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    index, items = argument
    try:
        at = int(index)
    except (TypeError, ValueError):
        raise ValidationError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        ) from None
    if isinstance(items, str) or not isinstance(items, list):
        raise ValidationError("Template error: Fn::Select requires a list argument with a valid index")
    items = [item for item in items if item is not NO_VALUE]
    if not 0 <= at < len(items):
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {at}")
    if items[at] is None:
        raise ValidationError("Template error: Fn::Select cannot select a null value")
    return items[at]


def to_base64(argument: Any) -> str:
    """Text as base64."""
    if not is_scalar(argument):
        raise ValidationError("Template error: every Fn::Base64 object must have a String-typed value.")
    return base64.b64encode(as_text(argument).encode()).decode()


def cidr(argument: Any) -> list[str]:
    """`[block, count, bits]`: `count` sub-blocks with `bits` host bits each."""
    if not isinstance(argument, list) or not 2 <= len(argument) <= 3:
        raise ValidationError("Template error: every Fn::Cidr object requires two or three parameters")
    try:
        network = ipaddress.ip_network(as_text(argument[0]), strict=False)
        count = int(argument[1])
        bits = int(argument[2]) if len(argument) == 3 else 8
    except (TypeError, ValueError):
        raise ValidationError(f"Template error: Fn::Cidr has invalid parameters {argument}") from None
    prefix = network.max_prefixlen - bits
    if not 1 <= count <= 256 or bits < 1 or prefix < network.prefixlen:
        raise ValidationError(f"Template error: Fn::Cidr has invalid parameters {argument}")
    if count > 1 << min(prefix - network.prefixlen, 16):
        raise ValidationError(f"Template error: Fn::Cidr cannot make {count} blocks within {network}")
    first = int(network.network_address)
    address = type(network.network_address)
    return [f"{address(first + (n << bits))}/{prefix}" for n in range(count)]


def zones(region: str) -> list[str]:
    """The region's Availability Zones; regions outside our table have three."""
    return [region + letter for letter in _ZONES.get(region, "abc")]


def length(argument: Any) -> int:
    """The number of items of a list."""
    if not isinstance(argument, list):
        raise ValidationError("Template error: Fn::Length requires a list as its argument")
    return len([item for item in argument if item is not NO_VALUE])


def to_json(argument: Any) -> str:
    """An object or a list as JSON text."""
    if not isinstance(argument, dict | list):
        raise ValidationError("Template error: Fn::ToJsonString requires an object or an array as its argument")
    return bounded(json.dumps(argument, separators=(",", ":"), ensure_ascii=False))


def equals(argument: Any) -> bool:
    """Whether both are the same; scalars are compared as text, as `true` and `"true"` are the same."""
    if not isinstance(argument, list) or len(argument) != 2:
        raise ValidationError("Template error: every Fn::Equals object requires a list of 2 string parameters.")
    left, right = argument
    if is_scalar(left) and is_scalar(right):
        return as_text(left) == as_text(right)
    return bool(left == right)


def bounded(text: str) -> str:
    """The text, unless a function has made it too long."""
    if len(text) > OUTPUT_LIMIT:
        raise ValidationError(f"Template error: a function's result is longer than {OUTPUT_LIMIT} characters")
    return text


PLAIN: dict[str, Callable[[Any], Any]] = {
    "Fn::Join": join,
    "Fn::Split": split,
    "Fn::Select": select,
    "Fn::Base64": to_base64,
    "Fn::Cidr": cidr,
    "Fn::Length": length,
    "Fn::ToJsonString": to_json,
}
"""Functions that need nothing but their argument."""
EXTENDED = {"Fn::Length", "Fn::ToJsonString", "Fn::ForEach"}
"""Functions of the AWS::LanguageExtensions transform."""
