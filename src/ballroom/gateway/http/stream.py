"""A request's body while it arrives: bounded, one reader, its sender slowed down when the reader is slow."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ballroom.gateway.http.pulling import Puller
from ballroom.kernel.http import ByteStream, Sink
from ballroom.kernel.turns import in_thread

if TYPE_CHECKING:
    from ballroom.gateway.http.connection import Connection


class BodyInterrupted(ConnectionError):
    """The client went away, fell silent or broke the framing before its body was complete."""


class RequestStream(ByteStream):
    """What the connection feeds and an operation reads. `length` is the announced one, if any."""

    def __init__(self, connection: Connection, length: int | None, high_bytes: int) -> None:
        self.length = length
        self._connection = connection
        self._high = high_bytes
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._failure: BodyInterrupted | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._enough = 1
        self._trailers: dict[str, str] = {}
        self._puller: Puller | None = None

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes as soon as there are any; empty at the end.

        Raises:
            BodyInterrupted: the rest will not come.
        """
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            if self._waiter is not None:
                raise RuntimeError("a body has one reader")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        if len(piece) > limit:
            self._pieces.appendleft(piece[limit:])
            piece = piece[:limit]
        self._size -= len(piece)
        if self._size <= self._high // 2:
            self._connection.resume_for_stream()
        return piece

    async def gather(self, enough: int) -> list[bytes]:
        """All that has come, once that is `enough` or no more is taken from the client; none at the end.

        Raises:
            BodyInterrupted: the rest will not come.
        """
        self._enough = min(enough, self._high)
        while self._size < self._enough and not self._ended and self._failure is None:
            if self._waiter is not None:
                raise RuntimeError("a body has one reader")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._enough = 1
        if not self._ended and self._failure is not None:
            raise self._failure
        pieces = list(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._connection.resume_for_stream()
        return pieces

    async def drain(self, sink: Sink) -> None:
        """Hand all that is to come to `sink`, read from the socket by a thread where that is possible.

        Raises:
            BodyInterrupted: the rest will not come.
        """
        puller = self._puller = self._connection.lend_socket(sink)
        if puller is not None:
            try:
                await self._pull(puller)
            finally:
                self._puller = None
                self._connection.take_back(puller)
        await super().drain(sink)

    async def _pull(self, puller: Puller) -> None:
        connection = self._connection
        while True:
            before = list(self._pieces)
            self._pieces.clear()
            self._size = 0
            connection.pause_for_stream()  # it is not the client that is waited for
            try:
                await in_thread(puller.read, before)
            finally:  # whatever the sink thinks of it: the connection may have further requests
                connection.resume_for_stream()
            connection.progressed()
            if not puller.left or puller.ended or self._failure is not None:
                return
            await puller.readable()

    def trailers(self) -> dict[str, str]:
        """Trailing headers, known once the stream has ended."""
        return self._trailers

    def feed(self, piece: bytes) -> None:
        """More of the body has come."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._high:
            self._connection.pause_for_stream()
        if self._size >= self._enough:
            self._wake()

    def finish(self, trailers: dict[str, str]) -> None:
        """The body is complete."""
        self._trailers, self._ended = trailers, True
        self._wake()

    def fail(self, why: str) -> None:
        """The rest will not come. A body that is complete stays readable."""
        if not self._ended and self._failure is None:
            self._failure = BodyInterrupted(why)
            self._wake()

    def _wake(self) -> None:
        if self._puller is not None:
            self._puller.wake()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
