"""The dispatcher: carries out what is due, each kind of delivery within its concurrency.

Every attempt of every kind passes `Dispatcher._attempt`, the one choke point; it waits for the output gate
before anything leaves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from ballroom.kernel.caller import Caller
from ballroom.kernel.clock import Handle
from ballroom.kernel.delivery import (
    Delivery,
    GiveUp,
    Head,
    Payload,
    RetryAt,
    due_key,
    payload_key,
    remove,
)
from ballroom.kernel.errors import ServiceError, Throttled, Unavailable
from ballroom.kernel.keys import pack
from ballroom.kernel.registry import DeliveryKind, registry
from ballroom.kernel.trace import Span

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel
    from ballroom.kernel.tx import Tx

log = logging.getLogger("ballroom.delivery")

WINDOW = 4096
"""Due deliveries held in memory; the rest wait in the store."""
STORE_RETRY_MS = 1_000


class Dispatcher:
    """Carries out what is due, each kind within its concurrency."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._ready: dict[str, deque[tuple[int, Head]]] = {}
        self._known: dict[str, int] = {}
        """Ids that are ready or running, and their due time."""
        self._running: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: dict[str, tuple[int, Head]] = {}
        """Put off by the attempt that is just ending."""
        self._overflow = False
        self._handle: Handle | None = None
        self._next_ms: int | None = None
        self._lane_sequence = 0
        self.paused = False
        self.completed = 0
        self.failed = 0

    # -- what is due ---------------------------------------------------------------------------------

    def next_lane_sequence(self) -> int:
        """Rises over restarts: the clock's milliseconds leave room for 4,096 a millisecond."""
        self._lane_sequence = max(self._lane_sequence + 1, self._kernel.clock.now_ms() << 12)
        return self._lane_sequence

    def rebuild(self) -> None:
        """Start from what the store holds; attempts under way keep running and are not doubled."""
        self._ready.clear()
        self._known = {i: due for i, due in self._known.items() if i in self._running_ids()}
        self._kernel.clock.cancel(self._handle)
        self._handle, self._next_ms = None, None
        self._load()

    def _running_ids(self) -> set[str]:
        return {task.get_name() for task in self._tasks}

    def expect(self, due_ms: int, head: Head) -> None:
        """A delivery has been committed."""
        if due_ms > self._kernel.clock.now_ms():
            self._wake_at(due_ms)
        elif len(self._known) >= WINDOW:
            self._overflow = True
        else:
            self._enqueue(due_ms, head)
            self._start(head.kind)

    def _enqueue(self, due_ms: int, head: Head) -> None:
        if head.id not in self._known:
            self._known[head.id] = due_ms
            self._ready.setdefault(head.kind, deque()).append((due_ms, head))

    def _wake_at(self, due_ms: int) -> None:
        if self._next_ms is None or due_ms < self._next_ms:
            self._kernel.clock.cancel(self._handle)
            self._next_ms = due_ms
            self._handle = self._kernel.clock.at(due_ms, self._due)

    def _due(self) -> None:
        self._handle, self._next_ms = None, None
        self._load()

    def _load(self) -> None:
        """Bring what is due from the store, up to the window, and note when the next one is."""
        now = self._kernel.clock.now_ms()
        low = pack(("~delivery", "due"))
        high = low + b"\xff"
        self._overflow = False
        while True:
            rows = self._kernel.rows(Head, low, high, 512)
            for key, head in rows:
                due = key[2]
                assert isinstance(due, int)
                if due > now:
                    self._wake_at(due)
                    break
                if len(self._known) >= WINDOW:
                    self._overflow = True
                    break
                self._enqueue(due, head)
            else:
                if len(rows) == 512:
                    low = pack(rows[-1][0]) + b"\0"
                    continue
            break
        for kind in list(self._ready):
            self._start(kind)

    # -- attempts ------------------------------------------------------------------------------------

    def _start(self, kind_name: str) -> None:
        if self.paused:
            return
        kind = registry.deliveries.get(kind_name)
        ready = self._ready.get(kind_name)
        if kind is None or ready is None:
            return
        while ready and self._running.get(kind_name, 0) < kind.concurrency:
            due_ms, head = ready.popleft()
            self._running[kind_name] = self._running.get(kind_name, 0) + 1
            task = self._kernel.loop.create_task(self._attempt(kind, due_ms, head), name=head.id)
            self._tasks.add(task)
            task.add_done_callback(lambda t, k=kind: self._ended(t, k))  # type: ignore[misc]

    def _ended(self, task: asyncio.Task[None], kind: DeliveryKind) -> None:
        self._tasks.discard(task)
        self._known.pop(task.get_name(), None)
        self._running[kind.name] -= 1
        if (again := self._again.pop(task.get_name(), None)) is not None:
            self.expect(*again)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("delivery %s failed outside its attempt", task.get_name(), exc_info=bug)
        if self._overflow and len(self._known) < WINDOW // 2:
            self._load()
        self._start(kind.name)
        self._kernel.clock.consider_skipping()

    async def _attempt(self, kind: DeliveryKind, due_ms: int, head: Head) -> None:
        """The choke point: every delivery of every kind passes here."""
        kernel = self._kernel
        payload = kernel.read(Payload, payload_key(head.id))
        if payload is None:
            return  # completed meanwhile
        policy, now = head.policy, kernel.clock.now_ms()
        if policy.maximum_age_ms is not None and now - head.created_ms > policy.maximum_age_ms:
            self._exhaust(head, due_ms, payload.data, "age")
            return
        delivery = Delivery(head, due_ms, payload.data)
        ctx = kernel.context(self._caller(head))
        outcome = "ok"
        try:
            await ctx.durable_sequence(kernel.shard.sequence)
            await kind.handler(ctx, delivery)
            if not delivery.is_complete:
                kernel.transact(delivery.complete)
            self.completed += 1
        except asyncio.CancelledError:
            raise  # the server stops: the next one attempts it again
        except RetryAt as later:
            outcome = "later"
            self._put_off(head, due_ms, max(later.due_ms, now + 1), head.attempt, head.last_error)
        except GiveUp as end:
            outcome = "gave up"
            self._exhaust(head, due_ms, payload.data, end.reason)
        except (Throttled, Unavailable):
            self._put_off_in_memory(due_ms, head)
        except Exception as failure:
            outcome = failure.shape if isinstance(failure, ServiceError) else type(failure).__name__
            if not isinstance(failure, ServiceError):
                log.exception("delivery %s (%s) failed", head.id, head.kind)
            self.failed += 1
            self._failed(head, due_ms, payload.data, f"{outcome}: {failure}")
        finally:
            kernel.trace.record(
                Span(
                    head.id,
                    head.cause,
                    "delivery",
                    head.kind,
                    head.account,
                    head.region,
                    now,
                    kernel.clock.now_ms(),
                    outcome,
                )
            )

    def _failed(self, head: Head, due_ms: int, payload: bytes, error: str) -> None:
        policy, now, attempts = head.policy, self._kernel.clock.now_ms(), head.attempt + 1
        if policy.maximum_attempts is not None and attempts >= policy.maximum_attempts:
            self._exhaust(
                msgspec.structs.replace(head, attempt=attempts, last_error=error[:1024]),
                due_ms,
                payload,
                "retries",
            )
            return
        waits = policy.back_off_ms
        wait = waits[min(attempts, len(waits)) - 1] if waits else 0
        if policy.jitter:
            wait = int(wait * (1 - policy.jitter * self._kernel.ids.uniform(0, 1)))
        if policy.maximum_age_ms is not None and now + wait - head.created_ms > policy.maximum_age_ms:
            self._exhaust(
                msgspec.structs.replace(head, attempt=attempts, last_error=error[:1024]),
                due_ms,
                payload,
                "age",
            )
            return
        self._put_off(head, due_ms, now + wait, attempts, error[:1024])

    def _put_off(self, head: Head, due_ms: int, next_ms: int, attempts: int, error: str) -> None:
        later = msgspec.structs.replace(head, attempt=attempts, last_error=error)

        def move(tx: Tx) -> None:
            tx.delete(due_key(due_ms, head.id))
            tx.put(due_key(next_ms, head.id), later)

        try:
            self._kernel.transact(move)
        except (Throttled, Unavailable):
            self._put_off_in_memory(due_ms, head)
            return
        self._again[head.id] = (next_ms, later)

    def _put_off_in_memory(self, due_ms: int, head: Head) -> None:
        """The store takes no writes now: the rows stay as they are and are loaded again."""
        self._wake_at(self._kernel.clock.now_ms() + STORE_RETRY_MS)

    def _exhaust(self, head: Head, due_ms: int, payload: bytes, reason: str) -> None:
        kind = registry.deliveries[head.kind]

        def end(tx: Tx) -> None:
            if kind.on_exhausted is not None:
                kind.on_exhausted(tx, Delivery(head, due_ms, payload), reason)
            remove(tx, head, due_ms)

        try:
            self._kernel.transact(end, caller=self._caller(head))
        except (Throttled, Unavailable):
            self._put_off_in_memory(due_ms, head)
        except Exception:
            log.exception("delivery %s (%s) could not be dead-lettered; it is tried again", head.id, head.kind)
            self._put_off(head, due_ms, self._kernel.clock.now_ms() + 60_000, head.attempt, head.last_error)

    def _caller(self, head: Head) -> Caller:
        return Caller(
            account=head.account,
            region=head.region,
            arn=head.arn,
            user_id=head.account,
            access_key_id="",
            request_id=head.id,
            trace=head.trace,
            source="delivery",
            span=head.id,
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is due or under way."""
        return not self._tasks and not any(self._ready.values())

    async def stop(self) -> None:
        """Cancel attempts under way; the next server takes them up again."""
        self.paused = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> dict[str, Any]:
        """Figures for the status page."""
        return {
            "ready": {kind: len(queue) for kind, queue in self._ready.items() if queue},
            "running": {kind: n for kind, n in self._running.items() if n},
            "completed": self.completed,
            "failedAttempts": self.failed,
        }
