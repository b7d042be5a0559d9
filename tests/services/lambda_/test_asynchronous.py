from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, Stage, a_function, a_queue, queue_arn, received


def send(cloud: Cloud, event: Any = None, **more: Any) -> None:
    payload = json.dumps({} if event is None else event).encode()
    answer = cloud.call("lambda", "Invoke", FunctionName="f", InvocationType="Event", Payload=payload, **more)
    assert answer == {"StatusCode": 202, "Payload": b""}
    cloud.clock.settle()


def fail(event: Any) -> Any:
    raise ValueError("intentional failure")


def test_a_failure_is_tried_again_after_one_and_two_minutes(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    stage.script(fail)
    send(cloud)
    counts = [len(stage.seen)]
    for step_ms in (59_999, 1, 119_999, 1, 10_000_000):
        cloud.clock.advance(ms=step_ms)
        counts.append(len(stage.seen))
    assert counts == [1, 1, 2, 2, 3, 3]
    assert len({one.request_id for one in stage.seen}) == 1


def test_success_ends_it(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    send(cloud, {"a": 1})
    cloud.clock.advance(hours=1)
    assert stage.events == [{"a": 1}]


def destinations(cloud: Cloud, **more: Any) -> str:
    url = a_queue(cloud, "ends")
    target = {"Destination": queue_arn("ends")}
    cloud.call(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f",
        DestinationConfig={"OnSuccess": target, "OnFailure": target}, **more,
    )  # fmt: skip
    return url


def test_the_end_of_all_retries_is_told_with_awss_record(cloud: Cloud, stage: Stage) -> None:
    # recorded: test_lambda_destinations, test_retries
    a_function(cloud)
    url = destinations(cloud)
    stage.script(fail)
    send(cloud, {"message": "hi"})
    cloud.clock.advance(minutes=3)
    (message,) = received(cloud, url)
    record = json.loads(message["Body"])
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": stage.seen[0].request_id,
            "functionArn": f"{ARN}:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"message": "hi"},
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
        },
        "responsePayload": {"errorMessage": "intentional failure", "errorType": "ValueError"},
    }  # fmt: skip


def test_success_is_told_too(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    url = destinations(cloud)
    send(cloud, {"a": 1})
    (message,) = received(cloud, url)
    record = json.loads(message["Body"])
    assert (record["requestContext"]["condition"], record["responsePayload"]) == ("Success", {"a": 1})
    assert "functionError" not in record["responseContext"]


def test_a_function_can_be_the_destination(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    a_function(cloud, name="next")
    cloud.call(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": f"{ARN}:next"}},
    )  # fmt: skip
    send(cloud, {"a": 1})
    first, second = stage.events
    assert first == {"a": 1}
    assert second["requestPayload"] == {"a": 1}


def test_a_dead_letter_is_the_event_with_what_went_wrong(cloud: Cloud, stage: Stage) -> None:
    # recorded: test_sqs_queue_as_lambda_dead_letter_queue
    url = a_queue(cloud, "dead")
    a_function(cloud, DeadLetterConfig={"TargetArn": queue_arn("dead")})
    stage.script(fail)
    send(cloud, {"raise_error": 1})
    cloud.clock.advance(minutes=3)
    (message,) = received(cloud, url)
    assert json.loads(message["Body"]) == {"raise_error": 1}
    assert {k: v["StringValue"] for k, v in message["MessageAttributes"].items()} == {
        "RequestID": stage.seen[0].request_id,
        "ErrorCode": "200",
        "ErrorMessage": "intentional failure",
    }


@pytest.mark.parametrize(
    ("settings", "tries", "condition"),
    [
        ({"MaximumRetryAttempts": 0}, 1, "RetriesExhausted"),
        ({"MaximumRetryAttempts": 1}, 2, "RetriesExhausted"),
        ({"MaximumEventAgeInSeconds": 90}, 2, "EventAgeExceeded"),
    ],
)
def test_retries_and_age_can_be_set(
    cloud: Cloud, stage: Stage, settings: dict[str, int], tries: int, condition: str
) -> None:
    a_function(cloud)
    url = destinations(cloud, **settings)
    stage.script(fail)
    send(cloud)
    cloud.clock.advance(hours=1)
    assert len(stage.seen) == tries
    (message,) = received(cloud, url)
    assert json.loads(message["Body"])["requestContext"]["condition"] == condition


def test_throttles_wait_without_counting_and_end_by_age(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    stage.gate = asyncio.Event()
    busy = cloud.start("lambda", "Invoke", FunctionName="f")
    cloud.call("lambda", "Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"late": 1}')
    stage.gate.set()
    cloud.run(busy)
    cloud.clock.settle()
    cloud.clock.advance(seconds=2)
    assert stage.events == [{}, {"late": 1}]


def test_a_stopped_function_hands_its_events_over_at_once(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    url = destinations(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    send(cloud)
    assert stage.seen == []
    (message,) = received(cloud, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert "responsePayload" not in record


def test_an_unreachable_destination_costs_the_record_and_is_counted(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    url = destinations(cloud)
    cloud.call("sqs", "DeleteQueue", QueueUrl=url)
    send(cloud)
    names = {key[3] for key in cloud.kernel.metrics.read() if key[2] == "AWS/Lambda"}
    assert "DestinationDeliveryFailures" in names
    assert cloud.kernel.dispatcher.idle


def test_events_of_a_deleted_function_are_dropped(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    stage.script(fail)
    send(cloud)
    cloud.call("lambda", "DeleteFunction", FunctionName="f")
    cloud.clock.advance(hours=7)
    assert len(stage.seen) == 1


def test_settings_belong_to_a_qualifier_and_read_back(cloud: Cloud) -> None:
    a_function(cloud, Publish=True)
    cloud.call("lambda", "PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
    cloud.call(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f", Qualifier="1", MaximumEventAgeInSeconds=60
    )
    configs = cloud.call("lambda", "ListFunctionEventInvokeConfigs", FunctionName="f")
    shown = {c["FunctionArn"]: c for c in configs["FunctionEventInvokeConfigs"]}
    assert shown[f"{ARN}:f:$LATEST"]["MaximumRetryAttempts"] == 0
    assert "MaximumRetryAttempts" not in shown[f"{ARN}:f:1"]
    cloud.call("lambda", "DeleteFunctionEventInvokeConfig", FunctionName="f")
    error = cloud.error("lambda", "GetFunctionEventInvokeConfig", FunctionName="f")
    assert error.text == f"The function {ARN}:f:$LATEST doesn't have an EventInvokeConfig"


def test_topics_are_told_of_failures_and_get_dead_letters(cloud: Cloud, stage: Stage) -> None:
    url = cloud.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    topic = cloud.sns("CreateTopic", Name="t")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    cloud.sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    a_function(cloud, DeadLetterConfig={"TargetArn": topic})
    cloud.call(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )  # fmt: skip
    stage.script(fail)
    send(cloud, {"which": "one"})
    cloud.clock.settle()
    told = cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    bodies = sorted((json.loads(message["Body"]) for message in told), key=len)
    assert bodies[0] == {"which": "one"}
    assert bodies[1]["requestPayload"] == {"which": "one"}


@pytest.mark.parametrize("target", ["s3"])
def test_targets_that_cannot_be_reached_yet_are_refused_by_name(cloud: Cloud, target: str) -> None:
    a_function(cloud)
    error = cloud.error(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:{target}:us-east-1:000000000000:x"}},
    )  # fmt: skip
    assert (error.shape, error.status) == ("NotImplemented", 501)
    assert target in error.text


def test_accepted_events_survive_a_restart_with_their_request_id(durable_cloud: Cloud, stage: Stage) -> None:
    a_function(durable_cloud)
    stage.script(fail)
    send(durable_cloud, {"keep": "me"})
    durable_cloud.reopen()
    durable_cloud.clock.advance(minutes=1)
    assert stage.events == [{"keep": "me"}] * 2
    assert len({one.request_id for one in stage.seen}) == 1


def test_the_old_invoke_async_queues_too(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    assert cloud.call("lambda", "InvokeAsync", FunctionName="f", InvokeArgs=b'{"a": 1}') == {"Status": 202}
    cloud.clock.settle()
    assert stage.events == [{"a": 1}]


def test_a_function_that_causes_itself_is_stopped_after_16_rounds(
    cloud: Cloud, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    a_function(cloud)
    url = destinations(cloud)
    trace: str | None = None
    for _ in range(20):
        caller = cloud.caller(trace=trace)
        cloud.call("lambda", "Invoke", caller, FunctionName="f", InvocationType="Event", Payload=b"{}")
        cloud.clock.settle()
        trace = stage.seen[-1].trace  # which the SDK in a function sends along
    assert len(stage.seen) == 16
    assert "caused itself 16 times" in caplog.text
    conditions: list[str] = []
    while messages := received(cloud, url):
        conditions += [json.loads(m["Body"])["requestContext"]["condition"] for m in messages]
    assert conditions.count("Success") == 16
    assert conditions.count("RecursiveInvocation") == 4
