"""Iterators and what they give: records behind a place in a stream.

Source: DynamoDB Streams API Reference, GetRecords, GetShardIterator.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
import orjson

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.dynamodb.slices import read_slice
from ballroom.services.dynamodb.streams.rows import (
    Change,
    Iterator,
    Mark,
    StreamPlace,
    changes_of,
    load_place,
    mark_key,
    number_in,
    sequence_of,
)
from ballroom.services.dynamodb.values.attribute_values import give_attributes

MOST_RECORDS = 1000
MOST_BYTES = 1 << 20
LIFETIME_MS = 15 * 60 * 1000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Iterator).decode


class ExpiredIterator(ServiceError):
    """The iterator is older than 15 minutes."""

    shape = "ExpiredIteratorException"
    text = "Iterator expired"


class TrimmedDataAccess(ServiceError):
    """The record is no longer there."""

    shape = "TrimmedDataAccessException"
    text = (
        "The operation attempted to read past the oldest stream record in a shard. The number of records "
        "has been trimmed."
    )


class InvalidIterator(ServiceError):
    """The iterator is none of ours."""

    shape = "ValidationException"
    status = 400
    text = "Invalid ShardIterator"


def make_iterator(tx: Tx, place: StreamPlace, after: int) -> str:
    """An iterator that stands behind a record."""
    return base64.urlsafe_b64encode(_encode(Iterator(place.arn, after, tx.now_ms))).decode()


def read_iterator(text: str) -> Iterator:
    """What an iterator holds.

    Raises:
        InvalidIterator: it is none.
    """
    try:
        return _decode(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, msgspec.ValidationError):
        raise InvalidIterator from None


def first_kept(tx: Tx, place: StreamPlace) -> int:
    """The number behind which records are still there."""
    mark = tx.get(Mark, mark_key(place.table_id, place.label))
    return mark.removed if mark is not None else 0


def read(tx: Tx, iterator: Iterator, limit: int) -> dict[str, Any]:
    """Records behind an iterator and the iterator behind them; none at the end of a stream that is closed.

    Raises:
        ResourceNotFound: the stream is gone.
        TrimmedDataAccess: what comes next has been trimmed.
    """
    place = load_place(tx, iterator.arn)
    if iterator.after < first_kept(tx, place):
        raise TrimmedDataAccess
    prefix = changes_of(place.table_id, place.label)
    low, high = pack((*prefix, iterator.after)) + b"\0", pack(prefix) + PREFIX_END
    records: list[dict[str, Any]] = []
    size, after = 0, iterator.after
    for key, row in read_slice(tx, Change, low, high, rows=min(limit, MOST_RECORDS)):
        size += row.size
        if records and size > MOST_BYTES:
            break
        after = number_in(key)
        records.append(_present(place, after, row))
    answer: dict[str, Any] = {"Records": records}
    is_at_end = place.disabled_ms and after >= place.last
    if not is_at_end:
        answer["NextShardIterator"] = make_iterator(tx, place, after)
    return answer


def _present(place: StreamPlace, number: int, row: Change) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ApproximateCreationDateTime": row.at_ms // 1000 * 1000,
        "Keys": give_attributes(orjson.loads(row.keys)),
        "SequenceNumber": sequence_of(number),
        "SizeBytes": row.size,
        "StreamViewType": place.view,
    }
    if row.new is not None:
        told["NewImage"] = give_attributes(orjson.loads(row.new))
    if row.old is not None:
        told["OldImage"] = give_attributes(orjson.loads(row.old))
    record: dict[str, Any] = {
        "eventID": row.id,
        "eventName": row.name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": place.region,
        "dynamodb": told,
    }
    if row.by:
        record["userIdentity"] = {"PrincipalId": row.by, "Type": "Service"}
    return record
