"""Where in a pattern's text an error is, as AWS reports it.

AWS reads patterns with Jackson, whose place is that of its reader when it gives up: just past a number,
a word or a bracket, but past only the opening quote of a string it has not looked into yet. Nothing
here runs for a pattern that is right.
"""

from __future__ import annotations

import re

import orjson

from ballroom.kernel.matcher.errors import Fault, Pointer

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z0-9_$]+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SHOWN = 500
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def describe(fault: Fault, text: str) -> str:
    """The fault's sentence, followed by its place in the text."""
    if fault.at is None:
        return fault.reason
    start, end = _find(text, fault.pointer)
    if fault.at == "start" and text[start : start + 1] in ('"', "{", "["):
        end = start + 1
    return fault.reason + fault.times * _place(text, end)


def syntax_error(text: str) -> str:
    """Why the text is no JSON, as Jackson says it."""
    reason, offset = _first_error(text)
    return reason + _place(text, offset)


def _place(text: str, offset: int) -> str:
    return f"\n at {_location(text, offset)}"


def _location(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    shown = f'"{text[:_SHOWN]}"'
    if len(text) > _SHOWN:
        shown += f"[truncated {len(text) - _SHOWN} chars]"
    return f"[Source: (String){shown}; line: {line}, column: {column}]"


def _find(text: str, pointer: Pointer) -> tuple[int, int]:
    """Start and end of the value that the pointer names; the text is known to be JSON."""
    start = _skip_space(text, 0)
    for step in pointer:
        start = _member(text, start, step) if isinstance(step, str) else _element(text, start, step)
    return start, _value_end(text, start)


def _skip_space(text: str, offset: int) -> int:
    match = _SPACE.match(text, offset)
    return match.end() if match else offset


def _value_end(text: str, start: int) -> int:
    if text[start] not in "[{":
        match = _STRING.match(text, start) or _NUMBER.match(text, start)
        if match is None or match.end() == start:
            match = _WORD.match(text, start)
        return match.end() if match else start
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return len(text)


def _member(text: str, start: int, name: str) -> int:
    """Where the object's member begins; of equal names the last counts, as it does for the reader."""
    found = start
    offset = _skip_space(text, start + 1)
    while text[offset] != "}":
        key_end = _value_end(text, offset)
        value = _skip_space(text, _skip_space(text, key_end) + 1)
        if orjson.loads(text[offset:key_end]) == name:
            found = value
        offset = _skip_space(text, _value_end(text, value))
        if text[offset] == ",":
            offset = _skip_space(text, offset + 1)
    return found


def _element(text: str, start: int, index: int) -> int:
    offset = _skip_space(text, start + 1)
    for _ in range(index):
        offset = _skip_space(text, _skip_space(text, _value_end(text, offset)) + 1)
    return offset


def _unexpected(text: str, offset: int, why: str) -> tuple[str, int]:
    character = text[offset]
    return f"Unexpected character ('{character}' (code {ord(character)})): {why}", offset


def _first_error(text: str) -> tuple[str, int]:
    """Jackson's sentence about the first character that cannot be, and where its reader then stands."""
    opened: list[int] = []  # where each open bracket is
    offset = _skip_space(text, 0)
    if offset == len(text):
        return "Filter is not an object", offset
    while True:
        if offset >= len(text):
            return _ended_early(text, opened)
        if opened and text[opened[-1]] == "{":
            name = _STRING.match(text, offset)
            if name is None:
                if text[offset] == '"':
                    return "Unexpected end-of-input in field name", len(text)
                return _unexpected(text, offset, "was expecting double-quote to start field name")
            offset = _skip_space(text, name.end())
            if offset >= len(text):
                return _ended_early(text, opened)
            if text[offset] != ":":
                return _unexpected(text, offset, "was expecting a colon to separate field name and value")
            offset = _skip_space(text, offset + 1)
            if offset >= len(text):
                return _ended_early(text, opened)
        if text[offset] in "{[":
            opened.append(offset)
            offset = _skip_space(text, offset + 1)
            closing = "}" if text[opened[-1]] == "{" else "]"
            if text[offset : offset + 1] != closing:
                continue
        else:
            error = _scalar_error(text, offset)
            if error is not None:
                return error
            offset = _skip_space(text, _value_end(text, offset))
        while opened and text[offset : offset + 1] == ("}" if text[opened[-1]] == "{" else "]"):
            opened.pop()
            offset = _skip_space(text, offset + 1)
        if not opened:
            if offset < len(text):
                return _scalar_error(text, offset) or ("Trailing content after the pattern", offset)
            return "The pattern is no valid JSON", offset
        if offset >= len(text):
            return _ended_early(text, opened)
        if text[offset] != ",":
            kind = "Object" if text[opened[-1]] == "{" else "Array"
            return _unexpected(text, offset, f"was expecting comma to separate {kind} entries")
        offset = _skip_space(text, offset + 1)


def _scalar_error(text: str, offset: int) -> tuple[str, int] | None:
    if text[offset] == '"':
        if _STRING.match(text, offset):
            return None
        return "Unexpected end-of-input: was expecting closing quote for a string value", len(text)
    number = _NUMBER.match(text, offset)
    if number is not None and number.end() > offset:
        return None
    word = _WORD.match(text, offset)
    if word is None:
        return _unexpected(text, offset, f"expected a valid value {_VALUES}")
    if word.group() in ("null", "true", "false"):
        return None
    return f"Unrecognized token '{word.group()}': was expecting {_VALUES}", word.end()


def _ended_early(text: str, opened: list[int]) -> tuple[str, int]:
    if not opened:
        return "Unexpected end-of-input", len(text)
    kind = "Object" if text[opened[-1]] == "{" else "Array"
    marker = _location(text, opened[-1])
    return f"Unexpected end-of-input: expected close marker for {kind} (start marker at {marker})", len(text)
