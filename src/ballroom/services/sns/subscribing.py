"""Subscriptions come and go: their rows, the confirmation, and who is told.

Source: SNS API Reference, Subscribe, ConfirmSubscription; Developer Guide, "HTTP/HTTPS notifications" (a token
is valid for two days, an unconfirmed subscription is kept for three).
"""

from __future__ import annotations

import msgspec
import orjson

from ballroom.kernel import ServiceError, Tx, on_timer
from ballroom.kernel.arn import find_arn
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.sns import counts, outbox, pacing, signing
from ballroom.services.sns.dead_letters import caller_for
from ballroom.services.sns.live import AT_ONCE, LiveTopics, page
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.notifications import confirm_url, confirmation
from ballroom.services.sns.posts import post_confirmation
from ballroom.services.sns.resources import (
    Mine,
    Sent,
    Subscription,
    Topic,
    belongs,
    endpoint_key,
    find_topic,
    mine_key,
    subscription_key,
    token_key,
    topic_key,
)

TOKEN_MS = 2 * 24 * 3600 * 1000
_ROWS_AT_ONCE = 500
_UNCONFIRMED_MS = 3 * 24 * 3600 * 1000


def put(tx: Tx, subscription: Subscription) -> None:
    """Store a subscription: the only way to do so, since memory must learn of it and it is counted.

    Raises:
        SubscriptionLimitExceeded, FilterPolicyLimitExceeded: see `counts.subscription_changes`.
    """
    at = subscription.at
    key = subscription_key(at, subscription.id)
    counts.subscription_changes(tx, tx.get(Subscription, key), subscription)
    tx.kernel.state(LiveTopics).change(tx, at)
    tx.put(key, subscription)


def add(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    """A new subscription; its endpoint is asked first where that is due."""
    put(tx, subscription)
    tx.put(mine_key(subscription), Mine(subscription.arn))
    tx.put(endpoint_key(topic.at, subscription.protocol, subscription.endpoint), Mine(subscription.arn))
    if subscription.token:
        tx.put(token_key(topic.at, subscription.token), Mine(subscription.arn))
    if subscription.pending:
        ask(tx, topic, subscription)
        tx.wake_at(tx.now_ms + _UNCONFIRMED_MS, "sns.unconfirmed", subscription.arn, housekeeping=True)


def ask(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    """Send the endpoint the token that confirms the subscription."""
    if subscription.protocol in ("http", "https"):
        post_confirmation(tx, topic, subscription)
    elif subscription.protocol in ("email", "email-json"):
        _ask_by_email(tx, topic, subscription)
    elif subscription.protocol == "sqs":
        _ask_by_queue(tx, topic, subscription)


def _ask_by_email(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    url = confirm_url(tx.kernel.settings.base_url, topic.arn, subscription.token)
    text = (
        f"You have chosen to subscribe to the topic:\n{topic.arn}\n\n"
        f"To confirm this subscription, visit the following link:\n{url}"
    )
    sent = Sent(
        tx.ids.uuid(), tx.now_ms, subscription.protocol, subscription.endpoint,
        "AWS Notification - Subscription Confirmation", text, topic.arn, url,
    )  # fmt: skip
    outbox.add(tx, topic.account, topic.region, sent)


def _ask_by_queue(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    """The queue of another account finds the token in a message."""
    target = find_arn(subscription.endpoint)
    assert target is not None
    message = confirmation(tx, topic, subscription, signing.INSIDE)
    request = {
        "QueueUrl": f"/{target.account}/{target.resource}",
        "MessageBody": orjson.dumps(message).decode(),
    }
    if target.resource.endswith(".fifo"):
        request |= {"MessageGroupId": subscription.id, "MessageDeduplicationId": message["MessageId"]}
    try:
        tx.call("sqs", "SendMessage", request, caller=caller_for(tx, target.account, target.region))
    except ServiceError:
        return  # nobody is there to agree: the subscription stays pending, as on AWS


def remove(tx: Tx, subscription: Subscription) -> None:
    """Remove a subscription's rows."""
    at = subscription.at
    counts.subscription_changes(tx, subscription, None)
    tx.kernel.state(LiveTopics).change(tx, at)
    tx.delete(subscription_key(at, subscription.id))
    tx.delete(mine_key(subscription))
    if subscription.token:
        tx.delete(token_key(at, subscription.token))
    if subscription.protocol in ("http", "https"):
        pacing.forget(tx, subscription)
    link = endpoint_key(at, subscription.protocol, subscription.endpoint)
    known = tx.get(Mine, link)
    if known is not None and known.arn == subscription.arn:  # not that of a new topic of the same name
        tx.delete(link)


def end(tx: Tx, subscription: Subscription) -> None:
    """Remove a subscription of a topic that goes on."""
    remove(tx, subscription)
    topic = find_topic(tx, subscription.at)
    if topic is not None and belongs(subscription, topic):
        deleted = topic.deleted_subscriptions + 1
        tx.put(topic_key(topic.at), msgspec.structs.replace(topic, deleted_subscriptions=deleted))


@on_timer("sns.unconfirmed")
def drop_unconfirmed(tx: Tx, arn: str) -> None:
    """Remove a subscription that nobody confirmed; one that was, or is gone, is left alone."""
    topic_arn, _, subscription_id = arn.rpartition(":")
    parsed = find_arn(topic_arn)
    if parsed is None:
        return
    at = TopicName(parsed.account, parsed.region, parsed.resource)
    subscription = tx.get(Subscription, subscription_key(at, subscription_id))
    if subscription is not None and subscription.pending:
        end(tx, subscription)


@on_timer("sns.sweep")
def sweep(tx: Tx, account: str, region: str, name: str, after: str = "") -> None:
    """Remove a page of a deleted topic's subscriptions; what an earlier run removed is not there any more."""
    at = TopicName(account, region, name)
    topic = find_topic(tx, at)  # a new one may have the name already
    found = page(tx, at, after or None)
    for subscription in found:
        if topic is None or not belongs(subscription, topic):
            remove(tx, subscription)
    if len(found) == AT_ONCE:
        tx.wake_at(tx.now_ms, "sns.sweep", account, region, name, found[-1].id)


@on_timer("sns.sweep-data")
def sweep_data(tx: Tx, topic_id: str) -> None:
    """Remove some of a deleted topic's working rows; there are none of them after the last step."""
    low = pack(("sns-data", topic_id))
    if tx.delete_packed(low, low + PREFIX_END, _ROWS_AT_ONCE) == _ROWS_AT_ONCE:
        tx.wake_at(tx.now_ms, "sns.sweep-data", topic_id)
