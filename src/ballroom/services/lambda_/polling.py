"""Queues and streams into functions: one poller for each mapping that is switched on.

What a queue's batch goes through: the mapping's filter, an invocation, and the function's word on each
message. Streams are in `stream_feeder`, and how either is read is in `ballroom.sources`.

Source: Developer Guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior".
"""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar, Protocol
from weakref import WeakKeyDictionary

from ballroom.kernel import Context, Kernel, ServiceError, Tx, on_start
from ballroom.services.lambda_.errors import TooManyRequests
from ballroom.services.lambda_.filters import Matcher, compile_filters, filterable
from ballroom.services.lambda_.invocation import Call, count, invoke
from ballroom.services.lambda_.mappings import POLLED, MappingPlace, Pokes, mapping_key, substance
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.recursion import is_loop, one_round_more, rounds_so_far
from ballroom.services.lambda_.resources import Mapping, find_function
from ballroom.services.lambda_.stream_feeder import StreamFeeder
from ballroom.sources import queue_records
from ballroom.sources.queue_poller import Message, QueuePoller, QueueSource

log = logging.getLogger("ballroom.lambda.polling")

_THROTTLED_S = 0.2


class Feeder(Protocol):
    """Feeds a function from one source."""

    def serves(self, mapping: Mapping) -> bool:
        """Whether it already does what the mapping says."""
        ...

    def stop(self) -> None:
        """Take nothing further."""
        ...


def _start(kernel: Kernel, place: MappingPlace, mapping: Mapping) -> Feeder:
    if mapping.stream is not None:
        return StreamFeeder(kernel, place, mapping)
    return QueueFeeder(kernel, place, mapping)


class Pollers:
    """The pollers of one kernel. They outlive a failed commit."""

    _all: ClassVar[WeakKeyDictionary[Kernel, Pollers]] = WeakKeyDictionary()

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._by_uuid: dict[str, Feeder] = {}

    @classmethod
    def of(cls, kernel: Kernel) -> Pollers:
        """Those of a kernel."""
        found = cls._all.get(kernel)
        if found is None:
            found = cls._all[kernel] = Pollers(kernel)
            kernel.on_stop(found.stop)
        return found

    def begin(self) -> None:
        """Look at all mappings: at start, and after a failed commit."""
        Pokes.of(self._kernel).listen(self.changed)
        for uuid in {*self._kernel.transact(_all_mappings), *self._by_uuid}:
            self.changed(uuid)

    async def stop(self) -> None:
        """Take no further message; batches under way go on as long as the runtime does."""
        for poller in self._by_uuid.values():
            poller.stop()

    def changed(self, uuid: str) -> None:
        """A mapping is new, changed or gone."""
        if self._kernel.stopping:
            return
        found = self._kernel.transact(_find, uuid)
        wanted = found is not None and found[1].state in POLLED
        poller = self._by_uuid.get(uuid)
        if poller is not None and (not wanted or found is None or not poller.serves(found[1])):
            poller.stop()
            del self._by_uuid[uuid]
            poller = None
        if wanted and found is not None and poller is None:
            self._by_uuid[uuid] = _start(self._kernel, *found)


def _all_mappings(tx: Tx) -> list[str]:
    return [str(key[1]) for key, _ in tx.scan_prefix_items(MappingPlace, ("lambda-mapping",))]


def _find(tx: Tx, uuid: str) -> tuple[MappingPlace, Mapping] | None:
    place = tx.get(MappingPlace, ("lambda-mapping", uuid))
    if place is None:
        return None
    mapping = tx.get(Mapping, mapping_key(place.account, place.region, uuid))
    return None if mapping is None else (place, mapping)


class QueueFeeder:
    """Feeds one function from one queue."""

    def __init__(self, kernel: Kernel, place: MappingPlace, mapping: Mapping) -> None:
        self._mapping = mapping
        self._at = FunctionName(place.account, place.region, mapping.function_name, mapping.qualifier or None)
        self._filter: Matcher | None = compile_filters(mapping.filters)
        source = QueueSource(
            mapping.source_arn, mapping.batch_size, mapping.window_s, mapping.maximum_concurrency,
            consumer=mapping.function_name,
        )  # fmt: skip
        self._queue = QueuePoller(kernel, source, self._work)

    def serves(self, mapping: Mapping) -> bool:
        """Whether this poller already does what the mapping says."""
        return substance(mapping) == substance(self._mapping)

    def stop(self) -> None:
        """Take no further message; what is being worked on is finished."""
        self._queue.stop()

    async def _work(self, queue: QueuePoller, ctx: Context, messages: list[Message]) -> set[str]:
        """One batch through the function: the ids of the messages that succeeded or are not wanted."""
        mapping = self._mapping
        chosen = messages
        if self._filter is not None:
            chosen = [m for m in messages if self._wants(queue, m)]
        done = {m["MessageId"] for m in messages} - {m["MessageId"] for m in chosen}
        if chosen:
            payload = queue_records.event_of(chosen, mapping.source_arn, queue.region)
            sent = {m["MessageId"] for m in chosen}
            try:
                failed = await self._failed(queue, ctx, payload, sent, chosen)
            except ServiceError as refused:
                log.warning("batch for %s was not processed: %r", mapping.function_name, refused)
                failed = sent
            done |= sent - failed
        return done

    def _wants(self, queue: QueuePoller, message: Message) -> bool:
        record = queue_records.record_of(message, self._mapping.source_arn, queue.region)
        assert self._filter is not None
        return self._filter(filterable(record))

    async def _failed(
        self, queue: QueuePoller, ctx: Context, payload: bytes, sent: set[str], messages: list[Message]
    ) -> set[str]:
        """The messages that did not succeed."""
        traces = [message.get("Attributes", {}).get("AWSTraceHeader") for message in messages]
        trace = max(traces, key=lambda trace: rounds_so_far(self._at, trace))
        if is_loop(self._at, trace):
            # left to the queue's redrive policy, as what a function fails to process
            count(ctx.kernel, self._at, "RecursiveInvocationsDropped")
            return sent
        trace = one_round_more(ctx.kernel, self._at, trace)
        call = Call(self._at, payload, ctx.kernel.ids.uuid(), trace)
        give_up_ms = ctx.clock.now_ms() + queue.hidden_ms // 2
        while True:
            try:
                outcome = await invoke(ctx, call)
                break
            except TooManyRequests:
                if self._stopped(queue, ctx) or ctx.clock.now_ms() >= give_up_ms:
                    return sent
                # wait in real time, as the invocations do that take the room
                await asyncio.wait({queue.task}, timeout=_THROTTLED_S)
        if outcome.function_error:
            return sent
        if "ReportBatchItemFailures" in self._mapping.response_types:
            return queue_records.failed_messages(outcome.payload, sent)
        return set()

    def _stopped(self, queue: QueuePoller, ctx: Context) -> bool:
        """Whether waiting for room makes no sense: switched off, or the function has none at all."""
        function = ctx.transact(find_function, self._at)
        return queue.task.done() or function is None or function.reserved_concurrency == 0


@on_start
def start_pollers(kernel: Kernel) -> None:
    """Feed functions from what waits in their queues."""
    Pollers.of(kernel).begin()
