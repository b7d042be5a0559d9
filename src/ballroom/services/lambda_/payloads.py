"""What may be sent to a function: JSON within a size, and AWS's words for what is neither."""

from __future__ import annotations

import base64
import binascii
import json

import orjson

from ballroom.services.lambda_.errors import InvalidRequestContent, RequestTooLarge

SYNCHRONOUS_LIMIT = 6_291_456
ASYNCHRONOUS_LIMIT = 1_048_576  # 256 KB until October 2025
CLIENT_CONTEXT_LIMIT = 3583

_AT = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def checked_event(payload: bytes | None, *, asynchronous: bool) -> bytes:
    """The event as the function gets it; none at all is an empty object.

    Raises:
        RequestTooLarge: more than 6 MB, or 1 MB for an asynchronous invocation.
        InvalidRequestContent: it is no JSON.

    Source: Lambda API Reference, Invoke; Developer Guide, "Lambda quotas"; recorded answers.
    """
    if not payload:
        return b"{}"
    if asynchronous and len(payload) > ASYNCHRONOUS_LIMIT:
        raise RequestTooLarge(
            f"{len(payload)} byte payload is too large for the Event invocation type "
            f"(limit {ASYNCHRONOUS_LIMIT} bytes)"
        )
    if len(payload) > SYNCHRONOUS_LIMIT:
        raise RequestTooLarge(
            f"Request must be smaller than {SYNCHRONOUS_LIMIT} bytes for the InvokeFunction operation"
        )
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        # orjson is stricter than AWS's parser in one place only: nesting beyond 1,024
        if "recursion" not in str(error).lower():
            raise InvalidRequestContent(
                f"Could not parse request body into json: Could not parse payload into json: {_reason(payload)}"
            ) from error
    return payload


def checked_client_context(encoded: str | None) -> str | None:
    """The client context as JSON text, from its base 64."""
    if not encoded:
        return None
    if len(encoded) > CLIENT_CONTEXT_LIMIT:
        raise InvalidRequestContent("Client context must be smaller than 3583 bytes.")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if not isinstance(orjson.loads(text), dict):
            raise ValueError(text)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from error
    return text


def _reason(payload: bytes) -> str:
    """The parser's message, in the form of AWS's (Jackson's)."""
    start = len(payload) - len(payload.lstrip(b" \t\r\n"))
    if start == len(payload):
        return "No content to map due to end-of-input" + _AT.format(1, 0)
    first = payload[start]
    if chr(first).isalpha() and first < 0x80:
        return _bad_token(payload, start)
    if first not in b'{["-0123456789':
        what = f"Unexpected character ({_named(first)}): expected a valid value {_EXPECTED}"
        return what + _place(payload, start)
    try:
        json.loads(payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"Invalid UTF-8 start byte 0x{payload[error.start]:x}" + _place(payload, error.start + 1)
    except json.JSONDecodeError as error:
        at = len(error.doc[: error.pos].encode())
        if at >= len(payload):
            return "Unexpected end-of-input" + _place(payload, len(payload))
        return f"Unexpected character ({_named(payload[at])})" + _place(payload, at)
    except (RecursionError, ValueError):
        pass
    return "Unexpected content" + _place(payload, start)


def _bad_token(payload: bytes, start: int) -> str:
    end = start
    while end < len(payload) and (payload[end : end + 1].isalnum() or payload[end] in b"_$"):
        end += 1
    if end < len(payload) and 0x80 <= payload[end] < 0xC2:
        return f"Invalid UTF-8 start byte 0x{payload[end]:x}" + _place(payload, end + 1)
    token = payload[start:end].decode()
    return f"Unrecognized token '{token}': was expecting {_EXPECTED}" + _place(payload, end)


def _named(byte: int) -> str:
    if byte < 32 or 0x7F <= byte < 0xA0:
        return f"(CTRL-CHAR, code {byte})"
    return f"'{chr(byte)}' (code {byte})"


def _place(payload: bytes, offset: int) -> str:
    before = payload[:offset]
    line = before.count(b"\n") + 1
    return _AT.format(line, offset - (before.rfind(b"\n") + 1) + 1)
