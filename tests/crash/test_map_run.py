"""kill -9 while a distributed Map runs over a listing: every item is worked on, its effects happen once."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_kill import drain, wait_until
from tests.server import ServerProcess

KILLS = 6
KEYS = 600
ROLE = "arn:aws:iam::000000000000:role/r"


def machine(kind: str) -> dict[str, Any]:
    """Each key is sent to a queue, and a Standard child then waits: it is killed before and after."""
    done: dict[str, Any] = {
        "Send": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": None,
            "Parameters": {"QueueUrl": f"http://localhost/000000000000/{kind}", "MessageBody.$": "$.Key"},
            "OutputPath": "$.Key",
        },
        "Breathe": {"Type": "Wait", "Seconds": 1, "End": True},
    }  # fmt: skip
    if kind == "EXPRESS":  # within one commit: sent, and its result recorded
        done.pop("Breathe")
        done["Send"]["End"] = True
    else:
        done["Send"]["Next"] = "Breathe"
    return {
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map", "MaxConcurrency": 100, "End": True,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
                    "StartAt": "Send", "States": done,
                },
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "items"}
                },
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "results"}
                },
            }
        },
    }  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as made:
        s3 = made.client("s3")
        s3.create_bucket(Bucket="items")
        s3.create_bucket(Bucket="results")
        for n in range(KEYS):
            s3.put_object(Bucket="items", Key=f"{n:04}", Body=b"x")
        for kind in ("STANDARD", "EXPRESS"):
            made.client("sqs").create_queue(QueueName=kind)
            made.client("stepfunctions").create_state_machine(
                name=kind, definition=json.dumps(machine(kind)), roleArn=ROLE
            )
        yield made


def ended(server: ServerProcess, execution: str) -> dict[str, Any] | None:
    found: dict[str, Any] = server.client("stepfunctions").describe_execution(executionArn=execution)
    return None if found["status"] == "RUNNING" else found


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_every_item_is_worked_on_once(server: ServerProcess, kind: str) -> None:
    chance = random.Random(7)
    execution = server.client("stepfunctions").start_execution(
        stateMachineArn=f"arn:aws:states:us-east-1:000000000000:stateMachine:{kind}"
    )["executionArn"]
    under_way = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.1))  # real time: a process is killed at a random moment
        server.kill()
        server.start()
        under_way += ended(server, execution) is None
    found = wait_until(lambda: ended(server, execution), "the execution ends")
    assert under_way, "it was killed while it ran"
    assert found["status"] == "SUCCEEDED", found
    keys = [f"{n:04}" for n in range(KEYS)]
    assert Counter(drain(server, kind)) == Counter(keys)
    assert results(server, json.loads(found["output"])) == keys
    (run,) = server.client("stepfunctions").list_map_runs(executionArn=execution)["mapRuns"]
    described = server.client("stepfunctions").describe_map_run(mapRunArn=run["mapRunArn"])
    assert described["itemCounts"]["succeeded"] == described["itemCounts"]["resultsWritten"] == KEYS


def results(server: ServerProcess, written: dict[str, Any]) -> list[str]:
    """The children's outputs, as the files that the manifest names have them."""
    s3, details = server.client("s3"), written["ResultWriterDetails"]

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket=details["Bucket"], Key=key)["Body"].read())

    files = read(details["Key"])["ResultFiles"]["SUCCEEDED"]
    return [json.loads(one["Output"]) for file in files for one in read(file["Key"])]
