"""Names of parametrised cases. Sets print in any order, and test workers must agree on the names."""

from __future__ import annotations

from typing import Any


def shown(value: Any) -> str:
    """Like str, with the members of sets in order."""
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(repr, value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(value)
