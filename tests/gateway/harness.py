"""A bare HTTP server on a socket, and clients that say exactly the bytes they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ballroom.gateway.http import Exchange, HttpServer, Limits, Refused

T = TypeVar("T")


class Application:
    """Answers with what it was asked, unless a test says otherwise."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.limit: int | None = 1 << 20
        self.on_handle: Callable[[Exchange], None] = echo
        self.on_open: Callable[[Exchange], int | None] = lambda exchange: self.limit

    def open(self, exchange: Exchange) -> int | None:
        return self.on_open(exchange)

    def handle(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        self.on_handle(exchange)

    def too_large(self, exchange: Exchange, limit: int) -> None:
        exchange.refuse(413, "RequestEntityTooLarge", f"more than {limit} bytes")

    def overloaded(self, exchange: Exchange) -> None:
        exchange.refuse(503, "SlowDown", "too much at once")

    def refused(self, exchange: Exchange, refusal: Refused) -> None:
        exchange.refuse(refusal.status, refusal.code, refusal.text)


def echo(exchange: Exchange) -> None:
    """The path, the query and the body, on lines."""
    exchange.answer(
        200, [], f"{exchange.method} {exchange.path} {exchange.query}\n".encode() + bytes(exchange.body)
    )


class Reply:
    """A reply as read from the socket."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers} {self.body!r}>"


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def reply(self, *, head: bool = False) -> Reply:
        """The next reply."""
        lines = (await self._within(self.reader.readuntil(b"\r\n\r\n"))).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        if status == 100 or head or status in (204, 304):
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, await self._chunks())
        if "content-length" in headers:
            return Reply(
                status, headers, await self._within(self.reader.readexactly(int(headers["content-length"])))
            )
        return Reply(status, headers, await self._within(self.reader.read()))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._within(self.reader.readuntil(b"\r\n")), 16):
            body += (await self._within(self.reader.readexactly(size + 2)))[:-2]
        assert await self._within(self.reader.readexactly(2)) == b"\r\n"
        return body

    async def ask(self, raw: bytes) -> Reply:
        self.send(raw)
        return await self.reply()

    async def ended(self) -> bool:
        """Whether the server ends the connection without another byte."""
        try:
            return await self._within(self.reader.read()) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    @staticmethod
    async def _within(work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wait_for(work, 10)


class Serving:
    """A server that listens, and connections to it."""

    def __init__(self, server: HttpServer, application: Application, port: int) -> None:
        self.server, self.application, self.port = server, application, port
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22))
        self.clients.append(client)
        return client

    async def ask(self, raw: bytes) -> Reply:
        """One request on a connection of its own."""
        return await (await self.connect()).ask(raw)

    def later(self, seconds: float) -> None:
        """Time-outs as they will be judged `seconds` from now."""
        self.server.sweep(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[Serving]:
    application = Application()
    server = HttpServer(application, limits)
    made = Serving(server, application, await server.listen("127.0.0.1", 0))
    await server.serve()
    try:
        yield made
    finally:
        for client in made.clients:
            await client.close()
        await server.stop(0.2)
        assert not server.connections


class Peak:
    """How much memory this process has taken at most since here."""

    def __init__(self) -> None:
        if not Path("/proc/self/clear_refs").exists():
            pytest.skip("the peak of memory is read from Linux's /proc")
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._read()

    def growth_bytes(self) -> int:
        return self._read() - self._before

    @staticmethod
    def _read() -> int:
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) << 10


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until something holds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to pass")


def get(path: str = "/", *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(body: bytes, *headers: str, path: str = "/") -> bytes:
    return get(path, f"Content-Length: {len(body)}", *headers, method="POST") + body


def chunked(*pieces: bytes, path: str = "/", trailers: str = "", headers: tuple[str, ...] = ()) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces)
    head = get(path, "Transfer-Encoding: chunked", *headers, method="POST")
    return head + body + b"0\r\n" + trailers.encode() + b"\r\n"
