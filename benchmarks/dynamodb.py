"""What do items cost: CPU of the server process per operation, and how a large table starts and reads?

    python -m benchmarks.dynamodb [--connections 64] [--requests 20000] [--items 1000000] [--keep DIR]

A server of its own on a temporary data directory (durable: every answer waits for its fsync), driven over
HTTP by raw sockets. CPU is the whole server process's, user and system; GetCallerIdentity in the same run
says what an HTTP request alone costs. Answers are checked. `--items 10000000` is the table of the issue (about
15 GB of disk and an hour); 0 leaves the large table out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from ballroom.kernel import Settings
from ballroom.server import Ballroom
from benchmarks.sqs import Connection, cpu_s, memory_mb, server

ROUNDS = 3
PAYLOAD = "x" * 960
_numbers = count()


class Client:
    """One connection to DynamoDB."""

    def __init__(self, connection: Connection) -> None:
        self.http = connection

    @classmethod
    async def open(cls, port: int) -> Client:
        return cls(await Connection.open(port))

    async def raw(self, operation: str, body: bytes) -> bytes:
        target = f"x-amz-target: DynamoDB_20120810.{operation}\r\n"
        self.http.begin("dynamodb", target, "application/x-amz-json-1.0", body)
        return await self.http.end()

    async def call(self, operation: str, **given: Any) -> Any:
        return json.loads(await self.raw(operation, json.dumps(given).encode()) or b"{}")


def item(partition: str, sort: int) -> dict[str, Any]:
    """About 1 KB, as DynamoDB counts."""
    return {"pk": {"S": partition}, "sk": {"N": str(sort)}, "payload": {"S": PAYLOAD}, "count": {"N": "7"}}


def put_body(partition: str, sort: int, table: str = "bench") -> bytes:
    return json.dumps({"TableName": table, "Item": item(partition, sort)}).encode()


def get_body(partition: str, sort: int, table: str = "bench") -> bytes:
    return json.dumps({"TableName": table, "Key": {"pk": {"S": partition}, "sk": {"N": str(sort)}}}).encode()


async def who(c: Client) -> None:
    await c.http.who()


async def put(c: Client) -> None:
    n = next(_numbers)
    assert await c.raw("PutItem", put_body(f"p{n % 1000}", n)) == b"{}"


async def put_logged(c: Client) -> None:
    """With point-in-time recovery: what is overwritten is kept."""
    n = next(_numbers)
    assert await c.raw("PutItem", put_body(f"p{n % 1000}", n % 3, "logged")) == b"{}"


async def put_again(c: Client) -> None:
    """The same items without."""
    n = next(_numbers)
    assert await c.raw("PutItem", put_body(f"q{n % 1000}", n % 3)) == b"{}"


async def put_expiring(c: Client) -> None:
    """With an expiry, and a time in the item."""
    n = next(_numbers)
    given = item(f"p{n % 1000}", n) | {"at": {"N": str(4_000_000_000 + n)}}
    assert await c.raw("PutItem", json.dumps({"TableName": "expiring", "Item": given}).encode()) == b"{}"


async def get(c: Client) -> None:
    n = next(_numbers) % 5000
    assert PAYLOAD.encode() in await c.raw("GetItem", get_body("large", n))


QUERY = json.dumps(
    {
        "TableName": "bench", "Limit": 20, "KeyConditionExpression": "pk = :p AND sk > :s",
        "ExpressionAttributeValues": {":p": {"S": "large"}, ":s": {"N": "@@"}},
    }
)  # fmt: skip


async def query(c: Client) -> None:
    n = next(_numbers) % 4900
    answer = await c.raw("Query", QUERY.replace("@@", str(n)).encode())
    assert b'"Count":20' in answer


HOT = json.dumps(
    {
        "TableName": "bench", "Key": {"pk": {"S": "hot"}, "sk": {"N": "0"}},
        "UpdateExpression": "SET hits = if_not_exists(hits, :zero) + :one",
        "ConditionExpression": "attribute_not_exists(closed)",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
    }
).encode()  # fmt: skip


async def update(c: Client) -> None:
    assert await c.raw("UpdateItem", HOT) == b"{}"


Work = Callable[[Client], Awaitable[None]]


async def measure(pid: int, clients: list[Client], work: Work, requests: int) -> tuple[float, float]:
    """CPU and wall microseconds for one request."""
    share = requests // len(clients)

    async def run(c: Client) -> None:
        for _ in range(share):
            await work(c)

    cpu, wall = cpu_s(pid), time.perf_counter()
    await asyncio.gather(*(run(c) for c in clients))
    done = share * len(clients)
    return (cpu_s(pid) - cpu) / done * 1e6, (time.perf_counter() - wall) / done * 1e6


async def make_table(c: Client, name: str) -> None:
    await c.call(
        "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )  # fmt: skip


async def operations(port: int, pid: int, connections: int, requests: int) -> None:
    clients = [await Client.open(port) for _ in range(connections)]
    await make_table(clients[0], "bench")
    await make_table(clients[0], "logged")
    await clients[0].call(
        "UpdateContinuousBackups", TableName="logged",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )  # fmt: skip
    await make_table(clients[0], "expiring")
    await clients[0].call(
        "UpdateTimeToLive", TableName="expiring",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "at"},
    )  # fmt: skip
    await fill(clients, "bench", "large", 5000)
    works: list[tuple[str, Work]] = [
        ("GetCallerIdentity", who),
        ("PutItem, 1 KB", put),
        ("PutItem over one of 1 KB", put_again),
        ("  with recovery enabled", put_logged),
        ("PutItem that will expire", put_expiring),
        ("GetItem, 1 KB", get),
        ("Query, 20 of 5,000 of 1 KB", query),
        ("UpdateItem, one hot item", update),
    ]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in works}
    for _, work in works:
        await measure(pid, clients, work, requests // 10)
    for _ in range(ROUNDS):  # interleaved, so that a busy moment of the machine meets all of them
        for name, work in works:
            taken[name].append(await measure(pid, clients, work, requests))
    print(f"{'CPU of the server, µs':28}{'median':>8}{'spread':>16}{'wall':>8}   ({connections} connections)")
    for name, figures in taken.items():
        cpus = [cpu for cpu, _ in figures]
        wall = statistics.median(wall for _, wall in figures)
        print(f"{name:28}{statistics.median(cpus):8.1f}{min(cpus):9.1f}-{max(cpus):.1f}{wall:8.1f}")
    for client in clients:
        client.http.close()


async def fill(clients: list[Client], table: str, partition: str, items: int) -> None:
    """Items of 1 KB in one partition, or (with an empty name) each in one of its own."""
    bodies = [
        json.dumps(
            {
                "RequestItems": {
                    table: [
                        {"PutRequest": {"Item": item(partition or f"key-{n}", n)}}
                        for n in range(first, min(first + 25, items))
                    ]
                }
            }
        ).encode()
        for first in range(0, min(items, 25_000), 25)
    ]  # the first are made beforehand; a larger table makes the rest as it goes
    numbers = iter(range(0, items, 25))

    async def run(c: Client) -> None:
        for first in numbers:
            if first < 25_000:
                body = bodies[first // 25]
            else:
                puts = [
                    {"PutRequest": {"Item": item(partition or f"key-{n}", n)}} for n in range(first, first + 25)
                ]
                body = json.dumps({"RequestItems": {table: puts}}).encode()
            await c.raw("BatchWriteItem", body)

    await asyncio.gather(*(run(c) for c in clients))


def fill_large(data: Path, items: int) -> None:
    """Two tables of a data directory that nobody serves meanwhile, filled through the service itself."""

    async def main() -> None:
        ballroom = Ballroom(Settings(port=0, data_dir=data))
        await ballroom.start()
        kernel, c = ballroom.kernel, await Client.open(ballroom.settings.port)
        for table, number in (("small", 1000), ("large", items)):
            await make_table(c, table)
            for first in range(0, number, 25):
                puts = [{"PutRequest": {"Item": item(f"key-{n}", n)}} for n in range(first, first + 25)]
                kernel.submit(
                    "dynamodb", "BatchWriteItem", {"RequestItems": {table: puts}}, kernel.system_caller(),
                    lambda answer: None,
                )  # fmt: skip
                if first % 5000 == 0:
                    await kernel.shard.flush()
        c.http.close()
        await ballroom.stop()

    asyncio.run(main())


async def read_large(port: int, pid: int, connections: int, items: int) -> None:
    c = await Client.open(port)
    begun = time.perf_counter()
    await c.raw("GetItem", get_body("key-17", 17, "large"))
    print(f"  first GetItem {1000 * (time.perf_counter() - begun):.1f} ms")
    described = (await c.call("DescribeTable", TableName="large"))["Table"]
    assert described["ItemCount"] == items
    clients = [await Client.open(port) for _ in range(connections)]
    for table, of in (("small", 1000), ("large", items)) * 2:

        async def one(client: Client, table: str = table, of: int = of) -> None:
            n = (next(_numbers) * 7919) % of
            assert PAYLOAD.encode() in await client.raw("GetItem", get_body(f"key-{n}", n, table))

        cpu, wall = await measure(pid, clients, one, 20_000)
        print(f"  GetItem from {of:>10,} items: {cpu:6.1f} µs CPU, {wall:6.1f} µs wall")
    for client in [c, *clients]:
        client.http.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--keep", metavar="DIR", help="fill this directory, or read what fills it, and leave it")
    options = parser.parse_args()
    folder = options.keep or tempfile.mkdtemp(prefix="ballroom-bench-", dir=os.environ.get("BENCH_DIR"))
    try:
        with server(folder) as (port, pid, took):
            print(f"empty store: ready after {took:.2f} s, {memory_mb(pid):.0f} MB")
            if options.requests:
                asyncio.run(operations(port, pid, options.connections, options.requests))
        if options.items:
            if not options.keep or not (Path(folder) / "filled").exists():
                begun = time.perf_counter()
                fill_large(Path(folder), options.items)
                (Path(folder) / "filled").touch()
                print(f"filled with {options.items:,} items in {time.perf_counter() - begun:.0f} s")
            with server(folder) as (port, pid, took):
                print(f"{options.items:,} stored items: ready after {took:.2f} s, {memory_mb(pid):.0f} MB")
                asyncio.run(read_large(port, pid, options.connections, options.items))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
