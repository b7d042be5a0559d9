"""How long do 10,000 schedules take that all come due in one second?

    python -m benchmarks.schedules [--schedules 10000] [--runs 3]

A server in this process on a temporary data directory (durable). The virtual clock is advanced to the second in
question, so nothing but the firing is measured: from there until every target has its message and all is on
disk. CPU is this process's. The queue's count is checked.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ballroom.kernel import Caller, ServiceError, service_caller
from ballroom.testing import BallroomServer

ACCOUNT, REGION = "000000000000", "us-east-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:fired"


def ask(server: BallroomServer, service: str, operation: str, requests: list[dict[str, Any]]) -> list[Any]:
    """Answers of one operation, called on the loop's thread a few hundred at a time."""
    caller: Caller = service_caller(ACCOUNT, REGION, "bench")
    answers: list[Any] = []
    for first in range(0, len(requests), 200):

        def some(part: list[dict[str, Any]]) -> None:
            for request in part:
                server.ballroom.kernel.submit(service, operation, request, caller, answers.append)

        server.do(lambda part=requests[first : first + 200]: some(part))  # type: ignore[misc]
    server.run(server.ballroom.kernel.shard.flush())
    refused = next((answer for answer in answers if isinstance(answer, ServiceError)), None)
    if refused is not None:
        raise refused
    return answers


def schedules(server: BallroomServer, number: int) -> None:
    """EventBridge Scheduler: one-time schedules."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(server.clock.now_ms // 1000 + 60))
    target = {"Arn": QUEUE, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler", "Input": json.dumps({"x": 1})}
    made = [
        {
            "Name": f"s{n}", "ScheduleExpression": f"at({at})", "Target": target,
            "FlexibleTimeWindow": {"Mode": "OFF"}, "ClientToken": f"t{n}",
        }
        for n in range(number)
    ]  # fmt: skip
    ask(server, "scheduler", "CreateSchedule", made)


def rules(server: BallroomServer, number: int) -> None:
    """EventBridge: rules with a rate, a target each."""
    names = [f"r{n}" for n in range(number)]
    ask(server, "events", "PutRule", [{"Name": n, "ScheduleExpression": "rate(1 minute)"} for n in names])
    targets = [{"Id": "1", "Arn": QUEUE}]
    ask(server, "events", "PutTargets", [{"Rule": n, "Targets": targets} for n in names])


def fire(what: Any, number: int) -> tuple[float, float]:
    """Wall and CPU seconds of firing."""
    with tempfile.TemporaryDirectory(prefix="schedules-bench-") as folder:
        settings = {"data_dir": Path(folder), "quotas": {"events.rules-per-bus": number}}
        with BallroomServer(**(settings if what is rules else {"data_dir": Path(folder)})) as server:
            url = server.client("sqs").create_queue(QueueName="fired")["QueueUrl"]
            what(server, number)
            wall, cpu = time.perf_counter(), time.process_time()
            server.clock.advance(seconds=61)
            server.run(server.ballroom.kernel.shard.flush())
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            counts = server.client("sqs").get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )["Attributes"]
            assert int(counts["ApproximateNumberOfMessages"]) == number, counts
    return wall, cpu


def main() -> None:
    """Both kinds, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for _ in range(options.runs):
        for what in (schedules, rules):
            wall, cpu = fire(what, options.schedules)
            print(f"{what.__name__:<12} {options.schedules:,} fired in {wall:5.2f} s, {cpu:5.2f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
