"""Whatever a state is given, it makes something of it or fails with an error of AWS's: never with one of ours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.stepfunctions.language.helpers import FUNCTION, a_scope, a_state, jsonata

from ballroom.services.stepfunctions.language import Scope, StatesError
from ballroom.services.stepfunctions.language.intrinsics import CHANCY, PURE
from ballroom.services.stepfunctions.language.machine import (
    FailState,
    FallibleState,
    MapState,
    State,
    StepState,
    TaskState,
    WaitState,
)

INLINE = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {**INLINE, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
OPERATORS = ["StringEqualsPath", "NumericLessThanPath", "TimestampGreaterThanPath", "BooleanEqualsPath"]


def calls() -> list[str]:
    """Every intrinsic function, with arguments from the input."""
    found = []
    for name, (_, least, most) in {**PURE, **CHANCY}.items():
        count = max(least, 3 if most is None else most)
        arguments = ", ".join(f"$.{key}" for key in "abc"[:count])
        found.append(f"States.{name}({arguments})")
    return found


STATES: list[State] = [
    a_state("Pass", InputPath="$.a", ResultPath="$.b.c", OutputPath="$.b", Parameters={"x.$": "$.b"}),
    a_state("Pass", Result=1, ResultPath="$.a[0].b", Assign={"v.$": "$"}),
    a_state("Pass", Parameters={"x.$": "$..a[?(@.b > $.c || @.a == 'x')]", "y.$": "$.a[1:2]"}),
    *[a_state("Pass", Parameters={"x.$": call}) for call in calls()],
    *[
        a_state("Choice", Choices=[{"Variable": "$.a", operator: "$.b", "Next": "N"}], Default="D")
        for operator in OPERATORS
    ],
    a_state("Choice", Choices=[{"Variable": "$.a", "StringMatches": "*a*", "Next": "N"}, {"Not": {"Variable": "$.b", "IsPresent": True}, "Next": "N"}]),
    a_state("Wait", SecondsPath="$.a"),
    a_state("Wait", TimestampPath="$.a"),
    a_state("Fail", ErrorPath="$.a", CausePath="States.Format('{}', $.b)"),
    a_state("Task", Resource=FUNCTION, TimeoutSecondsPath="$.a", HeartbeatSecondsPath="$.b", ResultSelector={"r.$": "$.a"}, Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.a.b", "Next": "N"}]),
    a_state("Map", ItemsPath="$.a", ItemProcessor=DISTRIBUTED, MaxConcurrencyPath="$.b", ToleratedFailureCountPath="$.b", ToleratedFailurePercentagePath="$.c"),
    jsonata("Pass", Output={"x": "{% $states.input.a + $states.input.b %}", "y": "{% $states.input ~> $string %}"}),
    jsonata("Pass", Output="{% $hash($states.input.a, $states.input.b) & $parse($states.input.c) %}"),
    jsonata("Pass", Output="{% [$partition($states.input.a, $states.input.b), $range($states.input.a, $states.input.b, $states.input.c), $random($states.input.a), $sort($states.input.a)] %}"),
    jsonata("Choice", Choices=[{"Condition": "{% $states.input.a %}", "Next": "N"}], Default="D"),
    jsonata("Wait", Seconds="{% $states.input.a %}"),
    jsonata("Wait", Timestamp="{% $states.input.a %}"),
    jsonata("Fail", Error="{% $states.input.a %}"),
    jsonata("Map", Items="{% $states.input.a %}", ItemProcessor=DISTRIBUTED, MaxConcurrency="{% $states.input.b %}", ToleratedFailurePercentage="{% $states.input.c %}"),
    jsonata("Map", ItemProcessor=INLINE),
    jsonata("Task", Resource=FUNCTION, Arguments="{% $states.input.a.b[0] %}", TimeoutSeconds="{% $states.input.a %}", Output="{% $states.result.a %}", Assign={"v": "{% $states.result %}"}),
]  # fmt: skip

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["1", "-1", "2016-03-14T01:59:00Z", "9999-12-31T23:59:59+23:59", "{}", "MD5", "a\\b", "\ud800"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


def live(state: State, scope: Scope, result: Any) -> None:
    """All that an engine may ask of a state."""
    if isinstance(state, StepState):
        state.step(scope)
    elif isinstance(state, WaitState):
        assert isinstance(state.until_ms(scope), int)
    elif isinstance(state, FailState):
        state.failure(scope)
    else:
        assert isinstance(state, FallibleState)
        live_fallible(state, scope, result)


def live_fallible(state: FallibleState, scope: Scope, result: Any) -> None:
    asked: list[Any] = [lambda: state.prepare(scope), lambda: state.finish(scope, result)]
    asked.append(lambda: state.catch(scope, "E", "C"))
    if isinstance(state, TaskState):
        asked += [lambda: state.timeout_s(scope), lambda: state.heartbeat_s(scope)]
    if isinstance(state, MapState):
        asked += [lambda: state.items(scope), lambda: state.max_concurrency(scope)]
        asked += [lambda: state.tolerated_count(scope), lambda: state.tolerated_percentage(scope)]
    for ask in asked:
        fails_as_it_should(ask)


def fails_as_it_should(ask: Any) -> None:
    try:
        ask()
    except StatesError as failed:
        told = (failed.error, failed.cause)
    else:
        told = ("States.", "")
    assert told[0].startswith("States.")


@settings(max_examples=150, deadline=None)
@given(JSON, JSON)
def test_any_input_gives_an_output_or_a_states_error(value: Any, result: Any) -> None:
    for state in STATES:
        fails_as_it_should(lambda state=state: live(state, a_scope(value), result))


def test_very_deep_input_does_not_break_a_state() -> None:
    deep = json.loads('{"a":' * 400 + "1" + "}" * 400)
    for state in STATES:
        for given_ in (deep, {"a": deep, "b": deep, "c": deep}, {"a": [deep, deep], "b": 1, "c": False}):
            fails_as_it_should(lambda state=state, given_=given_: live(state, a_scope(given_), deep))
