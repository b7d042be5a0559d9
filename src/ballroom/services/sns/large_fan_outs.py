"""Fan-out to more subscriptions, or of more bytes, than one transaction should hold: in steps, each durable.

A FIFO topic's later messages wait in line behind one that is still being expanded.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Context, Delivery, Key, Record, RetryPolicy, Tx, on_delivery
from ballroom.services.sns.fan_out import FanOut
from ballroom.services.sns.live import AT_ONCE, BYTES_AT_ONCE, live, page, receives
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Subscription, Topic, data_key, find_topic

_FOREVER = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))


class Large(msgspec.Struct, array_like=True, frozen=True):
    """A message, and the topic whose subscriptions it still has to reach."""

    account: str
    region: str
    topic: str
    publication: str


class Expanding(Record, frozen=True):
    """How many messages of a FIFO topic are being expanded."""

    number: int


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
    if topic.fifo:
        _count(tx, topic, 1)
    rest = Large(topic.account, topic.region, topic.name, publication.message_id)
    tx.deliver("sns.fan-out", _encode(rest), policy=_FOREVER, subject=topic.arn, lane=topic.arn)


def is_expanding(tx: Tx, topic: Topic) -> bool:
    """Whether an earlier message of a FIFO topic is still on its way."""
    return tx.get(Expanding, data_key(topic, "expanding")) is not None


def _count(tx: Tx, topic: Topic, change: int) -> None:
    known = tx.get(Expanding, data_key(topic, "expanding"))
    number = (known.number if known is not None else 0) + change
    if number > 0:
        tx.put(data_key(topic, "expanding"), Expanding(number))
    else:
        tx.delete(data_key(topic, "expanding"))


def _limit(publication: Publication) -> int:
    """Subscriptions in a step, so that no step writes too much."""
    return max(1, min(AT_ONCE, BYTES_AT_ONCE // max(1, len(publication.message))))


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
    found: list[Subscription] = []
    limit = AT_ONCE
    if topic is not None and publication is not None:
        limit = _limit(publication)
        found = page(tx, topic.at, after, limit)
        fan_out = FanOut(tx, topic, publication)
        for subscription in found:
            if receives(subscription, topic):
                fan_out.to(live(subscription))
    if len(found) < limit:
        if topic is not None and topic.fifo:
            _count(tx, topic, -1)
        tx.delete(progress_key)
        tx.delete(publication_key(rest.publication))
        delivery.complete(tx)
        return False
    tx.put(progress_key, Progress(found[-1].id))
    return True
