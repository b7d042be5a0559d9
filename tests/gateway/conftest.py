"""Scenarios run on both event loops: uvloop, and asyncio's own where uvloop is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from tests.gateway.door import Door

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    def go(scenario: Coroutine[Any, Any, None]) -> None:
        factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(scenario, 30))

    return go


@pytest.fixture
def door() -> Iterator[Door]:
    """A gateway in open mode before a real kernel in memory."""
    made = Door()
    yield made
    made.close()


@pytest.fixture
def guarded_door() -> Iterator[Door]:
    """The same, demanding signatures."""
    made = Door(auth="enforce")
    yield made
    made.close()
