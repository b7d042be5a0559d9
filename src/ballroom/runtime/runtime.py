"""The door to this package: `Runtime` runs functions. Everything happens on the event loop that started it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballroom.runtime.base import make_base
from ballroom.runtime.environment import Environment
from ballroom.runtime.journal import Journal
from ballroom.runtime.launching import Launching
from ballroom.runtime.platform_lines import log_stream_name
from ballroom.runtime.pool import Pool, PoolLimits
from ballroom.runtime.reload import ChangeWatch
from ballroom.runtime.runtimes import program_folders
from ballroom.runtime.spec import (
    CredentialsFor,
    FunctionSpec,
    Invocation,
    InvokeResult,
    OnLog,
    RuntimeUnavailable,
)
from ballroom.runtime.survivors import Survivors
from ballroom.runtime.zygotes import Surroundings, Zygotes

log = logging.getLogger("ballroom.runtime")


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """What an operator may turn."""

    max_environments: int | None = None
    """Default: what the machine's memory bears."""
    starting_at_once: int | None = None
    """Default: four for each CPU."""
    environment_idle_s: float = 45.0
    zygote_idle_s: float = 600.0
    spare_idle_s: float = 60.0
    """How long a process forked ahead of need waits for a cold start; 0: fork only on demand."""
    wait_for_capacity_s: float = 10.0
    log_limit_bytes: int = 64 << 20
    """What one invocation may print; the rest is dropped and counted."""
    memory_check_s: float = 0.05
    isolation: str = "isolated"
    """The level to try for (`process`, `confined`, `isolated`); `isolation_report` says which was reached."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_credentials(environment_id: str, spec: FunctionSpec) -> dict[str, str]:
    return {}


class Runtime:
    """Runs invocations in execution environments that come and go by themselves."""

    def __init__(
        self,
        *,
        work_dir: Path,
        on_log: OnLog,
        credentials_for: CredentialsFor = _no_credentials,
        on_environment_end: Callable[[str], None] = lambda _: None,
        now_ms: Callable[[], int] = _now_ms,
        settings: RuntimeSettings | None = None,
    ) -> None:
        self._work_dir = work_dir.absolute()
        self._on_log = on_log
        self._credentials_for = credentials_for
        self._on_environment_end = on_environment_end
        self._now_ms = now_ms
        self._settings = settings or RuntimeSettings()
        self._survivors = Survivors(self._work_dir)
        self._watches: dict[str, ChangeWatch] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._memory_check: asyncio.TimerHandle | None = None
        self._open = 0
        self._quiet: asyncio.Event | None = None
        self._stopping = False

    async def start(self) -> None:
        """End what an earlier server left behind, and be ready. Starts no process: see `prepare`."""
        self._work_dir.mkdir(parents=True, exist_ok=True)
        killed = self._survivors.sweep()
        if killed:
            log.warning("ended %d processes that an earlier server had left", killed)
        shutil.rmtree(self._work_dir / "environments", ignore_errors=True)
        self._survivors.open()
        base = make_base(self._work_dir)
        cpus = os.cpu_count() or 1
        limits = PoolLimits(
            environments=self._settings.max_environments or _bearable_environments(),
            starting=self._settings.starting_at_once or 4 * cpus,
            idle_s=self._settings.environment_idle_s,
            wait_s=self._settings.wait_for_capacity_s,
        )
        surroundings = Surroundings(base, self._work_dir, self._settings.isolation, program_folders())
        self._zygotes = Zygotes(surroundings, self._survivors)
        self._launching = Launching(self._zygotes, base, self._work_dir, self._settings.spare_idle_s)
        self._pool = Pool(self._make_environment, limits)
        self._quiet = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep_house(), name="runtime housekeeping")

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have an interpreter warm for this function, so that its first invocation need not wait for one."""
        await self._launching.prepare(spec)

    async def invoke(
        self, spec: FunctionSpec, invocation: Invocation, on_environment: Callable[[str], None] = lambda _: None
    ) -> InvokeResult:
        """Run one invocation; returns whatever came of it, errors of the function included.

        `on_environment` learns the id of the environment before anything runs in it. Cancelling ends the
        environment's process.

        Raises:
            RuntimeUnavailable: nothing of the function ran, and the text says why.
            CapacityExceeded: too many environments are busy.
        """
        if self._stopping or self._quiet is None:
            raise RuntimeUnavailable("the server is stopping" if self._stopping else "not started yet")
        if spec.reload_on_change:
            self._reload(spec)
        self._open += 1
        if self._memory_check is None:
            self._watch_memory()
        try:
            environment = await self._pool.acquire(spec)
            on_environment(environment.id)
            fresh = environment.invocations == 0
            initialised = _once(self._pool.started) if fresh else _nothing
            try:
                return await environment.invoke(invocation, initialised)
            except BaseException:
                environment.stale = True
                raise
            finally:
                initialised()
                self._pool.release(environment)
        finally:
            self._open -= 1
            if not self._open and self._quiet is not None:
                self._quiet.set()

    def forget(self, key: str) -> None:
        """The function or its configuration has changed: its environments end after what they are doing."""
        self._pool.retire(key)
        self._watches.pop(key, None)

    async def drain(self, key: str) -> None:
        """Like `forget`, and wait until the last invocation of this key has ended."""
        self.forget(key)
        await self._pool.quiet(key)

    def statistics(self) -> dict[str, Any]:
        """Counts for operators and tests."""
        return {**self._pool.statistics(), "open": self._open, "zygotes": self._zygotes.statistics()}

    @property
    def notices(self) -> list[str]:
        """What an operator should know, one line each (an interpreter that is missing, ...)."""
        return list(self._launching.notices)

    async def stop(self, drain_s: float = 0.0) -> None:
        """Give running invocations `drain_s` to end, then end everything that was started."""
        self._stopping = True
        if self._quiet is None:
            return
        if self._open and drain_s > 0:
            self._quiet.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), drain_s)
        if self._keeper is not None:
            self._keeper.cancel()
        if self._memory_check is not None:
            self._memory_check.cancel()
        self._pool.close()
        self._launching.close()
        await self._zygotes.stop()
        await asyncio.to_thread(self._leave_no_trace)

    def _leave_no_trace(self) -> None:
        """Remove what we made in the work folder, and the folder if nothing else is in it."""
        for made in ("environments", "processes", "root", "root.trial", *(b.name for b in self._bases())):
            shutil.rmtree(self._work_dir / made, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._work_dir.rmdir()

    def _bases(self) -> list[Path]:
        return list(self._work_dir.glob("base-*"))

    def _make_environment(self, spec: FunctionSpec) -> Environment:
        environment_id = secrets.token_hex(16)
        folder = self._work_dir / "environments" / environment_id
        folder.mkdir(mode=0o700, parents=True)
        stream = log_stream_name(self._now_ms(), spec.version, environment_id)
        journal = Journal(spec, stream, self._on_log, self._now_ms, self._settings.log_limit_bytes)
        environment = Environment(
            spec,
            environment_id,
            journal,
            folder,
            self._launching.launch,
            self._now_ms,
            self._on_environment_end,
        )
        environment.credentials = dict(self._credentials_for(environment_id, spec))
        return environment

    def _reload(self, spec: FunctionSpec) -> None:
        watch = self._watches.get(spec.key)
        if watch is None:
            self._watches[spec.key] = ChangeWatch((spec.code_dir, *spec.layers))
        elif watch.changed():
            self._pool.retire(spec.key)

    def _watch_memory(self) -> None:
        """While anything runs: end the processes that have outgrown their function."""
        self._memory_check = None
        if not self._open:
            return
        for environment in self._pool.busy():
            environment.enforce_memory()
        self._memory_check = asyncio.get_running_loop().call_later(
            self._settings.memory_check_s, self._watch_memory
        )

    async def _keep_house(self) -> None:
        pause_s = min(1.0, self._settings.environment_idle_s)
        while True:
            await asyncio.sleep(pause_s)
            self._pool.retire_idle()
            self._zygotes.retire_idle(self._settings.zygote_idle_s)


def _bearable_environments() -> int:
    """Three quarters of the memory, at 48 MiB of its own for each environment."""
    try:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    except (ValueError, OSError):
        memory_mb = 4096
    return max(8, min(1000, memory_mb * 3 // 4 // 48))


def _once(call: Callable[[], None]) -> Callable[[], None]:
    done = False

    def run() -> None:
        nonlocal done
        if not done:
            done = True
            call()

    return run


def _nothing() -> None:
    return None
