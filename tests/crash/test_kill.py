"""kill -9 under load, ten times: messages, asynchronous invocations and stacks are all accounted for."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ServerProcess

KILLS = 10
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
FUNCTION = """
import os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["DONE"], MessageBody=event["id"])
"""
TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {
        "First": {"Type": "AWS::SQS::Queue"},
        "Second": {"Type": "AWS::SQS::Queue", "DependsOn": "First"},
        "Value": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Name": {"Ref": "Name"}, "Value": {"Ref": "Second"}},
        },
    },
}


class Ledger:
    """What was asked for and what was acknowledged."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.removed: set[str] = set()
        self.maybe_removed: set[str] = set()
        self.invoked: set[str] = set()
        self.stacks: set[str] = set()


class Load:
    """Clients that go on until the server is gone."""

    def __init__(self, server: ServerProcess, ledger: Ledger, round: int) -> None:
        self.server, self.ledger, self.round = server, ledger, round
        self.over = threading.Event()

    def until_the_end(self, work: Callable[[Iterator[str]], None], name: str) -> None:
        names = (f"{name}-{self.round}-{n}" for n in range(1_000_000))
        with suppress(BotoCoreError, ClientError):
            while not self.over.is_set():
                work(names)

    def send(self, worker: int) -> None:
        sqs, url = self.server.client("sqs"), queue_url(self.server, "orders")

        def once(names: Iterator[str]) -> None:
            body = next(names)
            sqs.send_message(QueueUrl=url, MessageBody=body)
            self.ledger.sent.add(body)

        self.until_the_end(once, f"message-{worker}")

    def remove(self) -> None:
        sqs, url = self.server.client("sqs"), queue_url(self.server, "orders")

        def once(_: Iterator[str]) -> None:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3).get("Messages", []):
                self.ledger.maybe_removed.add(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                self.ledger.removed.add(message["Body"])

        self.until_the_end(once, "")

    def invoke(self) -> None:
        functions = self.server.client("lambda")

        def once(names: Iterator[str]) -> None:
            name = next(names)
            functions.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps({"id": name}))
            self.ledger.invoked.add(name)

        self.until_the_end(once, "invocation")

    def deploy(self) -> None:
        stacks = self.server.client("cloudformation")

        def once(names: Iterator[str]) -> None:
            name = next(names)
            stacks.create_stack(
                StackName=name, TemplateBody=json.dumps(TEMPLATE),
                Parameters=[{"ParameterKey": "Name", "ParameterValue": f"/{name}"}],
            )  # fmt: skip
            self.ledger.stacks.add(name)
            time.sleep(0.1)  # real time: a few stacks a round are enough

        self.until_the_end(once, "stack")


def queue_url(server: ServerProcess, name: str) -> str:
    return f"{server.endpoint}/000000000000/{name}"


def drain(server: ServerProcess, name: str) -> Iterator[str]:
    sqs, url = server.client("sqs"), queue_url(server, name)
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        yield from (m["Body"] for m in messages)
        sqs.delete_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
        )


def wait_until(condition: Callable[[], Any], what: str, limit_s: float = 60) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} within {limit_s} s"
        time.sleep(0.1)  # real time: another process is awaited
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(FUNCTION)
    with ServerProcess(tmp_path / "data") as made:
        sqs = made.client("sqs")
        sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "0"})
        done = sqs.create_queue(QueueName="done")["QueueUrl"]
        made.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
        functions = made.client("lambda")
        functions.create_function(
            FunctionName="worker", Runtime="python3.12", Handler="app.handler", Timeout=30,
            Role="arn:aws:iam::000000000000:role/r", Environment={"Variables": {"DONE": done}},
            Code={"S3Bucket": "ballroom-local", "S3Key": str(code)},
        )  # fmt: skip
        functions.get_waiter("function_active_v2").wait(FunctionName="worker")
        yield made


def test_everything_acknowledged_is_accounted_for_after_ten_kills(server: ServerProcess) -> None:
    chance = random.Random(2026)
    ledger = Ledger()
    for round in range(KILLS):
        load = Load(server, ledger, round)
        jobs = [partial(load.send, 0), partial(load.send, 1), load.remove, load.invoke, load.deploy]
        with ThreadPoolExecutor(len(jobs)) as pool:
            running = [pool.submit(job) for job in jobs]
            time.sleep(chance.uniform(0.1, 0.8))  # real time: a process is killed at a random moment
            server.kill()
            load.over.set()
        for job in running:
            job.result()
        server.start()
    assert min(len(ledger.sent), len(ledger.invoked), len(ledger.stacks)) > KILLS, "the load was real"
    accounted_messages(server, ledger)
    accounted_invocations(server, ledger)
    accounted_stacks(server, ledger)


def accounted_messages(server: ServerProcess, ledger: Ledger) -> None:
    left = list(drain(server, "orders"))
    assert ledger.sent - ledger.maybe_removed <= set(left), "an acknowledged message is lost"
    assert not ledger.removed & set(left), "a deleted message has come back"
    assert len(left) == len(set(left)), "a message is there twice"


def accounted_invocations(server: ServerProcess, ledger: Ledger) -> None:
    seen: set[str] = set()

    def all_seen() -> bool:
        seen.update(drain(server, "done"))
        return ledger.invoked <= seen

    wait_until(all_seen, "every acknowledged invocation has run")


def accounted_stacks(server: ServerProcess, ledger: Ledger) -> None:
    stacks = server.client("cloudformation")

    def settled() -> list[dict[str, Any]] | None:
        found = [s for page in stacks.get_paginator("describe_stacks").paginate() for s in page["Stacks"]]
        return None if any(s["StackStatus"].endswith("IN_PROGRESS") for s in found) else found

    found = {s["StackName"]: s["StackStatus"] for s in wait_until(settled, "every stack settles")}
    assert ledger.stacks <= set(found), "an acknowledged stack is lost"
    assert set(found.values()) == {"CREATE_COMPLETE"}
    owned = {
        resource["PhysicalResourceId"].rpartition("/")[2]
        for name in found
        for resource in stacks.describe_stack_resources(StackName=name)["StackResources"]
        if resource["ResourceType"] == "AWS::SQS::Queue"
    }
    pages = server.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix="stack-")
    queues = [url.rpartition("/")[2] for page in pages for url in page.get("QueueUrls", [])]
    assert sorted(owned) == sorted(queues), "a resource is doubled or orphaned"


def test_no_worker_of_a_killed_server_lives_on(server: ServerProcess, tmp_path: Path) -> None:
    def workers() -> set[int]:
        """Processes that were started for this server's data directory or descend from it."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with suppress(OSError):
                    if str(tmp_path).encode() in (entry / "environ").read_bytes():
                        found.add(int(entry.name))
        return found - {os.getpid()}

    invoke = {"FunctionName": "worker", "Payload": json.dumps({"id": "x"})}
    server.client("lambda").invoke(**invoke)
    assert server.process is not None
    server.kill()
    wait_until(lambda: not workers(), "the workers have ended", 10)
    server.start()
    assert "FunctionError" not in server.client("lambda").invoke(**invoke)
