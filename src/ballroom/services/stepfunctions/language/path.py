"""JSONPath as Step Functions reads it: a path's text becomes a closure over data and scope.

AWS evaluates paths with Jayway's library, so its rules are those: a *definite* path (names and single
indices only) finds one value or fails with Jayway's words, an *indefinite* one (wildcards, slices, unions,
filters, deep scans) finds a list, empty where nothing matches. Where a path starts decides what it reads:
`$` the data at hand, `$$` the context object, `$name` a variable.

Filters are in `path_filter.py`. Source: Developer Guide, "Using JSONPath paths"; the States Language, "Paths".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ballroom.services.stepfunctions.language.cache import TextCache
from ballroom.services.stepfunctions.language.machine import Json, Scope
from ballroom.services.stepfunctions.language.path_filter import (
    Predicate,
    compile_filter,
    filter_end,
)
from ballroom.services.stepfunctions.language.path_text import InvalidPath, PathNotFound, java_class

__all__ = ["InvalidPath", "Path", "PathNotFound", "parse_path"]

MAX_PATH = 4096
MAX_TOKENS = 256


Token = tuple[str, object]
"""`("key", name)`, `("keys", names)`, `("index", i)`, `("indices", list)`, `("slice", (a, b))`,
`("wild", None)`, `("scan", None)` or `("filter", predicate)`."""

Get = Callable[[Json, Scope], Json]


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. `get(data, scope)` raises PathNotFound."""

    text: str
    root: Literal["data", "context", "variable"]
    variable: str | None
    tokens: tuple[Token, ...]
    get: Get

    @property
    def definite(self) -> bool:
        """Whether it names one value."""
        return all(kind in ("key", "index") for kind, _ in self.tokens)

    @property
    def is_reference(self) -> bool:
        """Whether it is a Reference Path: definite, and no index counts from the end."""
        return all(
            kind == "key" or (kind == "index" and isinstance(value, int) and value >= 0)
            for kind, value in self.tokens
        )

    @property
    def is_root(self) -> bool:
        """Whether it is `$`, the data itself."""
        return self.root == "data" and not self.tokens


_VARIABLE = re.compile(r"[A-Za-z_À-￿][\w]*")
_NAME = re.compile(r"[^.\[\s]+")
_INDICES = re.compile(r"\s*-?\d+\s*(?:,\s*-?\d+\s*)*$")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*$")


_CACHE: TextCache[Path] = TextCache(1 << 20)


def parse_path(text: str) -> Path:
    """Compile a path.

    Raises:
        InvalidPath: it is none; the text says why.
    """
    return _CACHE.get(text, lambda: _parse(text))


def _parse(text: str) -> Path:
    if not text.startswith("$"):
        raise InvalidPath("Path must start with '$'")
    if len(text) > MAX_PATH:
        raise InvalidPath("The path is too long")
    root: Literal["data", "context", "variable"] = "data"
    variable = None
    at = 1
    if text.startswith("$$"):
        root, at = "context", 2
    elif named := _VARIABLE.match(text, 1):
        root, variable, at = "variable", named.group(), named.end()
    tokens = tuple(_tokens(text, at))
    return Path(text, root, variable, tokens, _compile(root, variable, tokens))


def _tokens(text: str, at: int) -> list[Token]:
    """The steps after the root."""
    tokens: list[Token] = []
    end = len(text)
    while at < end:
        if len(tokens) > MAX_TOKENS:
            raise InvalidPath("The path has too many steps")
        char = text[at]
        if char == ".":
            at += 1
            if text.startswith(".", at):
                tokens.append(("scan", None))
                at += 1
            if at >= end:
                raise InvalidPath("Path must not end with a '.' or '..'")
            if text[at] == "[":
                continue
            if text[at] == "*" and (at + 1 == end or text[at + 1] in ".["):
                tokens.append(("wild", None))
                at += 1
                continue
            name = _NAME.match(text, at)
            if name is None:
                raise InvalidPath(f"Illegal character {text[at]!r} at position {at}")
            tokens.append(("key", name.group()))
            at = name.end()
        elif char == "[":
            token, at = _bracket(text, at + 1)
            tokens.append(token)
        else:
            raise InvalidPath(f"Illegal character {char!r} at position {at}, expected '.' or '['")
    if tokens and tokens[-1][0] == "scan":
        raise InvalidPath("Path must not end with a '.' or '..'")
    return tokens


def _bracket(text: str, at: int) -> tuple[Token, int]:
    """One step in brackets, from behind its `[`; and where the path goes on."""
    while at < len(text) and text[at] == " ":
        at += 1
    if text.startswith("?", at):
        close = filter_end(text, at + 1)
        return ("filter", compile_filter(text[at + 1 : close].strip(), parse_path)), close + 1
    if at < len(text) and text[at] in "'\"":
        return _quoted(text, at)
    close = text.find("]", at)
    if close < 0:
        raise InvalidPath("'[' without ']'")
    inside = text[at:close]
    if inside.strip() == "*":
        return ("wild", None), close + 1
    if _INDICES.match(inside):
        numbers = [_index(part) for part in inside.split(",")]
        return (("index", numbers[0]) if len(numbers) == 1 else ("indices", numbers)), close + 1
    if bounds := _SLICE.match(inside):
        low, high = (_index(part) if part else None for part in bounds.groups())
        if low is None and high is None:
            raise InvalidPath("A slice needs a bound")
        return ("slice", (low, high)), close + 1
    raise InvalidPath("'[' must be followed by ', a number, '*' or '?'")


def _index(text: str) -> int:
    if len(text) > 12:
        raise InvalidPath("An index is out of range")
    return int(text)


def _quoted(text: str, at: int) -> tuple[Token, int]:
    """`['a']` or `['a','b']`: names in quotes, from the first quote."""
    names: list[str] = []
    while True:
        quote, start = text[at], at + 1
        at = start
        while at < len(text) and text[at] != quote:
            at += 2 if text[at] == "\\" and at + 1 < len(text) and text[at + 1] == quote else 1
        if at >= len(text):
            raise InvalidPath("A property name in brackets is not closed")
        names.append(text[start:at].replace("\\" + quote, quote))
        at += 1
        while at < len(text) and text[at] in " ,":
            at += 1
        if at < len(text) and text[at] == "]":
            break
        if at >= len(text) or text[at] not in "'\"":
            raise InvalidPath("'[' without ']'")
    return (("key", names[0]) if len(names) == 1 else ("keys", names)), at + 1


def _compile(root: str, variable: str | None, tokens: tuple[Token, ...]) -> Get:
    """The closure for a path: the short definite ones, which nearly all are, have their own."""
    walk = _walker(tokens)
    if root == "context":
        return lambda data, scope: walk(scope.context, scope)
    if root == "variable":
        assert variable is not None
        name: str = variable

        def of_variable(data: Json, scope: Scope) -> Json:
            try:
                value = scope.variables[name]
            except KeyError:
                raise PathNotFound(f"No results for path: ${name}") from None
            return walk(value, scope)

        return of_variable
    return walk


def _walker(tokens: tuple[Token, ...]) -> Get:
    if not tokens:
        return lambda data, scope: data
    if not all(kind in ("key", "index") for kind, _ in tokens):
        return _indefinite(tokens)
    if len(tokens) == 1 and tokens[0][0] == "key":
        only = tokens[0][1]

        def one(data: Json, scope: Scope) -> Json:
            try:
                if data.__class__ is dict:
                    return data[only]
            except KeyError:
                pass
            return _definite(tokens, data)

        return one
    return lambda data, scope: _definite(tokens, data)


def _definite(tokens: tuple[Token, ...], data: Json) -> Json:
    """The one value, or PathNotFound in Jayway's words."""
    value = data
    for position, (kind, step) in enumerate(tokens):
        if kind == "key":
            if not isinstance(value, dict):
                raise PathNotFound(
                    f"Expected to find an object with property ['{step}'] in path "
                    f"{_where(tokens[:position])} but found '{java_class(value)}'. This is not a json object "
                    "according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."
                )
            if step in value:
                value = value[step]
                continue
            here = _where(tokens[: position + 1])
            last = position + 1 == len(tokens)
            raise PathNotFound(f"No results for path: {here}" if last else f"Missing property in path {here}")
        if value is None:
            raise PathNotFound(f"The path {_where(tokens[:position])} is null")
        if not isinstance(value, list):
            raise PathNotFound(f"Filter: [{step}] can only be applied to arrays. Current context is: {value}")
        assert isinstance(step, int)
        if not -len(value) <= step < len(value):
            raise PathNotFound(f"No results for path: {_where(tokens)}")
        value = value[step]
    return value


def _where(tokens: tuple[Token, ...]) -> str:
    """A path as Jayway prints it: `$['a'][0]`."""
    return "$" + "".join(f"['{step}']" if kind == "key" else f"[{step}]" for kind, step in tokens)


def _indefinite(tokens: tuple[Token, ...]) -> Get:
    """All values that match, level by level; what does not fit is passed over."""
    steps = [_step(kind, value) for kind, value in tokens]

    def walk(data: Json, scope: Scope) -> Json:
        found = [data]
        for step in steps:
            found = step(found, data, scope)
            if not found:
                break
        return found

    return walk


Step = Callable[[list[Json], Json, Scope], list[Json]]


def _step(kind: str, value: object) -> Step:
    if kind == "key":
        return lambda nodes, root, scope: [n[value] for n in nodes if isinstance(n, dict) and value in n]
    if kind == "keys":
        assert isinstance(value, list)
        names: list[str] = value
        return lambda nodes, root, scope: [
            {name: n[name] for name in names if name in n} for n in nodes if isinstance(n, dict)
        ]
    if kind == "index":
        return _pick([value])
    if kind == "indices":
        assert isinstance(value, list)
        return _pick(value)
    if kind == "slice":
        assert isinstance(value, tuple)
        low, high = value
        return lambda nodes, root, scope: [x for n in nodes if isinstance(n, list) for x in n[low:high]]
    if kind == "wild":
        return lambda nodes, root, scope: [x for n in nodes for x in _children(n)]
    if kind == "scan":
        return lambda nodes, root, scope: _descendants(nodes)
    predicate: Predicate = value  # type: ignore[assignment]
    return lambda nodes, root, scope: _filtered(nodes, root, scope, predicate)


def _pick(indices: list[object]) -> Step:
    numbers = [i for i in indices if isinstance(i, int)]
    return lambda nodes, root, scope: [
        n[i] for n in nodes if isinstance(n, list) for i in numbers if -len(n) <= i < len(n)
    ]


def _children(node: Json) -> list[Json]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _descendants(nodes: list[Json]) -> list[Json]:
    """The nodes and all below them, each before its children; a stack, so that depth costs no recursion."""
    found: list[Json] = []
    stack = nodes[::-1]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            found.append(node)
            stack.extend(reversed(node.values()))
        elif isinstance(node, list):
            found.append(node)
            stack.extend(reversed(node))
    return found


def _filtered(nodes: list[Json], root: Json, scope: Scope, predicate: Predicate) -> list[Json]:
    """A filter tests an array's elements, or an object itself; data too deep to compare does not match."""
    try:
        return _accepted(nodes, root, scope, predicate)
    except RecursionError:
        return []


def _accepted(nodes: list[Json], root: Json, scope: Scope, predicate: Predicate) -> list[Json]:
    found = []
    for node in nodes:
        if isinstance(node, list):
            found.extend([item for item in node if predicate(item, root, scope)])
        elif isinstance(node, dict) and predicate(node, root, scope):
            found.append(node)
    return found
