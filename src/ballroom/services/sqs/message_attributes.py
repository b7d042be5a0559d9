"""Message attributes: their rules, their size, their MD5, and which of them a receiver asked for.

An attribute is `(data type, value)`; the value is the bytes that count, hash and travel: those of the text
in UTF-8, unless the type's first part is Binary.

Source: SQS Developer Guide, "Amazon SQS message metadata" (rules, "Calculating the MD5 message digest for
message attributes"); ReceiveMessage (selection); recorded answers (texts).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import md5
from typing import Any

from ballroom.services.sqs.errors import InvalidMessageContents, InvalidParameterValue, SqsError

Attribute = tuple[str, bytes]
Attributes = dict[str, Attribute]

LIMIT = 10
_NAME_LENGTH = 256
_TYPE_LENGTH = 256
_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FORBIDDEN_ASCII = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r")
_TRACE_HEADER = "AWSTraceHeader"
_STRING, _BINARY = b"\x01", b"\x02"


def check_text(text: str, raw: bytes) -> None:
    """Refuse characters that XML 1.0 does not allow; `raw` is the text in UTF-8.

    Raises:
        InvalidMessageContents: it holds one.
    """
    if text.isascii() and len(raw.translate(None, _FORBIDDEN_ASCII)) == len(raw):  # in a quarter of the time
        return
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise InvalidMessageContents(found[0])


def read_attributes(given: Mapping[str, Mapping[str, Any]]) -> Attributes:
    """The attributes of a message to be sent.

    Raises:
        InvalidParameterValue: a name, type or value breaks a rule.
        InvalidMessageContents: a value holds a character that is not allowed.
    """
    if len(given) > LIMIT:
        raise InvalidParameterValue(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{LIMIT}]."
        )
    attributes: Attributes = {}
    for name, value in given.items():
        _check_name(name)
        attributes[name] = _read(name, value, "user")
    return attributes


def read_system_attributes(given: Mapping[str, Mapping[str, Any]]) -> Attributes:
    """The system attributes of a message to be sent: the X-Ray trace header is the only one there is.

    Raises:
        InvalidParameterValue: another name, or a value that is no string.
    """
    attributes: Attributes = {}
    for name, value in given.items():
        if name != _TRACE_HEADER:
            raise InvalidParameterValue(
                f"Message system attribute name '{name}' is invalid. You must use only the following "
                f"supported system attributes: {_TRACE_HEADER}."
            )
        attributes[name] = _read(name, value, "system")
        if attributes[name][0] != "String":
            raise InvalidParameterValue(f"The message system attribute '{name}' must be of type 'String'.")
    return attributes


def _check_name(name: str) -> None:
    if not name:
        raise InvalidParameterValue("The request must contain non-empty message attribute name.")
    if len(name) > _NAME_LENGTH:
        raise InvalidParameterValue(
            f"Length of message attribute name must be at most {_NAME_LENGTH} characters."
        )
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            f"Invalid attribute name characters found. Message (user) attribute name '{name}' can only "
            "contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters."
        )
    lower = name.lower()
    if lower.startswith(("aws.", "amazon.")):
        raise InvalidParameterValue(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
            "These strings are reserved for internal use."
        )
    if name[0] == "." or name[-1] == "." or ".." in name:
        raise InvalidParameterValue(
            f"Message (user) attribute name '{name}' must not start or end with a period (.), "
            "and must not have periods in succession (..)."
        )


def _read(name: str, value: Mapping[str, Any], whose: str) -> Attribute:
    data_type = value.get("DataType") or ""
    if not data_type:
        raise InvalidParameterValue(
            f"The message ({whose}) attribute '{name}' must contain a non-empty attribute type."
        )
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise InvalidParameterValue(
            f"Message ({whose}) attribute '{name}' uses list values, which are not implemented."
        )
    kind = data_type.split(".", 1)[0]
    if kind not in ("String", "Number", "Binary") or len(data_type) > _TYPE_LENGTH:
        raise InvalidParameterValue(
            f"The type of message ({whose}) attribute '{name}' is invalid. You must use only the following "
            "supported type prefixes: Binary, Number, String."
        )
    check_text(data_type, _utf_8(data_type))
    text, blob = value.get("StringValue"), value.get("BinaryValue")
    if text is not None and blob is not None:
        raise InvalidParameterValue(
            f"The message ({whose}) attribute '{name}' has multiple values, but only one is allowed."
        )
    if kind == "Binary":
        if not blob:
            raise _empty(name, data_type, whose)
        return data_type, blob
    if not text:
        raise _empty(name, data_type, whose)
    raw = _utf_8(text)
    check_text(text, raw)
    if kind == "Number" and not _NUMBER.fullmatch(text):
        raise InvalidParameterValue(
            f"Can't cast the value of message ({whose}) attribute '{name}' to a number."
        )
    return data_type, raw


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _empty(name: str, data_type: str, whose: str) -> SqsError:
    return InvalidParameterValue(
        f"Message ({whose}) attribute '{name}' must contain a non-empty value of type '{data_type}'."
    )


def size_of(attributes: Attributes) -> int:
    """What the attributes add to a message's size: names, types and values."""
    return sum(
        len(name.encode()) + len(kind.encode()) + len(value) for name, (kind, value) in attributes.items()
    )


def _is_binary(data_type: str) -> bool:
    return data_type.startswith("Binary")


def digest(attributes: Attributes) -> str:
    """The MD5 that AWS and every SDK compute over attributes, in hexadecimal."""
    hashed = md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind, value = attributes[name]
        for text in (name, kind):
            raw = text.encode()
            hashed.update(len(raw).to_bytes(4, "big") + raw)
        hashed.update((_BINARY if _is_binary(kind) else _STRING) + len(value).to_bytes(4, "big") + value)
    return hashed.hexdigest()


def selector(names: Iterable[str]) -> Callable[[Attributes], Attributes]:
    """A function that keeps the attributes which a receiver named: exactly, by `prefix.*`, or all of them.

    A name that no attribute can have matches nothing; it is no error.
    """
    wanted = set(names)
    if wanted & {"All", ".*", "*"}:
        return lambda attributes: attributes
    prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*"))
    if not prefixes:
        return lambda attributes: {n: v for n, v in attributes.items() if n in wanted}
    return lambda attributes: {
        n: v for n, v in attributes.items() if n in wanted or n.startswith(prefixes)
    }


def to_wire(attributes: Attributes) -> dict[str, dict[str, Any]]:
    """Attributes as ReceiveMessage tells them."""
    return {
        name: (
            {"DataType": kind, "BinaryValue": value}
            if _is_binary(kind)
            else {"DataType": kind, "StringValue": value.decode()}
        )
        for name, (kind, value) in attributes.items()
    }
