"""Wildcards, matched in time linear in the text: never by a regular expression that backtracks.

A `*` matches any run of characters, so the parts between stars may be looked for one after the other,
each as early as possible; no choice made so ever has to be taken back.
"""

from __future__ import annotations

from collections.abc import Callable


class BadWildcard(ValueError):
    """The text is no wildcard; the message is AWS's."""


def split_wildcard(text: str) -> list[str]:
    r"""The literal parts between the stars; `\*` and `\\` stand for themselves.

    Positions in errors count the opening quote, as AWS's do.
    """
    parts = [""]
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            if position + 1 == len(text) or text[position + 1] not in "*\\":
                raise BadWildcard(f"Invalid escape character at pos {position + 1}")
            parts[-1] += text[position + 1]
            position += 2
            continue
        if character == "*":
            if text[position + 1 : position + 2] == "*":
                raise BadWildcard(f"Consecutive wildcard characters at pos {position + 1}")
            parts.append("")
        else:
            parts[-1] += character
        position += 1
    return parts


def wildcard_test(parts: list[str]) -> Callable[[str], bool]:
    """The test of a text against parts made by `split_wildcard`."""
    if len(parts) == 1:
        return parts[0].__eq__
    first, *middle, last = parts
    shortest = len(first) + len(last)
    if not middle:
        return lambda text: len(text) >= shortest and text.startswith(first) and text.endswith(last)

    def test(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        position, end = len(first), len(text) - len(last)
        for part in middle:
            position = text.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True

    return test
