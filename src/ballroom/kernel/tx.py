"""Transactions: what a handler reads and writes.

A handler runs synchronously on the loop's thread, so nothing interleaves: no locks, no retries,
serialisable by construction. If it raises, none of its writes remain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ballroom.kernel import delivery, timers
from ballroom.kernel.caller import Caller
from ballroom.kernel.keys import PREFIX_END, Key, pack, unpack
from ballroom.kernel.records import R, Record, decode, encode
from ballroom.kernel.store.blobs import BlobRef

if TYPE_CHECKING:
    from ballroom.kernel.context import Context
    from ballroom.kernel.ids import Ids
    from ballroom.kernel.kernel import Kernel
    from ballroom.kernel.store.shard import Row, Shard

T = TypeVar("T")
Request = dict[str, Any]
Response = dict[str, Any]


class Waiting:
    """What a synchronous operation returns when it has to wait: an async function that goes on."""

    __slots__ = ("go_on",)

    def __init__(self, go_on: Callable[[Context], Awaitable[Response]]) -> None:
        self.go_on = go_on


class WouldWait(TypeError):
    """The operation has to wait, so it cannot join a transaction: call it from a `Context`."""


class BlobCount(Record, frozen=True):
    """How many rows refer to a blob."""

    references: int


class ClockRow(Record, frozen=True):
    """Where a virtual clock stands, so that time does not go back over a restart."""

    now_ms: int


CLOCK_KEY: Key = ("~clock",)


def store_clock(tx: Tx) -> None:
    """Note where a virtual clock stands, though nothing else is written."""
    tx.put(CLOCK_KEY, ClockRow(tx.now_ms))


_PACKED_CLOCK_KEY = pack(CLOCK_KEY)


def blob_key(sha256: str) -> Key:
    """One row for each blob that anything refers to."""
    return ("~blob", sha256)


class Savepoint:
    """See `Tx.savepoint`. A class, since a generator costs three times as much."""

    __slots__ = ("_point", "_tx")

    def __init__(self, tx: Tx) -> None:
        self._tx, self._point = tx, tx.point()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            self._tx.back_to(self._point)


class Tx:
    """One transaction. `now_ms` is fixed: integer milliseconds on the product's clock."""

    __slots__ = ("_after_commit", "_shard", "_when_durable", "caller", "ids", "kernel", "now_ms")

    def __init__(self, kernel: Kernel, caller: Caller) -> None:
        self.kernel = kernel
        self.caller = caller
        self.now_ms: int = kernel.clock.now_ms()
        self.ids: Ids = kernel.ids
        self._shard: Shard = kernel.shard
        self._after_commit: list[Callable[[], None]] | None = None
        self._when_durable: list[Callable[[], None]] | None = None

    @property
    def account(self) -> str:
        """The caller's account: 12 digits."""
        return self.caller.account

    @property
    def region(self) -> str:
        """The region that the request is for."""
        return self.caller.region

    # -- rows ----------------------------------------------------------------------------------------

    def get(self, kind: type[R], key: Key) -> R | None:
        """The record under `key`, or None."""
        shard = self._shard
        packed = pack(key)
        row = shard.get(packed)
        if row is None:
            return None
        record: R | None = row.record
        if record is None or type(record) is not kind:
            record = decode(kind, row.stored or shard.stored(packed))
            shard.remember(packed, row.stored, record)
        return record

    def put(self, key: Key, record: Record) -> None:
        """Store `record` under `key`, replacing what is there."""
        self._shard.write(pack(key), encode(record), record)

    def delete(self, key: Key) -> None:
        """Remove the row under `key`, if any."""
        self._shard.write(pack(key), None, None)

    def scan(
        self, kind: type[R], low: Key, high: Key, *, limit: int | None = None, reverse: bool = False
    ) -> list[R]:
        """The records with `low <= key < high`, in key order; a list, so the caller may move what it reads."""
        rows = self._shard.scan(pack(low), pack(high), limit, reverse)
        return [self._decoded(kind, row) for row in rows]

    def scan_items(
        self, kind: type[R], low: Key, high: Key, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[Key, R]]:
        """Like `scan`, with the keys."""
        rows = self._shard.scan(pack(low), pack(high), limit, reverse)
        return [(unpack(row.key), self._decoded(kind, row)) for row in rows]

    def scan_items_packed(
        self, kind: type[R], low: bytes, high: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[bytes, R]]:
        """Like `scan_items`, for a range of packed keys: what begins with a text is no range of tuples."""
        rows = self._shard.scan(low, high, limit, reverse)
        return [(row.key, row.record if type(row.record) is kind else decode(kind, row.stored)) for row in rows]

    def delete_packed(self, low: bytes, high: bytes, limit: int) -> int:
        """Remove up to `limit` rows of a range of packed keys, of whatever kinds; how many there were."""
        rows = self._shard.scan(low, high, limit)
        for row in rows:
            self._shard.write(row.key, None, None)
        return len(rows)

    def scan_prefix(
        self,
        kind: type[R],
        prefix: Key,
        *,
        after: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[R]:
        """The records whose keys begin with `prefix`; `after` goes on behind (reverse: before) a key."""
        return [self._decoded(kind, row) for row in self._prefix(prefix, after, limit, reverse)]

    def scan_prefix_items(
        self,
        kind: type[R],
        prefix: Key,
        *,
        after: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[tuple[Key, R]]:
        """Like `scan_prefix`, with the keys."""
        rows = self._prefix(prefix, after, limit, reverse)
        return [(unpack(row.key), self._decoded(kind, row)) for row in rows]

    def _prefix(self, prefix: Key, after: Key | None, limit: int | None, reverse: bool) -> list[Row]:
        low = pack(prefix)
        high = low + PREFIX_END
        if after is not None:
            if reverse:
                high = pack(after)
            else:
                low = pack(after) + b"\0"
        return self._shard.scan(low, high, limit, reverse)

    def _decoded(self, kind: type[R], row: Row) -> R:
        record = row.record
        return record if type(record) is kind else decode(kind, row.stored)

    # -- time, deliveries, calls ---------------------------------------------------------------------

    def wake_at(self, due_ms: int, kind: str, *subject: str | int, housekeeping: bool = False) -> None:
        """Run the timer handler of `kind` once it is `due_ms`; the same (due, kind, subject) is one timer.

        Housekeeping (recurring schedules, retention) never makes a virtual clock jump by itself.
        """
        timers.add(self, due_ms, kind, subject, housekeeping)

    def cancel_wake(self, due_ms: int, kind: str, *subject: str | int, housekeeping: bool = False) -> None:
        """Remove that timer, if it has not fired yet."""
        timers.remove(self, due_ms, kind, subject, housekeeping)

    def deliver(
        self,
        kind: str,
        payload: bytes,
        *,
        policy: delivery.RetryPolicy,
        lane: str | None = None,
        due_ms: int | None = None,
        subject: str = "",
    ) -> str:
        """Leave something to be done after this commit, at least once; the delivery's id.

        Deliveries of one lane are carried out one after the other, in the order of their commits.
        """
        return delivery.add(self, kind, payload, policy, lane, due_ms, subject)

    def call(self, service: str, operation: str, input: Request, *, caller: Caller | None = None) -> Response:
        """Call another service within this transaction; its writes are undone if it raises.

        Raises:
            ServiceError: what the operation answers.
            WouldWait: the operation has to wait; call it from a `Context`.
        """
        return self.kernel.join(self, service, operation, input, caller or self.caller)

    def savepoint(self) -> Savepoint:
        """An exception inside undoes the writes made inside, and goes on up."""
        return Savepoint(self)

    def point(self) -> tuple[int, int, int]:
        """Where the transaction stands, for `back_to`: what `savepoint` is made of, for hot paths."""
        return self._shard.mark(), len(self._after_commit or ()), len(self._when_durable or ())

    def back_to(self, point: tuple[int, int, int]) -> None:
        """Undo what was written and promised since `point`."""
        mark, commits, durables = point
        self._shard.undo_to(mark)
        if self._after_commit:
            del self._after_commit[commits:]
        if self._when_durable:
            del self._when_durable[durables:]

    def after_commit(self, fn: Callable[[], None]) -> None:
        """Run `fn` once this transaction has succeeded: for memory only, nothing is durable yet."""
        if self._after_commit is None:
            self._after_commit = [fn]
        else:
            self._after_commit.append(fn)

    def when_durable(self, fn: Callable[[], None]) -> None:
        """Run `fn` once this transaction is on disk: for whatever leaves the process."""
        if self._when_durable is None:
            self._when_durable = [fn]
        else:
            self._when_durable.append(fn)

    # -- blobs ---------------------------------------------------------------------------------------

    def link_blob(self, ref: BlobRef) -> None:
        """Count one more row that refers to a blob; call it in the commit that stores the reference."""
        count = self.get(BlobCount, blob_key(ref.sha256))
        self.put(blob_key(ref.sha256), BlobCount((count.references if count else 0) + 1))
        self.when_durable(lambda: self.kernel.blobs.release(ref))

    def unlink_blob(self, ref: BlobRef) -> None:
        """Count one row less; a blob that nothing refers to is collected later."""
        count = self.get(BlobCount, blob_key(ref.sha256))
        if count is None or count.references <= 1:
            self.delete(blob_key(ref.sha256))
        else:
            self.put(blob_key(ref.sha256), BlobCount(count.references - 1))

    # -- for the kernel ------------------------------------------------------------------------------

    def finish(self) -> int:
        """Hand over to the store; the sequence that whatever leaves must wait for (0: nothing)."""
        shard = self._shard
        if self.kernel.clock.is_virtual and shard.mark():
            row = ClockRow(self.now_ms)
            shard.write(_PACKED_CLOCK_KEY, encode(row), row)
        sequence = shard.end()
        if self._when_durable:
            for fn in self._when_durable:
                shard.when(sequence, lambda error, fn=fn: fn() if error is None else None)  # type: ignore[misc]
        if self._after_commit:
            for fn in self._after_commit:
                fn()
        # these functions know the transaction: a cycle that would be left to the garbage collector
        self._after_commit = self._when_durable = None
        return sequence

    def abandon(self) -> int:
        """Take everything back; what the error must wait for, since it may tell of what was observed."""
        self._shard.undo_to(0)
        self._after_commit = self._when_durable = None
        return self._shard.end()
