"""JSON filter patterns: `{ ($.a.b[0] = "x*") && ($.n > 3) || $.x NOT EXISTS || $.y IS NULL }`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import orjson

from .errors import InvalidPattern
from .form import Extracted, Pattern
from .logic import read_expression
from .scanner import Scanner
from .values import as_text, read_condition

Step = str | int | None  # a member's name, an element's index, or None for any of them
Document = dict[str, Any] | list[Any]
Test = Callable[[Document], bool]

_NAME = re.compile(r"[\w\-]+", re.ASCII)
_MEMBER = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d{1,9})|(\*))\s*\]")
_MAX_REGEXES = 2
_MAX_WILDCARDS = 3
_CONSTANTS: dict[str, bool | None] = {"NULL": None, "TRUE": True, "FALSE": False}


class Selector:
    """A path into a JSON document (`$.users[0].email`), with at most one wildcard."""

    __slots__ = ("steps", "text", "wildcard")

    def __init__(self, text: str, steps: list[Step]) -> None:
        self.text = text
        self.steps = steps
        self.wildcard = None in steps

    def find(self, document: Document) -> Iterator[Any]:
        """Every value the path leads to: none, one, or with a wildcard several."""
        return _walk(document, self.steps, 0)


def _walk(value: Any, steps: list[Step], at: int) -> Iterator[Any]:
    while at < len(steps):
        step = steps[at]
        at += 1
        if step is None:
            children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            for child in children:
                yield from _walk(child, steps, at)
            return
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return
            value = value[step]
    yield value


def compile_selectors(text: str) -> Pattern:
    """A pattern over JSON messages; a message that is not a JSON document never matches."""
    reader = _Reader(text)
    test: Test = read_expression(reader.scanner, reader.condition)
    if reader.scanner.peek():
        raise reader.scanner.unexpected()
    if reader.regexes > _MAX_REGEXES or reader.wildcards > _MAX_WILDCARDS:
        raise InvalidPattern()
    selectors = reader.selectors

    def matches(message: str) -> bool:
        document = parse_document(message)
        return document is not None and test(document)

    def extract(message: str) -> Extracted:
        return _values(message, selectors)

    return Pattern(matches, extract, look_up, reader.regexes, names_values=True)


def look_up(message: str, names: tuple[str, ...]) -> Extracted:
    """The values that selectors lead to in a JSON message; names that are no selectors lead nowhere."""
    return _values(message, [selector for name in names if (selector := _selector(name)) is not None])


@lru_cache(maxsize=1024)
def _selector(text: str) -> Selector | None:
    reader = _Reader(text)
    try:
        selector = reader.selector()
    except InvalidPattern:
        return None
    return selector if selector.text == text else None


def _values(message: str, selectors: list[Selector]) -> Extracted:
    document = parse_document(message)
    values: Extracted = {}
    if document is None:
        return values
    for selector in selectors:
        for value in selector.find(document):
            if isinstance(value, str | int | float):
                values[selector.text] = as_text(value)
                break
    return values


def parse_document(message: str) -> Document | None:
    """The JSON object or array that the whole message spells, else `None`."""
    if message.lstrip()[:1] not in ("{", "["):
        return None
    try:
        parsed = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict | list) else None


class _Reader:
    def __init__(self, text: str) -> None:
        self.scanner = Scanner(text)
        self.selectors: list[Selector] = []
        self.regexes = 0
        self.wildcards = 0

    def condition(self) -> Test:
        selector = self.selector()
        self.selectors.append(selector)
        find = selector.find
        if self.keyword("NOT"):
            if not self.keyword("EXISTS"):
                raise InvalidPattern()
            return lambda document: next(find(document), self) is self
        if self.keyword("IS"):
            for name, constant in _CONSTANTS.items():
                if self.keyword(name):
                    return lambda document: any(value is constant for value in find(document))
            raise InvalidPattern()
        holds, regexes = read_condition(self.scanner, numeric_text=False)
        self.regexes += regexes
        # arrays, objects and null are not value nodes: neither = nor != applies to them
        return lambda document: any(
            isinstance(value, str | int | float) and holds(value) for value in find(document)
        )

    def keyword(self, word: str) -> bool:
        self.scanner.skip_space()
        start = self.scanner.at
        if self.scanner.match(_NAME) == word:
            return True
        self.scanner.at = start
        return False

    def selector(self) -> Selector:
        if not self.scanner.take("$"):
            raise self.scanner.unexpected()
        scanner, start = self.scanner, self.scanner.at - 1
        steps: list[Step] = []
        while scanner.at < len(scanner.text):
            if scanner.text.startswith("[", scanner.at):
                steps.append(self.bracket())
            elif scanner.text.startswith(".*", scanner.at):
                scanner.at += 2
                steps.append(None)
            elif scanner.text.startswith(".[", scanner.at):
                scanner.at += 1  # the guide writes $.['cluster.name']
            elif scanner.text.startswith(".", scanner.at):
                scanner.at += 1
                name = scanner.match(_NAME)
                if name is None:
                    scanner.at = start  # AWS names the run from the dollar sign
                    raise scanner.unexpected()
                steps.append(name)
            else:
                break
        wildcards = steps.count(None)
        if not steps or wildcards > 1:
            raise InvalidPattern()
        self.wildcards += wildcards
        return Selector(scanner.text[start : scanner.at], steps)

    def bracket(self) -> Step:
        found = _MEMBER.match(self.scanner.text, self.scanner.at)
        if found is None:
            raise InvalidPattern()
        self.scanner.at = found.end()
        single, double, index, _any = found.groups()
        if index is not None:
            return int(index)
        return single if single is not None else double
