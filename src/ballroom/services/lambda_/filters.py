"""Filter criteria of event source mappings: which records a function wants to see.

Pure. A pattern is compiled when the mapping is created (and refused then) and runs as closures. It
holds the documented rules of event filtering; the event bus's matcher will take its place when the
kernel has one, since both speak the same language.

Source: Developer Guide, "Control which events Lambda sends to your function"; EventBridge User Guide,
"Comparison operators".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import orjson

from ballroom.services.lambda_.errors import InvalidParameterValue

Matcher = Callable[[Any], bool]
_ABSENT: Any = object()
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
}
PATTERN_LIMIT = 4096


class BadPattern(InvalidParameterValue):
    """The pattern breaks the language of event filtering."""

    text = "Invalid filter pattern definition."


def compile_filters(patterns: list[str]) -> Matcher | None:
    """One test for all filters of a mapping (any may match); None when there are none."""
    if not patterns:
        return None
    tests = [compile_pattern(pattern) for pattern in patterns]
    return lambda event: any(test(event) for test in tests)


def compile_pattern(text: str) -> Matcher:
    """The test that a pattern, given as JSON, stands for."""
    if len(text.encode()) > PATTERN_LIMIT:
        raise BadPattern()
    try:
        pattern = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadPattern() from error
    if not isinstance(pattern, dict):
        raise BadPattern()
    return _fields(pattern)


def filterable(record: dict[str, Any]) -> dict[str, Any]:
    """A queue record as filters see it: the body parsed when it is JSON."""
    body: Any = record["body"]
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = body
    return {**record, "body": parsed}


def _fields(pattern: dict[str, Any]) -> Matcher:
    if not pattern:
        raise BadPattern()
    tests: list[Matcher] = []
    for name, rule in pattern.items():
        if name == "$or" and _are_options(rule):
            tests.append(_any_of([_fields(option) for option in rule]))
        elif isinstance(rule, dict):
            tests.append(_at(name, _nested(_fields(rule)), absent=_matches_nothing(_fields(rule))))
        elif isinstance(rule, list) and rule:
            tests.append(_at(name, _over_lists(_any_of([_rule(r) for r in rule])), absent=None))
        else:
            raise BadPattern()
    return lambda value: isinstance(value, dict) and all(test(value) for test in tests)


def _are_options(rule: Any) -> bool:
    return isinstance(rule, list) and len(rule) > 1 and all(isinstance(option, dict) for option in rule)


def _at(name: str, test: Matcher, *, absent: Matcher | None) -> Matcher:
    def look(value: Any) -> bool:
        found = value.get(name, _ABSENT)
        if found is _ABSENT and absent is not None:
            return absent(found)
        return test(found)

    return look


def _matches_nothing(test: Matcher) -> Matcher:
    """A missing object satisfies a nested pattern only where that asks for absence."""
    return lambda _: test({})


def _nested(test: Matcher) -> Matcher:
    def look(value: Any) -> bool:
        if isinstance(value, list):
            return any(test(item) for item in value)
        return test(value)

    return look


def _over_lists(test: Matcher) -> Matcher:
    def look(value: Any) -> bool:
        if isinstance(value, list):
            return any(test(item) for item in value) if value else test(_ABSENT)
        return test(value)

    return look


def _any_of(tests: list[Matcher]) -> Matcher:
    return lambda value: any(test(value) for test in tests)


def _rule(rule: Any) -> Matcher:
    if isinstance(rule, dict):
        if len(rule) != 1:
            raise BadPattern()
        ((operator, operand),) = rule.items()
        make = _OPERATORS.get(operator)
        if make is None:
            raise BadPattern()
        return make(operand)
    if isinstance(rule, list):
        raise BadPattern()
    return _equal(rule)


def _equal(wanted: Any) -> Matcher:
    if wanted is None or isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, int | float):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: isinstance(value, str) and value == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(operand: Any) -> str:
    if not isinstance(operand, str):
        raise BadPattern()
    return operand


def _text_rule(operand: Any, test: Callable[[str, str], bool]) -> Matcher:
    if isinstance(operand, dict) and list(operand) == ["equals-ignore-case"]:
        folded = _text(operand["equals-ignore-case"]).casefold()
        return lambda value: isinstance(value, str) and test(value.casefold(), folded)
    wanted = _text(operand)
    return lambda value: isinstance(value, str) and test(value, wanted)


def _prefix(operand: Any) -> Matcher:
    return _text_rule(operand, str.startswith)


def _suffix(operand: Any) -> Matcher:
    return _text_rule(operand, str.endswith)


def _ignore_case(operand: Any) -> Matcher:
    folded = _text(operand).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _wildcard(operand: Any) -> Matcher:
    parts = re.split(r"(?<!\\)\*", _text(operand))
    if any(not part for part in parts[1:-1]):
        raise BadPattern()  # two stars side by side
    plain = [part.replace(r"\*", "*").replace("\\\\", "\\") for part in parts]
    pattern = re.compile(".*".join(re.escape(part) for part in plain), re.DOTALL)
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _exists(operand: Any) -> Matcher:
    if not isinstance(operand, bool):
        raise BadPattern()
    return lambda value: (value is not _ABSENT) is operand


def _numeric(operand: Any) -> Matcher:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise BadPattern()
    checks = []
    for operator, bound in zip(operand[::2], operand[1::2], strict=True):
        if operator not in _NUMERIC or not _is_number(bound):
            raise BadPattern()
        checks.append((_NUMERIC[operator], bound))
    return lambda value: _is_number(value) and all(check(value, bound) for check, bound in checks)


def _cidr(operand: Any) -> Matcher:
    try:
        network = ipaddress.ip_network(_text(operand), strict=False)
    except ValueError as error:
        raise BadPattern() from error

    def inside(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


def _anything_but(operand: Any) -> Matcher:
    if isinstance(operand, dict):
        if len(operand) != 1 or next(iter(operand)) not in _CAN_BE_NEGATED:
            raise BadPattern()
        ((operator, inner),) = operand.items()
        options = inner if isinstance(inner, list) else [inner]
        test = _any_of([_OPERATORS[operator](option) for option in options])
    else:
        options = operand if isinstance(operand, list) else [operand]
        if not options or not all(isinstance(o, str) or _is_number(o) for o in options):
            raise BadPattern()
        test = _any_of([_equal(option) for option in options])
    return lambda value: value is not _ABSENT and not test(value)


_CAN_BE_NEGATED = ("prefix", "suffix", "wildcard", "equals-ignore-case")
_OPERATORS: dict[str, Callable[[Any], Matcher]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "exists": _exists,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
