"""One shard: the overlay of pending writes, the group commit, and the output gate.

Handlers run one after the other on the event loop's thread and see each other's writes at once, through
the overlay. A writer thread makes everything that has gathered durable in one commit of the engine.
Only what leaves the process waits: `when(sequence, ...)` calls back once the commit that was observed is
on disk. See docs/architecture.md, "Output gate".

What this module does not know: records, keys as tuples, services, HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time  # real time: how long the disk takes is not product time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.store.engine import Engine, EngineError, EngineFull
from ballroom.kernel.store.sorted_keys import SortedKeys

log = logging.getLogger("ballroom.store")

CACHED_VALUE_BYTES = 4096
KNOWN_EMPTY_RANGES = 64
WORTH_REMEMBERING = 32
ONE_READ_ROWS = 256
"""So many rows are asked of the engine at once, at first: values are small, or their reader asks for few."""
GATHER_S = 0.002
GATHER_BYTES = 1 << 20
"""How long and how large a commit may grow while each turn of the loop still adds to it."""
PROBE_EVERY_S = 0.25
"""How long writes are refused without asking the disk again, after it was found full."""

Callback = Callable[[Exception | None], None]


class Entry(msgspec.Struct, eq=False, gc=False):
    """A pending write: the stored bytes (None: deleted), the decoded record, and its commit's sequence."""

    stored: bytes | None
    record: Any
    sequence: int


class Row(msgspec.Struct, eq=False, gc=False):
    """What a read found: the stored bytes and, where it is at hand, the decoded record."""

    key: bytes
    stored: bytes
    record: Any


class Shard:
    """State of one owner. Every method runs on the loop's thread, except the writer's own."""

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        *,
        overlay_bytes: int = 64 << 20,
        overlay_age_s: float = 3.0,
        inline: bool = False,
        cache_entries: int = 8192,
        on_rebuild: Callable[[], None] = lambda: None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        self._loop = loop
        self._limit_bytes, self._limit_age_s = overlay_bytes, overlay_age_s
        self._on_rebuild, self._on_idle = on_rebuild, on_idle
        self.epoch: int | None = None
        """Which owner of the store this is; None while the disk is too full to say so, and only reads go on."""
        self.sequence = engine.last_sequence
        self.durable = self.sequence
        self.observed = 0
        """The newest pending commit that the running transaction has seen; the transaction resets it."""
        self._overlay: dict[bytes, Entry] = {}
        self._live = SortedKeys()  # keys of pending puts
        self._newest_delete = 0
        self._cache: dict[bytes, Any] = {}
        self._older: dict[bytes, Any] = {}
        """The generation of cached records before this one; dropped whole, since dropping the eldest
        of a dictionary one by one walks over the places of those dropped before."""
        self._cache_entries = cache_entries
        self._known_empty: list[tuple[bytes, bytes]] = []  # [first, last]: the engine has no live row there
        self._undo: list[tuple[bytes, Entry | None]] = []
        self._pending: dict[bytes, bytes | None] = {}
        self._pending_bytes = 0
        self._pending_waiters: list[Callback] = []
        self._flushing: dict[bytes, bytes | None] | None = None
        self._flushing_bytes = 0
        self._flushing_to = 0
        self._flushing_since = 0.0
        self._flushing_waiters: list[Callback] = []
        self._gathering = False
        self._gathered_to = -1
        self._gather_until = 0.0
        self._failure: Unavailable | None = None
        self._full_until = 0.0
        self._closed = False
        self._lost: list[tuple[int, int]] = []  # (after, up to): sequences whose commits failed
        self.commits = 0
        self.flushes = 0
        self._inline = inline
        """An engine without a disk is not worth a thread: its commits happen at the end of the loop's turn."""
        self._jobs: queue.SimpleQueue[tuple[int, list[tuple[bytes, bytes | None]]] | None] = (
            queue.SimpleQueue()
        )
        try:
            self.epoch = engine.claim()
        except EngineFull as error:
            self._disk_is_full(error)
        self._writer: threading.Thread | None = None
        if not inline:
            self._writer = threading.Thread(target=self._write_forever, name="ballroom-writer", daemon=True)
            self._writer.start()

    # -- reading -------------------------------------------------------------------------------------

    def get(self, key: bytes) -> Row | None:
        """The row, pending writes included."""
        entry = self._overlay.get(key)
        if entry is not None:
            if entry.sequence > self.observed:
                self.observed = entry.sequence
            return None if entry.stored is None else Row(key, entry.stored, entry.record)
        record = self._cache.get(key) or self._older.get(key)
        if record is not None:
            return Row(key, b"", record)
        stored = self.engine.get(key)
        return None if stored is None else Row(key, stored, None)

    def stored(self, key: bytes) -> bytes:
        """The stored bytes of a row that `get` found without them."""
        return self.engine.get(key) or b""

    def remember(self, key: bytes, stored: bytes, record: Any) -> None:
        """Keep a decoded committed record at hand. Coherent, since this process is the only writer."""
        if len(stored) <= CACHED_VALUE_BYTES and key not in self._overlay:
            self._to_cache(key, record)

    def _to_cache(self, key: bytes, record: Any) -> None:
        if len(self._cache) * 2 >= self._cache_entries:
            self._older, self._cache = self._cache, {}
            if not self._cache_entries:
                return
        self._cache[key] = record

    def scan(self, low: bytes, high: bytes, limit: int | None, reverse: bool = False) -> list[Row]:
        """The rows with `low <= key < high` in order, as a list: the caller may move what it reads.

        Rows that are deleted but not yet committed cost nothing from the second scan on: the ranges
        found empty are remembered, so that the head of a busy queue stays flat.
        """
        if self._newest_delete > self.durable and self._newest_delete > self.observed:
            self.observed = self._newest_delete
        pending = self._pending_rows(low, high, reverse)
        waiting = next(pending, None)
        if (
            waiting is None
            and limit is not None
            and limit <= ONE_READ_ROWS
            and not self._undo
            and self._newest_delete <= self.durable
        ):  # nothing pending concerns the range, as in most queries: the engine's rows are all there is
            cached, older = self._cache.get, self._older.get
            found = self.engine.scan(low, high, limit, reverse)
            return [Row(key, stored, cached(key) or older(key)) for key, stored in found]
        rows: list[Row] = []
        for key, stored in self._committed_rows(low, high, limit, reverse):
            while waiting is not None and (waiting.key > key if reverse else waiting.key < key):
                rows.append(waiting)
                if limit is not None and len(rows) >= limit:
                    return rows
                waiting = next(pending, None)
            if waiting is not None and waiting.key == key:
                continue  # overwritten: comes with the next turn
            rows.append(Row(key, stored, self._cache.get(key) or self._older.get(key)))
            if limit is not None and len(rows) >= limit:
                return rows
        while waiting is not None:
            rows.append(waiting)
            if limit is not None and len(rows) >= limit:
                return rows
            waiting = next(pending, None)
        return rows

    def _pending_rows(self, low: bytes, high: bytes, reverse: bool) -> Iterator[Row]:
        live, overlay = self._live, self._overlay
        for key in live.descending(low, high) if reverse else live.ascending(low, high):
            entry = overlay[key]
            if entry.sequence > self.observed:
                self.observed = entry.sequence
            yield Row(key, entry.stored or b"", entry.record)

    def _committed_rows(
        self, low: bytes, high: bytes, limit: int | None, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        """Live rows of the engine: those deleted in the overlay are passed over (overwritten ones are not)."""
        overlay = self._overlay
        # what is read in vain costs its bytes; only rows deleted but not yet committed make it worth while
        spare = 8 if self._newest_delete > self.durable else 0
        chunk = ONE_READ_ROWS if limit is None else min(limit + spare, ONE_READ_ROWS)
        dead_first: bytes | None = None
        dead_last = b""
        dead = 0
        while low < high:
            found = self.engine.scan(low, high, chunk, reverse)
            jumped = False
            for key, stored in found:
                entry = overlay.get(key)
                if entry is None or entry.stored is not None:
                    if dead >= WORTH_REMEMBERING and dead_first is not None and not reverse:
                        self._remember_empty(dead_first, dead_last)
                    dead_first, dead = None, 0
                    yield key, stored
                    continue
                if not reverse:
                    if dead_first is None:
                        dead_first = key
                        beyond = self._empty_until(key)
                        if beyond is not None:
                            dead, dead_last, low, jumped = WORTH_REMEMBERING, beyond, beyond + b"\0", True
                            break
                    dead_last = key
                    dead += 1
            if jumped:
                continue
            if len(found) < chunk:
                break
            if reverse:
                high = found[-1][0]
            else:
                low = found[-1][0] + b"\0"
            chunk = min(chunk * 2, 1024)
        if dead >= WORTH_REMEMBERING and dead_first is not None and not reverse:
            self._remember_empty(dead_first, dead_last)

    def _empty_until(self, key: bytes) -> bytes | None:
        for first, last in self._known_empty:
            if first <= key <= last:
                return last
        return None

    def _remember_empty(self, first: bytes, last: bytes) -> None:
        kept = []
        for a, b in self._known_empty:
            if b < first or a > last:
                kept.append((a, b))
            else:
                first, last = min(a, first), max(b, last)
        kept.append((first, last))
        self._known_empty = kept[-KNOWN_EMPTY_RANGES:]

    # -- writing: between `begin` and `end` or `undo` -------------------------------------------------

    def begin(self) -> None:
        """Start a transaction: forget what the last one observed."""
        self.observed = 0

    def refuse_writes(self) -> None:
        """Raise if the store takes no writes now.

        Raises:
            Throttled: too much is waiting for the disk.
            Unavailable: the disk is full or has failed.
        """
        if self._failure is not None:
            raise self._failure
        if self._flushing is not None:
            if self._pending_bytes + self._flushing_bytes > self._limit_bytes:
                raise Throttled
            if self._flushing_since and time.monotonic() - self._flushing_since > self._limit_age_s:
                raise Throttled
        if self._full_until and time.monotonic() < self._full_until:
            raise Unavailable("No space left on the device that holds the data directory.")

    def write(self, key: bytes, stored: bytes | None, record: Any) -> None:
        """Put (or, with None, delete) a row within the running transaction."""
        if not self._undo:
            self.refuse_writes()
        overlay = self._overlay
        old = overlay.get(key)
        self._undo.append((key, old))
        overlay[key] = Entry(stored, record, self.sequence + 1)
        if stored is not None:
            if old is None or old.stored is None:
                self._live.add(key)
        elif old is not None and old.stored is not None:
            self._live.discard(key)

    def mark(self) -> int:
        """A point that `undo_to` can return to."""
        return len(self._undo)

    def undo_to(self, mark: int) -> None:
        """Take back the writes since `mark`."""
        undo, overlay = self._undo, self._overlay
        while len(undo) > mark:
            key, old = undo.pop()
            now = overlay[key]
            if old is None:
                del overlay[key]
            else:
                overlay[key] = old
            was_live, is_live = now.stored is not None, old is not None and old.stored is not None
            if was_live and not is_live:
                self._live.discard(key)
            elif is_live and not was_live:
                self._live.add(key)

    def end(self) -> int:
        """Hand the transaction's writes over; the sequence that its answer must wait for (0: none)."""
        undo = self._undo
        if not undo:
            observed = min(self.observed, self.sequence)
            return observed if observed > self.durable else 0
        self.sequence += 1
        sequence = self.sequence
        overlay, pending, cache, older = self._overlay, self._pending, self._cache, self._older
        size = 0
        for key, before in undo:
            stored = overlay[key].stored
            pending[key] = stored
            if stored is None:
                self._newest_delete = sequence
                size += len(key) + 64
            else:
                size += len(key) + len(stored) + 128
            if before is None:  # what is pending is not in the cache
                cache.pop(key, None)
                older.pop(key, None)
        self._pending_bytes += size
        self._undo = []
        self.commits += 1
        self._schedule()
        return sequence

    def when(self, sequence: int, callback: Callback) -> None:
        """Call back with None once `sequence` is durable, or with the error that lost it."""
        if self._lost and any(after < sequence <= to for after, to in self._lost):
            callback(self._failure or Unavailable("The write was lost: the disk did not take it."))
        elif sequence <= self.durable:
            callback(None)
        elif self._flushing is not None and sequence <= self._flushing_to:
            self._flushing_waiters.append(callback)
        elif self._pending:
            self._pending_waiters.append(callback)
        else:
            raise ValueError(f"no commit has the sequence {sequence}")

    async def wait(self, sequence: int) -> None:
        """Return once `sequence` is durable; raises what lost it."""
        if sequence <= self.durable and not self._lost:
            return
        future = self._loop.create_future()

        def done(error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self.when(sequence, done)
        await future

    @property
    def waiting_bytes(self) -> int:
        """Bytes of writes that wait for the disk: long work holds back while there are many."""
        return self._pending_bytes + self._flushing_bytes

    @property
    def idle(self) -> bool:
        """Whether everything handed over is durable."""
        return not self._pending and self._flushing is None

    # -- group commit --------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._gathering and self._flushing is None:
            self._gathering = True
            self._gathered_to, self._gather_until = -1, 0.0
            self._loop.call_soon(self._gather)

    def _gather(self) -> None:
        """Close the batch once a turn of the loop has added nothing to it, or it is old or large.

        A commit costs about as much for 64 requests as for one, and while the writer is at it, it and a busy
        loop fight for the interpreter's lock. A lone request waits for one more look at the sockets: 20 µs.
        """
        if not self._inline and self.sequence > self._gathered_to and self._pending_bytes < GATHER_BYTES:
            now = time.monotonic()
            self._gather_until = self._gather_until or now + GATHER_S
            if now < self._gather_until:
                self._gathered_to = self.sequence
                self._loop.call_soon(self._gather)
                return
        self._gathering = False
        self._kick()

    def _kick(self) -> None:
        if self._flushing is not None or not self._pending or self._closed:
            return
        self._flushing, self._pending = self._pending, {}
        self._flushing_bytes, self._pending_bytes = self._pending_bytes, 0
        self._flushing_waiters, self._pending_waiters = self._pending_waiters, []
        self._flushing_to = self.sequence
        if self._inline:
            self._apply(list(self._flushing.items()), self._flushing_to)
            self._flushed(self._flushing_to, None)
            return
        self._flushing_since = time.monotonic()
        try:
            self.engine.prepare()
        except EngineError as error:  # nobody else would tell those who wait for this batch
            self._lose(error)
            return
        self._jobs.put((self._flushing_to, list(self._flushing.items())))

    def _write_forever(self) -> None:
        while (job := self._jobs.get()) is not None:
            sequence, writes = job
            error: Exception | None = None
            try:
                self._apply(writes, sequence)
            except Exception as failure:  # noqa: BLE001 - whatever it is, nothing may be acknowledged
                error = failure
            del job, writes
            try:
                self._loop.call_soon_threadsafe(self._flushed, sequence, error)
            except RuntimeError:  # the loop has been closed meanwhile: nobody waits any more
                return

    def _apply(self, writes: list[tuple[bytes, bytes | None]], sequence: int) -> None:
        if self.epoch is None:
            self.epoch = self.engine.claim()
        self.engine.apply(writes, sequence, self.epoch)

    def _flushed(self, sequence: int, error: Exception | None) -> None:
        if error is not None:
            self._lose(error)
            return
        self.durable = sequence
        self.flushes += 1
        self._full_until = 0.0
        flushed, waiters = self._flushing or {}, self._flushing_waiters
        self._flushing, self._flushing_waiters, self._flushing_bytes = None, [], 0
        if self._known_empty:
            put = [key for key, stored in flushed.items() if stored is not None]
            self._known_empty = [r for r in self._known_empty if not any(r[0] <= key <= r[1] for key in put)]
        overlay, live = self._overlay, []
        for key in flushed:
            entry = overlay.get(key)
            if entry is None or entry.sequence > sequence:
                continue  # written again meanwhile
            del overlay[key]
            stored = entry.stored
            if stored is not None:
                live.append(key)
                if entry.record is not None and len(stored) <= CACHED_VALUE_BYTES:
                    self._to_cache(key, entry.record)
        self._live.discard_all(live)
        if not overlay:
            self._known_empty = []
        if self._pending:
            self._schedule()
        for callback in waiters:
            callback(None)
        if self.idle:
            self._on_idle()

    def _disk_is_full(self, error: EngineFull) -> Unavailable:
        """Refuse writes for a moment, after which the next one asks the disk again."""
        self._full_until = time.monotonic() + PROBE_EVERY_S
        log.error("the disk is full: %s; writes are refused, reads go on", error)
        return Unavailable("No space left on the device that holds the data directory.")

    def _lose(self, error: Exception) -> None:
        """A commit failed: nothing pending can be acknowledged, and memory must forget it."""
        refusal: Unavailable
        if isinstance(error, EngineFull):
            refusal = self._disk_is_full(error)
        else:
            refusal = self._failure = Unavailable(
                "The storage of this Ballroom has failed; nothing is acknowledged until it is restarted."
            )
            log.critical("the store failed and takes no more writes: %s", error)
        waiters = self._flushing_waiters + self._pending_waiters
        self._overlay.clear()
        self._live, self._known_empty = SortedKeys(), []
        self._cache, self._older = {}, {}
        self._pending, self._pending_bytes, self._pending_waiters = {}, 0, []
        self._flushing, self._flushing_bytes, self._flushing_waiters = None, 0, []
        # whoever still holds a lost sequence must not be told that it is durable once a later one is
        self._lost.append((self.durable, self.sequence))
        self._on_rebuild()
        for callback in waiters:
            callback(refusal)
        self._on_idle()

    # -- life ----------------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Return once everything handed over so far is durable."""
        await self.wait(self.sequence)

    async def close(self) -> None:
        """Make everything durable and stop the writer."""
        if self._closed:
            return
        try:
            if self._pending or self._flushing is not None:
                await self.flush()
        except Unavailable:
            log.error("closing with writes that could not be made durable; none of them was acknowledged")
        self._closed = True
        if self._writer is not None:
            self._jobs.put(None)
            await self._loop.run_in_executor(None, self._writer.join)
        self.engine.close()

    def statistics(self) -> dict[str, Any]:
        """Figures for the status page."""
        return {
            "sequence": self.sequence,
            "durable": self.durable,
            "commits": self.commits,
            "flushes": self.flushes,
            "overlayRows": len(self._overlay),
            "pendingBytes": self.waiting_bytes,
            "writable": self._failure is None,
            "engine": self.engine.statistics(),
        }
