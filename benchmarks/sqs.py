"""What do queues cost: CPU of the server process per operation, start-up with a backlog, idle pollers?

    python -m benchmarks.sqs [--connections 64] [--messages 20000] [--backlog 1000000] [--pollers 1000]

A server of its own on a temporary data directory (durable: every answer waits for its fsync), driven over
HTTP in json by raw sockets. CPU is the whole server process's, user and system; GetCallerIdentity in the
same run says what the HTTP request alone costs. Answers are checked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BODY = "x" * 200
ROUNDS = 3
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


@contextmanager
def server(folder: str) -> Iterator[tuple[int, int, float]]:
    """A Ballroom on a free port: (port, pid, seconds until it was ready)."""
    command = [sys.executable, "-m", "ballroom.cli", "serve", "--port", "0", "--data", folder]
    begun = time.perf_counter()
    process = subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    took = time.perf_counter() - begun
    try:
        yield int(line.split(" (")[0].rsplit(":", 1)[1]), process.pid, took
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def begin(self, service: str, target: str, kind: str, body: bytes) -> None:
        scope = f"test/20300101/us-east-1/{service}/aws4_request"
        head = (
            f"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{target}"
            f"authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}\r\n"
            f"x-amz-date: 20300101T000000Z\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)

    async def end(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        body = await self._reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(body.decode())
        return body

    def ask(self, operation: str, **given: Any) -> None:
        target = f"x-amz-target: AmazonSQS.{operation}\r\n"
        self.begin("sqs", target, "application/x-amz-json-1.0", json.dumps(given).encode())

    async def call(self, operation: str, **given: Any) -> Any:
        self.ask(operation, **given)
        return json.loads(await self.end() or b"{}")

    async def who(self) -> None:
        form = b"Action=GetCallerIdentity&Version=2011-06-15"
        self.begin("sts", "", "application/x-www-form-urlencoded", form)
        await self.end()

    def close(self) -> None:
        self._writer.close()


Work = Callable[[Connection, str], Awaitable[None]]


async def who(c: Connection, url: str) -> None:
    await c.who()


async def send(c: Connection, url: str) -> None:
    assert (await c.call("SendMessage", QueueUrl=url, MessageBody=BODY))["MessageId"]


async def cycle(c: Connection, url: str) -> None:
    await c.call("SendMessage", QueueUrl=url, MessageBody=BODY)
    answer = await c.call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=5)
    assert answer["Messages"][0]["Body"] == BODY
    await c.call("DeleteMessage", QueueUrl=url, ReceiptHandle=answer["Messages"][0]["ReceiptHandle"])


async def measure(
    pid: int, connections: list[Connection], work: Work, url: str, count: int
) -> tuple[float, float]:
    """CPU and wall microseconds for one piece of work."""
    share = count // len(connections)

    async def run(c: Connection) -> None:
        for _ in range(share):
            await work(c, url)

    cpu, wall = cpu_s(pid), time.perf_counter()
    await asyncio.gather(*(run(c) for c in connections))
    done = share * len(connections)
    return (cpu_s(pid) - cpu) / done * 1e6, (time.perf_counter() - wall) / done * 1e6


async def operations(port: int, pid: int, connections: int, count: int) -> None:
    opened = [await Connection.open(port) for _ in range(connections)]
    url = (await opened[0].call("CreateQueue", QueueName="bench"))["QueueUrl"]
    other = (await opened[0].call("CreateQueue", QueueName="bench-cycle"))["QueueUrl"]
    works: list[tuple[str, Work, str]] = [
        ("GetCallerIdentity", who, url),
        ("SendMessage", send, url),
        ("send + receive + delete", cycle, other),
    ]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in works}
    for _, work, where in works:
        await measure(pid, opened, work, where, count // 10)
    for _ in range(ROUNDS):  # interleaved, so that a busy moment of the machine meets all of them
        for name, work, where in works:
            taken[name].append(await measure(pid, opened, work, where, count))
    print(f"{'CPU of the server, µs':28}{'median':>8}{'spread':>16}{'wall':>8}   ({connections} connections)")
    for name, figures in taken.items():
        cpus = [cpu for cpu, _ in figures]
        wall = statistics.median(wall for _, wall in figures)
        print(f"{name:28}{statistics.median(cpus):8.1f}{min(cpus):9.1f}-{max(cpus):.1f}{wall:8.1f}")
    for connection in opened:
        connection.close()


async def fill(port: int, count: int) -> str:
    opened = [await Connection.open(port) for _ in range(32)]
    url: str = (await opened[0].call("CreateQueue", QueueName="backlog"))["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": BODY} for n in range(10)]

    async def run(c: Connection) -> None:
        for _ in range(count // 320):
            await c.call("SendMessageBatch", QueueUrl=url, Entries=entries)

    await asyncio.gather(*(run(c) for c in opened))
    for connection in opened:
        connection.close()
    return url


async def first_answers(port: int, url: str) -> None:
    c = await Connection.open(port)
    for operation, more in (
        ("GetQueueAttributes", {"AttributeNames": ["ApproximateNumberOfMessages"]}),
        ("ReceiveMessage", {}), ("SendMessage", {"MessageBody": BODY}), ("PurgeQueue", {}),
    ):  # fmt: skip
        begun = time.perf_counter()
        answer = await c.call(operation, QueueUrl=url, **more)
        took = 1000 * (time.perf_counter() - begun)
        print(f"  first {operation:20}{took:8.1f} ms  {answer.get('Attributes', '')}")
    c.close()


async def idle(port: int, pid: int, pollers: int, seconds: float = 5) -> None:
    c = await Connection.open(port)
    url = (await c.call("CreateQueue", QueueName="idle"))["QueueUrl"]
    waiting = [await Connection.open(port) for _ in range(pollers)]
    for one in waiting:
        one.ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
    await asyncio.sleep(2)
    before = cpu_s(pid)
    await asyncio.sleep(seconds)
    spent = cpu_s(pid) - before
    print(
        f"{pollers} idle long polls: {1000 * spent / seconds:.1f} ms of CPU a second, {memory_mb(pid):.0f} MB"
    )
    begun = time.perf_counter()
    await c.call("SendMessage", QueueUrl=url, MessageBody=BODY)
    done, _ = await asyncio.wait(
        [asyncio.ensure_future(one.end()) for one in waiting], return_when=asyncio.FIRST_COMPLETED
    )
    print(
        f"  a message reaches the first after {1000 * (time.perf_counter() - begun):.1f} ms ({len(done)} woken)"
    )
    for one in waiting:
        one.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    parser.add_argument("--pollers", type=int, default=1000)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ballroom-bench-")
    try:
        with server(folder) as (port, pid, took):
            print(f"empty store: ready after {took:.2f} s, {memory_mb(pid):.0f} MB")
            asyncio.run(operations(port, pid, options.connections, options.messages))
            if options.pollers:
                asyncio.run(idle(port, pid, options.pollers))
            url = asyncio.run(fill(port, options.backlog)) if options.backlog else ""
        if options.backlog:
            with server(folder) as (port, pid, took):
                print(f"{options.backlog} stored messages: ready after {took:.2f} s, {memory_mb(pid):.0f} MB")
                asyncio.run(first_answers(port, url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
