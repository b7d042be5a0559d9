"""Express executions, logging, mock configurations, map runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Unavailable

from .machines import (
    PREFIX,
    bodies,
    chain,
    create,
    output,
    passing,
    queue,
    start,
    story,
    task,
    wait,
)


def test_a_synchronous_execution_answers_with_its_output(cloud: Cloud) -> None:
    arn = create(cloud, chain(A=passing(Result={"n": 1})), type="EXPRESS")
    answer = cloud.stepfunctions("StartSyncExecution", stateMachineArn=arn, name="e", input='{"a": 1}')
    assert answer["executionArn"].startswith(f"{PREFIX}:express:m:e:")
    assert (answer["status"], answer["output"], answer["input"]) == ("SUCCEEDED", '{"n":1}', '{"a": 1}')
    assert answer["billingDetails"] == {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}


def test_a_synchronous_execution_may_wait_and_fail(cloud: Cloud) -> None:
    arn = create(cloud, chain(W=wait(2), F={"Type": "Fail", "Error": "E", "Cause": "c"}), type="EXPRESS")
    waiting = cloud.start("stepfunctions", "StartSyncExecution", stateMachineArn=arn)
    cloud.clock.advance(seconds=2)
    answer = cloud.run(waiting)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "c")
    assert "output" not in answer


def test_an_express_execution_ends_after_five_minutes(cloud: Cloud) -> None:
    arn = create(cloud, chain(W=wait(3600)), type="EXPRESS")
    waiting = cloud.start("stepfunctions", "StartSyncExecution", stateMachineArn=arn)
    cloud.clock.advance(minutes=5)
    assert cloud.run(waiting)["status"] == "TIMED_OUT"


def test_a_standard_machine_is_not_run_synchronously(cloud: Cloud) -> None:
    arn = create(cloud, chain(A=passing()))
    refused = cloud.error("stepfunctions", "StartSyncExecution", stateMachineArn=arn)
    assert repr(refused) == (
        "StateMachineTypeNotSupported: This operation is not supported by this type of state machine"
    )


def test_effects_of_an_express_execution_are_there_when_it_answers(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    url = queue(cloud)
    send = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "x"})
    cloud.stepfunctions("StartSyncExecution", stateMachineArn=create(cloud, chain(S=send), type="EXPRESS"))
    cloud.reopen()
    assert bodies(cloud, url) == ["x"]


def test_who_waits_when_a_commit_is_lost_is_told_so(cloud: Cloud) -> None:
    arn = create(cloud, chain(W=wait(60)), type="EXPRESS")
    waiting = cloud.start("stepfunctions", "StartSyncExecution", stateMachineArn=arn)
    cloud.kernel.forget()
    with pytest.raises(Unavailable):
        cloud.run(waiting)


def test_an_acknowledged_express_execution_begins_again_after_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    url = queue(cloud)
    send = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody.$": "$$.Execution.Id"})
    arn = create(cloud, chain(W=wait(60), S=send), type="EXPRESS")
    execution = start(cloud, arn)
    cloud.clock.advance(seconds=30)
    cloud.reopen()
    cloud.clock.advance(seconds=60)
    assert bodies(cloud, url) == [execution]
    cloud.reopen()
    cloud.clock.advance(seconds=120)
    assert bodies(cloud, url) == [execution], "it has not begun once more"


def logged(cloud: Cloud, group: str = "g") -> list[dict[str, Any]]:
    cloud.clock.settle()
    found = cloud.logs("FilterLogEvents", logGroupName=group)["events"]
    return [json.loads(event["message"]) for event in found]


def logging(cloud: Cloud, level: str, with_data: bool) -> dict[str, Any]:
    cloud.logs("CreateLogGroup", logGroupName="g")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]
    return {"level": level, "includeExecutionData": with_data, "destinations": destinations}


@pytest.mark.parametrize(
    ("level", "types"),
    [
        ("ALL", ["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"]),
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
def test_each_level_logs_its_events(cloud: Cloud, level: str, types: list[str], type: str) -> None:
    machine = chain(A=passing(), F={"Type": "Fail", "Error": "E"})
    arn = create(cloud, machine, type=type, loggingConfiguration=logging(cloud, level, False))
    start(cloud, arn, {"secret": 1})
    lines = logged(cloud)
    assert [line["type"] for line in lines] == types
    assert lines[-1]["details"] == {"error": "E"}
    assert lines[-1].keys() == {
        "id", "type", "details", "previous_event_id", "event_timestamp", "execution_arn", "redrive_count"
    }  # fmt: skip
    assert "secret" not in json.dumps(lines)


def test_logs_with_data_tell_inputs(cloud: Cloud) -> None:
    arn = create(cloud, chain(A=passing()), loggingConfiguration=logging(cloud, "ALL", True))
    start(cloud, arn, {"a": 1})
    assert logged(cloud)[0]["details"]["input"] == '{"a": 1}'


MOCKS = {
    "StateMachines": {"m": {"TestCases": {"Retried": {"T": "Answers"}}}},
    "MockedResponses": {
        "Answers": {
            "0": {"Throw": {"Error": "Busy", "Cause": "not now"}},
            "1-2": {"Return": {"StatusCode": 200, "Payload": "hello"}},
        }
    },
}


def test_a_mock_configuration_of_step_functions_local_answers_for_tasks(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "MockConfigFile.json").write_text(json.dumps(MOCKS))
    monkeypatch.setenv("SFN_MOCK_CONFIG", str(tmp_path / "MockConfigFile.json"))
    machine = chain(T=task("lambda:invoke", {"FunctionName": "none"}, Retry=[{"ErrorEquals": ["Busy"]}]))
    arn = create(cloud, machine)
    execution = start(cloud, f"{arn}#Retried")
    cloud.clock.advance(seconds=2)
    assert output(cloud, execution)["Payload"] == "hello"
    assert story(cloud, execution).count("TaskFailed") == 1
    refused = cloud.error("stepfunctions", "StartExecution", stateMachineArn=f"{arn}#None")
    assert refused.shape == "ValidationException"
