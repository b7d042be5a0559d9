"""Recorded histories, replayed on the language alone: what each state's fields make of its recorded input.

No engine: a state's recorded input, its variables and its task's recorded result go in, and its recorded output,
assigned variables and next state must come out. Only machines without Map and Parallel; what the recordings
replaced by a placeholder is compared as any value.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ballroom.kernel.ids import Ids
from ballroom.services.stepfunctions.language import Scope, StatesError, compile_definition
from ballroom.services.stepfunctions.language.machine import (
    FailState,
    Finished,
    Machine,
    StepState,
    TaskState,
    WaitState,
)
from tests.vectors.definitions import FOLDER, definition
from tests.vectors.recorded import Case

INDEX = FOLDER / "index.json"
PLACEHOLDER = re.compile(r"<[^<>]+>|1{12}|^(date|timestamp|(start|entered)-time|generated-uuid)$")
FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:f"


def document(case: Case, index: dict[str, Any]) -> dict[str, Any] | None:
    """The machine of a recorded test, if the recordings say which."""
    entry = index.get(f"tests/aws/services/stepfunctions/{case.name}") or index.get(case.name)
    if entry is None or any("evaluatejsonata" in path for path in entry["data"]):
        return None  # the test changed its machine
    paths = [path for path in entry["data"] if path.endswith(".json5")]
    parameter = re.search(r"\[(.*)\]$", case.name)
    if parameter is not None and len(paths) > 1:
        wanted = parameter.group(1).removeprefix("ST.").split("-")[-1].lower()
        paths = [path for path in paths if path.rsplit("/", 1)[-1] == f"{wanted}.json5"]
    if len(paths) != 1:
        return None
    text = (FOLDER / paths[0]).read_text()
    if "CONTEXT_OBJECT_LITERAL" in text or '"ErrorEquals": []' in text:
        return None  # the test changed its machine
    found = definition(paths[0])
    if "json_path_array_access" in paths[0] and parameter is not None:
        found["States"]["EntryState"]["Parameters"] = {"item.$": parameter.group(1)}
    if re.search(r"__?tb[dc]__?", text):
        for state in found.get("States", {}).values():
            if state.get("Type") == "Task":
                state["Resource"] = FUNCTION
    return found if "States" in found else None


def histories(case: Case) -> list[list[dict[str, Any]]]:
    """The event lists of a recorded test."""
    return [
        answer["events"]
        for answer in case.answers.values()
        if isinstance(answer, dict) and isinstance(answer.get("events"), list) and answer["events"]
    ]


def replayable(machine: Machine) -> bool:
    return all(isinstance(s, (StepState, WaitState, FailState, TaskState)) for s in machine.states.values())


def value(recorded: Any) -> Any:
    """A recorded input or output: objects were parsed, the rest is JSON text."""
    if isinstance(recorded, str):
        try:
            return json.loads(recorded)
        except ValueError:
            return recorded
    return recorded


def alike(expected: Any, actual: Any) -> bool:
    """Equal, where a placeholder equals anything, and JSON text what it says."""
    if isinstance(expected, str) and PLACEHOLDER.search(expected):
        return True
    if isinstance(expected, str):
        return actual in (expected, value(expected)) and isinstance(actual, bool) == isinstance(
            value(expected) if actual != expected else actual, bool
        )
    if isinstance(expected, dict) and isinstance(actual, str):
        return alike(expected, value(actual)) if value(actual) != actual else False
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and expected.keys() - {"RedriveCount"} == actual.keys() - {"RedriveCount"}
            and all(alike(expected[key], actual[key]) for key in expected if key != "RedriveCount")
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(alike, expected, actual))
    return bool(expected == actual) and isinstance(expected, bool) == isinstance(actual, bool)


def replay(machine: Machine, events: list[dict[str, Any]]) -> int:
    """Check every visit of a state in a history; how many there were."""
    started = events[0]["executionStartedEventDetails"]
    variables: dict[str, Any] = {}
    visits = 0
    for position, event in enumerate(events):
        if not event["type"].endswith("StateEntered"):
            continue
        if event["type"].startswith("Wait") and re.search(
            r"<timestamp|\"date\"", json.dumps([variables, entered_input(event)])
        ):
            continue  # when it waits until was replaced by a placeholder
        entered = event["stateEnteredEventDetails"]
        state = machine.states[entered["name"]]
        own = []
        for later in events[position + 1 :]:
            own.append(later)
            if later["type"].endswith("StateExited") or later["type"].startswith("Execution"):
                break
        scope = Scope(value(entered["input"]), context(state, started), variables, Ids(1), 1_700_000_000_000)
        visit(state, scope, event["id"], own, events)
        visits += 1
        for exited in own:
            assigned = exited.get("stateExitedEventDetails", {}).get("assignedVariables", {})
            variables = {**variables, **{name: value(held) for name, held in assigned.items()}}
    return visits


def entered_input(event: dict[str, Any]) -> Any:
    return event["stateEnteredEventDetails"]["input"]


def context(state: Any, started: dict[str, Any]) -> dict[str, Any]:
    """The context object, as far as the history tells it."""
    execution = {
        "Id": "<execution>",
        "Input": value(started["input"]),
        "StartTime": "<time>",
        "Name": "<execution-name>",
        "RoleArn": started.get("roleArn"),
        "RedriveCount": 0,
    }
    machine = {"Id": "<machine>", "Name": "<machine-name>"}
    about: dict[str, Any] = {"Name": state.name, "EnteredTime": "<time>"}
    made = {"Execution": execution, "StateMachine": machine, "State": about}
    if isinstance(state, TaskState):
        about["RetryCount"] = 0
        if state.resource.pattern == "waitForTaskToken":
            made["Task"] = {"Token": "<token>"}
    return made


def visit(state: Any, scope: Scope, entered: int, own: list[Any], events: list[Any]) -> None:
    """One state: what it gives must be what the events that follow say."""
    last = own[-1]
    finished = attempt(state, scope, own)
    if isinstance(finished, StatesError):
        details = last.get("executionFailedEventDetails")
        assert details is not None, f"{state.name} failed: {finished.error} {finished.cause}"
        assert details.get("error") == finished.error
        expected, told = details.get("cause"), finished.located_cause(state.name, entered)
        pattern = ".*".join(re.escape(part) for part in re.split(r"<[^<>]+>", expected or ""))
        assert re.fullmatch(pattern, told or "", re.DOTALL), (expected, told)
        return
    if finished is None:
        return
    exited = last.get("stateExitedEventDetails")
    assert exited is not None, f"{state.name} did not fail: {last}"
    assert alike(value(exited.get("output")), finished.output), (exited.get("output"), finished.output)
    assigned = {name: value(held) for name, held in exited.get("assignedVariables", {}).items()}
    assert alike(assigned, finished.assigned), (assigned, finished.assigned)
    following = [e for e in events if e["id"] == last["id"] + 1 and e["type"].endswith("StateEntered")]
    if following:
        assert following[0]["stateEnteredEventDetails"]["name"] == finished.next


def attempt(state: Any, scope: Scope, own: list[Any]) -> Finished | StatesError | None:
    try:
        return outcome(state, scope, own)
    except StatesError as failed:
        return failed


def outcome(state: Any, scope: Scope, own: list[Any]) -> Finished | None:
    """What the state does, given what its task did; None where the recording has no answer."""
    if isinstance(state, StepState):
        return state.step(scope)
    if isinstance(state, WaitState):
        state.until_ms(scope)
        return state.step(scope)
    if isinstance(state, FailState):
        failure = state.failure(scope)
        details = own[-1]["executionFailedEventDetails"]
        assert (details.get("error"), details.get("cause")) == (failure.error, failure.cause)
        return None
    assert isinstance(state, TaskState)
    timeout, heartbeat = state.timeout_s(scope), state.heartbeat_s(scope)
    prepared = state.prepare(scope)
    for event in own:
        for kind, key in (
            ("taskScheduledEventDetails", "parameters"),
            ("lambdaFunctionScheduledEventDetails", "input"),
        ):
            if kind in event and event is own[0]:
                assert event[kind].get("timeoutInSeconds") == timeout
                assert event[kind].get("heartbeatInSeconds") == heartbeat
                assert alike(event[kind][key], prepared), (event[kind][key], prepared)
    done = own[-2] if len(own) > 1 else {}
    for kind in ("taskSucceededEventDetails", "lambdaFunctionSucceededEventDetails"):
        if kind in done:
            return state.finish(scope, value(done[kind]["output"]))
    for kind in ("taskFailedEventDetails", "lambdaFunctionFailedEventDetails", "taskTimedOutEventDetails"):
        if kind in done and own[-1]["type"].endswith("Exited"):
            details = done[kind]
            cause = details.get("cause")
            caught = state.catch(
                scope, details["error"], cause if isinstance(cause, str) or cause is None else json.dumps(cause)
            )
            assert caught is not None
            return caught
    return None


def compiled(found: dict[str, Any], kind: str = "STANDARD") -> Machine:
    text = json.dumps(found).replace("%LAMBDA_FUNCTION_ARN_LITERAL_PLACEHOLDER%", FUNCTION)
    return compile_definition(text, kind=kind)  # type: ignore[arg-type]
