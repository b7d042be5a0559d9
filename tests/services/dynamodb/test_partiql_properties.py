"""Whatever a statement is, the parser answers AWS's refusal or a statement, soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import ServiceError
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.keys import Schema
from ballroom.services.dynamodb.partiql.compiling import plan, steps
from ballroom.services.dynamodb.partiql.parser import parse

from .tables import a_table, put

WORDS = [
    "SELECT", "*", "FROM", "tab", '"tab"', ".", "WHERE", "a", "b[0]", "=", "<>", "'x'", "1", "-1.5e3", "AND", "OR",
    "NOT", "(", ")", "IN", "[", "]", ",", "BETWEEN", "IS", "MISSING", "NULL", "?", "INSERT", "INTO", "VALUE", "{",
    "}", ":", "'a'", "<<", ">>", "UPDATE", "SET", "REMOVE", "list_append", "set_add", "size", "begins_with",
    "RETURNING", "ALL", "OLD", "DELETE", "EXISTS", "ORDER", "BY", "DESC", "+", "-", ";", "'", '"', "--", "/*",
]  # fmt: skip
STARTS = [
    [],
    ["SELECT", "*", "FROM", "tab", "WHERE"],
    ["UPDATE", "tab", "SET"],
    ["INSERT", "INTO", "tab", "VALUE"],
]


def understood(text: str) -> None:
    try:
        statement = parse(text)
        plan(statement, Schema({"a": "S"}, "a", None))
        steps(statement)
    except Invalid:
        pass


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(STARTS), st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_words(start: list[str], words: list[str]) -> None:
    understood(" ".join(start + words))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    understood(text)
    understood("SELECT * FROM tab WHERE " + text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM tab WHERE " + "(" * 8000,
        "SELECT * FROM tab WHERE " + "NOT " * 2000 + "a = 1",
        "SELECT * FROM tab WHERE a = " + "[" * 8000,
        "INSERT INTO tab VALUE " + "{'a':" * 1600,
        "SELECT * FROM tab WHERE " + "a=1 AND " * 1000 + "a=1",
        "SELECT * FROM tab WHERE " + "a=1 OR " * 1000 + "a=1",
        "SELECT * FROM tab WHERE " + "size(" * 1600,
        "UPDATE tab SET a = " + "a+" * 4000 + "1 WHERE a = 1",
        "SELECT a" + ".a" * 4000 + " FROM tab",
        "SELECT * FROM tab " + "/*" * 4000,
        "SELECT * FROM tab " + "/**/ " * 1600,
        "SELECT * FROM tab WHERE a = '" + "''" * 4000,
        "SELECT * FROM tab WHERE a IN [" + "1," * 4000 + "1]",
        "SELECT " + ",".join(f"a{n}" for n in range(1500)) + " FROM tab",
    ],
)
def test_the_largest_statements_are_answered_soon(text: str) -> None:
    began = time.process_time()
    understood(text)
    assert time.process_time() - began < 0.5


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        ["SELECT * FROM tab WHERE pk = 'a' AND", "UPDATE tab SET", "DELETE FROM tab WHERE pk='a' AND"]
    ),
    st.lists(st.sampled_from([*WORDS, "pk", "sk", "more", "pk = 'a'", "WHERE pk = 'a'"]), max_size=12),
    st.lists(st.sampled_from([{"S": "a"}, {"N": "1"}, {"L": []}, {"SS": ["a"]}]), min_size=1, max_size=3),
)
def test_whatever_a_statement_asks_for_is_answered(
    cloud: Cloud, start: str, words: list[str], parameters: list[dict[str, Any]]
) -> None:
    try:
        put(cloud, pk="a", a=1, more=[1, {"x": "y"}])
    except ServiceError:
        a_table(cloud)
    for given_parameters in ({}, {"Parameters": parameters}):
        refused = ""
        try:
            cloud.dynamodb("ExecuteStatement", Statement=" ".join([start, *words]), **given_parameters)
        except ServiceError as error:
            refused = error.shape
        assert refused in ("", "ValidationException", "ConditionalCheckFailedException"), refused
