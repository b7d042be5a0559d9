"""The compiled matcher and the index agree with the plainest reading of the language."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ballroom.kernel.matcher import Pattern, RuleIndex, compile_pattern
from tests.kernel.matcher import naive

KEYS = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "a", "ab", "aba", "B", "AB", "10.0.0.1", "10.0.1.7", "2001:db8::1"])
NUMBERS = st.sampled_from([-1, 0, 1, 1.0, 1.5, 2, 300, 9007199254740993])
SCALARS = st.one_of(TEXTS, NUMBERS, st.none(), st.booleans())
STRINGS = st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=2))
AFFIX = st.sampled_from(["a", "b", "ab"])
SMALL = st.sampled_from([-1, 0, 1, 1.5, 2])


def expressions() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda kind, text: {kind: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), TEXTS),
        st.builds(lambda kind, text: {kind: {"equals-ignore-case": text}}, st.sampled_from(["prefix", "suffix"]), TEXTS),
        st.sampled_from(["*", "a*", "*a", "a*a", "*b*", "ab"]).map(lambda text: {"wildcard": text}),
        st.booleans().map(lambda there: {"exists": there}),
        st.sampled_from(["10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "10.0.0.1"]).map(lambda n: {"cidr": n}),
        st.builds(lambda op, n: {"numeric": [op, n]}, st.sampled_from(["<", "<=", "=", ">=", ">"]), SMALL),
        st.sampled_from([[">", 0, "<=", 2], [">=", -1, "<", 1.5]]).map(lambda bounds: {"numeric": bounds}),
        STRINGS.map(lambda operand: {"anything-but": operand}),
        st.one_of(SMALL, st.lists(SMALL, min_size=1, max_size=2)).map(lambda operand: {"anything-but": operand}),
        st.builds(
            lambda kind, operand: {"anything-but": {kind: operand}},
            st.sampled_from(["prefix", "suffix", "wildcard", "equals-ignore-case"]),
            st.one_of(AFFIX, st.lists(AFFIX, min_size=1, max_size=2)),
        ),
    )  # fmt: skip


FIELDS = st.lists(st.one_of(SCALARS, expressions()), min_size=1, max_size=3)


def patterns(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    inner = FIELDS if depth == 0 else st.one_of(FIELDS, FIELDS, patterns(depth - 1))
    plain = st.dictionaries(st.one_of(KEYS, KEYS, st.just("a.b")), inner, min_size=1, max_size=2)
    if depth == 0:
        return plain
    choice = st.lists(patterns(depth - 1), min_size=2, max_size=2)
    return st.one_of(plain, plain, st.builds(lambda fields, options: {**fields, "$or": options}, plain, choice))


def contents(depth: int = 3) -> st.SearchStrategy[Any]:
    if depth == 0:
        return SCALARS
    inner = contents(depth - 1)
    return st.one_of(SCALARS, st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=2))


EVENTS = st.dictionaries(KEYS, contents(), max_size=3)


@given(st.lists(patterns(), min_size=1, max_size=6), st.lists(EVENTS, min_size=1, max_size=4))
@settings(max_examples=250, deadline=None)
def test_index_pattern_and_naive_reading_agree(
    rules: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    compiled: dict[str, Pattern] = {f"r{n}": compile_pattern(json.dumps(rule)) for n, rule in enumerate(rules)}
    index = RuleIndex()
    for name, pattern in compiled.items():
        index.add(name, pattern)
    for removed in [None, *list(compiled)[::2]]:
        if removed is not None:
            index.remove(removed)
        for event in events:
            expected = {
                f"r{n}" for n, rule in enumerate(rules) if f"r{n}" in index and naive.matches(rule, event)
            }
            assert {name for name in compiled if name in index and compiled[name].matches(event)} == expected
            found = index.match(json.dumps(event).encode())
            assert set(found) == expected
            assert len(found) == len(expected)


def test_an_index_that_lost_all_its_rules_holds_nothing() -> None:
    index = RuleIndex()
    rules: list[dict[str, Any]] = [
        {"a": {"b": [1, {"prefix": "x"}]}},
        {"a.b": [{"numeric": [">", 1, "<", 2]}]},
        {"c": [{"exists": False}]},
    ]
    for n, rule in enumerate(rules):
        index.add(str(n), compile_pattern(rule))
    for n in range(len(rules)):
        index.remove(str(n))
    index.remove("never there")
    assert index.match({"a": {"b": 1}}) == []
    assert len(index) == 0
    assert not index._root.children
    assert not index._root.dotted
