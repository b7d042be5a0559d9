"""How intrinsic calls are written: `States.Format('{} is {}', $.name, States.MathAdd($.age, 1))`.

A call is compiled to a closure over data and scope. Arguments are paths, strings in single quotes (with the
escapes `\\'`, `\\{`, `\\}` and `\\\\`), numbers, true, false, null, and calls, nested at most 10 deep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ballroom.services.stepfunctions.language import intrinsics
from ballroom.services.stepfunctions.language.cache import TextCache
from ballroom.services.stepfunctions.language.intrinsics import CHANCY, PURE, Refused
from ballroom.services.stepfunctions.language.machine import Json, Scope, StatesError
from ballroom.services.stepfunctions.language.path import (
    InvalidPath,
    Path,
    PathNotFound,
    parse_path,
)

MAX_NESTING = 10
MAX_TEXT = 32_768

Evaluate = Callable[[Json, Scope], Json]


class InvalidCall(Exception):
    """A text is no intrinsic call; the message says why."""


class Call(NamedTuple):
    """A compiled call: `get(data, scope)` raises StatesError; `paths` are those it reads."""

    text: str
    get: Evaluate
    paths: tuple[Path, ...]


_NAME = re.compile(r"States\.([A-Za-z0-9]+)\s*\(")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"(?:true|false|null)\b")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


_CACHE: TextCache[Call] = TextCache(1 << 20)


def parse_call(text: str) -> Call:
    """Compile an intrinsic call.

    Raises:
        InvalidCall: it is none, names no function, or has too few or too many arguments.
    """
    return _CACHE.get(text, lambda: _parse(text))


def _parse(text: str) -> Call:
    if len(text) > MAX_TEXT:
        raise InvalidCall("The call is too long")
    parser = _Parser(text)
    get, end = parser.call(parser.skip(0), 1)
    if parser.skip(end) != len(text):
        raise InvalidCall(f"Unexpected text after the call at position {end}")
    return Call(text, get, tuple(parser.paths))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.paths: list[Path] = []

    def skip(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t\r\n":
            at += 1
        return at

    def call(self, at: int, depth: int) -> tuple[Evaluate, int]:
        """The call that starts at `at`, and where it ends."""
        start = at
        named = _NAME.match(self.text, at)
        if named is None:
            raise InvalidCall(f"Expected a function call at position {at}")
        if depth > MAX_NESTING:
            raise InvalidCall(f"Calls may be nested {MAX_NESTING} deep")
        name = named.group(1)
        found = PURE.get(name) or CHANCY.get(name)
        if found is None:
            raise InvalidCall(f"There is no function States.{name}")
        function, least, most = found
        arguments: list[Evaluate] = []
        template: str | None = None
        at = self.skip(named.end())
        while not self.text.startswith(")", at):
            if arguments:
                if not self.text.startswith(",", at):
                    raise InvalidCall(f"Expected ',' or ')' at position {at}")
                at = self.skip(at + 1)
            if name == "Format" and not arguments and self.text.startswith("'", at):
                template, at = self.quoted(at)
                arguments.append(lambda data, scope: None)
            else:
                argument, at = self.argument(at, depth)
                arguments.append(argument)
            at = self.skip(at)
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise InvalidCall(f"States.{name} does not take {len(arguments)} arguments")
        text = self.text[start : at + 1]
        if template is not None:
            return _formatting(text, template, arguments[1:]), at + 1
        return _calling(text, function, arguments, chancy=name in CHANCY), at + 1

    def argument(self, at: int, depth: int) -> tuple[Evaluate, int]:
        text = self.text
        if text.startswith("States.", at):
            return self.call(at, depth + 1)
        if text.startswith("'", at):
            raw, end = self.quoted(at)
            return _constant(re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)), end
        if text.startswith("$", at):
            return self.path(at)
        if word := _WORD.match(text, at):
            return _constant(_WORDS[word.group()]), word.end()
        if number := _NUMBER.match(text, at):
            digits = number.group()
            if len(digits) > 64:
                raise InvalidCall("A number is too long")
            value = float(digits) if any(c in digits for c in ".eE") else int(digits)
            return _constant(value), number.end()
        raise InvalidCall(f"Expected an argument at position {at}")

    def quoted(self, at: int) -> tuple[str, int]:
        """A string in single quotes, its escapes checked but not undone."""
        start = at + 1
        at = start
        while at < len(self.text):
            char = self.text[at]
            if char == "'":
                return self.text[start:at], at + 1
            if char == "\\":
                if self.text[at + 1 : at + 2] not in ("'", "{", "}", "\\"):
                    raise InvalidCall(f"Illegal escape at position {at}")
                at += 1
            at += 1
        raise InvalidCall("A string is not closed")

    def path(self, start: int) -> tuple[Evaluate, int]:
        """A path up to the comma, parenthesis or blank that ends it."""
        at, depth, quote = start + 1, 0, ""
        while at < len(self.text):
            char = self.text[at]
            if quote:
                quote = "" if char == quote and self.text[at - 1] != "\\" else quote
            elif depth and char in "'\"":
                quote = char
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
            elif depth <= 0 and char in ",) \t\r\n":
                break
            at += 1
        text = self.text[start:at]
        try:
            path = parse_path(text)
        except InvalidPath as problem:
            raise InvalidCall(str(problem)) from None
        self.paths.append(path)
        return path.get, at


def _constant(value: Json) -> Evaluate:
    return lambda data, scope: value


def _failed(text: str, reason: str, error: str = "States.IntrinsicFailure") -> StatesError:
    return StatesError(error, f"The function '{text}' had the following error: {reason}")


def _arguments(text: str, arguments: list[Evaluate]) -> Callable[[Json, Scope], list[Json]]:
    def evaluate(data: Json, scope: Scope) -> list[Json]:
        try:
            return [argument(data, scope) for argument in arguments]
        except PathNotFound:
            raise _unfound(text, arguments, data, scope) from None

    return evaluate


def _unfound(text: str, arguments: list[Evaluate], data: Json, scope: Scope) -> StatesError:
    """Which argument leads nowhere."""
    for argument, path in zip(arguments, _paths_of(text, arguments), strict=True):
        try:
            argument(data, scope)
        except PathNotFound:
            where = f"the field '{path}' could not be found in the input '{intrinsics.dump(data)}'"
            return _failed(text, f"The JsonPath argument for {where}", "States.Runtime")
    raise AssertionError("no argument failed")


def _paths_of(text: str, arguments: list[Evaluate]) -> list[str]:
    """The source of each argument; only read when one has failed."""
    parser = _Parser(text)
    named = _NAME.match(text)
    assert named is not None
    at = parser.skip(named.end())
    sources: list[str] = []
    while len(sources) < len(arguments):
        if text[at] == ",":
            at = parser.skip(at + 1)
        start = at
        at = parser.quoted(at)[1] if text[at] == "'" else parser.argument(at, 1)[1]
        sources.append(text[start:at])
        at = parser.skip(at)
    return sources


def _calling(text: str, function: Callable[..., Json], arguments: list[Evaluate], *, chancy: bool) -> Evaluate:
    evaluate = _arguments(text, arguments)

    def call(data: Json, scope: Scope) -> Json:
        values = evaluate(data, scope)
        try:
            return function(scope.chance, *values) if chancy else function(*values)
        except Refused as problem:
            raise _failed(text, str(problem)) from None
        except RecursionError:
            raise _failed(text, "An argument is nested too deeply") from None

    return call


def _formatting(text: str, template: str, arguments: list[Evaluate]) -> Evaluate:
    """`States.Format` with its template in the definition: cut up once."""
    try:
        parts = intrinsics.template_parts(template)
    except Refused as problem:
        raise InvalidCall(str(problem)) from None
    if len(parts) != len(arguments) + 1:
        raise InvalidCall("States.Format needs as many arguments as its template has placeholders")
    fill = intrinsics.fill
    ignored: Evaluate = _constant(None)
    evaluate = _arguments(text, [ignored, *arguments])

    def call(data: Json, scope: Scope) -> Json:
        values = evaluate(data, scope)
        try:
            return fill(parts, tuple(values[1:]))
        except RecursionError:
            raise _failed(text, "An argument is nested too deeply") from None

    return call
