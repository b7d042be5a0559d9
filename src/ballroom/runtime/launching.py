"""How a runtime process is started, for each family of runtimes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ballroom.runtime.base import WORKER_PACKAGE
from ballroom.runtime.environment import Environment
from ballroom.runtime.process import RuntimeProcess
from ballroom.runtime.runtime_api import RuntimeApi
from ballroom.runtime.runtimes import Interpreter, family, find_node, find_python, own_python, supported
from ballroom.runtime.spec import FunctionSpec, RuntimeUnavailable
from ballroom.runtime.survivors import MARK
from ballroom.runtime.variables import Places, environment_variables, python_path, real_places
from ballroom.runtime.worker.isolate import LEVELS
from ballroom.runtime.zygotes import LAUNCHER, PYTHON, Zygote, ZygoteKind, Zygotes

log = logging.getLogger("ballroom.runtime")

_QUIET_S = 0.03
_LIMITS = {"RLIMIT_NOFILE": [1024, 1024], "RLIMIT_CORE": [0, 0], "RLIMIT_MEMLOCK": [65536, 65536]}
"""Source: recorded case `test_runtime_ulimits` (core files aside: nobody could fetch them)."""


class Launching:
    """Knows the programs of this machine."""

    def __init__(self, zygotes: Zygotes, base: Path, work_dir: Path, spare_idle_s: float) -> None:
        self._spare_idle_s = spare_idle_s
        self._spares: dict[Zygote, RuntimeProcess] = {}
        self._refilling: asyncio.TimerHandle | None = None
        self._zygotes = zygotes
        self._base = base
        self._work_dir = work_dir
        self._warned: set[str] = set()
        self._broken: set[str] = set()
        self.notices: list[str] = []
        """What an operator should know (`ballroom doctor` prints them)."""

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have the zygote warm, and a process forked from it, before the first invocation comes."""
        zygote, _ = await self._zygote(spec)
        self._refill(zygote)

    async def launch(self, environment: Environment) -> RuntimeProcess:
        """Start the environment's process.

        Raises:
            RuntimeUnavailable: this machine cannot run it.
        """
        spec = environment.spec
        zygote, interpreter = await self._zygote(spec)
        if spec.isolation and spec.isolation not in LEVELS:
            raise RuntimeUnavailable(f"there is no isolation level {spec.isolation!r}: {', '.join(LEVELS)}")
        if spec.isolation and LEVELS.index(zygote.isolation) < LEVELS.index(spec.isolation):
            raise RuntimeUnavailable(
                f"the function demands isolation level {spec.isolation!r}, and this machine gives "
                f"{zygote.isolation!r}: {zygote.isolation_reason}"
            )
        places = self._places(environment, zygote.isolation)
        request = self._request(environment, places, interpreter)
        process = self._spares.pop(zygote, None)
        if process is None or not process.alive:
            process = RuntimeProcess()
            await process.start(zygote)
        api = None
        if family(spec.runtime) == "provided":
            api = RuntimeApi(environment.on_frame)
            await api.open()
            request["env"]["AWS_LAMBDA_RUNTIME_API"] = api.address
        process.become(request, environment.on_frame, environment.journal.printed, environment.on_gone, api)
        self._refill(zygote)
        return process

    def _refill(self, zygote: Zygote) -> None:
        """Once no start has been asked for a moment: fork one process ahead of need."""
        if zygote.kind.kind != PYTHON or not self._spare_idle_s:
            return
        if self._refilling is not None:
            self._refilling.cancel()
        loop = asyncio.get_running_loop()
        self._refilling = loop.call_later(_QUIET_S, lambda: loop.create_task(self._fork_ahead(zygote)))

    async def _fork_ahead(self, zygote: Zygote) -> None:
        present = self._spares.get(zygote)
        if (present is not None and present.alive) or not zygote.alive or zygote.retired:
            return
        process = RuntimeProcess()
        self._spares[zygote] = process
        with contextlib.suppress(RuntimeUnavailable):
            await process.start(zygote, touch=True)
        asyncio.get_running_loop().call_later(self._spare_idle_s, self._drop, zygote, process)

    def _drop(self, zygote: Zygote, process: RuntimeProcess) -> None:
        if self._spares.get(zygote) is process:
            del self._spares[zygote]
            process.abandon()

    def close(self) -> None:
        """Let go of processes that wait for work."""
        if self._refilling is not None:
            self._refilling.cancel()
        for zygote, process in list(self._spares.items()):
            self._drop(zygote, process)

    def _places(self, environment: Environment, isolation: str) -> Places:
        spec = environment.spec
        if isolation == "isolated":
            return Places("/var/task", ("/opt",) if spec.layers else (), "/var/runtime", "/tmp")
        return real_places(spec, self._base, environment.folder)

    def _request(self, environment: Environment, places: Places, interpreter: Interpreter) -> dict[str, Any]:
        spec = environment.spec
        programs = str(Path(interpreter.executable).parent)
        variables = environment_variables(
            spec, places, environment.journal.stream, environment.id, environment.credentials, programs
        )
        variables[MARK] = str(self._work_dir)
        request: dict[str, Any] = {"env": variables, "directory": places.task, "limits": _LIMITS}
        request["places"] = {
            "task": str(spec.code_dir.absolute()),
            "layers": [str(layer.absolute()) for layer in spec.layers],
            "temporary": str(environment.folder),
        }
        kind, wrapper = family(spec.runtime), spec.env.get("AWS_LAMBDA_EXEC_WRAPPER")
        if kind == "python" and not wrapper:
            request["handler"] = spec.handler
            request["path"] = python_path(spec, places, interpreter.version)
            return request
        worker = f"{places.runtime}/{WORKER_PACKAGE}"
        if kind == "python":
            path = ":".join(python_path(spec, places, interpreter.version))
            argv = [interpreter.executable, f"{worker}/main.py", path]
        elif kind == "node":
            node = find_node()
            if node is None:
                raise RuntimeUnavailable(str(supported(spec.runtime)))
            argv = [node, *_node_options(spec.env, spec.memory_mb), f"{worker}/node/bootstrap.mjs"]
        elif kind == "provided":
            argv, wrapper = [_entry_point(spec, places)], None
        else:
            raise RuntimeUnavailable(supported(spec.runtime) or f"{spec.runtime} cannot be started")
        request["argv"] = ["/bin/sh", "-c", '"$0" "$@"', wrapper, *argv] if wrapper else argv
        return request

    async def _zygote(self, spec: FunctionSpec) -> tuple[Zygote, Interpreter]:
        if family(spec.runtime) != "python":
            interpreter = own_python()
            return await self._zygotes.get(ZygoteKind(interpreter.executable, LAUNCHER)), interpreter
        interpreter = (
            await asyncio.to_thread(find_python, spec.runtime)
            if self._unknown(spec)
            else find_python(spec.runtime)
        )
        if not interpreter.exact:
            self._warn(spec.runtime, f"no {spec.runtime} on this machine: its functions run on our own Python")
        if interpreter.executable not in self._broken:
            try:
                return await self._zygotes.get(ZygoteKind(interpreter.executable, PYTHON)), interpreter
            except RuntimeUnavailable as error:
                if interpreter.executable == own_python().executable:
                    raise
                self._broken.add(interpreter.executable)
                self._warn(
                    spec.runtime,
                    f"{spec.runtime} cannot be used ({error}): its functions run on our own Python",
                )
        interpreter = own_python()
        return await self._zygotes.get(ZygoteKind(interpreter.executable, PYTHON)), interpreter

    def _unknown(self, spec: FunctionSpec) -> bool:
        if spec.runtime in self._warned:
            return False
        self._warned.add(spec.runtime)
        return True

    def _warn(self, runtime: str, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)
            log.warning(text)


def _entry_point(spec: FunctionSpec, places: Places) -> str:
    """`bootstrap` of the package, else of the last layer that has one."""
    if not (spec.code_dir / "bootstrap").exists():
        for layer, seen_at in reversed(list(zip(spec.layers, _seen_layers(spec, places), strict=True))):
            if (layer / "bootstrap").exists():
                return f"{seen_at}/bootstrap"
    return f"{places.task}/bootstrap"


def _seen_layers(spec: FunctionSpec, places: Places) -> list[str]:
    return [*places.layers] if len(places.layers) == len(spec.layers) else ["/opt"] * len(spec.layers)


def _node_options(env: Mapping[str, str], memory_mb: int) -> list[str]:
    if "--max-old-space-size" in env.get("NODE_OPTIONS", ""):
        return []
    return [f"--max-old-space-size={max(64, memory_mb * 9 // 10)}"]
