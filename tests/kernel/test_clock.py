"""The clock: due means `<= now`; a virtual one lands on each due moment and jumps when nothing is busy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ballroom.kernel.clock import Clock

START_MS = 1_800_000_000_000


def run(body: Callable[[Clock], Coroutine[Any, Any, None]], *, virtual: bool = True) -> None:
    async def main() -> None:
        clock = Clock(virtual=virtual, start_ms=START_MS)
        clock.start(asyncio.get_running_loop(), lambda: True)
        await body(clock)
        clock.stop()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_advancing_lands_exactly_on_each_due_moment_in_order() -> None:
    async def body(clock: Clock) -> None:
        fired: list[tuple[int, int]] = []
        for offset in (300, 100, 200, 301):
            clock.at(START_MS + offset, lambda o=offset: fired.append((o, clock.now_ms() - START_MS)))  # type: ignore[misc]
        assert await clock.advance(300) == START_MS + 300
        assert fired == [(100, 100), (200, 200), (300, 300)]
        await clock.advance(1)
        assert fired[-1] == (301, 301)

    run(body)


def test_what_a_timer_sets_on_the_way_fires_on_the_way() -> None:
    async def body(clock: Clock) -> None:
        seen: list[int] = []

        def again() -> None:
            seen.append(clock.now_ms() - START_MS)
            clock.at(clock.now_ms() + 100, again)

        clock.at(START_MS + 100, again)
        await clock.advance(1000)
        assert seen == list(range(100, 1001, 100))

    run(body)


def test_a_cancelled_callback_never_fires() -> None:
    async def body(clock: Clock) -> None:
        fired: list[int] = []
        handle = clock.at(START_MS + 10, lambda: fired.append(1))
        clock.cancel(handle)
        await clock.advance(20)
        assert fired == []

    run(body)


def test_advancing_waits_for_what_is_busy() -> None:
    async def body(clock: Clock) -> None:
        hold = clock.hold("invocation")
        advancing = asyncio.ensure_future(clock.advance(1000))
        done, _ = await asyncio.wait([advancing], timeout=0.02)
        assert not done
        hold.release()
        assert await advancing == START_MS + 1000

    run(body)


def test_an_auto_skipping_clock_jumps_when_nothing_is_busy_and_not_before() -> None:
    async def body(clock: Clock) -> None:
        clock.auto_skip(True)
        with clock.busy() as hold:
            sleeping = asyncio.ensure_future(clock.sleep_until(START_MS + 30 * 86_400_000))
            done, _ = await asyncio.wait([sleeping], timeout=0.02)
            assert not done
            hold.pause()  # it waits for us now
            await sleeping
            hold.resume()
        assert clock.now_ms() == START_MS + 30 * 86_400_000

    run(body)


def test_recurring_work_never_makes_an_auto_skipping_clock_jump() -> None:
    async def body(clock: Clock) -> None:
        fired: list[int] = []
        clock.auto_skip(True)
        clock.at(START_MS + 60_000, lambda: fired.append(clock.now_ms() - START_MS), pulls=False)
        await asyncio.sleep(0.02)
        assert fired == []
        await clock.sleep_until(START_MS + 90_000)
        assert fired == [60_000], "but it fires on the way of a jump"

    run(body)


def test_a_frozen_clock_stands_and_a_running_one_goes_on_from_there() -> None:
    async def body(clock: Clock) -> None:
        assert clock.now_ms() == START_MS
        clock.freeze(False)
        await clock.sleep_until(START_MS + 5)
        assert START_MS + 5 <= clock.now_ms() < START_MS + 10_000
        clock.freeze()
        stands = clock.now_ms()
        await asyncio.sleep(0.01)
        assert clock.now_ms() == stands

    run(body)


def test_a_real_clock_fires_and_cannot_be_moved() -> None:
    async def body(clock: Clock) -> None:
        due = clock.now_ms() + 5
        await clock.sleep_until(due)
        assert clock.now_ms() >= due
        with pytest.raises(ValueError, match="real time"):
            await clock.advance(1)

    run(body, virtual=False)


def test_time_does_not_go_back() -> None:
    async def body(clock: Clock) -> None:
        with pytest.raises(ValueError, match="go back"):
            await clock.advance(-1)

    run(body)
