"""Reading requests: llhttp's events become exchanges, within limits.

llhttp is strict: both lengths, odd lengths, folded headers, bare line feeds and the like are errors of
its own. What becomes of an exchange, and how answers go back, is `connection`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import httptools

from ballroom.gateway.http.exchange import Exchange
from ballroom.gateway.http.stream import RequestStream

if TYPE_CHECKING:
    from ballroom.gateway.http.connection import Connection
    from ballroom.gateway.http.server import HttpServer

log = logging.getLogger("ballroom.http")

IDLE, HEAD, BODY = range(3)
"""Where reading stands: between requests, within the head of one, within the body of one."""
PIPELINE, STREAM, WRITE, PULL = 1, 2, 4, 8
"""Why the loop does not read: PULL while a thread reads the body."""

_names: dict[bytes, str] = {}
_methods: dict[bytes, str] = {}


def _name_of(raw: bytes) -> str:
    """Header names repeat: decode and lower-case each spelling once (bounded: clients choose them)."""
    if len(_names) > 4096:
        _names.clear()
    name = _names[raw] = raw.lower().decode("latin-1")
    return name


class Refused(Exception):
    """The request breaks a rule of the connection; the connection ends after this answer."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class NoMore(Exception):
    """The connection has seen its last request; what follows it in the buffer is ignored."""


def _headers_too_large() -> Refused:
    return Refused(431, "RequestHeaderFieldsTooLarge", "The request's headers are too large.")


class RequestReader(asyncio.Protocol):
    """The reading half of a connection."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.limits = server.limits
        self.application = server.application
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        """Requests whose answers are not yet sent, in order; the last may still be arriving."""
        self._current: Exchange | None = None
        """The request that is being read."""
        self._phase = IDLE
        self._url = b""
        self._fields: dict[str, str] = {}
        """Where headers go: the exchange's, then the trailers."""
        self._repeats = 0
        self._fed = 0
        self._progress = False
        self._unproductive = 0
        """Bytes since the last event that we could count: what the parser holds inside."""
        self._plain = 0
        """Bytes still to come of a streamed body of known length."""
        self._upgrading = False
        self._muted = False
        self._no_more = False
        """No further request is read."""
        self._unread = False
        """The client has sent, or may be sending, what nobody reads."""
        self._since = 0.0

    # --- what the writing half does

    def _refuse(self, refusal: Refused) -> None:
        raise NotImplementedError

    def _send_continue(self, exchange: Exchange) -> None:
        raise NotImplementedError

    def _pause(self, reason: int) -> None:
        raise NotImplementedError

    # --- bytes

    def _read(self, data: bytes) -> None:
        if self._phase != HEAD:
            self._since = self.server.now
        self._progress = False
        self._fed = len(data)
        if self._plain:
            data = self._take_plain(data)
            if not data:
                return
        self._feed(data)

    def _take_plain(self, data: bytes) -> bytes:
        """Take what belongs to a large body of known length; returns what follows it.

        No parser needs to see it: that would copy every byte once more.
        """
        plain = self._plain
        if len(data) < plain:
            self.on_body(data)
            return b""
        self.on_body(data[:plain])
        self._end_plain()
        return data[plain:]

    def _end_plain(self) -> None:
        """A large body of known length has come to its end."""
        # the parser still waits for the body that it was not shown
        self._plain = 0
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_complete()

    def _check_growth(self) -> None:
        """A request that is not complete yet: what it takes is bounded, alone and with all others."""
        exchange = self._current
        if self._phase == BODY and exchange is not None and len(exchange.body) > exchange.collected:
            self._count(exchange)
        if not self._progress:
            # a header without an end, or endless trailers, grow within the parser where no event tells
            self._unproductive += self._fed
            if self._unproductive > self.limits.header_bytes + self._fed:
                self._refuse(_headers_too_large())

    def _count(self, exchange: Exchange) -> None:
        """Count a body that is being collected; refuse it if all of them take too much."""
        server = self.server
        more = len(exchange.body) - exchange.collected
        if server.collected_bytes + more > self.limits.collected_bytes:
            exchange.body = b""
            self.application.overloaded(exchange)
        else:
            server.collected_bytes += more
            exchange.collected += more

    # --- llhttp's events

    def on_message_begin(self) -> None:
        """llhttp: the first byte of a request."""
        if self._muted:
            return
        if self._no_more:
            raise NoMore
        exchange = self._current = Exchange(cast("Connection", self))
        self._fields = exchange.headers
        self._url = b""
        self._repeats = 0
        self._phase = HEAD
        self._unproductive = 0
        self._since = self.server.now

    def on_url(self, url: bytes) -> None:
        """llhttp: some of the target."""
        if self._muted:
            return
        self._url = self._url + url if self._url else url
        if len(self._url) > self.limits.url_bytes:
            raise Refused(414, "RequestURITooLong", "The request's URL is too long.")

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        """llhttp: a header, or a trailer."""
        name = _names.get(raw_name) or _name_of(raw_name)
        fields = self._fields
        if name in fields:
            self._repeat(name, raw_value.decode("latin-1"))
        else:
            fields[name] = raw_value.decode("latin-1")

    def _repeat(self, name: str, value: str) -> None:
        if name == "host":
            raise Refused(400, "BadRequest", "The request has more than one Host header.")
        self._repeats += 1
        if self._repeats > self.limits.header_count:
            raise _headers_too_large()
        self._fields[name] = f"{self._fields[name]},{value}"

    def on_headers_complete(self) -> None:
        """llhttp: the headers have ended."""
        if self._muted:
            return
        exchange = cast(Exchange, self._current)
        parser, headers = self._parser, exchange.headers
        raw_method = parser.get_method()
        exchange.method = _methods.get(raw_method) or _methods.setdefault(raw_method, raw_method.decode())
        self._set_target(exchange)
        keep_alive = exchange.keep_alive = parser.should_keep_alive()
        if not keep_alive or "connection" in headers:
            self._check_version(exchange, parser.get_http_version())
        if "host" not in headers and not exchange.http_1_0:
            raise Refused(400, "BadRequest", "The request has no Host header.")
        if len(headers) > self.limits.header_count or (
            # exact only where it matters: most requests come whole, in one small piece
            self._fed + self._unproductive > self.limits.header_bytes
            and sum(map(len, headers)) + sum(map(len, headers.values())) > self.limits.header_bytes
        ):
            raise _headers_too_large()
        if "upgrade" in headers:
            self._upgrading = parser.should_upgrade()
        self._phase = BODY
        self._since = self.server.now
        self._fields = {}
        self._queue.append(exchange)
        if len(self._queue) >= self.limits.pipeline:
            self._pause(PIPELINE)
        length: int | None = int(headers.get("content-length", "0"))
        if (coding := headers.get("transfer-encoding")) is not None:
            if exchange.http_1_0:
                raise Refused(400, "BadRequest", "HTTP/1.0 has no transfer codings.")
            if coding.lower() != "chunked":
                raise Refused(501, "NotImplemented", "The transfer coding is not supported.")
            length = None
        if length is None or length > self.limits.small_body_bytes:
            self._open(exchange, length)
        elif length:
            exchange.limit = length
            self._expect(exchange)
        elif "expect" in headers:
            # nobody needs it for an empty body, but botocore takes the next answer of a connection that had
            # a final one in its place for this one's, and waits a minute for more (`aws s3 sync`, empty files)
            self._expect(exchange)

    def on_body(self, piece: bytes) -> None:
        """llhttp: some of the body."""
        self._progress = True
        self._unproductive = 0
        if self._plain:
            self._plain -= len(piece)
        exchange = cast(Exchange, self._current)
        if exchange.answered:
            return
        if exchange.stream is not None:
            exchange.stream.feed(piece)
            return
        body = exchange.body
        if not body:
            exchange.body = piece
        elif type(body) is bytes:
            # a list of pieces would hold forty bytes for each of a hostile client's two-byte chunks
            exchange.body = bytearray(body) + piece
        else:
            exchange.body += piece
        if len(exchange.body) > exchange.limit:
            exchange.body = b""
            self.application.too_large(exchange, exchange.limit)

    def on_message_complete(self) -> None:
        """llhttp: the request is complete."""
        if self._muted or self._upgrading:
            return
        exchange = cast(Exchange, self._current)
        self._current = None
        self._phase = IDLE
        self._progress = True
        if not exchange.keep_alive:
            self._no_more = True
        if exchange.stream is not None:
            exchange.stream.finish(self._fields)
        elif not exchange.answered:
            if type(exchange.body) is bytearray:
                exchange.body = bytes(exchange.body)
            self._handle(exchange)

    # --- within

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._continue_plainly(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, Refused):
                self._refuse(cause)
            elif isinstance(cause, NoMore):
                self._unread = True
            else:
                log.error("a request could not be read", exc_info=cause)
                self._refuse(Refused(500, "InternalFailure", "The request could not be read."))
        except httptools.HttpParserError as error:
            if self._no_more:
                self._unread = True
            else:
                self._refuse(Refused(400, "BadRequest", f"The request is not valid HTTP/1.1: {error}."))

    def _continue_plainly(self, rest: bytes) -> None:
        """The client offered an upgrade (h2c, websocket); stay with HTTP/1.1, as RFC 9110 allows.

        llhttp takes what follows for another protocol, body included: a fresh parser is told of the body.
        """
        headers = cast(Exchange, self._current).headers
        self._upgrading = False
        self._parser = httptools.HttpRequestParser(self)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or int(length):
            framing = (
                "transfer-encoding: chunked" if "transfer-encoding" in headers else f"content-length: {length}"
            )
            self._muted = True
            self._fields = {}
            self._parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode())
            self._muted = False
            self._fields = {}
        else:
            self.on_message_complete()
        if rest and not self._no_more:
            self._feed(rest)

    def _check_version(self, exchange: Exchange, version: str) -> None:
        if version == "1.0":
            exchange.http_1_0 = True
        elif version != "1.1":
            raise Refused(505, "HTTPVersionNotSupported", "Ballroom speaks HTTP/1.1.")

    def _set_target(self, exchange: Exchange) -> None:
        target = self._url.decode("latin-1")
        if "#" in target:
            target = target.partition("#")[0]
        path, _, exchange.query = target.partition("?")
        if exchange.method == "CONNECT":
            raise Refused(405, "MethodNotAllowed", "Ballroom is no proxy.")
        if not path.startswith("/"):
            scheme, mark, rest = path.partition("://")
            if mark and scheme.lower() in ("http", "https") and rest:
                host, slash, path = rest.partition("/")
                exchange.headers["host"] = host.rpartition("@")[2]  # RFC 9112, 3.2.2: it wins over the header
                path = slash + path or "/"
            elif path != "*" or exchange.method != "OPTIONS":
                raise Refused(400, "BadRequest", "The request's target is not a path.")
        exchange.path = path

    def _make_out(self, exchange: Exchange) -> None:
        """Take what is known of a head that will never be complete: it tells whose words refuse it."""
        if not exchange.method and exchange.headers:
            exchange.method = self._parser.get_method().decode()
            with suppress(Refused):
                self._set_target(exchange)

    def _open(self, exchange: Exchange, length: int | None) -> None:
        """A large or unbounded body: ask where it goes before taking it."""
        limit = self.application.open(exchange)
        if exchange.answered:
            return
        if limit is None:
            exchange.stream = RequestStream(cast("Connection", self), length, self.limits.stream_bytes)
            self._plain = length or 0
            self._expect(exchange)
            self._handle(exchange)
        elif length is not None and length > limit:
            self.application.too_large(exchange, limit)
        elif self.server.collected_bytes + (length or 0) > self.limits.collected_bytes:
            self.application.overloaded(exchange)
        else:
            exchange.limit = limit
            self._expect(exchange)

    def _expect(self, exchange: Exchange) -> None:
        expectation = exchange.headers.get("expect")
        # what else may be expected means nothing, to S3 neither (RFC 9110, 10.1.1, lets a server ignore it)
        if expectation is None or exchange.http_1_0 or expectation.lower() != "100-continue":
            return
        exchange.wants_continue = True
        if self._queue[0] is exchange:
            self._send_continue(exchange)

    def _handle(self, exchange: Exchange) -> None:
        try:
            self.application.handle(exchange)
        except Exception:  # a bug above must not take the connection's state with it
            log.exception("a request could not be handled")
            exchange.refuse(500, "InternalFailure", "The request could not be handled.")
