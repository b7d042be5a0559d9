"""`throttlePolicy`: an endpoint gets no more posts a second than its delivery policy says.

Posts are spread evenly. Each is given a moment of its own when it is left to be done, so that a hundred
thousand of them wait as rows that are due then; a repeated attempt is given another.

Source: Developer Guide, "Creating an HTTP/S delivery policy" (maxReceivesPerSecond: the most deliveries a
second, for each subscription).
"""

from __future__ import annotations

from ballroom.kernel import Key, Record, Tx
from ballroom.services.sns.resources import Subscription

_SECOND_US = 1_000_000


class Pace(Record, frozen=True):
    """When the next post may leave, in microseconds: a thousandth of a second is too coarse to share."""

    free_us: int


class Slot(Record, frozen=True):
    """The moment that a repeated attempt was given."""

    at_ms: int


def pace_key(subscription: Subscription) -> Key:
    """One row for each subscription that is throttled."""
    return ("sns-data", subscription.topic_id, "pace", subscription.id)


def _slot_key(subscription: Subscription, delivery_id: str) -> Key:
    return ("sns-data", subscription.topic_id, "slot", subscription.id, delivery_id)


def reserve(tx: Tx, subscription: Subscription, rate: int) -> int:
    """The moment at which a post may leave, in milliseconds; it is taken."""
    known = tx.get(Pace, pace_key(subscription))
    now_us = 1000 * tx.now_ms
    at_us = max(now_us, known.free_us) if known is not None else now_us
    tx.put(pace_key(subscription), Pace(at_us + _SECOND_US // rate))
    return -(-at_us // 1000)


def reserve_again(tx: Tx, subscription: Subscription, rate: int, delivery_id: str) -> int:
    """The moment of a repeated attempt: the one it was given, once it has come."""
    key = _slot_key(subscription, delivery_id)
    slot = tx.get(Slot, key)
    if slot is not None:
        if slot.at_ms <= tx.now_ms:
            tx.delete(key)
        return slot.at_ms
    at_ms = reserve(tx, subscription, rate)
    if at_ms > tx.now_ms:
        tx.put(key, Slot(at_ms))
    return at_ms


def forget(tx: Tx, subscription: Subscription) -> None:
    """The subscription ends. What its last attempts were given goes with the topic."""
    tx.delete(pace_key(subscription))
