"""Which stacks are being driven just now, so that a question about one can wait a moment for its answer.

Clients ask once at first and then every 5 to 30 seconds; most stacks are done within milliseconds. It is
memory only: after a restart nobody is kept waiting.
"""

from __future__ import annotations

import asyncio

from ballroom.kernel import Kernel

HOLD_S = 1.0
"""Real time: how long a client is kept at most."""


class Activity:
    """The drives that are due or under way."""

    def __init__(self, kernel: Kernel) -> None:
        self._busy: dict[str, asyncio.Event] = {}

    def begin(self, uuid: str) -> None:
        """Something is about to be done to the stack."""
        self._busy.setdefault(uuid, asyncio.Event())

    def end(self, uuid: str) -> None:
        """The drive has ended: the stack is at rest, or waits for something outside."""
        event = self._busy.pop(uuid, None)
        if event is not None:
            event.set()

    def is_busy(self, uuid: str) -> bool:
        """Whether it is worth waiting."""
        return uuid in self._busy

    async def rest(self, uuid: str) -> None:
        """Return once the drive has ended, or after a moment."""
        event = self._busy.get(uuid)
        if event is None:
            return
        try:
            async with asyncio.timeout(HOLD_S):
                await event.wait()
        except TimeoutError:
            return
