"""DynamoDB Streams: a service of its own on the wire, with the tables' data."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation
from ballroom.services.dynamodb.errors import Invalid, ResourceNotFound
from ballroom.services.dynamodb.streams import reading
from ballroom.services.dynamodb.streams.rows import (
    SHARD,
    Change,
    StreamPlace,
    Tails,
    changes_of,
    load_place,
    number_of,
    place_key,
    sequence_of,
)
from ballroom.services.dynamodb.streams.waiting import Readers

SERVICE = "dynamodbstreams"
_PAGE = 100
"""Streams or shards at a time, at most and by default."""


def _limit(request: Request, most: int) -> int:
    """How many the request asks for at a time.

    Raises:
        Invalid: more than there may be; the model says only that it is at least 1.
    """
    limit: int = request.get("Limit", most)
    if limit > most:
        raise Invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )
    return limit


@operation("ListStreams", service=SERVICE)
def list_streams(tx: Tx, request: Request) -> Response:
    """The streams of a table, or of all tables, by table and time.

    Source: DynamoDB Streams API Reference, ListStreams.
    """
    limit = _limit(request, _PAGE)
    prefix: tuple[str, ...] = ("dynamodb", tx.account, tx.region, "stream")
    if "TableName" in request:
        prefix = (*prefix, request["TableName"])
    after = None
    if "ExclusiveStartStreamArn" in request:
        start = load_place(tx, request["ExclusiveStartStreamArn"])
        after = place_key(start.account, start.region, start.table, start.label)
    rows = tx.scan_prefix(StreamPlace, prefix, after=after, limit=limit + 1)
    answer: Response = {
        "Streams": [{"StreamArn": p.arn, "TableName": p.table, "StreamLabel": p.label} for p in rows[:limit]]
    }
    if len(rows) > limit:
        answer["LastEvaluatedStreamArn"] = rows[limit - 1].arn
    return answer


@operation("DescribeStream", service=SERVICE)
def describe_stream(tx: Tx, request: Request) -> Response:
    """A stream and its shard.

    Source: DynamoDB Streams API Reference, DescribeStream.
    """
    _limit(request, _PAGE)
    place = load_place(tx, request["StreamArn"])
    schema = [{"AttributeName": place.hash, "KeyType": "HASH"}]
    if place.range is not None:
        schema.append({"AttributeName": place.range, "KeyType": "RANGE"})
    told: dict[str, Any] = {
        "StreamArn": place.arn,
        "StreamLabel": place.label,
        "StreamStatus": "DISABLED" if place.disabled_ms else "ENABLED",
        "StreamViewType": place.view,
        "CreationRequestDateTime": place.enabled_ms,
        "TableName": place.table,
        "KeySchema": schema,
        "Shards": [] if _skips_shard(request) else [_shard(tx, place)],
    }
    return {"StreamDescription": told}


def _skips_shard(request: Request) -> bool:
    """The one shard is no child, and nothing comes behind it."""
    return "ShardFilter" in request or request.get("ExclusiveStartShardId", "") >= SHARD


def _shard(tx: Tx, place: StreamPlace) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": sequence_of(1)}
    if place.disabled_ms:
        # a stream that ended without a record ends where it began
        numbers["EndingSequenceNumber"] = sequence_of(max(place.last, 1))
    return {"ShardId": SHARD, "SequenceNumberRange": numbers}


@operation("GetShardIterator", service=SERVICE)
def get_shard_iterator(tx: Tx, request: Request) -> Response:
    """A place in the stream to read from.

    Raises:
        TrimmedDataAccess: the record asked for has been trimmed.

    Source: DynamoDB Streams API Reference, GetShardIterator.
    """
    place = load_place(tx, request["StreamArn"])
    if request["ShardId"] != SHARD:
        raise ResourceNotFound(f"Requested resource not found: Shard does not exist: {request['ShardId']}")
    kind = request["ShardIteratorType"]
    last, first = tx.kernel.state(Tails).last(tx, place), reading.first_kept(tx, place)
    if kind == "TRIM_HORIZON":
        after = first
    elif kind == "LATEST":
        after = last
    elif kind == "AT_TIMESTAMP":
        after = _before(tx, place, request)
    else:
        if "SequenceNumber" not in request:
            raise Invalid(f"A sequence number is required for ShardIteratorType {kind}")
        number = number_of(request["SequenceNumber"])
        if not 0 <= number <= max(last, 1):
            raise Invalid("Invalid SequenceNumber")
        after = number - 1 if kind == "AT_SEQUENCE_NUMBER" else number
        if after < first:
            raise reading.TrimmedDataAccess
    return {"ShardIterator": reading.make_iterator(tx, place, max(after, 0))}


def _before(tx: Tx, place: StreamPlace, request: Request) -> int:
    """The number of the last record before a moment."""
    if "Timestamp" not in request:
        raise Invalid("A timestamp is required for ShardIteratorType AT_TIMESTAMP")
    low, high = reading.first_kept(tx, place), tx.kernel.state(Tails).last(tx, place)
    prefix = changes_of(place.table_id, place.label)
    while low < high:
        middle = (low + high) // 2
        rows = tx.scan_prefix_items(Change, prefix, after=(*prefix, middle), limit=1)
        if rows and rows[0][1].at_ms < request["Timestamp"]:
            low = int(rows[0][0][-1])
        else:
            high = middle
    return low


@operation("GetRecords", service=SERVICE)
def get_records(tx: Tx, request: Request) -> Response:
    """Records behind an iterator, at most 1,000 and 1 MB.

    Raises:
        ExpiredIterator: it is older than 15 minutes.
        TrimmedDataAccess: what comes next has been trimmed.

    Source: DynamoDB Streams API Reference, GetRecords.
    """
    limit = _limit(request, reading.MOST_RECORDS)
    iterator = reading.read_iterator(request["ShardIterator"])
    if tx.now_ms - iterator.made_ms > reading.LIFETIME_MS:
        raise reading.ExpiredIterator
    return reading.read(tx, iterator, limit)


@operation("AwaitRecords", service=SERVICE, internal=True)
def await_records(tx: Tx, request: Request) -> Response | Waiting:
    """For pollers: like GetRecords, but waits for a record until `UntilMs`; an iterator does not expire."""
    iterator = reading.read_iterator(request["ShardIterator"])
    found = reading.read(tx, iterator, request["Limit"])
    if found["Records"] or "NextShardIterator" not in found or tx.now_ms >= request["UntilMs"]:
        return found
    place = load_place(tx, iterator.arn)

    async def wait(ctx: Context) -> Response:
        # a record may have come since; from this look to the wait nothing can
        found = ctx.transact(reading.read, iterator, request["Limit"])
        if found["Records"] or "NextShardIterator" not in found:
            return found
        await Readers.of(ctx.kernel).wait(place.table_id, place.label, request["UntilMs"])
        return ctx.transact(reading.read, iterator, request["Limit"])

    return Waiting(wait)
