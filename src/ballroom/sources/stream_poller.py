"""Streams into whatever works on batches of records: one poller for each consumer of a stream.

Records go out in order, a batch at a time (several side by side if the consumer says so, each item in one of
them). How far a consumer has come is a row, written after the batch: a server that is killed takes the batch
up again. A batch that fails is tried again, whole or from the first record that failed, until its retries or
its age are used up; then its place in the stream is told to whoever wants to know, and the next one comes.

Source: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB"; EventBridge User Guide, "Amazon
DynamoDB stream as a source" of pipes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from ballroom.kernel import Context, Hold, Kernel, Key, Record, ServiceError, Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import service_caller
from ballroom.sources.pausing import pause
from ballroom.sources.stream_records import key_of, sequence_of

log = logging.getLogger("ballroom.sources")

_WAIT_MS = 3_600_000
"""A record ends a wait at once; looking again costs each day of a virtual clock that advances."""
_RETRY_MS = 10_000
_BACK_OFF_MS = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000)
_BATCH_BYTES = 6_000_000

StreamRecord = dict[str, Any]
"""A record as GetRecords gives it."""


class StreamSource(msgspec.Struct, frozen=True):
    """Which stream is read, for whom, and what happens to batches that fail."""

    arn: str
    consumer_id: str
    """Names the consumer's place in the stream, for good."""
    batch_size: int
    starting_position: str
    """TRIM_HORIZON or LATEST, for a consumer without a place."""
    window_s: int = 0
    retries: int = -1
    """-1: as long as the records are there."""
    age_s: int = -1
    bisects: bool = False
    parallelization: int = 1
    principal: str = "lambda.amazonaws.com"
    consumer: str = ""


class Discarded(msgspec.Struct, frozen=True):
    """A batch that was given up."""

    records: list[StreamRecord]
    condition: str
    """RetryAttemptsExhausted or RecordAgeExceeded."""
    attempts: int
    shard_id: str
    stream_arn: str
    error: ServiceError | None = None
    """What the last attempt met; None: there was none, or it reported records that failed."""


class Untried(Exception):
    """Raised by the work on a batch that cannot even be tried now: no attempt, so that only its age ends it."""


Work = Callable[[Context, list[StreamRecord]], Coroutine[Any, Any, int | None]]
"""Works on a batch: None, or the position of the first record that failed. An error fails all of them."""
Discard = Callable[[Context, Discarded], None]
"""Is told of a batch that was given up."""


class Place(Record, frozen=True):
    """How far a consumer has come."""

    iterator: str


def place_key(consumer_id: str) -> Key:
    """One row for each consumer."""
    return ("source-place", consumer_id)


def forget_place(tx: Tx, consumer_id: str) -> None:
    """A consumer is gone for good."""
    tx.delete(place_key(consumer_id))


def _size(records: list[StreamRecord]) -> int:
    return sum(record["dynamodb"]["SizeBytes"] for record in records)


class StreamPoller:
    """Feeds one consumer from one stream, until it is stopped."""

    def __init__(self, kernel: Kernel, source: StreamSource, work: Work, discard: Discard) -> None:
        stream = find_arn(source.arn)
        assert stream is not None
        self._kernel, self._source, self._work, self._discard, self._stream = (
            kernel,
            source,
            work,
            discard,
            stream,
        )
        self._shard, self._start = "", source.starting_position
        self.task = kernel.spawn(self._run(), f"read {source.arn} for {source.consumer}")
        """Done once the poller has been stopped, or the stream has ended."""

    def stop(self) -> None:
        """Take no further record; a batch under way is not waited for, and comes again."""
        self.task.cancel()

    def _ctx(self) -> Context:
        stream = self._stream
        caller = service_caller(stream.account, stream.region, self._source.principal, self._kernel.ids.uuid())
        return self._kernel.context(caller)

    async def _run(self) -> None:
        while True:
            try:
                if not await self._take_turn():
                    return
            except ServiceError as refused:
                log.info("reading %s: %r", self._source.arn, refused)
                if refused.shape == "ResourceNotFoundException":
                    return  # the stream is gone, for good: none is ever made again under its ARN
                # the disk is full, or such: look again later, without pulling a virtual clock
                if refused.shape == "TrimmedDataAccessException":
                    # what is left is not to be missed, wherever the consumer began
                    self._start = "TRIM_HORIZON"
                    self._kernel.transact(forget_place, self._source.consumer_id)
                await pause(self._kernel, _RETRY_MS)

    async def _take_turn(self) -> bool:
        """One round of batches; False once the stream has ended."""
        ctx, source = self._ctx(), self._source
        iterator = await self._place(ctx)
        records, following, hold = await self._gather(ctx, iterator)
        try:
            if records:
                hold.pause()  # each lane holds the clock for itself, but for its waits
                await asyncio.gather(*(self._finish(batch) for batch in self._split(records)))
                hold.resume()
            if following is None:
                return False
            if records:
                ctx.transact(lambda tx: tx.put(place_key(source.consumer_id), Place(following)))
                await ctx.durable()
            return True
        finally:
            hold.release()

    async def _place(self, ctx: Context) -> str:
        """Where the consumer goes on; a new one's place is kept at once, so that nothing is missed."""
        found = ctx.transact(lambda tx: tx.get(Place, place_key(self._source.consumer_id)))
        if not self._shard:
            described = await ctx.call("dynamodbstreams", "DescribeStream", {"StreamArn": self._source.arn})
            self._shard = str(described["StreamDescription"]["Shards"][0]["ShardId"])
        if isinstance(found, Place):
            return found.iterator
        request = {
            "StreamArn": self._source.arn,
            "ShardId": self._shard,
            "ShardIteratorType": self._start,
        }
        answer = await ctx.call("dynamodbstreams", "GetShardIterator", request)
        iterator: str = answer["ShardIterator"]
        ctx.transact(lambda tx: tx.put(place_key(self._source.consumer_id), Place(iterator)))
        return iterator

    async def _gather(self, ctx: Context, iterator: str) -> tuple[list[StreamRecord], str | None, Hold]:
        """Records for a round, the iterator behind them (None: the stream has ended), a hold of the clock."""
        source = self._source
        wanted = source.batch_size * source.parallelization
        hold = self._kernel.clock.hold(f"batch for {source.consumer}")
        try:
            records, following = await self._read(ctx, iterator, wanted, 0)  # what is there already
            if not records and following is not None:
                hold.pause()
                records, following = await self._read(ctx, following, wanted, ctx.clock.now_ms() + _WAIT_MS)
                hold.resume()
            until_ms = ctx.clock.now_ms() + source.window_s * 1000
            while records and following is not None and len(records) < wanted and _size(records) < _BATCH_BYTES:
                waits = ctx.clock.now_ms() < until_ms
                if waits:
                    hold.pause()
                more, following = await self._read(ctx, following, wanted - len(records), until_ms)
                if waits:
                    hold.resume()
                if not more and ctx.clock.now_ms() >= until_ms:
                    break
                records += more
        except BaseException:
            hold.release()
            raise
        return records, following, hold

    async def _read(
        self, ctx: Context, iterator: str, wanted: int, until_ms: int
    ) -> tuple[list[StreamRecord], str | None]:
        request = {"ShardIterator": iterator, "Limit": min(wanted, 1000), "UntilMs": until_ms}
        answer = await ctx.call("dynamodbstreams", "AwaitRecords", request)
        return answer["Records"], answer.get("NextShardIterator")

    def _split(self, records: list[StreamRecord]) -> list[list[StreamRecord]]:
        """Batches to work on side by side; an item's records are all in one."""
        lanes = self._source.parallelization
        if lanes == 1:
            return [records]
        batches: list[list[StreamRecord]] = [[] for _ in range(lanes)]
        for record in records:
            batches[sum(key_of(record).encode()) % lanes].append(record)
        return [batch for batch in batches if batch]

    async def _finish(self, batch: list[StreamRecord]) -> None:
        """A lane's records, in batches, until each is done or given up."""
        size = self._source.batch_size
        with self._kernel.clock.busy(f"batch for {self._source.consumer}") as hold:
            for start in range(0, len(batch), size):
                await self._finish_part(hold, batch[start : start + size], attempts=0)

    async def _finish_part(self, hold: Hold, records: list[StreamRecord], attempts: int) -> None:
        source = self._source
        error: ServiceError | None = None
        waits = 0
        while records:
            ctx = self._ctx()
            kept = self._without_aged(ctx, records, attempts, error)
            if not kept:
                return
            records = kept
            try:
                failed, error = await self._attempt(ctx, records)
            except Untried:
                waits += 1
                await self._back_off(hold, waits)
                continue
            attempts += 1
            if failed is None:
                return
            if failed > 0:
                records, attempts = records[failed:], 0
                continue
            if source.bisects and len(records) > 1:
                # the halves share what is left of the retries
                middle = (len(records) + 1) // 2
                await self._finish_part(hold, records[:middle], attempts - 1)
                records, attempts = records[middle:], attempts - 1
                continue
            if 0 <= source.retries < attempts:
                self._give_up(ctx, records, "RetryAttemptsExhausted", attempts, error)
                return
            await self._back_off(hold, attempts)

    async def _back_off(self, hold: Hold, times: int) -> None:
        hold.pause()
        await pause(self._kernel, _BACK_OFF_MS[min(times, len(_BACK_OFF_MS)) - 1])
        hold.resume()

    async def _attempt(
        self, ctx: Context, records: list[StreamRecord]
    ) -> tuple[int | None, ServiceError | None]:
        """The position of the first record that failed (None: none did), and the error if all did for one."""
        try:
            return await self._work(ctx, records), None
        except ServiceError as refused:
            log.warning("batch for %s was not processed: %r", self._source.consumer, refused)
            return 0, refused

    def _without_aged(
        self, ctx: Context, records: list[StreamRecord], attempts: int, error: ServiceError | None
    ) -> list[StreamRecord]:
        age_s = self._source.age_s
        if age_s < 0:
            return records
        oldest_ms = ctx.clock.now_ms() - age_s * 1000
        kept = [r for r in records if r["dynamodb"]["ApproximateCreationDateTime"] >= oldest_ms]
        aged = records[: len(records) - len(kept)]
        if aged:
            self._give_up(ctx, aged, "RecordAgeExceeded", attempts, error)
        return kept

    def _give_up(
        self,
        ctx: Context,
        records: list[StreamRecord],
        condition: str,
        attempts: int,
        error: ServiceError | None,
    ) -> None:
        log.info(
            "%s to %s for %s: %s",
            sequence_of(records[0]),
            sequence_of(records[-1]),
            self._source.consumer,
            condition,
        )
        self._discard(ctx, Discarded(records, condition, attempts, self._shard, self._source.arn, error))
