"""Space-delimited filter patterns: `[ip, user, ..., status = 4* && status != 403, bytes > 1000]`."""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import InvalidPattern
from .form import Extracted, Pattern
from .logic import read_expression
from .scanner import Scanner
from .values import read_condition

Test = Callable[[str], bool]

_NAME = re.compile(r"\w[\w\-.]*", re.ASCII)
_MAX_REGEXES = 2


class _Field:
    """One column: its name (may be empty) and what its text must satisfy, if anything."""

    __slots__ = ("name", "test")

    def __init__(self, name: str, test: Test | None) -> None:
        self.name = name
        self.test = test


def compile_fields(text: str) -> Pattern:
    """A pattern by columns: one ellipsis may stand for any number of them.

    Without an ellipsis the last column takes the rest of the line, which is why the guide asks for a
    blank indicator after the last word that matters (`[w1=ERROR, w2]`).
    """
    reader = _Reader(text)
    before, after = reader.read()
    if reader.regexes > _MAX_REGEXES:
        raise InvalidPattern()
    if not before and after is None:
        return Pattern(lambda message: True)

    def align(message: str) -> list[tuple[str, str, _Field | None]] | None:
        """The message's fields with their column names, or `None` if the columns do not fit."""
        words = split_fields(message)
        if after is None:
            if len(words) < len(before):
                return None
            head = [*words[: len(before) - 1], " ".join(words[len(before) - 1 :])]
            pairs = enumerate(zip(head, before, strict=True), 1)
            return [(word, field.name or str(n), field) for n, (word, field) in pairs]
        free = len(words) - len(before) - len(after)
        if free < 0:
            return None
        columns = [*before, *[None] * free, *after]
        return [
            (word, f.name if f is not None and f.name else str(n), f)
            for n, (word, f) in enumerate(zip(words, columns, strict=True), 1)
        ]

    def matches(message: str) -> bool:
        rows = align(message)
        return rows is not None and all(f is None or f.test is None or f.test(word) for word, _, f in rows)

    def extract(message: str) -> Extracted:
        return {f"${name}": word for word, name, _ in align(message) or ()}

    def look_up(message: str, names: tuple[str, ...]) -> Extracted:
        return {name: value for name, value in extract(message).items() if name in names}

    return Pattern(matches, extract, look_up, reader.regexes, names_values=True)


class _Reader:
    def __init__(self, text: str) -> None:
        self.scanner = Scanner(text)
        self.regexes = 0

    def read(self) -> tuple[list[_Field], list[_Field] | None]:
        """The columns before the ellipsis and those after it, `None` if there is no ellipsis."""
        before: list[_Field] = []
        after: list[_Field] | None = None
        if not self.scanner.peek():
            return before, after
        while True:
            if self.scanner.take("..."):
                if after is not None:
                    raise InvalidPattern()
                after = []
            else:
                (before if after is None else after).append(self.field())
            if not self.scanner.peek():
                return before, after
            if not self.scanner.take(","):
                raise self.scanner.unexpected()

    def field(self) -> _Field:
        if self.scanner.peek() in ("", ","):
            return _Field("", None)
        start = self.scanner.at
        self.scanner.take("(")
        self.scanner.skip_space()
        name = self.scanner.match(_NAME)
        if name is None:
            raise self.scanner.unexpected()
        if self.scanner.peek() in ("", ","):
            return _Field(name, None)
        self.scanner.at = start
        return _Field(name, read_expression(self.scanner, lambda: self.condition(name)))

    def condition(self, name: str) -> Test:
        self.scanner.skip_space()
        if self.scanner.match(_NAME) != name:
            raise InvalidPattern()
        test, regexes = read_condition(self.scanner, numeric_text=True)
        self.regexes += regexes
        return test


def split_fields(message: str) -> list[str]:
    """The fields of a line: words, and what stands in square brackets or double quotes as one field."""
    fields: list[str] = []
    at, end = 0, len(message)
    closers = {"[": "]", '"': '"'}
    while at < end:
        character = message[at]
        if character.isspace():
            at += 1
            continue
        if character in closers:
            close = message.find(closers[character], at + 1)
            if close >= 0:
                fields.append(message[at + 1 : close])
                at = close + 1
                continue
            closers.pop(character)  # none is left in this line: look for it only once
        start = at
        while at < end and not message[at].isspace():
            at += 1
        fields.append(message[start:at])
    return fields
