"""One client connection: bytes in, exchanges out, answers back in order.

llhttp parses (strictly: both lengths, odd lengths, folded headers, bare line feeds and the like are
errors of its own); what lives here is order, limits, flow control and the life of the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import httptools

from ballroom.gateway.http.exchange import CHUNKED, Exchange
from ballroom.gateway.http.stream import RequestStream

if TYPE_CHECKING:
    from ballroom.gateway.http.server import HttpServer

log = logging.getLogger("ballroom.http")

_IDLE, _HEAD, _BODY = range(3)
_PIPELINE, _STREAM, _WRITE = 1, 2, 4  # why reading is paused

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


class Connection(asyncio.Protocol):
    """The asyncio protocol. Single-threaded; every method runs on the loop."""

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.limits = server.limits
        self.application = server.application
        self.lost = False
        self.remote = ""
        self.scheme = "http"
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        """Requests whose answers are not yet sent, in order; the last may still be arriving."""
        self._current: Exchange | None = None
        """The request that is being read."""
        self._url = b""
        self._header_bytes = 0
        self._phase = _IDLE
        self._progress = False
        self._unproductive = 0
        self._trailers: dict[str, str] = {}
        self._upgrading = False
        self._muted = False
        self._corked = False
        self._out: list[bytes] = []
        self._paused = 0
        self._no_more = False
        """No further request is read."""
        self._unread = False
        """The client has sent, or may be sending, what nobody reads."""
        self._finished = False
        """All that is owed is written."""
        self._lingering = False
        self._eof = False
        self._since = 0.0
        self._unsent = 0
        self._pump: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client has connected."""
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.remote = peer[0] if isinstance(peer, tuple) else ""
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
        server = self.server
        if server.stopping or len(server.connections) >= self.limits.connections:
            server.refused_connections += 1
            self.lost = True
            self.transport.abort()
            return
        server.opened(self)
        self._since = server.now

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes have come."""
        if self._no_more or self.lost:
            self._unread = True
            return
        if self._phase != _HEAD:
            self._since = self.server.now
        self._progress = False
        self._corked = True
        try:
            self._feed(data)
        finally:
            self._corked = False
            if self._out:
                out, self._out = self._out, []
                self.transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._finished:
            self._end()
        elif self._phase != _IDLE and not self._progress:
            # what the parser holds inside (a header without an end, trailers) is not ours to count
            self._unproductive += len(data)
            if self._unproductive > self.limits.header_bytes + len(data):
                self._refuse(
                    Refused(431, "RequestHeaderFieldsTooLarge", "The request's headers are too large.")
                )

    def eof_received(self) -> bool:
        """asyncio: the client sends no more. Answers still owed are sent; waiting handlers are let go."""
        self._eof = self._no_more = True
        if self._lingering or self.scheme == "https":
            return False  # TLS knows no half-closed connections
        incomplete = self._current
        self._broken("the client closed the connection within its request")
        for exchange in list(self._queue):
            if exchange is incomplete or exchange.on_abort is not None:
                exchange.answered, exchange.output = True, b""
                self._let_go(exchange)
        self._flush()
        return bool(self._queue)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection has ended. Whoever works for it is told."""
        if self.lost:
            return
        self.lost = True
        self.server.closed(self)
        self._broken("the client closed the connection")
        pumped = None
        if self._pump is not None:
            pumped = self._queue[0]
            self._pump.cancel()
        if self._drained is not None and not self._drained.done():
            self._drained.cancel()
        queue, self._queue = self._queue, deque()
        for exchange in queue:
            self._let_go(exchange)
            if exchange.pieces is not None and exchange is not pumped:
                self.discard(exchange.pieces)
        # parser and protocol refer to each other; waiting for the collector would keep bodies alive
        self._parser = httptools.HttpRequestParser(None)

    def pause_writing(self) -> None:
        """asyncio: the client reads more slowly than we write; nothing more is read from it meanwhile."""
        self._pause(_WRITE)
        self._since = self.server.now

    def resume_writing(self) -> None:
        """asyncio: the client has caught up."""
        self._resume(_WRITE)
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # --- the parser's side

    def on_message_begin(self) -> None:
        """llhttp: the first byte of a request."""
        if self._muted:
            return
        if self._no_more:
            raise NoMore
        self._current = Exchange(self)
        self._url = b""
        self._header_bytes = 0
        self._phase = _HEAD
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
        if self._muted:
            return
        name = _names.get(raw_name) or _name_of(raw_name)
        value = raw_value.decode("latin-1")
        self._header_bytes += len(raw_name) + len(value)
        fields = self._current.headers if self._phase == _HEAD else self._trailers  # type: ignore[union-attr]
        if name in fields:
            if name == "host":
                raise Refused(400, "BadRequest", "The request has more than one Host header.")
            value = f"{fields[name]},{value}"
            self._header_bytes += 256  # repetitions are bounded by size: they do not count below
        fields[name] = value
        if len(fields) > self.limits.header_count or self._header_bytes > self.limits.header_bytes:
            raise Refused(431, "RequestHeaderFieldsTooLarge", "The request's headers are too large.")

    def on_headers_complete(self) -> None:
        """llhttp: the headers have ended."""
        if self._muted:
            return
        exchange = cast(Exchange, self._current)
        parser, headers = self._parser, exchange.headers
        raw_method = parser.get_method()
        exchange.method = _methods.get(raw_method) or _methods.setdefault(raw_method, raw_method.decode())
        keep_alive = exchange.keep_alive = parser.should_keep_alive()
        if not keep_alive or "connection" in headers:
            self._check_version(exchange, parser.get_http_version())
        if "host" not in headers and not exchange.http_1_0:
            raise Refused(400, "BadRequest", "The request has no Host header.")
        self._set_target(exchange)
        if "upgrade" in headers:
            self._upgrading = parser.should_upgrade()
        self._phase = _BODY
        self._since = self.server.now
        self._trailers = {}
        self._header_bytes = 0
        self._queue.append(exchange)
        if len(self._queue) >= self.limits.pipeline:
            self._pause(_PIPELINE)
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

    def on_body(self, piece: bytes) -> None:
        """llhttp: some of the body."""
        self._progress = True
        self._unproductive = 0
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
        self._phase = _IDLE
        self._progress = True
        if not exchange.keep_alive:
            self._no_more = True
        if exchange.stream is not None:
            exchange.stream.finish(self._trailers)
        elif not exchange.answered:
            if type(exchange.body) is bytearray:
                exchange.body = bytes(exchange.body)
            self._handle(exchange)

    # --- the exchange's side

    def answered(self, exchange: Exchange) -> None:
        """`exchange` has its answer: send whatever is next in order."""
        if self._queue[0] is exchange:
            self._flush()

    def must_close(self, exchange: Exchange) -> bool:
        """Whether the connection ends with this answer. If so, nothing more is read."""
        if exchange is self._current or (
            (self.server.stopping or self._eof) and self._queue[-1] is exchange and self._current is None
        ):
            self._no_more = True
            return True
        return False

    def pause_for_stream(self) -> None:
        """A streaming body is read more slowly than it comes."""
        self._pause(_STREAM)

    def resume_for_stream(self) -> None:
        """The reader has caught up."""
        self._resume(_STREAM)

    def discard(self, pieces: AsyncIterator[bytes]) -> None:
        """Close a body that nobody will read."""
        close = getattr(pieces, "aclose", None)
        if close is not None:
            self.server.run(close())

    # --- the server's side

    def stop(self) -> None:
        """End as soon as what was asked is answered."""
        if not self._queue and self._phase == _IDLE:
            self.transport.close()

    def abort(self, why: str) -> None:
        """End now."""
        if not self.lost:
            log.debug("connection from %s cut: %s", self.remote, why)
            self.transport.abort()

    def check_time(self, now: float) -> None:
        """Time-outs: idle, slow headers, silent body, unread answer."""
        waited = now - self._since
        limits = self.limits
        if self._paused & _WRITE:
            unsent = self.transport.get_write_buffer_size()
            if unsent < self._unsent:
                self._since = now
            elif waited > limits.write_s:
                self.abort("it does not read its answer")
            self._unsent = unsent
        elif self._lingering:
            if waited > limits.linger_s:
                self.abort("it did not close after its refusal")
        elif self._phase == _HEAD:
            if waited > limits.header_s:
                self._refuse(Refused(408, "RequestTimeout", "The request's headers took too long."))
        elif self._phase == _BODY:
            if waited > limits.body_s and not self._paused:
                self._refuse(Refused(408, "RequestTimeout", "The request's body took too long."))
        elif not self._queue and waited > limits.idle_s:
            self.transport.close()

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
            self._parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode())
            self._muted = False
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

    def _open(self, exchange: Exchange, length: int | None) -> None:
        """A large or unbounded body: ask where it goes before taking it."""
        limit = self.application.open(exchange)
        if exchange.answered:
            return
        if limit is None:
            exchange.stream = RequestStream(self, length, self.limits.stream_bytes)
            self._expect(exchange)
            self._handle(exchange)
        elif length is not None and length > limit:
            self.application.too_large(exchange, limit)
        else:
            exchange.limit = limit
            self._expect(exchange)

    def _expect(self, exchange: Exchange) -> None:
        expectation = exchange.headers.get("expect")
        if expectation is None or exchange.http_1_0:
            return
        if expectation.lower() != "100-continue":
            raise Refused(417, "ExpectationFailed", "Only 100-continue may be expected.")
        exchange.wants_continue = True
        if self._queue[0] is exchange:
            self._send_continue(exchange)

    def _send_continue(self, exchange: Exchange) -> None:
        exchange.wants_continue = False
        self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _handle(self, exchange: Exchange) -> None:
        try:
            self.application.handle(exchange)
        except Exception:  # a bug above must not take the connection's state with it
            log.exception("a request could not be handled")
            exchange.refuse(500, "InternalFailure", "The request could not be handled.")

    def _flush(self) -> None:
        """Send the answers that are complete, in order, up to the first that is not."""
        queue = self._queue
        while queue:
            exchange = queue[0]
            if exchange.output is None:
                if exchange.wants_continue:
                    self._send_continue(exchange)
                break
            if exchange.output:
                self._write(exchange.output)
                exchange.output = b""
            if exchange.pieces is not None:
                if self._pump is None:
                    self._pump = self.loop.create_task(self._send_pieces(exchange))
                break
            queue.popleft()
            if not exchange.keep_alive:
                self._finished = True
                break
        if self._paused & _PIPELINE and len(queue) < self.limits.pipeline:
            self._resume(_PIPELINE)
        if not queue and self._phase == _IDLE and (self.server.stopping or self._eof):
            self._finished = True
        if self._finished and not self._corked:
            self._end()

    async def _send_pieces(self, exchange: Exchange) -> None:
        """Send the body of the answer at the head of the queue."""
        remaining = exchange.pieces_length
        chunked = remaining == CHUNKED
        iterator = aiter(cast("AsyncIterator[bytes]", exchange.pieces))
        try:
            async for piece in iterator:
                if not piece:
                    continue
                if chunked:
                    piece = b"%x\r\n%b\r\n" % (len(piece), piece)
                elif remaining is not None:
                    remaining -= len(piece)
                    if remaining < 0:
                        raise ValueError("the body is longer than its content-length")
                self.transport.write(piece)
                if self._paused & _WRITE and not self.lost:
                    self._drained = self.loop.create_future()
                    await self._drained
            if remaining and not chunked:
                raise ValueError("the body is shorter than its content-length")
        except Exception:  # whatever broke, the client must see that the body is incomplete
            log.exception("the body of the answer to %s %s failed", exchange.method, exchange.path)
            self.abort("its answer failed midway")
            return
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        self._pump = None
        if self.lost:
            return
        if chunked:
            self.transport.write(b"0\r\n\r\n")
        exchange.pieces = None
        self._flush()

    def _write(self, data: bytes) -> None:
        if self._corked:
            self._out.append(data)
        else:
            self.transport.write(data)

    def _refuse(self, refusal: Refused) -> None:
        """Answer a broken or late request in its turn, then end the connection."""
        exchange = self._current or Exchange(self)
        self._broken(refusal.text)
        self._no_more = self._unread = True
        if exchange.answered:
            exchange.keep_alive = False
            return
        self._let_go(exchange)
        exchange.keep_alive = False
        if not self._queue or self._queue[-1] is not exchange:
            self._queue.append(exchange)
        exchange.refuse(refusal.status, refusal.code, refusal.text)

    def _broken(self, why: str) -> None:
        """The request being read will never be complete."""
        exchange, self._current = self._current, None
        self._phase = _IDLE
        if exchange is not None and exchange.stream is not None:
            exchange.stream.fail(why)

    def _let_go(self, exchange: Exchange) -> None:
        """Nobody waits for this answer any more."""
        if exchange.stream is not None:
            exchange.stream.fail("the client closed the connection")
        if exchange.on_abort is not None:
            on_abort, exchange.on_abort = exchange.on_abort, None
            on_abort()

    def _end(self) -> None:
        """Everything owed is sent. Close, but let a client that still sends read its answer first."""
        self._no_more = True
        if self.lost or self._lingering:
            return
        if (self._current is None and not self._unread) or self._eof or not self.transport.can_write_eof():
            self.transport.close()
            return
        # closing with bytes unread makes the kernel reset the connection, and the answer is lost with it
        self._broken("the request was answered before its body had come")
        self._lingering = True
        self._since = self.server.now
        self.transport.write_eof()
        if self._paused & ~_WRITE:
            self._resume(_PIPELINE | _STREAM)

    def _pause(self, reason: int) -> None:
        if not self._paused and not self.lost:
            self.transport.pause_reading()
        self._paused |= reason

    def _resume(self, reason: int) -> None:
        if self._paused & reason:
            self._paused &= ~reason
            if not self._paused and not self.lost:
                self._since = self.server.now
                self.transport.resume_reading()
