"""The pytest plugin: the fixture `ballroom`.

Nothing of Ballroom is imported until a test asks for the fixture.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ballroom.testing.embedded import BallroomServer


@pytest.fixture
def ballroom() -> Iterator[BallroomServer]:
    """A Ballroom of its own for this test: in memory, on a free port, with a virtual clock.

    The AWS environment variables point to it meanwhile, so code under test that makes plain boto3
    clients talks to it.
    """
    with _made() as server, server.as_environment():
        yield server


def _made() -> BallroomServer:
    """A server with its services imported; the first one of a run pays for that.

    340 modules make the garbage collector look through the test run's own objects again and again: without
    it the first start takes 140 ms of CPU instead of 170 (benchmarks/startup.py).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from ballroom.services import load_services
        from ballroom.testing.embedded import BallroomServer

        load_services()
        return BallroomServer()
    finally:
        if collecting:
            gc.enable()

