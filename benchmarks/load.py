"""A load client: keep-alive connections on one loop, requests signed before the clock starts."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Answer = tuple[int, bytes]


@dataclass
class Target:
    """A server to measure."""

    endpoint: str
    pid: int
    key: str = "test"
    secret: str = "test"

    def request(
        self, service: str, body: bytes = b"", *, path: str = "/", method: str = "POST", **headers: str
    ) -> bytes:
        """The bytes of one signed request."""
        request = AWSRequest(
            method=method, url=self.endpoint + path, data=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip
        SigV4Auth(Credentials(self.key, self.secret), service, "us-east-1").add_auth(request)
        head = [f"{method} {path} HTTP/1.1", f"host: {urlsplit(self.endpoint).netloc}"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        head.append(f"content-length: {len(body)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def json(self, operation: str, **input: Any) -> bytes:
        """An SQS request."""
        return self.request(
            "sqs", json.dumps(input).encode(),
            content_type="application/x-amz-json-1.0", x_amz_target=f"AmazonSQS.{operation}",
        )  # fmt: skip

    def cpu_s(self) -> float:
        """CPU seconds that the server process has used, its threads included, its functions not."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Resident memory of the server process."""
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Client(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((self._parser.get_status_code(), self._body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError())

    async def send(self, request: bytes) -> Answer:
        """Send and wait for the answer."""
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self._transport.close()


@dataclass
class Figures:
    """What one run measured."""

    operations: int
    seconds: float
    cpu_us: float
    latencies_ms: list[float]

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.latencies_ms)

    @property
    def rate(self) -> float:
        return self.operations / self.seconds


Work = Callable[[Client], Awaitable[None]]


async def drive(target: Target, work: Work, *, connections: int, seconds: float) -> Figures:
    """Repeat `work` on every connection for so long; half a second of warm-up is not counted."""
    parts = urlsplit(target.endpoint)
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(Client, parts.hostname, parts.port))[1] for _ in range(connections)
    ]

    async def repeat(client: Client, until: float, latencies: list[float]) -> None:
        while (began := time.perf_counter()) < until:
            await work(client)
            latencies.append(1000 * (time.perf_counter() - began))

    await asyncio.gather(*(repeat(c, time.perf_counter() + 0.5, []) for c in clients))
    latencies: list[float] = []
    cpu, began = target.cpu_s(), time.perf_counter()
    await asyncio.gather(*(repeat(c, began + seconds, latencies) for c in clients))
    elapsed, used = time.perf_counter() - began, target.cpu_s() - cpu
    for client in clients:
        client.close()
    return Figures(len(latencies), elapsed, 1e6 * used / len(latencies), latencies)
