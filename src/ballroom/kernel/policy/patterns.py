"""Wildcards and variables in actions, resources and condition values. Pure.

Source: IAM User Guide, "IAM policy elements: Variables and tags", "Resource".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_ESCAPED = {"*": "*", "?": "?", "$": "$"}
_LITERAL_STAR, _LITERAL_MARK = "\ue000", "\ue001"  # stand for ${*} and ${?} until after the match is made


@lru_cache(4096)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("*"))


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is what `pattern` says: `*` is any run of characters, `?` any one.

    Takes time in proportion to both lengths multiplied, never more: patterns come from strangers.
    """
    pieces = _pieces(pattern)
    first = pieces[0]
    if len(pieces) == 1:
        return len(first) == len(text) and _here(first, text, 0)
    last = pieces[-1]
    if len(first) + len(last) > len(text) or not _here(first, text, 0):
        return False
    if not _here(last, text, len(text) - len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        at = _find(piece, text, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _here(piece: str, text: str, at: int) -> bool:
    if "?" not in piece and _LITERAL_STAR not in piece and _LITERAL_MARK not in piece:
        return text.startswith(piece, at)
    return all(_same(p, text[at + n]) for n, p in enumerate(piece))


def _same(wanted: str, actual: str) -> bool:
    if wanted == "?":
        return True
    if wanted == _LITERAL_STAR:
        return actual == "*"
    if wanted == _LITERAL_MARK:
        return actual == "?"
    return wanted == actual


def _find(piece: str, text: str, low: int, high: int) -> int:
    if not piece:
        return low
    if "?" not in piece and _LITERAL_STAR not in piece and _LITERAL_MARK not in piece:
        return text.find(piece, low, high)
    return next((at for at in range(low, high - len(piece) + 1) if _here(piece, text, at)), -1)


def fill(pattern: str, values: Mapping[str, tuple[str, ...]]) -> str | None:
    """The pattern with its `${variables}` filled in; None if one has no single value.

    `${aws:username, 'nobody'}` has a default; `${*}`, `${?}` and `${$}` are the characters themselves. What
    a variable brings in is text, never a wildcard.
    """
    if "${" not in pattern:
        return pattern
    missing = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal missing
        inside = match[1].strip()
        if inside in _ESCAPED:
            return _quoted(inside)
        name, comma, default = inside.partition(",")
        found = values.get(name.strip().lower(), ())
        if len(found) == 1:
            return _quoted(found[0])
        default = default.strip()
        if comma and len(default) >= 2 and default[0] == default[-1] == "'":
            return _quoted(default[1:-1])
        missing = True
        return ""

    filled = _VARIABLE.sub(value_of, pattern)
    return None if missing else filled


def _quoted(text: str) -> str:
    return text.replace("*", _LITERAL_STAR).replace("?", _LITERAL_MARK)


def plain(text: str) -> str:
    """A filled pattern as text, for operators that know no wildcards."""
    return text.replace(_LITERAL_STAR, "*").replace(_LITERAL_MARK, "?")
