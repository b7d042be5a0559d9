"""What do objects cost: CPU of the server process per request, small and large, and pages of lists?

    python benchmarks/s3.py [--connections 64] [--objects 20000] [--keys 1000000] [--large 8] [--huge 5120]

A server of its own on a temporary data directory (durable: every answer waits for its fsync), driven over
HTTP by raw sockets. CPU is the whole server process's, user and system; GetCallerIdentity in the same run
says what the HTTP request alone costs, and the hashing that a large object cannot avoid is measured beside
it. Answers are checked.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

from awscrt import checksums  # type: ignore[import-untyped]

from benchmarks.sqs import cpu_s, memory_mb, server

ROUNDS = 3
SMALL = os.urandom(1024)


class Connection:
    """One keep-alive connection that signs nothing for real."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=8 << 20))

    async def ask(
        self, method: str, path: str, body: bytes = b"", service: str = "s3", **headers: str
    ) -> bytes:
        scope = f"test/20300101/us-east-1/{service}/aws4_request"
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{more}"
            f"authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}\r\n"
            f"x-amz-date: 20300101T000000Z\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode())
        if body:
            self._writer.write(body)
            await self._writer.drain()
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        data = await self._reader.readexactly(length) if method != "HEAD" else b""
        if answer[9:12] not in (b"200", b"204", b"206"):
            raise RuntimeError(answer.decode() + data.decode("latin-1")[:500])
        return data

    def close(self) -> None:
        self._writer.close()


Work = Callable[[Connection, int], Awaitable[None]]


async def who(c: Connection, n: int) -> None:
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    await c.ask("POST", "/", form, "sts", content_type="application/x-www-form-urlencoded")


async def put_small(c: Connection, n: int) -> None:
    await c.ask("PUT", f"/bench/small/{n}", SMALL, content_type="text/plain")


async def get_small(c: Connection, n: int) -> None:
    assert await c.ask("GET", f"/bench/small/{n}") == SMALL


async def head_small(c: Connection, n: int) -> None:
    await c.ask("HEAD", f"/bench/small/{n}")


async def measure(pid: int, opened: list[Connection], work: Work, count: int) -> float:
    """CPU microseconds for one piece of work."""
    share = count // len(opened)

    async def run(c: Connection, first: int) -> None:
        for n in range(first, first + share):
            await work(c, n)

    before = cpu_s(pid)
    await asyncio.gather(*(run(c, at * share) for at, c in enumerate(opened)))
    return (cpu_s(pid) - before) / (share * len(opened)) * 1e6


async def small(port: int, pid: int, connections: int, count: int) -> None:
    opened = [await Connection.open(port) for _ in range(connections)]
    await opened[0].ask("PUT", "/bench")
    works: list[tuple[str, Work]] = [
        ("GetCallerIdentity", who),
        ("PutObject 1 KB", put_small),
        ("GetObject 1 KB", get_small),
        ("HeadObject", head_small),
    ]
    taken: dict[str, list[float]] = {name: [] for name, _ in works}
    for _, work in works:
        await measure(pid, opened, work, count)
    for _ in range(ROUNDS):  # interleaved, so that a busy moment of the machine meets all of them
        for name, work in works:
            taken[name].append(await measure(pid, opened, work, count))
    print(f"{'CPU of the server, µs':28}{'median':>8}{'spread':>16}   ({connections} connections)")
    for name, figures in taken.items():
        print(f"{name:28}{statistics.median(figures):8.1f}{min(figures):9.1f}-{max(figures):.1f}")
    for connection in opened:
        connection.close()


def hashing_ms(data: bytes, *, sha256: bool) -> float:
    """CPU milliseconds of the hashes that nobody can avoid for this content."""
    before = time.process_time()
    for _ in range(5):
        hashlib.md5(data, usedforsecurity=False)
        checksums.crc64nvme(data)
        if sha256:
            hashlib.sha256(data)
    return (time.process_time() - before) / 5 * 1000


async def large(port: int, pid: int, megabytes: int, count: int = 16) -> None:
    c = await Connection.open(port)
    contents = [os.urandom(megabytes << 20) for _ in range(4)]
    for name, signed in (("unsigned payload", False), ("signed payload (SHA-256)", True)):
        figures = []
        for _ in range(ROUNDS):
            await c.ask("DELETE", "/bench/large")
            spent = 0.0
            for n in range(count):
                data = bytearray(contents[n % 4])
                data[:16] = os.urandom(16)  # never the same content twice
                said = hashlib.sha256(data).hexdigest() if signed else "UNSIGNED-PAYLOAD"
                before = cpu_s(pid)
                await c.ask("PUT", f"/bench/large/{n}", bytes(data), x_amz_content_sha256=said)
                spent += cpu_s(pid) - before
            figures.append(spent / count * 1000)
        hashing = hashing_ms(contents[0], sha256=signed)
        print(
            f"PutObject {megabytes} MB, {name:26}{statistics.median(figures):6.1f} ms "
            f"({min(figures):.1f}-{max(figures):.1f}); hashing alone {hashing:.1f} ms, "
            f"{statistics.median(figures) / hashing:.2f} times"
        )
    before = cpu_s(pid)
    for _ in range(4 * count):
        assert len(await c.ask("GET", "/bench/large/1")) == megabytes << 20
    print(f"GetObject {megabytes} MB {(cpu_s(pid) - before) / (4 * count) * 1000:33.2f} ms")
    c.close()


async def huge(port: int, pid: int, megabytes: int) -> None:
    """One object of gigabytes in and out: how much memory does it take beyond what was there?"""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    piece = os.urandom(1 << 20)
    before = peak = memory_mb(pid)
    writer.write(
        f"PUT /bench/huge HTTP/1.1\r\nhost: localhost\r\nauthorization: AWS4-HMAC-SHA256 "
        f"Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}\r\n"
        f"x-amz-date: 20300101T000000Z\r\ncontent-length: {megabytes << 20}\r\n\r\n".encode()
    )
    cpu = cpu_s(pid)
    for n in range(megabytes):
        writer.write(n.to_bytes(8, "big") + piece[8:])
        await writer.drain()
        if n % 64 == 0:
            peak = max(peak, memory_mb(pid))
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    print(f"PutObject {megabytes} MB: {peak - before:.0f} MB more memory, {cpu_s(pid) - cpu:.1f} s of CPU")
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /bench/huge HTTP/1.1\r\nhost: localhost\r\nauthorization: AWS4-HMAC-SHA256 "
        f"Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}\r\n"
        f"x-amz-date: 20300101T000000Z\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    before = peak = memory_mb(pid)
    cpu, left = cpu_s(pid), megabytes << 20
    while left:
        left -= len(await reader.read(1 << 20))
        peak = max(peak, memory_mb(pid))
    print(f"GetObject {megabytes} MB: {peak - before:.0f} MB more memory, {cpu_s(pid) - cpu:.1f} s of CPU")
    writer.close()


async def lists(port: int, pid: int, keys: int) -> None:
    """A page of 1,000 keys in a bucket of 1,000 keys, and in one of a million."""
    opened = [await Connection.open(port) for _ in range(32)]

    async def fill(c: Connection, bucket: str, first: int, step: int, count: int) -> None:
        for n in range(first, count, step):
            await c.ask("PUT", f"/{bucket}/{n % 1000:04}/{n:09}", b"x" * 100)

    for bucket, count in (("few", 1000), ("many", keys)):
        await opened[0].ask("PUT", f"/{bucket}")
        await asyncio.gather(*(fill(c, bucket, at, 32, count) for at, c in enumerate(opened)))
    for name, query in (
        ("1,000 keys", "list-type=2"),
        ("1,000 keys from the middle", "list-type=2&start-after=0500/"),
        ("1,000 common prefixes", "list-type=2&delimiter=/"),
        ("1,000 versions", "versions"),
    ):
        told = []
        for bucket in ("few", "many"):
            before = cpu_s(pid)
            for _ in range(50):
                await opened[0].ask("GET", f"/{bucket}?{query}")
            told.append((cpu_s(pid) - before) / 50 * 1000)
        print(f"list {name:28} {told[0]:6.2f} ms of 1,000 keys, {told[1]:6.2f} ms of {keys:,}")
    for connection in opened:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=8, help="megabytes")
    parser.add_argument("--huge", type=int, default=5120, help="megabytes")
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ballroom-bench-", dir=os.environ.get("BENCH_DIR"))
    try:
        with server(folder) as (port, pid, took):
            print(f"empty store: ready after {took:.2f} s, {memory_mb(pid):.0f} MB")
            asyncio.run(small(port, pid, options.connections, options.objects))
            if options.large:
                asyncio.run(large(port, pid, options.large))
            if options.huge:
                asyncio.run(huge(port, pid, options.huge))
            if options.keys:
                asyncio.run(lists(port, pid, options.keys))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
