"""Distributed Map: map runs, their children, readers and writers, failures and redrives."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import ServiceError
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


def map_run(cloud: Cloud, execution: str) -> dict[str, Any]:
    (listed,) = cloud.stepfunctions("ListMapRuns", executionArn=execution)["mapRuns"]
    described: dict[str, Any] = cloud.stepfunctions("DescribeMapRun", mapRunArn=listed["mapRunArn"])
    return described


def counts(described: dict[str, Any], of: str = "itemCounts") -> dict[str, int]:
    """The counts that are not 0."""
    return {name: count for name, count in described[of].items() if count}


LOOKS = task("aws-sdk:sqs:getQueueUrl", {"QueueName.$": "$"})


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_redrive_does_again_the_children_that_failed_and_starts_those_that_never_were(
    cloud: Cloud, kind: str
) -> None:
    sent = queue(cloud, "sent")
    sends = task("sqs:sendMessage", {"QueueUrl": sent, "MessageBody.$": "$"}, ResultPath=None)
    machine = chain(M=distributed(kind=kind, processor=chain(S=sends, L=dict(LOOKS)), MaxConcurrency=1))
    execution = run(cloud, machine, ["sent", "late", "sent"])
    assert status(cloud, execution) == "FAILED"
    first = map_run(cloud, execution)
    assert (first["status"], counts(first)) == (
        "FAILED", {"succeeded": 1, "failed": 1, "pending": 1, "total": 3}
    )  # fmt: skip
    queue(cloud, "late")
    cloud.clock.advance(days=2)
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.settle()
    assert [one["QueueUrl"].rpartition("/")[2] for one in output(cloud, execution)] == ["sent", "late", "sent"]
    again = map_run(cloud, execution)
    assert again["mapRunArn"] == first["mapRunArn"]
    assert (again["status"], again["redriveCount"], counts(again)) == (
        "SUCCEEDED",
        1,
        {"succeeded": 3, "total": 3},
    )
    assert story(cloud, execution)[-6:] == [
        "ExecutionRedriven", "MapRunRedriven", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited",
        "ExecutionSucceeded",
    ]  # fmt: skip
    done_again = 1 if kind == "EXPRESS" else 0  # an Express child begins from its first state
    assert len(bodies(cloud, sent)) == 3 + done_again


def test_a_map_run_that_was_stopped_goes_on_after_a_redrive(cloud: Cloud) -> None:
    machine = chain(M=distributed(processor=chain(W=wait(60)), MaxConcurrency=2))
    execution = run(cloud, machine, [1, 2, 3])
    cloud.stepfunctions("StopExecution", executionArn=execution)
    cloud.clock.settle()
    assert counts(map_run(cloud, execution)) == {"aborted": 2, "pending": 1, "total": 3}
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.settle()
    assert counts(map_run(cloud, execution)) == {"running": 2, "pending": 1, "total": 3}
    cloud.clock.advance(seconds=120)
    assert output(cloud, execution) == [1, 2, 3]


def test_a_redrive_before_the_map_run_is_over_waits_for_it(cloud: Cloud) -> None:
    machine = chain(M=distributed(kind="EXPRESS", processor=chain(W=wait(60))))
    execution = run(cloud, machine, [1, 2])
    cloud.stepfunctions("StopExecution", executionArn=execution)
    cloud.clock.settle()
    assert map_run(cloud, execution)["status"] == "RUNNING"  # Express children come to their end
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.advance(seconds=60)
    assert output(cloud, execution) == [1, 2]
    assert counts(map_run(cloud, execution)) == {"succeeded": 2, "total": 2}


def test_a_map_run_whose_items_could_not_be_read_is_begun_anew(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    execution = run(cloud, s3_map(config={"InputType": "JSON"}))
    assert error(cloud, execution)[0] == "States.ItemReaderFailed"
    cloud.s3("PutObject", Bucket="b-1", Key="items", Body=b"[7]")
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.settle()
    assert output(cloud, execution) == [7]
    assert len(cloud.stepfunctions("ListMapRuns", executionArn=execution)["mapRuns"]) == 2


def test_a_failed_map_run_writes_what_failed_and_what_was_never_started(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b-1", "Prefix": "out"}}
    machine = chain(M=distributed(processor=failing_at(2), MaxConcurrency=1, ResultWriter=writer))
    execution = run(cloud, machine, [1, 2, 3])
    assert error(cloud, execution)[0] == "States.ExceedToleratedFailureThreshold"
    described = map_run(cloud, execution)
    assert counts(described)["resultsWritten"] == 2
    folder = f"out/{described['mapRunArn'].rpartition(':')[2]}"
    files = json.loads(read(cloud, f"{folder}/manifest.json"))["ResultFiles"]
    told = {kind: json.loads(read(cloud, files[kind][0]["Key"])) for kind in files}
    assert {kind: [one["Input"] for one in told[kind]] for kind in told} == {
        "SUCCEEDED": ["1"], "FAILED": ["2"], "PENDING": ["3"]
    }  # fmt: skip
    (failed,) = told["FAILED"]
    assert (failed["Status"], failed["Error"], failed["RedriveStatus"]) == (
        "FAILED", "Bad", "REDRIVABLE_BY_MAP_RUN"
    )  # fmt: skip


def test_results_that_cannot_be_written_fail_the_map_and_a_redrive_writes_them(cloud: Cloud) -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b-1"}}
    execution = run(cloud, chain(M=distributed(ResultWriter=writer)), [1, 2])
    assert error(cloud, execution)[0] == "States.ResultWriterFailed"
    cloud.s3("CreateBucket", Bucket="b-1")
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.settle()
    key = output(cloud, execution)["ResultWriterDetails"]["Key"]
    (written,) = json.loads(read(cloud, key))["ResultFiles"]["SUCCEEDED"]
    assert [one["Output"] for one in json.loads(read(cloud, written["Key"]))] == ["1", "2"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Transformation": "COMPACT"}, [[1, 2], [3]]),
        ({"Transformation": "FLATTEN"}, [1, 2, 3]),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "1\n2\n3\n"),
    ],
)
def test_outputs_may_be_transformed_without_being_written(
    cloud: Cloud, config: dict[str, Any], expected: Any
) -> None:
    machine = chain(M=distributed(ResultWriter={"WriterConfig": config}))
    assert output(cloud, run(cloud, machine, [[1, 2], [3]])) == expected


def test_a_caught_failure_leaves_nothing_to_redrive(cloud: Cloud) -> None:
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    machine = chain(M=distributed(processor=failing_at(2), Catch=caught), Caught=passing())
    execution = run(cloud, machine, [1, 2, 3])
    assert output(cloud, execution)["Error"] == "States.ExceedToleratedFailureThreshold"
    cloud.clock.advance(seconds=1)
    kept = {key for key in rows(cloud) if key.startswith("states-map")}
    assert kept == {"states-map-run", "states-map-runs-of"}


def test_concurrency_and_tolerance_change_while_it_runs(cloud: Cloud) -> None:
    machine = chain(M=distributed(processor=chain(W=wait(10), F={"Type": "Fail"}), MaxConcurrency=1))
    execution = run(cloud, machine, [1, 2, 3])
    arn = map_run(cloud, execution)["mapRunArn"]
    cloud.stepfunctions("UpdateMapRun", mapRunArn=arn, maxConcurrency=2, toleratedFailureCount=3)
    assert counts(map_run(cloud, execution)) == {"running": 2, "pending": 1, "total": 3}
    cloud.clock.advance(seconds=20)
    assert output(cloud, execution) == []
    assert counts(map_run(cloud, execution), "executionCounts") == {"failed": 3, "total": 3}
    refused = cloud.error("stepfunctions", "UpdateMapRun", mapRunArn=arn, maxConcurrency=1)
    assert refused.shape == "ValidationException"


def test_more_children_than_a_transaction_starts_or_stops(cloud: Cloud) -> None:
    machine = chain(M=distributed(processor=chain(W=wait(60))))
    execution = run(cloud, machine, list(range(700)))
    assert counts(map_run(cloud, execution)) == {"running": 700, "total": 700}
    cloud.stepfunctions("StopExecution", executionArn=execution)
    cloud.clock.settle()
    assert counts(map_run(cloud, execution)) == {"aborted": 700, "total": 700}
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.advance(seconds=60)
    assert output(cloud, execution) == list(range(700))


def put(cloud: Cloud, **objects: bytes) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    for key, body in objects.items():
        cloud.s3("PutObject", Bucket="b-1", Key=key, Body=body)


def test_listed_objects_may_be_loaded_and_flattened(cloud: Cloud) -> None:
    put(cloud, a=b'{"n": 1}\n{"n": 2}\n', b=gzip.compress(b'{"n": 3}'))
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b-1"},
        "ReaderConfig": {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"},
    }  # fmt: skip
    assert output(cloud, run(cloud, chain(M=distributed(ItemReader=reader)))) == [{"n": n} for n in (1, 2, 3)]


def test_an_inventory_names_the_files_that_hold_the_items(cloud: Cloud) -> None:
    manifest = {
        "destinationBucket": "arn:aws:s3:::b-1", "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data"}],
    }  # fmt: skip
    put(cloud, items=json.dumps(manifest).encode(), data=gzip.compress(b'"b-1","x","3"\n"b-1","y","4"\n'))
    found = output(cloud, run(cloud, s3_map(config={"InputType": "MANIFEST", "ManifestType": "S3_INVENTORY"})))
    assert found == [{"Bucket": "b-1", "Key": key, "Size": size} for key, size in (("x", "3"), ("y", "4"))]


def test_athenas_manifest_names_the_files_that_hold_the_items(cloud: Cloud) -> None:
    put(cloud, items=b"s3://b-1/one\ns3://b-1/two\n", one=b"x\n1\n", two=b"x\n2\n")
    config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "ManifestType": "ATHENA_DATA"}
    assert output(cloud, run(cloud, s3_map(config=config))) == [{"x": "1"}, {"x": "2"}]


def test_an_object_that_is_missing_is_told_in_awss_words(cloud: Cloud) -> None:
    put(cloud)
    name, cause = error(cloud, run(cloud, s3_map(config={"InputType": "JSON"})))
    assert name == "States.ItemReaderFailed"
    start = "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: "
    assert cause.startswith(start)


def test_parquet_is_refused_when_the_machine_is_created(cloud: Cloud) -> None:
    with pytest.raises(ServiceError, match="Ballroom does not read Parquet yet at /States/M/ItemReader"):
        create(cloud, s3_map(config={"InputType": "PARQUET"}))


def test_a_batch_has_as_many_items_as_its_bytes_allow(cloud: Cloud) -> None:
    batcher = {"MaxInputBytesPerBatch": 30}
    items = ["x" * 5, "y" * 5, "z" * 40, "w"]
    execution = run(cloud, chain(M=distributed(ItemBatcher=batcher)), items)
    assert [batch["Items"] for batch in output(cloud, execution)] == [items[:2], items[2:3], items[3:]]
    assert counts(map_run(cloud, execution), "executionCounts") == {"succeeded": 3, "total": 3}


def test_the_outputs_of_many_children_are_gathered_beside_the_transaction(cloud: Cloud) -> None:
    assert output(cloud, run(cloud, chain(M=distributed(kind="EXPRESS")), list(range(1200)))) == list(
        range(1200)
    )
    large = chain(M=distributed(kind="EXPRESS", processor=chain(A=passing(Result="x" * 1000))))
    name, cause = error(cloud, run(cloud, large, list(range(600)), "large"))
    assert name == "States.DataLimitExceeded"
    assert cause.startswith("The state/task 'M' returned a result with a size exceeding")


def test_a_failing_sibling_aborts_a_map_run_and_both_go_on_after_a_redrive(cloud: Cloud) -> None:
    each = distributed(processor=chain(W=wait(60)), InputPath="$.items")
    looks = chain(B=wait(1), L=task("aws-sdk:sqs:getQueueUrl", {"QueueName": "late"}))
    machine = chain(P={"Type": "Parallel", "Branches": [chain(M=each), looks]})
    execution = run(cloud, machine, {"items": [1, 2]})
    cloud.clock.advance(seconds=1)
    assert status(cloud, execution) == "FAILED"
    assert story(cloud, execution)[-4:-1] == ["MapRunAborted", "MapStateAborted", "ParallelStateFailed"]
    assert map_run(cloud, execution)["status"] == "ABORTED"
    queue(cloud, "late")
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.advance(seconds=60)
    assert output(cloud, execution)[0] == [1, 2]


def test_a_distributed_map_within_another(cloud: Cloud) -> None:
    inner = distributed(processor=chain(A=passing()), Label="inner")
    machine = chain(M=distributed(processor=chain(N=inner), Label="outer"))
    assert output(cloud, run(cloud, machine, [[1, 2], [3]])) == [[1, 2], [3]]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_what_a_map_run_still_does_as_it_ends_survives_a_restart(durable_cloud: Cloud, kind: str) -> None:
    cloud = durable_cloud
    machine = chain(M=distributed(kind=kind, processor=chain(W=wait(60))))
    execution = run(cloud, machine, [1, 2])
    cloud.stepfunctions("StopExecution", executionArn=execution)
    cloud.reopen()
    cloud.clock.advance(seconds=1)
    described = map_run(cloud, execution)
    assert (described["status"], counts(described)) == ("ABORTED", {"aborted": 2, "total": 2})
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.reopen()
    cloud.clock.advance(seconds=60)
    assert output(cloud, execution) == [1, 2]


def test_large_items_are_stored_in_small_pages(cloud: Cloud) -> None:
    lines = [json.dumps({"n": n, "x": "x" * 200_000}) for n in range(60)]
    put(cloud, items="\n".join(lines).encode())
    machine = s3_map(config={"InputType": "JSONL"}, ItemSelector={"n.$": "$$.Map.Item.Value.n"})
    assert output(cloud, run(cloud, machine)) == [{"n": n} for n in range(60)]


def test_an_item_that_cannot_be_stored_fails_the_reader(cloud: Cloud) -> None:
    put(cloud, items=b"[" * 900 + b"]" * 900)
    name, _ = error(cloud, run(cloud, s3_map(config={"InputType": "JSONL"})))
    assert name in ("States.ItemReaderFailed", "States.Runtime")
