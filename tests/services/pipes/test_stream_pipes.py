"""Pipes from DynamoDB streams."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud
from tests.services.dynamodb.test_streams import put, table

from .test_pipes import FUNCTION, arn, function, pipe, queue, take


def fill(cloud: Cloud, *keys: str) -> None:
    for key in keys:
        put(cloud, key, n={"N": "1"})
    cloud.clock.settle()


def parameters(**more: Any) -> dict[str, Any]:
    return {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", **more}}


def test_changes_of_a_table_reach_the_target_in_order(cloud: Cloud) -> None:
    target = queue(cloud, "out.fifo", FifoQueue="true")
    stream = table(cloud)
    pipe(
        cloud, Source=stream, Target=arn("out.fifo"), SourceParameters=parameters(),
        TargetParameters={
            "InputTemplate": "<$.dynamodb.Keys.id.S>",
            "SqsQueueParameters": {"MessageGroupId": "g", "MessageDeduplicationId": "$.eventID"},
        },
    )  # fmt: skip
    fill(cloud, "a", "b", "c")
    assert take(cloud, target) == ["a", "b", "c"]


def test_a_filter_sees_the_record(cloud: Cloud) -> None:
    target, stream = queue(cloud, "out"), table(cloud)
    pattern = json.dumps({"dynamodb": {"Keys": {"id": {"S": ["b"]}}}})
    pipe(
        cloud, Source=stream, TargetParameters={"InputTemplate": "<$.eventName>"},
        SourceParameters={**parameters(), "FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
    )  # fmt: skip
    fill(cloud, "a", "b", "c")
    assert take(cloud, target) == ["INSERT"]


def test_what_is_given_up_is_told_to_the_dead_letter_queue(cloud: Cloud) -> None:
    dead, stream = queue(cloud, "dead"), table(cloud)
    with function(lambda events: 1 // 0) as batches:
        pipe(
            cloud, Source=stream, Target=FUNCTION,
            SourceParameters=parameters(MaximumRetryAttempts=2, DeadLetterConfig={"Arn": arn("dead")}),
        )  # fmt: skip
        fill(cloud, "a")
        cloud.clock.advance(minutes=1)
    assert len(batches) == 3
    [note] = [json.loads(text) for text in take(cloud, dead)]
    assert note["context"]["condition"] == "RetryAttemptsExhausted"
    assert note["DDBStreamBatchInfo"]["batchSize"] == 1
