"""Event streams: messages with headers and checksums, one after the other in a body.

A message is `total length, headers' length, CRC of these eight bytes, headers, payload, CRC of all
before`. Source: Amazon Transcribe Developer Guide and Smithy specification, "Amazon Event Stream".
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from zlib import crc32

from ballroom.gateway.wire import values
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, SerializationFailed, Shape

PRELUDE = struct.Struct(">III")
PRELUDE_BYTES = 12
SMALLEST = 16
LARGEST = 24 * 1024 * 1024
LARGEST_HEADERS = 128 * 1024

HeaderValue = bool | int | bytes | str
INTEGERS = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q")}


def encode(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """One message. Integers become 32 bits, or 64 where they need them."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    total = SMALLEST + len(block) + len(payload)
    lengths = struct.pack(">II", total, len(block))
    message = lengths + struct.pack(">I", crc32(lengths)) + block + payload
    return message + struct.pack(">I", crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    start = bytes([len(name.encode())]) + name.encode()
    if isinstance(value, bool):
        return start + (b"\x00" if value else b"\x01")
    if isinstance(value, int):
        kind = 4 if -(2**31) <= value < 2**31 else 5
        return start + bytes([kind]) + INTEGERS[kind].pack(value)
    kind, content = (7, value.encode()) if isinstance(value, str) else (6, value)
    return start + bytes([kind]) + struct.pack(">H", len(content)) + content


def decode(buffer: bytes) -> tuple[dict[str, HeaderValue], bytes, int] | None:
    """The first message of a buffer and how many bytes it took; None if more bytes are needed.

    Raises:
        SerializationFailed: the bytes are no such message.
    """
    if len(buffer) < PRELUDE_BYTES:
        return None
    total, header_bytes, checksum = PRELUDE.unpack_from(buffer)
    if checksum != crc32(buffer[:8]):
        raise SerializationFailed("Event stream: the prelude's checksum does not match")
    if not SMALLEST <= total <= LARGEST or header_bytes > min(LARGEST_HEADERS, total - SMALLEST):
        raise SerializationFailed("Event stream: impossible message length")
    if len(buffer) < total:
        return None
    if struct.unpack_from(">I", buffer, total - 4)[0] != crc32(buffer[: total - 4]):
        raise SerializationFailed("Event stream: the message's checksum does not match")
    split = PRELUDE_BYTES + header_bytes
    return _headers_in(buffer[PRELUDE_BYTES:split]), buffer[split : total - 4], total


def _headers_in(block: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(block):
            length = block[at]
            name = values.utf8(block[at + 1 : at + 1 + length])
            kind = block[at + 1 + length]
            at += 2 + length
            if kind in (0, 1):
                found[name] = kind == 0
            elif kind in INTEGERS:
                found[name] = INTEGERS[kind].unpack_from(block, at)[0]
                at += INTEGERS[kind].size
            elif kind in (6, 7):
                size = struct.unpack_from(">H", block, at)[0]
                content = block[at + 2 : at + 2 + size]
                if len(content) < size:
                    raise SerializationFailed("Event stream: a header is cut off")
                found[name] = values.utf8(content) if kind == 7 else content
                at += 2 + size
            elif kind == 8:  # a timestamp, milliseconds
                found[name] = INTEGERS[5].unpack_from(block, at)[0]
                at += 8
            elif kind == 9:  # a UUID
                found[name] = block[at : at + 16]
                at += 16
            else:
                raise SerializationFailed(f"Event stream: header type {kind} is unknown")
    except (IndexError, struct.error):
        raise SerializationFailed("Event stream: a header is cut off") from None
    return found


EventsWriter = Callable[[AsyncIterator[dict[str, Any]]], AsyncIterator[bytes]]
BodyWriter = Callable[[list[Member]], Callable[[dict[str, Any]], bytes]]


def writer(shape: Shape, body_writer: BodyWriter, content_type: str = "application/json") -> EventsWriter:
    """Makes the body of an answer from its events, each `{event name: {member: value}}`.

    An exception member of the stream, or a `ServiceError` raised while it runs, ends it as an exception
    message, since the status has left already.
    """
    compiled = {
        name: _event_writer(name, member.shape, body_writer, content_type)
        for name, member in shape.members.items()
    }

    async def write(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
        try:
            async for event in events:
                for name, value in event.items():
                    yield compiled[name](value)
        except ServiceError as error:
            headers = {":message-type": "error", ":error-code": error.shape, ":error-message": error.text}
            yield encode(headers, b"")

    return write


def _event_writer(
    name: str, shape: Shape, body_writer: BodyWriter, content_type: str
) -> Callable[[dict[str, Any]], bytes]:
    base: dict[str, HeaderValue] = (
        {":message-type": "exception", ":exception-type": name}
        if shape.traits.get("exception")
        else {":message-type": "event", ":event-type": name}
    )
    members = shape.members.values()
    in_headers = [member for member in members if member.traits.get("eventheader")]
    payload = next((member for member in members if member.traits.get("eventpayload")), None)
    rest = [member for member in members if member not in in_headers and member is not payload]
    write_rest = body_writer(rest)

    def write(value: dict[str, Any]) -> bytes:
        headers = dict(base)
        for member in in_headers:
            if member.name in value:
                headers[member.name] = value[member.name]
        if payload is None:
            headers[":content-type"] = content_type
            return encode(headers, write_rest(value))
        content = value.get(payload.name, b"")
        if payload.shape.kind == "blob":
            headers[":content-type"] = "application/octet-stream"
            return encode(headers, content)
        if payload.shape.kind == "string":
            headers[":content-type"] = "text/plain"
            return encode(headers, content.encode())
        headers[":content-type"] = content_type
        return encode(headers, body_writer(list(payload.shape.members.values()))(content))

    return write
