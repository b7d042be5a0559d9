"""What every compiled filter pattern answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Extracted = dict[str, str]


def nothing(message: str, names: tuple[str, ...] = ()) -> Extracted:
    """The extracted values of a pattern that names none."""
    return {}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled filter pattern.

    `matches` decides; `extract` gives the named values of a message that matches, under the names
    that a metric filter would use for them (`$status`, `$.user.id`); `look_up` gives those asked for,
    which in a JSON message may be others than the pattern names.
    """

    matches: Callable[[str], bool]
    extract: Callable[[str], Extracted] = nothing
    look_up: Callable[[str, tuple[str, ...]], Extracted] = nothing
    regexes: int = 0
    names_values: bool = False
