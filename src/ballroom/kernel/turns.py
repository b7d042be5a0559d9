"""Turns of the loop and threads beside it: how long work lets others run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def next_turn() -> None:
    """Let others come in between slices of one task."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


async def in_thread(fn: Callable[..., T], *args: Any) -> T:
    """What `fn` returns, from another thread; it has ended when this ends, also if the caller is cancelled."""
    work = asyncio.get_running_loop().run_in_executor(None, fn, *args)
    try:
        return await asyncio.shield(work)
    finally:
        await ended(work)


async def ended(work: asyncio.Future[Any]) -> None:
    """Return once `work` has ended, not earlier: a cancellation that comes meanwhile is raised then.

    What a thread uses must not be closed under its hands, however often its caller is told to give up.
    """
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
