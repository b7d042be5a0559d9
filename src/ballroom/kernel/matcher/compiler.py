"""From a pattern's text to conjunctions of field tests.

`$or` multiplies: each of its options is a conjunction of its own with the fields around it. A path that is
named twice has the alternatives named last, inside an option too (as AWS's engine has it).
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from ballroom.kernel.matcher.dialect import EVENTS, Dialect
from ballroom.kernel.matcher.errors import Fault, InvalidPattern, Pointer
from ballroom.kernel.matcher.operators import OPERATORS, FloatText, compile_field
from ballroom.kernel.matcher.pattern import Conjunction, Path, Pattern
from ballroom.kernel.matcher.source import describe, syntax_error
from ballroom.kernel.matcher.tests import FieldTest

_LONG_NUMBER = re.compile(r"\d[\d.]{15}")
Fields = dict[Path, FieldTest]


def compile_pattern(source: str | bytes | dict[str, Any], dialect: Dialect = EVENTS) -> Pattern:
    """Check a pattern and make it ready to match.

    Raises:
        InvalidPattern: with AWS's text; what is too large, too deep or too complex included.
    """
    text = source if isinstance(source, str) else _as_text(source, dialect)
    if len(text) > dialect.max_bytes or len(text.encode("utf-8", "replace")) > dialect.max_bytes:
        raise _invalid(f"Event pattern must be at most {dialect.max_bytes} bytes", "", dialect)
    try:
        data = _read(text)
    except ValueError as error:
        reason = syntax_error(text)
        raise _invalid(reason, reason.split("\n at ")[0], dialect) from error
    try:
        if type(data) is not dict:
            raise Fault("Filter is not an object", ())
        return _Compiler(dialect).compile(data)
    except Fault as fault:
        raise _invalid(describe(fault, text), fault.reason, dialect) from fault


def _as_text(source: bytes | dict[str, Any], dialect: Dialect) -> str:
    try:
        return (orjson.dumps(source) if isinstance(source, dict) else bytes(source)).decode()
    except (UnicodeDecodeError, TypeError) as error:
        raise _invalid("Event pattern is not valid JSON", "", dialect) from error


def _invalid(message: str, reason: str, dialect: Dialect) -> InvalidPattern:
    return InvalidPattern(dialect.error.format(reason=message), reason or message)


def _read(text: str) -> Any:
    data = orjson.loads(text)
    if _LONG_NUMBER.search(text):
        return json.loads(text, parse_float=FloatText)  # orjson's verdict stands; this keeps the digits
    return data


class _Compiler:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.sizes: dict[int, int] = {}  # alternatives of each test, by its identity

    def compile(self, data: dict[str, Any]) -> Pattern:
        conjunctions: list[Fields] = [{}]
        self._object(data, (), (), conjunctions)
        self._check_keys(conjunctions)
        self._check_complexity(conjunctions)
        return Pattern(tuple(Conjunction(fields, dotted=self.dialect.dotted) for fields in conjunctions))

    def _object(self, data: dict[str, Any], path: Path, pointer: Pointer, conjunctions: list[Fields]) -> None:
        """Add the object's fields to each conjunction, multiplying them where it says `$or`."""
        if not data:
            raise Fault("Empty objects are not allowed", pointer, at="end")
        if len(pointer) > self.dialect.max_depth:
            raise Fault("Event pattern is nested too deeply", pointer, at=None)
        for name, value in data.items():
            place = (*pointer, name)
            if name == "$or" and self._is_choice(value, place):
                self._choice(value, path, place, conjunctions)
                continue
            inner = (*path, *name.split(".")) if self.dialect.dotted else (*path, name)
            if type(value) is dict:
                if not self.dialect.nesting:
                    scope = "Filter policy scope MessageAttributes does not support nested filter policy"
                    raise Fault(scope, place, at=None)
                self._object(value, inner, place, conjunctions)
            elif type(value) is list:
                test = compile_field(value, place, self.dialect)
                self.sizes[id(test)] = len(value)
                for fields in conjunctions:
                    fields[inner] = test
            else:
                raise Fault(f'"{name}" must be an object or an array', place)

    def _is_choice(self, value: Any, pointer: Pointer) -> bool:
        """Is it the relation, or a field that happens to be called `$or`?"""
        if type(value) is not list or not value or type(value[0]) is not dict:
            return False
        if any(type(option) is dict and OPERATORS.keys() & option.keys() for option in value):
            return False
        for index, option in enumerate(value):
            if type(option) is not dict:
                raise Fault("Only objects are allowed in array for $or relationship.", (*pointer, index))
        if len(value) < 2:
            raise Fault("There must have at least 2 Objects for $or relationship.", pointer, at="end")
        return True

    def _choice(
        self, options: list[dict[str, Any]], path: Path, pointer: Pointer, conjunctions: list[Fields]
    ) -> None:
        result: list[Fields] = []
        limit = self.dialect.max_combinations
        for index, option in enumerate(options):
            if len(result) + len(conjunctions) > limit:
                raise Fault(f"Event pattern has more than {limit} combinations of $or", pointer, at=None)
            branch = [dict(fields) for fields in conjunctions]
            self._object(option, path, (*pointer, index), branch)
            result += branch
        if len(result) > limit:
            raise Fault(f"Event pattern has more than {limit} combinations of $or", pointer, at=None)
        conjunctions[:] = result

    def _check_keys(self, conjunctions: list[Fields]) -> None:
        limit = self.dialect.max_keys
        if limit is not None and any(len(fields) > limit for fields in conjunctions):
            raise Fault(f"Filter policy can not have more than {limit} keys", (), at=None)

    def _check_complexity(self, conjunctions: list[Fields]) -> None:
        """The product of alternatives and depths of each conjunction, summed: SNS's measure."""
        limit = self.dialect.max_complexity
        if limit is None:
            return
        total = 0
        for fields in conjunctions:
            product = 1
            for path, test in fields.items():
                product *= self.sizes[id(test)] * len(path)
            total += product
        if total > limit:
            raise Fault("Filter policy is too complex", (), at=None)
