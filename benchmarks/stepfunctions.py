"""What does a workflow cost: CPU per durable transition, a lone execution, Express, Map, a loop, long histories?

    python -m benchmarks.stepfunctions [--executions 2000] [--waiting 20000] [--dbos]

The whole of it in this process, on a kernel with a temporary data directory (durable: every start waits for its
fsync). CPU is the process's, user and system, writer's thread included; wall times stand beside it. Histories
are complete, and their lengths are checked. With --dbos a workflow of ten steps in the public `dbos` package on
SQLite runs in the same process, if it is installed: its steps are Python functions, ours are states.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ballroom.kernel import Caller, Context, Kernel, Settings, registry
from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.sqlite import SqliteEngine
from ballroom.services import load_services

ROLE = "arn:aws:iam::000000000000:role/r"
STATES = 10


def chain(kinds: str) -> dict[str, Any]:
    """A machine of Pass (p), Choice (c) and Task (t, a stand-in for Lambda) states, one after the other."""
    states: dict[str, Any] = {}
    for n, kind in enumerate(kinds):
        following = f"S{n + 1}" if n + 1 < len(kinds) else None
        step = {"Next": following} if following else {"End": True}
        if kind == "c":
            choice = {"Variable": "$.n", "NumericGreaterThan": -1, "Next": following}
            states[f"S{n}"] = {"Type": "Choice", "Choices": [choice], "Default": following}
        elif kind == "t":
            resource_arn = "arn:aws:lambda:us-east-1:000000000000:function:mock"
            states[f"S{n}"] = {"Type": "Task", "Resource": resource_arn, "ResultPath": "$.r", **step}
        else:
            states[f"S{n}"] = {"Type": "Pass", **step}
    return {"StartAt": "S0", "States": states}


def mapped(**more: Any) -> dict[str, Any]:
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}, **more}
    return {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}}


LOOP = {
    "StartAt": "C",
    "States": {
        "C": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 1000, "Next": "P"}],
            "Default": "End",
        },
        "P": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "C"},
        "End": {"Type": "Succeed"},
    },
}


async def mock_invoke(ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A function that answers at once: what is measured is the engine."""
    return {"StatusCode": 200, "Payload": b'{"ok":true}', "ExecutedVersion": "$LATEST"}


class Bench:
    """A kernel and its clients."""

    def __init__(self, folder: Path) -> None:
        load_services()
        operation = registry.operations["lambda", "Invoke"]
        registry.operations["lambda", "Invoke"] = type(operation)(
            "lambda", "Invoke", mock_invoke, True, False, lambda request: None
        )
        settings = Settings(data_dir=folder)
        loop = asyncio.get_running_loop()
        self.kernel = Kernel(settings, SqliteEngine(folder / "store.sqlite"), FileBlobs(folder / "blobs"), loop)
        self.kernel.start()

    async def call(self, operation: str, **input: Any) -> dict[str, Any]:
        caller = Caller("000000000000", "us-east-1", ROLE, "u", "test", self.kernel.ids.uuid())
        return await self.kernel.call("stepfunctions", operation, input, caller)

    async def machine(self, name: str, definition: dict[str, Any], kind: str = "STANDARD") -> str:
        made = await self.call(
            "CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind
        )
        return str(made["stateMachineArn"])

    async def ended(self, arn: str) -> None:
        while (await self.call("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING"))["executions"]:  # noqa: ASYNC110 - the store is polled
            await asyncio.sleep(0.002)

    async def events(self, execution: str) -> int:
        answer = await self.call("GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=1)
        return int(answer["events"][0]["id"])


async def in_parallel(count: int, width: int, work: Callable[[], Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(width)

    async def one() -> Any:
        async with gate:
            return await work()

    return await asyncio.gather(*(one() for _ in range(count)))


async def throughput(bench: Bench, kinds: str, count: int, width: int, events: int) -> float:
    """Executions of ten states, `width` at once; CPU seconds each."""
    arn = await bench.machine(f"t-{kinds}-{count}", chain(kinds))

    async def one() -> str:
        made = await bench.call("StartExecution", stateMachineArn=arn, input='{"n": 1}')
        return str(made["executionArn"])

    await in_parallel(20, 20, one)
    await bench.ended(arn)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count // width):
        started = await in_parallel(width, width, one)
        await bench.ended(arn)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert await bench.events(started[-1]) == events
    print(
        f"standard, {kinds}, {width} at once: {count / cpu:,.0f} executions and {STATES * count / cpu:,.0f} "
        f"transitions per CPU second ({count / wall:,.0f}/s by the clock)"
    )
    return cpu / count


async def latency(
    bench: Bench, label: str, work: Callable[[], Awaitable[Any]], count: int = 50
) -> list[float]:
    await work()
    took, used = [], []
    flushes = bench.kernel.shard.flushes
    for _ in range(count):
        begun, cpu = time.perf_counter(), time.process_time()
        await work()
        took.append(1000 * (time.perf_counter() - begun))
        used.append(1000 * (time.process_time() - cpu))
    commits = (bench.kernel.shard.flushes - flushes) / count
    print(f"{label}: p50 {statistics.median(took):.2f} ms ({statistics.median(used):.2f} of CPU), {commits:.1f} commits")
    return took


async def main(arguments: argparse.Namespace) -> tuple[float, float]:
    folder = Path(tempfile.mkdtemp(prefix="ballroom-bench-"))
    sys.setswitchinterval(0.0005)  # as `ballroom serve` does
    try:
        bench = Bench(folder)
        ours = await standard(bench, arguments.executions)
        await express(bench, arguments.executions)
        await large(bench)
        await waiting(bench, arguments.waiting)
        await bench.kernel.stop()
        return ours
    finally:
        shutil.rmtree(folder)


async def standard(bench: Bench, count: int) -> tuple[float, float]:
    """Milliseconds for a lone execution; CPU seconds for one of many."""
    await throughput(bench, "pcpcpcpcpp", count, 100, 22)
    many = await throughput(bench, "p" * STATES, count, 200, 22)
    await throughput(bench, "pctpctpctp", max(count // 4, 100), 100, 31)
    arn = await bench.machine("lone", chain("p" * STATES))

    async def lone() -> None:
        made = await bench.call("StartExecution", stateMachineArn=arn)
        described = await bench.call("DescribeExecution", executionArn=made["executionArn"])
        assert described["status"] == "SUCCEEDED"

    took = await latency(bench, "a lone execution of 10 Pass states, start to SUCCEEDED", lone)
    return statistics.median(took), many


async def express(bench: Bench, count: int) -> None:
    arn = await bench.machine("express", chain("pcpcpcpcpp"), "EXPRESS")

    async def sync() -> None:
        answer = await bench.call("StartSyncExecution", stateMachineArn=arn, input='{"n": 1}')
        assert answer["status"] == "SUCCEEDED"

    await latency(bench, "StartSyncExecution of 10 states", sync)
    cpu = time.process_time()
    for _ in range(count):
        await sync()
    cpu = time.process_time() - cpu
    print(f"express: {STATES * count / cpu:,.0f} transitions per CPU second")
    lambda_arn = await bench.machine("express-task", chain("t"), "EXPRESS")

    async def task() -> None:
        answer = await bench.call("StartSyncExecution", stateMachineArn=lambda_arn, input='{"n": 1}')
        assert answer["status"] == "SUCCEEDED"

    await latency(bench, "StartSyncExecution of one Lambda task over the function itself", task)


async def large(bench: Bench) -> None:
    """Map, a loop, and the pages of a full history."""
    map_arn = await bench.machine("map", mapped())
    loop_arn = await bench.machine("loop", LOOP)
    items = json.dumps(list(range(1000)))

    async def run(arn: str, input: str, events: int) -> str:
        made = await bench.call("StartExecution", stateMachineArn=arn, input=input)
        execution = str(made["executionArn"])
        while (await bench.call("DescribeExecution", executionArn=execution))["status"] == "RUNNING":  # noqa: ASYNC110 - the store is polled
            await asyncio.sleep(0.0005)
        assert await bench.events(execution) == events
        return execution

    await latency(bench, "Map over 1,000 items (Pass)", lambda: run(map_arn, items, 4006), 10)
    await latency(bench, "a Choice loop of 1,000 iterations", lambda: run(loop_arn, '{"n": 0}', 4006), 10)
    endless = await run(loop_arn, '{"n": -10000000}', 25_000)

    async def page(token: dict[str, str]) -> dict[str, Any]:
        return await bench.call("GetExecutionHistory", executionArn=endless, maxResults=1000, **token)

    took, token = [], {}
    while True:
        begun = time.perf_counter()
        answer = await page(token)
        took.append(1000 * (time.perf_counter() - begun))
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    print(f"25 pages of a 25,000 event history: first {took[0]:.1f} ms, last {took[-1]:.1f} ms, worst {max(took):.1f}")


async def waiting(bench: Bench, count: int) -> None:
    """Executions that wait cost disk, not memory."""
    arn = await bench.machine("wait", {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10**7, "End": True}}})
    before = memory_mb()
    await in_parallel(count, 500, lambda: bench.call("StartExecution", stateMachineArn=arn))
    size = sum(path.stat().st_size for path in bench.kernel.settings.data_dir.glob("store.sqlite*"))  # type: ignore[union-attr]
    print(f"{count:,} waiting executions: {memory_mb() - before:.1f} MB of memory more, store {size / 1e6:.0f} MB")


async def put_keys(kernel: Kernel, keys: int, caller: Caller) -> None:
    """Objects in the bucket `bench-keys`."""
    names = iter(range(keys))

    async def put() -> None:
        request = {"Bucket": "bench-keys", "Key": f"in/{next(names):07}", "Body": b"x"}
        await kernel.call("s3", "PutObject", request, caller)

    await in_parallel(keys, 200, put)


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def dbos_workflows(ours: tuple[float, float], count: int = 200) -> None:
    """Ten steps in the public `dbos` package, on SQLite: one after the other, and 20 at once on threads.

    What differs: a step is a Python function, and its result a commit of its own; ten Pass states are ten states of
    a definition, and their execution is one or two commits. dbos leaves SQLite its
    rollback journal, whose commits cost more fsyncs than ours in a write-ahead log. Both have a complete history afterwards.
    """
    try:
        from dbos import DBOS, DBOSConfig  # type: ignore[import-not-found]
    except ImportError:
        print("dbos is not installed: pip install dbos, in an environment of its own")
        return
    folder = tempfile.mkdtemp(prefix="dbos-bench-")
    config: DBOSConfig = {
        "name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "log_level": "ERROR",
        "run_admin_server": False,
    }  # fmt: skip
    DBOS(config=config)

    @DBOS.step()
    def step(n: int) -> int:
        return n + 1

    @DBOS.workflow()
    def ten() -> int:
        n = 0
        for _ in range(STATES):
            n = step(n)
        return n

    def at_once() -> None:
        for handle in [DBOS.start_workflow(ten) for _ in range(20)]:
            assert handle.get_result() == STATES

    DBOS.launch()
    ten()
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        assert ten() == STATES
        took.append(1000 * (time.perf_counter() - begun))
    cpu = time.process_time()
    for _ in range(count // 20):
        at_once()
    each = (time.process_time() - cpu) / count
    lone, many = ours
    print(
        f"dbos, a workflow of 10 steps on SQLite: p50 {statistics.median(took):.2f} ms alone "
        f"({statistics.median(took) / lone:.1f} times ours), {1000 * each:.2f} ms of CPU with 20 at once "
        f"({each / many:.0f} times ours with 200 at once)"
    )
    DBOS.destroy()
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--waiting", type=int, default=20_000)
    parser.add_argument("--dbos", action="store_true")
    given = parser.parse_args()
    figures = asyncio.run(main(given))
    if given.dbos:
        dbos_workflows(figures)
