"""kill -9 twenty times with executions in flight: each ends once, with the right output and the right effects."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.crash.test_kill import TRUST, drain, queue_url, wait_until
from tests.server import ServerProcess

KILLS = 20
QUEUES = ("reserved", "shipped", "booked", "paid", "questions")
FUNCTION = """
import os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["PAID"], MessageBody=event["id"])
    return {"request": context.aws_request_id}
"""


def send(queue: str, body: str, **more: Any) -> dict[str, Any]:
    """A task that sends a message to a queue."""
    return {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": f"http://localhost/000000000000/{queue}", "MessageBody.$": body},
        "ResultPath": None, **more,
    }  # fmt: skip


BOOKING = {"StartAt": "Book", "States": {"Book": send("booked", "$.id", End=True)}}
ORDER = {
    "StartAt": "Reserve",
    "States": {
        "Reserve": send("reserved", "$.id", Next="Both"),
        "Both": {
            "Type": "Parallel",
            "ResultPath": None,
            "Branches": [
                {
                    "StartAt": "Pay",
                    "States": {
                        "Pay": {
                            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                            "Parameters": {"FunctionName": "pay", "Payload.$": "$"}, "End": True,
                        }
                    },
                },
                {
                    "StartAt": "Breathe",
                    "States": {"Breathe": {"Type": "Wait", "Seconds": 1, "End": True}},
                },
            ],
            "Next": "Ship",
        },
        "Ship": {
            "Type": "Map", "ItemsPath": "$.items", "ResultPath": None, "MaxConcurrency": 2,
            "ItemSelector": {"id.$": "States.Format('{}/{}', $.id, $$.Map.Item.Value)"},
            "ItemProcessor": {"StartAt": "One", "States": {"One": send("shipped", "$.id", End=True)}},
            "Next": "Deliver",
        },
        "Deliver": {
            "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "ResultPath": None,
            "Parameters": {
                "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:booking", "Input.$": "$"
            },
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": "http://localhost/000000000000/questions",
                "MessageBody": {"id.$": "$.id", "token.$": "$$.Task.Token"},
            },
            "ResultPath": "$.answer", "End": True,
        },
    },
}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(FUNCTION)
    with ServerProcess(tmp_path / "data") as made:
        for name in QUEUES:
            made.client("sqs").create_queue(QueueName=name)
        made.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
        functions = made.client("lambda")
        functions.create_function(
            FunctionName="pay", Runtime="python3.12", Handler="app.handler", Timeout=30,
            Role="arn:aws:iam::000000000000:role/r",
            Environment={"Variables": {"PAID": queue_url(made, "paid")}},
            Code={"S3Bucket": "ballroom-local", "S3Key": str(code)},
        )  # fmt: skip
        functions.get_waiter("function_active_v2").wait(FunctionName="pay")
        states = made.client("stepfunctions")
        for name, definition in (("booking", BOOKING), ("order", ORDER)):
            states.create_state_machine(
                name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r"
            )
        yield made


def start_orders(server: ServerProcess, round: int, started: set[str], over: threading.Event) -> None:
    states = server.client("stepfunctions")
    with suppress(BotoCoreError, ClientError):
        for n in range(6):
            name = f"order-{round}-{n}"
            states.start_execution(
                stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:order", name=name,
                input=json.dumps({"id": name, "items": ["a", "b", "c"]}),
            )  # fmt: skip
            started.add(name)
            if over.is_set():
                return


def answer_questions(server: ServerProcess, over: threading.Event) -> None:
    sqs, states = server.client("sqs"), server.client("stepfunctions")
    url = queue_url(server, "questions")
    with suppress(BotoCoreError, ClientError):
        while not over.is_set():
            for message in sqs.receive_message(QueueUrl=url, VisibilityTimeout=2).get("Messages", []):
                question = json.loads(message["Body"])
                with suppress(states.exceptions.TaskTimedOut):  # answered before the server was killed
                    output = json.dumps({"yes": question["id"]})
                    states.send_task_success(taskToken=question["token"], output=output)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            time.sleep(0.02)  # real time: another process is polled


def test_every_started_execution_ends_once_with_its_effects(server: ServerProcess) -> None:
    chance = random.Random(4)
    started: set[str] = set()
    for round in range(KILLS):
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(start_orders, server, round, started, over),
                pool.submit(answer_questions, server, over),
            ]
            time.sleep(chance.uniform(0.05, 0.6))  # real time: a process is killed at a random moment
            server.kill()
            over.set()
        for job in jobs:
            job.result()
        server.start()
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(answer_questions, server, over)
        try:
            ended = wait_until(lambda: all_ended(server), "every execution ends")
        finally:
            over.set()
        answering.result()
    assert started <= ended.keys(), "an acknowledged execution is lost"
    assert len(started) > KILLS, "the load was real"
    for name, execution in ended.items():
        assert execution["status"] == "SUCCEEDED", execution
        assert json.loads(execution["output"])["answer"] == {"yes": name}
    assert Counter(drain(server, "reserved")) == Counter(ended.keys())
    assert Counter(drain(server, "booked")) == Counter(ended.keys())
    assert Counter(drain(server, "shipped")) == Counter(f"{name}/{item}" for name in ended for item in "abc")
    assert set(drain(server, "paid")) == ended.keys(), "a function was not run"
    assert nested_count(server) == len(ended)


def all_ended(server: ServerProcess) -> dict[str, dict[str, Any]] | None:
    states = server.client("stepfunctions")
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:order"
    if states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
        return None
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn)
    return {
        one["name"]: states.describe_execution(executionArn=one["executionArn"])
        for page in pages
        for one in page["executions"]
    }


def nested_count(server: ServerProcess) -> int:
    pages = server.client("stepfunctions").get_paginator("list_executions").paginate(
        stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:booking"
    )
    return sum(len(page["executions"]) for page in pages)
