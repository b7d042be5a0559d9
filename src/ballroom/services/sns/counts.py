"""How many topics, subscriptions and filter policies there are, and the quotas of these numbers.

Two rows are kept up to date with each change, one of the account in a region and one of the topic, so that
neither a quota nor GetTopicAttributes costs a scan. A row that is missing is counted once, from what is there:
a store of an earlier version has none.

Source: AWS General Reference, "Amazon Simple Notification Service endpoints and quotas"; SNS API Reference,
GetTopicAttributes.
"""

from __future__ import annotations

from ballroom.kernel import Key, Record, Tx
from ballroom.services.sns.endpoints import MOST_LARGE
from ballroom.services.sns.errors import (
    FilterPolicyLimitExceeded,
    SubscriptionLimitExceeded,
    TopicLimitExceeded,
)
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.quotas import quota
from ballroom.services.sns.resources import Subscription, Topic, belongs, data_key, find_topic
from ballroom.services.sns.topic_attributes import takes_large_messages


class AccountCounts(Record, frozen=True):
    """What an account has in a region; subscriptions count for the account of their topic."""

    topics: int = 0
    fifo_topics: int = 0
    pending: int = 0
    filter_policies: int = 0


class TopicCounts(Record, frozen=True):
    """What a topic has."""

    confirmed: int = 0
    pending: int = 0
    filter_policies: int = 0


def _account_key(at: TopicName) -> Key:
    return ("sns", at.account, at.region, "counts")


def of_account(tx: Tx, at: TopicName) -> AccountCounts:
    """The counts of the account and region that a topic's name is in."""
    return tx.get(AccountCounts, _account_key(at)) or _count_account(tx, at)


def of_topic(tx: Tx, topic: Topic) -> TopicCounts:
    """The counts of a topic."""
    return tx.get(TopicCounts, data_key(topic, "counts")) or _count_topic(tx, topic)


def _count_account(tx: Tx, at: TopicName) -> AccountCounts:
    topics = tx.scan_prefix(Topic, ("sns", at.account, at.region, "topic"))
    subscriptions = tx.scan_prefix(Subscription, ("sns", at.account, at.region, "sub"))
    fifo = sum(topic.fifo for topic in topics)
    pending = sum(one.pending for one in subscriptions)
    return AccountCounts(len(topics) - fifo, fifo, pending, sum(map(_filters, subscriptions)))


def _count_topic(tx: Tx, topic: Topic) -> TopicCounts:
    found = tx.scan_prefix(Subscription, ("sns", topic.account, topic.region, "sub", topic.name))
    own = [one for one in found if belongs(one, topic)]
    pending = sum(one.pending for one in own)
    return TopicCounts(len(own) - pending, pending, sum(map(_filters, own)))


def _filters(subscription: Subscription | None) -> bool:
    return subscription is not None and "FilterPolicy" in subscription.attributes


def topic_created(tx: Tx, topic: Topic) -> None:
    """Count a topic that is about to be stored.

    Raises:
        TopicLimitExceeded: the account has as many as it may.
    """
    known = of_account(tx, topic.at)
    topics, fifo_topics = known.topics + (not topic.fifo), known.fifo_topics + topic.fifo
    name, wanted = ("sns.fifo-topics", fifo_topics) if topic.fifo else ("sns.topics", topics)
    if wanted > quota(tx.kernel, name):
        raise TopicLimitExceeded()
    tx.put(_account_key(topic.at), AccountCounts(topics, fifo_topics, known.pending, known.filter_policies))
    tx.put(data_key(topic, "counts"), TopicCounts())


def topic_deleted(tx: Tx, topic: Topic) -> None:
    """Count a topic that is about to go; its subscriptions are counted when they go."""
    known = of_account(tx, topic.at)
    topics, fifo_topics = known.topics - (not topic.fifo), known.fifo_topics - topic.fifo
    tx.put(_account_key(topic.at), AccountCounts(topics, fifo_topics, known.pending, known.filter_policies))


def subscription_changes(tx: Tx, before: Subscription | None, after: Subscription | None) -> None:
    """Count a subscription that is about to be added, changed or removed.

    Raises:
        SubscriptionLimitExceeded: the topic has as many as it may, or the account as many unconfirmed ones.
        FilterPolicyLimitExceeded: the topic, or the account, has as many filter policies as it may.
    """
    one = after or before
    assert one is not None
    filters = _filters(after) - _filters(before)
    pending = (after is not None and after.pending) - (before is not None and before.pending)
    total = (after is not None) - (before is not None)
    if not (filters or pending or total):
        return
    account = of_account(tx, one.at)
    counted = AccountCounts(
        account.topics, account.fifo_topics, account.pending + pending, account.filter_policies + filters
    )
    if pending > 0 and counted.pending > quota(tx.kernel, "sns.pending-subscriptions"):
        raise SubscriptionLimitExceeded()
    if filters > 0 and counted.filter_policies > quota(tx.kernel, "sns.filter-policies"):
        raise FilterPolicyLimitExceeded()
    topic = find_topic(tx, one.at)
    if topic is not None and belongs(one, topic):  # not what is left of an earlier topic of the name
        _count_in_topic(tx, topic, total, pending, filters)
    tx.put(_account_key(one.at), counted)


def _count_in_topic(tx: Tx, topic: Topic, total: int, pending: int, filters: int) -> None:
    known = of_topic(tx, topic)
    counted = TopicCounts(
        known.confirmed + total - pending, known.pending + pending, known.filter_policies + filters
    )
    name = "sns.subscriptions-per-fifo-topic" if topic.fifo else "sns.subscriptions-per-topic"
    most = quota(tx.kernel, name)
    if takes_large_messages(topic):
        most = min(most, MOST_LARGE)
    if total > 0 and counted.confirmed + counted.pending > most:
        raise SubscriptionLimitExceeded()
    if filters > 0 and counted.filter_policies > quota(tx.kernel, "sns.filter-policies-per-topic"):
        raise FilterPolicyLimitExceeded()
    tx.put(data_key(topic, "counts"), counted)
