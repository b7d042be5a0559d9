"""kill -9 while backups, restores, exports, imports and expiry go on under load: each is whole, or not there."""

from __future__ import annotations

import gzip
import json
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

KILLS, PAIRS, PATIENCE_S = 4, 300, 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as made:
        client = made.client("dynamodb")
        client.create_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        client.update_time_to_live(
            TableName="things", TimeToLiveSpecification={"AttributeName": "at", "Enabled": True}
        )
        client.update_continuous_backups(
            TableName="things", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        s3 = made.client("s3")
        s3.create_bucket(Bucket="files")
        lines = "".join(json.dumps({"Item": {"pk": {"S": f"line-{n}"}}}) + "\n" for n in range(3000))
        s3.put_object(Bucket="files", Key="in/lines.json", Body=lines.encode())
        for first in range(PAIRS):
            write_pair(client, first, 0)
        yield made


def write_pair(client: Any, pair: int, stamp: int) -> None:
    """Both sides of a pair get one stamp in one transaction: whatever is as of a moment has them equal."""
    client.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": "things",
                    "Item": {"pk": {"S": f"{side}-{pair}"}, "stamp": {"N": str(stamp)}},
                }
            }
            for side in ("left", "right")
        ]
    )


def until_killed(over: threading.Event, work: Callable[[int], None]) -> None:
    with suppress(BotoCoreError, ClientError):
        number = 0
        while not over.is_set():
            number += 1
            work(number)


def stamps_of(items: list[dict[str, Any]]) -> dict[str, int]:
    return {one["pk"]["S"]: int(one["stamp"]["N"]) for one in items if "stamp" in one}


def check_whole(items: list[dict[str, Any]], what: str) -> None:
    found = stamps_of(items)
    assert len(found) == 2 * PAIRS, f"{what} lacks items"
    for pair in range(PAIRS):
        assert found[f"left-{pair}"] == found[f"right-{pair}"], f"{what} is torn"


def everything(client: Any, table: str) -> list[dict[str, Any]]:
    return [item for page in client.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]


def awaited(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """What `look` finds once it is done."""
    until = time.monotonic() + PATIENCE_S
    while not done(found := look()):
        assert time.monotonic() < until, found
        time.sleep(0.05)  # a real process works on its own time
    return found


def begin_work(server: ServerProcess, round: int, told: dict[str, list[str]]) -> None:
    """Begin one of each; what was acknowledged is noted."""
    client = server.client("dynamodb")
    arn = client.describe_table(TableName="things")["Table"]["TableArn"]
    made = client.create_backup(TableName="things", BackupName=f"backup-{round}")
    told["backups"].append(made["BackupDetails"]["BackupArn"])
    name = f"restored-{round}"
    client.restore_table_to_point_in_time(
        SourceTableName="things", TargetTableName=name, UseLatestRestorableTime=True
    )
    told["restored"].append(name)
    export = client.export_table_to_point_in_time(TableArn=arn, S3Bucket="files", S3Prefix=f"out-{round}")
    told["exports"].append(export["ExportDescription"]["ExportArn"])
    begun = client.import_table(
        InputFormat="DYNAMODB_JSON",
        S3BucketSource={"S3Bucket": "files", "S3KeyPrefix": "in/"},
        TableCreationParameters={
            "TableName": f"imported-{round}",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    told["imports"].append(begun["ImportTableDescription"]["ImportArn"])


def test_long_work_survives_kills_and_nothing_is_torn(server: ServerProcess) -> None:
    chance = random.Random(5)
    told: dict[str, list[str]] = {"backups": [], "restored": [], "exports": [], "imports": []}
    expiring: list[str] = []

    for round in range(KILLS):
        over = threading.Event()
        client, other = server.client("dynamodb"), server.client("dynamodb")

        def pairs(number: int, client: Any = client, round: int = round) -> None:
            write_pair(client, (number * 7919) % PAIRS, round * 1_000_000 + number)

        def expire(number: int, client: Any = other, round: int = round) -> None:
            key = f"brief-{round}-{number}"
            client.put_item(TableName="things", Item={"pk": {"S": key}, "at": {"N": str(int(time.time()) + 3)}})
            expiring.append(key)

        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(until_killed, over, work) for work in (pairs, expire)]
            with suppress(BotoCoreError, ClientError):
                begin_work(server, round, told)
            time.sleep(chance.uniform(0.0, 0.3))  # real time: a process is killed at a random moment
            server.kill()
            over.set()
        for job in running:
            job.result()
        server.start()
    client, s3 = server.client("dynamodb"), server.client("s3")
    assert all(told.values()), "the load was real"
    check_backups(client, told["backups"])
    for name in told["restored"]:
        table = awaited(
            partial(client.describe_table, TableName=name),
            lambda found: found["Table"]["TableStatus"] == "ACTIVE",
        )
        items = everything(client, name)
        check_whole(items, name)
        assert table["Table"]["ItemCount"] == len(items)
    for arn in told["exports"]:
        check_export(client, s3, arn)
    for number, arn in enumerate(told["imports"]):
        found = awaited(
            partial(client.describe_import, ImportArn=arn),
            lambda found: found["ImportTableDescription"]["ImportStatus"] != "IN_PROGRESS",
        )["ImportTableDescription"]
        assert (found["ImportStatus"], found["ImportedItemCount"]) == ("COMPLETED", 3000), number
        assert len(everything(client, found["TableCreationParameters"]["TableName"])) == 3000
    check_expired(server, client, expiring)


def check_backups(client: Any, arns: list[str]) -> None:
    for number, arn in enumerate(arns):
        awaited(
            partial(client.describe_backup, BackupArn=arn),
            lambda found: found["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE",
        )
        name = f"again-{number}"
        client.restore_table_from_backup(TargetTableName=name, BackupArn=arn)
        awaited(
            partial(client.describe_table, TableName=name),
            lambda found: found["Table"]["TableStatus"] == "ACTIVE",
        )
        check_whole(everything(client, name), name)


def check_export(client: Any, s3: Any, arn: str) -> None:
    found = awaited(
        lambda: client.describe_export(ExportArn=arn)["ExportDescription"],
        lambda found: found["ExportStatus"] != "IN_PROGRESS",
    )
    assert found["ExportStatus"] == "COMPLETED", found

    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket="files", Key=key)["Body"].read())

    summary = json.loads(read(found["ExportManifest"]))
    items = []
    for line in read(summary["manifestFilesS3Key"]).splitlines():
        data = gzip.decompress(read(json.loads(line)["dataFileS3Key"]))
        items += [json.loads(one)["Item"] for one in data.splitlines()]
    assert len(items) == summary["itemCount"]
    check_whole(items, arn)


def check_expired(server: ServerProcess, client: Any, keys: list[str]) -> None:
    """All that expired is gone, once: the stream has one removal of each, by the service."""

    def left() -> int:
        return sum(one["pk"]["S"].startswith("brief-") for one in everything(client, "things"))

    awaited(left, lambda count: count == 0)
    table = client.describe_table(TableName="things")["Table"]
    assert table["ItemCount"] == 2 * PAIRS
    streams = server.client("dynamodbstreams")
    place = {"StreamArn": table["LatestStreamArn"], "ShardIteratorType": "TRIM_HORIZON"}
    (shard,) = streams.describe_stream(StreamArn=place["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(ShardId=shard["ShardId"], **place)["ShardIterator"]
    removed: list[str] = []
    while True:
        page = streams.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            if record["eventName"] == "REMOVE":
                assert record["userIdentity"]["PrincipalId"] == "dynamodb.amazonaws.com"
                removed.append(record["dynamodb"]["Keys"]["pk"]["S"])
        if not page["Records"]:
            break
        iterator = page["NextShardIterator"]
    assert len(removed) == len(set(removed)), "an item was removed twice"
    assert set(keys) <= set(removed), "an acknowledged item is lost"
