"""Express executions, logging, mock configurations, map runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Unavailable
from ballroom.kernel.keys import unpack

from .machines import (
    PREFIX,
    bodies,
    chain,
    create,
    error,
    events,
    output,
    over,
    passing,
    queue,
    run,
    start,
    status,
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


def distributed(**more: Any) -> dict[str, Any]:
    return {
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": more.pop("kind", "STANDARD")},
            **more.pop("processor", chain(A=passing())),
        },
        **more,
    }


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_distributed_map_runs_its_items_as_executions(cloud: Cloud, kind: str) -> None:
    machine = chain(M=distributed(Label="each", kind=kind, MaxConcurrency=3))
    execution = run(cloud, machine, list(range(150)))
    assert output(cloud, execution) == list(range(150))
    (listed,) = cloud.stepfunctions("ListMapRuns", executionArn=execution)["mapRuns"]
    described = cloud.stepfunctions("DescribeMapRun", mapRunArn=listed["mapRunArn"])
    assert described["status"] == "SUCCEEDED"
    assert described["itemCounts"]["succeeded"] == described["executionCounts"]["succeeded"] == 150
    if kind == "STANDARD":
        children = cloud.stepfunctions("ListExecutions", mapRunArn=listed["mapRunArn"], maxResults=1000)
        assert len(children["executions"]) == 150
        assert children["executions"][0]["executionArn"].startswith(f"{PREFIX}:execution:m/each:")


def test_ended_executions_leave_only_what_is_kept_and_that_for_ninety_days(cloud: Cloud) -> None:
    branches = [chain(W=wait(5)), chain(M=over(("V", wait(3)), ItemsPath="$.items", MaxConcurrency=2))]
    machine = chain(
        P={"Type": "Parallel", "Branches": branches, "OutputPath": "$[0].items"},
        D=distributed(processor=chain(X=wait(2))),
    )
    arn = create(cloud, machine | {"TimeoutSeconds": 1000})
    start(cloud, arn, {"items": [1, 2, 3]})
    cloud.clock.advance(seconds=20)
    stopped = start(cloud, arn, {"items": [1, 2, 3]})
    cloud.clock.advance(seconds=4)
    cloud.stepfunctions("StopExecution", executionArn=stopped)
    cloud.clock.advance(seconds=1)
    kept = {"states-definition", "states-history", "states-redrivable", "states-map-run", "states-map-runs-of"}
    assert {key for key in rows(cloud) if key.startswith("states-")} == kept
    cloud.clock.advance(days=91)
    assert {key for key in rows(cloud) if key.startswith("states-")} == {"states-definition"}


def rows(cloud: Cloud) -> set[str]:
    """The first parts of all keys."""
    return {str(unpack(row.key)[0]) for row in cloud.kernel.shard.scan(b"", b"\xff", None)}


def failing_at(*bad: int) -> dict[str, Any]:
    choices = [{"Variable": "$", "NumericEquals": n, "Next": "F"} for n in bad]
    return {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": choices, "Default": "A"},
            "A": passing(End=True),
            "F": {"Type": "Fail", "Error": "Bad"},
        },
    }


def test_failures_are_tolerated_up_to_a_threshold(cloud: Cloud) -> None:
    tolerant = chain(M=distributed(processor=failing_at(3, 5), ToleratedFailureCount=2))
    assert output(cloud, run(cloud, tolerant, list(range(8)))) == [0, 1, 2, 4, 6, 7]
    strict = chain(M=distributed(processor=failing_at(3, 5), ToleratedFailurePercentage=20))
    execution = run(cloud, strict, list(range(8)), "strict")
    assert error(cloud, execution) == (
        "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded",
    )  # fmt: skip
    assert story(cloud, execution)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def s3_map(**more: Any) -> dict[str, Any]:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": more.pop("config"),
        "Parameters": {"Bucket": "b-1", "Key": "items"},
    }
    return chain(M=distributed(ItemReader=reader, **more))


@pytest.mark.parametrize(
    ("config", "content", "items"),
    [
        ({"InputType": "JSON"}, b"[1, 2]", [1, 2]),
        ({"InputType": "JSONL"}, b'{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ({"InputType": "JSON", "MaxItems": 1}, b"[1, 2]", [1]),
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, b'x,y\r\n1,"a, b"\r\n', [{"x": "1", "y": "a, b"}]),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"], "CSVDelimiter": "PIPE"},
         b"1|2\n", [{"x": "1"}]),
    ],
)  # fmt: skip
def test_items_are_read_from_s3(cloud: Cloud, config: dict[str, Any], content: bytes, items: list[Any]) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    cloud.s3("PutObject", Bucket="b-1", Key="items", Body=content)
    assert output(cloud, run(cloud, s3_map(config=config))) == items


def test_items_come_in_batches_and_results_go_to_s3(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    cloud.s3("PutObject", Bucket="b-1", Key="items", Body=json.dumps(list(range(5))).encode())
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b-1", "Prefix": "out"}}
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"who": "me"}}
    machine = s3_map(config={"InputType": "JSON"}, ItemBatcher=batcher, ResultWriter=writer)
    result = output(cloud, run(cloud, machine))
    key = result["ResultWriterDetails"]["Key"]
    manifest = json.loads(read(cloud, key))
    (written,) = manifest["ResultFiles"]["SUCCEEDED"]
    inputs = [json.loads(one["Input"]) for one in json.loads(read(cloud, written["Key"]))]
    assert inputs == [{"BatchInput": {"who": "me"}, "Items": items} for items in ([0, 1], [2, 3], [4])]


def read(cloud: Cloud, key: str) -> bytes:
    body: bytes = cloud.s3("GetObject", Bucket="b-1", Key=key)["Body"]
    return body


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_map_run_goes_on_after_a_restart(durable_cloud: Cloud, kind: str) -> None:
    cloud = durable_cloud
    machine = chain(M=distributed(kind=kind, processor=chain(W=wait(60), A=passing()), MaxConcurrency=2))
    execution = run(cloud, machine, [1, 2, 3])
    for _ in range(2):
        cloud.reopen()
        cloud.clock.advance(seconds=60)
    assert output(cloud, execution) == [1, 2, 3]


def test_stopping_an_execution_aborts_its_map_run(cloud: Cloud) -> None:
    execution = run(cloud, chain(M=distributed(processor=chain(W=wait(60)))), [1, 2])
    cloud.stepfunctions("StopExecution", executionArn=execution)
    (listed,) = cloud.stepfunctions("ListMapRuns", executionArn=execution)["mapRuns"]
    assert cloud.stepfunctions("DescribeMapRun", mapRunArn=listed["mapRunArn"])["status"] == "ABORTED"
    children = cloud.stepfunctions("ListExecutions", mapRunArn=listed["mapRunArn"])["executions"]
    assert {child["status"] for child in children} == {"ABORTED"}
    assert status(cloud, execution) == "ABORTED"
    assert events(cloud, execution)[-1]["type"] == "ExecutionAborted"
