"""Fan-out to more subscriptions than one transaction should hold: a hundred in a step, each step durable."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Context, Delivery, Key, Record, RetryPolicy, Tx, on_delivery
from ballroom.services.sns.fan_out import FanOut
from ballroom.services.sns.live import AT_ONCE, belongs, live, page
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Topic, find_topic

_FOREVER = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))


class Large(msgspec.Struct, array_like=True, frozen=True):
    """A message, and the topic whose subscriptions it still has to reach."""

    account: str
    region: str
    topic: str
    publication: str


class Progress(Record, frozen=True):
    """How far a large fan-out came: the last subscription that was delivered to."""

    after: str


_encode = msgspec.msgpack.Encoder().encode
_decode_large = msgspec.msgpack.Decoder(Large).decode


def publication_key(publication_id: str) -> Key:
    """A message that a large fan-out still has to deliver."""
    return ("sns-data", "~publication", publication_id)


def fan_out_later(tx: Tx, topic: Topic, publication: Publication) -> None:
    """Deliver to a topic with many subscriptions, a hundred in a transaction."""
    tx.put(publication_key(publication.message_id), publication)
    rest = Large(topic.account, topic.region, topic.name, publication.message_id)
    tx.deliver("sns.fan-out", _encode(rest), policy=_FOREVER, subject=topic.arn, lane=topic.arn)


@on_delivery("sns.fan-out", concurrency=20)
async def expand(ctx: Context, delivery: Delivery) -> None:
    """A hundred subscriptions in each step, and how far it came in the same commit."""
    rest = _decode_large(delivery.payload)
    while ctx.transact(_step, rest, delivery):
        await ctx.durable()


def _step(tx: Tx, rest: Large, delivery: Delivery) -> bool:
    """Deliver to a page; is there more? The row of progress makes a step happen once, also over a crash."""
    progress_key = ("sns-data", "~progress", delivery.id)
    done = tx.get(Progress, progress_key)
    after = done.after if done is not None else None
    topic = find_topic(tx, TopicName(rest.account, rest.region, rest.topic))
    publication = tx.get(Publication, publication_key(rest.publication))
    found = page(tx, topic, after) if topic is not None and publication is not None else []
    if topic is not None and publication is not None:
        fan_out = FanOut(tx, topic, publication)
        for subscription in found:
            if belongs(subscription, topic):
                fan_out.to(live(subscription))
    if len(found) < AT_ONCE:
        tx.delete(progress_key)
        tx.delete(publication_key(rest.publication))
        delivery.complete(tx)
        return False
    tx.put(progress_key, Progress(found[-1].id))
    return True
