"""AWS's quotas of topics, subscriptions and filter policies, each a setting."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sns.helpers import a_topic, arn_of, subscribe
from tests.services.sns.test_topics import attributes

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.model import load_service
from ballroom.services.sns import counts, outbox
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.quotas import DEFAULTS
from ballroom.services.sns.resources import Mine, Subscription, Topic, data_key, find_topic

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


def forget_counts(tx: Tx) -> bool:
    at = TopicName("000000000000", "us-east-1", "t")
    topic = find_topic(tx, at)
    assert topic is not None
    rows = [data_key(topic, "counts"), ("sns", at.account, at.region, "counts")]
    there = (
        tx.get(counts.TopicCounts, rows[0]) is not None and tx.get(counts.AccountCounts, rows[1]) is not None
    )
    for key in rows:
        tx.delete(key)
    return there


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_what_there_is_whatever_happens(cloud: Cloud, seed: int) -> None:
    chance, arns = random.Random(seed), [arn_of("sns", "nothing") + ":x"]
    for _ in range(15):
        for _ in range(10):
            with contextlib.suppress(ServiceError):
                something(cloud, chance, arns)
        cloud.clock.settle()
        cloud.transact(assert_counted)
    assert len(arns) > 10, "enough has happened"


def something(cloud: Cloud, chance: random.Random, arns: list[str]) -> None:
    """One operation, right or wrong."""
    name = chance.choice(["a", "b", "c.fifo"])
    topic, suffix = arn_of("sns", name), ".fifo" if name.endswith(".fifo") else ""
    match chance.randrange(9):
        case 0:
            a_topic(cloud, name)
        case 1 if chance.random() < 0.4:
            cloud.sns("DeleteTopic", TopicArn=topic)
        case 2 | 3 | 4:
            protocol, endpoint = chance.choice(
                [
                    ("sqs", arn_of("sqs", f"q{chance.randrange(4)}{suffix}")),
                    ("email", "a@x.y"),
                    ("email", "b@x.y"),
                ]
            )
            arns.append(subscribe(cloud, topic, protocol, endpoint, **chance.choice([FILTER, {}])))
        case 5:
            caller = cloud.caller(anonymous=chance.random() < 0.5)
            cloud.call("sns", "Unsubscribe", caller, SubscriptionArn=chance.choice(arns))
        case 6:
            change = {"AttributeName": "FilterPolicy", "AttributeValue": chance.choice(["{}", '{"a": ["c"]}'])}
            cloud.sns("SetSubscriptionAttributes", SubscriptionArn=chance.choice(arns), **change)
        case 7:
            for sent in cloud.transact(outbox.read, "000000000000", "us-east-1")[:3]:
                token = sent.confirm_url.rsplit("=", 1)[1]
                cloud.sns("ConfirmSubscription", TopicArn=sent.topic, Token=token)
        case _:
            cloud.clock.advance(hours=chance.choice([1, 80]))


def assert_counted(tx: Tx) -> None:
    at = TopicName("000000000000", "us-east-1", "any")
    account = ("sns", at.account, at.region)
    assert counts.of_account(tx, at) == counts._count_account(tx, at)
    for topic in tx.scan_prefix(Topic, (*account, "topic")):
        assert counts.of_topic(tx, topic) == counts._count_topic(tx, topic)
    arns = {one.arn for one in tx.scan_prefix(Subscription, (*account, "sub"))}
    for kind in ("sub-of", "mine"):
        assert {mine.arn for mine in tx.scan_prefix(Mine, (*account, kind))} == arns
    assert {mine.arn for mine in tx.scan_prefix(Mine, (*account, "token"))} <= arns
