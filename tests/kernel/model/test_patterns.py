"""The models' patterns: Java's dialect, and bounded time on hostile values."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballroom.kernel.model import data, patterns
from ballroom.kernel.model.java_regex import Untranslatable, translate
from ballroom.kernel.model.linear import Automaton, Unsupported


@pytest.mark.parametrize(
    ("pattern", "matching", "failing"),
    [
        (r"[a-z]+", ["abc"], ["", "abc1", "xABC"]),
        (r"[\w-_]*", ["a-_b", ""], ["a b"]),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["Größe 5", "名前"], ["a#b", "a\n"]),
        (r"\P{C}+", ["é b"], ["a\x00"]),
        (r"\p{Print}+", ["a b~"], ["é", "\x07"]),
        (r"[\p{Alnum}\-]+", ["aZ9-"], ["_"]),
        (r"\A[a-z]+\z", ["ab"], ["ab\n"]),
        (r"[a\x{22}]+", ['a"'], ["b"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", ["a\t😀"], ["\x00"]),
        (r"\d+", ["12"], ["१२"]),
        (r"(?!aws:).+", ["owner"], ["aws:x"]),
        (r"[^:]*", ["a["], [":"]),
    ],
)
def test_a_pattern_of_the_models(pattern: str, matching: list[str], failing: list[str]) -> None:
    matches = patterns.matcher(pattern)
    assert matches is not None
    assert [text for text in matching if not matches(text)] == []
    assert [text for text in failing if matches(text)] == []


@pytest.mark.parametrize("pattern", ["[a&&[b]]", "a(?i)b", "x*${1,9}", "[^[a]]", r"\p{IsWhitespace}"])
def test_a_pattern_that_cannot_be_understood_takes_everything(pattern: str) -> None:
    matches = patterns.matcher(pattern)
    assert matches is not None
    assert matches("anything\n")


def test_unicode_properties_are_those_of_python() -> None:
    letters = re.compile(translate(r"\p{L}"))
    assert all(
        (letters.fullmatch(chr(code)) is not None) is unicodedata.category(chr(code)).startswith("L")
        for code in range(0, 0x3000, 7)
    )


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(a|aa)+b",
        r"(a?){64}b",
        r"(.*)(.*)(.*)(.*)(.*)b",
        r"([a-z0-9]+)*c",
        r"(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\-]*[A-Za-z0-9])",
        r"(?=(a+)+b).*",
    ],
)
def test_hostile_values_end(pattern: str) -> None:
    """With Python's own matcher alone, these would run for longer than the universe is old."""
    matches = patterns.matcher(pattern)
    assert matches is not None
    matches("a" * 2_000 + "!")


def test_a_long_value_is_still_matched_rightly() -> None:
    matches = patterns.matcher(r"((/[A-Za-z0-9\.,\+@=_-]+)*)/")
    assert matches is not None
    assert matches("/abc" * 100 + "/")
    assert not matches("/abc" * 100)


SAMPLE = [
    r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
    r"[\.\-_A-Za-z0-9]+",
    r"(a|b)*c?[^d]{1,3}",
    r"a{2,4}(b+|c)?$",
    r"^(\w+\s?)+[.!]$",
    r"([1-5]\d\d|x)*?",
]


@pytest.mark.parametrize("pattern", SAMPLE)
def test_the_automaton_agrees_with_python(pattern: str) -> None:
    automaton, expected = Automaton(pattern, re.ASCII), re.compile(pattern, re.ASCII)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.text("abcd .!15xé\n_-", max_size=8) | st.from_regex(expected, fullmatch=True))
    def check(text: str) -> None:
        assert automaton(text) is (expected.fullmatch(text) is not None)

    check()


def test_nearly_all_patterns_of_services_we_serve_are_understood() -> None:
    refused = set()
    for service in ("lambda", "sqs", "logs", "iam", "sts", "cloudformation", "ssm", "events", "dynamodb"):
        for shape in data.read_model(service)["shapes"].values():
            try:
                re.compile(translate(shape.get("pattern", "")), re.ASCII)
            except (Untranslatable, re.error):
                refused.add(shape["pattern"])
    assert refused == set()


def test_what_an_automaton_cannot_do_is_refused() -> None:
    for pattern in (r"(?!a)b", r"(a)\1", r"a\bb", r"[ab]{30000}"):
        with pytest.raises(Unsupported):
            Automaton(pattern, re.ASCII)
