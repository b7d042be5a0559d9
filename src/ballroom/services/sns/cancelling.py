"""What an endpoint is told when its subscription has ended, and the way back: a token that restores it.

HTTP endpoints are told always; people when it was not the owner who ended it, so that a link that was followed
by mistake can be undone.

Source: Developer Guide, "HTTP/HTTPS unsubscribe confirmation JSON format"; SNS API Reference, Unsubscribe.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Tx, on_timer
from ballroom.services.sns import outbox, subscribing
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.notifications import confirm_url
from ballroom.services.sns.posts import post_goodbye
from ballroom.services.sns.resources import (
    Mine,
    Sent,
    Subscription,
    Topic,
    belongs,
    endpoint_key,
    find_subscription,
    find_topic,
)

TOKEN_LENGTH = 64


def _key(at: TopicName, token: str) -> Key:
    """The subscription that a token restores."""
    return ("sns", at.account, at.region, "cancelled", at.name, token)


def cancel(tx: Tx, subscription: Subscription) -> None:
    """End a subscription, and tell its endpoint."""
    subscribing.end(tx, subscription)
    topic = find_topic(tx, subscription.at)
    by_http = subscription.protocol in ("http", "https")
    by_email = subscription.protocol in ("email", "email-json") and not _is_owner(tx, subscription)
    if topic is None or not (by_http or by_email):
        return
    ended = msgspec.structs.replace(subscription, token=tx.ids.secret(TOKEN_LENGTH))
    tx.put(_key(topic.at, ended.token), ended)
    due_ms = tx.now_ms + subscribing.TOKEN_MS
    tx.wake_at(due_ms, "sns.cancelled", *topic.at, ended.token, housekeeping=True)
    if by_http:
        post_goodbye(tx, topic, ended)
    else:
        _tell_by_email(tx, topic, ended)


def _is_owner(tx: Tx, subscription: Subscription) -> bool:
    return not tx.caller.anonymous and tx.caller.account in (subscription.owner, subscription.account)


def _tell_by_email(tx: Tx, topic: Topic, ended: Subscription) -> None:
    url = confirm_url(tx.kernel.settings.base_url, topic.arn, ended.token)
    text = (
        f"Your subscription to the topic below has been deactivated:\n{topic.arn}\n\n"
        f"If this was in error or you wish to resubscribe, visit the link below:\n{url}"
    )
    sent = Sent(
        tx.ids.uuid(), tx.now_ms, ended.protocol, ended.endpoint, "AWS Notification - Unsubscribe Confirmation",
        text, topic.arn, url,
    )  # fmt: skip
    outbox.add(tx, topic.account, topic.region, sent)


def restore(tx: Tx, topic: Topic, token: str) -> Subscription | None:
    """The subscription of a token, there again as it was; or the one that its endpoint has made meanwhile."""
    ended = tx.get(Subscription, _key(topic.at, token))
    if ended is None or not belongs(ended, topic):
        return None
    tx.delete(_key(topic.at, token))
    link = tx.get(Mine, endpoint_key(topic.at, ended.protocol, ended.endpoint))
    another = find_subscription(tx, link.arn) if link is not None else None
    if another is not None and belongs(another, topic):
        return another
    subscribing.add(tx, topic, ended)
    return ended


@on_timer("sns.cancelled")
def forget(tx: Tx, account: str, region: str, name: str, token: str) -> None:
    """The token is too old; one that was used is gone already."""
    tx.delete(_key(TopicName(account, region, name), token))
