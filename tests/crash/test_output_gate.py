"""With fsync held back, nothing leaves: no answer, no error that tells of undurable state, no invocation."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ballroom.testing import BallroomServer
from tests.kernel.store.store_faults import Disk

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
HELD_S = 0.3
"""How long a test watches for something to slip out; more only makes it surer."""


@pytest.fixture
def disk() -> Disk:
    return Disk(f"held-{uuid.uuid4()}")


@pytest.fixture
def server(tmp_path: Path, disk: Disk) -> Iterator[BallroomServer]:
    with BallroomServer(data_dir=tmp_path / "data", store_vfs=disk.name) as made:
        yield made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def answered(futures: list[Future[Any]]) -> list[Future[Any]]:
    return list(wait_for(futures, HELD_S, "FIRST_COMPLETED").done)


def test_no_answer_leaves_before_its_commit_and_all_do_afterwards(
    server: BallroomServer, disk: Disk, pool: ThreadPoolExecutor
) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with disk.held_back():
        sends = [pool.submit(sqs.send_message, QueueUrl=url, MessageBody=str(n)) for n in range(5)]
        assert disk.syncing.wait(10)
        assert answered(sends) == []
    assert len({future.result(10)["MessageId"] for future in sends}) == 5


def test_a_read_of_what_is_not_durable_waits_and_other_reads_do_not(
    server: BallroomServer, disk: Disk, pool: ThreadPoolExecutor
) -> None:
    sqs, sts = server.client("sqs"), server.client("sts")
    with disk.held_back():
        create = pool.submit(sqs.create_queue, QueueName="fresh")
        assert disk.syncing.wait(10)
        assert sts.get_caller_identity()["Account"] == "000000000000"
        read = pool.submit(sqs.get_queue_url, QueueName="fresh")
        assert answered([create, read]) == []
    assert read.result(10)["QueueUrl"] == create.result(10)["QueueUrl"]


def error_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_an_error_that_tells_of_undurable_state_waits_too(
    server: BallroomServer, disk: Disk, pool: ThreadPoolExecutor
) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="doomed")["QueueUrl"]
    with disk.held_back():
        delete = pool.submit(sqs.delete_queue, QueueUrl=url)
        assert disk.syncing.wait(10)
        gone = pool.submit(error_of, sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
        conflict = pool.submit(error_of, sqs.create_queue, QueueName="doomed")
        assert answered([delete, gone, conflict]) == []
    delete.result(10)
    assert gone.result(10) == "AWS.SimpleQueueService.NonExistentQueue"
    assert conflict.result(10) == "AWS.SimpleQueueService.QueueDeletedRecently"


def test_a_stalled_disk_is_answered_as_throttling_and_nothing_acknowledged_is_lost(
    tmp_path: Path, disk: Disk, pool: ThreadPoolExecutor
) -> None:
    def send(number: int) -> str:
        try:
            sqs.send_message(QueueUrl=url, MessageBody=f"{number}-" + "x" * 20_000)
        except ClientError as error:
            return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
        return "ok"

    with BallroomServer(
        data_dir=tmp_path / "data", store_vfs=disk.name, overlay_bytes=60_000, overlay_age_s=60
    ) as server:
        sqs = server.client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        with disk.held_back():
            first = pool.submit(send, 0)
            assert disk.syncing.wait(10)
            later = [pool.submit(send, n) for n in range(1, 30)]
            refused = list(wait_for(later, 20, "FIRST_COMPLETED").done)
            assert {future.result() for future in refused} == {"400 ThrottlingException"}
            assert not first.done()
        outcomes = [future.result(20) for future in [first, *later]]
        assert "ok" in outcomes
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert int(attributes["ApproximateNumberOfMessages"]) == outcomes.count("ok")


def test_a_start_on_a_full_disk_serves_reads_and_recovers_by_itself(tmp_path: Path, disk: Disk) -> None:
    with BallroomServer(data_dir=tmp_path / "data", store_vfs=disk.name) as server:
        url = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    disk.full = True
    with BallroomServer(data_dir=tmp_path / "data", store_vfs=disk.name) as server:
        sqs = server.client("sqs")
        assert sqs.get_queue_url(QueueName="q")["QueueUrl"].endswith("/q")
        for _ in range(2):
            with pytest.raises(ClientError, match="No space left on the device"):
                sqs.send_message(QueueUrl=url, MessageBody="refused")
            time.sleep(0.3)  # the next write asks the disk again
        disk.full = False
        assert sqs.send_message(QueueUrl=url, MessageBody="taken")["MessageId"]


def test_no_invocation_starts_before_the_event_that_causes_it_is_durable(
    server: BallroomServer, disk: Disk, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    def cold_starts() -> int:
        return int(server.do(server.ballroom.kernel.statistics).get("environments", {}).get("cold_starts", 0))

    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("def handler(event, context):\n    return event\n")
    server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    functions = server.client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.12", Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/r", Code={"S3Bucket": "ballroom-local", "S3Key": str(code)},
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    with disk.held_back():
        event = pool.submit(functions.invoke, FunctionName="f", InvocationType="Event", Payload="{}")
        assert disk.syncing.wait(10)
        assert answered([event]) == []
        assert cold_starts() == 0
    assert event.result(10)["StatusCode"] == 202
    server.clock.settle()
    assert cold_starts() == 1
