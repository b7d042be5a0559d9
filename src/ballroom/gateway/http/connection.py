"""One client connection: answers back in the order of the requests, flow control, time-outs, its end.

How requests are read is `reading`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import httptools

from ballroom.gateway.http import files, pulling
from ballroom.gateway.http.exchange import CHUNKED, Exchange
from ballroom.gateway.http.pulling import Puller
from ballroom.gateway.http.reading import (
    BODY,
    HEAD,
    IDLE,
    PIPELINE,
    PULL,
    STREAM,
    WRITE,
    Refused,
    RequestReader,
)
from ballroom.kernel.http import FileBody, Sink

if TYPE_CHECKING:
    from ballroom.gateway.http.server import HttpServer

log = logging.getLogger("ballroom.http")


class Connection(RequestReader):
    """The asyncio protocol of one connection. Single-threaded; every method runs on the loop."""

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server)
        self.loop = loop
        self.lost = False
        self.remote = ""
        self.scheme = "http"
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._corked = False
        self._out: list[bytes] = []
        self._paused = 0
        self._finished = False
        """All that is owed is written."""
        self._lingering = False
        self._eof = False
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
        self._corked = True
        try:
            self._read(data)
        finally:
            if self._out and self._pump is None and not self._finished:
                # sent when every connection has been read: a client that is woken by one answer is awake
                # for the next, and waking it costs more than all else of sending (GetItem: 72 to 59 us)
                self.loop.call_soon(self._send_together)
            else:
                self._uncork()
        if self._finished:
            self._end()
        elif self._phase != IDLE:
            self._check_growth()

    def _send_together(self) -> None:
        self._uncork()
        if self._finished and not self.lost:
            self._end()

    def _uncork(self) -> None:
        """Send what was held back."""
        self._corked = False
        if self._out:
            out, self._out = self._out, []
            if not self.lost:
                self.transport.write(out[0] if len(out) == 1 else b"".join(out))

    def eof_received(self) -> bool:
        """asyncio: the client sends no more. Answers still owed are sent; waiting handlers are let go."""
        self._uncork()
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
        self._pause(WRITE)
        self._since = self.server.now

    def resume_writing(self) -> None:
        """asyncio: the client has caught up."""
        self._resume(WRITE)
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

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
        self._pause(STREAM)

    def resume_for_stream(self) -> None:
        """The reader has caught up."""
        self._resume(STREAM)

    def lend_socket(self, sink: Sink) -> Puller | None:
        """What reads the rest of the present body in threads, in place of the loop; None: the loop has to."""
        worth_it = pulling.AVAILABLE and self._plain >= pulling.WORTH_IT
        if not worth_it or self.scheme != "http" or self.lost:
            return None
        try:
            puller = Puller(self.loop, self.transport, self._plain, sink)
        except OSError:  # no descriptor is left
            return None
        self._pause(PULL)
        return puller

    def take_back(self, puller: Puller) -> None:
        """The loop reads again, from behind what the threads have read."""
        puller.close()
        if not self.lost and self._phase == BODY:
            self._plain = puller.left
            if not puller.left:
                self._end_plain()
        self._resume(PULL)

    def discard(self, pieces: AsyncIterator[bytes]) -> None:
        """Close a body that nobody will read."""
        close = getattr(pieces, "aclose", None)
        if close is not None:
            self.server.run(close())

    def progressed(self) -> None:
        """Some of an answer has left by another way than the transport."""
        self._since = self.server.now

    # --- the server's side

    def stop(self) -> None:
        """End as soon as what was asked is answered."""
        if not self._queue and self._phase == IDLE:
            self._uncork()
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
        if self._paused & WRITE:
            unsent = self.transport.get_write_buffer_size()
            if unsent < self._unsent:
                self._since = now
            elif waited > limits.write_s:
                self.abort("it does not read its answer")
            self._unsent = unsent
        elif self._lingering:
            if waited > limits.linger_s:
                self.abort("it did not close after its refusal")
        elif self._phase == HEAD:
            if waited > limits.header_s:
                self._refuse(Refused(408, "RequestTimeout", "The request's headers took too long."))
        elif self._phase == BODY:
            if waited > limits.body_s and not self._paused & ~PULL:
                self._refuse(Refused(408, "RequestTimeout", "The request's body took too long."))
        elif not self._queue and waited > limits.idle_s:
            self.transport.close()

    # --- within

    def _send_continue(self, exchange: Exchange) -> None:
        exchange.wants_continue = False
        self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

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
        if self._paused & PIPELINE and len(queue) < self.limits.pipeline:
            self._resume(PIPELINE)
        if not queue and self._phase == IDLE and (self.server.stopping or self._eof):
            self._finished = True
        if self._finished and not self._corked:
            self._end()

    async def _send_pieces(self, exchange: Exchange) -> None:
        """Send the body of the answer at the head of the queue."""
        chunked = exchange.pieces_length == CHUNKED
        body = cast("AsyncIterator[bytes]", exchange.pieces)
        try:
            if isinstance(body, FileBody) and files.AVAILABLE and self.scheme == "http" and not chunked:
                await self._send_spans(body)
            else:
                await self._send_iterated(body, exchange.pieces_length)
        except files.ConnectionGone:
            self.abort("it closed the connection within its answer")
            return
        except Exception:  # whatever broke, the client must see that the body is incomplete
            log.exception("the body of the answer to %s %s failed", exchange.method, exchange.path)
            self.abort("its answer failed midway")
            return
        self._pump = None
        if self.lost:
            return
        if chunked:
            self.transport.write(b"0\r\n\r\n")
        exchange.pieces = None
        self._flush()

    async def _send_iterated(self, body: AsyncIterator[bytes], remaining: int | None) -> None:
        chunked = remaining == CHUNKED
        iterator = aiter(body)
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
                await self._send_piece(piece)
            if remaining and not chunked:
                raise ValueError("the body is shorter than its content-length")
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()

    async def _send_spans(self, body: FileBody) -> None:
        """A body that lies in files; its length is its spans'."""
        try:
            for span in body.spans():
                if isinstance(span, bytes):
                    await self._send_piece(span)
                    continue
                with span.file:
                    await files.send_span(self, span)
        finally:
            await body.aclose()

    async def _send_piece(self, piece: bytes) -> None:
        self.transport.write(piece)
        if self._paused & WRITE and not self.lost:
            self._drained = self.loop.create_future()
            await self._drained

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
        self._make_out(exchange)
        self.application.refused(exchange, refusal)

    def _broken(self, why: str) -> None:
        """The request being read will never be complete."""
        exchange, self._current = self._current, None
        self._phase = IDLE
        if exchange is not None and exchange.stream is not None:
            exchange.stream.fail(why)

    def _let_go(self, exchange: Exchange) -> None:
        """Nobody waits for this answer any more."""
        if exchange.collected:
            exchange.uncount()
        if exchange.stream is not None:
            exchange.stream.fail("the client closed the connection")
        if exchange.on_abort is not None:
            on_abort, exchange.on_abort = exchange.on_abort, None
            on_abort()

    def _end(self) -> None:
        """Everything owed is sent. Close, but let a client that still sends read its answer first."""
        self._no_more = True
        self._uncork()
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
        if self._paused & ~WRITE:
            self._resume(PIPELINE | STREAM)

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
