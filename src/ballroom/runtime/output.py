"""From the bytes that an environment writes to log events.

One pipe carries both kinds: what the function prints (an event a line) and records of the logging library
in AWS's telemetry frames (an event each, line breaks included), so their order is kept.
"""

from __future__ import annotations

_MAGIC = b"\xa5\x5a\x00"  # never part of UTF-8 text: A5 cannot start a character
_HEADER_BYTES = 16  # type 4, length 4, timestamp 8
_LONGEST_FRAME = 8 * 1024 * 1024
LONGEST_EVENT_BYTES = 256 * 1024 - 26
"""CloudWatch Logs cuts longer lines into several events. Source: CloudWatch Logs quotas, "Event size"."""


class OutputParser:
    """Feed it bytes as they come; it gives complete events."""

    def __init__(self) -> None:
        self._buffer = b""
        self._line = b""

    def feed(self, data: bytes) -> list[str]:
        """The events that `data` completes."""
        events: list[str] = []
        buffer = self._buffer + data
        while buffer:
            start = buffer.find(_MAGIC)
            if start < 0:
                keep = _possible_start(buffer)
                self._raw(buffer[: len(buffer) - keep], events)
                buffer = buffer[len(buffer) - keep :] if keep else b""
                break
            if start:
                self._raw(buffer[:start], events)
                buffer = buffer[start:]
            if len(buffer) < _HEADER_BYTES:
                break
            length = int.from_bytes(buffer[4:8], "big")
            if length > _LONGEST_FRAME:  # no frame: somebody prints binary data
                self._raw(buffer[:3], events)
                buffer = buffer[3:]
                continue
            end = _HEADER_BYTES + length
            if len(buffer) < end:
                break
            _append(events, buffer[_HEADER_BYTES:end].removesuffix(b"\n"))
            buffer = buffer[end:]
        self._buffer = buffer
        return events

    def flush(self) -> list[str]:
        """What is left without a line break; called when an invocation ends."""
        events: list[str] = []
        if not self._buffer.startswith(_MAGIC):
            self._line, self._buffer = self._line + self._buffer, b""
        if self._line:
            _append(events, self._line)
            self._line = b""
        return events

    def _raw(self, data: bytes, events: list[str]) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            _append(events, self._line + line)
            self._line = b""
        self._line += rest
        while len(self._line) > LONGEST_EVENT_BYTES:
            _append(events, self._line[:LONGEST_EVENT_BYTES])
            self._line = self._line[LONGEST_EVENT_BYTES:]


def _possible_start(buffer: bytes) -> int:
    """How many bytes at the end may be the beginning of a frame."""
    if buffer.endswith(_MAGIC[:2]):
        return 2
    return 1 if buffer.endswith(_MAGIC[:1]) else 0


def _append(events: list[str], text: bytes) -> None:
    while len(text) > LONGEST_EVENT_BYTES:
        events.append(text[:LONGEST_EVENT_BYTES].decode(errors="replace"))
        text = text[LONGEST_EVENT_BYTES:]
    events.append(text.decode(errors="replace"))
