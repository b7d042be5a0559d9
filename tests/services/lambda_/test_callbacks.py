"""Functions that call back: who they are, and what their waiting means to a virtual clock."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.services.lambda_.floor import ROLE

from ballroom.testing import BallroomServer

SOURCE = """
import boto3, time
def handler(event, context):
    if event == "who":
        return boto3.client("sts").get_caller_identity()["Arn"]
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="empty")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    return len(answer.get("Messages", []))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[BallroomServer]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", SOURCE)
    with BallroomServer() as made:
        made.client("lambda").create_function(
            FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="index.handler", Timeout=30,
            Code={"ZipFile": buffer.getvalue()},
        )  # fmt: skip
        made.client("sqs").create_queue(QueueName="empty")
        yield made


def invoke(server: BallroomServer, event: Any) -> Any:
    answer = server.client("lambda").invoke(FunctionName="f", Payload=json.dumps(event))
    return json.load(answer["Payload"])


def test_a_function_is_its_execution_role(server: BallroomServer) -> None:
    assert invoke(server, "who") == "arn:aws:sts::000000000000:assumed-role/worker/f"


def test_time_jumps_while_a_function_waits_for_us(server: BallroomServer) -> None:
    before = server.clock.now_ms
    server.clock.auto_skip()
    try:
        assert invoke(server, "wait") == 0  # 20 s of product time, not of ours
    finally:
        server.clock.auto_skip(False)
    assert server.clock.now_ms == before + 20_000
