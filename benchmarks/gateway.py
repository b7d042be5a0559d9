"""What does the gateway cost? CPU of the server process per request, and latency, beside a bare round trip.

    python -m benchmarks.gateway [--requests 20000] [--rounds 5]

The bare server is the same HTTP code with a constant answer. Base and change run interleaved; a
difference within the spread is noise. Clients replay signed requests over keep-alive connections.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CLOCK_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
FORM = "application/x-www-form-urlencoded; charset=utf-8"
AGENT = "Boto3/1.40.1 md/Botocore#1.40.1 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.11.7"


def request(service: str, body: bytes, headers: dict[str, str], key: tuple[str, str]) -> bytes:
    """A signed request as boto3 sends it."""
    made = AWSRequest("POST", "http://localhost:4566/", data=body, headers={
        "Host": "localhost:4566", "User-Agent": AGENT, "Accept-Encoding": "identity",
        "amz-sdk-invocation-id": "5cd20e3e-1111-2222-3333-444455556666", "amz-sdk-request": "attempt=1", **headers,
    })  # fmt: skip
    botocore.auth.SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(made)
    lines = [f"{k}: {v}" for k, v in made.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}"])
    return head.encode() + b"\r\n\r\n" + body


def json_request(target: str, body: bytes, key: tuple[str, str]) -> bytes:
    return request("sqs", body, {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}, key)


class Client(asyncio.Protocol):
    """Sends one request after another over one connection."""

    def __init__(self, message: bytes, count: int, done: asyncio.Future[None]) -> None:
        self.message, self.left, self.done = message, count, done
        self.buffer, self.expected = b"", -1
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.buffer, self.expected = b"", -1
        self.began = time.perf_counter()
        self.transport.write(self.message)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.expected < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self.buffer.startswith(b"HTTP/1.1 200"), self.buffer
            self.expected = end + 4 + int(self.buffer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self.buffer) >= self.expected:
            self.latencies.append(time.perf_counter() - self.began)
            self.left -= 1
            if self.left:
                self._send()
            elif not self.done.done():
                self.done.set_result(None)


async def drive(port: int, message: bytes, connections: int, requests: int) -> list[float]:
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        done = loop.create_future()
        _, client = await loop.create_connection(
            lambda done=done: Client(message, requests // connections, done), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.gather(*[c.done for c in clients])
    for client in clients:
        client.transport.close()
    return [x for c in clients for x in c.latencies]


class Server:
    """A server process and the CPU it has used."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", *arguments], stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * CLOCK_TICK_S

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


async def serve_bare() -> None:
    from ballroom.gateway.http import Exchange, HttpServer

    class Constant:
        def open(self, exchange: Exchange) -> int | None:
            return 1 << 20

        def handle(self, exchange: Exchange) -> None:
            exchange.answer(200, [("content-type", "text/xml")], b"x" * 350)

        def too_large(self, exchange: Exchange, limit: int) -> None:
            exchange.refuse(413, "TooLarge", "too large")

        def overloaded(self, exchange: Exchange) -> None:
            exchange.refuse(503, "SlowDown", "too much at once")

    server = HttpServer(Constant())
    print(await server.listen("127.0.0.1", 0), flush=True)
    await server.serve()
    await asyncio.Event().wait()


async def serve_ballroom(data_dir: str | None) -> None:
    from ballroom.kernel.settings import Settings
    from ballroom.server import Ballroom

    server = Ballroom(Settings(port=0, data_dir=Path(data_dir) if data_dir else None))
    await server.start()
    await server.kernel.call("sqs", "CreateQueue", {"QueueName": "bench"})
    print(server.gateway.port, flush=True)
    await asyncio.Event().wait()


def compare(
    name: str, bare: Server, served: Server, message: bytes, connections: int, options: argparse.Namespace
) -> None:
    """Interleave the two and print the difference."""
    import uvloop

    plain = json_request("AmazonSQS.Bare", b"{}", ("test", "test"))
    costs: dict[str, list[float]] = {"bare": [], name: []}
    waits: dict[str, list[float]] = {"bare": [], name: []}
    for round_ in range(options.rounds + 1):
        for label, server, sent in (("bare", bare, plain), (name, served, message)):
            before = server.cpu_s()
            latencies = uvloop.run(drive(server.port, sent, connections, options.requests))
            if round_:  # the first one warms up
                costs[label].append((server.cpu_s() - before) / len(latencies) * 1e6)
                waits[label].append(statistics.median(latencies) * 1e6)
    for label in costs:
        cost, wait = statistics.median(costs[label]), statistics.median(waits[label])
        spread = f"({min(costs[label]):.1f}-{max(costs[label]):.1f})"
        print(f"{label:34}{connections:4} connections {cost:7.1f} us CPU {spread:16} {wait:8.0f} us p50")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", nargs="*")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.serve is not None:
        import uvloop

        kind, *rest = options.serve
        uvloop.run(serve_bare() if kind == "bare" else serve_ballroom(rest[0] if rest else None))
        return
    with tempfile.TemporaryDirectory(prefix="ballroom-bench-") as folder:
        servers = [Server("bare"), Server("ballroom", f"{folder}/data")]
        try:
            bare, served = servers
            key_id, secret = (Path(folder) / "data" / "root-key").read_text().split()
            identity = b"Action=GetCallerIdentity&Version=2011-06-15"
            send = b'{"QueueUrl":"http://localhost:4566/000000000000/bench","MessageBody":"%b"}' % (b"x" * 100)
            for name, key in (("unknown key", ("test", "test")), ("verified", (key_id, secret))):
                message = request("sts", identity, {"Content-Type": FORM}, key)
                compare(f"GetCallerIdentity, {name}", bare, served, message, 16, options)
                message = json_request("AmazonSQS.SendMessage", send, key)
                compare(f"durable SendMessage, {name}", bare, served, message, 64, options)
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
