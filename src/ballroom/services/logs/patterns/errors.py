"""What a filter pattern that cannot be read raises."""

from __future__ import annotations


class InvalidPattern(ValueError):
    """The text is not a filter pattern. An empty message stands for the operation's own general one."""


def invalid_characters(run: str) -> InvalidPattern:
    """AWS's complaint about characters that would have to stand in double quotes."""
    return InvalidPattern(f"Invalid character(s) in term '{run}'")
