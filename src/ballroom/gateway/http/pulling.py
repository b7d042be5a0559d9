"""Large bodies taken by a thread, straight from the socket.

What a thread hashes and writes it can read as well: one buffer is filled, hashed and written while the
processor still has it at hand, and the loop is left alone. 8 MB, hashed and synced, take 18.8 ms of CPU so;
read by the loop and handed over in pieces, 23.7 ms. A thread reads for as long as bytes come, but not for ever,
since there are few; while none come, nobody waits but a future.

A body of unknown length, or behind TLS, takes the ordinary way.
"""

from __future__ import annotations

import asyncio
import os
import select
import time

from ballroom.kernel.http import Sink

AVAILABLE = hasattr(os, "readv") and hasattr(select, "poll")
WORTH_IT = 256 << 10
"""A rest shorter than this is as cheap to read in the loop."""
_BUFFER = 1 << 20
_AT_ONCE = 8 << 20
"""What one hand-over to a thread reads at most: then other bodies have their turn."""
_AT_ONCE_S = 0.1
"""How long a hand-over takes at most, or a few who send a byte now and then would hold all threads."""
_PATIENCE_MS = 5
"""How long a thread waits for more before it goes back: a sender that is slowed down needs a moment."""
_FAST = 512 << 10
"""Only where so much came at once is it worth waiting: slow senders, however many, must not hold threads."""


class Puller:
    """The rest of one body: so many bytes, and no more, are read from the connection's socket."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, left: int, sink: Sink
    ) -> None:
        self._loop, self._sink = loop, sink
        self.left = left
        """Bytes that are still to come."""
        self.ended = False
        """The client sends no more."""
        self._buffer = memoryview(bytearray(min(_BUFFER, left)))
        # a descriptor of its own: the loop does not let others watch the transport's
        self._socket = os.dup(transport.get_extra_info("socket").fileno())
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._waiter: asyncio.Future[None] | None = None

    def read(self, before: list[bytes]) -> None:
        """Hand on what was read before, and then what comes. In a thread."""
        if before:
            self._sink(before)
        taken = 0
        until = time.monotonic() + _AT_ONCE_S
        while self.left and taken < _AT_ONCE and time.monotonic() < until:
            try:
                count = os.readv(self._socket, [self._buffer[: self.left]])
            except BlockingIOError:
                if taken >= _FAST and self._poll.poll(_PATIENCE_MS):
                    continue
                return
            except ConnectionError:
                count = 0
            if not count:
                self.ended = True
                return
            self.left -= count
            taken += count
            self._sink([self._buffer[:count]])

    async def readable(self) -> None:
        """Return when more has come, or when somebody calls `wake`."""
        self._waiter = self._loop.create_future()
        self._loop.add_reader(self._socket, self.wake)
        try:
            await self._waiter
        finally:
            self._loop.remove_reader(self._socket)
            self._waiter = None

    def wake(self) -> None:
        """Let whoever waits in `readable` look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Let go of the socket."""
        os.close(self._socket)
