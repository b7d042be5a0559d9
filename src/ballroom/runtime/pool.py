"""Which environment gets which invocation: most recently used first, bursts on demand, everything bounded."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ballroom.runtime.environment import Environment
from ballroom.runtime.spec import CapacityExceeded, FunctionSpec

_Ticket = asyncio.Future[Environment | None]
"""Resolves to an environment that became free, or to None: a reservation to start one."""


@dataclass(slots=True)
class _Shelf:
    """The environments of one key."""

    idle: list[Environment] = field(default_factory=list)  # the most recently used last
    busy: set[Environment] = field(default_factory=set)
    waiting: deque[_Ticket] = field(default_factory=deque)
    released: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How far the pool goes."""

    environments: int
    starting: int
    """How many may initialise at the same time: more would only slow each other down."""
    idle_s: float = 45.0
    wait_s: float = 10.0


class Pool:
    """Hands out environments. An invocation owns the one it got until it releases it."""

    def __init__(self, make: Callable[[FunctionSpec], Environment], limits: PoolLimits) -> None:
        self._make = make
        self._limits = limits
        self._shelves: dict[str, _Shelf] = {}
        self._count = 0
        self._starting = 0
        self._turns: deque[_Ticket] = deque()
        self.cold_starts = 0

    async def acquire(self, spec: FunctionSpec) -> Environment:
        """An idle environment, or a new one when it is its turn to start.

        Raises:
            CapacityExceeded: no room within the waiting time.
        """
        shelf = self._shelves.get(spec.key)
        if shelf is None:
            shelf = self._shelves[spec.key] = _Shelf()
        if shelf.idle:
            environment = shelf.idle.pop()
            shelf.busy.add(environment)
            return environment
        if self._may_start():
            self._reserve()
            return self._start(spec, shelf)
        return await self._wait(spec, shelf)

    def _may_start(self) -> bool:
        return self._starting < self._limits.starting and self._has_room()

    def _reserve(self) -> None:
        self._count += 1
        self._starting += 1

    def _start(self, spec: FunctionSpec, shelf: _Shelf) -> Environment:
        """With a reservation in hand."""
        try:
            environment = self._make(spec)
        except BaseException:
            self._cancel_reservation()
            raise
        self.cold_starts += 1
        shelf.busy.add(environment)
        return environment

    def _cancel_reservation(self) -> None:
        self._count -= 1
        self.started()

    async def _wait(self, spec: FunctionSpec, shelf: _Shelf) -> Environment:
        """For whichever comes first: an environment that becomes free, or the turn to start one."""
        loop = asyncio.get_running_loop()
        ticket: _Ticket = loop.create_future()
        shelf.waiting.append(ticket)
        self._turns.append(ticket)
        timer = loop.call_later(self._limits.wait_s, _give_up, ticket)
        try:
            environment = await ticket
        except asyncio.CancelledError:
            if not ticket.cancelled() and ticket.exception() is None:  # it was served just now
                given = ticket.result()
                if given is not None:
                    self.release(given)
                else:
                    self._cancel_reservation()
            raise
        finally:
            timer.cancel()
            if ticket in shelf.waiting:
                shelf.waiting.remove(ticket)
        return self._start(spec, shelf) if environment is None else environment

    def started(self) -> None:
        """An environment has initialised (or failed to): the next one may."""
        self._starting -= 1
        self._next_turns()

    def _next_turns(self) -> None:
        while self._turns:
            if self._turns[0].done():
                self._turns.popleft()
            elif self._may_start():
                self._reserve()
                self._turns.popleft().set_result(None)
            else:
                return

    def _has_room(self) -> bool:
        return self._count < self._limits.environments or self._evict()

    def _evict(self) -> bool:
        """Make room: the environment that has been idle longest goes."""
        oldest: tuple[float, _Shelf] | None = None
        for shelf in self._shelves.values():
            if shelf.idle and (oldest is None or shelf.idle[0].last_used < oldest[0]):
                oldest = (shelf.idle[0].last_used, shelf)
        if oldest is None:
            return False
        self._discard(oldest[1].idle.pop(0))
        return True

    def release(self, environment: Environment) -> None:
        """It is free: for whoever waits for it, else idle."""
        shelf = self._shelves.get(environment.spec.key)
        if shelf is None or environment not in shelf.busy:
            return
        shelf.released.set()
        if environment.stale:
            shelf.busy.discard(environment)
            self._discard(environment)
            self._next_turns()
            return
        while shelf.waiting:
            ticket = shelf.waiting.popleft()
            if not ticket.done():
                ticket.set_result(environment)
                return
        shelf.busy.discard(environment)
        shelf.idle.append(environment)
        self._next_turns()

    def _discard(self, environment: Environment) -> None:
        self._count -= 1
        environment.discard()

    def retire(self, key: str) -> None:
        """End the idle environments of this key now, the busy ones after their invocation."""
        shelf = self._shelves.get(key)
        if shelf is None:
            return
        for environment in shelf.busy:
            environment.stale = True
        idle, shelf.idle = shelf.idle, []
        for environment in idle:
            self._discard(environment)
        self._next_turns()

    def retire_idle(self) -> None:
        """End environments that nobody has used for long."""
        before = time.monotonic() - self._limits.idle_s
        for key, shelf in list(self._shelves.items()):
            while shelf.idle and shelf.idle[0].last_used < before:
                self._discard(shelf.idle.pop(0))
            if not shelf.idle and not shelf.busy and not shelf.waiting:
                del self._shelves[key]
        self._next_turns()

    def busy(self) -> list[Environment]:
        """Those with an invocation."""
        return [environment for shelf in self._shelves.values() for environment in shelf.busy]

    async def quiet(self, key: str) -> None:
        """Wait until nothing of this key has an invocation or waits for an environment."""
        shelf = self._shelves.get(key)
        while shelf is not None and (shelf.busy or shelf.waiting):
            shelf.released.clear()
            await shelf.released.wait()

    def close(self) -> None:
        """End everything; whoever waits hears so."""
        for shelf in self._shelves.values():
            for ticket in shelf.waiting:
                if not ticket.done():
                    ticket.set_exception(CapacityExceeded("the server is stopping"))
            for environment in [*shelf.idle, *shelf.busy]:
                environment.discard()
        self._shelves.clear()
        self._count = 0

    def statistics(self) -> dict[str, Any]:
        """Counts."""
        shelves = self._shelves.values()
        return {
            "environments": self._count,
            "idle": sum(len(shelf.idle) for shelf in shelves),
            "busy": sum(len(shelf.busy) for shelf in shelves),
            "waiting": sum(len(shelf.waiting) for shelf in shelves),
            "starting": self._starting,
            "cold_starts": self.cold_starts,
            "limit": self._limits.environments,
        }


def _give_up(ticket: _Ticket) -> None:
    if not ticket.done():
        ticket.set_exception(CapacityExceeded("no execution environment became free in time"))
