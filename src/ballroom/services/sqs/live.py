"""Derived memory: what is decoded or counted once and can be rebuilt from the store.

For each queue in use: its attributes' meaning, which messages are hidden until when (so that counts and
in-flight limits cost nothing), and when housekeeping comes next. It is loaded when a queue is first used:
a scan of the rows of messages that are in flight or delayed, never of those that merely wait, so that a
million stored messages do not slow the start.

Changes go through `Tx.after_commit`, so that a transaction which fails leaves no trace here.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import msgspec

from ballroom.kernel.metrics import Metric
from ballroom.services.sqs.errors import QueueDoesNotExist
from ballroom.services.sqs.names import parse_url, queue_arn
from ballroom.services.sqs.polling import Pollers
from ballroom.services.sqs.queue_attributes import Meaning, meaning_of
from ballroom.services.sqs.resources import Flight, Head, Keys, Message, Queue, queue_key

if TYPE_CHECKING:
    from ballroom.kernel import Kernel, Tx

NOISY_FROM = 30
NOISY_SHARE = 0.10
"""A message group with this many messages in flight, and more than this share of all, is a noisy neighbour.

Source: SQS Developer Guide, "How Amazon SQS fair queues work".
"""
METRICS = (
    "NumberOfMessagesSent", "SentMessageSize", "NumberOfMessagesReceived", "NumberOfEmptyReceives",
    "NumberOfMessagesDeleted",
)  # fmt: skip
"""Source: SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"."""
_EMPTY_HEAD = Head()
_URLS_REMEMBERED = 4096


class Hidden(msgspec.Struct, gc=False):
    """A message that may not be received yet."""

    visible_ms: int
    waiting: bool
    """Sent with a delay, rather than in flight."""
    group: str | None


class LiveQueue:
    """One queue, as long as the kernel's derived memory lives."""

    __slots__ = (
        "_by_time", "ahead", "any_due", "arn", "busy_groups", "dedup_due_ms", "delayed", "groups",
        "hidden", "in_flight", "keys", "meaning", "metrics", "pollers", "record", "retention_due_ms",
    )

    def __init__(self, record: Queue, pollers: Pollers) -> None:
        self.record = record
        self.keys = Keys(record.id, record.generation)
        self.arn = queue_arn(record.account, record.region, record.name)
        self.meaning: Meaning = meaning_of(record.attributes)
        self.metrics: dict[str, Metric] = {
            name: (record.account, record.region, "AWS/SQS", name, (("QueueName", record.name),))
            for name in METRICS
        }
        self.pollers = pollers
        self.hidden: dict[int, Hidden] = {}
        self._by_time: list[tuple[int, int]] = []
        self.in_flight = 0
        self.delayed = 0
        self.any_due = True
        """Standard: whether a flight may be due. False only after a look found none, and until one may be."""
        self.groups: dict[str, int] = {}
        """Messages in flight by message group."""
        self.busy_groups: set[str] = set()
        """Those of `groups` that have at least `NOISY_FROM`."""
        self.retention_due_ms: int | None = None
        """When the next sweep for expired messages is due, as far as known."""

        self.ahead: list[Message] = []
        """Standard: unreceived messages read in advance, in order; none before the last of them is missing."""
        self.dedup_due_ms = 0
        """When the next sweep for old deduplication ids is due, as far as known."""

    def load(self, tx: Tx) -> None:
        """Learn what is hidden now."""
        if self.meaning.fifo:
            flights = tx.scan_prefix(Flight, self.keys.group_flight())
        else:
            flights = tx.scan(Flight, *self.keys.hidden(tx.now_ms))
        for flight in flights:
            if flight.visible_ms > tx.now_ms:
                self.hide(flight)

    def hide(self, flight: Flight) -> None:
        """A message is in flight or delayed now, until its `visible_ms`."""
        sequence = flight.sequence
        before = self.hidden.get(sequence)
        if before is not None:
            self._forget(before)
        entry = self.hidden[sequence] = Hidden(flight.visible_ms, flight.waiting, flight.group)
        heappush(self._by_time, (flight.visible_ms, sequence))
        if flight.waiting:
            self.delayed += 1
        else:
            self.in_flight += 1
            if entry.group is not None:
                count = self.groups[entry.group] = self.groups.get(entry.group, 0) + 1
                if count >= NOISY_FROM:
                    self.busy_groups.add(entry.group)
        self.pollers.expect(flight.visible_ms)

    def show(self, sequence: int) -> None:
        """It is not hidden any more, or gone."""
        entry = self.hidden.pop(sequence, None)
        if entry is not None:
            self._forget(entry)

    def _forget(self, entry: Hidden) -> None:
        if entry.waiting:
            self.delayed -= 1
            return
        self.in_flight -= 1
        group = entry.group
        if group is not None:
            count = self.groups[group] - 1
            if count:
                self.groups[group] = count
            else:
                del self.groups[group]
            if count < NOISY_FROM:
                self.busy_groups.discard(group)

    def refresh(self, now_ms: int) -> None:
        """Let go of what has become visible meanwhile."""
        by_time = self._by_time
        while by_time and by_time[0][0] <= now_ms:
            visible_ms, sequence = heappop(by_time)
            self.any_due = True
            entry = self.hidden.get(sequence)
            if entry is not None and entry.visible_ms == visible_ms:
                del self.hidden[sequence]
                self._forget(entry)

    def next_visible_ms(self, now_ms: int) -> int | None:
        """When the next hidden message may be received."""
        self.refresh(now_ms)
        by_time = self._by_time
        while by_time:
            visible_ms, sequence = by_time[0]
            entry = self.hidden.get(sequence)
            if entry is not None and entry.visible_ms == visible_ms:
                return visible_ms
            heappop(by_time)
        return None

    def is_noisy(self, group: str | None) -> bool:
        """Whether a message group takes more than its share of the consumers."""
        return group in self.busy_groups and self.groups[group] > NOISY_SHARE * self.in_flight

    def head(self, tx: Tx) -> Head:
        """The queue's counters."""
        return tx.get(Head, self.keys.head) or _EMPTY_HEAD

    def counts(self, tx: Tx) -> tuple[int, int, int]:
        """How many messages are visible, in flight and delayed."""
        self.refresh(tx.now_ms)
        total = self.head(tx).total
        return max(0, total - self.in_flight - self.delayed), self.in_flight, self.delayed


class Queues:
    """The queues that have been used, by account, region and name, and the URLs they were used by."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._live: dict[tuple[str, str, str], LiveQueue] = {}
        self._by_url: dict[tuple[str, str], LiveQueue] = {}
        self._changing: Tx | None = None
        """The transaction that has written a queue's row: until it has ended, only rows are the truth."""

    def of(self, tx: Tx, record: Queue) -> LiveQueue:
        """The live queue of a stored one; its rows are the truth, also within this transaction."""
        address = (record.account, record.region, record.name)
        live = self._live.get(address)
        if live is not None:
            if live.record is record:
                return live
            if live.record.id == record.id and live.record.generation == record.generation:
                if live.record != record:
                    live.meaning = meaning_of(record.attributes)
                live.record = record
                return live
        live = LiveQueue(record, Pollers.of(self._kernel, record.id))
        live.load(tx)
        self._live[address] = live
        return live

    def at(self, tx: Tx, url: str) -> LiveQueue | None:
        """The queue of a URL in the request's region; a hot one costs no read."""
        if self._changing is not None and self._changing is not tx:
            self._by_url.clear()  # the change is over, one way or the other
            self._changing = None
        region = tx.caller.region
        live = self._by_url.get((url, region))
        if live is None or self._changing is not None:
            account, name = parse_url(url)
            live = find_queue(tx, account, region, name)
            if live is not None and self._changing is None:
                if len(self._by_url) >= _URLS_REMEMBERED:
                    self._by_url.clear()
                self._by_url[url, region] = live
        return live

    def change(self, tx: Tx) -> None:
        """The running transaction writes a queue's row."""
        self._changing = tx

    def drop(self, record: Queue) -> None:
        """The queue is gone."""
        self._live.pop((record.account, record.region, record.name), None)


def put_queue(tx: Tx, record: Queue) -> None:
    """Store a queue's row: the only way to do so, since memory must learn of it."""
    tx.kernel.state(Queues).change(tx)
    tx.put(queue_key(record.account, record.region, record.name), record)


def erase_queue(tx: Tx, record: Queue) -> None:
    """Delete a queue's row, and what memory knows of it."""
    queues = tx.kernel.state(Queues)
    queues.change(tx)
    tx.delete(queue_key(record.account, record.region, record.name))

    def forget() -> None:
        queues.drop(record)
        Pollers.of(tx.kernel, record.id).forget(record.id)

    tx.after_commit(forget)


def find_queue(tx: Tx, account: str, region: str, name: str) -> LiveQueue | None:
    """The queue of that name, or None."""
    record = tx.get(Queue, queue_key(account, region, name))
    return None if record is None else tx.kernel.state(Queues).of(tx, record)


def load_queue(tx: Tx, url: str) -> LiveQueue:
    """The queue of a URL, in the request's region.

    Raises:
        InvalidAddress: the URL is none.
        QueueDoesNotExist: there is no such queue.
    """
    live = tx.kernel.state(Queues).at(tx, url)
    if live is None:
        raise QueueDoesNotExist
    return live
