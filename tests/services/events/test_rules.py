"""Rules, targets and buses: what is refused, what stays, what goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.events.helpers import a_queue, a_rule, arn, put, received


def test_putting_a_rule_again_replaces_all_but_its_targets(cloud: Cloud) -> None:
    a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], Description="d", Tags=[{"Key": "a", "Value": "b"}])
    cloud.events("PutRule", Name="r", ScheduleExpression="rate(1 day)", State="DISABLED")
    described = cloud.events("DescribeRule", Name="r")
    assert described == {
        "Name": "r", "Arn": "arn:aws:events:us-east-1:000000000000:rule/r", "ScheduleExpression": "rate(1 day)",
        "State": "DISABLED", "EventBusName": "default", "CreatedBy": "000000000000",
    }  # fmt: skip
    assert len(cloud.events("ListTargetsByRule", Rule="r")["Targets"]) == 1
    assert cloud.events("ListTagsForResource", ResourceARN=described["Arn"])["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("target", "shape", "text"),
    [
        ({"Arn": "x"}, "ValidationException", "Parameter x is not valid. Reason: Provided Arn is not in correct format."),
        ({"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}, "NotImplemented", "targets of ecs"),
        ({"Arn": "arn:aws:execute-api:us-east-1:000000000000:a/b/POST/x"}, "NotImplemented", "execute-api"),
        ({"Arn": arn("q.fifo")}, "ValidationException", "MessageGroupId must be specified for target: t."),
        ({"Arn": arn("q"), "EcsParameters": {"TaskDefinitionArn": "x"}}, "NotImplemented", "EcsParameters"),
        ({"Arn": arn("q"), "DeadLetterConfig": {"Arn": arn("d.fifo")}}, "ValidationException", "standard SQS queue"),
        ({"Arn": arn("a/b")}, "ValidationException", "not in correct format"),
    ],
)  # fmt: skip
def test_a_target_that_could_never_be_reached_is_refused(
    cloud: Cloud, target: dict[str, Any], shape: str, text: str
) -> None:
    a_rule(cloud)
    error = cloud.error("events", "PutTargets", Rule="r", Targets=[{"Id": "t", **target}])
    assert error.shape == shape
    assert text in error.text


def test_what_is_newer_is_refused_by_name(cloud: Cloud) -> None:
    error = cloud.error("eventbridgev2", "ListEventBuses")
    assert (error.shape, error.text) == ("NotImplemented", "Ballroom does not implement eventbridgev2:ListEventBuses.")
    assert "events:CreateEndpoint" in cloud.error("events", "CreateEndpoint").text


def test_a_bus_with_rules_stays(cloud: Cloud) -> None:
    cloud.events("CreateEventBus", Name="b", Description="d")
    a_rule(cloud, EventBusName="b")
    assert cloud.error("events", "DeleteEventBus", Name="b").shape == "ValidationException"
    cloud.events("DeleteRule", Name="r", EventBusName="b")
    cloud.events("DeleteEventBus", Name="b")
    assert cloud.error("events", "DescribeEventBus", Name="b").text == "Event bus b does not exist."
    cloud.events("DeleteEventBus", Name="b")


def test_quotas_are_settings() -> None:
    cloud = Cloud(quotas={"events.rules-per-bus": 2})
    a_rule(cloud, "one")
    a_rule(cloud, "two")
    a_rule(cloud, "two")
    error = cloud.error("events", "PutRule", Name="three", EventPattern='{"source": ["a"]}')
    assert error.text == "The requested resource exceeds the maximum number allowed."
    cloud.events("DeleteRule", Name="one")
    a_rule(cloud, "three")
    cloud.close()


def test_a_change_that_fails_leaves_the_index_as_it_was(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")])
    put(cloud)

    def change(tx: Any) -> None:
        tx.call("events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["other"]})})
        tx.call("events", "RemoveTargets", {"Rule": "r", "Ids": ["t0"]})
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError):
        cloud.transact(change)
    put(cloud)
    assert len(received(cloud, url)) == 2


def test_rules_of_a_transaction_that_fails_are_never_matched(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], pattern={"source": ["aws.s3"]})
    emitted = {"Source": "aws.s3", "DetailType": "x", "Detail": {}}
    cloud.kernel.forget()  # as after a start: nothing is in memory

    def change(tx: Any) -> None:
        tx.call("events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["other"]})})
        tx.call("events", "EmitEvents", {"Entries": [emitted]})
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError):
        cloud.transact(change)
    cloud.events("EmitEvents", Entries=[emitted])
    assert len(received(cloud, url)) == 1


def test_rules_and_targets_survive_a_restart(durable_cloud: Cloud) -> None:
    url = a_queue(durable_cloud)
    a_rule(durable_cloud, targets=[arn("q")])
    durable_cloud.reopen()
    put(durable_cloud)
    assert len(received(durable_cloud, url)) == 1


def test_a_partners_events_arrive_on_its_bus(cloud: Cloud) -> None:
    name = "aws.partner/example.com/orders"
    partner = cloud.caller(account="999999999999")
    cloud.events("CreatePartnerEventSource", partner, Name=name, Account="000000000000")
    assert cloud.events("DescribeEventSource", Name=name)["State"] == "PENDING"
    cloud.events("CreateEventBus", Name=name, EventSourceName=name)
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], EventBusName=name, pattern={"source": [name]})
    entry = {"Source": name, "DetailType": "placed", "Detail": "{}"}
    assert cloud.events("PutPartnerEvents", partner, Entries=[entry])["FailedEntryCount"] == 0
    assert [event["source"] for event in received(cloud, url)] == [name]
    cloud.events("DeactivateEventSource", Name=name)
    cloud.events("PutPartnerEvents", partner, Entries=[entry])
    assert received(cloud, url) == []
