"""The rules of JSONPath Choice states, compiled to predicates over the effective input.

Source: Developer Guide, "Choice workflow state"; recorded choice operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.machine import Json, Scope, StatesError
from ballroom.services.stepfunctions.language.path import (
    InvalidPath,
    Path,
    PathNotFound,
    parse_path,
)
from ballroom.services.stepfunctions.language.template import note_variable
from ballroom.services.stepfunctions.language.timestamps import parse_timestamp

Test = Callable[[Json, Scope], bool]
Compare = Callable[[Json, Json], bool]

MAX_DEPTH = 64
MISSING: Any = object()


def _strings(test: Callable[[str, str], bool]) -> Compare:
    return lambda left, right: isinstance(left, str) and isinstance(right, str) and test(left, right)


def is_number(value: Json) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(test: Callable[[float, float], bool]) -> Compare:
    return lambda left, right: is_number(left) and is_number(right) and test(left, right)


def _timestamps(test: Callable[[int, int], bool]) -> Compare:
    def compare(left: Json, right: Json) -> bool:
        first, second = parse_timestamp(left), parse_timestamp(right)
        return first is not None and second is not None and test(first, second)

    return compare


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "GreaterThan": lambda a, b: a > b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThanEquals": lambda a, b: a >= b,
}

COMPARISONS: dict[str, Compare] = {
    "BooleanEquals": lambda a, b: isinstance(a, bool) and isinstance(b, bool) and a is b,
    **{f"String{name}": _strings(test) for name, test in _ORDERS.items()},
    **{f"Numeric{name}": _numbers(test) for name, test in _ORDERS.items()},
    **{f"Timestamp{name}": _timestamps(test) for name, test in _ORDERS.items()},
}
"""Each also has a form whose name ends in `Path`."""

TYPE_TESTS: dict[str, Callable[[Json], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: parse_timestamp(value) is not None,
}

OPERATORS = frozenset(
    {*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *TYPE_TESTS, "IsPresent", "StringMatches"}
)
BOOLEAN_OPERATORS = ("And", "Or", "Not")
_RULE = frozenset({"Next", "Comment", "Assign"})


def compile_rule(rule: Fields, references: set[str], depth: int = 0) -> Test:
    """The test of a rule or of a rule within one; what is wrong is reported."""
    extra = _RULE if depth == 0 else frozenset({"Comment"})
    if depth > MAX_DEPTH:
        rule.error(f"Choice rules may be nested {MAX_DEPTH} deep")
        return _never
    combined = [name for name in BOOLEAN_OPERATORS if name in rule]
    operators = [name for name in rule.body if name in OPERATORS]
    if len(combined) + len(operators) != 1:
        if not combined and not operators:
            rule.error(
                "Exactly one comparison operator, or one of And, Or, Not is required"
                if "Variable" in rule
                else "These fields are required: [Variable]"
            )
        else:
            rule.error("A Choice Rule must have exactly one operator")
        return _never
    if combined:
        rule.only({*extra, combined[0]})
        return _combination(rule, combined[0], references, depth)
    operator = operators[0]
    rule.only({*extra, "Variable", operator})
    if not rule.require("Variable"):
        return _never
    variable = _path(rule, "Variable", references)
    if variable is None:
        return _never
    return _operation(rule, operator, variable, references)


def _never(data: Json, scope: Scope) -> bool:
    return False


def _combination(rule: Fields, name: str, references: set[str], depth: int) -> Test:
    if name == "Not":
        inner = rule.object("Not")
        if inner is None:
            return _never
        test = compile_rule(inner, references, depth + 1)
        return lambda data, scope: not test(data, scope)
    tests = [compile_rule(part, references, depth + 1) for part in rule.objects(name, empty=False)]
    if name == "And":
        return lambda data, scope: all(test(data, scope) for test in tests)
    return lambda data, scope: any(test(data, scope) for test in tests)


def _path(rule: Fields, name: str, references: set[str]) -> Path | None:
    text = rule.text(name)
    if text is None:
        return None
    try:
        path = parse_path(text)
        if not path.is_reference:
            raise InvalidPath("it must identify a single node")
    except InvalidPath as problem:
        rule.error(f"Value is not a Reference Path: {problem}", name)
        return None
    note_variable(path, references)
    return path


def _reading(path: Path) -> Callable[[Json, Scope], Json]:
    get, text = path.get, path.text

    def read(data: Json, scope: Scope) -> Json:
        try:
            return get(data, scope)
        except PathNotFound:
            raise StatesError(
                "States.Runtime",
                f"Invalid path '{text}': The choice state's condition path references an invalid value.",
            ) from None

    return read


def _operation(rule: Fields, operator: str, variable: Path, references: set[str]) -> Test:
    """One operator on one variable."""
    if operator == "IsPresent" or operator in TYPE_TESTS:
        return _type_test(rule, operator, variable)
    read = _reading(variable)
    if operator == "StringMatches":
        text = rule.text(operator)
        pattern = compile_pattern(text or "")
        return lambda data, scope: (
            isinstance(value := read(data, scope), str) and pattern.fullmatch(value) is not None
        )
    if operator.endswith("Path"):
        other = _path(rule, operator, references)
        if other is None:
            return _never
        compare, read_other = COMPARISONS[operator.removesuffix("Path")], _reading(other)
        return lambda data, scope: compare(read(data, scope), read_other(data, scope))
    literal = rule.get(operator)
    if not _check_literal(rule, operator, literal):
        return _never
    return _against(COMPARISONS[operator], operator, read, literal)


def _against(compare: Compare, operator: str, read: Callable[[Json, Scope], Json], literal: Json) -> Test:
    """A comparison with a constant: the frequent ones without a second look at its type."""
    if operator == "StringEquals":
        return lambda data, scope: bool(read(data, scope) == literal)
    if operator == "BooleanEquals":
        return lambda data, scope: read(data, scope) is literal
    return lambda data, scope: compare(read(data, scope), literal)


def _check_literal(rule: Fields, operator: str, literal: Json) -> bool:
    if operator.startswith("Timestamp"):
        if parse_timestamp(literal) is None:
            rule.error("String does not match RFC3339 timestamp", operator)
            return False
        return True
    kinds: dict[str, tuple[str, Callable[[Json], bool]]] = {
        "Boolean": ("Boolean", lambda value: isinstance(value, bool)),
        "String": ("String", lambda value: isinstance(value, str)),
        "Numeric": ("Number", is_number),
    }
    kind, fits = next(kinds[prefix] for prefix in kinds if operator.startswith(prefix))
    if not fits(literal):
        rule.error(f"Expected value of type {kind}", operator)
        return False
    return True


def _type_test(rule: Fields, operator: str, variable: Path) -> Test:
    """IsPresent, IsNull and their sisters: true or false is asked for."""
    wanted = rule.boolean(operator)
    if wanted is None:
        if rule.get(operator) is None:
            rule.error("Expected value of type Boolean", operator)
        return _never
    if operator == "IsPresent":
        get = variable.get

        def present(data: Json, scope: Scope) -> bool:
            try:
                get(data, scope)
            except PathNotFound:
                return not wanted
            return wanted

        return present
    read, test = _reading(variable), TYPE_TESTS[operator]
    return lambda data, scope: test(read(data, scope)) is wanted


def compile_pattern(text: str) -> re.Pattern[str]:
    r"""StringMatches: `*` is any text; `\*` and `\\` are themselves.

    Runs of `*` are one, and each part is matched as early as it can be (an atomic group), so that no
    pattern backtracks.
    """
    parts: list[str] = [""]
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text) and text[at + 1] in "*\\":
            parts[-1] += text[at + 1]
            at += 2
            continue
        if char == "*":
            parts.append("")
        else:
            parts[-1] += char
        at += 1
    if len(parts) == 1:
        return re.compile(re.escape(parts[0]), re.DOTALL)
    first, *middle, last = parts
    inner = "".join(f"(?>.*?{re.escape(part)})" for part in middle if part)
    return re.compile(f"{re.escape(first)}{inner}.*{re.escape(last)}", re.DOTALL)
