"""Threads that a body is handed to have ended when whoever waits for them goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from ballroom.kernel import ByteStream, in_thread


class Broken(ByteStream):
    """A body that goes wrong behind its first piece."""

    def __init__(self) -> None:
        self._pieces = [b"piece"]

    async def gather(self, enough: int) -> list[bytes]:
        if not self._pieces:
            raise ValueError("broken framing")
        return [self._pieces.pop()]


def test_a_sink_is_not_left_running_when_its_caller_is_cancelled_while_the_body_breaks() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def sink(pieces: Sequence[bytes | memoryview]) -> None:
        begun.set()
        go_on.wait(5)
        ended.set()

    async def scenario() -> None:
        draining = asyncio.create_task(Broken().drain(sink))
        await asyncio.to_thread(begun.wait, 5)
        draining.cancel()  # the client that sent nonsense has left, too
        draining.cancel()
        await asyncio.sleep(0)
        assert not draining.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await draining
        assert ended.is_set()

    asyncio.run(scenario())


def test_a_thread_has_ended_however_often_its_caller_is_cancelled() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(5)

    async def scenario() -> None:
        working = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait, 5)
        for _ in range(3):
            working.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not working.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(scenario())
