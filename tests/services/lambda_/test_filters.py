from __future__ import annotations

import json
from typing import Any

import pytest

from ballroom.services.lambda_.filters import BadPattern, compile_filters, compile_pattern, filterable


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        (["red"], ["red", ["blue", "red"]], ["blue", None, 1, []]),
        ([1], [1, 1.0], ["1", 2, True]),
        ([None], [None], ["", 0]),
        ([True], [True], [1, "true"]),
        ([{"prefix": "re"}], ["red"], ["ared", 1]),
        ([{"prefix": {"equals-ignore-case": "RE"}}], ["red", "Red"], ["ared"]),
        ([{"suffix": "ed"}], ["red"], ["edr"]),
        ([{"equals-ignore-case": "RED"}], ["red", "Red"], ["re"]),
        ([{"anything-but": "red"}], ["blue", 1], ["red"]),
        ([{"anything-but": ["red", "blue"]}], ["green"], ["red", "blue"]),
        ([{"anything-but": {"prefix": "re"}}], ["blue"], ["red"]),
        ([{"numeric": [">", 10]}], [11], [10, "11", True]),
        ([{"numeric": [">=", 10, "<", 20]}], [10, 19.5], [9, 20]),
        ([{"numeric": ["=", 10]}], [10, 10.0], [11]),
        ([{"exists": True}], ["x", None, 0], []),
        ([{"wildcard": "a*c"}], ["abc", "ac"], ["abd"]),
        ([{"wildcard": "a\\*c"}], ["a*c"], ["abc"]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.7"], ["10.0.1.7", "no address"]),
        (["red", {"prefix": "bl"}], ["red", "blue"], ["green"]),
    ],
    ids=str,
)
def test_a_rule_matches_what_it_should(rule: Any, matching: list[Any], other: list[Any]) -> None:
    test = compile_pattern(json.dumps({"body": {"key": rule}}))
    assert all(test({"body": {"key": value}}) for value in matching)
    assert not any(test({"body": {"key": value}}) for value in other)


def test_absence_is_seen_at_any_depth() -> None:
    absent = compile_pattern(json.dumps({"body": {"a": {"b": [{"exists": False}]}}}))
    assert absent({"body": {}})
    assert absent({"body": {"a": {}}})
    assert not absent({"body": {"a": {"b": 1}}})
    present = compile_pattern(json.dumps({"body": {"a": {"b": [{"exists": True}]}}}))
    assert not present({"body": {}})


def test_all_fields_must_match_but_one_of_or_is_enough() -> None:
    both = compile_pattern(json.dumps({"body": {"a": [1], "b": [2]}}))
    assert both({"body": {"a": 1, "b": 2}})
    assert not both({"body": {"a": 1}})
    either = compile_pattern(json.dumps({"$or": [{"body": {"a": [1]}}, {"body": {"b": [2]}}]}))
    assert either({"body": {"b": 2}})
    assert not either({"body": {"a": 2, "b": 1}})


def test_any_filter_of_a_mapping_is_enough() -> None:
    accepts = compile_filters(['{"body": {"a": [1]}}', '{"body": {"b": [2]}}'])
    assert accepts is not None
    assert accepts({"body": {"b": 2}})
    assert compile_filters([]) is None


def test_a_body_that_is_no_json_meets_only_plain_text_patterns() -> None:
    plain, fields = compile_pattern('{"body": ["hello"]}'), compile_pattern('{"body": {"a": [1]}}')
    assert plain(filterable({"body": "hello"}))
    assert not fields(filterable({"body": "hello"}))
    assert fields(filterable({"body": '{"a": 1}'}))
    assert not plain(filterable({"body": '{"a": 1}'}))


@pytest.mark.parametrize(
    "pattern",
    [
        "no json", "[]", '"text"', "{}", '{"body": "plain"}', '{"body": {}}', '{"body": []}',
        '{"body": [{"unknown": 1}]}', '{"body": [{"prefix": 1}]}', '{"body": [{"numeric": [">"]}]}',
        '{"body": [{"numeric": ["~", 1]}]}', '{"body": [{"exists": "yes"}]}', '{"body": [[1]]}',
        '{"body": [{"anything-but": []}]}', '{"body": [{"cidr": "x"}]}', '{"body": [{"wildcard": "a**"}]}',
        '{"body": [{"prefix": "a", "suffix": "b"}]}', '{"body": ["' + "x" * 5000 + '"]}',
    ],
)  # fmt: skip
def test_a_broken_pattern_is_refused_when_it_is_made(pattern: str) -> None:
    with pytest.raises(BadPattern, match="Invalid filter pattern definition"):
        compile_pattern(pattern)
