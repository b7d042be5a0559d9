"""A real runtime with real processes, shared by the tests of this folder: its interpreter is warmed once."""

from __future__ import annotations

import asyncio
import itertools
import json
import textwrap
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ballroom.runtime import FunctionSpec, Invocation, InvokeResult, LogBatch, Runtime, RuntimeSettings

T = TypeVar("T")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@dataclass
class Stage:
    """A runtime, the loop it lives on, and what it has logged."""

    folder: Path
    runner: asyncio.Runner
    runtime: Runtime
    logs: list[LogBatch] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def do(self, awaitable: Awaitable[T]) -> T:
        async def wrapped() -> T:
            return await awaitable

        return self.runner.run(wrapped())

    def function(
        self, code: str = "", *, file: str = "main.py", handler: str = "main.handler", **spec: Any
    ) -> FunctionSpec:
        number = next(self.numbers)
        folder = self.folder / f"code{number}"
        folder.mkdir(mode=0o755)
        (folder / file).write_text(textwrap.dedent(code))
        settings: dict[str, Any] = {
            "key": f"function {number}",
            "runtime": "python3.11",
            "handler": handler,
            "code_dir": folder,
            "function_name": "f",
            "arn": ARN,
            "env": {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        }
        return FunctionSpec(**{**settings, **spec})

    def invoke(self, spec: FunctionSpec, event: Any = None, **invocation: Any) -> InvokeResult:
        return self.do(self.invoking(spec, event, **invocation))

    async def invoking(self, spec: FunctionSpec, event: Any = None, **invocation: Any) -> InvokeResult:
        request_id = invocation.pop("request_id", None) or str(uuid.uuid4())
        return await self.runtime.invoke(spec, Invocation(request_id, json.dumps(event).encode(), **invocation))

    def answer(self, spec: FunctionSpec, event: Any = None, **invocation: Any) -> Any:
        result = self.invoke(spec, event, **invocation)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)

    def error(self, spec: FunctionSpec, event: Any = None, **invocation: Any) -> dict[str, Any]:
        result = self.invoke(spec, event, **invocation)
        assert result.function_error == "Unhandled", result.payload
        document: dict[str, Any] = json.loads(result.payload)
        return document

    def lines(self, spec: FunctionSpec) -> list[str]:
        """What the function and the platform logged, in order."""
        return [text for batch in self.logs if batch.spec is spec for _, text in batch.lines]


MakeStage = Callable[..., Stage]


def open_stage(folder: Path, **options: Any) -> Stage:
    runner = asyncio.Runner(loop_factory=options.pop("loop", None))
    logs: list[LogBatch] = []
    ended: list[str] = []
    settings = options.pop("settings", RuntimeSettings())

    async def opened() -> Runtime:
        runtime = Runtime(
            work_dir=folder / "work",
            on_log=logs.append,
            on_environment_end=ended.append,
            settings=settings,
            **options,
        )
        await runtime.start()
        return runtime

    return Stage(folder, runner, runner.run(opened()), logs, ended)


@pytest.fixture(scope="session")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    uvloop = pytest.importorskip("uvloop")  # the server's loop; `make_stage` runs on asyncio's own
    stage = open_stage(tmp_path_factory.mktemp("stage"), loop=uvloop.new_event_loop)
    yield stage
    stage.do(stage.runtime.stop())
    stage.runner.close()


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    shared_stage.logs.clear()
    return shared_stage


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[MakeStage]:
    """A runtime of one's own, with other settings."""
    stages: list[Stage] = []

    def make(**options: Any) -> Stage:
        stages.append(open_stage(tmp_path / str(len(stages)), **options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.do(stage.runtime.stop())
        stage.runner.close()
