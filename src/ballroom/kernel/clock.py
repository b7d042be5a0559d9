"""Product time. Everything that waits in the product waits here.

*Due* means `<= now`. Times are integer milliseconds since the epoch.

The real clock is the machine's, and never goes back. A virtual clock can be frozen, advanced and told to
skip: it lands exactly on each due moment, lets the consequences settle, and goes on; with `auto_skip` it
jumps to the next due moment by itself whenever nothing is busy. Busy is what is being worked on: open
invocations that do not wait for us, pending commits, deliveries under way. Recurring work and
housekeeping (`pulls=False`) never makes it jump, else one cron rule would run time away.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("ballroom.clock")

LONGEST_SLEEP_S = 3600.0  # re-armed at least hourly, so that a changed system clock is noticed


class Handle:
    """A callback that waits for its time."""

    __slots__ = ("cancelled", "due_ms", "fn", "pulls")

    def __init__(self, due_ms: int, fn: Callable[[], None], pulls: bool) -> None:
        self.due_ms, self.fn, self.pulls = due_ms, fn, pulls
        self.cancelled = False


class Hold:
    """Something under way that holds back the automatic jump; paused while it waits for us."""

    __slots__ = ("_clock", "_depth", "_open", "name")

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock, self.name = clock, name
        self._depth, self._open = 0, True
        clock._holds += 1

    def pause(self) -> None:
        """It waits for us now (a long poll, a nested execution): not busy."""
        self._depth += 1
        if self._depth == 1 and self._open:
            self._clock._release()

    def resume(self) -> None:
        """It goes on."""
        self._depth -= 1
        if self._depth == 0 and self._open:
            self._clock._holds += 1

    def release(self) -> None:
        """It has ended. Releasing twice is harmless."""
        if self._open:
            self._open = False
            if self._depth == 0:
                self._clock._release()


class Clock:
    """The clock of one Ballroom; belongs to the event loop's thread."""

    def __init__(self, *, virtual: bool = False, start_ms: int | None = None) -> None:
        self.is_virtual = virtual
        self._offset_ms = 0
        self._frozen_ms: int | None = None
        self._last_ms = 0
        if virtual:
            self._frozen_ms = start_ms if start_ms is not None else time.time_ns() // 1_000_000
        self._auto_skip = False
        self._heap: list[tuple[int, int, Handle]] = []
        self._count = 0
        self._holds = 0
        self._is_settled: Callable[[], bool] = lambda: True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._armed: asyncio.TimerHandle | None = None
        self._skip_scheduled = False
        self._idle_waiters: list[asyncio.Future[None]] = []
        self._advancing = False
        self.on_advanced: Callable[[], None] = _nothing
        """Told when `advance` has arrived, so that the kernel stores where the clock stands."""
        self.held_by_key: dict[str, Hold] = {}
        """The hold of the invocation that an access key belongs to."""

    def start(self, loop: asyncio.AbstractEventLoop, is_settled: Callable[[], bool]) -> None:
        """Begin to fire. `is_settled` tells whether the kernel has no pending commit or delivery."""
        self._loop, self._is_settled = loop, is_settled
        self._arm()

    def stop(self) -> None:
        """Fire no more."""
        if self._armed is not None:
            self._armed.cancel()
        self._loop = None

    def restore(self, now_ms: int) -> None:
        """Go on, after a restart, where a virtual clock stood."""
        if self._frozen_ms is not None:
            self._frozen_ms = max(self._frozen_ms, now_ms)

    # -- reading and waiting -------------------------------------------------------------------------

    def now_ms(self) -> int:
        """Milliseconds since the epoch; never less than before."""
        if self._frozen_ms is not None:
            return self._frozen_ms
        now = time.time_ns() // 1_000_000 + self._offset_ms
        if now > self._last_ms:
            self._last_ms = now
        return self._last_ms

    def at(self, due_ms: int, fn: Callable[[], None], *, pulls: bool = True) -> Handle:
        """Call `fn` once it is `due_ms` (soon, if it already is)."""
        handle = Handle(due_ms, fn, pulls)
        self._count += 1
        heapq.heappush(self._heap, (due_ms, self._count, handle))
        if self._heap[0][2] is handle:
            self._arm()
        if self._auto_skip:
            self.consider_skipping()
        return handle

    def cancel(self, handle: Handle | None) -> None:
        """Never call it; cancelling one that has fired is harmless."""
        if handle is not None:
            handle.cancelled = True
            handle.fn = _nothing

    async def sleep_until(self, due_ms: int) -> None:
        """Return once it is `due_ms`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        handle = self.at(due_ms, lambda: None if future.done() else future.set_result(None))
        try:
            await future
        finally:
            self.cancel(handle)

    # -- busy ----------------------------------------------------------------------------------------

    def hold(self, name: str) -> Hold:
        """Something is under way; release it when it has ended."""
        return Hold(self, name)

    @contextmanager
    def busy(self, name: str = "work") -> Iterator[Hold]:
        """Hold back the automatic jump meanwhile."""
        hold = Hold(self, name)
        try:
            yield hold
        finally:
            hold.release()

    def _release(self) -> None:
        self._holds -= 1
        self.consider_skipping()

    @property
    def quiet(self) -> bool:
        """Whether nothing is busy."""
        return self._holds == 0 and self._is_settled()

    def consider_skipping(self) -> None:
        """Something has ended: whoever waits for quiet may go on, and an auto-skipping clock may jump."""
        if (self._idle_waiters or self._auto_skip) and not self._skip_scheduled and self._loop is not None:
            self._skip_scheduled = True
            self._loop.call_soon(self._look_again, 2)

    def _look_again(self, turns: int) -> None:
        # a few turns of the loop, so that what has just ended can start what follows from it
        if self._loop is None:
            return
        if not self.quiet:
            self._skip_scheduled = False
            return
        if turns > 0:
            self._loop.call_soon(self._look_again, turns - 1)
            return
        self._skip_scheduled = False
        waiters, self._idle_waiters = self._idle_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._auto_skip and not self._advancing and not waiters:
            due = self._next_due(pulling=True)
            if due is not None and self._frozen_ms is not None:
                self._move_to(self._next_due() or due)
                self.consider_skipping()

    async def settle(self) -> None:
        """Return once nothing is busy."""
        assert self._loop is not None
        future: asyncio.Future[None] = self._loop.create_future()
        self._idle_waiters.append(future)
        self.consider_skipping()
        await future

    # -- firing --------------------------------------------------------------------------------------

    def _next_due(self, *, pulling: bool = False) -> int | None:
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
        if not pulling:
            return heap[0][0] if heap else None
        return min((h.due_ms for _, _, h in heap if h.pulls and not h.cancelled), default=None)

    def _arm(self) -> None:
        if self._loop is None:
            return
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        due = self._next_due()
        if due is None:
            return
        wait_s = (due - self.now_ms()) / 1000
        if self._frozen_ms is None:
            self._armed = self._loop.call_later(min(max(wait_s, 0), LONGEST_SLEEP_S), self._fire)
        elif wait_s <= 0:
            self._armed = self._loop.call_later(0, self._fire)

    def _fire(self) -> None:
        now = self.now_ms()
        heap = self._heap
        while heap and heap[0][0] <= now:
            handle = heapq.heappop(heap)[2]
            if handle.cancelled:
                continue
            try:
                handle.fn()
            except Exception:
                log.exception("a callback of the clock failed")
        self._arm()

    # -- moving a virtual clock ----------------------------------------------------------------------

    def _require_virtual(self) -> None:
        if not self.is_virtual:
            raise ValueError("this Ballroom runs on real time; start it with --clock virtual")

    def _move_to(self, now_ms: int) -> None:
        if self._frozen_ms is not None:
            self._frozen_ms = max(self._frozen_ms, now_ms)
        else:
            self._offset_ms += max(0, now_ms - self.now_ms())
        self._fire()

    async def advance(self, ms: int) -> int:
        """Go forward by `ms`, stopping at each due moment until its consequences have settled.

        The time it is then. Raises ValueError on a real clock or for a negative time.
        """
        self._require_virtual()
        if ms < 0:
            raise ValueError("time does not go back")
        target = self.now_ms() + ms
        self._advancing = True
        try:
            await self.settle()
            while (due := self._next_due()) is not None and due <= target:
                self._move_to(due)
                await self.settle()
            self._move_to(target)
            self.on_advanced()
            await self.settle()
        finally:
            self._advancing = False
        return self.now_ms()

    def freeze(self, frozen: bool = True) -> None:
        """Stop a virtual clock where it is, or let it run on with real time."""
        self._require_virtual()
        now = self.now_ms()
        if frozen:
            self._frozen_ms = now
        elif self._frozen_ms is not None:
            self._offset_ms = now - time.time_ns() // 1_000_000
            self._last_ms = now
            self._frozen_ms = None
        self._arm()

    def auto_skip(self, on: bool) -> None:
        """Whether a frozen virtual clock jumps to the next due moment whenever nothing is busy."""
        self._require_virtual()
        self._auto_skip = on
        if on:
            self.freeze()
            self.consider_skipping()

    def state(self) -> dict[str, object]:
        """What the clock page shows."""
        return {
            "now": self.now_ms(),
            "virtual": self.is_virtual,
            "frozen": self._frozen_ms is not None,
            "autoSkip": self._auto_skip,
            "busy": self._holds,
            "nextDue": self._next_due(),
        }


def _nothing() -> None:
    return None
