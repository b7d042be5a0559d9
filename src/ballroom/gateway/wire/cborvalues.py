"""CBOR in and out, as much of it as Smithy's RPC protocol uses.

Our own rather than a library's: it must withstand hostile bytes (declared lengths of exabytes, nesting,
tags that make numbers of a million digits), and what it has to know is short. Source: RFC 8949, and
Smithy specification, "Smithy RPC v2 CBOR protocol".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ballroom.gateway.wire import values
from ballroom.kernel.model import SerializationFailed

DEEPEST = 128
BREAK = object()
UNDEFINED_OR_NULL = (22, 23)
INDEFINITE = 31
ARGUMENTS = {24: (struct.Struct(">B"), 1), 25: (struct.Struct(">H"), 2), 26: (struct.Struct(">I"), 4),
             27: (struct.Struct(">Q"), 8)}  # fmt: skip
FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}


class Timestamp(int):
    """Milliseconds that travel as tag 1 (seconds since the epoch)."""


def loads(content: bytes) -> Any:
    """The one value in the bytes. Tag 1 becomes a `Timestamp`.

    Raises:
        SerializationFailed: the bytes are not such a value, end early or go on after it.
    """
    reader = _Reader(content)
    value = reader.value(0)
    if reader.at != len(content):
        raise SerializationFailed("CBOR: bytes after the value")
    return value


class _Reader:
    """Memory grows only with the bytes that are really there: lengths are never believed beforehand."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def value(self, depth: int, *, may_break: bool = False) -> Any:
        if depth > DEEPEST:
            raise SerializationFailed("CBOR: nested too deeply")
        try:
            first = self.content[self.at]
        except IndexError:
            raise SerializationFailed("CBOR: ends early") from None
        self.at += 1
        major, low = first >> 5, first & 31
        if major == 7:
            return self._simple(low, may_break=may_break)
        length = None if low == INDEFINITE else self._argument(low)
        if major in (0, 1):
            return self._integer(major, length)
        if major in (2, 3):
            content = self._chunks(major) if length is None else self._take(length)
            return content if major == 2 else values.utf8(content)
        if major == 4:
            return self._array(length, depth)
        if major == 5:
            return self._map(length, depth)
        return self._tagged(length, depth)

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low not in ARGUMENTS:
            raise SerializationFailed("CBOR: reserved length")
        layout, size = ARGUMENTS[low]
        number: int = layout.unpack(self._take(size))[0]
        return number

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.content):
            raise SerializationFailed("CBOR: ends early")
        taken = self.content[self.at : end]
        self.at = end
        return taken

    @staticmethod
    def _integer(major: int, number: int | None) -> int:
        if number is None:
            raise SerializationFailed("CBOR: an integer of no length")
        return number if major == 0 else -1 - number

    def _chunks(self, major: int) -> bytes:
        chunks: list[bytes] = []
        while True:
            first = self._take(1)[0]
            if first == 0xFF:
                return b"".join(chunks)
            if first >> 5 != major or first & 31 == INDEFINITE:
                raise SerializationFailed("CBOR: a chunk of another type")
            chunks.append(self._take(self._argument(first & 31)))

    def _array(self, length: int | None, depth: int) -> list[Any]:
        found: list[Any] = []
        while length is None or len(found) < length:
            item = self.value(depth + 1, may_break=length is None)
            if item is BREAK:
                break
            found.append(item)
        return found

    def _map(self, length: int | None, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        count = 0
        while length is None or count < length:
            key = self.value(depth + 1, may_break=length is None)
            if key is BREAK:
                break
            if type(key) is not str:
                raise SerializationFailed("CBOR: a map's key is no text")
            found[key] = self.value(depth + 1)
            count += 1
        return found

    def _tagged(self, tag: int | None, depth: int) -> Any:
        inner = self.value(depth + 1)
        if tag != 1:
            raise SerializationFailed("CBOR: only timestamps may be tagged")
        return Timestamp(values.epoch_in(inner))

    def _simple(self, low: int, *, may_break: bool) -> Any:
        if low in (20, 21):
            return low == 21
        if low in UNDEFINED_OR_NULL:
            return None
        if low in FLOATS:
            layout = FLOATS[low]
            return layout.unpack(self._take(layout.size))[0]
        if low == INDEFINITE and may_break:
            return BREAK
        raise SerializationFailed("CBOR: a simple value without meaning here")


def dumps(value: Any) -> bytes:
    """CBOR bytes, of definite lengths. A `Timestamp` becomes tag 1 with seconds."""
    out: list[bytes] = []
    _write(value, out.append)
    return b"".join(out)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for low, (layout, size) in ARGUMENTS.items():
        if number < 1 << 8 * size:
            return bytes([major << 5 | low]) + layout.pack(number)
    raise ValueError("an integer of more than 64 bits does not fit CBOR's basic types")


def _write(value: Any, out: Callable[[bytes], None]) -> None:
    if value is None:
        out(b"\xf6")
    elif isinstance(value, str):
        content = value.encode("utf-8", errors="replace")
        out(_head(3, len(content)) + content)
    elif isinstance(value, bool):
        out(b"\xf5" if value else b"\xf4")
    elif isinstance(value, Timestamp):
        out(b"\xc1")
        _write(value / 1000, out)
    elif isinstance(value, int):
        out(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif isinstance(value, float):
        out(b"\xfb" + FLOATS[27].pack(value))
    elif isinstance(value, bytes):
        out(_head(2, len(value)) + value)
    elif isinstance(value, dict):
        out(_head(5, len(value)))
        for key, item in value.items():
            _write(key, out)
            _write(item, out)
    elif isinstance(value, list | tuple):
        out(_head(4, len(value)))
        for item in value:
            _write(item, out)
    else:
        raise TypeError(f"not a value of the wire: {type(value).__name__}")
