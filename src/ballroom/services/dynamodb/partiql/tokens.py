"""Splitting a statement into tokens: linear in its length.

Source: DynamoDB Developer Guide, "PartiQL data types for DynamoDB".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ballroom.services.dynamodb.errors import Invalid

_TOKEN = re.compile(
    r"""(?:\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*(?:
    (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<string>'(?:[^']|'')*')
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<symbol><<|>>|<>|<=|>=|!=|\|\||[=<>()\[\]{},.:?*+;-])
    |(?P<end>\Z)
    |(?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
KEYWORDS = frozenset(
    {
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "MISSING", "NULL", "TRUE",
        "FALSE", "SET", "REMOVE", "RETURNING", "VALUE", "VALUES", "ORDER", "BY", "INSERT", "UPDATE",
        "DELETE", "INTO", "AS", "EXISTS", "LIMIT", "GROUP", "HAVING", "JOIN", "UNION", "OFFSET", "LIKE",
        "CASE", "DISTINCT", "ASC", "DESC", "CREATE", "DROP", "LET", "AT", "ON", "UNPIVOT", "PIVOT",
        "EXCEPT", "INTERSECT", "CAST",
    }
)  # fmt: skip


class Token(NamedTuple):
    """`kind` is keyword, name, quoted, string, number, symbol or end; quotes are taken off."""

    kind: str
    text: str
    start: int
    stop: int


def not_well_formed(reason: str) -> Invalid:
    """The error that a statement meets which is none."""
    return Invalid(f"Statement wasn't well formed, can't be processed: {reason}")


def tokens_of(text: str) -> list[Token]:
    """All tokens; the last one is the end.

    Raises:
        Invalid: there is a character that begins no token, such as an open quote.
    """
    found = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        kind = match.lastgroup if match is not None else "other"
        if match is None or kind is None or kind == "other":
            raise not_well_formed("Invalid character" if match is not None else "Unexpected end of comment")
        part, start, at = match[kind], match.start(kind), match.end()
        if kind == "end":
            found.append(Token(kind, "", start, start))
            return found
        if kind == "word":
            kind = "keyword" if part.upper() in KEYWORDS else "name"
        elif kind == "quoted":
            part = part[1:-1].replace('""', '"')
        elif kind == "string":
            part = part[1:-1].replace("''", "'")
        found.append(Token(kind, part, start, at))


def place_of(text: str, token: Token) -> str:
    """`line:column:length`, as AWS's texts name a place."""
    line = text.count("\n", 0, token.start) + 1
    column = token.start - (text.rfind("\n", 0, token.start) + 1) + 1
    return f"{line}:{column}:{max(token.stop - token.start, 1)}"
