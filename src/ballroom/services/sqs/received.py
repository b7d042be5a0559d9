"""What a receive hands out, and what happens to a message instead of being handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ballroom.services.sqs.live import LiveQueue, find_queue
from ballroom.services.sqs.names import find_queue_arn
from ballroom.services.sqs.receipts import Receipt, to_handle
from ballroom.services.sqs.resources import Flight, Message

if TYPE_CHECKING:
    from ballroom.kernel import Tx

MAX_IN_FLIGHT = 120_000
MAX_STEPS = 1000
"""How many messages one receive passes over (expired, buried, parked) before it answers with less."""


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message handed out."""

    message: Message
    flight: Flight

    def handle(self, live: LiveQueue) -> str:
        """Its receipt handle."""
        record, flight = live.record, self.flight
        if live.meaning.fifo:  # found by its group, so that a repeated receive may answer the same handle
            return to_handle(
                Receipt(record.id, record.generation, flight.sequence, 0, flight.count, group=flight.group)
            )
        return to_handle(
            Receipt(
                record.id, record.generation, flight.sequence, flight.visible_ms, flight.count, flight.delayed
            )
        )


def is_expired(live: LiveQueue, message: Message, now_ms: int) -> bool:
    """Whether the queue's retention period is over for the message."""
    return message.sent_ms + live.meaning.retention_ms <= now_ms


def find_grave(tx: Tx, live: LiveQueue, message: Message, flight: Flight | None) -> LiveQueue | None:
    """The dead-letter queue that the message must go to now, instead of being received once more.

    None as long as the receives in this queue are fewer than allowed, and also if the dead-letter queue is
    gone or does not allow it (any more): then the message stays.
    """
    policy = live.meaning.redrive
    if policy is None or flight is None or flight.count - message.count < policy.max_receives:
        return None
    address = find_queue_arn(policy.arn)
    grave = find_queue(tx, *address) if address else None
    return grave if grave is not None and grave.meaning.allow.allows(live.arn) else None


def as_dead(message: Message, flight: Flight, source_arn: str) -> Message:
    """The message as its dead-letter queue gets it: it keeps its id, body, history and sending time."""
    return msgspec.structs.replace(message, count=flight.count, first_ms=flight.first_ms, source=source_arn)
