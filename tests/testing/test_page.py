"""docs/testing.md: what it names is there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from ballroom.testing.embedded import BallroomServer, TestClock

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()


def test_what_the_page_names_is_there() -> None:
    for name in re.findall(r"`ballroom\.(\w+)", PAGE):
        assert hasattr(BallroomServer, name) or name in ("clock", "testing"), name
    for name in re.findall(r"`ballroom\.clock\.(\w+)", PAGE):
        assert hasattr(TestClock, name), name
    advance = re.search(r"ballroom\.clock\.advance\(([^)]*)\)`", PAGE)
    assert advance
    named = [word.strip(" =") for word in advance[1].split(",")]
    assert named == [p for p in inspect.signature(TestClock.advance).parameters if p != "self"]


def test_what_it_does_is_on_the_page() -> None:
    public = {n for n in dir(BallroomServer) if not n.startswith("_")} - {"start", "stop", "run", "do"}
    assert public == {n for n in public if f"ballroom.{n}" in PAGE}
    assert all(f".{n}(" in PAGE for n in dir(TestClock) if not n.startswith("_") and n != "now_ms")
