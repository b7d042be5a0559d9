"""Conditions against a model of a few lines: plain Python on plain values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ballroom.kernel import ServiceError
from ballroom.services.dynamodb.expressions.conditions import condition
from ballroom.services.dynamodb.expressions.environment import Environment
from ballroom.services.dynamodb.values.attribute_values import take_attributes

from .tables import item, value

Item = dict[str, Any]
Test = tuple[str, Callable[[Item], bool]]
"""The text of a condition (with `{n}` where its n-th value stands) and what it means."""

scalars = st.one_of(st.integers(-3, 3), st.sampled_from(["", "a", "ab", "b"]))
names = st.sampled_from(["x", "y", "z"])
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def same_type(one: Any, other: Any) -> bool:
    return one is not None and type(one) is type(other)


def compare(name: str, symbol: str, literal: Any) -> Test:
    def means(it: Item) -> bool:
        found = it.get(name)
        if symbol == "=":
            return same_type(found, literal) and found == literal
        if symbol == "<>":
            return not (same_type(found, literal) and found == literal)
        return same_type(found, literal) and bool(ORDERS[symbol](found, literal))

    return f"{name} {symbol} {literal!r}", means


def exists(name: str, present: bool) -> Test:
    function = "attribute_exists" if present else "attribute_not_exists"
    return f"{function}({name})", lambda it: (name in it) is present


def negated(test: Test) -> Test:
    return f"NOT ({test[0]})", lambda it: not test[1](it)


def joined(word: str, tests: list[Test]) -> Test:
    decide = all if word == "AND" else any
    return f" {word} ".join(f"({text})" for text, _ in tests), lambda it: decide(
        means(it) for _, means in tests
    )


leaves = st.one_of(
    st.builds(compare, names, st.sampled_from(["=", "<>", *ORDERS]), scalars),
    st.builds(exists, names, st.booleans()),
)
tests = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(negated),
        st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=4)),
    ),
    max_leaves=12,
)


def with_values(text: str) -> tuple[str, dict[str, Any]]:
    """The text with its literals replaced by `:n`."""
    given: dict[str, Any] = {}
    parts = []
    for word in text.split(" "):
        bare = word.rstrip(")")
        if bare[:1] in "'-0123456789" and bare:
            name = f":v{len(given)}"
            given[name] = value(bare[1:-1] if bare[0] == "'" else int(bare))
            word = name + word[len(bare) :]
        parts.append(word)
    return " ".join(parts), given


@settings(deadline=None)
@given(tests, st.dictionaries(names, scalars))
def test_conditions_mean_what_they_say(test: Test, it: Item) -> None:
    text, given = with_values(test[0])
    environment = Environment({"ExpressionAttributeValues": given} if given else {})
    found = condition("FilterExpression", text, environment)
    environment.check_all_used()
    assert found(take_attributes(item(**it))) is test[1](it)


@settings(deadline=None)
@given(st.text(alphabet="ab:#()[]<>=,.0 \tNOTANDR'é\x00", max_size=60))
@example("(" * 4000)
@example("a" * 4096)
@example("a[" + "9" * 4000 + "] = a")
@example("NOT " * 1000 + "a")
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for kind in ("ConditionExpression", "FilterExpression"):
        try:
            condition(kind, text, Environment({}))
        except ServiceError as error:
            if error.shape != "ValidationException":
                raise
