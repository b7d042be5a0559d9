"""The supervisor's side of zygotes: starting them, asking them to fork, hearing of their children's ends."""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballroom.runtime.base import WORKER_PACKAGE
from ballroom.runtime.spec import RuntimeUnavailable
from ballroom.runtime.survivors import MARK, Survivors

log = logging.getLogger("ballroom.runtime")

_LENGTH = struct.Struct(">I")
_START_LIMIT_S = 60.0
_BOOT = (
    f"import sys, json; base, fd, settings = sys.argv[1:]; sys.path.insert(0, base); "
    f"import site; site.setquit(); site.setcopyright(); site.sethelper(); "
    f"from {WORKER_PACKAGE}.zygote import main; main(int(fd), json.loads(settings))"
)

PYTHON, LAUNCHER = "python", "launcher"


@dataclass(frozen=True, slots=True)
class ZygoteKind:
    """What a zygote is warmed for; one process for each."""

    executable: str
    kind: str  # PYTHON or LAUNCHER


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all zygotes of a server have in common."""

    base: Path
    work_dir: Path
    isolation: str
    """The level to try for."""
    visible: tuple[str, ...]
    """Folders of programs that environments need to see, besides the system's own."""


class Zygote:
    """One warm interpreter. Made by `Zygotes.get`."""

    def __init__(self, kind: ZygoteKind, surroundings: Surroundings, survivors: Survivors) -> None:
        self.kind = kind
        self.isolation = "process"
        self.isolation_reason = ""
        self.last_used = time.monotonic()
        self.retired = False
        self.alive = False
        self.pid = 0
        self._surroundings = surroundings
        self._survivors = survivors
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._input = bytearray()
        self._ready: asyncio.Future[str | None] = self._loop.create_future()
        self._tokens = 0
        self._forks: dict[int, asyncio.Future[int]] = {}
        self._exits: dict[int, Callable[[int | None], None]] = {}
        self._early_exits: dict[int, int] = {}
        self._sending = asyncio.Lock()

    @property
    def children(self) -> int:
        """How many forked processes are alive."""
        return len(self._exits)

    async def start(self) -> None:
        """Spawn it and wait until it is warm.

        Raises:
            RuntimeUnavailable: it did not come up; the text has its own words.
        """
        ours, theirs = socket.socketpair()
        base, work_dir = self._surroundings.base, self._surroundings.work_dir
        errors = work_dir / f"zygote-{os.getpid()}-{id(self):x}.err"
        environment = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "TZ": ":UTC",
            "HOME": str(base),  # so that nothing is read from the developer's ~/.aws
            MARK: str(work_dir),
        }
        settings = {
            "kind": self.kind.kind,
            "base": str(base),
            "isolation": self._surroundings.isolation,
            "root": str(work_dir / "root"),
            "visible": self._surroundings.visible,
        }
        argv = [self.kind.executable, "-I", "-S", "-c", _BOOT]
        argv += [str(base), str(theirs.fileno()), json.dumps(settings)]
        with theirs, errors.open("wb") as stderr:
            try:
                self._process = subprocess.Popen(  # noqa: ASYNC220 - about 2 ms, rare
                    argv,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    cwd=base,
                )
            except OSError as error:
                ours.close()
                raise RuntimeUnavailable(f"cannot start {self.kind.executable}: {error}") from error
        self.pid = self._process.pid
        self._survivors.add(self.pid)
        ours.setblocking(False)
        with contextlib.suppress(OSError):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._control = ours
        self.alive = True
        self._loop.add_reader(ours.fileno(), self._readable)
        try:
            problem = await asyncio.wait_for(asyncio.shield(self._ready), _START_LIMIT_S)
        except TimeoutError:
            problem = f"not ready after {_START_LIMIT_S:.0f} s"
        if problem is None:
            errors.unlink(missing_ok=True)
            return
        words = errors.read_text(errors="replace").strip().splitlines()
        errors.unlink(missing_ok=True)
        self.kill()
        raise RuntimeUnavailable(f"{self.kind.executable}: {problem}{': ' + words[-1] if words else ''}")

    async def fork(
        self, fds: Sequence[int], on_exit: Callable[[int | None], None], *, touch: bool = False
    ) -> int:
        """Fork a process that waits on its channel (`fds`: channel, output) for what it is to become.

        `on_exit` hears its wait status (None: the zygote itself was lost). `touch`: see `worker.child.Job`.

        Raises:
            RuntimeUnavailable: the zygote has died, or the machine has no room for another process.
        """
        self.last_used = time.monotonic()
        self._tokens += 1
        token = self._tokens
        future: asyncio.Future[int] = self._loop.create_future()
        self._forks[token] = future
        data = json.dumps({"token": token, "zygote": self.pid, "touch": touch}).encode()
        async with self._sending:
            await self._send(data, fds)
        pid = await future
        self._survivors.add(pid)
        if pid in self._early_exits:
            self._survivors.remove(pid)
            status = self._early_exits.pop(pid)
            self._loop.call_soon(on_exit, status)
        elif not self.alive:
            self._loop.call_soon(on_exit, None)
        else:
            self._exits[pid] = on_exit
        return pid

    async def _send(self, data: bytes, fds: Sequence[int]) -> None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())]
        while self._control is not None and self.alive:
            try:
                self._control.sendmsg([_LENGTH.pack(len(data))], ancillary)
                await self._loop.sock_sendall(self._control, data)
                return
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError as error:
                raise RuntimeUnavailable(f"the zygote of {self.kind.executable} has died") from error
        raise RuntimeUnavailable(f"the zygote of {self.kind.executable} has died")

    def kill(self) -> None:
        """End it and, with it, everything it forked."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.send_signal(signal.SIGKILL)
        self._lost()

    def retire(self) -> None:
        """Fork no more; the process ends when its last child has, so that no environment goes with it."""
        self.retired = True
        if not self._exits and not self._forks:
            self._lost()

    def _readable(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._input += data
        while len(self._input) >= 4:
            (length,) = _LENGTH.unpack_from(self._input)
            if len(self._input) < 4 + length:
                return
            message = json.loads(bytes(self._input[4 : 4 + length]))
            del self._input[: 4 + length]
            self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            problem = message["problem"]
            if problem is None and message["threads"] != 1:
                problem = f"the warm interpreter has {message['threads']} threads and cannot be forked"
            self.isolation, self.isolation_reason = message["isolation"], message["why"]
            if not self._ready.done():
                self._ready.set_result(problem)
        elif "fork" in message:
            future = self._forks.pop(message["fork"], None)
            if future is None or future.done():
                return
            if "pid" in message:
                future.set_result(message["pid"])
            else:
                future.set_exception(RuntimeUnavailable(f"cannot fork: {message['problem']}"))
        elif "exit" in message:
            pid = message["exit"]
            on_exit = self._exits.pop(pid, None)
            if on_exit is None:
                self._early_exits[pid] = message["status"]
            else:
                self._survivors.remove(pid)
                on_exit(message["status"])
            if self.retired and not self._exits and not self._forks:
                self._lost()

    def _lost(self) -> None:
        if self._control is not None:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if not self.alive:
            return
        self.alive = False
        self._survivors.remove(self.pid)
        if not self._ready.done():
            self._ready.set_result("it ended while starting")
        for future in self._forks.values():
            if not future.done():
                future.set_exception(RuntimeUnavailable(f"the zygote of {self.kind.executable} has died"))
        self._forks.clear()
        exits, self._exits = self._exits, {}
        for pid, on_exit in exits.items():
            self._survivors.remove(pid)
            on_exit(None)
        if self._process is not None:
            _reap(self._process, self._loop)


def _reap(process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, delay_s: float = 0.005) -> None:
    """Collect the ended process without blocking the loop; whoever does not end in time is killed."""
    if process.poll() is not None or loop.is_closed():
        return
    if delay_s > 2:
        process.kill()
    loop.call_later(delay_s, _reap, process, loop, min(delay_s * 2, 4.0))


class Zygotes:
    """The warm interpreters of this server, one for each kind, started when first needed."""

    def __init__(self, surroundings: Surroundings, survivors: Survivors) -> None:
        self._surroundings = surroundings
        self._survivors = survivors
        self._warm: dict[ZygoteKind, Zygote] = {}
        self._starting: dict[ZygoteKind, asyncio.Task[Zygote]] = {}
        self._leaving: list[Zygote] = []

    async def get(self, kind: ZygoteKind) -> Zygote:
        """The warm one, or a new one when it is ready."""
        zygote = self._warm.get(kind)
        if zygote is not None and zygote.alive and not zygote.retired:
            return zygote
        task = self._starting.get(kind)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._start(kind), name=f"start zygote {kind}")
            self._starting[kind] = task
        return await asyncio.shield(task)

    async def _start(self, kind: ZygoteKind) -> Zygote:
        try:
            zygote = Zygote(kind, self._surroundings, self._survivors)
            await zygote.start()
            self._warm[kind] = zygote
            return zygote
        finally:
            self._starting.pop(kind, None)

    def retire_idle(self, idle_s: float) -> None:
        """Let go of those that nobody has asked for long."""
        now = time.monotonic()
        for kind, zygote in list(self._warm.items()):
            if not zygote.alive:
                del self._warm[kind]
            elif now - zygote.last_used > idle_s and not zygote.children:
                del self._warm[kind]
                self._leaving.append(zygote)
                zygote.retire()
        self._leaving = [zygote for zygote in self._leaving if zygote.alive]

    def retire_all(self) -> None:
        """Start afresh from now on; what was forked lives on."""
        for zygote in self._warm.values():
            self._leaving.append(zygote)
            zygote.retire()
        self._warm.clear()

    def statistics(self) -> list[dict[str, Any]]:
        """Who is warm."""
        return [
            {
                "executable": z.kind.executable,
                "kind": z.kind.kind,
                "pid": z.pid,
                "environments": z.children,
                "isolation": z.isolation,
            }
            for z in [*self._warm.values(), *self._leaving]
            if z.alive
        ]

    async def stop(self) -> None:
        """Kill all of them."""
        for task in list(self._starting.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeUnavailable):
                await task
        zygotes = [*self._warm.values(), *self._leaving]
        for zygote in zygotes:
            zygote.kill()
        self._warm.clear()
        self._leaving.clear()
        for zygote in zygotes:
            if zygote._process is not None:
                await asyncio.to_thread(zygote._process.wait)
