"""The supervisor's end of a runtime process's channel: frames over a socket pair, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from ballroom.runtime.worker import frames

_CHUNK = 256 * 1024
_LONGEST_FRAME = 64 * 1024 * 1024

OnFrame = Callable[[int, dict[str, Any], bytes], None]


class FrameChannel:
    """Calls `on_frame` for each frame, and `on_closed` once, when the other end is gone or talks nonsense."""

    def __init__(self, ours: socket.socket, on_frame: OnFrame, on_closed: Callable[[], None]) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._input = bytearray()
        self._unsent: memoryview | None = None
        self._open = True
        self._loop.add_reader(ours.fileno(), self._readable)

    def send(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        """Send one frame; what does not fit now follows as the process reads."""
        if not self._open:
            return
        data = memoryview(frames.encode(kind, header, body))
        if self._unsent is None:
            try:
                data = data[self._socket.send(data) :]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                self._lost()
                return
            if data:
                self._unsent = data
                self._loop.add_writer(self._socket.fileno(), self._writable)
        else:
            self._unsent = memoryview(bytes(self._unsent) + bytes(data))

    def drain(self) -> None:
        """Take the frames that have already arrived."""
        while self._open and self._readable():
            pass

    def close(self) -> None:
        """Close without telling anybody; the process ends when it next looks."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._socket.fileno())
        if self._unsent is not None:
            self._loop.remove_writer(self._socket.fileno())
            self._unsent = None
        self._socket.close()

    def _readable(self) -> bool:
        """Whether there was anything to read."""
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._lost()
            return False
        self._input += data
        self._split()
        return True

    def _split(self) -> None:
        while self._open and len(self._input) >= 4:
            (length,) = frames.LENGTH.unpack_from(self._input)
            if not 5 <= length <= _LONGEST_FRAME:
                self._lost()
                return
            if len(self._input) < 4 + length:
                return
            frame = bytes(memoryview(self._input)[4 : 4 + length])
            del self._input[: 4 + length]
            try:
                kind, header, body = frames.decode(frame)
            except ValueError:
                self._lost()
                return
            self._on_frame(kind, header, body)

    def _writable(self) -> None:
        if self._unsent is None:
            return
        with contextlib.suppress(BlockingIOError, InterruptedError):
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except (BrokenPipeError, ConnectionResetError):
                self._lost()
                return
        if not self._unsent:
            self._unsent = None
            self._loop.remove_writer(self._socket.fileno())

    def _lost(self) -> None:
        self.close()
        self._on_closed()
