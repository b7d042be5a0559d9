"""kill -9 while a new index is filled and writes go on: it is filled after the restart, exactly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ServerProcess

ITEMS, ROUNDS, PATIENCE_S = 2000, 3, 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as made:
        client = made.client("dynamodb")
        client.create_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for first in range(0, ITEMS, 25):
            puts = [{"PutRequest": {"Item": item(n, 0)}} for n in range(first, first + 25)]
            client.batch_write_item(RequestItems={"things": puts})
        yield made


def item(number: int, round: int) -> dict[str, Any]:
    return {"pk": {"S": str(number)}, "g": {"S": f"g{(number + round) % 5}"}, "rest": {"S": "x" * 4000}}


def write_until_killed(client: Any, round: int, over: threading.Event) -> None:
    chance = random.Random(round)
    with suppress(BotoCoreError, ClientError):
        while not over.is_set():
            number = chance.randrange(ITEMS)
            if chance.random() < 0.3:
                client.delete_item(TableName="things", Key={"pk": {"S": str(number)}})
            else:
                client.put_item(TableName="things", Item=item(number, round))


def change_index(client: Any, **update: Any) -> None:
    client.update_table(
        TableName="things", GlobalSecondaryIndexUpdates=[update],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")],
    )  # fmt: skip


def groups(client: Any, **index: str) -> dict[str, str]:
    pages = client.get_paginator("scan").paginate(TableName="things", **index)
    return {one["pk"]["S"]: one["g"]["S"] for page in pages for one in page["Items"]}


def filled(client: Any) -> dict[str, Any]:
    """The index's description, once it is active."""
    until = time.monotonic() + PATIENCE_S
    while True:
        (found,) = client.describe_table(TableName="things")["Table"]["GlobalSecondaryIndexes"]
        if found["IndexStatus"] == "ACTIVE":
            return dict(found)
        assert time.monotonic() < until, found
        time.sleep(0.05)  # a real process works on its own time


def test_an_index_is_filled_exactly_whenever_the_server_is_killed(server: ServerProcess) -> None:
    for round in range(ROUNDS):
        over = threading.Event()
        client = server.client("dynamodb")
        with ThreadPoolExecutor(1) as pool:
            writes = pool.submit(write_until_killed, server.client("dynamodb"), round, over)
            change_index(
                client,
                Create={
                    "IndexName": f"by-g-{round}", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                },
            )  # fmt: skip
            time.sleep(0.03 * round)  # real time: the process is killed in the middle
            server.kill()
            over.set()
        writes.result()
        server.start()
        client = server.client("dynamodb")
        described = filled(client)
        expected = groups(client)
        assert groups(client, IndexName=described["IndexName"]) == expected
        assert described["ItemCount"] == len(expected)
        change_index(client, Delete={"IndexName": described["IndexName"]})
