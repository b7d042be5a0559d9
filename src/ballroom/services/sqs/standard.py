"""Standard queues: rows by when they are due, received from the head, quiet message groups first.

The order in which a receive looks: messages that were passed over while their group was noisy and no
longer is; those whose visibility timeout or delay is over; those that nobody has received yet; at last
those of noisy groups, beginning with the group that has the fewest in flight.

Source: SQS Developer Guide, "Amazon SQS visibility timeout", "delay queues", "How Amazon SQS fair queues
work" (its share of processing time is not measured here).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ballroom.services.sqs.bodies import put_apart, whole
from ballroom.services.sqs.live import LiveQueue
from ballroom.services.sqs.received import MAX_STEPS, Received, as_dead, find_grave, is_expired
from ballroom.services.sqs.resources import Flight, Head, Message, Moved, Parked

if TYPE_CHECKING:
    from ballroom.kernel import Tx
    from ballroom.services.sqs.receipts import Receipt

_LOOK_AHEAD = 50
_READ_AHEAD = 16
replace = msgspec.structs.replace


def add(tx: Tx, live: LiveQueue, message: Message, delay_ms: int = 0) -> Message:
    """Put a message at the end of the queue; the message with its sequence."""
    head = live.head(tx)
    message = replace(message, sequence=head.last + 1)
    put(tx, live, head, message, delay_ms)
    return message


def put(tx: Tx, live: LiveQueue, head: Head, message: Message, delay_ms: int) -> None:
    """Put a message into the queue; its sequence is the one behind the head's last."""
    sequence = message.sequence
    stored = put_apart(tx, live, message)
    tx.put(live.keys.message(sequence, delay_ms > 0), stored)
    tx.put(live.keys.head, Head(sequence, head.cursor, head.total + 1, head.parked))
    if delay_ms:
        flight = Flight(
            sequence, tx.now_ms + delay_ms, message.count, 0, message.first_ms, message.group,
            delayed=True, waiting=True, large=stored.large,
        )
        tx.put(live.keys.flight(flight.visible_ms, sequence), flight)
        tx.after_commit(lambda: live.hide(flight))
    else:
        live.pollers.announce(tx)


def find(tx: Tx, live: LiveQueue, receipt: Receipt) -> Flight | None:
    """Where the message of a receipt stands, however often it was received since; None if it is gone."""
    if receipt.generation != live.record.generation:
        return None
    flight = tx.get(Flight, live.keys.flight(receipt.visible_ms, receipt.sequence))
    if flight is None:
        moved = tx.get(Moved, live.keys.moved(receipt.sequence))
        if moved is not None:
            flight = tx.get(Flight, live.keys.flight(moved.visible_ms, receipt.sequence))
    return flight


def remove(tx: Tx, live: LiveQueue, flight: Flight) -> None:
    """Delete a message that has been received."""
    _delete(tx, live, flight.sequence, flight.delayed, flight.large)
    _clear_flight(tx, live, flight)
    head = live.head(tx)
    tx.put(live.keys.head, Head(head.last, head.cursor, head.total - 1, head.parked))
    tx.after_commit(lambda: live.show(flight.sequence))


def _delete(tx: Tx, live: LiveQueue, sequence: int, delayed: bool, large: bool) -> None:
    tx.delete(live.keys.message(sequence, delayed))
    if large:
        tx.delete(live.keys.body(sequence))


def change_visibility(tx: Tx, live: LiveQueue, flight: Flight, hide_ms: int) -> None:
    """Hide a message from now on for another time; with 0 it may be received at once."""
    after = replace(flight, visible_ms=tx.now_ms + hide_ms, moved=True)
    tx.delete(live.keys.flight(flight.visible_ms, flight.sequence))
    tx.put(live.keys.flight(after.visible_ms, after.sequence), after)
    tx.put(live.keys.moved(after.sequence), Moved(after.visible_ms))
    tx.after_commit(lambda: _hide_or_show(live, after, hide_ms))


def _hide_or_show(live: LiveQueue, flight: Flight, hide_ms: int) -> None:
    if hide_ms:
        live.hide(flight)
    else:
        live.any_due = True
        live.show(flight.sequence)
        live.pollers.wake()


def _clear_flight(tx: Tx, live: LiveQueue, flight: Flight) -> None:
    tx.delete(live.keys.flight(flight.visible_ms, flight.sequence))
    if flight.moved:
        tx.delete(live.keys.moved(flight.sequence))


def expunge(tx: Tx, live: LiveQueue, message: Message, delayed: bool) -> None:
    """Delete a message whose retention period is over, wherever it stands.

    A Flight or Parked row whose place is not at hand stays, and is cleared by the receive that meets it.
    """
    live.ahead = []
    _delete(tx, live, message.sequence, delayed, message.large)
    hidden = live.hidden.get(message.sequence)
    if hidden is not None:
        flight = tx.get(Flight, live.keys.flight(hidden.visible_ms, message.sequence))
        if flight is not None:
            _clear_flight(tx, live, flight)
    head = live.head(tx)
    tx.put(live.keys.head, Head(head.last, head.cursor, head.total - 1, head.parked))
    tx.after_commit(lambda: live.show(message.sequence))


def take(
    tx: Tx, live: LiveQueue, limit: int, hide_ms: int, *, redrive: bool = True
) -> list[Received]:
    """Receive up to `limit` messages, hiding each for `hide_ms`.

    Without `redrive`, none goes to the dead-letter queue instead.
    """
    live.refresh(tx.now_ms)
    taking = _Taking(tx, live, limit, hide_ms, redrive)
    if taking.parked:
        taking.from_parked(noisy=False)
    if live.any_due:
        taking.from_due()
    taking.from_unreceived()
    if taking.parked or taking.set_aside:
        taking.from_noisy()
    return taking.finish()


class _Taking:
    """One receive under way."""

    def __init__(self, tx: Tx, live: LiveQueue, limit: int, hide_ms: int, redrive: bool) -> None:
        self.redrive = redrive and live.meaning.redrive is not None
        self.tx, self.live, self.room, self.hide_ms = tx, live, limit, hide_ms
        self.before = live.head(tx)
        self.cursor, self.total, self.parked = self.before.cursor, self.before.total, self.before.parked
        self.steps = MAX_STEPS
        self.set_aside: list[Flight] = []
        self.out: list[Received] = []
        self.gone: list[int] = []
        self.looked_for_due = self.found_due = False
        self.ahead = live.ahead

    def finish(self) -> list[Received]:
        """Write the counters, tell memory, answer."""
        after = Head(self.before.last, self.cursor, self.total, self.parked)
        if after != self.before:
            self.tx.put(self.live.keys.head, after)
        if self.out or self.gone or self.looked_for_due:
            self.tx.after_commit(self._tell)
        return self.out

    def _tell(self) -> None:
        self.live.ahead = self._kept_ahead()
        if self.looked_for_due:
            self.live.any_due = self.found_due
        for sequence in self.gone:
            self.live.show(sequence)
        if self.hide_ms:
            for received in self.out:
                self.live.hide(received.flight)
        elif self.out:
            self.live.any_due = True

    def _kept_ahead(self) -> list[Message]:
        """What was read in advance and stands behind the cursor; it is in order."""
        ahead = self.ahead
        taken = 0
        while taken < len(ahead) and ahead[taken].sequence <= self.cursor:
            taken += 1
        return ahead[taken:] if taken else ahead

    def from_due(self) -> None:
        """What was received before, or sent with a delay, and is due now."""
        self.looked_for_due = True
        taken: set[int] = set()  # hidden for no time at all, they would be due again
        tx, live = self.tx, self.live
        low, high = live.keys.due(tx.now_ms)
        while self.room and self.steps > 0:
            window = self.room + (_LOOK_AHEAD if live.busy_groups else 0)
            flights = tx.scan(Flight, low, high, limit=window)
            self.found_due = self.found_due or bool(flights)
            for flight in flights:
                if live.busy_groups and live.is_noisy(flight.group):
                    self.set_aside.append(flight)
                elif self.room and flight.sequence not in taken:
                    taken.add(flight.sequence)
                    self.offer_flight(flight)
            if len(flights) < window:
                return
            low = live.keys.flight(flights[-1].visible_ms, flights[-1].sequence + 1)

    def from_unreceived(self) -> None:
        """What nobody has received yet."""
        live = self.live
        while self.room and self.steps > 0 and self.cursor < self.before.last:
            messages = self._read_unreceived()
            if not messages:
                if self.out:  # a row is written anyway: the next look need not read
                    self.cursor = self.before.last
                return
            for message in messages:
                if not self.room or self.steps <= 0:
                    return
                self.cursor = message.sequence
                if live.busy_groups and live.is_noisy(message.group):
                    self._park(message)
                else:
                    self._offer(message, None)

    def _read_unreceived(self) -> list[Message]:
        """Some messages behind the cursor, in order: those read in advance, else new ones from the store."""
        live = self.live
        self.ahead = self._kept_ahead()
        if not self.ahead:
            window = max(_READ_AHEAD, self.room + (_LOOK_AHEAD if live.busy_groups else 0))
            self.ahead = self.tx.scan(Message, *live.keys.unreceived(self.cursor), limit=window)
        return self.ahead

    def from_parked(self, *, noisy: bool) -> None:
        """What was passed over, of the groups that are (not) noisy now."""
        for group in self._parked_groups():
            if self.live.is_noisy(group) is noisy:
                self._unpark(group)

    def from_noisy(self) -> None:
        """What is left for consumers that would go away empty-handed."""
        for flight in self.set_aside:
            if self.room:
                self.offer_flight(flight)
        if not self.room:
            return
        for group in sorted(self._parked_groups(), key=lambda g: self.live.groups.get(g, 0)):
            self._unpark(group)

    def _parked_groups(self) -> list[str]:
        """The groups with parked messages: one step through the index for each."""
        groups: list[str] = []
        keys = self.live.keys
        low = keys.parked()
        high = keys.parked("\U0010ffff")
        while len(groups) < MAX_STEPS:
            found = self.tx.scan(Parked, low, high, limit=1)
            if not found:
                break
            groups.append(found[0].group)
            low = keys.parked(found[0].group, 1 << 62)
        return groups

    def _park(self, message: Message) -> None:
        assert message.group is not None
        self.steps -= 1
        self.parked += 1
        self.tx.put(
            self.live.keys.parked(message.group, message.sequence), Parked(message.sequence, message.group)
        )

    def _unpark(self, group: str) -> None:
        tx, keys = self.tx, self.live.keys
        while self.room and self.steps > 0:
            rows = tx.scan_prefix(Parked, keys.parked(group), limit=self.room)
            if not rows:
                return
            for row in rows:
                tx.delete(keys.parked(group, row.sequence))
                self.parked -= 1
                message = tx.get(Message, keys.message(row.sequence, False))
                if message is not None:
                    self._offer(message, None)

    def offer_flight(self, flight: Flight) -> None:
        """Receive a message again, or for the first time after its delay."""
        message = self.tx.get(Message, self.live.keys.message(flight.sequence, flight.delayed))
        if message is None:  # it has expired meanwhile
            _clear_flight(self.tx, self.live, flight)
            self.steps -= 1
            return
        self._offer(message, flight)

    def _offer(self, message: Message, flight: Flight | None) -> None:
        tx, live, now = self.tx, self.live, self.tx.now_ms
        grave = find_grave(tx, live, message, flight) if self.redrive else None
        if grave is not None or is_expired(live, message, now):
            dead = as_dead(whole(tx, live, message), flight, live.arn) if grave and flight else None
            _delete(tx, live, message.sequence, flight is not None and flight.delayed, message.large)
            if flight is not None:
                _clear_flight(tx, live, flight)
            self.total -= 1
            self.steps -= 1
            self.gone.append(message.sequence)
            if grave is not None and dead is not None and not is_expired(live, message, now):
                bury(tx, grave, dead)
            return
        if flight is None:
            after = Flight(
                message.sequence, now + self.hide_ms, message.count + 1, now, message.first_ms or now,
                message.group, large=message.large,
            )
        else:
            again = not flight.waiting
            after = Flight(
                message.sequence, now + self.hide_ms, flight.count + 1, now, flight.first_ms or now,
                message.group, flight.delayed, again, large=message.large,
            )
            tx.delete(live.keys.flight(flight.visible_ms, flight.sequence))
            if again:
                tx.put(live.keys.moved(flight.sequence), Moved(after.visible_ms))
        tx.put(live.keys.flight(after.visible_ms, after.sequence), after)
        self.room -= 1
        self.out.append(Received(whole(tx, live, message), after))


def bury(tx: Tx, grave: LiveQueue, message: Message) -> None:
    """Put a message into a dead-letter queue, where its age goes on from when it was first sent.

    Source: SQS Developer Guide, "Understanding message retention periods for dead-letter queues".
    """
    expires_ms = message.sent_ms + grave.meaning.retention_ms
    if expires_ms <= tx.now_ms:
        return
    message = add(tx, grave, message)
    # it may lie behind younger messages, where the sweep from the oldest end would come too late
    record = grave.record
    tx.wake_at(
        expires_ms, "sqs.expire", record.account, record.region, record.name, record.id,
        record.generation, message.sequence, housekeeping=True,
    )
