"""Events of our own services, and functions among the targets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.cloudformation.stacks import create
from tests.services.events.helpers import SOURCE, a_queue, a_rule, arn, entry, put, received
from tests.services.lambda_.conftest import stage  # noqa: F401 - a fixture
from tests.services.lambda_.floor import ARN, Stage, a_function


def test_a_function_gets_the_event_and_its_trace_tells_of_the_rule(cloud: Cloud, stage: Stage) -> None:  # noqa: F811
    a_function(cloud)
    a_rule(cloud, targets=[f"{ARN}:f"])
    (event_id,) = put(cloud, entry({"n": 1}))
    cloud.clock.settle()
    assert [event["id"] for event in stage.events] == [event_id]
    assert ":1" in (stage.seen[0].trace or "").partition("Lineage=")[2]


def test_a_loop_through_a_function_is_slowed_down(
    cloud: Cloud, stage: Stage, caplog: pytest.LogCaptureFixture  # noqa: F811
) -> None:
    a_function(cloud)
    a_rule(cloud, targets=[f"{ARN}:f"])
    for _ in range(17):
        trace = {"TraceHeader": stage.seen[-1].trace} if stage.seen else {}
        put(cloud, entry(**trace))
        cloud.clock.settle()
    assert len(stage.seen) == 16
    assert "round 17 is throttled" in caplog.text


def test_a_missing_function_is_told_to_the_dead_letter_queue(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    a_rule(cloud, targets=[{"Arn": f"{ARN}:gone", "DeadLetterConfig": {"Arn": arn("dead")}}])
    put(cloud)
    assert [event["source"] for event in received(cloud, dead)] == [SOURCE]


def test_the_end_of_an_invocation_can_be_an_event(cloud: Cloud, stage: Stage) -> None:  # noqa: F811
    a_function(cloud)
    url = a_queue(cloud)
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    cloud.call(
        "lambda", "PutFunctionEventInvokeConfig", FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": bus}},
    )  # fmt: skip
    a_rule(cloud, pattern={"source": ["lambda"]}, targets=[arn("q")])
    cloud.call("lambda", "Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    cloud.clock.settle()
    (event,) = received(cloud, url)
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["resources"] == [bus, f"{ARN}:f:$LATEST"]
    assert event["detail"]["responsePayload"] == {"a": 1}


def test_a_stack_tells_of_its_status(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, pattern={"source": ["aws.cloudformation"]}, targets=[arn("q")])
    body = {"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["x"]}}}}}
    stack_id = create(cloud, json.dumps(body))
    events: list[dict[str, Any]] = []
    while more := received(cloud, url):
        events += more
    of_stack = [e for e in events if e["detail-type"] == "CloudFormation Stack Status Change"]
    assert {e["detail"]["status-details"]["status"] for e in of_stack} == {"CREATE_IN_PROGRESS", "CREATE_COMPLETE"}
    assert all(e["resources"] == [stack_id] for e in events)
    of_rule = [e for e in events if e["detail-type"] == "CloudFormation Resource Status Change"]
    assert {e["detail"]["resource-type"] for e in of_rule} == {"AWS::Events::Rule"}


@pytest.mark.parametrize("depth", [300, 900])
def test_what_our_services_tell_may_be_deep(cloud: Cloud, depth: int) -> None:
    url = a_queue(cloud)
    a_rule(cloud, pattern={"source": ["aws.s3"], "detail": {"a": [{"exists": False}]}}, targets=[arn("q")])
    deep: Any = {"b": 1}
    for _ in range(depth):
        deep = {"c": [deep]} if depth < 500 else {"c": deep}
    cloud.events("EmitEvents", Entries=[{"Source": "aws.s3", "DetailType": "x", "Detail": deep}])
    assert len(cloud.sqs("ReceiveMessage", QueueUrl=url)["Messages"]) == 1


def test_emitting_builds_no_event_where_nobody_listens(cloud: Cloud) -> None:
    def detail() -> dict[str, Any]:
        raise AssertionError("nobody listens")

    cloud.events("EmitEvents", Entries=[{"Source": "aws.s3", "DetailType": "x", "Detail": detail}])


def test_the_trace_of_an_event_shows_where_it_went_and_what_it_caused(cloud: Cloud, stage: Stage) -> None:  # noqa: F811
    a_function(cloud)
    a_queue(cloud)
    rule = a_rule(cloud, targets=[arn("q"), f"{ARN}:f"])
    (event_id,) = put(cloud)
    cloud.clock.settle()
    trace = {"trace": stage.seen[0].trace}
    cloud.sqs("ListQueues", cloud.caller(**trace))  # as the function would
    story = cloud.kernel.trace.story(event_id)
    assert story is not None
    assert [span["operation"] for span in story["causes"]] == ["PutEvents"]
    (event,) = story["spans"]
    assert event["subject"] == f"{SOURCE} placed on default"
    caused = {span["subject"] or span["operation"]: span for span in event["caused"]}
    assert f"{rule} -> {arn('q')}" in caused
    assert "SendMessage" in caused
    (delivery,) = [span for span in event["caused"] if span["operation"] == "lambda.async"]
    (invocation,) = delivery["caused"]
    assert (invocation["operation"], invocation["subject"]) == ("Invocation", f"{ARN}:f")
    assert [span["operation"] for span in invocation["caused"]] == ["ListQueues"]
