"""How a runtime process is started, for each family of runtimes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ballroom.runtime.environment import Environment
from ballroom.runtime.process import RuntimeProcess
from ballroom.runtime.runtimes import Interpreter, family, find_node, find_python, own_python, supported
from ballroom.runtime.spec import FunctionSpec, RuntimeUnavailable
from ballroom.runtime.survivors import MARK
from ballroom.runtime.variables import Places, environment_variables, python_path, real_places
from ballroom.runtime.zygotes import LAUNCHER, PYTHON, Zygote, ZygoteKind, Zygotes

log = logging.getLogger("ballroom.runtime")

_LIMITS = {"RLIMIT_NOFILE": [1024, 1024], "RLIMIT_CORE": [0, 0], "RLIMIT_MEMLOCK": [65536, 65536]}
"""Source: recorded case `test_runtime_ulimits` (core files aside: nobody could fetch them)."""


class Launching:
    """Knows the programs of this machine."""

    def __init__(self, zygotes: Zygotes, base: Path, work_dir: Path) -> None:
        self._zygotes = zygotes
        self._base = base
        self._work_dir = work_dir
        self._warned: set[str] = set()
        self._broken: set[str] = set()
        self.notices: list[str] = []
        """What an operator should know (`ballroom doctor` prints them)."""

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have the zygote warm before the first invocation comes."""
        await self._zygote(spec)

    async def launch(self, environment: Environment, process: RuntimeProcess) -> None:
        """Start the environment's process.

        Raises:
            RuntimeUnavailable: this machine cannot run it.
        """
        spec = environment.spec
        zygote, interpreter = await self._zygote(spec)
        places = self._places(environment)
        request = self._request(environment, places, interpreter)
        await process.start(zygote, request, environment.on_frame)

    def _places(self, environment: Environment) -> Places:
        return real_places(environment.spec, self._base, environment.folder)

    def _request(self, environment: Environment, places: Places, interpreter: Interpreter) -> dict[str, Any]:
        spec = environment.spec
        programs = str(Path(interpreter.executable).parent)
        variables = environment_variables(
            spec, places, environment.journal.stream, environment.id, environment.credentials, programs
        )
        variables[MARK] = str(self._work_dir)
        request: dict[str, Any] = {"env": variables, "directory": places.task, "limits": _LIMITS}
        kind = family(spec.runtime)
        if kind == "python":
            request["handler"] = spec.handler
            request["path"] = python_path(spec, places, interpreter.version)
        elif kind == "node":
            node = find_node()
            if node is None:
                raise RuntimeUnavailable(str(supported(spec.runtime)))
            request["argv"] = [node, *_node_options(spec.env, spec.memory_mb), self._node_script(places)]
        else:
            raise RuntimeUnavailable(supported(spec.runtime) or f"{spec.runtime} cannot be started")
        return request

    def _node_script(self, places: Places) -> str:
        return f"{places.runtime}/_ballroom_worker/node/bootstrap.mjs"

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


def _node_options(env: Mapping[str, str], memory_mb: int) -> list[str]:
    if "--max-old-space-size" in env.get("NODE_OPTIONS", ""):
        return []
    return [f"--max-old-space-size={max(64, memory_mb * 9 // 10)}"]
