"""One request and its answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
import orjson

if TYPE_CHECKING:
    from ballroom.gateway.http.connection import Connection
    from ballroom.gateway.http.stream import RequestStream

log = logging.getLogger("ballroom.http")

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_BODILESS = frozenset({204, 304})
CHUNKED = -1
"""In `pieces_length`: the body's end is marked by the last chunk."""
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})

AnswerBody = bytes | AsyncIterator[bytes]
Headers = Iterable[tuple[str, str]]


class Exchange(msgspec.Struct, eq=False):
    """A request as parsed and the one answer it gets; answers leave in the order of the requests.

    `path` and `query` are as sent, percent-encoded. Header names are lower case; a header sent twice is
    joined with a comma, as RFC 9110 allows.
    """

    connection: Connection
    method: str = ""
    path: str = ""
    query: str = ""
    headers: dict[str, str] = {}
    body: bytes | bytearray = b""
    stream: RequestStream | None = None
    limit: int = 0
    collected: int = 0
    """The bytes of the body that the server counts."""
    keep_alive: bool = True
    http_1_0: bool = False
    wants_continue: bool = False
    answered: bool = False
    output: bytes | None = None
    pieces: AsyncIterator[bytes] | None = None
    pieces_length: int | None = None
    on_abort: Callable[[], object] | None = None
    extra_headers: str = ""
    """Header lines to add to the answer, each with its line end."""
    route: object = None
    """Whatever the application decided in `open`, for its own use in `handle`."""

    @property
    def remote(self) -> str:
        """The client's address."""
        return self.connection.remote

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.connection.scheme

    def answer(self, status: int, headers: Headers, body: AnswerBody = b"") -> None:
        """Answer once; what comes after the first answer, or after the client has gone, is dropped.

        A body of bytes gets its length; an iterator is sent as it yields, with the content-length given
        among `headers` or else chunked. A HEAD answer may give a content-length for the body it omits.
        """
        connection = self.connection
        if self.answered or connection.lost:
            if not isinstance(body, bytes | bytearray | memoryview):
                connection.discard(body)
            return
        self.answered = True
        self.on_abort = None
        if self.collected:
            self.uncount()
        count = 1
        length: str | None = None
        text = connection.server.common_headers
        if self.extra_headers:
            text += self.extra_headers
            count += self.extra_headers.count("\n")
        for name, value in headers:
            if name in _FRAMING:
                if name == "content-length":
                    length = value
                continue
            text += f"{name}: {value}\r\n"
            count += 1
        if text.count("\n") != count or text.count("\r") != count:
            log.error(
                "an answer to %s %s held a line break in a header; it was withheld", self.method, self.path
            )
            self.answered = False
            self.refuse(500, "InternalFailure", "The answer could not be sent.")
            return
        if isinstance(body, bytes | bytearray | memoryview):
            if status in _BODILESS:
                body = b""
            else:
                text += f"content-length: {length if length and self.method == 'HEAD' else len(body)}\r\n"
        else:
            if self.method == "HEAD" or status in _BODILESS:
                connection.discard(body)
            else:
                self.pieces = body
            if length is None and (known := getattr(body, "length", None)) is not None:
                length = str(known)
            if length is not None:
                text += f"content-length: {length}\r\n"
                self.pieces_length = int(length)
            elif self.http_1_0:
                self.keep_alive = False
            elif status not in _BODILESS:
                text += "transfer-encoding: chunked\r\n"
                self.pieces_length = CHUNKED
            body = b""
        if not self.keep_alive or connection.must_close(self):
            self.keep_alive = False
            text += "connection: close\r\n"
        elif self.http_1_0:
            text += "connection: keep-alive\r\n"
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Status\r\n"
        head = f"{line}{text}\r\n"
        try:
            raw = head.encode("latin-1")
        except UnicodeEncodeError:
            raw = head.encode()
        self.output = raw if self.method == "HEAD" else raw + body
        connection.answered(self)

    def uncount(self) -> None:
        """The body takes no memory any more."""
        self.connection.server.collected_bytes -= self.collected
        self.collected = 0

    def refuse(self, status: int, code: str, text: str) -> None:
        """Answer an error that comes before any protocol is known."""
        body = orjson.dumps({"__type": code, "message": text})
        self.answer(status, [("content-type", "application/json"), ("x-amzn-errortype", code)], body)
