"""Listening, time-outs and a graceful end. One `HttpServer` may listen on several addresses."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from email.utils import formatdate
from typing import Any, Protocol

from ballroom.gateway.http.connection import Connection
from ballroom.gateway.http.exchange import Exchange
from ballroom.gateway.http.limits import Limits
from ballroom.gateway.http.reading import Refused

log = logging.getLogger("ballroom.http")


class Application(Protocol):
    """What answers the requests."""

    def open(self, exchange: Exchange) -> int | None:
        """A large or unbounded body announces itself: how much of it to collect; None to stream it.

        May answer at once; the body is then thrown away.
        """

    def handle(self, exchange: Exchange) -> None:
        """A request is complete (or its stream is open). Answer now or later; never raises."""

    def too_large(self, exchange: Exchange, limit: int) -> None:
        """The body is larger than `limit`: answer."""

    def overloaded(self, exchange: Exchange) -> None:
        """There is no memory left to collect the body in: answer."""

    def refused(self, exchange: Exchange, refusal: Refused) -> None:
        """The request breaks a rule of the connection, or stopped coming: answer. Never raises.

        What is known of the request may be little: without a path, its head was not read so far.
        """


class HttpServer:
    """Accepts connections for `application` until it is stopped."""

    def __init__(self, application: Application, limits: Limits | None = None) -> None:
        self.application = application
        self.limits = limits or Limits()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.now = 0.0
        """Seconds of the loop's clock, about one second coarse: enough for time-outs, free to read."""
        self.common_headers = ""
        self.refused_connections = 0
        self.collected_bytes = 0
        """What collected bodies take now."""
        self._listeners: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Take the address; port 0 picks a free one. Returns the port. `serve` begins to answer."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: Connection(self, loop), host, port, ssl=tls, backlog=2048, reuse_address=True,
            start_serving=False,
        )  # fmt: skip
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def serve(self) -> None:
        """Accept connections; those that came since `listen` have waited."""
        for listener in self._listeners:
            await listener.start_serving()

    async def stop(self, drain_s: float) -> None:
        """Accept nothing more, let what runs finish for at most `drain_s` seconds, then cut."""
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.stop()
        if not await self._emptied(drain_s):
            log.warning("%d connections were cut after %g s", len(self.connections), drain_s)
            for connection in list(self.connections):
                connection.abort("the server stops")
            await self._emptied(1.0)
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _emptied(self, within_s: float) -> bool:
        """Whether the last connection has ended within that time."""
        if self.connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), within_s)
            except TimeoutError:
                return False
        return True

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish something that no exchange waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def opened(self, connection: Connection) -> None:
        """A connection was accepted."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self.sweep(loop.time())
            self._timer = loop.call_later(1.0, self._tick)
        self.connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def sweep(self, now: float) -> None:
        """Act on connections whose time is over at `now` (seconds of the loop's clock)."""
        self.now = now
        self.common_headers = f"date: {formatdate(usegmt=True)}\r\n"
        for connection in list(self.connections):
            connection.check_time(now)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self.sweep(loop.time())
        # nothing to time out, nothing to wake for: an idle server sleeps
        self._timer = loop.call_later(1.0, self._tick) if self.connections else None
