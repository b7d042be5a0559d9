"""Running a recorded state machine again: its definition, its input, and stand-ins for what it called.

The recordings hold neither functions nor requests. A stand-in answers each task with what the recorded
history says that it was answered; everything else (the language, the engine, the history) is ours.
"""

from __future__ import annotations

import json
import re
from collections import deque
from difflib import SequenceMatcher
from typing import Any

import pytest

from ballroom.kernel import Context, ServiceError, registry
from ballroom.services.stepfunctions.engine import tasks
from ballroom.services.stepfunctions.integrations import PENDING, Done, TaskFailure
from tests.cloud import Cloud
from tests.vectors.recorded import VECTORS, Case

ACCOUNT = "111111111111"
ACTIVITY = f"arn:aws:states:us-east-1:{ACCOUNT}:activity:activity"
ROOT = VECTORS / "stepfunctions"
INDEX: dict[str, Any] = json.loads((ROOT / "index.json").read_text()) if ROOT.is_dir() else {}
MOMENTS = {
    *("timestamp", "date", "datetime", "start-date", "stop-date", "start-time", "entered-time", "time"),
    *("<start-time>", "<entered-time>", "<headers-date>", "<date>"),
}
ANYTHING = {
    *("map_run_arn", "RequestId", "x-amzn-RequestId", "X-Amzn-Trace-Id", "snf_role_arn", "sfn_role_arn"),
    *("generated-uuid", "arn:<partition>:states:<region>:111111111111:stateMachine:<ArnPart_0idx>"),
    *("stateExitedEventDetails.output", "executionSucceededEventDetails.output"),
}
SKIPPED = {"SdkHttpMetadata", "SdkResponseMetadata", "ResponseMetadata"}
_STARTED = "executionStartedEventDetails"
_PLACEHOLDER = re.compile(r"<[^<>]+>")


def read_json5(text: str) -> Any:
    """A document as the tests sent it: comments and trailing commas are allowed."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or "", text, flags=re.S)
    return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda m: m.group(1) or "", text))


def concrete(value: Any, name: str) -> Any:
    """A recorded value with the placeholders filled in that stand in names and ARNs."""
    suffix = name.partition("[")[2].rstrip("]")
    text = json.dumps(value).replace("<partition>", "aws").replace("<region>", "us-east-1")
    text = re.sub(r"<([\w-]*(?:function|queue|topic|bucket|table|role)[\w-]*)(?::(\d+))?>", r"\1\2", text)
    text = text.replace("<test_aws_account_id>", ACCOUNT).replace("activity_arn", ACTIVITY)
    return json.loads(text.replace('"start_at": "<timestamp>"', f'"start_at": "2024-01-01T00:00:00{suffix}"'))


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
    parameter = name.partition("[")[2].rstrip("]").lower() or name.rpartition("::")[2]
    paths = [p.rpartition("/")[2].removesuffix(".json5") for p in INDEX[name]["data"]]
    fitting = [
        (SequenceMatcher(None, path, parameter).ratio(), -len(states_in(document["States"])), document)
        for path, document in zip(paths, documents(name), strict=False)
        if entered <= states_in(document["States"]).keys()
    ]
    if not fitting:
        pytest.skip("the definition is not in the recording")
    document = max(fitting, key=lambda found: found[:2])[2]
    every, current = states_in(document["States"]), None
    for event in events:
        if event["type"] == "TaskStateEntered":
            current = event["stateEnteredEventDetails"]["name"]
        for member in ("lambdaFunctionScheduledEventDetails", "activityScheduledEventDetails"):
            if member in event and current is not None:
                every[current]["Resource"] = event[member]["resource"]
    for state in every.values():
        if state.get("Resource") in ("__tbd__", "_tbd_") and "activity" in name:
            state["Resource"] = ACTIVITY
    text = json.dumps(document)
    function = function_in(events)
    for placeholder in ("%LAMBDA_FUNCTION_ARN_LITERAL_PLACEHOLDER%", "__tbd__", "_tbd_"):
        if function and placeholder in text and f'"Items": "{placeholder}"' not in text:
            text = text.replace(placeholder, function)
    document = json.loads(text)
    change(name, document, events)
    return document


def function_in(events: list[dict[str, Any]]) -> str:
    """The function that a recording calls."""
    for event in events:
        if "lambdaFunctionScheduledEventDetails" in event:
            return str(event["lambdaFunctionScheduledEventDetails"]["resource"])
        parameters = event.get("taskScheduledEventDetails", {}).get("parameters")
        if isinstance(parameters, dict) and "FunctionName" in parameters:
            return str(parameters["FunctionName"])
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:function"


def change(name: str, document: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """What tests put into a document before they sent it, as far as their names and answers tell."""
    test, _, parameter = name.rpartition("::")[2].partition("[")
    parameter = parameter.removesuffix("]")
    every = states_in(document["States"])
    if "json_path_array" in test:
        every["EntryState"]["Parameters"]["item.$"] = parameter
    if test == "test_map_state_lambda":
        every["StartState"]["Parameters"]["Values"] = [{"body": "string body"}]
    if "evaluate_jsonata" in name:
        (start,) = (state for key, state in every.items() if key == "Start")
        field = {"HEARTBEAT_SECONDS": "HeartbeatSeconds", "TIMEOUT_SECONDS": "TimeoutSeconds"}.get(parameter)
        if field:
            start[field] = "{% $states.input.input_value %}" if "from_input" in test else 1
        if parameter.startswith("ITEMS"):
            start["Items"] = "{% $states.input.input_value %}" if "from_input" in test else items_of("", events)
    for state in every.values():
        for field, value in state.items():
            if value == "%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%":
                state[field] = parameter
        if state.get("Items") == "_tbd_":
            state["Items"] = items_of(parameter, events)
        config = (state.get("ItemReader") or {}).get("ReaderConfig") or {}
        if config.get("CSVHeaders") == "__TBD__":
            config["CSVHeaders"] = ["H1", "H2", "H3"]
        for catcher in state.get("Catch", ()):
            catcher["ErrorEquals"] = catcher["ErrorEquals"] or ["CustomException"]
        arguments = state.get("Arguments") or state.get("Parameters")
        if isinstance(arguments, dict) and "StateMachineArn" in arguments:
            arguments["StateMachineArn"] = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:target"


def items_of(parameter: str, events: list[dict[str, Any]]) -> Any:
    """The Items of a Map: the expression that a failure quotes, or what its iterations were given."""
    for event in events:
        quoted = re.search(
            r"expression '(.*)' specified for the field 'Items'",
            event.get("evaluationFailedEventDetails", {}).get("cause", ""),
        )
        if quoted:
            return f"{{% {quoted.group(1)} %}}"
    output = next(e for e in events if e["type"] == "MapStateExited")["stateExitedEventDetails"]["output"]
    return "{% " + _text(output) + " %}"


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
            # the children of a map run have histories that were not recorded; those functions echo
            return {"StatusCode": 200, "Payload": request["Payload"], "ExecutedVersion": "$LATEST"}
        if "FunctionError" in outcome:
            failed = outcome["FunctionError"]
            if failed.get("error") == "States.DataLimitExceeded":
                return {
                    "StatusCode": 200,
                    "Payload": b'"' + b"x" * 300_000 + b'"',
                    "ExecutedVersion": "$LATEST",
                }
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
        if resource.resource_type == "states" and resource.pattern:
            return self._real(branch, resource, given, text, credentials)
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
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def create(cloud: Cloud, name: str, definition: dict[str, Any], role: str) -> str:
    arn: str = cloud.call(
        "stepfunctions", "CreateStateMachine", cloud.caller(ACCOUNT), name=name,
        definition=json.dumps(definition), roleArn=role,
    )["stateMachineArn"]  # fmt: skip
    return arn


def run(
    cloud: Cloud, definition: dict[str, Any], started: dict[str, Any], stand: Stand, worker: Worker | None
) -> str:
    """Run a machine to its end; the execution's ARN."""
    arn = create(cloud, "machine", definition, started["roleArn"])
    if worker is not None and worker.gone:
        cloud.call("stepfunctions", "DeleteActivity", cloud.caller(ACCOUNT), activityArn=ACTIVITY)
    execution: str = cloud.call(
        "stepfunctions", "StartExecution", cloud.caller(ACCOUNT), stateMachineArn=arn,
        input=_text(started["input"]),
    )["executionArn"]  # fmt: skip
    for _ in range(60):
        cloud.clock.settle()
        stand.answer_callbacks()
        if worker is not None:
            worker.work(cloud)
        cloud.clock.settle()
        if describe(cloud, execution)["status"] != "RUNNING":
            break
        cloud.clock.advance(seconds=30)
    return execution


def mock_configuration(name: str, definition: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """A mock configuration of the recorded documents, each for the tasks whose resource it answers."""
    responses, cases = {}, {}
    for path in INDEX[name]["data"]:
        if "mocked_responses" not in path:
            continue
        key = path.rpartition("/")[2].removesuffix(".json5")
        responses[key] = read_json5((ROOT / path).read_text())
        for state, body in states_in(definition["States"]).items():
            action = re.sub(r"([A-Z])", r"_\1", body.get("Resource", "").rpartition(":")[2]).lower()
            if body["Type"] == "Task" and (action in key or "/dynamodb/" not in path):
                cases[state] = key
    return {"StateMachines": {"machine": {"TestCases": {"Case": cases}}}, "MockedResponses": responses}


def run_mocked(cloud: Cloud, definition: dict[str, Any], started: dict[str, Any]) -> str:
    """Run the test case of a mock configuration to its end."""
    arn = create(cloud, "machine", definition, started["roleArn"])
    execution: str = cloud.call(
        "stepfunctions", "StartExecution", cloud.caller(ACCOUNT), stateMachineArn=f"{arn}#Case",
        input=_text(started["input"]),
    )["executionArn"]  # fmt: skip
    for _ in range(5):
        cloud.clock.advance(seconds=30)
    return execution


def run_logged(
    cloud: Cloud, definition: dict[str, Any], started: dict[str, Any], level: str, with_data: bool
) -> list[dict[str, Any]]:
    """Run a machine that logs; the lines it logged."""
    caller = cloud.caller(ACCOUNT)
    cloud.call("logs", "CreateLogGroup", caller, logGroupName="group")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:group:*"
    arn = cloud.call(
        "stepfunctions", "CreateStateMachine", caller, name="machine", definition=json.dumps(definition),
        roleArn="snf_role_arn", loggingConfiguration={
            "level": level, "includeExecutionData": with_data,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )["stateMachineArn"]  # fmt: skip
    cloud.call("stepfunctions", "StartExecution", caller, stateMachineArn=arn, input=_text(started["input"]))
    cloud.clock.advance(seconds=60)
    found = cloud.call("logs", "FilterLogEvents", caller, logGroupName="group")["events"]
    return [json.loads(event["message"]) for event in found]


class Worker:
    """An activity's worker, who does what the recorded one did."""

    def __init__(self, cloud: Cloud, events: list[dict[str, Any]]) -> None:
        cloud.call("stepfunctions", "CreateActivity", cloud.caller(ACCOUNT), name="activity")
        self._by_type = {event["type"]: event for event in events}
        self.gone = "ActivityScheduled" not in self._by_type
        self._done = self.gone

    def work(self, cloud: Cloud) -> None:
        if self._done:
            return
        self._done, caller = True, cloud.caller(ACCOUNT)
        name = self._by_type["ActivityStarted"]["activityStartedEventDetails"].get("workerName")
        given = {"workerName": name} if name else {}
        token = cloud.call("stepfunctions", "GetActivityTask", caller, activityArn=ACTIVITY, **given)[
            "taskToken"
        ]
        if done := self._by_type.get("ActivitySucceeded"):
            output = _text(done["activitySucceededEventDetails"]["output"])
            cloud.call("stepfunctions", "SendTaskHeartbeat", caller, taskToken=token)
            cloud.call("stepfunctions", "SendTaskSuccess", caller, taskToken=token, output=output)
        elif failed := self._by_type.get("ActivityFailed"):
            details = failed["activityFailedEventDetails"]
            cloud.call(
                "stepfunctions", "SendTaskFailure", caller, taskToken=token, error=details["error"],
                cause=_text(details["cause"]),
            )  # fmt: skip


def put_objects(cloud: Cloud, name: str, events: list[dict[str, Any]]) -> None:
    """The objects that a recorded Map read, made from what its children answered."""
    caller = cloud.caller(ACCOUNT)
    bucket = re.sub(r"[^a-z0-9-]", "-", events[0][_STARTED]["input"]["Bucket"])
    events[0][_STARTED]["input"]["Bucket"] = events[1]["stateEnteredEventDetails"]["input"]["Bucket"] = bucket
    cloud.call("s3", "CreateBucket", caller, Bucket=bucket)
    exited = next((e for e in events if e["type"] == "MapStateExited"), None)
    output: Any = [] if exited is None else exited["stateExitedEventDetails"]["output"]
    output = json.loads(output) if isinstance(output, str) else output
    objects: dict[str, str] = {}
    if "list_objects" in name:
        objects = {item["Key"]: "Hello World!" for item in output}
    elif "csv" in name:
        headers = [] if "headers_decl" in name else [",".join(sorted(output[0], reverse="" in output[0]))]
        rows = [",".join(item[key] for key in sorted(item, reverse="" in item)) for item in output]
        objects["file.csv"] = "\n".join(headers + rows)
    elif "no_json_list" in name:
        objects["file.json"] = '{"verdict": "true"}'
    elif output and isinstance(output[0], dict) and "Items" in output[0]:
        objects["file.json"] = json.dumps([item for batch in output for item in batch["Items"]])
    else:
        objects["file.json"] = json.dumps(output + (output if "max_items" in name else []))
    for key, body in objects.items():
        cloud.call("s3", "PutObject", caller, Bucket=bucket, Key=key, Body=body.encode())


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
        if isinstance(answer, dict)
        and answer.get("events")
        and answer["events"][0]["type"] == "ExecutionStarted"
    }


def assert_same_history(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> None:
    """Ours is what AWS recorded; events of concurrent branches (recorded without ids) in any order."""
    read: dict[str, str] = {}
    by_id = {event["id"]: event for event in actual}
    kinds = {event["id"]: event for event in expected if not isinstance(event["id"], list)}
    for event in expected:
        # until mid 2024 the first state's input was told as it was sent, spaces included
        entered = event.get("stateEnteredEventDetails")
        if event["id"] == 2 and entered is not None and entered["input"] == expected[0][_STARTED].get("input"):
            entered["input"] = by_id[2]["stateEnteredEventDetails"]["input"]
        # until late 2024 a distributed Map's exit followed the end of its run; since then, its start
        before = kinds.get(event["previousEventId"]) if not isinstance(event["id"], list) else None
        if event["type"] == "MapStateExited" and before is not None and before["type"] == "MapRunSucceeded":
            event["previousEventId"] = before["previousEventId"]
    unordered = [event for event in expected if isinstance(event["id"], list)]
    ids = {event["id"] for event in expected if not isinstance(event["id"], list)}
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
        actual = json.loads(actual) if isinstance(actual, str) else actual
        assert expected == actual, f"{where}: {expected!r} is not {actual!r}"


def _unify_text(expected: str, actual: str, read: dict[str, str], where: str) -> None:
    if expected == actual:
        return
    names = _PLACEHOLDER.findall(expected)
    if expected[:1] in '[{"' and actual[:1] == expected[:1]:
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
