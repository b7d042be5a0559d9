"""Archives and replays."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud
from tests.services.events.helpers import a_queue, a_rule, arn, entry, put, received

BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"


def an_archive(cloud: Cloud, **more: Any) -> str:
    made: str = cloud.events("CreateArchive", ArchiveName="a", EventSourceArn=BUS, **more)["ArchiveArn"]
    return made


def start(cloud: Cloud, archive: str, name: str = "again", **destination: Any) -> dict[str, Any]:
    now = cloud.clock.now_ms
    return cloud.events(
        "StartReplay", ReplayName=name, EventSourceArn=archive, EventStartTime=now - 3_600_000,
        EventEndTime=now + 1, Destination={"Arn": BUS, **destination},
    )  # fmt: skip


def test_a_replay_sends_what_was_archived_again_in_order(cloud: Cloud) -> None:
    archive = an_archive(cloud)
    url = a_queue(cloud, "q.fifo")
    put(cloud, *(entry({"n": n}) for n in range(10)))
    for n in range(10, 45):
        cloud.clock.advance(ms=1)
        put(cloud, entry({"n": n}))
    a_rule(cloud, targets=[{"Arn": arn("q.fifo"), "SqsParameters": {"MessageGroupId": "g"}}])
    assert start(cloud, archive)["State"] == "STARTING"
    cloud.clock.settle()
    seen: list[Any] = []
    while messages := cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(event["detail"]["n"] for event in seen) == list(range(45))
    assert [event["detail"]["n"] for event in seen[10:]] == list(range(10, 45))
    assert {event["replay-name"] for event in seen} == {"again"}
    described = cloud.events("DescribeReplay", ReplayName="again")
    assert described["State"] == "COMPLETED"
    assert described["EventLastReplayedTime"] == cloud.clock.now_ms
    assert cloud.events("DescribeArchive", ArchiveName="a")["EventCount"] == 45  # not archived again


def test_an_archive_keeps_what_matches_its_pattern(cloud: Cloud) -> None:
    an_archive(cloud, EventPattern=json.dumps({"detail": {"n": [1]}}))
    put(cloud, entry({"n": 1}), entry({"n": 2}))
    described = cloud.events("DescribeArchive", ArchiveName="a")
    assert described["EventCount"] == 1
    assert described["SizeBytes"] > 100


def test_a_replay_may_be_for_some_rules_only(cloud: Cloud) -> None:
    archive = an_archive(cloud)
    put(cloud)
    one, two = a_queue(cloud, "one"), a_queue(cloud, "two")
    rule = a_rule(cloud, "one", targets=[arn("one")])
    a_rule(cloud, "two", targets=[arn("two")])
    start(cloud, archive, FilterArns=[rule])
    cloud.clock.settle()
    assert [len(received(cloud, one)), len(received(cloud, two))] == [1, 0]


def test_archived_events_go_when_they_are_too_old(cloud: Cloud) -> None:
    an_archive(cloud, RetentionDays=2)
    put(cloud)
    cloud.clock.advance(days=1)
    put(cloud)
    cloud.clock.advance(hours=25)
    assert cloud.events("DescribeArchive", ArchiveName="a")["EventCount"] == 1
    cloud.clock.advance(days=1)
    assert cloud.events("DescribeArchive", ArchiveName="a")["EventCount"] == 0


def test_a_cancelled_replay_stops(cloud: Cloud) -> None:
    archive = an_archive(cloud)
    put(cloud)
    cloud.kernel.dispatcher.paused = True
    start(cloud, archive)
    assert cloud.events("CancelReplay", ReplayName="again")["State"] == "CANCELLING"
    cloud.kernel.dispatcher.paused = False
    cloud.kernel.dispatcher.rebuild()
    cloud.clock.settle()
    assert cloud.events("DescribeReplay", ReplayName="again")["State"] == "CANCELLED"
    assert cloud.error("events", "CancelReplay", ReplayName="again").shape == "IllegalStatusException"
