"""Replays: archived messages of a FIFO topic once more to one subscription, in steps, each durable.

While a replay runs, its subscription gets nothing newly published: that is in the archive and comes in its
turn, so order is kept. The step that finds no more ends the replay in its own commit, and the subscription gets
what is published from then on. With an ending point it gets nothing beyond that.

The queue would take messages of the last five minutes for repetitions, so their deduplication ids are others:
the same again for the same replay, so that a message of it is there once whatever happens.

Source: Developer Guide, "Message replay for FIFO topic subscribers"; SNS API Reference, Subscribe
(ReplayPolicy, ReplayStatus).
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from ballroom.kernel import (
    Context,
    Delivery,
    Record,
    RetryAt,
    RetryPolicy,
    Tx,
    exponential,
    on_delivery,
    on_timer,
)
from ballroom.services.sns import archiving, subscribing
from ballroom.services.sns.archive_policies import replay_range
from ballroom.services.sns.fan_out import FanOut
from ballroom.services.sns.large_fan_outs import is_expanding
from ballroom.services.sns.live import AT_ONCE, BYTES_AT_ONCE, live
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Archive, Subscription, Topic, data_key, find_topic, subscription_key

PENDING, RUNNING, COMPLETED, FAILED = "Pending", "In progress", "Completed", "Failed"
_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=exponential(1_000, 2, 60_000))
_WAIT_MS = 1_000
_READ_AT_ONCE = 4


class Run(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery of a replay carries."""

    account: str
    region: str
    topic: str
    subscription: str
    run: str

    @property
    def at(self) -> TopicName:
        """The topic."""
        return TopicName(self.account, self.region, self.topic)


class Place(Record, frozen=True):
    """The last message that a replay has delivered."""

    at_ms: int
    sequence: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Run).decode


def begin(tx: Tx, subscription: Subscription) -> Subscription:
    """The subscription as its replay policy has it: the replay runs, in place of an earlier one, or ends."""
    if "ReplayPolicy" not in subscription.attributes:
        return msgspec.structs.replace(subscription, replay="", replay_status="", paused=False)
    started = msgspec.structs.replace(subscription, replay=tx.ids.hex(16), replay_status=PENDING, paused=True)
    run = Run(started.account, started.region, started.topic, started.id, started.replay)
    tx.deliver("sns.replay", _encode(run), policy=_POLICY, subject=started.arn)
    return started


@on_delivery("sns.replay", concurrency=10)
async def go_on(ctx: Context, delivery: Delivery) -> None:
    """The replay to its end, part after part; other work runs in between."""
    run = _decode(delivery.payload)
    while (due_ms := ctx.transact(_part, run, delivery)) is not None:
        if due_ms > ctx.clock.now_ms():
            raise RetryAt(due_ms)
        await ctx.durable()


def _part(tx: Tx, run: Run, delivery: Delivery) -> int | None:
    """Replay some messages; when to go on, or None. Where it stands is in the commit of the effects."""
    topic = find_topic(tx, run.at)
    if topic is None:
        delivery.complete(tx)  # its rows are swept
        return None
    place_key = data_key(topic, "replay", run.run)
    subscription = _find(tx, run)
    if subscription is None or topic.archive is None:
        if subscription is not None:
            _end(tx, subscription, FAILED)
        tx.delete(place_key)
        delivery.complete(tx)
        return None
    span = replay_range(subscription.attributes["ReplayPolicy"])
    done = tx.get(Place, place_key)
    after = (done.at_ms, done.sequence) if done is not None else (span.start_ms, "")
    messages, more = _next(tx, topic, topic.archive, after, span.end_ms)
    for publication in messages:
        _deliver(tx, topic, subscription, publication, run)
    if messages:
        tx.put(place_key, Place(messages[-1].at_ms, messages[-1].sequence))
    # what is still on its way to many subscriptions would reach this one twice, did it follow now
    if more or is_expanding(tx, topic):
        if subscription.replay_status != RUNNING:
            subscribing.put(tx, msgspec.structs.replace(subscription, replay_status=RUNNING))
        return tx.now_ms + (0 if more else _WAIT_MS)
    if span.end_ms is not None and span.end_ms >= tx.now_ms:
        _follow(tx, subscription, span.end_ms, run)
    else:
        _end(tx, subscription, COMPLETED)
    tx.delete(place_key)
    delivery.complete(tx)
    return None


def _next(
    tx: Tx, topic: Topic, archive: Archive, after: tuple[int, str], until_ms: int | None
) -> tuple[list[Publication], bool]:
    """As many messages as one transaction should read and write, and whether there may be more.

    A few are read at a time: a hundred may be a hundred megabytes.
    """
    found: list[Publication] = []
    left = BYTES_AT_ONCE
    while len(found) < AT_ONCE and left > 0:
        some = archiving.read(tx, topic, archive, after, until_ms, _READ_AT_ONCE)
        found += some
        if len(some) < _READ_AT_ONCE:
            return found, False
        left -= sum(len(publication.message) for publication in some)
        after = some[-1].at_ms, some[-1].sequence
    return found, True


def _find(tx: Tx, run: Run) -> Subscription | None:
    """The subscription, if this replay is still its own."""
    found = tx.get(Subscription, subscription_key(run.at, run.subscription))
    return found if found is not None and found.replay == run.run else None


def _deliver(tx: Tx, topic: Topic, subscription: Subscription, publication: Publication, run: Run) -> None:
    dedup = sha256(f"{run.run}:{publication.message_id}".encode()).hexdigest()
    again = msgspec.structs.replace(publication, dedup=dedup, replayed=True)
    FanOut(tx, topic, again).to(live(subscription))


def _end(tx: Tx, subscription: Subscription, status: str) -> None:
    paused = replay_range(subscription.attributes["ReplayPolicy"]).end_ms is not None
    subscribing.put(tx, msgspec.structs.replace(subscription, replay_status=status, paused=paused))


def _follow(tx: Tx, subscription: Subscription, end_ms: int, run: Run) -> None:
    """All that is archived is delivered, and the ending point lies ahead: what is published by then comes."""
    subscribing.put(tx, msgspec.structs.replace(subscription, replay_status=RUNNING, paused=False))
    tx.wake_at(end_ms + 1, "sns.replay-end", *run.at, run.subscription, run.run, housekeeping=True)


@on_timer("sns.replay-end")
def reach_end(tx: Tx, account: str, region: str, name: str, subscription_id: str, run: str) -> None:
    """The ending point is there. Another replay, begun meanwhile, is left alone."""
    subscription = _find(tx, Run(account, region, name, subscription_id, run))
    if subscription is not None and subscription.replay_status == RUNNING:
        subscribing.put(tx, msgspec.structs.replace(subscription, replay_status=COMPLETED, paused=True))
