"""Housekeeping: expired messages and deduplication ids, and the rows of purged or deleted queues.

None of it decides what a receiver sees (a receive passes over what has expired by then): it keeps counts
truthful and the disk clean. Its timers never make a virtual clock jump. Work is cut into slices, so that
a million rows do not hold up anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel import Record, on_timer
from ballroom.services.sqs import fifo, standard
from ballroom.services.sqs.live import LiveQueue, find_queue
from ballroom.services.sqs.received import is_expired
from ballroom.services.sqs.resources import Attempt, Message, Queue, Sent

if TYPE_CHECKING:
    from ballroom.kernel import Key, Tx

SLICE = 200
_SWEEPS_PER_RETENTION = 20
_LEAST_PAUSE_MS = 1000


class Anything(Record, frozen=True):
    """Any record, for rows that are only deleted."""


def _subject(record: Queue) -> tuple[str, str, str, str]:
    return record.account, record.region, record.name, record.id


def _find(tx: Tx, account: str, region: str, name: str, queue_id: str) -> LiveQueue | None:
    live = find_queue(tx, account, region, name)
    return live if live is not None and live.record.id == queue_id else None


# -- retention -------------------------------------------------------------------------------------------


def expect_retention(tx: Tx, live: LiveQueue, due_ms: int) -> None:
    """Sweep the queue for expired messages once it is `due_ms`."""
    tx.wake_at(due_ms, "sqs.retention", *_subject(live.record), housekeeping=True)

    def remember() -> None:
        live.retention_due_ms = due_ms

    tx.after_commit(remember)


@on_timer("sqs.retention")
def sweep(tx: Tx, account: str, region: str, name: str, queue_id: str, *after: str | int) -> None:
    """Delete expired messages. Repeating is harmless: only what has expired goes.

    Standard queues are swept from the oldest end up to the first message that stays. In a FIFO queue
    messages lie by group: all of them are looked at, at most twenty times per retention period.
    """
    live = _find(tx, account, region, name, queue_id)
    if live is None:
        return
    if live.meaning.fifo:
        _sweep_groups(tx, live, after)
        return
    due_ms = min(filter(None, (_sweep_oldest(tx, live, delayed) for delayed in (False, True))), default=None)
    _plan(tx, live, due_ms)


def _plan(tx: Tx, live: LiveQueue, due_ms: int | None) -> None:
    if due_ms is not None:
        expect_retention(tx, live, due_ms)
    else:

        def forget() -> None:
            live.retention_due_ms = None

        tx.after_commit(forget)


def _sweep_oldest(tx: Tx, live: LiveQueue, delayed: bool) -> int | None:
    keys = live.keys
    messages = tx.scan(Message, keys.message(0, delayed), keys.message(1 << 62, delayed), limit=SLICE)
    for message in messages:
        if not is_expired(live, message, tx.now_ms):
            return message.sent_ms + live.meaning.retention_ms
        standard.expunge(tx, live, message, delayed)
    return tx.now_ms if len(messages) == SLICE else None


def _sweep_groups(tx: Tx, live: LiveQueue, after: tuple[str | int, ...]) -> None:
    """One slice; the subject of the next carries on where this one ends, and the oldest seen so far."""
    oldest_ms = int(after[0]) if after else 0
    rows = tx.scan_prefix_items(
        Message, live.keys.all_grouped(), limit=SLICE,
        after=live.keys.grouped(str(after[1]), int(after[2])) if after else None,
    )
    for _, message in rows:
        if is_expired(live, message, tx.now_ms):
            fifo.expunge(tx, live, message)
        elif not oldest_ms or message.sent_ms < oldest_ms:
            oldest_ms = message.sent_ms
    if len(rows) == SLICE:
        last = rows[-1][1]
        assert last.group is not None
        tx.wake_at(
            tx.now_ms, "sqs.retention", *_subject(live.record), oldest_ms, last.group, last.sequence,
            housekeeping=True,
        )
        return
    if not oldest_ms:
        _plan(tx, live, None)
        return
    pause_ms = max(_LEAST_PAUSE_MS, live.meaning.retention_ms // _SWEEPS_PER_RETENTION) if after else 0
    _plan(tx, live, max(oldest_ms + live.meaning.retention_ms, tx.now_ms + pause_ms))


@on_timer("sqs.expire")
def expire(
    tx: Tx, account: str, region: str, name: str, queue_id: str, generation: int, sequence: int
) -> None:
    """Delete one message that came from another queue, older than its neighbours; harmless if it has gone."""
    live = _find(tx, account, region, name, queue_id)
    if live is None or live.record.generation != generation:
        return
    message = tx.get(Message, live.keys.message(sequence, False))
    if message is None:
        return
    if is_expired(live, message, tx.now_ms):
        standard.expunge(tx, live, message, False)
    else:  # the retention period has been made longer
        tx.wake_at(
            message.sent_ms + live.meaning.retention_ms, "sqs.expire", *_subject(live.record), generation,
            sequence, housekeeping=True,
        )


# -- deduplication ids and receive attempts --------------------------------------------------------------


def expect_dedup(tx: Tx, live: LiveQueue) -> None:
    """Forget deduplication ids of this queue once their window is over; all queues on one grid of times."""
    window = fifo.DEDUP_WINDOW_MS
    due_ms = (tx.now_ms // window + 2) * window
    if live.dedup_due_ms < due_ms:
        tx.wake_at(due_ms, "sqs.dedup", *_subject(live.record), housekeeping=True)

        def remember() -> None:
            live.dedup_due_ms = due_ms

        tx.after_commit(remember)


@on_timer("sqs.dedup")
def forget_dedup(tx: Tx, account: str, region: str, name: str, queue_id: str, *after: str) -> None:
    """Delete what is older than five minutes, in slices. Repeating is harmless."""
    live = _find(tx, account, region, name, queue_id)
    if live is None:
        return
    rows = tx.scan_prefix_items(
        Sent, live.keys.dedups(), after=live.keys.dedup(*after) if after else None, limit=SLICE
    )
    for key, sent in rows:
        if tx.now_ms - sent.sent_ms >= fifo.DEDUP_WINDOW_MS:
            tx.delete(key)
    for key, attempt in tx.scan_prefix_items(Attempt, live.keys.attempt(), limit=SLICE):
        if tx.now_ms - attempt.at_ms >= fifo.DEDUP_WINDOW_MS:
            tx.delete(key)
    if len(rows) == SLICE:
        _, _, _, scope, dedup = rows[-1][0]
        tx.wake_at(
            tx.now_ms, "sqs.dedup", *_subject(live.record), str(scope), str(dedup), housekeeping=True
        )


# -- what a purge or a deletion leaves behind ------------------------------------------------------------


def collect_later(tx: Tx, due_ms: int, *prefix: str | int) -> None:
    """Delete the rows `sqs-data`, *prefix from `due_ms` on: nothing refers to them then."""
    tx.wake_at(due_ms, "sqs.collect", *prefix, housekeeping=True)


@on_timer("sqs.collect")
def collect(tx: Tx, *prefix: str | int) -> None:
    """Delete one slice, and come again while there are more."""
    key: Key = ("sqs-data", *prefix)
    rows = tx.scan_prefix_items(Anything, key, limit=SLICE)
    for found, _ in rows:
        tx.delete(found)
    if len(rows) == SLICE:
        tx.wake_at(tx.now_ms, "sqs.collect", *prefix, housekeeping=True)


__all__ = ["collect_later", "expect_dedup", "expect_retention"]
