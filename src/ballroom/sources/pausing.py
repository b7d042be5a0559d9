"""Waiting on the product's clock without making a virtual one jump: for pollers that look again later."""

from __future__ import annotations

import asyncio

from ballroom.kernel import Kernel


async def pause(kernel: Kernel, ms: int) -> None:
    """Return in so many milliseconds, or whenever a virtual clock passes that moment."""
    future: asyncio.Future[None] = kernel.loop.create_future()
    clock = kernel.clock
    handle = clock.at(
        clock.now_ms() + ms, lambda: None if future.done() else future.set_result(None), pulls=False
    )
    try:
        await future
    finally:
        clock.cancel(handle)
