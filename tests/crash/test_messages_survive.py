"""kill -9 under load: every acknowledged message is there, once, and none that was deleted comes back."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ServerProcess

KILLS = 5
SENDERS = 4


def test_every_acknowledged_message_survives_and_no_deleted_one_returns(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    server = ServerProcess(tmp_path)
    sent: set[str] = set()
    deleted: set[str] = set()
    maybe_deleted: set[str] = set()
    lock = threading.Lock()
    with server:
        url = server.client("sqs").create_queue(
            QueueName="orders", Attributes={"VisibilityTimeout": "0"}
        )["QueueUrl"]
        for kill in range(KILLS):
            going = threading.Event()

            def send(worker: int, kill: int = kill, going: threading.Event = going) -> None:
                client = server.client("sqs")
                for number in range(100_000):
                    if going.is_set():
                        return
                    body = f"{kill}-{worker}-{number}"
                    try:
                        client.send_message(QueueUrl=url, MessageBody=body)
                    except (BotoCoreError, ClientError):
                        return
                    with lock:
                        sent.add(body)

            def remove(going: threading.Event = going) -> None:
                client = server.client("sqs")
                while not going.is_set():
                    try:
                        for message in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                            with lock:
                                maybe_deleted.add(message["Body"])
                            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                            with lock:
                                deleted.add(message["Body"])
                    except (BotoCoreError, ClientError):
                        return

            with ThreadPoolExecutor(SENDERS + 1) as pool:
                for worker in range(SENDERS):
                    pool.submit(send, worker)
                pool.submit(remove)
                time.sleep(chance.uniform(0.2, 0.8))
                server.kill()
                going.set()
            server.start()

        client = server.client("sqs")
        left: list[str] = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            left += [m["Body"] for m in messages]
            client.delete_message_batch(
                QueueUrl=url,
                Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
            )
    assert len(sent) > 100, "the load was real"
    assert sent - maybe_deleted <= set(left), "an acknowledged message is lost"
    assert not deleted & set(left), "a deleted message has come back"
    assert len(left) == len(set(left)), "a message is there twice"
