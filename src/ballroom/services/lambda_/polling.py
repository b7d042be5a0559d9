"""Queues into functions: one poller for each mapping that is switched on.

A poller waits at its queue without holding anything, takes a batch, and hands it to an invocation while
it takes the next one. What is received is hidden, so that a server that is killed leaves every message
to come back after its visibility timeout; what has succeeded is deleted.

The number of batches under way begins at 5 and grows while they stay long, as AWS's pollers do, up to
the mapping's MaximumConcurrency.

Source: Developer Guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior".
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from ballroom.kernel import Context, Kernel, ServiceError, Tx, on_start
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import service_caller
from ballroom.services.lambda_ import sqs_records
from ballroom.services.lambda_.errors import TooManyRequests
from ballroom.services.lambda_.filters import Matcher, compile_filters, filterable
from ballroom.services.lambda_.invocation import Call, count, invoke
from ballroom.services.lambda_.mappings import POLLED, MappingPlace, Pokes, mapping_key
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.recursion import is_loop, one_round_more, rounds_so_far
from ballroom.services.lambda_.resources import Mapping, find_function

log = logging.getLogger("ballroom.lambda.polling")

FIRST_CONCURRENCY = 5
CONCURRENCY_LIMIT = 1000
_GROW_AFTER_S = 0.1
_WAIT_S = 20
_RETRY_MS = 10_000
_THROTTLED_S = 0.2
_EVENT_LIMIT = 6_000_000

Message = dict[str, Any]


class Pollers:
    """The pollers of one kernel. They outlive a failed commit."""

    _all: ClassVar[WeakKeyDictionary[Kernel, Pollers]] = WeakKeyDictionary()

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._by_uuid: dict[str, Poller] = {}

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
            self._by_uuid[uuid] = Poller(self._kernel, *found)


def _all_mappings(tx: Tx) -> list[str]:
    return [str(key[1]) for key, _ in tx.scan_prefix_items(MappingPlace, ("lambda-mapping",))]


def _find(tx: Tx, uuid: str) -> tuple[MappingPlace, Mapping] | None:
    place = tx.get(MappingPlace, ("lambda-mapping", uuid))
    if place is None:
        return None
    mapping = tx.get(Mapping, mapping_key(place.account, place.region, uuid))
    return None if mapping is None else (place, mapping)


class Poller:
    """Feeds one function from one queue."""

    def __init__(self, kernel: Kernel, place: MappingPlace, mapping: Mapping) -> None:
        self._kernel = kernel
        self._mapping = mapping
        self._at = FunctionName(place.account, place.region, mapping.function_name, mapping.qualifier or None)
        self._filter: Matcher | None = compile_filters(mapping.filters)
        queue = find_arn(mapping.source_arn)
        assert queue is not None
        self._queue = queue
        self._url = ""
        self._hidden_ms = 30_000
        self._limit = min(FIRST_CONCURRENCY, mapping.maximum_concurrency or CONCURRENCY_LIMIT)
        self._working: set[asyncio.Task[None]] = set()
        self._task = kernel.spawn(self._run(), f"poll {mapping.source_arn} for {mapping.function_name}")

    def serves(self, mapping: Mapping) -> bool:
        """Whether this poller already does what the mapping says."""
        return _substance(mapping) == _substance(self._mapping)

    def stop(self) -> None:
        """Take no further message; what is being worked on is finished."""
        self._task.cancel()

    def _ctx(self) -> Context:
        caller = service_caller(
            self._queue.account, self._queue.region, "lambda.amazonaws.com", self._kernel.ids.uuid()
        )
        return self._kernel.context(caller)

    async def _run(self) -> None:
        while True:
            try:
                await self._take_turn()
            except ServiceError as refused:
                # the queue is gone, or the disk is full: look again later, without pulling a virtual clock
                log.info("polling %s: %r", self._mapping.source_arn, refused)
                self._url = ""
                await self._pause(_RETRY_MS)

    async def _take_turn(self) -> None:
        while len(self._working) >= self._limit:
            done, _ = await asyncio.wait(
                self._working, timeout=_GROW_AFTER_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                self._limit = min(self._limit + 1, self._mapping.maximum_concurrency or CONCURRENCY_LIMIT)
        messages = await self._gather()
        if messages:
            hold = self._kernel.clock.hold(f"batch for {self._mapping.function_name}")
            task = self._kernel.spawn(self._work(messages), f"batch for {self._mapping.function_name}")
            task.add_done_callback(lambda _: hold.release())
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _gather(self) -> list[Message]:
        """A batch: what is there, or with a window what comes until the batch is full or the time over."""
        mapping, ctx = self._mapping, self._ctx()
        messages = await self._receive(ctx, mapping.batch_size, _WAIT_S)
        if not messages or mapping.window_s == 0:
            return messages
        until_ms = ctx.clock.now_ms() + mapping.window_s * 1000
        size = sum(len(m["Body"]) for m in messages)
        while len(messages) < mapping.batch_size and size < _EVENT_LIMIT:
            more = await self._receive(ctx, mapping.batch_size - len(messages), 0)
            if not more:
                left_ms = until_ms - ctx.clock.now_ms()
                if left_ms <= 0:
                    break
                more = await self._receive_until(ctx, mapping.batch_size - len(messages), until_ms)
                if not more:
                    break
            messages += more
            size += sum(len(m["Body"]) for m in more)
        return messages

    async def _receive_until(self, ctx: Context, wanted: int, until_ms: int) -> list[Message]:
        """Whatever comes before the window closes; the close is a moment that a virtual clock stops at."""
        receiving = asyncio.ensure_future(self._receive(ctx, wanted, _WAIT_S))
        closing = asyncio.ensure_future(ctx.clock.sleep_until(until_ms))
        try:
            await asyncio.wait((receiving, closing), return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else []
        finally:
            receiving.cancel()
            closing.cancel()

    async def _receive(self, ctx: Context, wanted: int, wait_s: int) -> list[Message]:
        if not self._url:
            answer = await ctx.call("sqs", "GetQueueUrl", {"QueueName": self._queue.resource})
            wanted_attributes = {"QueueUrl": answer["QueueUrl"], "AttributeNames": ["VisibilityTimeout"]}
            attributes = await ctx.call("sqs", "GetQueueAttributes", wanted_attributes)
            self._hidden_ms = int(attributes["Attributes"]["VisibilityTimeout"]) * 1000
            self._url = answer["QueueUrl"]
        request = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(10, wanted),
            "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await ctx.call("sqs", "ReceiveMessage", request)
        messages: list[Message] = answer.get("Messages", [])
        return messages

    async def _work(self, messages: list[Message]) -> None:
        """One batch through the function; a failure leaves it hidden until the visibility timeout ends."""
        mapping, ctx = self._mapping, self._ctx()
        chosen = messages
        if self._filter is not None:
            chosen = [m for m in messages if self._wants(m)]
        done = {m["MessageId"] for m in messages} - {m["MessageId"] for m in chosen}
        if chosen:
            payload = sqs_records.event_of(chosen, mapping.source_arn, self._queue.region)
            sent = {m["MessageId"] for m in chosen}
            try:
                failed = await self._failed(ctx, payload, sent, chosen)
            except ServiceError as refused:
                log.warning("batch for %s was not processed: %r", mapping.function_name, refused)
                failed = sent
            done |= sent - failed
        finished = [m for m in messages if m["MessageId"] in done]
        if finished:
            ctx.transact(self._delete, finished)
            await ctx.durable()

    def _wants(self, message: Message) -> bool:
        record = sqs_records.record_of(message, self._mapping.source_arn, self._queue.region)
        assert self._filter is not None
        return self._filter(filterable(record))

    async def _failed(
        self, ctx: Context, payload: bytes, sent: set[str], messages: list[Message]
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
        give_up_ms = ctx.clock.now_ms() + self._hidden_ms // 2
        while True:
            try:
                outcome = await invoke(ctx, call)
                break
            except TooManyRequests:
                if self._stopped(ctx) or ctx.clock.now_ms() >= give_up_ms:
                    return sent
                # wait in real time, as the invocations do that take the room
                await asyncio.wait({self._task}, timeout=_THROTTLED_S)
        if outcome.function_error:
            return sent
        if "ReportBatchItemFailures" in self._mapping.response_types:
            return sqs_records.failed_messages(outcome.payload, sent)
        return set()

    def _stopped(self, ctx: Context) -> bool:
        """Whether waiting for room makes no sense: switched off, or the function has none at all."""
        function = ctx.transact(find_function, self._at)
        return self._task.done() or function is None or function.reserved_concurrency == 0

    async def _pause(self, ms: int) -> None:
        """Wait on the product's clock without making a virtual one jump."""
        future: asyncio.Future[None] = self._kernel.loop.create_future()
        clock = self._kernel.clock
        handle = clock.at(
            clock.now_ms() + ms, lambda: None if future.done() else future.set_result(None), pulls=False
        )
        try:
            await future
        finally:
            clock.cancel(handle)

    def _delete(self, tx: Tx, messages: list[Message]) -> None:
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                for n, m in enumerate(messages[start : start + 10])
            ]
            tx.call("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})


def _substance(mapping: Mapping) -> tuple[object, ...]:
    return (
        mapping.source_arn, mapping.function_name, mapping.qualifier, mapping.batch_size, mapping.window_s,
        tuple(mapping.filters), tuple(mapping.response_types), mapping.maximum_concurrency,
    )  # fmt: skip


@on_start
def start_pollers(kernel: Kernel) -> None:
    """Feed functions from what waits in their queues."""
    Pollers.of(kernel).begin()
