"""Long polls: receivers that wait, and what wakes them.

A waiting receiver is a future in a queue of its own: it holds no thread, reads nothing, and costs nothing
while nothing happens. Sending wakes one receiver per message, from the commit of the send; a message
whose delay or visibility timeout ends wakes one through a single timer of the queue's, which exists only
while somebody waits. A receiver that leaves visible messages behind, or was woken and went away, wakes the
next.

Pollers outlive a failed commit, unlike the rest of the derived memory: then all of them look again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakKeyDictionary

import msgspec

from ballroom.kernel import on_start

if TYPE_CHECKING:
    from ballroom.kernel import Context, Kernel, Response, Tx
    from ballroom.kernel.clock import Handle


class Pollers:
    """Who waits for messages of one queue."""

    __slots__ = ("_due_ms", "_handle", "_kernel", "_waiting", "calls")

    _all: ClassVar[WeakKeyDictionary[Kernel, dict[str, Pollers]]] = WeakKeyDictionary()

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: dict[asyncio.Future[bool], None] = {}
        self._handle: Handle | None = None
        self._due_ms: int | None = None
        self.calls = 0
        """Counts the wake-ups, so that none is missed between a look and a wait."""

    @classmethod
    def of(cls, kernel: Kernel, queue_id: str) -> Pollers:
        """The pollers of a queue."""
        by_id = cls._all.setdefault(kernel, {})
        found = by_id.get(queue_id)
        if found is None:
            found = by_id[queue_id] = Pollers(kernel)
        return found

    @classmethod
    def every(cls, kernel: Kernel) -> list[Pollers]:
        """Those of all queues."""
        return list(cls._all.get(kernel, {}).values())

    def forget(self, queue_id: str) -> None:
        """The queue has been deleted: whoever waits learns it."""
        self._all.get(self._kernel, {}).pop(queue_id, None)
        self.wake_all()

    def __len__(self) -> int:
        return len(self._waiting)

    def wake(self, messages: int = 1) -> None:
        """That many messages may be received now."""
        self.calls += 1
        waiting = self._waiting
        while waiting and messages > 0:
            future = next(iter(waiting))
            del waiting[future]
            if not future.done():
                future.set_result(True)
                messages -= 1
        if not waiting:
            self._disarm()

    def announce(self, tx: Tx) -> None:
        """The running transaction has put a message there to be received at once."""
        self.calls += 1  # whoever is between looking and waiting looks again, which is harmless
        if self._waiting:
            tx.after_commit(self.wake)

    def wake_all(self) -> None:
        """Everybody should look again."""
        self.wake(len(self._waiting))

    def expect(self, due_ms: int) -> None:
        """A message becomes visible at `due_ms`: somebody who waits should be woken then."""
        if self._waiting and (self._due_ms is None or due_ms < self._due_ms):
            self._disarm()
            self._due_ms = due_ms
            self._handle = self._kernel.clock.at(due_ms, self._due)

    def _due(self) -> None:
        self._due_ms, self._handle = None, None
        self.wake()

    def _disarm(self) -> None:
        self._kernel.clock.cancel(self._handle)
        self._due_ms, self._handle = None, None

    async def wait(self, until_ms: int, next_due_ms: int | None, *, pulls: bool) -> bool:
        """Return True when woken, False once it is `until_ms`. Raises CancelledError if the client left."""
        clock = self._kernel.clock
        future: asyncio.Future[bool] = self._kernel.loop.create_future()
        self._waiting[future] = None
        if next_due_ms is not None:
            self.expect(next_due_ms)
        limit = clock.at(until_ms, lambda: None if future.done() else future.set_result(False), pulls=pulls)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result():
                self.wake()  # the message that woke us is for the next one
            raise
        finally:
            clock.cancel(limit)
            self._waiting.pop(future, None)
            if not self._waiting:
                self._disarm()


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """A look at the queue found nothing: who else waits, when something is due, and which wake-up came last."""

    pollers: Pollers
    next_due_ms: int | None
    calls: int


async def poll(
    ctx: Context, look: Callable[[Tx], Response | Nothing], found: Nothing, until_ms: int, *, pulls: bool
) -> Response | None:
    """Look whenever something may have come, until `until_ms`; None if nothing did."""
    while True:
        if found.calls == found.pollers.calls:
            await found.pollers.wait(until_ms, found.next_due_ms, pulls=pulls)
        answer = ctx.transact(look)
        if not isinstance(answer, Nothing):
            return answer
        if ctx.clock.now_ms() >= until_ms:
            return None
        found = answer


@on_start
def look_again(kernel: Kernel) -> None:
    """After a failed commit the store may hold something else than the receivers were told of."""
    for pollers in Pollers.every(kernel):
        pollers.wake_all()
