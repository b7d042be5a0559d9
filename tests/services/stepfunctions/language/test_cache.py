"""The caches hold a bounded amount of text."""

from __future__ import annotations

import pytest

from ballroom.services.stepfunctions.language.cache import TextCache


def test_what_was_made_is_kept_by_text_and_key() -> None:
    cache: TextCache[list[int]] = TextCache(100)
    first = cache.get("a", lambda: [1])
    assert cache.get("a", lambda: [2]) is first
    assert cache.get("a", lambda: [2], "other") == [2]


def test_the_oldest_go_when_there_is_too_much_text() -> None:
    cache: TextCache[int] = TextCache(100)
    for n in range(1000):
        assert cache.get(f"{n:010}", lambda n=n: n) == n  # type: ignore[misc]
    assert len(cache) == 10
    cache.get("x" * 60, lambda: 1)
    assert len(cache) == 10, "what would push out nearly all is not kept"


def test_errors_are_not_kept() -> None:
    cache: TextCache[int] = TextCache(100)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 1) == 1
