"""How environments come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ballroom.runtime import CapacityExceeded, RuntimeSettings, RuntimeUnavailable, supported
from ballroom.runtime.survivors import MARK, Survivors, start_time

from .conftest import MakeStage, Stage

ENVIRONMENT = "import os\ndef handler(event, context): return os.environ['BALLROOM_ENVIRONMENT']"
SLOW = (
    "import os, time\ndef handler(event, context): time.sleep(event); return os.environ['BALLROOM_ENVIRONMENT']"
)


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.01)


def test_an_environment_is_used_again_and_the_most_recent_one_first(stage: Stage) -> None:
    spec = stage.function(SLOW)

    async def both() -> list[str]:
        results = await asyncio.gather(stage.invoking(spec, 0.2), stage.invoking(spec, 0.4))
        return [result.environment_id for result in results]

    first, second = stage.do(both())
    assert first != second
    assert [stage.invoke(spec, 0).environment_id for _ in range(3)] == [second] * 3


def test_functions_never_share_an_environment(stage: Stage) -> None:
    assert stage.answer(stage.function(ENVIRONMENT)) != stage.answer(stage.function(ENVIRONMENT))


def test_a_burst_on_a_cold_function_is_answered_completely(stage: Stage) -> None:
    spec = stage.function(
        "import boto3\nclient = boto3.client('sqs')\ndef handler(event, context): return event"
    )

    async def burst() -> list[bytes]:
        return [r.payload for r in await asyncio.gather(*(stage.invoking(spec, n) for n in range(50)))]

    assert stage.do(burst()) == [str(n).encode() for n in range(50)]
    assert stage.runtime.statistics()["starting"] == 0
    assert stage.runtime.statistics()["busy"] == 0


def test_a_full_machine_makes_room_by_ending_what_is_idle(make_stage: MakeStage) -> None:
    stage = make_stage(settings=RuntimeSettings(max_environments=2))
    functions = [stage.function(ENVIRONMENT) for _ in range(4)]
    for spec in functions:
        stage.answer(spec)
    assert stage.runtime.statistics()["environments"] == 2
    assert len(stage.ended) == 2


def test_a_machine_full_of_busy_environments_refuses_after_a_while(make_stage: MakeStage) -> None:
    stage = make_stage(settings=RuntimeSettings(max_environments=1, wait_for_capacity_s=0.2))
    slow, other = stage.function(SLOW, timeout_ms=30_000), stage.function(ENVIRONMENT)

    async def run() -> None:
        busy = asyncio.create_task(stage.invoking(slow, 1.0))
        await until(lambda: stage.runtime.statistics()["busy"] == 1)
        with pytest.raises(CapacityExceeded):
            await stage.invoking(other)
        await busy
        await stage.invoking(other)

    stage.do(run())


def test_idle_environments_and_interpreters_end_by_themselves(make_stage: MakeStage) -> None:
    settings = RuntimeSettings(environment_idle_s=0.1, zygote_idle_s=0.2, spare_idle_s=0.1)
    stage = make_stage(settings=settings)
    spec = stage.function(ENVIRONMENT)
    stage.answer(spec)

    def gone() -> bool:
        statistics = stage.runtime.statistics()
        return statistics["environments"] == 0 and statistics["zygotes"] == []

    stage.do(until(gone))
    assert len(stage.ended) == 1
    assert stage.answer(spec) not in stage.ended


def test_a_retired_interpreter_leaves_its_environments_alive(make_stage: MakeStage) -> None:
    stage = make_stage()
    spec = stage.function(ENVIRONMENT)
    before = stage.answer(spec)

    async def retire() -> None:
        stage.runtime._zygotes.retire_all()

    stage.do(retire())
    assert stage.answer(spec) == before
    assert stage.answer(stage.function(ENVIRONMENT)) != before
    assert len(stage.runtime.statistics()["zygotes"]) == 2


def test_an_interpreter_that_dies_is_replaced(make_stage: MakeStage) -> None:
    stage = make_stage()
    spec = stage.function(ENVIRONMENT)
    stage.answer(spec)
    os.kill(stage.runtime.statistics()["zygotes"][0]["pid"], signal.SIGKILL)
    stage.do(until(lambda: not stage.runtime.statistics()["zygotes"]))
    assert stage.answer(spec)


def test_forgetting_a_function_lets_the_running_invocation_end(stage: Stage) -> None:
    spec = stage.function(SLOW)

    async def run() -> tuple[str, str]:
        running = asyncio.create_task(stage.invoking(spec, 0.3))
        await until(lambda: stage.runtime.statistics()["busy"] == 1)
        await stage.runtime.drain(spec.key)
        assert running.done()
        return (await running).environment_id, (await stage.invoking(spec, 0)).environment_id

    old, new = stage.do(run())
    assert old != new
    assert old in stage.ended


def test_changed_code_used_in_place_is_seen_by_the_next_invocation(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): return 0", reload_on_change=True)
    assert stage.answer(spec) == 0
    for number in range(1, 4):
        (spec.code_dir / "main.py").write_text(f"def handler(event, context): return {number}")
        assert stage.answer(spec) == number
    (spec.code_dir / "more").mkdir()
    (spec.code_dir / "more" / "__init__.py").write_text("n = 'package'")
    (spec.code_dir / "main.py").write_text("import more\ndef handler(event, context): return more.n")
    assert stage.answer(spec) == "package"
    same = [stage.invoke(spec).environment_id for _ in range(3)]
    assert len(set(same)) == 1


def test_code_that_is_not_used_in_place_stays_as_it_was_loaded(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): return 0")
    stage.answer(spec)
    (spec.code_dir / "main.py").write_text("def handler(event, context): return 1")
    assert stage.answer(spec) == 0


def test_a_cancelled_invocation_ends_its_process(stage: Stage) -> None:
    spec = stage.function(SLOW, timeout_ms=60_000)

    async def run() -> None:
        running = asyncio.create_task(stage.invoking(spec, 50))
        await until(lambda: any(e.pid for e in stage.runtime._pool.busy()))
        pid = next(e.pid for e in stage.runtime._pool.busy() if e.pid)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(lambda: not Path(f"/proc/{pid}").exists())

    stage.do(run())
    assert stage.runtime.statistics()["busy"] == 0


def test_stopping_waits_for_running_invocations_as_long_as_it_may(make_stage: MakeStage) -> None:
    stage = make_stage()
    spec = stage.function(SLOW)

    async def run() -> bytes:
        running = asyncio.create_task(stage.invoking(spec, 0.3))
        await until(lambda: stage.runtime.statistics()["busy"] == 1)
        await stage.runtime.stop(drain_s=10)
        with pytest.raises(RuntimeUnavailable):
            await stage.invoking(spec, 0)
        return (await running).payload

    assert len(stage.do(run())) == 34


def test_a_stopped_runtime_leaves_nothing_on_disk(make_stage: MakeStage) -> None:
    stage = make_stage()
    spec = stage.function("def handler(event, context): open('/tmp/x', 'w').write('x') if event else None")
    stage.invoke(spec)
    assert (stage.folder / "work").exists()
    stage.do(stage.runtime.stop())
    assert not (stage.folder / "work").exists()


def test_nothing_lives_on_after_the_server_was_killed(tmp_path: Path) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    with host.stdout:
        assert host.stdout.readline() == "busy\n"
        mark = f"{MARK}={tmp_path / 'work'}".encode()
        assert marked(mark)
        host.kill()
        host.wait()
    end = time.monotonic() + 10
    while marked(mark):
        assert time.monotonic() < end, marked(mark)
        time.sleep(0.01)


HOST = """
import asyncio, sys
from pathlib import Path
from ballroom.runtime import FunctionSpec, Invocation, Runtime

async def main(folder):
    (folder / "main.py").write_text("import os, time\\ndef handler(e, c):\\n if e: print(1)\\n while True: pass")
    runtime = Runtime(work_dir=folder / "work", on_log=lambda batch: print("busy", flush=True))
    await runtime.start()
    spec = FunctionSpec(key="f", runtime="python3.11", handler="main.handler", code_dir=folder, function_name="f", timeout_ms=90_000)
    await asyncio.gather(*(runtime.invoke(spec, Invocation(str(n), b"0")) for n in range(3)))

asyncio.run(main(Path(sys.argv[1])))
"""


def marked(mark: bytes) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                alive = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
                if alive and mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.append(name)
            except OSError:
                continue
    return found


def test_a_new_server_ends_what_the_records_and_marks_of_an_earlier_one_name(tmp_path: Path) -> None:
    survivors = Survivors(tmp_path)
    survivors.open()
    recorded, reused, marked_only = (
        subprocess.Popen(["sleep", "60"], env=environment) for environment in ({}, {}, {MARK: str(tmp_path)})
    )
    survivors.add(recorded.pid)
    (tmp_path / "processes" / str(reused.pid)).write_text("another start time")
    assert start_time(recorded.pid)
    assert survivors.sweep() == 2
    assert recorded.wait(10) == -signal.SIGKILL
    assert marked_only.wait(10) == -signal.SIGKILL
    assert reused.poll() is None
    assert survivors.sweep() == 0
    reused.kill()
    reused.wait()


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ("python3.13", None),
        ("java21", "the Java runtimes are not supported yet"),
        ("dotnet8", "the .NET runtimes are not supported yet"),
        ("ruby3.3", "the Ruby runtimes are not supported yet"),
        ("go1.x", "AWS retired go1.x; build for provided.al2023 instead"),
        ("cobol", "cobol is not a runtime that Ballroom knows"),
        ("python2.7", "python2.7 is not a runtime that Ballroom knows"),
    ],
)
def test_a_runtime_that_cannot_run_here_is_refused_with_the_reason(runtime: str, reason: str | None) -> None:
    assert supported(runtime) == reason
