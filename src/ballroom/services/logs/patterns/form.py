"""What every compiled filter pattern answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Extracted = dict[str, str]


def nothing(message: str) -> Extracted:
    """The extracted values of a pattern that names none."""
    return {}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled filter pattern.

    `matches` decides; `extract` gives the named values of a message that matches, under the names
    that a metric filter would use for them (`$status`, `$.user.id`).
    """

    matches: Callable[[str], bool]
    extract: Callable[[str], Extracted] = nothing
    regexes: int = 0
    names_values: bool = False
