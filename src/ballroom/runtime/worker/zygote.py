"""A warm interpreter that forks one runtime process per request of the supervisor.

Run as `python -I -S -c BOOT BASE FD SETTINGS`: no site packages, no `PYTHON*` variables, so that functions see
what AWS gives them and nothing of Ballroom's own dependencies. Requests to fork come over a control socket, as
length-prefixed JSON with two descriptors (channel, output); `fork`, `exit` and `ready` messages go back. What
a child is to become it hears over its own channel.

It runs nothing of a function before the fork, keeps one thread, and dies with its supervisor: when the
control socket ends it kills what it forked and leaves.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
from typing import Any

from . import child, isolate, syscalls

KIND_PYTHON = "python"
KIND_LAUNCHER = "launcher"
_LENGTH = struct.Struct(">I")


def main(control_fd: int, settings: dict[str, Any]) -> None:
    """Serve until the supervisor has gone; in a forked child, become that runtime process."""
    control = socket.socket(fileno=control_fd)
    visible = [*settings["visible"], sys.base_prefix, sys.base_exec_prefix]
    isolation = isolate.prepare(
        settings["isolation"],
        settings["root"],
        sorted({os.path.realpath(v) for v in visible}),
        settings["base"],
    )
    if isolation.level == "isolated":
        _move_imports(settings["base"], "/var/runtime")
    baseline: frozenset[str] = frozenset()
    problem = None
    if settings["kind"] == KIND_PYTHON:
        try:
            baseline = _import_everything()
        except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor reports it and falls back
            problem = f"{type(error).__name__}: {error}"
    zygote = _Zygote(control, isolation)
    zygote.send(
        {
            "ready": os.getpid(),
            "problem": problem,
            "threads": _thread_count(),
            "isolation": isolation.level,
            "why": isolation.reason,
        }
    )
    if problem is not None:
        return
    preloaded = frozenset(name.partition(".")[0] for name in sys.modules) - baseline
    job = zygote.serve()
    if job is not None:
        child.run(job, isolation, preloaded)


def _move_imports(before: str, after: str) -> None:
    """The base folder has another name on the new root."""
    sys.path[:] = [after if path == before else path for path in sys.path]
    sys.path_importer_cache.clear()
    package = sys.modules[__name__.rpartition(".")[0]]
    package.__path__ = [f"{after}/{package.__name__}"]
    os.environ["HOME"] = after


def _import_everything() -> frozenset[str]:
    import awslambdaric.bootstrap  # noqa: F401 - imported for the children

    baseline = frozenset(name.partition(".")[0] for name in sys.modules)
    from . import client, warm  # noqa: F401 - imported for the children

    warm.warm()
    gc.collect()
    gc.freeze()
    return baseline


def _thread_count() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


class _Zygote:
    def __init__(self, control: socket.socket, isolation: isolate.Isolation) -> None:
        self._control = control
        self._isolation = isolation
        self._children: dict[int, int] = {}  # pid: where its own first process writes how it ended, or -1
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the supervisor's business
        signal.set_wakeup_fd(self._wake_write)
        if sys.platform.startswith("linux"):
            syscalls.adopt_orphans()  # so that the supervisor finds what outlives its environment

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message, separators=(",", ":")).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(_LENGTH.pack(len(data)) + data)

    def serve(self) -> child.Job | None:
        """Fork on request. None in the parent, once the supervisor has gone; the job in a child."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_read, 4096)
                    self._reap()
                    continue
                received = self._receive()
                if received is None:
                    self._kill_all()
                    return None
                job = self._fork(*received)
                if job is not None:
                    return job

    def _fork(self, request: dict[str, Any], fds: list[int]) -> child.Job | None:
        status_read = status_write = -1
        pid = -1
        try:
            self._isolation.before_fork()
            if self._isolation.level == "isolated":
                status_read, status_write = os.pipe()
            pid = os.fork()
        except OSError as error:
            self.send({"fork": request["token"], "problem": str(error)})
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return child.Job(request["zygote"], fds[0], fds[1], status_write, bool(request["touch"]))
        for fd in [*fds, status_write]:
            if fd >= 0:
                os.close(fd)
        if pid > 0:
            self._children[pid] = status_read
            self.send({"fork": request["token"], "pid": pid})
        return None

    def _receive(self) -> tuple[dict[str, Any], list[int]] | None:
        try:
            head, fds = _receive_with_fds(self._control)
            if len(head) < 4:
                return None
            (length,) = _LENGTH.unpack(head)
            data = bytearray()
            while len(data) < length:
                part = self._control.recv(length - len(data))
                if not part:
                    return None
                data += part
        except OSError:
            return None
        request: dict[str, Any] = json.loads(data)
        return request, fds

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self._children:
                continue  # an orphan that we had adopted
            _kill_group(pid)  # what the process started goes with it
            status_read = self._children.pop(pid)
            if status_read >= 0:
                text = os.read(status_read, 32)
                os.close(status_read)
                status = int(text) if text.isdigit() else status
            self.send({"exit": pid, "status": status})

    def _kill_all(self) -> None:
        for pid in self._children:
            _kill_group(pid)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _receive_with_fds(control: socket.socket) -> tuple[bytes, list[int]]:
    """The four bytes of length that carry the descriptors."""
    fds = array.array("i")
    room = socket.CMSG_SPACE(2 * fds.itemsize)
    data, ancillary, _, _ = control.recvmsg(4, room)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    while data and len(data) < 4:
        data += control.recv(4 - len(data))
    return data, list(fds)
