"""FIFO queues: message groups in order, and deduplication.

A message can be received once every earlier one of its group is deleted or goes with it: a receive takes
messages from the front of a group up to the first that is in flight. One row per group says when its
first message is available, so that a receive finds groups without looking at locked ones.

Source: SQS Developer Guide, "FIFO queue delivery logic", "Exactly-once processing"; recorded answers (the
part of a group before a message in flight can be received).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ballroom.services.sqs.bodies import put_apart, whole
from ballroom.services.sqs.live import LiveQueue
from ballroom.services.sqs.received import MAX_IN_FLIGHT, MAX_STEPS, Received, as_dead, find_grave, is_expired
from ballroom.services.sqs.resources import Flight, Head, Message, Ready, Sent

if TYPE_CHECKING:
    from ballroom.kernel import Tx

DEDUP_WINDOW_MS = 300_000
_FIRST_SEQUENCE_NUMBER = 18_849_496_460_467_696_128
_SEQUENCE_STEP = 256
replace = msgspec.structs.replace


def sequence_number(sequence: int) -> str:
    """What clients see: 20 digits, increasing, not consecutive."""
    return str(_FIRST_SEQUENCE_NUMBER + _SEQUENCE_STEP * sequence)


# -- deduplication ---------------------------------------------------------------------------------------


def find_duplicate(tx: Tx, live: LiveQueue, group: str, dedup: str) -> Sent | None:
    """The message accepted for this deduplication id within the last five minutes."""
    sent = tx.get(Sent, live.keys.dedup(_scope(live, group), dedup))
    return sent if sent is not None and tx.now_ms - sent.sent_ms < DEDUP_WINDOW_MS else None


def remember(tx: Tx, live: LiveQueue, message: Message) -> None:
    """Keep a message's deduplication id for five minutes, whatever becomes of the message."""
    assert message.group is not None
    assert message.dedup is not None
    tx.put(
        live.keys.dedup(_scope(live, message.group), message.dedup),
        Sent(tx.now_ms, message.id, message.sequence),
    )


def _scope(live: LiveQueue, group: str) -> str:
    return group if live.meaning.scope_is_group else ""


# -- groups ----------------------------------------------------------------------------------------------


def add(tx: Tx, live: LiveQueue, message: Message, delay_ms: int = 0) -> Message:
    """Put a message at the end of its group; the message with its sequence."""
    group = message.group
    assert group is not None
    keys = live.keys
    head = live.head(tx)
    sequence = head.last + 1
    message = replace(message, sequence=sequence)
    alone = not tx.scan_prefix(Message, keys.grouped(group), limit=1)
    stored = put_apart(tx, live, message)
    tx.put(keys.grouped(group, sequence), stored)
    tx.put(keys.head, Head(sequence, head.cursor, head.total + 1, head.parked))
    available_ms = message.sent_ms
    if delay_ms:
        available_ms = tx.now_ms + delay_ms
        flight = Flight(
            sequence, available_ms, message.count, 0, message.first_ms, group, waiting=True, large=stored.large
        )
        tx.put(keys.group_flight(group, sequence), flight)
        tx.after_commit(lambda: live.hide(flight))
    else:
        live.pollers.announce(tx)
    if alone:
        tx.put(keys.ready(available_ms, sequence), Ready(group, available_ms, sequence))
    return message


def find(tx: Tx, live: LiveQueue, group: str, sequence: int) -> Flight | None:
    """Where a received message stands; None if it is gone."""
    return tx.get(Flight, live.keys.group_flight(group, sequence))


def exists(tx: Tx, live: LiveQueue, group: str, sequence: int) -> bool:
    """Whether the message is still in the queue."""
    return tx.get(Message, live.keys.grouped(group, sequence)) is not None


def remove(tx: Tx, live: LiveQueue, flight: Flight) -> None:
    """Delete a received message; the next of its group may become available."""
    assert flight.group is not None
    _remove(tx, live, flight.group, flight.sequence, flight.visible_ms, flight.large)


def expunge(tx: Tx, live: LiveQueue, message: Message) -> None:
    """Delete a message whose retention period is over."""
    assert message.group is not None
    _remove(tx, live, message.group, message.sequence, _available(tx, live, message), message.large)


def _remove(
    tx: Tx, live: LiveQueue, group: str, sequence: int, available_ms: int, large: bool
) -> None:
    _delete(tx, live, group, sequence, large)
    head = live.head(tx)
    tx.put(live.keys.head, replace(head, total=head.total - 1))
    if tx.get(Ready, live.keys.ready(available_ms, sequence)) is not None:  # it was the first
        _move_front(tx, live, group, (available_ms, sequence), _front_behind(tx, live, group, sequence))
    tx.after_commit(lambda: _gone(live, sequence))


def _gone(live: LiveQueue, sequence: int) -> None:
    live.show(sequence)
    live.pollers.wake()


def change_visibility(tx: Tx, live: LiveQueue, flight: Flight, hide_ms: int) -> Flight:
    """Hide a message from now on for another time; with 0 it may be received at once."""
    group, sequence = flight.group, flight.sequence
    assert group is not None
    after = replace(flight, visible_ms=tx.now_ms + hide_ms)
    tx.put(live.keys.group_flight(group, sequence), after)
    if tx.get(Ready, live.keys.ready(flight.visible_ms, sequence)) is not None:
        _move_front(tx, live, group, (flight.visible_ms, sequence), (after.visible_ms, sequence))
    tx.after_commit(lambda: live.hide(after) if hide_ms else _gone(live, sequence))
    return after


def _delete(tx: Tx, live: LiveQueue, group: str, sequence: int, large: bool) -> None:
    tx.delete(live.keys.grouped(group, sequence))
    tx.delete(live.keys.group_flight(group, sequence))
    if large:
        tx.delete(live.keys.body(sequence))


# -- the front of a group: when its first message is available, and that message's sequence --------------


def _available(tx: Tx, live: LiveQueue, message: Message) -> int:
    assert message.group is not None
    flight = find(tx, live, message.group, message.sequence)
    return flight.visible_ms if flight else message.sent_ms


def _front_behind(tx: Tx, live: LiveQueue, group: str, sequence: int) -> tuple[int, int] | None:
    """The front once everything up to `sequence` has gone; None if nothing is left."""
    after = live.keys.grouped(group, sequence)
    found = tx.scan_prefix(Message, live.keys.grouped(group), after=after, limit=1)
    return (_available(tx, live, found[0]), found[0].sequence) if found else None


def _move_front(
    tx: Tx, live: LiveQueue, group: str, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    if after != before:
        tx.delete(live.keys.ready(*before))
        if after is not None:
            tx.put(live.keys.ready(*after), Ready(group, *after))


def take(
    tx: Tx, live: LiveQueue, limit: int, hide_ms: int, *, redrive: bool = True
) -> list[Received]:
    """Receive up to `limit` messages: as many as possible of one group, then of the next.

    Without `redrive`, none goes to the dead-letter queue instead.
    """
    live.refresh(tx.now_ms)
    if live.in_flight >= MAX_IN_FLIGHT:
        return []
    return _Taking(tx, live, limit, hide_ms, redrive).take()


class _Taking:
    """One receive under way."""

    def __init__(self, tx: Tx, live: LiveQueue, limit: int, hide_ms: int, redrive: bool) -> None:
        self.redrive = redrive and live.meaning.redrive is not None
        self.tx, self.live, self.room, self.hide_ms = tx, live, limit, hide_ms
        self.steps = MAX_STEPS
        self.out: list[Received] = []
        self.gone: list[int] = []

    def take(self) -> list[Received]:
        tx, live = self.tx, self.live
        low, high = live.keys.ready_range(tx.now_ms)
        seen: set[str] = set()
        while self.room and self.steps > 0:
            found = tx.scan(Ready, low, high, limit=self.room + len(seen))
            fresh = [ready for ready in found if ready.group not in seen]
            for ready in fresh:
                if self.room and self.steps > 0:
                    seen.add(ready.group)
                    before = (ready.available_ms, ready.sequence)
                    _move_front(tx, live, ready.group, before, self._take_from(ready))
            if not fresh:
                break
        if self.gone:
            head = live.head(tx)
            tx.put(live.keys.head, replace(head, total=head.total - len(self.gone)))
        if self.out or self.gone:
            tx.after_commit(self._tell)
        return self.out

    def _tell(self) -> None:
        for sequence in self.gone:
            self.live.show(sequence)
        if self.hide_ms:
            for received in self.out:
                self.live.hide(received.flight)

    def _take_from(self, ready: Ready) -> tuple[int, int] | None:
        """Take from the front of a group; its front afterwards."""
        tx, live, group = self.tx, self.live, ready.group
        front: tuple[int, int] | None = None
        last = ready.sequence - 1
        while self.room and self.steps > 0:
            window = self.room
            after = live.keys.grouped(group, last)
            messages = tx.scan_prefix(Message, live.keys.grouped(group), after=after, limit=window)
            for message in messages:
                flight = find(tx, live, group, message.sequence)
                if flight is not None and flight.visible_ms > tx.now_ms:
                    return front or (flight.visible_ms, message.sequence)
                last = message.sequence
                taken = self._offer(group, message, flight)
                if taken is not None and front is None:
                    front = (taken.visible_ms, message.sequence)
            if len(messages) < window:
                break
        return front or _front_behind(tx, live, group, last)

    def _offer(self, group: str, message: Message, flight: Flight | None) -> Flight | None:
        """Receive a message; None if it has expired or is dead, and is gone from here."""
        tx, live, now = self.tx, self.live, self.tx.now_ms
        grave = find_grave(tx, live, message, flight) if self.redrive else None
        if grave is not None or is_expired(live, message, now):
            dead = as_dead(whole(tx, live, message), flight, live.arn) if grave and flight else None
            _delete(tx, live, group, message.sequence, message.large)
            self.steps -= 1
            self.gone.append(message.sequence)
            if grave is not None and dead is not None and not is_expired(live, message, now):
                bury(tx, grave, dead)
            return None
        count = flight.count if flight else message.count
        first_ms = (flight.first_ms if flight else message.first_ms) or now
        taken = Flight(
            message.sequence, now + self.hide_ms, count + 1, now, first_ms, group, large=message.large
        )
        tx.put(live.keys.group_flight(group, message.sequence), taken)
        self.room -= 1
        self.out.append(Received(whole(tx, live, message), taken))
        return taken


def bury(tx: Tx, grave: LiveQueue, message: Message) -> None:
    """Put a message into a dead-letter queue; in FIFO queues its age begins anew there.

    Source: SQS Developer Guide, "Understanding message retention periods for dead-letter queues".
    """
    add(tx, grave, replace(message, sent_ms=tx.now_ms))
