"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ballroom.services import load_services
from tests.cloud import Cloud

# services say how they word their refusals when they are imported, and models are read only once
load_services()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A Ballroom in this process: in memory, virtual clock."""
    made = Cloud()
    yield made
    made.close()


@pytest.fixture
def durable_cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A Ballroom in this process on a temporary data directory; `reopen()` restarts it."""
    made = Cloud(tmp_path)
    yield made
    made.close()
