"""One runtime process, from the supervisor: forked by a zygote, with a channel and an output pipe."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ballroom.runtime.channel import FrameChannel, OnFrame
from ballroom.runtime.worker import frames
from ballroom.runtime.zygotes import Zygote

_PIPE_BYTES = 1 << 20
_READ_BYTES = 16 * 1024  # of one-letter lines that is 8,000 events: about 2 ms of the loop
_F_SETPIPE_SZ = 1031
ENVIRONMENT_MARK = "BALLROOM_ENVIRONMENT"
"""Variable that names the environment, in its process and all that it starts."""


class Channel(Protocol):
    """How invocations reach a runtime process."""

    def send(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        """Send a frame (only INVOKE goes this way)."""

    def drain(self) -> None:
        """Take what has already arrived."""

    def close(self) -> None:
        """Let go."""


OnOutput = Callable[[bytes], bool]
"""Takes output; False: so much that the process should wait a little."""
OnGone = Callable[[int | None], None]
"""Hears the wait status (None: not known)."""


class RuntimeProcess:
    """Forked by `start`; becomes something with `become`; when it has ended `on_gone` is called, once."""

    def __init__(self) -> None:
        self.pid = 0
        self.alive = False
        self._contained = False
        """By a pid namespace: whatever it starts ends with it."""
        self._inner_pid = 0
        self._zygote_pid = 0
        self._mark = b""
        self._loop = asyncio.get_running_loop()
        self._on_frame: OnFrame = _no_frame
        self._on_output: OnOutput = _no_output
        self._on_gone: OnGone = _no_end
        self._channel: FrameChannel | None = None
        self._other: Channel | None = None
        self._output = -1
        self._pause: asyncio.TimerHandle | None = None
        self._doom: asyncio.TimerHandle | None = None

    async def start(self, zygote: Zygote, *, touch: bool = False) -> None:
        """Have it forked."""
        ours, theirs = socket.socketpair()
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(write_fd, _F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(read_fd, False)
        self._output = read_fd
        self._zygote_pid = zygote.pid
        self._contained = zygote.isolation == "isolated"
        self._channel = FrameChannel(ours, self._frame, self._closed)
        self.alive = True
        self._loop.add_reader(read_fd, self._readable)
        try:
            self.pid = await zygote.fork([theirs.fileno(), write_fd], self._exited, touch=touch)
        except BaseException:
            self._let_go()
            raise
        finally:
            theirs.close()
            os.close(write_fd)

    def become(
        self,
        request: dict[str, Any],
        on_frame: OnFrame,
        on_output: OnOutput,
        on_gone: OnGone,
        channel: Channel | None = None,
    ) -> None:
        """Say what it is to run. `channel`: invocations go this way instead of the socket pair."""
        self._on_frame, self._on_output, self._on_gone = on_frame, on_output, on_gone
        if self._channel is not None:
            self._channel.send(frames.SETUP, {}, json.dumps(request).encode())
        self._other = channel
        self._mark = f"{ENVIRONMENT_MARK}={request['env'].get(ENVIRONMENT_MARK)}".encode()

    def send(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        """Send it a frame."""
        channel = self._other or self._channel
        if channel is not None:
            channel.send(kind, header, body)

    def drain_output(self) -> None:
        """Take everything that the process has written so far."""
        while self._output >= 0:
            try:
                data = os.read(self._output, _READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            if not data:
                self._close_output()
                return
            self._on_output(data)

    def kill(self) -> None:
        """End it and all that it started, now. `on_gone` follows."""
        if self.alive and self.pid:
            started = [] if self._contained else _descendants(self.pid)
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
            _kill(started)

    def peak_memory_kb(self) -> int:
        """The most memory it has used, where the system tells (else 0)."""
        return _status_kb(self._runtime_pid(), "VmHWM:") if self.alive else 0

    def memory_kb(self) -> int:
        """The memory that it and what it started use now, where the system tells (else 0)."""
        if not self.alive:
            return 0
        pid = self._runtime_pid()
        return _status_kb(pid, "VmRSS:") + sum(_share_kb(child) for child in _descendants(pid))

    def _runtime_pid(self) -> int:
        """In a pid namespace the process that was forked only looks after the one that runs the function."""
        if self._contained and not self._inner_pid:
            self._inner_pid = _second_in_namespace(self.pid)
        return self._inner_pid or self.pid

    def abandon(self) -> None:
        """Kill it and hear no more of it."""
        self.kill()
        self._let_go()

    def _readable(self) -> None:
        try:
            data = os.read(self._output, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self._close_output()
        elif not self._on_output(data) and self._output >= 0:
            self._loop.remove_reader(self._output)
            self._pause = self._loop.call_later(0.005, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if self._output >= 0:
            self._loop.add_reader(self._output, self._readable)

    def _frame(self, kind: int, header: dict[str, Any], body: bytes) -> None:
        self._on_frame(kind, header, body)

    def _closed(self) -> None:
        """The channel ended: the exit follows at once, or the process is beyond use."""
        if self.alive and self._doom is None and self._other is None:
            self._doom = self._loop.call_later(1.0, self.kill)

    def _exited(self, status: int | None) -> None:
        if not self.alive:
            return
        if self._channel is not None:
            self._channel.drain()
        self.drain_output()
        self._let_go()
        if not self._contained:
            _kill(_left_behind(self._zygote_pid, self._mark))
        self._on_gone(status)

    def _let_go(self) -> None:
        self.alive = False
        if self._doom is not None:
            self._doom.cancel()
        for channel in (self._channel, self._other):
            if channel is not None:
                channel.close()
        self._close_output()

    def _close_output(self) -> None:
        if self._output < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._loop.remove_reader(self._output)
        os.close(self._output)
        self._output = -1


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []


def _descendants(pid: int, depth: int = 4) -> list[int]:
    children = _children(pid)
    return children + [member for child in children if depth for member in _descendants(child, depth - 1)]


def _second_in_namespace(pid: int) -> int:
    """The process that is number 2 in its own pid namespace, at or below this one; 0: not there (yet)."""
    for _ in range(3):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return 0
        numbers = status.partition("NSpid:")[2].partition("\n")[0].split()
        if len(numbers) > 1 and numbers[-1] == "2":
            return pid
        pid = next(iter(_children(pid)), 0)
    return 0


def _left_behind(zygote_pid: int, mark: bytes) -> list[int]:
    """What an ended environment started and let loose: orphans, which its zygote adopts."""
    found: list[int] = []
    for pid in _children(zygote_pid):
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found += [pid, *_descendants(pid)]
    return found


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _share_kb(pid: int) -> int:
    """What counts for this process alone: pages shared by n processes count 1/n."""
    return _field_kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def _status_kb(pid: int, field: str) -> int:
    return _field_kb(Path(f"/proc/{pid}/status"), field)


def _field_kb(file: Path, field: str) -> int:
    try:
        for line in file.read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return 0


def _no_frame(kind: int, header: dict[str, Any], body: bytes) -> None:
    return None


def _no_output(data: bytes) -> bool:
    return True


def _no_end(status: int | None) -> None:
    return None
