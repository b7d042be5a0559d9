"""A DynamoDB stream into a function: what a batch of its records goes through.

The mapping's filter, an invocation, the function's word on the first record that failed, and the destination
of batches that were given up.

Source: Developer Guide, "Using AWS Lambda with Amazon DynamoDB", "Retain discarded records"; recorded answers.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson

from ballroom.kernel import Context, Kernel, ServiceError, Tx
from ballroom.services.lambda_ import destinations
from ballroom.services.lambda_.clock_texts import iso_ms
from ballroom.services.lambda_.errors import LambdaError, TooManyRequests
from ballroom.services.lambda_.filters import Matcher, compile_filters
from ballroom.services.lambda_.invocation import Call, count, invoke
from ballroom.services.lambda_.mappings import LastResults, MappingPlace, substance
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.outcome import Outcome
from ballroom.services.lambda_.resources import Mapping, find_function
from ballroom.sources.batch_failures import reported_failures
from ballroom.sources.stream_poller import Discarded, StreamPoller, StreamRecord, StreamSource, Untried
from ballroom.sources.stream_records import record_of, sequence_of

_THROTTLED_S = 0.2


class BatchFailed(LambdaError):
    """The function failed, or reported the first record or what cannot be understood: all is tried again."""

    shape = "FunctionError"

    def __init__(self, text: str, request_id: str, outcome: Outcome) -> None:
        super().__init__(text)
        self.request_id, self.outcome = request_id, outcome


class StreamFeeder:
    """Feeds one function from one stream."""

    def __init__(self, kernel: Kernel, place: MappingPlace, mapping: Mapping) -> None:
        assert mapping.stream is not None
        self._mapping, self._stream = mapping, mapping.stream
        self._at = FunctionName(place.account, place.region, mapping.function_name, mapping.qualifier or None)
        self._filter: Matcher | None = compile_filters(mapping.filters)
        stream = mapping.stream
        source = StreamSource(
            mapping.source_arn, mapping.uuid, mapping.batch_size, stream.starting_position, mapping.window_s,
            stream.retries, stream.age_s, stream.bisects, stream.parallelization,
            consumer=mapping.function_name,
        )  # fmt: skip
        self._poller = StreamPoller(kernel, source, self._work, self._discard)

    def serves(self, mapping: Mapping) -> bool:
        """Whether this feeder already does what the mapping says."""
        return substance(mapping) == substance(self._mapping)

    def stop(self) -> None:
        """Take no further record."""
        self._poller.stop()

    async def _work(self, ctx: Context, records: list[StreamRecord]) -> int | None:
        """One batch through the function: the position of the first record that failed, if any did."""
        try:
            failed = await self._process(ctx, records)
        except ServiceError:
            ctx.kernel.state(LastResults).note(self._mapping.uuid, ok=False)
            raise
        ctx.kernel.state(LastResults).note(self._mapping.uuid, ok=failed is None)
        return failed

    async def _process(self, ctx: Context, records: list[StreamRecord]) -> int | None:
        shown = [record_of(record, self._mapping.source_arn) for record in records]
        chosen = [record for record in shown if self._filter is None or self._filter(record)]
        if not chosen:
            return None
        request_id = ctx.kernel.ids.uuid()
        call = Call(self._at, orjson.dumps({"Records": chosen}), request_id, None)
        outcome = await self._invoke(ctx, call, records[0]["dynamodb"]["ApproximateCreationDateTime"])
        if outcome.function_error:
            raise BatchFailed(outcome.function_error, request_id, outcome)
        if "ReportBatchItemFailures" not in self._mapping.response_types:
            return None
        failed = reported_failures(outcome.payload, {sequence_of(record) for record in chosen})
        if failed is None:
            raise BatchFailed("the answer names no record of the batch", request_id, outcome)
        positions = [n for n, record in enumerate(records) if sequence_of(record) in failed]
        if positions and positions[0] == 0:
            raise BatchFailed("the first record failed", request_id, outcome)
        return positions[0] if positions else None

    async def _invoke(self, ctx: Context, call: Call, oldest_ms: int) -> Outcome:
        """The outcome, once there is room for the function.

        Raises:
            Untried: the function is given no room at all, or the batch has become too old meanwhile.
        """
        while True:
            try:
                return await invoke(ctx, call)
            except TooManyRequests as throttled:
                if self._is_stopped(ctx) or self._is_aged(ctx, oldest_ms):
                    raise Untried from throttled
                # wait in real time, as the invocations do that take the room
                await asyncio.wait({self._poller.task}, timeout=_THROTTLED_S)

    def _is_stopped(self, ctx: Context) -> bool:
        function = ctx.transact(find_function, self._at)
        return function is not None and function.reserved_concurrency == 0

    def _is_aged(self, ctx: Context, created_ms: int) -> bool:
        age_s = self._stream.age_s
        return age_s >= 0 and created_ms < ctx.clock.now_ms() - age_s * 1000

    def _discard(self, ctx: Context, told: Discarded) -> None:
        """Tell the destination where in the stream the batch stands."""
        count(ctx.kernel, self._at, "DroppedEvents" if not self._stream.on_failure else "OnFailureDeliveries")
        if self._stream.on_failure:
            ctx.transact(self._tell, told)

    def _tell(self, tx: Tx, told: Discarded) -> None:
        try:
            with tx.savepoint():
                destinations.send(tx, self._stream.on_failure, self._document(tx, told), trace=None)
        except ServiceError:
            count(tx.kernel, self._at, "DestinationDeliveryFailures")

    def _document(self, tx: Tx, told: Discarded) -> dict[str, Any]:
        first, last = told.records[0], told.records[-1]
        failure = told.error if isinstance(told.error, BatchFailed) else None
        document: dict[str, Any] = {
            "requestContext": {
                "requestId": failure.request_id if failure is not None else tx.ids.uuid(),
                "functionArn": self._at.at(self._at.qualifier).qualified_arn,
                "condition": told.condition,
                "approximateInvokeCount": told.attempts,
            },
        }
        if failure is not None:
            document["responseContext"] = {
                "statusCode": 200,
                "executedVersion": failure.outcome.executed_version or LATEST,
                "functionError": failure.outcome.function_error,
            }
        document["version"] = "1.0"
        document["timestamp"] = iso_ms(tx.now_ms) + "Z"
        document["DDBStreamBatchInfo"] = {
            "shardId": told.shard_id,
            "startSequenceNumber": sequence_of(first),
            "endSequenceNumber": sequence_of(last),
            "approximateArrivalOfFirstRecord": _seconds(first),
            "approximateArrivalOfLastRecord": _seconds(last),
            "batchSize": len(told.records),
            "streamArn": told.stream_arn,
        }
        return document


def _seconds(record: StreamRecord) -> str:
    moment = datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"] / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
