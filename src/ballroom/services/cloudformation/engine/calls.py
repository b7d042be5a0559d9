"""How a provider reaches the other services: within the step's transaction, or waiting.

A provider is written once, as an `async` function. If every operation that it calls is synchronous, it is
driven to its end within the step's own transaction: the resource and the record of it are one commit, so
that a crash can neither double nor orphan it, and a provider that fails half-way leaves nothing behind. If
an operation waits, the step is done again with calls of their own.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from ballroom.kernel import Caller, Context, Tx, registry
from ballroom.kernel.model import load_service

from .fit import fit

T = TypeVar("T")


class MustWait(Exception):
    """The provider called an operation that cannot join a transaction."""


def prepared(service: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    """The input, fitted to the operation's model."""
    found = registry.operations.get((service, operation))
    present = {name: value for name, value in members.items() if value is not None}
    if found is not None and found.internal:
        return present
    fitted: dict[str, Any] = fit(load_service(service).operation(operation).input, present)
    return fitted


class JoinedCall:
    """Calls that join a transaction."""

    def __init__(self, tx: Tx, caller: Caller) -> None:
        self._tx, self._caller = tx, caller

    async def __call__(self, service: str, operation: str, /, **members: Any) -> dict[str, Any]:
        if self._tx.kernel.operation(service, operation).waits:
            raise MustWait
        try:
            return self._tx.call(service, operation, prepared(service, operation, members), caller=self._caller)
        except TypeError as error:
            if str(error).endswith("it cannot join a transaction"):
                raise MustWait from None
            raise


class WaitingCall:
    """Calls that are requests of their own."""

    def __init__(self, ctx: Context, caller: Caller) -> None:
        self._ctx, self._caller = ctx, caller

    async def __call__(self, service: str, operation: str, /, **members: Any) -> dict[str, Any]:
        return await self._ctx.call(
            service, operation, prepared(service, operation, members), caller=self._caller
        )


def run_joined(work: Coroutine[Any, Any, T]) -> T:
    """Drive a provider that only makes joined calls: it never really waits."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    work.close()
    raise MustWait
