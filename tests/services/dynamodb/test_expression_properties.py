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
from ballroom.services.dynamodb.expressions.key_conditions import key_conditions
from ballroom.services.dynamodb.expressions.projections import projected
from ballroom.services.dynamodb.expressions.updates import update
from ballroom.services.dynamodb.values.attribute_values import size_of_attributes, take_attributes

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


# -- texts near the grammar --------------------------------------------------------------------------

WORDS = [
    "a", "b", "#n", "#n.b", "a[0]", "a[1].b", ":s", ":n", ":l", ":ss", ":none", "size", "(", ")", ",", "=", "<>", "<",
    ">=", "+", "-", "AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE", "attribute_exists",
    "attribute_type", "begins_with", "contains", "if_not_exists", "list_append", "abort", "[", "]", ".", "7",
]  # fmt: skip
DEFINED = {
    "ExpressionAttributeNames": {"#n": "n"},
    "ExpressionAttributeValues": {
        ":s": {"S": "S"}, ":n": {"N": "1"}, ":l": {"L": [{"N": "1"}]}, ":ss": {"SS": ["a"]}, ":none": {"NULL": True},
    },
}  # fmt: skip
plain_values = st.recursive(
    st.one_of(st.none(), st.booleans(), scalars, st.sets(st.sampled_from(["a", "b"]), min_size=1)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=2)),
    max_leaves=5,
)
PLACES = st.sampled_from(["a", "b", "x", "#n", "#n.b", "a[0]", "a[1].b", "b[7]", "x.y"])
FUNCTIONS = st.sampled_from(
    ["size", "attribute_exists", "attribute_type", "begins_with", "contains", "if_not_exists", "list_append"]
)


def listed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, min_size=1, max_size=3).map(", ".join)


def applied(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{}({})".format, FUNCTIONS, listed(inner))


operands = st.recursive(
    st.one_of(PLACES, st.sampled_from([":s", ":n", ":l", ":ss", ":none"])),
    lambda inner: st.one_of(applied(inner), inner.map("({})".format)),
    max_leaves=3,
)
clauses = st.one_of(
    st.builds("{} {} {}".format, operands, st.sampled_from(["=", "<>", *ORDERS]), operands),
    applied(operands),
    st.builds("{} BETWEEN {} AND {}".format, operands, operands, operands),
    st.builds("{} IN ({})".format, operands, listed(operands)),
)
sums = st.one_of(operands, st.builds("{} {} {}".format, operands, st.sampled_from("+-"), operands))
actions = st.one_of(
    listed(st.builds("{} = {}".format, PLACES, sums)).map("SET {}".format),
    listed(PLACES).map("REMOVE {}".format),
    st.builds("{} {} {}".format, st.sampled_from(["ADD", "DELETE"]), PLACES, st.sampled_from([":n", ":ss", ":l"])),
)
near_grammar = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.lists(clauses, min_size=1, max_size=3).map(" AND ".join),
    clauses.map("NOT ({})".format),
    listed(PLACES),
    st.lists(actions, min_size=1, max_size=3).map(" ".join),
)


@settings(deadline=None, max_examples=300)
@given(near_grammar, st.dictionaries(st.sampled_from(["a", "b", "n", "x", "z"]), plain_values))
@example("SET " + ", ".join(f"a[{n}] = :s" for n in range(200)), {"a": []})
@example("a = " + "(" * 250 + ":s" + ")" * 250, {})
def test_texts_near_the_grammar_are_carried_out_or_refused(text: str, it: Item) -> None:
    """Nothing but a ValidationException comes of an expression, whatever the item holds."""
    attributes = take_attributes(item(**it))
    environment = Environment(DEFINED)

    def attempt(work: Callable[[], object]) -> None:
        try:
            work()
        except ServiceError as error:
            assert error.shape == "ValidationException", error  # noqa: PT017

    attempt(lambda: condition("ConditionExpression", text, environment)(attributes))
    attempt(lambda: key_conditions(text, environment))
    attempt(lambda: projected(text, environment).apply(attributes))
    attempt(lambda: update(text, environment).apply(attributes))
    assert size_of_attributes(attributes) >= 0, "what an update leaves is an item still"
