"""Definitions: what is wrong with them, said where it is; and that nothing but InvalidDefinition comes of any."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services.stepfunctions.language.helpers import FUNCTION, a_machine, findings

from ballroom.services.stepfunctions.language import InvalidDefinition, compile_definition, validate

END = {"Type": "Pass", "End": True}
INLINE = {"StartAt": "P", "States": {"P": END}}


def of_state(**fields: Any) -> list[tuple[str, str]]:
    """What is said about one state."""
    return findings(a_machine(A=fields))


@pytest.mark.parametrize(
    ("fields", "told", "where"),
    [
        ({}, "These fields are required: [Type]", "/States/A"),
        (
            {"Type": "Do"},
            "The field 'Type' should have one of these values: "
            "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
            "/States/A/Type",
        ),
        ({"Type": "Pass"}, "Exactly one of these fields is required: [Next, End]", "/States/A"),
        ({**END, "Next": "A"}, "You cannot provide both Next and End", "/States/A"),
        ({**END, "Resourc": 1}, "Field 'Resourc' is not supported", "/States/A"),
        ({**END, "Catch": []}, "Field 'Catch' is not supported", "/States/A"),
        ({**END, "QueryLanguage": "JSONata", "InputPath": "$"}, "Field 'InputPath' is not supported", "/States/A"),
        ({**END, "Output": 1}, "Field 'Output' is not supported", "/States/A"),
        ({**END, "ResultPath": "$.a[*]"}, "Value is not a Reference Path: it must identify a single node", "/States/A/ResultPath"),
        ({**END, "Parameters": {"x.$": "nope"}}, "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call", "/States/A/Parameters"),
        ({**END, "Parameters": {"x.$": 1}}, "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call", "/States/A/Parameters"),
        ({"Type": "Task", "End": True}, "These fields are required: [Resource]", "/States/A"),
        (
            {"Type": "Task", "End": True, "Resource": "arn:nope"},
            "The resource provided arn:nope is not recognized. The value is not a valid resource ARN, or the "
            "resource is not available in this region.",
            "/States/A/Resource",
        ),
        ({"Type": "Task", "End": True, "Resource": FUNCTION, "TimeoutSeconds": 0}, "Value must be an integer between 1 and 99999999", "/States/A/TimeoutSeconds"),
        (
            {"Type": "Task", "End": True, "Resource": FUNCTION, "TimeoutSeconds": 5, "HeartbeatSeconds": 5},
            "HeartbeatSeconds must be smaller than TimeoutSeconds",
            "/States/A/HeartbeatSeconds",
        ),
        (
            {"Type": "Task", "End": True, "Resource": FUNCTION, "Retry": [{"ErrorEquals": ["States.ALL", "A"]}]},
            "States.ALL must appear alone",
            "/States/A/Retry[0]/ErrorEquals",
        ),
        (
            {"Type": "Task", "End": True, "Resource": FUNCTION, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]},
            "States.ALL must be in the last entry",
            "/States/A/Retry[0]/ErrorEquals",
        ),
        ({"Type": "Task", "End": True, "Resource": FUNCTION, "Retry": [{}]}, "These fields are required: [ErrorEquals]", "/States/A/Retry[0]"),
        ({"Type": "Wait", "End": True, "Seconds": 1, "SecondsPath": "$.a"}, "Exactly one of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath]", "/States/A"),
        ({"Type": "Choice", "Choices": []}, "Value cannot be empty", "/States/A/Choices"),
        ({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True}]}, "These fields are required: [Next]", "/States/A/Choices[0]"),
        ({"Type": "Choice", "Choices": [{"Variable": "$.a", "StringEquals": 1, "Next": "A"}]}, "Expected value of type String", "/States/A/Choices[0]/StringEquals"),
        ({"Type": "Parallel", "End": True, "Branches": [{"States": {"B": END}}]}, "These fields are required: [StartAt]", "/States/A/Branches[0]"),
        ({"Type": "Map", "End": True}, "These fields are required: [ItemProcessor]", "/States/A"),
        ({"Type": "Map", "End": True, "ItemProcessor": INLINE, "ItemReader": {}}, "Field 'ItemReader' is only supported in DISTRIBUTED mode", "/States/A/ItemReader"),
        ({"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}, "You cannot provide more than one of these fields: [Error, ErrorPath]", "/States/A"),
        ({**END, "Assign": {"states": 1}}, "The variable name 'states' is reserved", "/States/A/Assign"),
        ({**END, "QueryLanguage": "JSONata", "Output": "{% $states.result %}"}, "The reserved variable '$states.result' is not available here", "/States/A/Output"),
    ],
)  # fmt: skip
def test_a_state_is_told_what_is_wrong(fields: dict[str, Any], told: str, where: str) -> None:
    assert (told, where) in of_state(**fields)


@pytest.mark.parametrize(
    ("resource", "known"),
    [
        ("dynamodb:getItem", True),
        ("dynamodb:query", False),
        ("dynamodb:getItem.sync", False),
        ("sqs:sendMessage.waitForTaskToken", True),
        ("sqs:sendMessage.sync", False),
        ("states:startExecution.sync:2", True),
        ("ecs:runTask.sync", True),
        ("aws-sdk:dynamodb:query", True),
        ("aws-sdk:sfn:startExecution.waitForTaskToken", True),
        ("aws-sdk:sfn:startExecution.sync", False),
        ("s3:getObject", False),
        ("nothing", False),
    ],
)
def test_only_what_aws_integrates_is_recognised(resource: str, known: bool) -> None:
    found = of_state(Type="Task", Resource=f"arn:aws:states:::{resource}", End=True)
    assert (found == []) is known


def test_bad_jsonata_is_found_at_creation() -> None:
    ((told, where),) = of_state(**END, QueryLanguage="JSONata", Output={"x": "{% 1 + %}"})
    assert told.startswith("Invalid JSONata expression '1 +': S0207")
    assert where == "/States/A/Output"


@pytest.mark.parametrize(
    ("expression", "newer"),
    [
        ("$a ?: 1", True),
        ("$a ?? 1", True),
        ("$contains($a, /x??(?:y)/) ? 'a' : 'b'", False),
        ("'?? ?:' & `??` /* ?? */", False),
        ("$a / 2 ?: 3 / 4", True),
        ("$map([1], $f(?, 1))", False),
        ("true and $contains($a, /b/) or $a in $match($b, /x??/)", False),
        ("$a ? 1 : 2", False),
    ],
)
def test_operators_that_came_after_awss_version_are_refused(expression: str, newer: bool) -> None:
    found = of_state(**END, QueryLanguage="JSONata", Output="{% " + expression + " %}")
    assert bool(found) is newer
    assert not newer or "S0211" in found[0][0]


def test_targets_must_exist_and_states_be_reached_and_end() -> None:
    lost = a_machine(A={"Type": "Pass", "Next": "Q"}, B=END)
    assert findings(lost) == [
        ("Missing 'Next' target: Q", "/States/A/Next"),
        ('State "B" is not reachable.', "/States/B"),
    ]
    loop = a_machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"})
    assert findings(loop) == [("Workflow has no terminal state", "")]
    (diagnostic,) = validate(loop)
    assert "location" not in diagnostic.to_wire()
    assert (refusal(loop) or "").endswith("'MISSING_END_STATE: Workflow has no terminal state at null'")
    inner = {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "Q", "States": {"B": END}}]}
    assert ("Missing 'Next' target: Q", "/States/A/Branches[0]/StartAt") in findings(a_machine(A=inner))


def test_the_text_of_the_refusal_lists_all_errors() -> None:
    with pytest.raises(InvalidDefinition) as raised:
        compile_definition(a_machine(A={"Type": "Pass", "Next": "Q"}, B=END))
    assert raised.value.text == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/A/Next, "
        'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B\''
    )


def test_names_are_unique_over_all_levels() -> None:
    inner = {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "A", "States": {"A": END}}]}
    assert findings(a_machine(A=inner)) == [("Duplicate State name: A", "/States/A/Branches[0]/States/A")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"a": NaN}', '{"StartAt": "A", "StartAt": "A"}', "[" * 100_000]
)
def test_what_is_no_json_object_is_said_to_be_none(text: str) -> None:
    (diagnostic,) = validate(text)
    assert diagnostic.code == "INVALID_JSON_DESCRIPTION"


def test_warnings_do_not_refuse() -> None:
    text = a_machine(A={**END, "Parameters": {"x": "$.forgotten"}})
    assert compile_definition(text)
    assert [(d.severity, d.code) for d in validate(text)] == [("WARNING", "NO_DOLLAR")]


def test_many_warnings_hide_no_error() -> None:
    forgotten = {f"k{n}": "$.forgotten" for n in range(500)}
    text = a_machine(A={**END, "Parameters": forgotten, "Next": "A"})
    assert findings(text) == [("You cannot provide both Next and End", "/States/A")]
    assert len(findings(a_machine(A={"Type": "Pass", "End": True, **{f"X{n}": 1 for n in range(500)}}))) == 100


def test_variables_are_listed_by_state() -> None:
    text = a_machine(
        A={"Type": "Pass", "Parameters": {"x.$": "$b.c", "y.$": "States.Array($a)"}, "Next": "B"},
        B={"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $z + $sum([1]) %}", "End": True},
    )
    assert compile_definition(text).variable_references == {"A": ["a", "b"], "B": ["z"]}


def test_the_same_text_is_compiled_once() -> None:
    text = a_machine(A=END)
    assert compile_definition(text) is compile_definition(text)
    assert compile_definition(text, kind="EXPRESS") is not compile_definition(text)


def test_deep_nesting_is_refused_and_large_definitions_are_compiled() -> None:
    nested: dict[str, Any] = {"StartAt": "s", "States": {"s": END}}
    for depth in range(200):
        nested = {
            "StartAt": f"s{depth}",
            "States": {f"s{depth}": {"Type": "Parallel", "End": True, "Branches": [nested]}},
        }
    assert findings(json.dumps(nested))
    deep: Any = "x"
    for _ in range(45):
        deep = {"a": [deep]}
    assert compile_definition(a_machine(A={**END, "Parameters": deep, "Comment": "deep"}))
    for _ in range(300):
        deep = {"a": [deep]}
    for language in ({"Parameters": deep}, {"Output": deep, "QueryLanguage": "JSONata"}):
        assert ("A payload may be nested 100 deep", f"/States/A/{next(iter(language))}") in of_state(
            **END, **language
        )
    many = {
        f"S{n}": {"Type": "Pass", "Parameters": {"a.$": "$.b", "pad": "x" * 60}, "Next": f"S{n + 1}"}
        for n in range(7000)
    }
    text = a_machine(**many, S7000=END)
    assert 900_000 < len(text) < 1 << 20
    began = time.process_time()
    assert len(compile_definition(text).states) == 7001
    assert time.process_time() - began < 5


SEEDS: list[dict[str, Any]] = [
    json.loads(
        a_machine(
            A={"Type": "Task", "Resource": FUNCTION, "Retry": [{"ErrorEquals": ["E"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "TimeoutSecondsPath": "$.t", "Next": "B"},
            B={"Type": "Choice", "Choices": [{"And": [{"Variable": "$.a", "NumericLessThan": 1}], "Next": "C"}], "Default": "C"},
            C={"Type": "Map", "ItemProcessor": INLINE, "ItemsPath": "$.a", "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "Next": "D"},
            D={"Type": "Wait", "Seconds": 1, "Next": "E"},
            E={"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"a": "{% $states.input %}"}, "Next": "F"},
            F={"Type": "Parallel", "Branches": [{"StartAt": "G", "States": {"G": {"Type": "Fail", "Error": "x"}}}], "End": True},
        )
    )
]  # fmt: skip
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e308,
        "",
        "$",
        "$.a[",
        "{% ( %}",
        "{%%}",
        [],
        [[]],
        {},
        {"a": {}},
        "States.ALL",
        "A",
        "Ü" * 90,
    ]
)


def positions(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [so_far] if so_far else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += positions(item, (*so_far, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += positions(item, (*so_far, index))
    return found


def test_the_seed_is_valid() -> None:
    assert findings(json.dumps(SEEDS[0])) == []


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_damaged_definition_is_compiled_or_refused(data: st.DataObject) -> None:
    body = copy.deepcopy(SEEDS[0])
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(positions(body)))
        parent = body
        for step in way:
            parent = parent[step]
        change = data.draw(st.sampled_from(["replace", "remove", "rename"]))
        if change == "replace":
            parent[last] = copy.deepcopy(data.draw(JUNK))
        elif change == "remove" or isinstance(parent, list):
            del parent[last]
        else:
            parent[
                data.draw(st.sampled_from(["Next", "Type", "Output", "Result", "Ünknown", "Iterator", "Items"]))
            ] = parent.pop(last)
        if not positions(body):
            break
    text = refusal(json.dumps(body))
    assert text is None or text.startswith("Invalid State Machine Definition: '")


def refusal(text: str) -> str | None:
    try:
        compile_definition(text)
    except InvalidDefinition as refused:
        return refused.text
    return None


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_text_is_refused(text: str | bytes) -> None:
    assert validate(text)
