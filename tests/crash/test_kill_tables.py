"""kill -9 under a mixed load of writes, updates and transactions on a table with indexes."""

from __future__ import annotations

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

KILLS = 6


class Ledger:
    """What was acknowledged."""

    def __init__(self) -> None:
        self.put: set[str] = set()
        self.deleted: set[str] = set()
        self.maybe_deleted: set[str] = set()
        self.pairs: dict[str, int] = {}
        """By pair, the newest value that a transaction gave to both of its items."""
        self.hits = 0


def until_killed(over: threading.Event, work: Callable[[int], None]) -> None:
    with suppress(BotoCoreError, ClientError):
        number = 0
        while not over.is_set():
            work(number)
            number += 1


def put(table: Any, ledger: Ledger, round: int, worker: int, number: int) -> None:
    key = f"item-{round}-{worker}-{number}"
    table.put_item(Item={"pk": key, "group": f"g{number % 3}", "payload": "x" * (number % 3000)})
    ledger.put.add(key)


def put_and_delete(table: Any, ledger: Ledger, round: int, number: int) -> None:
    key = f"gone-{round}-{number}"
    table.put_item(Item={"pk": key, "group": "gone"})
    ledger.put.add(key)
    ledger.maybe_deleted.add(key)
    table.delete_item(Key={"pk": key}, ConditionExpression="attribute_exists(pk)")
    ledger.deleted.add(key)


def count(table: Any, ledger: Ledger, number: int) -> None:
    table.update_item(
        Key={"pk": "counter"}, UpdateExpression="ADD hits :one", ExpressionAttributeValues={":one": 1}
    )
    ledger.hits += 1


def write_pair(client: Any, ledger: Ledger, round: int, number: int) -> None:
    pair, stamp = f"pair-{number % 5}", round * 1_000_000 + number
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "things", "Item": {"pk": {"S": f"{pair}-{side}"}, "stamp": {"N": str(stamp)},
                                                     "group": {"S": f"stamp-{stamp}"}}}}
            for side in ("left", "right")
        ]
    )  # fmt: skip
    ledger.pairs[pair] = stamp


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as made:
        made.client("dynamodb").create_table(
            TableName="things",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "group", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-group", "Projection": {"ProjectionType": "ALL"},
                    "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )  # fmt: skip
        yield made


def table_of(server: ServerProcess) -> Any:
    import boto3

    client = server.client("dynamodb")
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=client.meta.region_name
    )
    return session.resource("dynamodb", endpoint_url=client.meta.endpoint_url, config=client.meta.config).Table(
        "things"
    )


def everything(client: Any, **request: Any) -> dict[str, dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(TableName="things", **request)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


def test_writes_and_transactions_survive_kills(server: ServerProcess) -> None:
    chance = random.Random(3)
    ledger = Ledger()
    for round in range(KILLS):
        over = threading.Event()
        works = [
            *(partial(put, table_of(server), ledger, round, worker) for worker in range(2)),
            partial(put_and_delete, table_of(server), ledger, round),
            partial(count, table_of(server), ledger),
            partial(write_pair, server.client("dynamodb"), ledger, round),
        ]
        with ThreadPoolExecutor(len(works)) as pool:
            running = [pool.submit(until_killed, over, work) for work in works]
            time.sleep(chance.uniform(0.1, 0.6))  # real time: a process is killed at a random moment
            server.kill()
            over.set()
        for job in running:
            job.result()
        server.start()
    client = server.client("dynamodb")
    found = everything(client)
    assert len(ledger.put) > 10 * KILLS, "the load was real"
    assert ledger.put - ledger.maybe_deleted <= set(found), "an acknowledged item is lost"
    assert not ledger.deleted & set(found), "a deleted item has come back"
    hits = int(found["counter"]["hits"]["N"])
    assert ledger.hits <= hits <= ledger.hits + KILLS, "each round may have done one more than it was told of"
    for pair, stamp in ledger.pairs.items():
        left, right = (int(found[f"{pair}-{side}"]["stamp"]["N"]) for side in ("left", "right"))
        assert left == right, "half a transaction"
        assert left >= stamp, "an acknowledged transaction is lost"
    indexed = everything(client, IndexName="by-group")
    assert indexed == {key: item for key, item in found.items() if "group" in item}
    described = client.describe_table(TableName="things")["Table"]
    assert described["ItemCount"] == len(found)
    assert described["GlobalSecondaryIndexes"][0]["ItemCount"] == len(indexed)
