"""The linear regular expression engine, against Python's own on what both understand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballroom.services.logs.patterns.regex import compile_regex

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\D", r"\w", r"\W", r"\s", "1", r"\x62", r"\."]
)
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "{0}"])


@st.composite
def expressions(draw: st.DrawFn) -> str:
    branches = []
    for _ in range(draw(st.integers(1, 3))):
        body = "".join(draw(ATOMS) + draw(QUANTIFIERS) for _ in range(draw(st.integers(1, 5))))
        branches.append(draw(st.sampled_from(["", "^"])) + body + draw(st.sampled_from(["", "$"])))
    return "|".join(branches)


@given(expressions(), st.lists(st.text(alphabet="abc12. é\n", max_size=12), min_size=1, max_size=8))
def test_it_finds_what_python_finds(expression: str, texts: list[str]) -> None:
    ours, theirs = compile_regex(expression), re.compile(expression, re.ASCII | re.DOTALL)
    for text in texts:
        assert ours.search(text) is (theirs.search(text) is not None), text


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("^[hc]at", "hat", True),
        ("^[hc]at", "a hat", False),
        ("[hc]at$", "a cat", True),
        ("[hc]at$", "cats", False),
        ("[hc]at$", "a cat\n", True),
        ("colou?r", "color", True),
        ("a{3,5}", "aa", False),
        ("gray|grey", "grey", True),
        ("^starting|^initializing|^shutting down", "skipping initializing ...", False),
        ("^starting|^initializing|^shutting down", "shutting down now", True),
        (r"\[.\]", "x[7]", True),
        (r"10\.10\.0\.1", "10010,0,1", False),
        (r"\x28", "f(x)", True),
        (r"\W", "añb", True),
    ],
)
def test_the_guides_examples(expression: str, text: str, expected: bool) -> None:
    assert compile_regex(expression).search(text) is expected


def test_hostile_expressions_do_not_backtrack() -> None:
    """Python's engine would need longer than anybody waits for each of these."""
    line = "a" * 20_000
    many = ("a*a*a*a*a*b", "a+a+a+a+a+b", ".*.*.*.*=.*;", "a?" * 300 + "b" * 30, "[ab]{0,500}[ac]{0,500}x")
    for expression in many:
        assert compile_regex(expression).search(line) is False
