"""Regular expressions of the models: Java's dialect, made Python's, and safe against hostile values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

TRIVIAL = frozenset({".*", "[\\s\\S]*", "[\\S\\s]*", "^[\\s\\S]*$"})


@cache
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """Whether a whole text matches; None where the pattern says nothing or can't be understood."""
    if pattern in TRIVIAL:
        return None
    try:
        match = re.compile(pattern).fullmatch
    except (re.error, FutureWarning):
        return None
    return lambda text: match(text) is not None
