"""Readers at the end of a stream: what wakes them. They hold no thread and read nothing meanwhile.

Readers outlive a failed commit, unlike derived memory: then all of them look again.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar
from weakref import WeakKeyDictionary

from ballroom.kernel import Kernel, on_start


class Readers:
    """Who waits for records, by stream."""

    _all: ClassVar[WeakKeyDictionary[Kernel, Readers]] = WeakKeyDictionary()

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: dict[tuple[str, str], set[asyncio.Future[None]]] = {}

    @classmethod
    def of(cls, kernel: Kernel) -> Readers:
        """Those of a kernel."""
        found = cls._all.get(kernel)
        if found is None:
            found = cls._all[kernel] = Readers(kernel)
        return found

    def wake(self, table_id: str, label: str) -> None:
        """A stream has a new record, or has ended."""
        for future in self._waiting.pop((table_id, label), ()):
            if not future.done():
                future.set_result(None)

    def wake_all(self) -> None:
        """Let everybody look again."""
        for key in list(self._waiting):
            self.wake(*key)

    async def wait(self, table_id: str, label: str, until_ms: int) -> None:
        """Return when woken, or once it is `until_ms`. Never makes a virtual clock jump."""
        clock = self._kernel.clock
        future: asyncio.Future[None] = self._kernel.loop.create_future()
        self._waiting.setdefault((table_id, label), set()).add(future)
        limit = clock.at(until_ms, lambda: None if future.done() else future.set_result(None), pulls=False)
        try:
            await future
        finally:
            clock.cancel(limit)
            waiting = self._waiting.get((table_id, label))
            if waiting is not None:
                waiting.discard(future)


@on_start
def look_again(kernel: Kernel) -> None:
    """After a failed commit the store may hold something else than the readers were told of."""
    Readers.of(kernel).wake_all()
