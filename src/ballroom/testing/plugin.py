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
    """A server; the first one of a run pays for importing it, and each service when it is first called.

    200 modules make the garbage collector look through the test run's own objects again and again, a fifth
    of the time (benchmarks/startup.py).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from ballroom.testing.embedded import BallroomServer

        return BallroomServer()
    finally:
        if collecting:
            gc.enable()

