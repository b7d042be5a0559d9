"""kill -9 while messages are published: each one that was acknowledged is in every queue, a FIFO one once and in
order."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ServerProcess

KILLS = 4
QUEUES = ("one", "two", "three")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as made:
        sns, sqs = made.client("sns"), made.client("sqs")
        for suffix, attributes in (("", {}), (".fifo", {"FifoQueue": "true"})):
            topic = sns.create_topic(Name=f"t{suffix}", Attributes={"FifoTopic": "true"} if suffix else {})
            for name in QUEUES:
                sqs.create_queue(QueueName=name + suffix, Attributes=attributes)
                sns.subscribe(
                    TopicArn=topic["TopicArn"], Protocol="sqs",
                    Endpoint=f"arn:aws:sqs:us-east-1:000000000000:{name}{suffix}",
                )  # fmt: skip
        yield made


def publish_until_killed(server: ServerProcess, suffix: str, round: int, over: threading.Event) -> list[str]:
    """The messages that were acknowledged, in order."""
    sns, acknowledged = server.client("sns"), []
    topic = f"arn:aws:sns:us-east-1:000000000000:t{suffix}"
    with suppress(BotoCoreError, ClientError):
        while not over.is_set():
            text = f"{round}-{len(acknowledged)}"
            fifo = {"MessageGroupId": "g", "MessageDeduplicationId": text} if suffix else {}
            sns.publish(TopicArn=topic, Message=text, **fifo)
            acknowledged.append(text)
    return acknowledged


def drained(server: ServerProcess, name: str) -> list[str]:
    sqs, url = server.client("sqs"), f"{server.endpoint}/000000000000/{name}"
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["Message"] for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return found


def test_every_acknowledged_publication_is_in_every_queue(server: ServerProcess) -> None:
    chance = random.Random(2026)
    published: dict[str, list[str]] = {"": [], ".fifo": []}
    for round in range(KILLS):
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            running = {
                suffix: pool.submit(publish_until_killed, server, suffix, round, over) for suffix in published
            }
            time.sleep(chance.uniform(0.2, 0.8))  # real time: a process is killed at a random moment
            server.kill()
            over.set()
        for suffix, job in running.items():
            published[suffix] += job.result()
        server.start()
    assert min(len(texts) for texts in published.values()) > KILLS, "the load was real"
    for suffix, acknowledged in published.items():
        contents = [drained(server, name + suffix) for name in QUEUES]
        for content in contents:
            assert set(acknowledged) <= set(content), "an acknowledged publication is lost"
            assert len(content) == len(set(content)), "a publication is there twice"
            assert set(content) == set(contents[0]), "a publication is in some queues only"
        if suffix:
            kept = set(acknowledged)
            assert [text for text in contents[0] if text in kept] == acknowledged
