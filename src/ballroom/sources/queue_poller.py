"""Queues into whatever works on batches of messages: one poller for each consumer of a queue.

A poller waits at its queue without holding anything, takes a batch, and hands it over while it takes the
next one. What is received is hidden, so that a server that is killed leaves every message to come back after
its visibility timeout; what is done is deleted.

The number of batches under way begins at 5 and grows while they stay long, as AWS's pollers do, up to the
consumer's maximum.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior"; EventBridge User
Guide, "Amazon SQS as a source" of pipes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ballroom.kernel import Context, Kernel, ServiceError, Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import service_caller
from ballroom.sources.pausing import pause

log = logging.getLogger("ballroom.sources")

FIRST_CONCURRENCY = 5
CONCURRENCY_LIMIT = 1000
_GROW_AFTER_S = 0.1
_WAIT_S = 20
_RETRY_MS = 10_000
_BATCH_BYTES = 6_000_000

Message = dict[str, Any]
"""A message as ReceiveMessage hands it out."""


class QueueSource(msgspec.Struct, frozen=True):
    """Which queue is read, and how."""

    arn: str
    batch_size: int
    window_s: int = 0
    maximum_concurrency: int | None = None
    principal: str = "lambda.amazonaws.com"
    """The service that reads it."""
    consumer: str = ""
    """Whom it is read for, in the log."""


Work = Callable[["QueuePoller", Context, list[Message]], Awaitable[set[str]]]
"""Works on a batch; the ids of the messages that are done, and may be deleted."""


class QueuePoller:
    """Feeds one consumer from one queue, until it is stopped."""

    def __init__(self, kernel: Kernel, source: QueueSource, work: Work) -> None:
        queue = find_arn(source.arn)
        assert queue is not None
        self._kernel, self._source, self._work, self._queue = kernel, source, work, queue
        self._url = ""
        self.hidden_ms = 30_000
        """How long a received message stays hidden."""
        self._limit = min(FIRST_CONCURRENCY, source.maximum_concurrency or CONCURRENCY_LIMIT)
        self._working: set[asyncio.Task[None]] = set()
        self.task = kernel.spawn(self._run(), f"poll {source.arn} for {source.consumer}")
        """Done once the poller has been stopped."""

    @property
    def region(self) -> str:
        """The queue's region."""
        return self._queue.region

    def stop(self) -> None:
        """Take no further message; what is being worked on is finished."""
        self.task.cancel()

    def _ctx(self) -> Context:
        queue = self._queue
        caller = service_caller(queue.account, queue.region, self._source.principal, self._kernel.ids.uuid())
        return self._kernel.context(caller)

    async def _run(self) -> None:
        while True:
            try:
                await self._take_turn()
            except ServiceError as refused:
                # the queue is gone, or the disk is full: look again later, without pulling a virtual clock
                log.info("polling %s: %r", self._source.arn, refused)
                self._url = ""
                await pause(self._kernel, _RETRY_MS)

    async def _take_turn(self) -> None:
        while len(self._working) >= self._limit:
            done, _ = await asyncio.wait(
                self._working, timeout=_GROW_AFTER_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                self._limit = min(self._limit + 1, self._source.maximum_concurrency or CONCURRENCY_LIMIT)
        messages = await self._gather()
        if messages:
            label = f"batch for {self._source.consumer}"
            hold = self._kernel.clock.hold(label)
            task = self._kernel.spawn(self._finish(messages), label)
            task.add_done_callback(lambda _: hold.release())
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _gather(self) -> list[Message]:
        """A batch: what is there, or with a window what comes until the batch is full or the time over."""
        source, ctx = self._source, self._ctx()
        messages = await self._receive(ctx, source.batch_size, _WAIT_S)
        if not messages or source.window_s == 0:
            return messages
        until_ms = ctx.clock.now_ms() + source.window_s * 1000
        size = sum(len(m["Body"]) for m in messages)
        while len(messages) < source.batch_size and size < _BATCH_BYTES:
            more = await self._receive(ctx, source.batch_size - len(messages), 0)
            if not more:
                left_ms = until_ms - ctx.clock.now_ms()
                if left_ms <= 0:
                    break
                more = await self._receive_until(ctx, source.batch_size - len(messages), until_ms)
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
            self.hidden_ms = int(attributes["Attributes"]["VisibilityTimeout"]) * 1000
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

    async def _finish(self, messages: list[Message]) -> None:
        """One batch; what fails stays hidden until its visibility timeout ends."""
        ctx = self._ctx()
        done = await self._work(self, ctx, messages)
        finished = [m for m in messages if m["MessageId"] in done]
        if finished:
            ctx.transact(self._delete, finished)
            await ctx.durable()

    def _delete(self, tx: Tx, messages: list[Message]) -> None:
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                for n, m in enumerate(messages[start : start + 10])
            ]
            tx.call("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
