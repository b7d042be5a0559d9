from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ballroom.kernel.matcher import (
    EVENTS,
    SNS_ATTRIBUTES,
    SNS_BODY,
    Dialect,
    InvalidPattern,
    RuleIndex,
    compile_pattern,
)


def reason(pattern: Any, dialect: Dialect = EVENTS) -> str:
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(text, dialect)
    return caught.value.reason


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"a": []}, "Empty arrays are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({}, "Empty objects are not allowed"),
        ({"a": "b"}, '"a" must be an object or an array'),
        ({"a": [{"sounds-like": "b"}]}, "Unrecognized match type sounds-like"),
        ({"a": [{"prefix": "b", "suffix": "c"}]}, "Only one key allowed in match expression"),
        ({"a": [{"numeric": [">", 5, "<", 1]}]}, "Bottom must be less than top"),
        ({"a": [{"numeric": ["=", 5, "<", 1]}]}, "Too many elements in numeric expression"),
        ({"a": [{"numeric": ["!", 5]}]}, "Unrecognized numeric range operator: !"),
        ({"a": [{"numeric": 5}]}, "Value of numeric must be an array."),
        ({"a": [{"anything-but": 9007199254740993}]}, "Cannot compare number : 9007199254740993"),
        ({"a": [{"anything-but": ["b", 1]}]},
         "Inside anything but list, either all values are number or string, mixed type is not supported"),
        ({"a": [{"cidr": "10.0.0.0/8/1"}]}, "Malformed CIDR, one '/' required"),
        ({"a": [{"wildcard": "a\\b"}]}, "Invalid escape character at pos 2"),
        ({"$or": [{"a": ["b"]}]}, "There must have at least 2 Objects for $or relationship."),
        ("", "Filter is not an object"),
        ('"text"', "Filter is not an object"),
    ],
    ids=str,
)  # fmt: skip
def test_a_broken_pattern_is_told_what_is_wrong(pattern: Any, expected: str) -> None:
    assert reason(pattern) == expected


def test_the_place_of_an_error_counts_lines_and_shows_the_text() -> None:
    text = '{\n  "a": [\n    {"prefix": 12}\n  ]\n}'
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(text)
    assert str(caught.value) == (
        "Event pattern is not valid. Reason: prefix match pattern must be a string\n"
        f' at [Source: (String)"{text}"; line: 3, column: 18]'
    )


def test_a_field_called_or_is_an_ordinary_field_when_it_holds_no_choice() -> None:
    assert compile_pattern({"$or": ["b", {"prefix": "c"}]}).matches({"$or": "cd"})


def test_choices_multiply_up_to_a_thousand() -> None:
    choice = [{"x": [1]}, {"y": [1]}]

    def nested(levels: int) -> dict[str, Any]:
        pattern: dict[str, Any] = {}
        for level in range(levels):
            pattern[f"k{level}"] = {"$or": choice}
        return pattern

    assert len(compile_pattern(nested(9)).conjunctions) == 512
    assert "1000 combinations" in reason(nested(10))


def test_subscriptions_speak_their_own_dialect() -> None:
    assert (
        reason({"a": [{"anything-but": {"suffix": "x"}}]}, SNS_BODY)
        == "Unsupported anything-but pattern: suffix"
    )
    assert "nested filter policy" in reason({"a": {"b": ["c"]}}, SNS_ATTRIBUTES)
    assert "more than 5 keys" in reason({f"k{n}": [1] for n in range(6)}, SNS_BODY)
    assert "too complex" in reason(
        {"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}, "f": [1, 2, 3]}, SNS_BODY
    )
    assert compile_pattern({"a.b": ["c"]}, SNS_ATTRIBUTES).matches({"a.b": "c"})
    assert not compile_pattern({"a.b": ["c"]}, SNS_ATTRIBUTES).matches({"a": {"b": "c"}})


def test_a_rule_of_the_same_name_is_replaced() -> None:
    index = RuleIndex()
    index.add("r", compile_pattern({"a": ["one"]}))
    index.add("r", compile_pattern({"a": ["two"]}))
    assert index.match({"a": "one"}) == []
    assert index.match({"a": "two"}) == ["r"]


@pytest.mark.parametrize("event", [b"[]", b'"text"', b"{}", b"null", b"1"])
def test_what_is_no_object_matches_nothing(event: bytes) -> None:
    index = RuleIndex()
    index.add("r", compile_pattern({"a": [{"exists": True}]}))
    assert index.match(event) == []


def hostile_wildcard() -> tuple[str, str]:
    return "a*" * 60 + "b", "a" * 200_000


def test_wildcards_chosen_to_explode_take_linear_time() -> None:
    wildcard, text = hostile_wildcard()
    index = RuleIndex()
    for n in range(20):
        index.add(str(n), compile_pattern({"k": [{"wildcard": wildcard + str(n)}], "n": [{"exists": False}]}))
    started = time.process_time()
    assert index.match({"k": text}) == []
    assert time.process_time() - started < 2
    assert "too complex" in reason({"k": [{"wildcard": "a*" * 1000}]})


def test_ten_thousand_alternatives_cost_one_look_up() -> None:
    index = RuleIndex()
    index.add("r", compile_pattern({"k": [f"v{n}" for n in range(10_000)]}))
    index.add("p", compile_pattern({"k": [{"prefix": f"v{n}"} for n in range(5_000)]}))
    started = time.process_time()
    for _ in range(200):
        assert set(index.match({"k": "v4321"})) == {"r", "p"}
    assert time.process_time() - started < 1  # looking at each of them would take ten


def test_deep_nesting_is_refused_or_looked_at_in_bounded_time() -> None:
    deep: Any = ["x"]
    for _ in range(300):
        deep = {"k": deep}
    assert "nested too deeply" in reason(deep)
    event: Any = "x"
    for _ in range(900):
        event = [event]
    for _ in range(50):
        event = {"a.b": event, "k": event}
        event = {"a.b": [[event["a.b"]]]}
    index = RuleIndex()
    index.add("r", compile_pattern({"a": {"b": [{"exists": True}], "c": ["d"]}}))
    assert index.match(event) == []


def test_many_objects_in_arrays_do_not_multiply() -> None:
    elements = [{"a": n, "b": n + 1, "c": [{"d": n, "e": n + 1} for n in range(30)]} for n in range(200)]
    pattern = compile_pattern({"l": {"a": [{"exists": True}], "b": [-1], "c": {"d": [1], "e": [1]}}})
    started = time.process_time()
    assert not pattern.matches({"l": elements})
    assert time.process_time() - started < 2


def test_adding_a_rule_costs_the_same_whatever_their_number() -> None:
    def adding(index: RuleIndex, first: int) -> float:
        patterns = [
            compile_pattern({"source": ["s"], "detail": {"id": [f"o-{first + n}"]}}) for n in range(1000)
        ]
        started = time.process_time()
        for n, pattern in enumerate(patterns):
            index.add(f"{first + n}", pattern)
        return time.process_time() - started

    index = RuleIndex()
    few = min(adding(index, 1000 * n) for n in range(3))
    for n in range(3, 18):
        adding(index, 1000 * n)
    many = min(adding(index, 1000 * n) for n in range(18, 21))
    assert many < 8 * few
    assert index.match({"source": "s", "detail": {"id": "o-20500"}}) == ["20500"]
