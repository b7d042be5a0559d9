"""What AWS made of states, paths, functions, choices and definitions, and what the language makes of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ballroom.kernel.ids import Ids
from ballroom.services.stepfunctions.language import (
    InvalidDefinition,
    Scope,
    StatesError,
    compile_definition,
    compile_state,
    validate,
)
from ballroom.services.stepfunctions.language.machine import MapState, StepState
from tests.vectors.definitions import definition, definitions
from tests.vectors.language_replay import INDEX, compiled, document, histories, replay, replayable
from tests.vectors.recorded import Case, cases, needs_recordings

pytestmark = needs_recordings

ALL = cases("stepfunctions")
ERRORS: list[dict[str, Any]] = json.loads(INDEX.with_name("errors.json").read_text()) if INDEX.exists() else []


def replays() -> list[tuple[Case, dict[str, Any]]]:
    index = json.loads(INDEX.read_text()) if INDEX.exists() else {}
    found = []
    for case in ALL:
        machine = document(case, index)
        whole = [events for events in histories(case) if "executionStartedEventDetails" in events[0]]
        if machine is None or not whole:
            continue
        try:
            flat = replayable(compiled(machine))
        except InvalidDefinition:
            continue  # a definition that its test changed; `test_recorded_definitions_compile` has the others
        if flat and "test_wait_timestamppath[" not in case.name:  # their timestamps are placeholders
            found.append((case, machine))
    return found


REPLAYS = replays()


def test_enough_histories_are_replayed() -> None:
    assert len(REPLAYS) > 130


@pytest.mark.parametrize(("case", "machine"), REPLAYS, ids=[str(case) for case, _ in REPLAYS])
def test_recorded_history(case: Case, machine: dict[str, Any]) -> None:
    for events in histories(case):
        if "executionStartedEventDetails" in events[0]:
            assert replay(compiled(machine), events) > 0


CHANGED = re.compile(r"__?tb[dc]__?|%[A-Z_]+%|\"ErrorEquals\": \[\]", re.IGNORECASE)


def complete() -> list[str]:
    """The machines that are whole: single states and what a test completes are left out."""
    found = [(path, definition(path)) for path in definitions()]
    return [path for path, body in found if "States" in body and not CHANGED.search(json.dumps(body))]


@pytest.mark.parametrize("path", complete())
def test_recorded_definitions_compile(path: str) -> None:
    body = definition(path)
    name = path.rsplit("/", 1)[-1]
    broken = (
        "illegal_intrinsic",
        "no_startat",
        "downgrade",
        "map_state_label_",
        "invalid_state_definition",
        "invalid_integration",
    )
    if any(part in name for part in broken) and name != "map_state_label.json5":
        with pytest.raises(InvalidDefinition):
            compile_definition(json.dumps(body))
    else:
        assert compile_definition(json.dumps(body)).states


def operator_cases() -> list[tuple[str, dict[str, Any], bool]]:
    found = []
    for case in ALL:
        if "choice_operators" not in case.name:
            continue
        snake = str(case).split("::")[-1].removeprefix("test_")
        operator = "".join(part.capitalize() for part in snake.split("_"))
        found += [
            (operator, one["input"], one["output"]["TestResult.$"] == "ConditionTrue")
            for one in case.answers.get("cases", [])
            if "date" not in (one["input"]["Variable"], one["input"]["Value"])
        ]
    return found


def test_recorded_choice_operators() -> None:
    recorded = operator_cases()
    assert len(recorded) > 150
    for operator, given, expected in recorded:
        rule = {"Variable": "$.Variable", "Next": "Yes"}
        rule[operator] = "$.Value" if operator.endswith("Path") else given["Value"]
        state = compile_state("C", {"Type": "Choice", "Choices": [rule], "Default": "No"})
        assert isinstance(state, StepState)
        finished = state.step(Scope(given, {}, {}, Ids(1)))
        assert (finished.next == "Yes") is expected, (operator, given)


def recorded_diagnostics() -> list[Any]:
    return [case for case in ALL if "validate_state_machine_definition" in case.name]


@pytest.mark.parametrize("case", recorded_diagnostics(), ids=str)
def test_recorded_diagnostics(case: Case) -> None:
    name = case.name.split("[")[1].rstrip("]")
    if name == "ILLEGAL_WFTT":
        path = "data/templates/callbacks/statemachines/sqs_wait_for_task_token.json5"
    else:
        path = f"data/templates/validation/statemachines/{name.lower()}.json5"
    kind: Any = "EXPRESS" if "express" in case.name else "STANDARD"
    found = validate(json.dumps(definition(path)), kind=kind)
    assert [d.to_wire() for d in found] == case.answers["validation_response"]["diagnostics"]


TIMESTAMPS = {
    "NO_T": "2016-03-14 01:59:00Z",
    "NO_Z": "2016-03-14T01:59:00",
    "INVALID_DATE": "2016-14-14T01:59:00Z",
    "INVALID_TIME": "2016-03-14T25:59:00Z",
    "INVALID_ISO": "2016-03-14T01:59:00.Z",
    "JSONATA": "{% $states.input.start_at %}",
}


def refusals() -> list[tuple[str, str, Any, str]]:
    """(test, AWS's text, what to compile, the kind of machine)."""
    found: list[tuple[str, str, Any, str]] = []
    folder = "data/templates"
    for error in ERRORS:
        name, text = error["test"].split("::")[-1], error["message"]
        if error["code"] != "InvalidDefinition" or "ValueError" in text:
            continue  # what names ValueError was recorded from an emulator, not from AWS
        if "wait_timestamp_invalid" in name:
            wait = {"Type": "Wait", "Timestamp": TIMESTAMPS[name.split("[")[1][:-1]], "End": True}
            found.append((name, text, {"StartAt": "WaitUntil", "States": {"WaitUntil": wait}}, "STANDARD"))
        elif "illegal_escapes" in name:
            path = f"{folder}/scenarios/statemachines/{name.split('[')[1][:-1].lower()}.json5"
            found.append((name, text, definition(path), "STANDARD"))
        elif "illegal_activity" in name:
            path = f"{folder}/activities/statemachines/base_activity_task.json5"
            body = definition(path)
            body["States"]["ActivityTask"]["Resource"] = "arn:aws:states:eu-west-1:111111111111:activity:a"
            found.append((name, text, body, "EXPRESS"))
        elif "illegal_callbacks" in name:
            which = "sfn_start_execution_sync" if "SYNC" in name else "sns_publish_wait_for_task_token"
            found.append((name, text, definition(f"{folder}/callbacks/statemachines/{which}.json5"), "EXPRESS"))
        elif "invalid_integration" in name:
            path = f"{folder}/services/statemachines/invalid_integration_dynamodb_query.json5"
            found.append((name, text, definition(path), "STANDARD"))
        elif "empty_branches" in name:
            found.append((name, text, {"Type": "Parallel", "Branches": [], "End": True}, "STATE"))
    return found


@pytest.mark.parametrize(("name", "text", "body", "kind"), refusals(), ids=lambda x: str(x)[:60])
def test_recorded_refusal(name: str, text: str, body: Any, kind: Any) -> None:
    text_of = json.dumps(body)
    with pytest.raises(InvalidDefinition) as refused:
        compile_state("StateName", body) if kind == "STATE" else compile_definition(text_of, kind=kind)
    expected = re.sub(r"<partition>|<region>", ".*", re.escape(text).replace("\\<", "<").replace("\\>", ">"))
    assert re.fullmatch(expected, refused.value.text), refused.value.text


MAP_ITEMS = {
    "number": "1",
    "string": "'string'",
    "boolean": "true",
    "object": "{'foo': 'bar'}",
    "null": "null",
    "function": "$fn := function($x){$x}",
}


def map_cases() -> list[Case]:
    return [case for case in ALL if "items_eval_jsonata_fail" in case.name or "items_input_types" in case.name]


@pytest.mark.parametrize("case", map_cases(), ids=str)
def test_recorded_map_items(case: Case) -> None:
    """Both what an Items expression gives and what arrives as input must be an array."""
    kind = case.name.split("[")[1][:-1]
    failed = next(
        e["evaluationFailedEventDetails"]
        for e in case.answers["get_execution_history"]["events"]
        if "evaluationFailedEventDetails" in e
    )
    body: dict[str, Any] = {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
        "End": True,
    }
    given: Any = {}
    if "eval" in case.name:
        body["Items"] = "{% " + MAP_ITEMS[kind] + " %}"
    else:
        given = {"number": 1, "string": "string", "boolean": True, "object": {"foo": "bar"}, "null": None}[kind]
    state = compile_state("MapIterateState", body)
    assert isinstance(state, MapState)
    with pytest.raises(StatesError) as raised:
        state.items(Scope(given, {}, {}, Ids(1)))
    entered = int(re.findall(r"#(\d+)", failed["cause"])[0])
    assert raised.value.located_cause("MapIterateState", entered) == failed["cause"]
    assert raised.value.location == failed.get("location")
    assert raised.value.error == failed["error"]
