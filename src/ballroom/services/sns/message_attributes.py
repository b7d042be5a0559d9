"""Message attributes: their rules, their size, and how filters and envelopes see them.

Source: Developer Guide, "Amazon SNS message attributes"; SNS API Reference, MessageAttributeValue.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

from ballroom.services.sns.errors import InvalidParameter, InvalidParameterValue

Attributes = dict[str, tuple[str, bytes]]
"""Data type and value by name; a text's value is its bytes in UTF-8."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_FOR_DEVICES = ("AWS.SNS.", "AWS.MM.")
"""Reserved names that publishers may use: what a text message or push notification is to be sent as.

Source: Developer Guide, "Publishing SMS messages to a mobile phone", "Amazon SNS mobile push TTL".
"""
_MOST_RAW = 10
"""Attributes that a queue's message can have: raw delivery of more fails."""


def read(given: dict[str, dict[str, Any]]) -> Attributes:
    """The attributes of a message.

    Raises:
        InvalidParameterValue: one breaks a rule.
    """
    return {name: _read(name, value) for name, value in given.items()}


def _read(name: str, value: dict[str, Any]) -> tuple[str, bytes]:
    _check_name(name)
    kind = value.get("DataType") or ""
    if not kind:
        raise InvalidParameterValue(
            f"The message attribute '{name}' must contain non-empty message attribute type."
        )
    first = kind.split(".", 1)[0]
    if first not in ("String", "Number", "Binary") or kind.endswith(".") or len(kind) > 256:
        raise InvalidParameterValue(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported "
            "type prefixes is Binary, Number, and String."
        )
    text, blob = value.get("StringValue"), value.get("BinaryValue")
    if first == "Binary":
        if text is not None and blob is None:
            raise InvalidParameterValue(
                f"The message attribute '{name}' with type '{kind}' must use field 'Binary'."
            )
        if not blob:
            raise _empty(name, kind)
        return kind, bytes(blob)
    if blob is not None and text is None:
        raise InvalidParameterValue(
            f"The message attribute '{name}' with type '{kind}' must use field 'String'."
        )
    if not text:
        raise _empty(name, kind)
    if first == "Number" and not _NUMBER.fullmatch(text):
        raise InvalidParameterValue(f"Could not cast message attribute '{name}' value to number.")
    return kind, text.encode("utf-8", "surrogatepass")


def is_binary(kind: str) -> bool:
    """Whether a data type's values are no text."""
    return kind.startswith("Binary")


def text_of(value: bytes) -> str:
    """A text attribute's value."""
    return value.decode("utf-8", "surrogatepass")


def _check_name(name: str) -> None:
    if not name:
        raise InvalidParameterValue("Message attribute name can not be empty.")
    if len(name) > 256:
        raise InvalidParameterValue("Length of message attribute name must be less than 256 bytes.")
    if not _NAME.fullmatch(name):
        wrong = ord(next(c for c in name if not _NAME.fullmatch(c)))
        raise InvalidParameterValue(
            f"Invalid non-alphanumeric character '#x{wrong:X}' was found in the message attribute name. "
            "Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    lower = name.lower()
    reserved = lower.startswith(("aws.", "amazon.")) and not name.startswith(_FOR_DEVICES)
    if reserved or name[0] == "." or name[-1] == "." or ".." in name:
        raise InvalidParameterValue(
            "Invalid message attribute name: it must not start or end with a dot, hold two in succession, or "
            "begin with 'AWS.' or 'Amazon.'."
        )


def _empty(name: str, kind: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"The message attribute '{name}' must contain non-empty message attribute value for message attribute "
        f"type '{kind}'."
    )


def as_event(attributes: Attributes) -> dict[str, Any]:
    """The attributes as a filter policy sees them; binary ones are not seen."""
    event: dict[str, Any] = {}
    for name, (kind, value) in attributes.items():
        if is_binary(kind):
            continue
        text = text_of(value)
        if kind.startswith("Number"):
            event[name] = _number(text)
        elif kind == "String.Array":
            event[name] = _array(text)
        else:
            event[name] = text
    return event


def _number(text: str) -> int | float:
    try:
        return int(text) if len(text) < 4000 else float(text)
    except ValueError:
        return float(text)


def _array(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def in_envelope(attributes: Attributes) -> dict[str, dict[str, str]]:
    """The attributes as JSON notifications have them."""
    return {
        name: {
            "Type": kind,
            "Value": base64.b64encode(value).decode() if is_binary(kind) else text_of(value),
        }
        for name, (kind, value) in attributes.items()
    }


def for_queue(attributes: Attributes) -> dict[str, dict[str, Any]]:
    """The attributes of a queue's message, for raw delivery; those for devices mean nothing to it.

    Raises:
        InvalidParameter: there are more than a queue's message can have.
    """
    wanted = {name: value for name, value in attributes.items() if not name.startswith(_FOR_DEVICES)}
    if len(wanted) > _MOST_RAW:
        raise InvalidParameter("Number of message attributes exceeds the allowed maximum [10].")
    return {
        name: (
            {"DataType": kind, "BinaryValue": value}
            if is_binary(kind)
            else {"DataType": kind, "StringValue": text_of(value)}
        )
        for name, (kind, value) in wanted.items()
    }
