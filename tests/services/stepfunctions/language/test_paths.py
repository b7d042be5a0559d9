"""JSONPath: what a path finds, how it fails, and that no text is more than refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.stepfunctions.language.helpers import a_scope

from ballroom.services.stepfunctions.language.path import InvalidPath, PathNotFound, parse_path

DATA = {
    "a": {"b": [1, 2, 3], "c": "x", "odd key": 5, "it's": 6},
    "users": [{"year": 1999, "name": "x", "tags": ["t"]}, {"year": 2000, "name": "y"}],
    "n": None,
}


def find(path: str, data: Any = DATA, **variables: Any) -> Any:
    return parse_path(path).get(data, a_scope(data, **variables))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DATA),
        ("$.a.b[0]", 1),
        ("$.a.b[-1]", 3),
        ("$['a']['odd key']", 5),
        ("$['a']['it\\'s']", 6),
        ('$["a"]["c"]', "x"),
        ("$.n", None),
        ("$$.Execution.Id", "e"),
        ("$.a.b[1:]", [2, 3]),
        ("$.a.b[:-1]", [1, 2]),
        ("$.a.b[0,2]", [1, 3]),
        ("$.a.b[*]", [1, 2, 3]),
        ("$.users[*].name", ["x", "y"]),
        ("$..name", ["x", "y"]),
        ("$.users[*]['year','name']", [{"year": 1999, "name": "x"}, {"year": 2000, "name": "y"}]),
        ("$.users[?(@.year < 2000)].name", ["x"]),
        ("$.users[?(@.year == 2000 || @.name == 'x')].name", ["x", "y"]),
        ("$.users[?(@.year > 1990 && !(@.name == 'x'))].name", ["y"]),
        ("$.users[?(@.tags)].name", ["x"]),
        ("$.users[?(!@.tags)].name", ["y"]),
        ("$.users[?(@.name in ['y', 'z'])].year", [2000]),
        ("$.users[?(@.name =~ /X/i)].year", [1999]),
        ("$.users[?(@.year > $.a.b[0])].name", ["x", "y"]),
        ("$.users[?(@.name > 5)]", []),
        ("$.nothing[*].at[1:].all", []),
        ("$[*].nothing", []),
    ],
)
def test_a_path_finds(path: str, found: Any) -> None:
    assert find(path) == found


def test_a_path_that_starts_with_a_name_reads_a_variable() -> None:
    assert find("$order.lines[0]", order={"lines": ["first"]}) == "first"
    with pytest.raises(PathNotFound):
        find("$order")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("$.q", "No results for path: $['q']"),
        ("$.q.r", "Missing property in path $['q']"),
        ("$.a.b[7]", "No results for path: $['a']['b'][7]"),
        ("$.n[0]", "The path $['n'] is null"),
        (
            "$.a.c.d",
            "Expected to find an object with property ['d'] in path $['a']['c'] but found 'java.lang.String'. "
            "This is not a json object according to the JsonProvider: "
            "'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
    ],
)
def test_a_definite_path_that_leads_nowhere_says_so(path: str, told: str) -> None:
    with pytest.raises(PathNotFound) as raised:
        find(path)
    assert str(raised.value) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "$.",
        "$..",
        "$[",
        "$['a",
        "$.a b",
        "$[?(@.a]",
        "$[?(@.a ==)]",
        "$[?@.a]",
        "$[:]",
        "$a-b[",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        parse_path(text)


@pytest.mark.parametrize(
    "bomb",
    [
        "$" + ".a" * 5000,
        "$" + "[?(@.a" * 500,
        "$[?(" + "(" * 3000 + "@.a" + ")" * 3000 + ")]",
        "$" + "..a" * 200,
    ],
)
def test_bombs_are_refused_or_harmless(bomb: str) -> None:
    with contextlib.suppress(InvalidPath, PathNotFound):
        parse_path(bomb).get(DATA, a_scope())


def test_a_hostile_regular_expression_ends() -> None:
    assert find("$[?(@.s =~ /(a+)+$/)]", [{"s": "a" * 40 + "b"}]) == []


NAMES = st.text(alphabet="abcXYZ_09-é", min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def walk(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        value = value[step]
    return value


def places(value: Any, so_far: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [so_far]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*so_far, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*so_far, index))
    return found


@given(JSON, st.data())
def test_every_place_is_found_by_its_path(value: Any, data: st.DataObject) -> None:
    steps = list(data.draw(st.sampled_from(places(value))))
    bracketed = "$" + "".join(f"[{s}]" if isinstance(s, int) else f"['{s}']" for s in steps)
    dotted = "$" + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
    assert find(bracketed, value) == walk(value, steps)
    assert find(dotted, value) == walk(value, steps)


@given(JSON)
def test_a_deep_scan_sees_every_container(value: Any) -> None:
    expected = [walk(value, list(place)) for place in places(value)[1:]]
    found = find("$..*", value)
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))


@settings(max_examples=300)
@given(st.text(alphabet="$.[]()?@'\"*:,-0123abc =!<>&|~/ \\", max_size=30))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidPath, PathNotFound):
        parse_path("$" + text).get(DATA, a_scope())
