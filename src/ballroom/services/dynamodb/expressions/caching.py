"""Keeping what was made of a text, as long as texts are few and short."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
LONGEST_KEPT = 1024
"""Longer expressions are generated rather than written, and seldom come twice; what is made of one is large."""


def kept_by_text(entries: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Remember results by all arguments, the last used of so many; never for a long text."""

    def decorate(fn: Callable[P, T]) -> Callable[P, T]:
        kept = lru_cache(entries)(fn)

        @wraps(fn)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if any(isinstance(text, str) and len(text) > LONGEST_KEPT for text in args):
                return fn(*args, **kwargs)
            return kept(*args, **kwargs)  # type: ignore[arg-type]

        return call

    return decorate
