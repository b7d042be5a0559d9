"""The intrinsic functions: values, limits, texts, and how calls are written."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.stepfunctions.language.helpers import a_scope

from ballroom.services.stepfunctions.language import StatesError
from ballroom.services.stepfunctions.language.intrinsic_text import InvalidCall, parse_call

DATA = {"l": [1, 2, 3, 2, 1.0, True], "s": "a,b;c", "o": {"Id": "q", "l": [1, None, True, 1.5]}, "n": None}


def call(text: str, data: Any = DATA, **variables: Any) -> Any:
    return parse_call(text).get(data, a_scope(data, **variables))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Array()", []),
        ("States.Array('x', 1, -1.5, true, null, $.n)", ["x", 1, -1.5, True, None, None]),
        ("States.ArrayPartition($.l, 4)", [[1, 2, 3, 2], [1.0, True]]),
        ("States.ArrayContains($.l, 3)", True),
        ("States.ArrayContains($.l, '3')", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(5, 1, -2)", [5, 3, 1]),
        ("States.ArrayRange(5, 1, 1)", []),
        ("States.ArrayGetItem($.l, 0)", 1),
        ("States.ArrayLength($.l)", 6),
        ("States.ArrayUnique($.l)", [1, 2, 3, True]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        (
            "States.JsonMerge($.o, States.StringToJson('{\"Id\": 1}'), false)",
            {"Id": 1, "l": [1, None, True, 1.5]},
        ),
        ("States.JsonToString($.o)", '{"Id":"q","l":[1,null,true,1.5]}'),
        ("States.MathAdd(111, -1)", 110),
        ("States.StringSplit($.s, ',;')", ["a", "b", "c"]),
        (
            "States.Format('{}: {} \\{\\} \\'{}\\'', $.o, $.n, true)",
            "{Id=q, l=[1, null, true, 1.5]}: null {} 'true'",
        ),
        ("States.Format($.s)", "a,b;c"),
        ("States.Format('{} {} {}', 1.5, 12345678.9, 0.00012)", "1.5 1.23456789E7 1.2E-4"),
        ("States.StringToJson(' ')", None),
        ("States.Format('{}', $name)", "N"),
        ("States.ArrayGetItem(States.StringSplit($.s, ','), 1)", "b;c"),
        ("  States.Array( 1 ,2 )  ", [1, 2]),
        ("States.Array($['s'], $.l[?(@ > 2)])", ["a,b;c", [3]]),
    ],
)
def test_a_function_gives(text: str, value: Any) -> None:
    assert call(text, name="N") == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("States.ArrayGetItem($.l, 6)", "States.IntrinsicFailure"),
        ("States.ArrayPartition($.l, 0)", "States.IntrinsicFailure"),
        ("States.ArrayPartition($.s, 1)", "States.IntrinsicFailure"),
        ("States.ArrayRange(1, 2000, 1)", "States.IntrinsicFailure"),
        ("States.ArrayRange(1, 2, 0)", "States.IntrinsicFailure"),
        ("States.ArrayRange(0, -9.3e18, -1)", "States.IntrinsicFailure"),
        ("States.Base64Decode('!!')", "States.IntrinsicFailure"),
        ("States.Hash('x', 'MD4')", "States.IntrinsicFailure"),
        ("States.JsonMerge($.o, $.o, true)", "States.IntrinsicFailure"),
        ("States.StringToJson('{')", "States.IntrinsicFailure"),
        ("States.MathAdd('1', 1)", "States.IntrinsicFailure"),
        ("States.MathAdd(2147483648, 1)", "States.IntrinsicFailure"),
        ("States.MathRandom(5, 5)", "States.IntrinsicFailure"),
        ("States.Array($.q)", "States.Runtime"),
    ],
)
def test_what_a_function_does_not_take_fails_with_its_text(text: str, error: str) -> None:
    with pytest.raises(StatesError) as raised:
        call(text)
    assert raised.value.error == error
    assert raised.value.cause is not None
    assert raised.value.cause.startswith(f"The function '{text}' had the following error: ")


def test_base64_and_hash_take_ten_thousand_characters() -> None:
    assert call("States.Base64Encode($.x)", {"x": "a" * 10_000})
    for text in ("States.Base64Encode($.x)", "States.Hash($.x, 'MD5')"):
        with pytest.raises(StatesError):
            call(text, {"x": "a" * 10_001})


def test_chance_is_the_engines_and_a_seed_repeats() -> None:
    assert call("States.UUID()") == call("States.UUID()")  # both scopes are seeded alike
    drawn = {call(f"States.MathRandom(1, 4, {seed})") for seed in range(50)}
    assert drawn == {1, 2, 3}
    assert call("States.MathRandom(1, 1000, 5)") == call("States.MathRandom(1, 1000, 5)")


def test_ten_calls_may_be_nested_and_no_more() -> None:
    assert json.dumps(call("States.Array(" * 10 + ")" * 10)) == "[" * 10 + "]" * 10
    with pytest.raises(InvalidCall):
        parse_call("States.Array(" * 11 + ")" * 11)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "States",
        "States.Nope()",
        "States.Array(",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array()x",
        "States.UUID(1)",
        "States.MathAdd(1)",
        "States.Format('{}')",
        "States.Format('{')",
        "States.Format()",
        "States.Array('a\\n')",
        "States.StringToJson('{\\\"a\\\": 1}')",
        'States.Array("a")',
        "States.Array('a)",
        "States.Array($.)",
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(InvalidCall):
        parse_call(text)


@given(st.text(alphabet="States.ArayFomt(){}'\\,$.lo 019-", max_size=40))
def test_any_text_is_a_call_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidCall, StatesError):
        call("States." + text)


PLAIN = st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(PLAIN)
def test_text_survives_base64_and_json(text: str) -> None:
    assert call("States.Base64Decode(States.Base64Encode($.x))", {"x": text}) == text
    assert call("States.StringToJson(States.JsonToString($.x))", {"x": [text]}) == [text]


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_partitions_put_together_are_the_array(items: list[int], size: int) -> None:
    parts = call("States.ArrayPartition($.x, $.n)", {"x": items, "n": size})
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])


@given(PLAIN)
def test_an_escaped_literal_is_itself(text: str) -> None:
    escaped = "".join(f"\\{char}" if char in "'{}\\" else char for char in text)
    assert call(f"States.Format('{escaped}')") == text
    assert call(f"States.Array('{escaped}')") == [text]
