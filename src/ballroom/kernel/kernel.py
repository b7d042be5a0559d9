"""The kernel of one Ballroom: store, clock, calls, timers and deliveries, put together.

Everything here belongs to the thread of one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from ballroom.kernel.caller import Caller, service_caller
from ballroom.kernel.clock import Clock
from ballroom.kernel.context import Context
from ballroom.kernel.credentials import Credentials
from ballroom.kernel.dispatcher import Dispatcher
from ballroom.kernel.errors import (
    InternalFailure,
    NotImplementedHere,
    ServiceError,
    Throttled,
    Unavailable,
)
from ballroom.kernel.ids import Ids
from ballroom.kernel.keys import Key, pack, unpack
from ballroom.kernel.metrics import MINUTE_MS, Metrics
from ballroom.kernel.model.service import load_service
from ballroom.kernel.records import R, decode
from ballroom.kernel.registry import Operation, registry
from ballroom.kernel.sealing import Seal
from ballroom.kernel.settings import Settings
from ballroom.kernel.store.blobs import Blobs
from ballroom.kernel.store.engine import Engine
from ballroom.kernel.store.shard import Shard
from ballroom.kernel.timers import Agenda
from ballroom.kernel.trace import Span, Trace, parent_of
from ballroom.kernel.tx import (
    CLOCK_KEY,
    BlobCount,
    ClockRow,
    Request,
    Response,
    Tx,
    Waiting,
    WouldWait,
    blob_key,
    store_clock,
)

log = logging.getLogger("ballroom.kernel")

T = TypeVar("T")
Reply = Callable[[Response | ServiceError], None]

COLLECT_BLOBS_EVERY_S = 600.0
"""In real time: whether a file may go does not depend on the product's clock."""


class Kernel:
    """One Ballroom without its gateway. Make it on the loop's thread, then `start`."""

    def __init__(
        self, settings: Settings, engine: Engine, blobs: Blobs, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.ids = Ids(settings.seed)
        self.clock = Clock(virtual=settings.clock == "virtual")
        self.trace = Trace()
        self.metrics = Metrics(on_first=self._store_metrics_later)
        self.credentials = Credentials(self)
        self.blobs = blobs
        self.engine = engine
        self.shard = Shard(
            engine,
            loop,
            inline=settings.data_dir is None,
            overlay_bytes=settings.overlay_bytes,
            overlay_age_s=settings.overlay_age_s,
            cache_entries=settings.cache_entries,
            on_rebuild=self.forget,
            on_idle=self.clock.consider_skipping,
        )
        self.agendas = (Agenda(self, housekeeping=False), Agenda(self, housekeeping=True))
        self.dispatcher = Dispatcher(self)
        self._states: dict[type, Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.reporters: dict[str, Callable[[], Any]] = {}
        """Statistics of services, by name, for the status page."""
        self.inside_url: str | None = None
        """Where functions reach us, if not at the public address: they need not trust its certificate."""
        self._on_stop: list[Callable[[], Awaitable[None]]] = []
        self.seal: Seal | None = None
        """Made by the first secret; see `sealing`."""
        self.started_ms = self.clock.now_ms()
        self._collecting: asyncio.TimerHandle | None = None
        self.stopping = False
        self._hooks_run = 0

    # -- life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Rebuild derived memory and begin to fire timers and deliveries."""
        if self.clock.is_virtual:
            row = self.read(ClockRow, CLOCK_KEY)
            if row is not None:
                self.clock.restore(row.now_ms)
            self.clock.on_advanced = lambda: self.transact(store_clock)
        self.started_ms = self.clock.now_ms()
        self.clock.start(self.loop, lambda: self.shard.idle and self.dispatcher.idle)
        self._run_start_hooks()
        for agenda in self.agendas:
            agenda.rebuild()
        self.dispatcher.rebuild()
        self._collect_later()

    def _run_start_hooks(self) -> None:
        self._hooks_run = len(registry.on_start)
        for hook in list(registry.on_start):
            hook(self)

    def _run_late_hooks(self) -> None:
        """Those of packages that were imported after the start."""
        first, self._hooks_run = self._hooks_run, len(registry.on_start)
        if not self.stopping:
            for hook in registry.on_start[first : self._hooks_run]:
                hook(self)

    def forget(self) -> None:
        """A commit failed, or all rows are gone: what memory was derived from them is made anew."""
        self._states.clear()
        self.credentials.rebuild()
        self._run_start_hooks()
        for agenda in self.agendas:
            agenda.rebuild()
        self.dispatcher.rebuild()

    def on_stop(self, fn: Callable[[], Awaitable[None]]) -> None:
        """Run an async function at `stop`, while the store is still open."""
        self._on_stop.append(fn)

    async def stop(self) -> None:
        """Stop what is under way (it goes on at the next start), make everything durable, close."""
        self.stopping = True
        if self._collecting is not None:
            self._collecting.cancel()
        await self.dispatcher.stop()
        for fn in reversed(self._on_stop):
            try:
                await fn()
            except Exception:
                log.exception("stopping a part failed")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.clock.stop()
        if self.metrics.waiting:
            try:
                self.transact(self.metrics.store)
            except ServiceError as refused:
                log.warning("the last minute's metrics were not stored: %s", refused)
        await self.shard.close()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something in the background until it ends or the kernel stops; a failure is logged."""
        task = self.loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("background task %s failed", task.get_name(), exc_info=failure)

    def _store_metrics_later(self) -> None:
        # armed by the first count of a minute, so that an idle virtual month has no minutes to go through
        now = self.clock.now_ms()
        self.clock.at(now - now % MINUTE_MS + MINUTE_MS, self._store_metrics, pulls=False)

    def _store_metrics(self) -> None:
        try:
            self.transact(self.metrics.store)
        except ServiceError as refused:
            log.warning("metrics are not stored yet: %s", refused)
            self._store_metrics_later()

    def _collect_later(self) -> None:
        def collect() -> None:
            self.spawn(self.collect_blobs(), "collect blobs")
            self._collect_later()

        self._collecting = self.loop.call_later(COLLECT_BLOBS_EVERY_S, collect)

    async def collect_blobs(self) -> None:
        """Remove blobs that no row refers to, once that is durable."""
        await self.blobs.collect(
            lambda sha256: self.read(BlobCount, blob_key(sha256)) is not None, self.shard.flush
        )

    # -- derived memory and reading outside transactions ---------------------------------------------

    def state(self, kind: type[T]) -> T:
        """The derived memory of a service: `kind(kernel)`, made once, and anew after a failed commit."""
        found = self._states.get(kind)
        if found is None:
            found = self._states[kind] = kind(self)  # type: ignore[call-arg]
        return cast(T, found)

    def read(self, kind: type[R], key: Key) -> R | None:
        """One record, pending writes included."""
        packed = pack(key)
        row = self.shard.get(packed)
        if row is None:
            return None
        if type(row.record) is kind:
            return row.record
        return decode(kind, row.stored or self.shard.stored(packed))

    def rows(self, kind: type[R], low: bytes, high: bytes, limit: int | None) -> list[tuple[Key, R]]:
        """Records of a packed range."""
        return [
            (unpack(row.key), row.record if type(row.record) is kind else decode(kind, row.stored))
            for row in self.shard.scan(low, high, limit)
        ]

    # -- transactions --------------------------------------------------------------------------------

    def transact(self, fn: Callable[..., T], *args: Any, caller: Caller | None = None) -> T:
        """Run `fn(tx, *args)` in a transaction of its own, outside any request."""
        return self.transact_observing(fn, args, caller or self.system_caller())[0]

    def transact_observing(self, fn: Callable[..., T], args: tuple[Any, ...], caller: Caller) -> tuple[T, int]:
        """Like `transact`; also the sequence that whatever leaves must wait for (0: none)."""
        self.shard.begin()
        tx = Tx(self, caller)
        try:
            value = fn(tx, *args)
        except BaseException:
            tx.abandon()
            raise
        return value, tx.finish()

    def system_caller(self) -> Caller:
        """Ballroom itself, in the default account and region."""
        return service_caller(self.settings.account, self.settings.region, "ballroom")

    def context(self, caller: Caller | None = None) -> Context:
        """A context for work that is no request."""
        return Context(self, caller or self.system_caller())

    # -- calls ---------------------------------------------------------------------------------------

    def operation(self, service: str, name: str) -> Operation:
        """The registered operation.

        Raises:
            NotImplementedHere: Ballroom does not have it.
        """
        found = registry.operations.get((service, name))
        if found is None:
            raise NotImplementedHere(f"Ballroom does not implement {service}:{name}.")
        if self._hooks_run != len(registry.on_start):
            self.loop.call_soon(self._run_late_hooks)  # not in the transaction that may be under way
        if found.validate is None:
            found.validate = _accept if found.internal else load_service(service).operation(name).validate
        return found

    def join(self, tx: Tx, service: str, name: str, input: Request, caller: Caller) -> Response:
        """Run a synchronous operation within a transaction, in a savepoint."""
        op = self.operation(service, name)
        if op.waits:
            raise WouldWait(f"{service}:{name} waits; it cannot join a transaction")
        assert op.validate is not None
        op.validate(input)
        before = tx.caller
        tx.caller = caller
        start = tx.now_ms
        outcome = "ok"
        point = tx.point()
        try:
            answer = op.handler(tx, input)
            if isinstance(answer, Waiting):
                raise WouldWait(f"{service}:{name} would wait; it cannot join a transaction")
            answer = answer or {}
            return cast(Response, answer if op.plain is None else op.plain(answer))
        except BaseException as error:
            tx.back_to(point)
            if isinstance(error, ServiceError):
                outcome = error.shape
            raise
        finally:
            tx.caller = before
            self.trace.record(
                Span(
                    self.ids.hex(16),
                    caller.span or caller.request_id,
                    service,
                    name,
                    caller.account,
                    caller.region,
                    start,
                    start,
                    outcome,
                )
            )

    def submit(
        self, service: str, name: str, input: Request, caller: Caller, reply: Reply
    ) -> Callable[[], None] | None:
        """Carry out an operation; `reply` is called once its answer may leave the process.

        The gateway's way in: synchronous operations cost no task. The answer is the cancel function of
        an operation that waits (for a client that goes away), or None.
        """
        try:
            op = self.operation(service, name)
            assert op.validate is not None
            op.validate(input)
        except ServiceError as error:
            reply(error)
            return None
        if op.waits:
            return self._wait_for(op, lambda ctx: op.handler(ctx, input), caller, reply, 0)
        shard = self.shard
        shard.begin()
        tx = Tx(self, caller)
        answer: Any
        outcome = "ok"
        try:
            answer = op.handler(tx, input)
            sequence = tx.finish()
            if answer.__class__ is Waiting:
                return self._wait_for(op, answer.go_on, caller, reply, sequence)
            if answer is None:
                answer = {}
        except (Throttled, Unavailable) as error:
            # the store's own refusal tells of no state, and must not wait for the disk that it protects
            tx.abandon()
            error.__traceback__ = None
            sequence, answer, outcome = 0, error, error.shape
        except ServiceError as error:
            error.__traceback__ = None  # it knows this frame, which knows the answer
            sequence, answer, outcome = tx.abandon(), error, error.shape
        except Exception:  # noqa: BLE001 - a bug of ours: logged, answered without details
            sequence, answer, outcome = tx.abandon(), _bug(service, name, caller), "InternalFailure"
        self.trace.record(
            Span(
                caller.request_id,
                caller.span or parent_of(caller.trace),
                service,
                name,
                caller.account,
                caller.region,
                tx.now_ms,
                tx.now_ms,
                outcome,
            )
        )
        if sequence == 0:
            reply(answer)
        else:
            shard.when(sequence, lambda lost: reply(answer if lost is None else cast(ServiceError, lost)))
        return None

    def _wait_for(
        self,
        op: Operation,
        go_on: Callable[[Context], Awaitable[Response]],
        caller: Caller,
        reply: Reply,
        observed: int,
    ) -> Callable[[], None]:
        task = self.spawn(self._waited(op, go_on, caller, reply, observed), f"{op.service}:{op.name}")
        return lambda: None if task.done() else cast(None, task.cancel())

    async def _waited(
        self,
        op: Operation,
        go_on: Callable[[Context], Awaitable[Response]],
        caller: Caller,
        reply: Reply,
        observed: int,
    ) -> None:
        ctx = Context(self, caller)
        ctx._observed = observed
        start = self.clock.now_ms()
        hold = self.clock.held_by_key.get(caller.access_key_id)
        if hold is not None:
            hold.pause()
        answer: Response | ServiceError
        try:
            try:
                answer = await go_on(ctx) or {}
            except ServiceError as error:
                error.__traceback__ = None  # as in `submit`
                answer = error
            except Exception:  # noqa: BLE001 - a bug of ours: logged, answered without details
                answer = _bug(op.service, op.name, caller)
            try:
                await ctx.durable()
            except ServiceError as lost:
                lost.__traceback__ = None
                answer = lost
        finally:
            if hold is not None:
                hold.resume()
        self.trace.record(
            Span(
                caller.request_id,
                caller.span or parent_of(caller.trace),
                op.service,
                op.name,
                caller.account,
                caller.region,
                start,
                self.clock.now_ms(),
                answer.shape if isinstance(answer, ServiceError) else "ok",
            )
        )
        reply(answer)

    async def call(self, service: str, name: str, input: Request, caller: Caller | None = None) -> Response:
        """Carry out an operation and wait for its durable answer.

        Raises:
            ServiceError: what the operation answers.
        """
        future: asyncio.Future[Response | ServiceError] = self.loop.create_future()
        cancel = self.submit(
            service,
            name,
            input,
            caller or self.system_caller(),
            lambda answer: None if future.done() else future.set_result(answer),
        )
        try:
            answer = await future
        except asyncio.CancelledError:
            if cancel is not None:
                cancel()
            raise
        if isinstance(answer, ServiceError):
            try:
                raise answer
            finally:
                del answer, future  # the error knows this frame
        plain = self.operation(service, name).plain
        return answer if plain is None else plain(answer)

    def statistics(self) -> dict[str, Any]:
        """Figures of every part, for the status page."""
        return {
            "store": self.shard.statistics(),
            "deliveries": self.dispatcher.statistics(),
            "clock": self.clock.state(),
            "spans": self.trace.recorded,
            **{name: report() for name, report in self.reporters.items()},
        }


def _accept(input: Request) -> None:
    return None


def _bug(service: str, name: str, caller: Caller) -> InternalFailure:
    log.exception("%s:%s failed (request %s)", service, name, caller.request_id)
    return InternalFailure()
