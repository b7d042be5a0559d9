"""Running a recorded state machine again: its definition, its input, and stand-ins for what it called.

The recordings hold neither functions nor requests. A stand-in answers each task with what the recorded
history says that it was answered; everything else (the language, the engine, the history) is ours.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.vectors.recorded import VECTORS, Case

from ballroom.kernel import Context, ServiceError, registry
from ballroom.services.stepfunctions.engine import tasks
from ballroom.services.stepfunctions.integrations import PENDING, Done, TaskFailure

ACCOUNT = "111111111111"
ROOT = VECTORS / "stepfunctions"
INDEX: dict[str, Any] = json.loads((ROOT / "index.json").read_text()) if ROOT.is_dir() else {}
MOMENTS = {
    *("timestamp", "date", "datetime", "start-date", "stop-date", "start-time", "entered-time", "time"),
    *("<start-time>", "<entered-time>", "<headers-date>"),
}
ANYTHING = {
    *("map_run_arn", "RequestId", "x-amzn-RequestId", "X-Amzn-Trace-Id", "snf_role_arn", "sfn_role_arn"),
    *("stateExitedEventDetails.output", "executionSucceededEventDetails.output"),
}
SKIPPED = {"SdkHttpMetadata", "SdkResponseMetadata", "ResponseMetadata"}
_PLACEHOLDER = re.compile(r"<[^<>]+>")


def read_json5(text: str) -> Any:
    """A document as the tests sent it: comments and trailing commas are allowed."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.S)
    return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda m: m.group(1) or "", text))


def concrete(value: Any) -> Any:
    """A recorded value with the placeholders filled in that stand in names and ARNs."""
    text = json.dumps(value).replace("<partition>", "aws").replace("<region>", "us-east-1")
    text = re.sub(r"<(\w*(?:function|queue|topic|bucket|table|role)[\w-]*?)(?::(\d+))?>", r"\1\2", text)
    return json.loads(text)


def documents(name: str) -> list[dict[str, Any]]:
    """The definitions that a recorded test names."""
    found = []
    for path in INDEX.get(name, {}).get("data", ()):
        document = read_json5((ROOT / path).read_text())
        if "States" in document:
            found.append(document)
    return found


def states_in(states: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state of a definition, by name, those inside Map and Parallel too."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in states.items():
        found[name] = state
        inner = [state.get("Iterator"), state.get("ItemProcessor"), *(state.get("Branches") or ())]
        for machine in inner:
            if machine:
                found |= states_in(machine.get("States", {}))
    return found


def definition_of(name: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The definition whose execution was recorded, with the resources that the recording shows."""
    entered = {e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e}
    # the test's parameter names the document; its states must be those entered
    parameter = name.partition("[")[2].rstrip("]").lower()
    fitting = [d for d in documents(name) if entered <= states_in(d["States"]).keys()]
    if not fitting:
        pytest.skip("the definition is not in the recording")
    paths = [p.rpartition("/")[2].removesuffix(".json5") for p in INDEX[name]["data"]]
    for path, document in zip(paths, documents(name), strict=False):
        if document in fitting and path in parameter.replace("-", "_"):
            fitting = [document]
    document = min(fitting, key=lambda d: len(states_in(d["States"]).keys() - entered))
    every, current = states_in(document["States"]), None
    for event in events:
        if event["type"] == "TaskStateEntered":
            current = event["stateEnteredEventDetails"]["name"]
        for member in ("lambdaFunctionScheduledEventDetails", "activityScheduledEventDetails"):
            if member in event and current is not None:
                every[current]["Resource"] = event[member]["resource"]
    return document


class Stand:
    """Stand-ins for what the recorded execution called."""

    def __init__(self, cloud: Cloud, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        self._cloud = cloud
        self._functions: deque[dict[str, Any] | None] = deque()
        self._services: dict[str, deque[dict[str, Any]]] = {}
        self.tokens: list[tuple[str, str]] = []
        for event in events:
            self._note(event)
        operation = registry.operations["lambda", "Invoke"]
        monkeypatch.setitem(registry.operations, ("lambda", "Invoke"), type(operation)(
            "lambda", "Invoke", self._invoke, True, False, lambda request: None
        ))  # fmt: skip
        self._real = tasks.begin_task
        monkeypatch.setattr(tasks, "begin_task", self._begin)

    def _note(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "LambdaFunctionSucceeded":
            self._functions.append({"Payload": event["lambdaFunctionSucceededEventDetails"]["output"]})
        elif kind == "LambdaFunctionFailed":
            self._functions.append({"FunctionError": event["lambdaFunctionFailedEventDetails"]})
        elif kind == "LambdaFunctionTimedOut":
            self._functions.append(None)
        elif kind in ("TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskSubmitted"):
            details = event[f"{kind[0].lower()}{kind[1:]}EventDetails"]
            if details["resourceType"] == "lambda":
                self._functions.append(self._invocation(kind, details))
            else:
                key = f"{details['resourceType']}:{details['resource']}"
                self._services.setdefault(key, deque()).append({"kind": kind, **details})

    @staticmethod
    def _invocation(kind: str, details: dict[str, Any]) -> dict[str, Any] | None:
        if kind == "TaskTimedOut":
            return None
        if kind == "TaskFailed":
            return {"FunctionError": details}
        output = details["output"]
        output = json.loads(output) if isinstance(output, str) else output
        return {"Payload": json.dumps(output.get("Payload")), "Version": output.get("ExecutedVersion")}

    async def _invoke(self, ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
        outcome = self._functions.popleft() if self._functions else None
        if outcome is None:
            raise ServiceError.of("ServiceException", "nothing more was recorded", status=500)
        if "FunctionError" in outcome:
            failed = outcome["FunctionError"]
            if failed.get("error") == "States.DataLimitExceeded":
                return {"StatusCode": 200, "Payload": b'"' + b"x" * 300_000 + b'"', "ExecutedVersion": "$LATEST"}
            if failed.get("error", "").startswith("Lambda."):
                raise ServiceError.of(failed["error"].removeprefix("Lambda."), failed["cause"], status=404)
            cause = failed.get("cause")
            payload = cause if isinstance(cause, str) else json.dumps(cause)
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload.encode()}
        payload = outcome["Payload"]
        payload = payload if isinstance(payload, str) else json.dumps(payload)
        return {
            "StatusCode": 200, "ExecutedVersion": outcome.get("Version") or "$LATEST",
            "Payload": payload.encode(),
        }  # fmt: skip

    def _begin(self, branch: Any, resource: Any, given: Any, text: str, credentials: Any) -> Any:
        if resource.service == "lambda" and self._functions and self._functions[0] is None:
            self._functions.popleft()
            return PENDING  # a function that does not answer in time
        if resource.kind == "activity" or resource.service == "lambda":
            return self._real(branch, resource, given, text, credentials)
        waiting = self._services.get(f"{resource.resource_type}:{resource.resource}")
        if not waiting:
            pytest.skip("what the task was answered is not in the recording")
        outcome = waiting.popleft()
        if outcome["kind"] == "TaskFailed":
            cause = outcome.get("cause")
            raise TaskFailure(outcome.get("error"), cause if isinstance(cause, str) else json.dumps(cause))
        if outcome["kind"] == "TaskSubmitted" and waiting:
            following = waiting.popleft()
            if following["kind"] == "TaskSucceeded":
                self.tokens.append((branch.position.token, _text(following["output"])))
        output = outcome.get("output")
        return Done(json.loads(output) if isinstance(output, str) else output)

    def answer_callbacks(self) -> bool:
        """Answer what waits for a callback; whether anything did."""
        waiting, self.tokens = self.tokens, []
        for token, output in waiting:
            self._cloud.stepfunctions("SendTaskSuccess", taskToken=token, output=output)
        return bool(waiting)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def run(cloud: Cloud, definition: dict[str, Any], input: Any, stand: Stand, kind: str = "STANDARD") -> str:
    """Run a machine to its end; the execution's ARN."""
    caller = cloud.caller(ACCOUNT)
    arn = cloud.call(
        "stepfunctions", "CreateStateMachine", caller, name="machine", definition=json.dumps(definition),
        roleArn="snf_role_arn", type=kind,
    )["stateMachineArn"]  # fmt: skip
    execution: str = cloud.call(
        "stepfunctions", "StartExecution", caller, stateMachineArn=arn, input=_text(input)
    )["executionArn"]
    for _ in range(60):
        cloud.clock.settle()
        stand.answer_callbacks()
        cloud.clock.settle()
        if describe(cloud, execution)["status"] != "RUNNING":
            break
        cloud.clock.advance(seconds=30)
    return execution


def describe(cloud: Cloud, execution: str) -> dict[str, Any]:
    return cloud.call("stepfunctions", "DescribeExecution", cloud.caller(ACCOUNT), executionArn=execution)


def history(cloud: Cloud, execution: str) -> list[dict[str, Any]]:
    answer = cloud.call(
        "stepfunctions", "GetExecutionHistory", cloud.caller(ACCOUNT), executionArn=execution, maxResults=1000
    )
    events: list[dict[str, Any]] = answer["events"]
    return events


def recorded_histories(case: Case) -> dict[str, list[dict[str, Any]]]:
    """The histories that a case recorded, by key."""
    return {
        key: answer["events"]
        for key, answer in case.answers.items()
        if isinstance(answer, dict) and answer.get("events") and answer["events"][0]["type"] == "ExecutionStarted"
    }


def assert_same_history(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> None:
    """Ours is what AWS recorded; events of concurrent branches (recorded without ids) in any order."""
    read: dict[str, str] = {}
    unordered = [event for event in expected if isinstance(event["id"], list)]
    ids = {event["id"] for event in expected if not isinstance(event["id"], list)}
    by_id = {event["id"]: event for event in actual}
    rest = [event for event in actual if event["id"] not in ids]
    if unordered:
        # the recording leaves out which event follows which inside, and the end of the group
        rest = [e for e in rest if e["type"] not in ("ParallelStateSucceeded", "ParallelStateFailed")]
        for event in unordered:
            loose = {k: v for k, v in event.items() if k not in ("id", "previousEventId")}
            match = next((one for one in rest if _fits(loose, one, dict(read))), None)
            assert match is not None, f"nothing of ours is {loose}"
            unify(loose, {k: v for k, v in match.items() if k in loose}, read, "")
            rest.remove(match)
    assert not rest, [f"{e['id']} {e['type']}" for e in rest]
    for event in expected:
        if not isinstance(event["id"], list):
            assert event["id"] in by_id, f"no event {event['id']} {event['type']}"
            unify(event, by_id[event["id"]], read, f"#{event['id']}")


def _fits(expected: dict[str, Any], actual: dict[str, Any], read: dict[str, str]) -> bool:
    try:
        unify(expected, {k: v for k, v in actual.items() if k not in ("id", "previousEventId")}, read, "")
    except AssertionError:
        return False
    return True


def unify(expected: Any, actual: Any, read: dict[str, str], where: str) -> None:
    """Ours says what the recording says, under one consistent reading of its placeholders."""
    if isinstance(expected, str) and (expected in ANYTHING or expected in MOMENTS):
        return
    if isinstance(expected, dict):
        if isinstance(actual, str):
            actual = json.loads(actual)
        assert isinstance(actual, dict), f"{where}: {expected!r} is not {actual!r}"
        kept = expected.keys() - SKIPPED
        ours = actual.keys() - SKIPPED
        if "RedriveCount" not in expected:  # older recordings of the context object
            ours -= {"RedriveCount"}
        assert kept == ours, f"{where}: {sorted(kept)} are not {sorted(ours)}"
        for key in kept:
            unify(expected[key], actual[key], read, f"{where}.{key}")
    elif isinstance(expected, list):
        if isinstance(actual, str):
            actual = json.loads(actual)
        assert isinstance(actual, list), where
        assert len(expected) == len(actual), where
        for n, (one, other) in enumerate(zip(expected, actual, strict=True)):
            unify(one, other, read, f"{where}[{n}]")
    elif isinstance(expected, str):
        assert isinstance(actual, str), f"{where}: {expected!r} is not {actual!r}"
        _unify_text(expected, actual, read, where)
    else:
        assert expected == actual, f"{where}: {expected!r} is not {actual!r}"


def _unify_text(expected: str, actual: str, read: dict[str, str], where: str) -> None:
    if expected == actual:
        return
    names = _PLACEHOLDER.findall(expected)
    if expected[:1] in "[{\"" and actual[:1] == expected[:1]:
        try:
            one, other = json.loads(expected), json.loads(actual)
        except json.JSONDecodeError:
            pass
        else:
            if not isinstance(one, str) or one != expected:
                assert expected.count(" ") == actual.count(" ") or names, f"{where}: {expected!r}, {actual!r}"
                unify(one, other, read, where)
                return
    texts = [re.escape(text) for text in _PLACEHOLDER.split(expected)]
    pattern = "".join(a + b for a, b in zip(texts, ["(.+?)"] * len(names) + [""], strict=True))
    found = re.fullmatch(pattern, actual, re.DOTALL)
    assert found is not None, f"{where}: {expected!r} is not {actual!r}"
    for name, value in zip(names, found.groups(), strict=True):
        assert read.setdefault(name, value) == value, f"{where}: {name}"
