"""The filters of paths, `[?(@.price < 10 && @.tags)]`, compiled to predicates.

As in Jayway's library: comparisons of values of different types are false, a bare path asks for existence,
`&&` binds tighter than `||`. Regular expressions run in jlens's engine under a time limit, because Python's
may run for ever on a hostile pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from ballroom.services.stepfunctions.language.machine import Json, Scope
from ballroom.services.stepfunctions.language.path_text import InvalidPath, PathNotFound

if TYPE_CHECKING:
    from ballroom.services.stepfunctions.language.path import Path

Predicate = Callable[[Json, Json, Scope], bool]
"""`(item, root, scope) -> bool`."""

MISSING: Any = object()
MAX_DEPTH = 32
REGEX_SECONDS = 0.25

_TOKEN = re.compile(
    r"\s*(?:(?P<op>==|!=|<=|>=|=~|&&|\|\||[<>!()])"
    r"|(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<regex>/(?:[^/\\]|\\.)+/[a-zA-Z]*)"
    r"|(?P<word>true|false|null|in|nin|contains|empty|size|subsetof|anyof|noneof)\b"
    r"|(?P<path>[@$]))"
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}

Operand = Callable[[Json, Json, Scope], Json]


def filter_end(text: str, at: int) -> int:
    """Where the `]` that closes a filter is, from behind its `?`."""
    depth = 0
    quote = ""
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "[(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "]":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    raise InvalidPath("'[' without ']'")


def compile_filter(text: str, parse_path: Callable[[str], Path]) -> Predicate:
    """The predicate of a filter's text, its parentheses included. Raises InvalidPath."""
    if text.count("?") > MAX_DEPTH:
        raise InvalidPath("A filter is nested too deeply")
    if not (text.startswith("(") and text.endswith(")")):
        raise InvalidPath("A filter must be in parentheses: [?(...)]")
    parser = _Parser(text, parse_path)
    predicate = parser.either(0)
    parser.done()
    return predicate


class _Parser:
    """Recursive descent over `||`, `&&`, `!`, comparisons and paths; its depth is bounded."""

    def __init__(self, text: str, parse_path: Callable[[str], Path]) -> None:
        self.text = text
        self.at = 0
        self.parse_path = parse_path

    def done(self) -> None:
        if self.text[self.at :].strip():
            raise InvalidPath(f"Unexpected {self.text[self.at :].strip()[:20]!r} in a filter")

    def peek(self) -> tuple[str, str, int]:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            return "", "", self.at
        kind = found.lastgroup or ""
        return kind, found.group(kind), found.end()

    def take(self, *operators: str) -> bool:
        kind, text, end = self.peek()
        if kind in ("op", "word") and text in operators:
            self.at = end
            return True
        return False

    def either(self, depth: int) -> Predicate:
        first = self.both(depth)
        while self.take("||"):
            first = _or(first, self.both(depth))
        return first

    def both(self, depth: int) -> Predicate:
        first = self.single(depth)
        while self.take("&&"):
            first = _and(first, self.single(depth))
        return first

    def single(self, depth: int) -> Predicate:
        if depth > MAX_DEPTH:
            raise InvalidPath("A filter is nested too deeply")
        if self.take("!"):
            inner = self.single(depth + 1)
            return lambda item, root, scope: not inner(item, root, scope)
        if self.take("("):
            inner = self.either(depth + 1)
            if not self.take(")"):
                raise InvalidPath("A filter lacks a ')'")
            return inner
        return self.comparison()

    def comparison(self) -> Predicate:
        left = self.operand()
        kind, operator, end = self.peek()
        if (kind == "op" and operator in COMPARISONS) or (kind == "word" and operator in COMPARISONS):
            self.at = end
            compare = COMPARISONS[operator]
            right = self.operand()
            return lambda item, root, scope: compare(left(item, root, scope), right(item, root, scope))
        if kind == "op" and operator == "=~":
            self.at = end
            return self.regex(left)
        return lambda item, root, scope: left(item, root, scope) is not MISSING

    def regex(self, left: Operand) -> Predicate:
        kind, text, end = self.peek()
        if kind != "regex":
            raise InvalidPath("=~ needs a /regular expression/")
        from jlens import Expression, JlensError  # 3 MB that a server without such filters does not spend

        self.at = end
        pattern, flags = text[1:].rsplit("/", 1)
        try:
            test = Expression(f"$contains($s, /^(?:{pattern})$/{flags})")
        except JlensError as problem:
            raise InvalidPath(f"Invalid regular expression: {problem}") from None

        def matches(item: Json, root: Json, scope: Scope) -> bool:
            value = left(item, root, scope)
            if not isinstance(value, str):
                return False
            try:
                return test.evaluate(None, {"s": value}, timeout=REGEX_SECONDS) is True
            except JlensError:
                return False

        return matches

    def operand(self) -> Operand:
        kind, text, end = self.peek()
        if kind == "path":
            return self.path(end - 1)
        value: Json
        if kind == "string":
            value = re.sub(r"\\(.)", r"\1", text[1:-1])
        elif kind == "number":
            value = float(text) if "." in text or "e" in text.lower() else _whole(text)
        elif kind == "word" and text in _WORDS:
            value = _WORDS[text]
        elif not kind and self.text[self.at :].lstrip().startswith("["):
            return self.list()
        else:
            raise InvalidPath(f"Unexpected {self.text[self.at : self.at + 20].strip()!r} in a filter")
        self.at = end
        return lambda item, root, scope: value

    def list(self) -> Operand:
        start = self.text.index("[", self.at)
        end = self.text.find("]", start)
        inside = self.text[start : end + 1].replace("'", '"')
        try:
            value = orjson.loads(inside)
        except orjson.JSONDecodeError:
            raise InvalidPath("A list in a filter must be JSON") from None
        self.at = end + 1
        return lambda item, root, scope: value

    def path(self, start: int) -> Operand:
        """A path inside the filter: `@...` reads the item, `$...` what the whole path reads."""
        end, depth, quote = start + 1, 0, ""
        while end < len(self.text):
            char = self.text[end]
            if quote:
                quote = "" if char == quote else quote
            elif depth and char in "'\"":
                quote = char
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
            elif depth == 0 and char in " )=<>!&|~,\t\n\r":
                break
            end += 1
        text = self.text[start:end]
        self.at = end
        path = self.parse_path("$" + text[1:])
        get, of_item = path.get, text[0] == "@"

        def value(item: Json, root: Json, scope: Scope) -> Json:
            try:
                return get(item if of_item else root, scope)
            except PathNotFound:
                return MISSING

        return value


def _whole(text: str) -> int:
    if len(text) > 400:
        raise InvalidPath("A number is out of range")
    return int(text)


def _or(first: Predicate, second: Predicate) -> Predicate:
    return lambda item, root, scope: first(item, root, scope) or second(item, root, scope)


def _and(first: Predicate, second: Predicate) -> Predicate:
    return lambda item, root, scope: first(item, root, scope) and second(item, root, scope)


def same(left: Json, right: Json) -> bool:
    """JSON equality: 1 and 1.0 are equal, true and 1 are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    def compare(left: Json, right: Json) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if numbers or (isinstance(left, str) and isinstance(right, str)):
            return test(left, right)
        return False

    return compare


def _within(left: Json, right: Json) -> bool:
    return isinstance(right, list) and any(same(left, item) for item in right)


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


COMPARISONS: dict[str, Callable[[Json, Json], bool]] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "in": _within,
    "nin": lambda left, right: not _within(left, right),
    "contains": lambda left, right: (
        right in left if isinstance(left, str) and isinstance(right, str) else _within(right, left)
    ),
    "subsetof": lambda left, right: all(_within(item, right) for item in _items(left)),
    "anyof": lambda left, right: any(_within(item, right) for item in _items(left)),
    "noneof": lambda left, right: not any(_within(item, right) for item in _items(left)),
    "size": lambda left, right: isinstance(left, (str, list)) and len(left) == right,
    "empty": lambda left, right: isinstance(left, (str, list, dict)) and (len(left) == 0) is right,
}
