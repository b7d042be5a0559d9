"""Fixtures for the tests of Lambda."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import Stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Functions whose behaviour the test scripts; no worker process is started."""
    made = Stage()
    monkeypatch.setattr("ballroom.services.lambda_.workers.Workers.invoke", made.invoke)
    return made


@pytest.fixture(scope="module")
def real_cloud() -> Iterator[Cloud]:
    """One Ballroom for a whole module, because the first worker takes a second to start."""
    made = Cloud()
    yield made
    made.close()
