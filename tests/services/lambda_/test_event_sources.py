from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, Stage, a_function, a_queue, left_in, queue_arn, received


def a_mapping(cloud: Cloud, queue: str = "q", **more: Any) -> dict[str, Any]:
    """What CreateEventSourceMapping answers, once it is enabled."""
    made = cloud.call(
        "lambda", "CreateEventSourceMapping", FunctionName="f", EventSourceArn=queue_arn(queue), **more
    )
    cloud.clock.settle()
    return made


def send(cloud: Cloud, url: str, *bodies: str, **more: Any) -> None:
    for body in bodies:
        cloud.call("sqs", "SendMessage", QueueUrl=url, MessageBody=body, **more)
    cloud.clock.settle()


def bodies(stage: Stage) -> list[list[str]]:
    """What each invocation was given."""
    return [[record["body"] for record in event["Records"]] for event in stage.events]


def flat(stage: Stage) -> list[str]:
    """The bodies in the order in which the function saw them."""
    return [body for batch in bodies(stage) for body in batch]


def test_messages_reach_the_function_and_are_deleted(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    a_mapping(cloud)
    send(cloud, url, "one", "two")
    assert sorted(flat(stage)) == ["one", "two"]
    assert left_in(cloud, url) == 0


def test_what_waited_comes_in_batches(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    send(cloud, url, *(str(n) for n in range(25)))
    a_mapping(cloud, BatchSize=10)
    assert sorted(len(batch) for batch in bodies(stage)) == [5, 10, 10], "in whichever order they end"
    assert left_in(cloud, url) == 0


def test_a_failed_batch_comes_back_after_the_visibility_timeout(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud, VisibilityTimeout="30")
    a_function(cloud)
    a_mapping(cloud)
    stage.script(lambda event: 1 / 0)
    send(cloud, url, "poison")
    cloud.clock.advance(ms=29_999)
    assert len(stage.seen) == 1
    cloud.clock.advance(ms=1)
    assert len(stage.seen) == 2
    assert left_in(cloud, url) == 1


def test_only_reported_messages_come_back(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)

    def fail_two(event: Any) -> Any:
        failed = [r["messageId"] for r in event["Records"] if r["body"] == "two"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

    stage.script(fail_two)
    send(cloud, url, "one", "two", "three")
    a_mapping(cloud, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert left_in(cloud, url) == 1
    cloud.clock.advance(seconds=30)
    assert bodies(stage)[-1] == ["two"]


def test_repeated_failures_end_in_the_dead_letter_queue(cloud: Cloud, stage: Stage) -> None:
    dead = a_queue(cloud, "dead")
    policy = json.dumps({"deadLetterTargetArn": queue_arn("dead"), "maxReceiveCount": 2})
    url = a_queue(cloud, RedrivePolicy=policy)
    a_function(cloud)
    a_mapping(cloud)
    stage.script(lambda event: 1 / 0)
    send(cloud, url, "poison")
    cloud.clock.advance(minutes=5)
    assert [m["Body"] for m in received(cloud, dead)] == ["poison"]
    assert len(stage.seen) == 2


def test_a_window_gathers_until_it_closes(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    a_mapping(cloud, BatchSize=100, MaximumBatchingWindowInSeconds=10)
    send(cloud, url, "one")
    cloud.clock.advance(seconds=5)
    send(cloud, url, "two")
    assert stage.seen == []
    cloud.clock.advance(seconds=5)
    assert bodies(stage) == [["one", "two"]]
    assert left_in(cloud, url) == 0


def test_a_full_batch_does_not_wait_for_the_window(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    a_mapping(cloud, BatchSize=3, MaximumBatchingWindowInSeconds=300)
    send(cloud, url, "one", "two", "three")
    assert bodies(stage) == [["one", "two", "three"]]


def test_filtered_messages_are_deleted_unseen(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    pattern = json.dumps({"body": {"price": [{"numeric": [">", 100]}]}})
    a_mapping(cloud, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    send(cloud, url, '{"price": 50}', '{"price": 150}', "no json")
    assert bodies(stage) == [['{"price": 150}']]
    assert left_in(cloud, url) == 0


def test_a_fifo_queue_keeps_the_order_of_a_group(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    a_function(cloud)
    a_mapping(cloud, "q.fifo", BatchSize=2)
    for n in range(6):
        cloud.call("sqs", "SendMessage", QueueUrl=url, MessageBody=str(n), MessageGroupId="g")
    cloud.clock.settle()
    assert flat(stage) == ["0", "1", "2", "3", "4", "5"]
    attributes = stage.events[0]["Records"][0]["attributes"]
    assert attributes["MessageGroupId"] == "g"


def test_maximum_concurrency_bounds_the_batches_under_way(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    stage.gate = asyncio.Event()
    a_mapping(cloud, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    for n in range(5):
        cloud.call("sqs", "SendMessage", QueueUrl=url, MessageBody=str(n))
    cloud.run(asyncio.sleep(0.3))
    assert len(stage.seen) == 2
    stage.gate.set()
    cloud.clock.settle()
    cloud.run(asyncio.sleep(0.05))
    cloud.clock.settle()
    assert len(stage.seen) == 5


def test_the_state_passes_through_awss_states(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    made = a_mapping(cloud)
    uuid = made["UUID"]

    def state() -> str:
        cloud.clock.settle()
        return str(cloud.call("lambda", "GetEventSourceMapping", UUID=uuid)["State"])

    assert (made["State"], state()) == ("Creating", "Enabled")
    off = cloud.call("lambda", "UpdateEventSourceMapping", UUID=uuid, Enabled=False)
    assert (off["State"], state()) == ("Disabling", "Disabled")
    send(cloud, url, "while off")
    assert stage.seen == []
    on = cloud.call("lambda", "UpdateEventSourceMapping", UUID=uuid, Enabled=True)
    assert (on["State"], state()) == ("Enabling", "Enabled")
    assert bodies(stage) == [["while off"]]
    gone = cloud.call("lambda", "DeleteEventSourceMapping", UUID=uuid)
    assert gone["State"] == "Deleting"
    cloud.clock.settle()
    assert cloud.error("lambda", "GetEventSourceMapping", UUID=uuid).shape == "ResourceNotFoundException"
    send(cloud, url, "after")
    assert len(stage.seen) == 1


def test_a_mapping_made_disabled_is_disabled_at_once(cloud: Cloud) -> None:
    a_queue(cloud)
    a_function(cloud)
    assert a_mapping(cloud, Enabled=False)["State"] == "Disabled"


def test_one_mapping_joins_a_queue_and_a_function(cloud: Cloud) -> None:
    a_queue(cloud)
    a_function(cloud)
    made = a_mapping(cloud)
    error = cloud.error("lambda", "CreateEventSourceMapping", FunctionName="f", EventSourceArn=queue_arn("q"))
    assert error.shape == "ResourceConflictException"
    assert error.text == (
        f'An event source mapping with SQS arn (" {queue_arn("q")} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {made['UUID']}"
    )


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size "
                            "is greater than 10"),
        ({"EventSourceArn": queue_arn("q.fifo"), "BatchSize": 11, "MaximumBatchingWindowInSeconds": 0},
         "FIFO"),
        ({"EventSourceArn": queue_arn("none")}, "QueueDoesNotExist"),
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "StartingPosition": "LATEST"},
         "kinesis"),
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "Value null at "
         "'startingPosition' failed to satisfy constraint: Member must not be null."),
        ({"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}}, "Invalid filter pattern definition."),
        ({"StartingPosition": "LATEST"}, "StartingPosition is not supported for SQS event sources."),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 1}}, "ProvisionedPollerConfig"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_queue_cannot_do_is_refused(cloud: Cloud, request_: dict[str, Any], text: str) -> None:
    a_queue(cloud)
    a_queue(cloud, "q.fifo", FifoQueue="true")
    a_function(cloud)
    error = cloud.error(
        "lambda", "CreateEventSourceMapping",
        **{"FunctionName": "f", "EventSourceArn": queue_arn("q"), **request_},
    )  # fmt: skip
    assert text in error.text


def test_the_queue_must_hide_messages_for_as_long_as_the_function_runs(cloud: Cloud) -> None:
    a_queue(cloud, VisibilityTimeout="30")
    a_function(cloud, Timeout=60)
    error = cloud.error("lambda", "CreateEventSourceMapping", FunctionName="f", EventSourceArn=queue_arn("q"))
    assert error.text == "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"


def test_mappings_are_found_by_function_and_by_queue(cloud: Cloud) -> None:
    a_queue(cloud)
    a_queue(cloud, "other")
    a_function(cloud)
    one, other = a_mapping(cloud), a_mapping(cloud, "other")

    def listed(**by: str) -> set[str]:
        answer = cloud.call("lambda", "ListEventSourceMappings", **by)
        return {m["UUID"] for m in answer["EventSourceMappings"]}

    assert listed() == listed(FunctionName="f") == {one["UUID"], other["UUID"]}
    assert listed(EventSourceArn=queue_arn("other")) == {other["UUID"]}
    assert listed(FunctionName=f"{ARN}:f:none") == set()


def test_feeding_goes_on_after_a_restart(durable_cloud: Cloud, stage: Stage) -> None:
    url = a_queue(durable_cloud)
    a_function(durable_cloud)
    a_mapping(durable_cloud)
    durable_cloud.reopen()
    send(durable_cloud, url, "after the restart")
    assert bodies(stage) == [["after the restart"]]


def test_waiting_at_an_empty_queue_does_not_make_time_jump(cloud: Cloud, stage: Stage) -> None:
    a_queue(cloud)
    a_function(cloud)
    a_mapping(cloud)
    before = cloud.clock.now_ms
    cloud.kernel.clock.auto_skip(True)
    cloud.run(asyncio.sleep(0.05))
    assert cloud.clock.now_ms == before


def test_a_loop_through_a_queue_is_stopped_after_16_rounds(cloud: Cloud, stage: Stage) -> None:
    url = a_queue(cloud)
    a_function(cloud)
    a_mapping(cloud)
    send(cloud, url, "1")
    for n in range(2, 20):
        header = {"DataType": "String", "StringValue": stage.seen[-1].trace}
        send(cloud, url, str(n), MessageSystemAttributes={"AWSTraceHeader": header})
    assert flat(stage) == [str(n) for n in range(1, 17)]
    assert left_in(cloud, url) == 3
