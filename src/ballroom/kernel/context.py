"""What a waiting handler, a delivery or a page works with: several transactions, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ballroom.kernel.caller import Caller
from ballroom.kernel.clock import Clock

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel
    from ballroom.kernel.tx import Request, Response

T = TypeVar("T")


class Context:
    """What a waiting handler, a delivery or a page works with: several transactions, one after the other."""

    __slots__ = ("_observed", "caller", "kernel")

    def __init__(self, kernel: Kernel, caller: Caller) -> None:
        self.kernel, self.caller = kernel, caller
        self._observed = 0

    @property
    def clock(self) -> Clock:
        """The product's clock."""
        return self.kernel.clock

    def transact(self, fn: Callable[..., T], *args: Any) -> T:
        """Run `fn(tx, *args)` in one transaction."""
        value, sequence = self.kernel.transact_observing(fn, args, self.caller)
        if sequence > self._observed:
            self._observed = sequence
        return value

    async def durable(self) -> None:
        """Return once all that was written or observed so far is on disk: before anything leaves.

        Raises:
            Unavailable: it was lost.
        """
        if self._observed:
            sequence, self._observed = self._observed, 0
            await self.kernel.shard.wait(sequence)

    async def durable_sequence(self, sequence: int) -> None:
        """Return once a given commit is on disk."""
        await self.kernel.shard.wait(sequence)

    async def call(
        self, service: str, operation: str, input: Request, *, caller: Caller | None = None
    ) -> Response:
        """Call an operation, waiting if it waits; what it answers is durable.

        Raises:
            ServiceError: what the operation answers.
        """
        return await self.kernel.call(service, operation, input, caller or self.caller)

    async def sleep_until(self, due_ms: int) -> None:
        """Wait on the product's clock; an invocation that waits so does not hold back a virtual clock."""
        hold = self.kernel.clock.held_by_key.get(self.caller.access_key_id)
        if hold is not None:
            hold.pause()
        try:
            await self.kernel.clock.sleep_until(due_ms)
        finally:
            if hold is not None:
                hold.resume()
