"""Posts to HTTP endpoints: notifications and confirmations, each a delivery of the kernel's.

At least once, tried again as the delivery policy says, and given to the subscription's dead-letter queue when
they fail for good. Posts to a throttled subscription are due one after the other (`pacing`).

Source: Developer Guide, "Amazon SNS message delivery retries", "Amazon SNS dead-letter queues".
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Context, Delivery, GiveUp, RetryAt, ServiceError, Tx, on_delivery, on_exhausted
from ballroom.services.sns import pacing, policies, signing
from ballroom.services.sns.dead_letters import give_up
from ballroom.services.sns.http_posts import ForbiddenAddress, Unreachable, post
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.metrics import count
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.notifications import CONFIRMATION, GOODBYE, Envelopes, confirmation
from ballroom.services.sns.resources import Subscription, Topic, subscription_key

_AGENT = "Amazon Simple Notification Service Agent"


class Post(msgspec.Struct, array_like=True, frozen=True):
    """What is posted, and for which subscription."""

    account: str
    region: str
    topic: str
    subscription: str
    url: str
    kind: str
    """`Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`."""
    message_id: str
    body: bytes
    raw: bool
    content_type: str
    for_queue: dict[str, Any]
    """The message for the dead-letter queue."""
    rate: int = 0
    """The most posts a second; 0: as many as there are."""

    @property
    def at(self) -> TopicName:
        """The topic."""
        return TopicName(self.account, self.region, self.topic)


_encode = msgspec.msgpack.Encoder().encode
_decode_post = msgspec.msgpack.Decoder(Post).decode


class EndpointFailed(ServiceError):
    """An attempt at an endpoint that may succeed another time."""

    shape = "EndpointFailed"


def post_notification(
    tx: Tx, topic: Topic, subscription: Subscription, publication: Publication, envelopes: Envelopes
) -> None:
    """Leave a notification for an HTTP endpoint."""
    policy = policies.effective_policy(
        topic.attributes.get("DeliveryPolicy"), subscription.attributes.get("DeliveryPolicy")
    )
    raw = subscription.raw
    text = (
        publication.text_for(subscription.protocol)
        if raw
        else orjson.dumps(envelopes.fields(subscription, signing.TRAVELLING)).decode()
    )
    _post_later(tx, subscription, "Notification", publication.message_id, text, policy)


def post_confirmation(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    """Ask an HTTP endpoint whether it wants the subscription."""
    _post_question(tx, topic, subscription, CONFIRMATION)


def post_goodbye(tx: Tx, topic: Topic, subscription: Subscription) -> None:
    """Tell an HTTP endpoint that the subscription has ended, and how to restore it."""
    _post_question(tx, topic, subscription, GOODBYE)


def _post_question(tx: Tx, topic: Topic, subscription: Subscription, kind: str) -> None:
    policy = policies.effective_policy(topic.attributes.get("DeliveryPolicy"), None)
    message = confirmation(tx, topic, subscription, signing.TRAVELLING, kind)
    _post_later(tx, subscription, kind, message["MessageId"], orjson.dumps(message).decode(), policy)


def _post_later(
    tx: Tx, subscription: Subscription, kind: str, message_id: str, text: str, policy: dict[str, Any]
) -> None:
    rate = (policy["throttlePolicy"] or {}).get("maxReceivesPerSecond", 0) if kind == "Notification" else 0
    item = Post(
        subscription.account, subscription.region, subscription.topic, subscription.id, subscription.endpoint,
        kind, message_id, text.encode("utf-8", "surrogatepass"), subscription.raw and kind == "Notification",
        policy["requestPolicy"]["headerContentType"], {"MessageBody": text}, rate,
    )  # fmt: skip
    due_ms = pacing.reserve(tx, subscription, rate) if rate else None
    retries = policies.retry_policy(policy)
    tx.deliver("sns.post", _encode(item), policy=retries, due_ms=due_ms, subject=subscription.arn)


@on_delivery("sns.post", concurrency=200)
async def attempt(ctx: Context, delivery: Delivery) -> None:
    """Post once. What a repeat would do, the endpoint sees by the message's id."""
    item = _decode_post(delivery.payload)
    subscription = ctx.transact(lambda tx: tx.get(Subscription, subscription_key(item.at, item.subscription)))
    if subscription is None and item.kind != GOODBYE:
        return  # ended meanwhile
    if subscription is not None and item.rate and delivery.attempt > 1:
        due_ms = ctx.transact(pacing.reserve_again, subscription, item.rate, delivery.id)
        if due_ms > ctx.clock.now_ms():
            raise RetryAt(due_ms)
    headers = {
        "x-amz-sns-message-type": item.kind,
        "x-amz-sns-message-id": item.message_id,
        "x-amz-sns-topic-arn": item.at.arn,
        "Content-Type": item.content_type,
        "User-Agent": _AGENT,
    }
    if item.kind != CONFIRMATION:
        headers["x-amz-sns-subscription-arn"] = f"{item.at.arn}:{item.subscription}"
    if item.raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    if ctx.caller.trace:
        headers["X-Amzn-Trace-Id"] = ctx.caller.trace
    try:
        status = await post(item.url, headers, item.body, loopback_allowed=ctx.kernel.settings.loopback)
    except Unreachable as error:
        raise EndpointFailed(str(error)) from error
    except ForbiddenAddress as error:
        raise GiveUp(str(error)) from error
    if 200 <= status < 300:
        if item.kind == "Notification":
            count(ctx.kernel, item.at, "NumberOfNotificationsDelivered")
        return
    if status == 429 or status >= 500 or status < 200:
        raise EndpointFailed(f"status {status}")
    raise GiveUp(f"status {status}")


@on_exhausted("sns.post")
def post_failed(tx: Tx, delivery: Delivery, reason: str) -> None:
    """A notification that no endpoint took goes to the dead-letter queue."""
    item = _decode_post(delivery.payload)
    if item.kind != "Notification":
        return
    subscription = tx.get(Subscription, subscription_key(item.at, item.subscription))
    if subscription is not None:
        give_up(tx, subscription, item.for_queue)
