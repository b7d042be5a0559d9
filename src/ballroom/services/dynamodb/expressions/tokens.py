"""Splitting an expression into tokens: linear in its length."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<name>[A-Za-z][A-Za-z0-9_]*)
    |(?P<alias>\#[A-Za-z0-9_]+)
    |(?P<value>:[A-Za-z0-9_]+)
    |(?P<number>[0-9]+)
    |(?P<symbol><>|<=|>=|[=<>()\[\],.+-])
    |(?P<end>\Z)
    |(?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
END = "<EOF>"


class Token(NamedTuple):
    """`kind` is name, alias, value, number, symbol, end or other."""

    kind: str
    text: str
    start: int
    stop: int


def tokens_of(text: str) -> list[Token]:
    """All tokens; the last one is the end."""
    found = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        assert match is not None
        assert match.lastgroup is not None
        kind = match.lastgroup
        at = match.end()
        if kind == "end":
            found.append(Token(kind, END, len(text), len(text)))
            return found
        found.append(Token(kind, match[kind], match.start(kind), at))
