"""Archives of FIFO topics, and replays from them."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sns.helpers import (
    a_queue,
    a_topic,
    arn_of,
    envelopes,
    publish,
    receive,
    subscribe,
    subscribed_queue,
)
from tests.services.sns.test_topics import attributes

from ballroom.kernel import Tx
from ballroom.kernel.model import load_service
from ballroom.services.sns import large_fan_outs, replaying
from ballroom.services.sns.notifications import timestamp

DAY_MS = 86_400_000


def archive_of(days: Any = 30) -> str:
    return json.dumps({"MessageRetentionPeriod": days})


def an_archiving_topic(cloud: Cloud, days: Any = 30) -> str:
    return a_topic(cloud, "t.fifo", ArchivePolicy=archive_of(days))


def from_(start_ms: int, end_ms: int | None = None) -> str:
    policy = {"PointType": "Timestamp", "StartingPoint": timestamp(start_ms)}
    return json.dumps(policy if end_ms is None else {**policy, "EndingPoint": timestamp(end_ms)})


def replaying_request(subscription: str, policy: str) -> dict[str, str]:
    return {"SubscriptionArn": subscription, "AttributeName": "ReplayPolicy", "AttributeValue": policy}


def replay(cloud: Cloud, subscription: str, policy: str) -> None:
    cloud.sns("SetSubscriptionAttributes", **replaying_request(subscription, policy))


def at_once(cloud: Cloud, *calls: tuple[str, dict[str, str]]) -> dict[str, Any]:
    """Operations before anything that they cause begins; the answer of the last."""

    def run(tx: Tx) -> dict[str, Any]:
        return [tx.call("sns", name, dict(request), caller=cloud.caller()) for name, request in calls][-1]

    return cloud.transact(run)


def status(cloud: Cloud, subscription: str) -> str | None:
    told = cloud.sns("GetSubscriptionAttributes", SubscriptionArn=subscription)["Attributes"]
    return told.get("ReplayStatus")


def set_archive(cloud: Cloud, topic: str, policy: str) -> None:
    cloud.sns("SetTopicAttributes", TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue=policy)


def drained(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    """All notifications of a queue, in order; they are deleted, so that their groups go on."""
    found = []
    while messages := receive(cloud, url):
        for message in messages:
            found.append(json.loads(message["Body"]))
            cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def texts(cloud: Cloud, url: str) -> list[str]:
    return [envelope["Message"] for envelope in drained(cloud, url)]


def published(cloud: Cloud, topic: str, *messages: str) -> list[int]:
    """Publish each a second after the one before; when they were published."""
    moments = []
    for message in messages:
        cloud.clock.advance(seconds=1)
        moments.append(cloud.clock.now_ms)
        publish(cloud, topic, message)
    return moments


def test_a_replay_delivers_archived_messages_again_and_says_so(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"))
    moments = published(cloud, topic, "1", "2", "3")
    before = {envelope["Message"]: envelope for envelope in drained(cloud, url)}
    assert status(cloud, arn) is None

    replay(cloud, arn, from_(moments[1]))
    cloud.clock.settle()
    assert status(cloud, arn) == "Completed"
    again = drained(cloud, url)  # though the queue has seen them within five minutes
    assert [envelope["Message"] for envelope in again] == ["2", "3"]
    for envelope in again:
        assert envelope.pop("Replayed") is True
        assert envelope == before[envelope["Message"]]  # MessageId, SequenceNumber, Timestamp

    publish(cloud, topic, "4")
    (live,) = drained(cloud, url)
    assert live["Message"] == "4"
    assert "Replayed" not in live


def test_a_new_subscription_may_begin_with_a_replay(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    first, *_ = published(cloud, topic, "1", "2")
    url = subscribed_queue(cloud, topic, "q.fifo", ReplayPolicy=from_(first))
    publish(cloud, topic, "3")  # before the replay has begun: it comes in its turn
    cloud.clock.settle()
    assert texts(cloud, url) == ["1", "2", "3"]


def test_with_an_ending_point_nothing_comes_behind_it(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    moments = published(cloud, topic, "1", "2", "3")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"), ReplayPolicy=from_(moments[0], moments[1]))
    cloud.clock.settle()
    publish(cloud, topic, "4")
    assert (status(cloud, arn), texts(cloud, url)) == ("Completed", ["1", "2"])
    replay(cloud, arn, "{}")  # no replay policy: newly published messages again
    publish(cloud, topic, "5")
    assert (status(cloud, arn), texts(cloud, url)) == (None, ["5"])


def test_an_ending_point_may_lie_ahead(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    (first,) = published(cloud, topic, "1")
    until = cloud.clock.now_ms + 60_000
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"), ReplayPolicy=from_(first, until))
    cloud.clock.settle()
    publish(cloud, topic, "2")
    assert (status(cloud, arn), texts(cloud, url)) == ("In progress", ["1", "2"])
    cloud.clock.advance(minutes=2)
    publish(cloud, topic, "3")
    assert (status(cloud, arn), texts(cloud, url)) == ("Completed", [])


def test_a_replay_is_filtered(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    for colour in ("red", "blue", "red"):
        attribute = {"colour": {"DataType": "String", "StringValue": colour}}
        publish(
            cloud, topic, colour, MessageDeduplicationId=str(cloud.clock.now_ms), MessageAttributes=attribute
        )
        cloud.clock.advance(seconds=1)
    policy = {"FilterPolicy": '{"colour": ["red"]}', "ReplayPolicy": from_(0)}
    subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"), **policy)
    cloud.clock.settle()
    assert texts(cloud, url) == ["red", "red"]
    counted = {key[3]: value for key, value in cloud.kernel.metrics.read().items() if key[2] == "AWS/SNS"}
    assert counted["NumberOfReplayedNotificationsDelivered"][0] == 2


def test_a_replay_of_many_messages_goes_in_steps_and_over_a_restart(
    durable_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "AT_ONCE", 3)
    cloud = durable_cloud
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    for n in range(10):
        publish(cloud, topic, str(n))
    subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"), ReplayPolicy=from_(0))
    cloud.reopen()
    cloud.clock.settle()
    assert texts(cloud, url) == [str(n) for n in range(10)]


@pytest.mark.parametrize("number", [3, 4, 5, 8, 9])
def test_every_message_is_replayed_whatever_fits_a_step(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(replaying, "BYTES_AT_ONCE", 5_000)
    topic = an_archiving_topic(cloud)
    wanted = [str(n) * 1_500 for n in range(number)]
    for text in wanted:
        publish(cloud, topic, text)
    url = subscribed_queue(cloud, topic, "q.fifo", ReplayPolicy=from_(0))
    cloud.clock.settle()
    assert texts(cloud, url) == wanted


def test_a_replay_takes_the_place_of_an_earlier_one(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    url = a_queue(cloud, "q.fifo")
    moments = published(cloud, topic, "1", "2", "3")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"))
    told = at_once(
        cloud,
        ("SetSubscriptionAttributes", replaying_request(arn, from_(moments[0]))),
        ("SetSubscriptionAttributes", replaying_request(arn, from_(moments[2]))),
        ("GetSubscriptionAttributes", {"SubscriptionArn": arn}),
    )
    assert told["Attributes"]["ReplayStatus"] == "Pending"
    cloud.clock.settle()
    assert (status(cloud, arn), texts(cloud, url)) == ("Completed", ["3"])
    other = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    cloud.sns("SetSubscriptionAttributes", SubscriptionArn=arn, **other)  # starts no replay
    cloud.clock.settle()
    assert texts(cloud, url) == []


def test_a_message_on_its_way_to_many_is_not_delivered_twice(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_fan_outs, "AT_ONCE", 1)
    publishing = import_module("ballroom.services.sns.publishing")  # not the operations' of the same name
    monkeypatch.setattr(publishing, "BYTES_AT_ONCE", 10)
    topic = an_archiving_topic(cloud)
    urls = [subscribed_queue(cloud, topic, f"q{n}.fifo") for n in range(3)]
    url = subscribed_queue(cloud, topic, "replayed.fifo")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "replayed.fifo"))
    at_once(
        cloud,
        ("Publish", {"TopicArn": topic, "Message": "a longer message", "MessageGroupId": "g"}),
        ("SetSubscriptionAttributes", replaying_request(arn, from_(0))),
    )
    cloud.clock.advance(seconds=5)
    publish(cloud, topic, "the next message")
    cloud.clock.settle()
    for each in (*urls, url):
        assert texts(cloud, each) == ["a longer message", "the next message"]


def test_messages_are_archived_for_as_long_as_the_policy_says(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud, days=2)
    began = cloud.clock.now_ms
    assert attributes(cloud, topic)["ArchivePolicy"] == '{"MessageRetentionPeriod": 2}'
    assert attributes(cloud, topic)["BeginningArchiveTime"] == timestamp(began)
    publish(cloud, topic, "old")
    cloud.clock.advance(days=1)
    publish(cloud, topic, "new")
    cloud.clock.advance(days=1, ms=1)
    assert attributes(cloud, topic)["BeginningArchiveTime"] == timestamp(cloud.clock.now_ms - 2 * DAY_MS)
    url = subscribed_queue(cloud, topic, "q.fifo", ReplayPolicy=from_(began))
    cloud.clock.settle()
    assert texts(cloud, url) == ["new"]
    assert len(archived(cloud)) == 2
    cloud.clock.advance(hours=1)
    assert len(archived(cloud)) == 1
    cloud.clock.advance(days=2)
    assert archived(cloud) == []


def archived(cloud: Cloud) -> list[Any]:
    from ballroom.services.sns.messages import Publication
    from ballroom.services.sns.names import TopicName
    from ballroom.services.sns.resources import data_key, find_topic

    def read(tx: Tx) -> list[Publication]:
        topic = find_topic(tx, TopicName("000000000000", "us-east-1", "t.fifo"))
        assert topic is not None
        return tx.scan_prefix(Publication, data_key(topic, "archived"))

    return cloud.transact(read)


def test_a_shorter_retention_forgets_for_good(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud, days="30")
    publish(cloud, topic, "old")
    cloud.clock.advance(days=5)
    publish(cloud, topic, "new")
    set_archive(cloud, topic, archive_of(1))
    set_archive(cloud, topic, archive_of(30))
    url = subscribed_queue(cloud, topic, "q.fifo", ReplayPolicy=from_(0))
    cloud.clock.settle()
    assert texts(cloud, url) == ["new"]


def test_an_archive_is_given_up_before_its_topic(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    publish(cloud, topic, "x")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"))
    error = cloud.error("sns", "DeleteTopic", TopicArn=topic)
    assert error.text == "Invalid state: Cannot delete a topic with an ArchivePolicy"
    shape = load_service("sns").error(error.shape)
    assert shape is not None
    assert (shape.code, shape.status) == ("InvalidState", 400)
    at_once(
        cloud,
        ("SetSubscriptionAttributes", replaying_request(arn, from_(0))),
        ("SetTopicAttributes", {"TopicArn": topic, "AttributeName": "ArchivePolicy", "AttributeValue": "{}"}),
    )
    cloud.clock.settle()
    assert status(cloud, arn) == "Failed"
    assert archived(cloud) == []
    told = attributes(cloud, topic)
    assert "ArchivePolicy" not in told
    assert "BeginningArchiveTime" not in told
    cloud.sns("DeleteTopic", TopicArn=topic)


def test_a_deleted_topic_leaves_no_rows(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo")
    for n in range(600):
        publish(cloud, topic, str(n))
    cloud.sns("DeleteTopic", TopicArn=topic)
    cloud.clock.settle()

    def left(tx: Any) -> int:
        from ballroom.kernel.keys import PREFIX_END, pack

        low = pack(("sns-data",))
        return int(tx.delete_packed(low, low + PREFIX_END, 10))

    assert cloud.transact(left) == 0


@pytest.mark.parametrize(
    "policy",
    [
        "", "no json", "[]", '{"MessageRetentionPeriod": 0}', '{"MessageRetentionPeriod": 366}',
        '{"MessageRetentionPeriod": "many"}', '{"MessageRetentionPeriod": 1.5}', '{"MessageRetentionPeriod": true}',
        '{"MessageRetentionPeriod": null}', '{"Days": 1}',
    ],
)  # fmt: skip
def test_an_archive_policy_is_checked(cloud: Cloud, policy: str) -> None:
    topic = a_topic(cloud, "t.fifo")
    request = {"TopicArn": topic, "AttributeName": "ArchivePolicy", "AttributeValue": policy}
    error = cloud.error("sns", "SetTopicAttributes", **request)
    assert error.text.startswith("Invalid parameter: ArchivePolicy: ")


def test_only_fifo_topics_have_archives(cloud: Cloud) -> None:
    given = {"ArchivePolicy": archive_of()}
    error = cloud.error("sns", "CreateTopic", Name="t", Attributes=given)
    assert error.text == "Invalid parameter: Attributes Reason: Unknown attribute ArchivePolicy"
    topic = a_topic(cloud)
    error = cloud.error(
        "sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn_of("sqs", "q"),
        Attributes={"ReplayPolicy": from_(0)},
    )  # fmt: skip
    assert "ReplayPolicy" in error.text


@pytest.mark.parametrize(
    "policy",
    [
        "no json", "[]", '{"PointType": "Timestamp"}', '{"StartingPoint": "2023-01-01T00:00:00.000Z"}',
        '{"PointType": "Sequence", "StartingPoint": "2023-01-01T00:00:00.000Z"}',
        '{"PointType": "Timestamp", "StartingPoint": "yesterday"}',
        '{"PointType": "Timestamp", "StartingPoint": 1672531200000}',
        '{"PointType": "Timestamp", "StartingPoint": "2023-01-01T00:00:00Z", "EndingPoint": "2022-01-01T00:00:00Z"}',
        '{"PointType": "Timestamp", "StartingPoint": "2023-01-01T00:00:00Z", "Speed": 2}',
    ],
)  # fmt: skip
def test_a_replay_policy_is_checked(cloud: Cloud, policy: str) -> None:
    topic = an_archiving_topic(cloud)
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn_of("sqs", "q.fifo")}
    error = cloud.error("sns", "Subscribe", **request, Attributes={"ReplayPolicy": policy})
    assert error.text.startswith("Invalid parameter: Attributes Reason: ReplayPolicy: ")
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q.fifo"))
    change = {"AttributeName": "ReplayPolicy", "AttributeValue": policy}
    error = cloud.error("sns", "SetSubscriptionAttributes", SubscriptionArn=arn, **change)
    assert error.text.startswith("Invalid parameter: ReplayPolicy: ")


def test_nothing_is_replayed_without_an_archive(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo")
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn_of("sqs", "q.fifo")}
    error = cloud.error("sns", "Subscribe", **request, Attributes={"ReplayPolicy": from_(0)})
    assert error.text == "Invalid parameter: Attributes Reason: ReplayPolicy: the topic has no ArchivePolicy"


def test_a_standard_queue_gets_replays_too(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    publish(cloud, topic, "x")
    url = subscribed_queue(cloud, topic, "q", ReplayPolicy=from_(0))
    cloud.clock.settle()
    assert [e["Replayed"] for e in envelopes(cloud, url)] == [True]


def test_a_queue_of_another_account_gets_its_replay_once_it_agrees(cloud: Cloud) -> None:
    topic = an_archiving_topic(cloud)
    publish(cloud, topic, "x")
    other = cloud.caller(account="222222222222")
    fifo = {"FifoQueue": "true"}
    url = cloud.call("sqs", "CreateQueue", other, QueueName="q.fifo", Attributes=fifo)["QueueUrl"]
    endpoint = "arn:aws:sqs:us-east-1:222222222222:q.fifo"
    subscribe(cloud, topic, "sqs", endpoint, ReplayPolicy=from_(0))
    cloud.clock.settle()
    (asked,) = cloud.call("sqs", "ReceiveMessage", other, QueueUrl=url)["Messages"]
    cloud.call("sns", "ConfirmSubscription", other, TopicArn=topic, Token=json.loads(asked["Body"])["Token"])
    cloud.clock.settle()
    (message,) = cloud.call("sqs", "ReceiveMessage", other, QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Replayed"] is True
