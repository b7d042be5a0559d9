"""The pytest plugin: the fixture `ballroom`.

Nothing of Ballroom is imported until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ballroom.testing.embedded import BallroomServer


@pytest.fixture
def ballroom(monkeypatch: pytest.MonkeyPatch) -> Iterator[BallroomServer]:
    """A Ballroom of its own for this test: in memory, on a free port, with a virtual clock.

    The AWS environment variables point to it meanwhile, so code under test that makes plain boto3
    clients talks to it.
    """
    from ballroom.testing.embedded import BallroomServer

    with BallroomServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
