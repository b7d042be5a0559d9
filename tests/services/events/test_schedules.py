"""Rules with a schedule."""

from __future__ import annotations

import time

import pytest
from tests.cloud import Cloud
from tests.services.events.helpers import a_queue, a_rule, arn, put_targets, received


def test_a_rate_fires_again_and_again_until_it_is_disabled(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=43_200)
    rule = a_rule(cloud, targets=[arn("q")], ScheduleExpression="rate(5 minutes)")
    cloud.clock.advance(minutes=4)
    assert received(cloud, url) == []
    cloud.clock.advance(minutes=12)
    events = received(cloud, url)
    assert len(events) == 3
    first = events[0]
    assert first == {
        "version": "0", "id": first["id"], "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": first["time"], "region": "us-east-1", "resources": [rule], "detail": {},
    }  # fmt: skip
    cloud.events("DisableRule", Name="r")
    cloud.clock.advance(hours=1)
    assert received(cloud, url) == []
    cloud.events("EnableRule", Name="r")
    cloud.clock.advance(minutes=5)
    assert len(received(cloud, url)) == 1


def test_a_changed_schedule_counts_from_the_change(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], ScheduleExpression="rate(1 hour)")
    cloud.clock.advance(minutes=30)
    cloud.events("PutRule", Name="r", ScheduleExpression="rate(1 minute)")
    cloud.clock.advance(minutes=2)
    assert len(received(cloud, url)) == 2


def test_a_cron_fires_at_its_moment_and_says_so(cloud: Cloud) -> None:
    url = a_queue(cloud)
    a_rule(cloud, targets=[arn("q")], ScheduleExpression="cron(0 12 * * ? *)")
    cloud.clock.advance(days=2)
    assert [event["time"][11:] for event in received(cloud, url)] == ["12:00:00Z", "12:00:00Z"]


def test_scheduled_events_arrive_on_the_default_bus(cloud: Cloud) -> None:
    url = a_queue(cloud)
    rule = a_rule(cloud, "clock", ScheduleExpression="rate(1 minute)")
    a_rule(cloud, "all", pattern={"source": ["aws.events"]}, targets=[arn("q")])
    cloud.clock.advance(minutes=1)
    assert [event["resources"] for event in received(cloud, url)] == [[rule]]


def test_a_deleted_rule_fires_no_more(cloud: Cloud) -> None:
    a_rule(cloud, ScheduleExpression="rate(1 minute)")
    cloud.events("DeleteRule", Name="r")
    a_rule(cloud, ScheduleExpression="rate(1 day)")
    url = a_queue(cloud)
    put_targets(cloud, "r", arn("q"))
    cloud.clock.advance(minutes=10)
    assert received(cloud, url) == []


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "cron(* * * * *)", "at(2030-01-01T00:00:00)", "hourly"])
def test_a_wrong_schedule_is_refused(cloud: Cloud, expression: str) -> None:
    error = cloud.error("events", "PutRule", Name="r", ScheduleExpression=expression)
    assert (error.shape, error.text) == ("ValidationException", "Parameter ScheduleExpression is not valid.")


def test_thousands_of_schedules_of_one_second_fire_quickly() -> None:
    cloud = Cloud(quotas={"events.rules-per-bus": 20_000})
    url = a_queue(cloud)
    for n in range(2000):
        a_rule(cloud, f"r{n}", targets=[arn("q")], ScheduleExpression="cron(0 12 * * ? *)")
    started = time.process_time()
    cloud.clock.advance(days=1)
    taken = time.process_time() - started
    told = cloud.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert told["Attributes"]["ApproximateNumberOfMessages"] == "2000"
    assert taken < 2, f"10,000 would take {5 * taken:.1f} s"
    cloud.close()
