"""AWS's quotas of topics, subscriptions and filter policies, each a setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sns.helpers import a_topic, arn_of, subscribe
from tests.services.sns.test_topics import attributes

from ballroom.kernel.model import load_service
from ballroom.services.sns.quotas import DEFAULTS

FILTER = {"FilterPolicy": '{"colour": ["blue"]}'}
MakeCloud = Callable[..., Cloud]


@pytest.fixture
def limited() -> Iterator[MakeCloud]:
    """Makes a cloud whose quotas are as named: `limited(topics=2)`."""
    made: list[Cloud] = []

    def make(**quotas: int) -> Cloud:
        names = {f"sns.{name.replace('_', '-')}": number for name, number in quotas.items()}
        assert set(names) <= set(DEFAULTS)
        made.append(Cloud(quotas=names))
        return made[-1]

    yield make
    for cloud in made:
        cloud.close()


def refused(cloud: Cloud, operation: str, **request: Any) -> str:
    """The code of the error, which is a 403."""
    shape = load_service("sns").error(cloud.error("sns", operation, **request).shape)
    assert shape is not None
    assert shape.status == 403
    return shape.code


def subscribing(cloud: Cloud, topic: str, name: str, **attributes: str) -> str:
    """The code of the error that Subscribe answers."""
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn_of("sqs", name)}
    return refused(cloud, "Subscribe", **request, Attributes=attributes)


@pytest.mark.parametrize(("quota", "suffix"), [("topics", ""), ("fifo_topics", ".fifo")])
def test_topics_of_an_account_are_limited(limited: MakeCloud, quota: str, suffix: str) -> None:
    cloud = limited(**{quota: 2})
    first = a_topic(cloud, "a" + suffix)
    a_topic(cloud, "b" + suffix)
    fifo = {"Attributes": {"FifoTopic": "true"}} if suffix else {}
    assert refused(cloud, "CreateTopic", Name="c" + suffix, **fifo) == "TopicLimitExceeded"
    assert a_topic(cloud, "a" + suffix) == first  # the same again is none more
    a_topic(cloud, "other" + ("" if suffix else ".fifo"))  # the other kind has a quota of its own
    cloud.call("sns", "CreateTopic", cloud.caller(account="222222222222"), Name="c" + suffix, **fifo)
    cloud.sns("DeleteTopic", TopicArn=first)
    a_topic(cloud, "c" + suffix)


@pytest.mark.parametrize(
    ("quota", "suffix"), [("subscriptions_per_topic", ""), ("subscriptions_per_fifo_topic", ".fifo")]
)
def test_subscriptions_of_a_topic_are_limited(limited: MakeCloud, quota: str, suffix: str) -> None:
    cloud = limited(**{quota: 2})
    topic, other = a_topic(cloud, "t" + suffix), a_topic(cloud, "other" + suffix)
    first = subscribe(cloud, topic, "sqs", arn_of("sqs", "a" + suffix))
    subscribe(cloud, topic, "sqs", arn_of("sqs", "b" + suffix))
    assert subscribing(cloud, topic, "c" + suffix) == "SubscriptionLimitExceeded"
    assert subscribe(cloud, topic, "sqs", arn_of("sqs", "a" + suffix)) == first
    subscribe(cloud, other, "sqs", arn_of("sqs", "c" + suffix))
    cloud.sns("Unsubscribe", SubscriptionArn=first)
    subscribe(cloud, topic, "sqs", arn_of("sqs", "c" + suffix))
    assert attributes(cloud, topic)["SubscriptionsConfirmed"] == "2"


def test_unconfirmed_subscriptions_of_an_account_are_limited(limited: MakeCloud) -> None:
    cloud = limited(pending_subscriptions=2)
    topics = [a_topic(cloud, f"t{n}") for n in range(3)]
    for topic in topics[:2]:
        subscribe(cloud, topic, "email", "a@example.com")
    request = {"TopicArn": topics[2], "Protocol": "email", "Endpoint": "a@example.com"}
    assert refused(cloud, "Subscribe", **request) == "SubscriptionLimitExceeded"
    subscribe(cloud, topics[2], "sqs", arn_of("sqs", "q"))  # needs no confirmation
    cloud.clock.advance(days=3)  # those that nobody confirmed are gone
    assert attributes(cloud, topics[0])["SubscriptionsPending"] == "0"
    subscribe(cloud, topics[2], "email", "a@example.com")


def test_a_confirmed_subscription_is_pending_no_more(limited: MakeCloud) -> None:
    cloud = limited(pending_subscriptions=1)
    topic = a_topic(cloud)
    answer = cloud.sns("Subscribe", TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert answer["SubscriptionArn"] == "pending confirmation"
    from ballroom.services.sns import outbox

    (sent,) = cloud.transact(outbox.read, "000000000000", "us-east-1")
    cloud.sns("ConfirmSubscription", TopicArn=topic, Token=sent.confirm_url.rsplit("=", 1)[1])
    subscribe(cloud, topic, "email", "b@example.com")
    told = attributes(cloud, topic)
    assert (told["SubscriptionsConfirmed"], told["SubscriptionsPending"]) == ("1", "1")


def test_filter_policies_of_a_topic_are_limited(limited: MakeCloud) -> None:
    cloud = limited(filter_policies_per_topic=2)
    topic = a_topic(cloud)
    filtered = [subscribe(cloud, topic, "sqs", arn_of("sqs", f"q{n}"), **FILTER) for n in range(2)]
    assert subscribing(cloud, topic, "more", **FILTER) == "FilterPolicyLimitExceeded"
    plain = subscribe(cloud, topic, "sqs", arn_of("sqs", "plain"))
    change = {"AttributeName": "FilterPolicy", "AttributeValue": '{"colour": ["red"]}'}
    assert refused(cloud, "SetSubscriptionAttributes", SubscriptionArn=plain, **change) == (
        "FilterPolicyLimitExceeded"
    )
    cloud.sns("SetSubscriptionAttributes", SubscriptionArn=filtered[0], **change)  # another, none more
    cloud.sns(
        "SetSubscriptionAttributes",
        SubscriptionArn=filtered[0],
        AttributeName="FilterPolicy",
        AttributeValue="{}",
    )
    cloud.sns("SetSubscriptionAttributes", SubscriptionArn=plain, **change)


def test_filter_policies_of_an_account_are_limited(limited: MakeCloud) -> None:
    cloud = limited(filter_policies=2)
    topics = [a_topic(cloud, f"t{n}") for n in range(3)]
    for topic in topics[:2]:
        subscribe(cloud, topic, "sqs", arn_of("sqs", "q"), **FILTER)
    assert subscribing(cloud, topics[2], "q", **FILTER) == "FilterPolicyLimitExceeded"
    cloud.sns("DeleteTopic", TopicArn=topics[0])
    cloud.clock.settle()
    subscribe(cloud, topics[2], "sqs", arn_of("sqs", "q"), **FILTER)


def test_a_topic_of_the_same_name_begins_anew_while_the_old_one_is_removed(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    for n in range(250):
        subscribe(cloud, topic, "sqs", arn_of("sqs", f"q{n}"), **(FILTER if n < 200 else {}))
    cloud.sns("DeleteTopic", TopicArn=topic)
    a_topic(cloud)  # the old one's subscriptions are not all gone yet
    arns = {subscribe(cloud, topic, "sqs", arn_of("sqs", f"q{n}"), **FILTER) for n in range(150)}
    cloud.clock.settle()
    told = attributes(cloud, topic)
    assert (told["SubscriptionsConfirmed"], told["SubscriptionsDeleted"]) == ("150", "0")
    first = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)
    rest = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic, NextToken=first["NextToken"])
    assert {s["SubscriptionArn"] for page in (first, rest) for s in page["Subscriptions"]} == arns


def test_a_store_without_counts_is_counted_once(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    for n in range(3):
        subscribe(cloud, topic, "sqs", arn_of("sqs", f"q{n}"), **FILTER)
    subscribe(cloud, topic, "email", "a@example.com")
    before = cloud.transact(forget_counts)
    assert before
    subscribe(cloud, topic, "sqs", arn_of("sqs", "more"))
    told = attributes(cloud, topic)
    assert (told["SubscriptionsConfirmed"], told["SubscriptionsPending"]) == ("4", "1")


def forget_counts(tx: Any) -> bool:
    from ballroom.services.sns import counts
    from ballroom.services.sns.names import TopicName
    from ballroom.services.sns.resources import data_key, find_topic

    at = TopicName("000000000000", "us-east-1", "t")
    topic = find_topic(tx, at)
    assert topic is not None
    rows = [data_key(topic, "counts"), ("sns", at.account, at.region, "counts")]
    for key, kind in zip(rows, (counts.TopicCounts, counts.AccountCounts), strict=True):
        assert tx.get(kind, key) is not None
        tx.delete(key)
    return True
