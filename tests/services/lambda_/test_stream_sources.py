"""DynamoDB streams into functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.dynamodb.test_streams import put, table
from tests.services.lambda_.floor import ARN, Stage, a_function, a_queue, queue_arn, received


def a_mapping(cloud: Cloud, stream: str, **more: Any) -> dict[str, Any]:
    """What CreateEventSourceMapping answers, once it is enabled."""
    request = {"FunctionName": "f", "EventSourceArn": stream, "StartingPosition": "TRIM_HORIZON", **more}
    made = cloud.call("lambda", "CreateEventSourceMapping", **request)
    cloud.clock.settle()
    return made


def fill(cloud: Cloud, *keys: str, **attributes: Any) -> None:
    for key in keys:
        put(cloud, key, **attributes)
    cloud.clock.settle()


def seen(stage: Stage) -> list[str]:
    """The keys of the records of each invocation."""
    return ["".join(r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]) for event in stage.events]


def test_a_mapping_is_shown_as_aws_shows_it(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud, "NEW_IMAGE")
    a_function(cloud)
    made = a_mapping(cloud, stream)
    uuid, now = made.pop("UUID"), made.pop("LastModified")
    assert now
    assert made == {
        "BatchSize": 100, "BisectBatchOnFunctionError": False, "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": stream, "FunctionArn": f"{ARN}:f", "FunctionResponseTypes": [],
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}",
        "LastProcessingResult": "No records processed", "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON", "State": "Creating", "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }  # fmt: skip
    assert cloud.call("lambda", "GetEventSourceMapping", UUID=uuid)["State"] == "Enabled"


def test_records_reach_the_function_in_order_as_json(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud, "NEW_IMAGE")
    a_function(cloud)
    a_mapping(cloud, stream, BatchSize=2)
    fill(cloud, "a", b={"B": b"foobar"})
    fill(cloud, "b", "c")
    assert "".join(seen(stage)) == "abc"
    record = stage.events[0]["Records"][0]
    assert record["eventSourceARN"] == stream
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "b": {"B": "Zm9vYmFy"}}
    assert record["dynamodb"]["ApproximateCreationDateTime"] == cloud.clock.now_ms // 1000


def test_filters_pass_over_what_the_function_does_not_want(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    a_function(cloud)
    a_mapping(cloud, stream, FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]})
    fill(cloud, "a", n={"N": "1"})
    fill(cloud, "a", n={"N": "2"})
    assert seen(stage) == ["a"]
    error = cloud.error(
        "lambda", "CreateEventSourceMapping", FunctionName="f", EventSourceArn=stream,
        StartingPosition="LATEST", FilterCriteria={"Filters": [{"Pattern": "single-string"}]},
    )  # fmt: skip
    assert (error.shape, error.text) == ("InvalidParameterValueException", "Invalid filter pattern definition.")


def test_a_batch_that_keeps_failing_is_told_to_its_destination(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    dead = a_queue(cloud, "dead")
    a_function(cloud)
    stage.script(lambda event: 1 / 0)
    a_mapping(
        cloud, stream, BatchSize=1, MaximumRetryAttempts=3,
        DestinationConfig={"OnFailure": {"Destination": queue_arn("dead")}},
    )  # fmt: skip
    fill(cloud, "a")
    cloud.clock.advance(minutes=5)
    [body] = [json.loads(message["Body"]) for message in received(cloud, dead)]
    batch = body["DDBStreamBatchInfo"]
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["requestContext"]["approximateInvokeCount"] == 4
    assert body["responseContext"] == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
    }  # fmt: skip
    assert (batch["batchSize"], batch["streamArn"]) == (1, stream)
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
    assert len(stage.seen) == 4


def test_a_batch_that_was_never_tried_has_no_response(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    dead = a_queue(cloud, "dead")
    a_function(cloud)
    stage.script(lambda event: 1 / 0)
    a_mapping(
        cloud, stream, MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue_arn("dead")}},
    )  # fmt: skip
    fill(cloud, "a")
    fill(cloud, "b")
    cloud.clock.advance(minutes=5)
    tried, untried = (json.loads(message["Body"]) for message in received(cloud, dead))
    assert tried["responseContext"]["functionError"] == "Unhandled"
    assert {body["requestContext"]["condition"] for body in (tried, untried)} == {"RecordAgeExceeded"}
    assert untried["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in untried


def test_a_function_without_any_concurrency_holds_no_clock_and_its_records_age(
    cloud: Cloud, stage: Stage
) -> None:
    stream = table(cloud)
    dead = a_queue(cloud, "dead")
    a_function(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    a_mapping(
        cloud, stream, MaximumRecordAgeInSeconds=60, MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue_arn("dead")}},
    )  # fmt: skip
    fill(cloud, "a")
    cloud.clock.advance(minutes=5)
    [body] = [json.loads(message["Body"]) for message in received(cloud, dead)]
    assert body["requestContext"]["condition"] == "RecordAgeExceeded"
    fill(cloud, "b")
    cloud.call("lambda", "DeleteFunctionConcurrency", FunctionName="f")
    cloud.clock.advance(seconds=10)
    assert seen(stage) == ["b"]


def test_lanes_tell_of_their_own_invocations(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    fill(cloud, "a", "b")
    dead = a_queue(cloud, "dead")
    a_function(cloud)
    stage.script(lambda event: 1 / 0)
    a_mapping(
        cloud, stream, MaximumRecordAgeInSeconds=60, ParallelizationFactor=2,
        DestinationConfig={"OnFailure": {"Destination": queue_arn("dead")}},
    )  # fmt: skip
    cloud.clock.advance(minutes=5)
    bodies = [json.loads(message["Body"]) for message in received(cloud, dead)]
    assert len(bodies) == 2
    for body in bodies:
        [invoked] = [one for one in stage.seen if one.request_id == body["requestContext"]["requestId"]]
        assert body["DDBStreamBatchInfo"]["startSequenceNumber"].encode() in invoked.payload


def test_a_mapping_tells_how_its_last_batch_ended(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    a_function(cloud)
    uuid = a_mapping(cloud, stream, MaximumRetryAttempts=0)["UUID"]
    told = []
    for answer in (lambda event: None, lambda event: 1 / 0):
        stage.script(answer)
        fill(cloud, "a", n={"N": str(len(told))})
        told.append(cloud.call("lambda", "GetEventSourceMapping", UUID=uuid)["LastProcessingResult"])
    assert told == ["OK", "PROBLEM: Function call failed"]


FAILS = {"batchItemFailures": [{"itemIdentifier": ""}]}


@pytest.mark.parametrize(
    ("answer", "invocations"),
    [
        (None, 1), ([], 1), ({}, 1), ({"batchItemFailures": []}, 1), ({"batchItemFailures": None}, 1),
        (FAILS, 3), ({"batchItemFailures": [{"itemIdentifier": None}]}, 3),
        ({"batchItemFailures": [{"foo": "x"}]}, 3), ({"batchItemFailures": [{"foo": None}]}, 3),
        ({"batchItemFailures": [{"itemIdentifier": "123"}]}, 3),
    ],
)  # fmt: skip
def test_what_the_function_reports_decides(cloud: Cloud, stage: Stage, answer: Any, invocations: int) -> None:
    stream = table(cloud)
    a_function(cloud)
    stage.script(lambda event: answer)
    a_mapping(cloud, stream, MaximumRetryAttempts=2, FunctionResponseTypes=["ReportBatchItemFailures"])
    fill(cloud, "a")
    cloud.clock.advance(minutes=5)
    assert len(stage.seen) == invocations


def test_a_reported_record_is_where_the_next_try_begins(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    a_function(cloud)

    def fail_c_once(event: Any) -> Any:
        failed = [r["dynamodb"]["SequenceNumber"] for r in event["Records"] if r["dynamodb"]["Keys"]["id"]["S"] == "c"]
        return {"batchItemFailures": [{"itemIdentifier": n} for n in failed] if len(stage.seen) == 1 else []}

    stage.script(fail_c_once)
    fill(cloud, "a", "b", "c", "d")
    a_mapping(cloud, stream, FunctionResponseTypes=["ReportBatchItemFailures"])
    cloud.clock.advance(minutes=1)
    assert seen(stage) == ["abcd", "cd"]


def test_a_mapping_switched_off_goes_on_where_it_was(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    a_function(cloud)
    uuid = a_mapping(cloud, stream)["UUID"]
    fill(cloud, "a")
    cloud.call("lambda", "UpdateEventSourceMapping", UUID=uuid, Enabled=False)
    cloud.clock.settle()
    fill(cloud, "b")
    assert seen(stage) == ["a"]
    cloud.call("lambda", "UpdateEventSourceMapping", UUID=uuid, Enabled=True)
    cloud.clock.settle()
    assert "".join(seen(stage)) == "ab"


def test_what_a_stream_cannot_have_is_refused(cloud: Cloud, stage: Stage) -> None:
    stream = table(cloud)
    a_function(cloud)
    for more, shape in (
        ({"StartingPosition": "AT_TIMESTAMP"}, "InvalidParameterValueException"),
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "InvalidParameterValueException"),
        ({"TumblingWindowInSeconds": 5}, "NotImplemented"),
        ({"MaximumRecordAgeInSeconds": 59}, "InvalidParameterValueException"),
        ({"EventSourceArn": stream + "x"}, "InvalidParameterValueException"),
    ):
        request = {"FunctionName": "f", "EventSourceArn": stream, "StartingPosition": "LATEST", **more}
        assert cloud.error("lambda", "CreateEventSourceMapping", **request).shape == shape, more
