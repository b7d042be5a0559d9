"""Deliveries: everything that happens after a commit, at least once, through one choke point.

A delivery is two rows: a small head (kind, attempt, policy, lineage), due at a moment, and its payload,
written once. `~delivery/due` is sorted by that moment. A delivery in a lane waits in `~delivery/lane`
until those before it are done; only a lane's first has a row among the due.

While it is attempted its rows stay as they are, so a killed server attempts it again. Completing removes
them, together with whatever the receiver writes if it calls `Delivery.complete` in its own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ballroom.kernel.keys import Key
from ballroom.kernel.records import Record
from ballroom.kernel.registry import registry

if TYPE_CHECKING:
    from ballroom.kernel.tx import Tx


class RetryPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How often and how long a delivery is attempted.

    `maximum_attempts` counts the first one; None: no limit. `back_off_ms` lists the waits before the
    second, third, ... attempt, the last repeating. `jitter` (0 to 1) is the share of a wait that chance
    may take away.
    """

    maximum_attempts: int | None = 3
    maximum_age_ms: int | None = None
    back_off_ms: tuple[int, ...] = (1_000,)
    jitter: float = 0.0


def exponential(base_ms: int, factor: float, cap_ms: int, steps: int = 32) -> tuple[int, ...]:
    """Waits that grow by `factor` up to `cap_ms`, for `RetryPolicy.back_off_ms`."""
    waits: list[int] = []
    wait = float(base_ms)
    while len(waits) < steps:
        waits.append(int(min(wait, cap_ms)))
        if wait >= cap_ms:
            break
        wait *= factor
    return tuple(waits)


class Head(Record, frozen=True):
    """A delivery's state."""

    id: str
    kind: str
    subject: str
    account: str
    region: str
    created_ms: int
    attempt: int
    """Attempts that have failed."""
    policy: RetryPolicy
    lane: str | None
    lane_sequence: int
    arn: str
    trace: str | None
    cause: str
    """Lineage: the request or span that caused this."""
    last_error: str = ""


class Payload(Record, frozen=True):
    """What is delivered."""

    data: bytes


class LaneEntry(Record, frozen=True):
    """A place in a lane."""

    head: Head


def due_key(due_ms: int, delivery_id: str) -> Key:
    """Sorted by the moment that the next attempt is due."""
    return ("~delivery", "due", due_ms, delivery_id)


def payload_key(delivery_id: str) -> Key:
    """What is delivered, apart from its head: it is written once, the head at each attempt."""
    return ("~delivery", "payload", delivery_id)


def _lane_key(head: Head) -> Key:
    assert head.lane is not None
    return ("~delivery", "lane", head.kind, head.lane, head.lane_sequence)


def add(
    tx: Tx,
    kind: str,
    payload: bytes,
    policy: RetryPolicy,
    lane: str | None,
    due_ms: int | None,
    subject: str,
) -> str:
    """See `Tx.deliver`."""
    if kind not in registry.deliveries:
        raise ValueError(f"no handler is registered for deliveries of kind {kind}")
    kernel, caller = tx.kernel, tx.caller
    due = tx.now_ms if due_ms is None else due_ms
    dispatcher = kernel.dispatcher
    head = Head(
        tx.ids.uuid(),
        kind,
        subject,
        caller.account,
        caller.region,
        tx.now_ms,
        0,
        policy,
        lane,
        dispatcher.next_lane_sequence() if lane is not None else 0,
        caller.arn,
        caller.trace,
        caller.span or caller.request_id,
    )
    tx.put(payload_key(head.id), Payload(payload))
    if lane is not None:
        first = not tx.scan_prefix(LaneEntry, ("~delivery", "lane", kind, lane), limit=1)
        tx.put(_lane_key(head), LaneEntry(head))
        if not first:
            return head.id
    tx.put(due_key(due, head.id), head)
    tx.after_commit(lambda: dispatcher.expect(due, head))
    return head.id


class Delivery:
    """One attempt at a delivery, as its handler sees it."""

    __slots__ = ("_done", "_due_ms", "head", "payload")

    def __init__(self, head: Head, due_ms: int, payload: bytes) -> None:
        self.head, self._due_ms, self.payload = head, due_ms, payload
        self._done = False

    @property
    def id(self) -> str:
        """Stable over all attempts."""
        return self.head.id

    @property
    def subject(self) -> str:
        """What `Tx.deliver` was told."""
        return self.head.subject

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self.head.attempt + 1

    @property
    def created_ms(self) -> int:
        """When it was committed."""
        return self.head.created_ms

    def complete(self, tx: Tx) -> None:
        """Remove it, in this transaction: done exactly when what else the transaction writes is."""
        self._done = True
        remove(tx, self.head, self._due_ms)

    @property
    def is_complete(self) -> bool:
        """Whether `complete` was called."""
        return self._done


class GiveUp(Exception):
    """Raised by a handler: no further attempt makes sense. The reason goes to `on_exhausted`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class RetryAt(Exception):
    """Raised by a handler: not now, without counting an attempt (throttled, disabled)."""

    def __init__(self, due_ms: int) -> None:
        self.due_ms = due_ms
        super().__init__(due_ms)


def remove(tx: Tx, head: Head, due_ms: int) -> None:
    """Remove a delivery that is done or given up; the next one of its lane becomes due."""
    tx.delete(due_key(due_ms, head.id))
    tx.delete(payload_key(head.id))
    if head.lane is None:
        return
    tx.delete(_lane_key(head))
    following = tx.scan_prefix(LaneEntry, ("~delivery", "lane", head.kind, head.lane), limit=1)
    if following:
        successor = following[0].head
        tx.put(due_key(tx.now_ms, successor.id), successor)
        tx.after_commit(lambda: tx.kernel.dispatcher.expect(tx.now_ms, successor))
