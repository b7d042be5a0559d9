"""What control pages and data-plane hosts see of HTTP, and byte streams in and out of operations.

The gateway implements these; services only use them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import msgspec

from ballroom.kernel.turns import ended, in_thread

Sink = Callable[[Sequence[bytes | memoryview]], None]
"""Takes the pieces of a body, in a thread; they are good until it returns."""
_HANDED_OVER = 768 << 10
"""So much is handed to a thread at once, while the loop reads the next."""


class ByteStream:
    """A body that need not fit in memory. `length` is None until known."""

    length: int | None = None

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes; empty at the end."""
        raise NotImplementedError

    async def gather(self, enough: int) -> list[bytes]:
        """The next pieces, as soon as they have about `enough` bytes or the body ends; none at the end.

        Whoever wants much at once is woken once for it.
        """
        pieces: list[bytes] = []
        size = 0
        while size < enough and (piece := await self.read(enough)):
            pieces.append(piece)
            size += len(piece)
        return pieces

    async def drain(self, sink: Sink) -> None:
        """Hand all that is to come to `sink`, in threads, one call after the other.

        Raises:
            Exception: what `sink` raised; nothing more is taken then. It is not running any more in any case.
        """
        working: asyncio.Task[None] | None = None
        try:
            while pieces := await self.gather(_HANDED_OVER):
                if working is not None:
                    await working
                working = asyncio.ensure_future(in_thread(sink, pieces))
            if working is not None:
                await working
        finally:
            if working is not None:
                await ended(working)
                if not working.cancelled():
                    working.exception()  # whatever is raised here tells the reason

    def whole(self) -> bytes | None:
        """All of the body, if it has come already: once, in place of `read`; None if it is still to come."""
        return None

    def trailers(self) -> dict[str, str]:
        """Trailing headers (lower-case names), known once the stream has ended."""
        return {}

    def announced_trailers(self) -> tuple[str, ...]:
        """Names (lower case) of the trailing headers that the sender has announced."""
        return ()

    def take_sha256(self) -> str:
        """What the sender said the body's SHA-256 is, in hexadecimal digits; whoever takes it checks it.

        Not taken, the stream checks it by itself. Empty: nothing was said.
        """
        return ""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.read():
            yield chunk


class BytesStream(ByteStream):
    """Bytes at hand, as a stream."""

    def __init__(self, data: bytes) -> None:
        self._data, self.length = data, len(data)

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes; empty at the end."""
        chunk, self._data = self._data[:limit], self._data[limit:]
        return chunk

    def whole(self) -> bytes | None:
        """All of it."""
        data, self._data = self._data, b""
        return data


class FileSpan(NamedTuple):
    """Bytes of an open file from `start` up to `stop`, to be sent as they are; whoever takes it closes it."""

    file: BinaryIO
    start: int
    stop: int


class FileBody:
    """A body that lies in files, for a server that can send them without reading them.

    It is an asynchronous iterator of bytes besides, for those that can not.
    """

    length: int

    def spans(self) -> Iterator[FileSpan | bytes]:
        """All of it in order, each file opened when its turn comes."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nobody takes any more."""


class HttpRequest(msgspec.Struct):
    """One HTTP request. `path` and `query` are as sent (percent-encoded); header names are lower case."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    host: str
    remote: str = ""
    scheme: str = "http"

    def header(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class HttpResponse(msgspec.Struct):
    """The answer. `body` may be bytes or an asynchronous iterator of bytes (sent chunked)."""

    status: int = 200
    headers: list[tuple[str, str]] = []
    body: Any = b""
