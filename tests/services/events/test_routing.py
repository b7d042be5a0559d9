"""From PutEvents to targets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import ACCOUNT, Cloud
from tests.services.events.helpers import (
    SOURCE,
    a_queue,
    a_rule,
    arn,
    entry,
    put,
    put_targets,
    receive,
    received,
)


def test_an_event_reaches_the_queue_of_a_rule_that_it_matches(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")])
    (event_id,) = put(cloud, entry({"n": 7}, Resources=["a", "b"]))
    (event,) = received(cloud, url)
    assert event == {
        "version": "0", "id": event_id, "detail-type": "placed", "source": SOURCE, "account": ACCOUNT,
        "time": event["time"], "region": "us-east-1", "resources": ["a", "b"], "detail": {"n": 7},
    }  # fmt: skip
    assert list(event) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"
    ]  # fmt: skip


def test_an_event_that_no_rule_matches_is_accepted(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], pattern={"source": ["another"]})
    put(cloud)
    assert received(cloud, url) == []


def test_a_disabled_rule_is_not_triggered(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")])
    cloud.events("DisableRule", Name="r")
    put(cloud)
    assert received(cloud, url) == []
    cloud.events("EnableRule", Name="r")
    put(cloud)
    assert len(received(cloud, url)) == 1


def test_changes_of_rules_and_targets_count_at_once(cloud: Cloud) -> None:
    first, second = a_queue(cloud, "one"), a_queue(cloud, "two")
    a_rule(cloud, targets=[arn("one")])
    put(cloud)
    put_targets(cloud, "r", arn("two"))  # the same id: replaced
    put(cloud)
    cloud.events("PutRule", Name="r", EventPattern=json.dumps({"source": ["another"]}))
    put(cloud)
    assert [len(received(cloud, first)), len(received(cloud, second))] == [1, 1]
    cloud.events("RemoveTargets", Rule="r", Ids=["t0"])
    cloud.events("DeleteRule", Name="r")
    put(cloud)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"Source": None}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ({"DetailType": None}, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ({"Detail": None}, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ({"Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '"{}"'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "[" * 100_000}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a":' * 100_000}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a":' * 300 + "1" + "}" * 300}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a":' + "[" * 300 + "]" * 300 + "}"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": "\\ud800"}'}, "MalformedDetail", "Detail is malformed."),
        ({"Time": 10**17}, "InvalidArgument", "Parameter Time is not valid."),
        ({"Time": -(10**15)}, "InvalidArgument", "Parameter Time is not valid."),
        ({"Source": "aws.s3"}, "NotAuthorizedForSource", "Not authorized for the source."),
    ],
)  # fmt: skip
def test_an_entry_that_is_wrong_fails_alone(cloud: Cloud, change: Any, code: str, text: str) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")])
    wrong = {k: v for k, v in {**entry(), **change}.items() if v is not None}
    answer = cloud.events("PutEvents", Entries=[wrong, entry()])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0] == {"ErrorCode": code, "ErrorMessage": text}
    assert answer["Entries"][1].keys() == {"EventId"}
    assert len(received(cloud, url)) == 1


def test_entries_are_measured_together(cloud: Cloud) -> None:
    half = entry({"x": "a" * (1 << 19)})
    assert cloud.error("events", "PutEvents", Entries=[half, half]).text == (
        "Total size of the entries in the request is over the limit."
    )
    put(cloud, half)


def test_a_fifo_queue_gets_events_in_order_within_the_targets_group(cloud: Cloud) -> None:
    url = a_queue(cloud, "q.fifo")
    a_rule(cloud, targets=[{"Arn": arn("q.fifo"), "SqsParameters": {"MessageGroupId": "g"}}])
    for n in range(3):
        put(cloud, *(entry({"n": 10 * n + m}) for m in range(3)))
    assert [event["detail"]["n"] for event in received(cloud, url)] == [0, 1, 2, 10, 11, 12, 20, 21, 22]


def test_an_event_is_matched_again_on_another_bus(cloud: Cloud) -> None:
    url = a_queue(cloud)
    bus = cloud.events("CreateEventBus", Name="orders")["EventBusArn"]
    a_rule(cloud, "on", targets=[{"Arn": bus, "RoleArn": "arn:aws:iam::000000000000:role/r"}])
    a_rule(cloud, "to-queue", EventBusName="orders", targets=[arn("q")])
    (event_id,) = put(cloud)
    (event,) = received(cloud, url)
    assert event["id"] == event_id


def test_an_event_in_another_region_has_another_id_and_keeps_where_it_is_from(cloud: Cloud) -> None:
    far = cloud.caller(account="222222222222", region="eu-central-1")
    url = cloud.sqs("CreateQueue", far, QueueName="q")["QueueUrl"]
    bus = cloud.events("CreateEventBus", far, Name="orders")["EventBusArn"]
    cloud.events("PutRule", far, Name="r", EventBusName="orders", EventPattern=json.dumps({"source": [SOURCE]}))
    cloud.events(
        "PutTargets", far, Rule="r", EventBusName="orders",
        Targets=[{"Id": "t", "Arn": "arn:aws:sqs:eu-central-1:222222222222:q"}],
    )  # fmt: skip
    a_rule(cloud, targets=[{"Arn": bus, "RoleArn": "arn:aws:iam::000000000000:role/r"}])
    (event_id,) = put(cloud)
    (message,) = cloud.sqs("ReceiveMessage", far, QueueUrl=url)["Messages"]
    event = json.loads(message["Body"])
    assert event["id"] != event_id
    assert (event["account"], event["region"]) == (ACCOUNT, "us-east-1")


def test_an_event_for_a_bus_that_does_not_exist_is_accepted(cloud: Cloud) -> None:
    put(cloud, entry(EventBusName="nowhere"))


def test_a_log_group_gets_a_line_for_each_event(cloud: Cloud) -> None:
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/orders"
    a_rule(cloud, targets=[group])
    (event_id,) = put(cloud)
    (line,) = cloud.logs("FilterLogEvents", logGroupName="/aws/events/orders")["events"]
    assert json.loads(line["message"])["id"] == event_id


def test_what_cannot_be_sent_goes_to_the_dead_letter_queue_with_its_reason(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    rule = a_rule(cloud, targets=[{"Arn": arn("gone"), "DeadLetterConfig": {"Arn": arn("dead")}}])
    (event_id,) = put(cloud)
    (message,) = receive(cloud, dead, MessageAttributeNames=["All"])
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE") == "The specified queue does not exist."
    assert attributes == {
        "ERROR_CODE": "NO_RESOURCE", "RULE_ARN": rule, "TARGET_ARN": arn("gone"), "RETRY_ATTEMPTS": "0"
    }


def test_a_rule_that_feeds_itself_is_slowed_down_and_then_stopped(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    url = a_queue(cloud)
    dead = a_queue(cloud, "dead")
    default = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    to_itself = {"Arn": default, "RoleArn": "arn:aws:iam::000000000000:role/r"}
    a_rule(cloud, targets=[{**to_itself, "DeadLetterConfig": {"Arn": arn("dead")}}])
    a_rule(cloud, "count", targets=[arn("q")])
    put(cloud)
    cloud.clock.settle()
    assert "feeds itself: round 17 is throttled, 1 s" in caplog.text
    seen = 0
    while more := len(received(cloud, url)):
        seen += more
    assert seen == 17
    cloud.clock.advance(hours=20)
    assert "stopped in round 33" in caplog.text
    assert len(received(cloud, dead)) == 1


def test_an_event_with_many_matches_is_sent_in_parts_and_completely(cloud: Cloud) -> None:
    url = a_queue(cloud)
    for n in range(250):
        a_rule(cloud, f"r{n:03}", targets=[{"Arn": arn("q"), "Input": f'{{"n": {n}}}'}])
    put(cloud)
    cloud.clock.settle()
    seen: set[int] = set()
    while messages := received(cloud, url):
        seen.update(message["n"] for message in messages)
    assert seen == set(range(250))
