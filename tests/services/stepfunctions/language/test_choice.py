"""Choice: operators, their combinations, and where a state leads."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.stepfunctions.language.helpers import a_scope, a_state, jsonata

from ballroom.services.stepfunctions.language import StatesError
from ballroom.services.stepfunctions.language.choice import COMPARISONS, compile_pattern


def holds(rule: dict[str, Any], given: Any, **variables: Any) -> bool:
    state = a_state("Choice", Choices=[{**rule, "Next": "Yes"}], Default="No")
    return bool(state.step(a_scope(given, **variables)).next == "Yes")


@pytest.mark.parametrize(
    ("operator", "literal", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringLessThan", "b", "a", True),
        ("StringMatches", "log-*.txt", "log-1.2.txt", True),
        ("StringMatches", "log-\\*", "log-x", False),
        ("StringMatches", "log-\\*", "log-*", True),
        ("StringMatches", "*", "line\nbreak", True),
        ("NumericEquals", 1, 1.0, True),
        ("NumericEquals", 1, True, False),
        ("NumericGreaterThan", 1, "2", False),
        ("BooleanEquals", True, 1, False),
        ("TimestampEquals", "2016-03-14T01:59:00Z", "2016-03-14T03:59:00.000+02:00", True),
        ("TimestampLessThan", "2016-03-14T01:59:00Z", "2016-03-14T01:58:59.999Z", True),
        ("TimestampLessThan", "2016-03-14T01:59:00Z", "yesterday", False),
        ("IsNull", True, None, True),
        ("IsNumeric", True, True, False),
        ("IsTimestamp", True, "2016-03-14T01:59:00", False),
        ("IsTimestamp", True, "2016-03-14T01:59:00Z", True),
        ("IsPresent", True, None, True),
    ],
)
def test_operators(operator: str, literal: Any, value: Any, expected: bool) -> None:
    assert holds({"Variable": "$.v", operator: literal}, {"v": value}) is expected


def test_what_is_absent_is_only_present_or_not() -> None:
    assert holds({"Variable": "$.q", "IsPresent": False}, {})
    with pytest.raises(StatesError) as raised:
        holds({"Variable": "$.q", "IsNull": True}, {})
    assert raised.value.error == "States.Runtime"
    told = "Invalid path '$.q': The choice state's condition path references an invalid value."
    assert raised.value.cause == told


def test_rules_combine() -> None:
    both = {"And": [{"Variable": "$.a", "NumericGreaterThan": 1}, {"Not": {"Variable": "$.b", "IsNull": True}}]}
    assert holds(both, {"a": 2, "b": 0})
    assert not holds(both, {"a": 2, "b": None})
    assert holds({"Or": [{"Variable": "$.q", "IsPresent": True}, both]}, {"a": 2, "b": 0})
    assert holds({"Variable": "$v", "NumericEqualsPath": "$.a"}, {"a": 2}, v=2)


def test_without_a_default_no_match_is_an_error() -> None:
    state = a_state("Choice", Choices=[{"Variable": "$.a", "IsNull": True, "Next": "B"}])
    with pytest.raises(StatesError) as raised:
        state.step(a_scope({"a": 1}))
    assert raised.value.error == "States.NoChoiceMatched"


def test_the_rule_that_holds_assigns_and_gives_the_output() -> None:
    rules = [
        {"Condition": "{% $states.input.x > 1 %}", "Next": "A", "Output": "rule", "Assign": {"by": "rule"}}
    ]
    state = jsonata("Choice", Choices=rules, Default="B", Output="default", Assign={"by": "default"})
    first, second = state.step(a_scope({"x": 2})), state.step(a_scope({"x": 1}))
    assert (first.next, first.output, first.assigned) == ("A", "rule", {"by": "rule"})
    assert (second.next, second.output, second.assigned) == ("B", "default", {"by": "default"})
    with pytest.raises(StatesError) as raised:
        jsonata("Choice", Choices=[{"Condition": "{% 1 %}", "Next": "A"}]).step(a_scope())
    assert "'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean'" in str(raised.value)


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("ab*", max_size=3)


@given(SCALARS, SCALARS)
def test_orders_agree_with_each_other(left: Any, right: Any) -> None:
    for kind in ("String", "Numeric"):
        less = COMPARISONS[f"{kind}LessThan"](left, right)
        equal = COMPARISONS[f"{kind}Equals"](left, right)
        greater = COMPARISONS[f"{kind}GreaterThan"](left, right)
        comparable = less or equal or greater
        assert [less, equal, greater].count(True) == (1 if comparable else 0)
        assert COMPARISONS[f"{kind}LessThanEquals"](left, right) is (less or equal)
        assert COMPARISONS[f"{kind}GreaterThanEquals"](left, right) is (greater or equal)
        assert COMPARISONS[f"{kind}GreaterThan"](right, left) is less


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_globs_do(pattern: str, text: str) -> None:
    assert (compile_pattern(pattern).fullmatch(text) is not None) is fnmatch.fnmatchcase(text, pattern)


def test_a_pattern_of_many_stars_ends() -> None:
    assert compile_pattern("*a" * 60 + "*b").fullmatch("a" * 5000) is None
