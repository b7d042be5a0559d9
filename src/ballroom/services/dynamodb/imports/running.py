"""Carrying out an import: object after object, line after line, in slices that each remember how far they came.

Source: DynamoDB Developer Guide, "DynamoDB data import from Amazon S3", "Validation for imports".
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from ballroom.kernel import Context, ServiceError, Tx, on_delivery
from ballroom.kernel.caller import service_caller
from ballroom.kernel.delivery import Delivery, RetryPolicy, exponential
from ballroom.kernel.errors import InternalFailure, Throttled, Unavailable
from ballroom.services.dynamodb.capacity import Consumed
from ballroom.services.dynamodb.changing import Put, carry_out
from ballroom.services.dynamodb.errors import Invalid, ItemCollectionSizeLimitExceeded
from ballroom.services.dynamodb.housekeeping import collect_later
from ballroom.services.dynamodb.imports.formats import BadFile, BadLine, Csv, Lines, Reader, json_item
from ballroom.services.dynamodb.imports.records import LOG_GROUP, Import, find_import, key_of
from ballroom.services.dynamodb.live import LiveTable, LiveTables, save_table
from ballroom.services.dynamodb.resources import Table, table_key

KIND = "dynamodb.import"
POLICY = RetryPolicy(None, back_off_ms=exponential(1_000, 2, 60_000))
_AT_ONCE, _AT_ONCE_CHARACTERS = 50, 200_000
MOST_LOGGED = 10_000
"""Errors beyond these are counted and not logged."""


@on_delivery(KIND, concurrency=4)
async def run(ctx: Context, delivery: Delivery) -> None:
    """Go on where the import stands."""
    one = ctx.transact(find_import, delivery.subject)
    if one is None or one.status != "IN_PROGRESS":
        return
    reader = ctx.kernel.context(service_caller(one.account, one.region, "dynamodb.amazonaws.com"))
    failure: tuple[str, str] | None = None
    try:
        one = await _import(reader, one)
    except (Throttled, Unavailable, InternalFailure):
        raise  # tried again
    except ServiceError as error:
        failure = (f"S3{error.shape}", error.text)
    except BadFile as error:
        failure = ("InvalidInputFile", str(error))
    reader.transact(_finish, delivery, failure)


def _finish(tx: Tx, delivery: Delivery, failure: tuple[str, str] | None) -> None:
    """The table is there now; after a failure there is none."""
    delivery.complete(tx)
    one = find_import(tx, delivery.subject)
    if one is None:
        return
    status = "COMPLETED" if failure is None else "FAILED"
    one = replace(one, status=status, failure=failure, ended_ms=tx.now_ms)
    tx.put(key_of(one), one)
    table = tx.get(Table, table_key(one.account, one.region, one.table))
    if table is not None and table.id == one.table_id:
        if failure is None:
            save_table(tx, replace(table, building=False))
        else:
            tx.delete(table_key(one.account, one.region, one.table))
            collect_later(tx, table.id)
    _log(tx, one, "info", [_info(one)])


def _info(one: Import) -> dict[str, Any]:
    return {
        "importArn": one.arn, "status": one.status, "processedItemCount": one.items,
        "importedItemCount": one.imported, "errorCount": one.errors,
    }  # fmt: skip


async def _import(ctx: Context, one: Import) -> Import:
    source = one.asked["S3BucketSource"]
    request: dict[str, Any] = {"Bucket": source["S3Bucket"]}
    if source.get("S3BucketOwner") is not None:
        request["ExpectedBucketOwner"] = source["S3BucketOwner"]
    listing = {**request, "StartAfter": one.done_key} if one.done_key else dict(request)
    if source.get("S3KeyPrefix"):
        listing["Prefix"] = source["S3KeyPrefix"]
    while True:
        page = await ctx.call("s3", "ListObjectsV2", listing)
        for found in page.get("Contents", []):
            one = await _object(ctx, one, request, found["Key"])
        if not page.get("IsTruncated"):
            return one
        listing["ContinuationToken"] = page["NextContinuationToken"]


def _reader(ctx: Context, one: Import) -> Reader:
    if one.format == "DYNAMODB_JSON":
        return json_item
    options = (one.asked.get("InputFormatOptions") or {}).get("Csv") or {}
    types = {
        each["AttributeName"]: each["AttributeType"]
        for each in one.asked["TableCreationParameters"]["AttributeDefinitions"]
    }
    return Csv(options.get("Delimiter") or ",", options.get("HeaderList"), types)


async def _object(ctx: Context, one: Import, request: dict[str, Any], key: str) -> Import:
    """Import the lines of an object that are not imported yet."""
    answer = await ctx.call("s3", "GetObject", {**request, "Key": key})
    lines = Lines(packed=one.asked.get("InputCompressionType") == "GZIP")
    work = _Slices(ctx, one, key, _reader(ctx, one))
    async for data in _chunks(answer["Body"]):
        work.size += len(data)
        for line in lines.feed(data):
            if work.add(line):
                await ctx.durable()
    for line in lines.end():
        work.add(line)
    work.end()
    await ctx.durable()
    return work.one


async def _chunks(body: Any) -> Any:
    if isinstance(body, bytes | bytearray | memoryview):
        for at in range(0, len(body), 1 << 16):
            yield bytes(body[at : at + (1 << 16)])
    else:
        async for data in body:
            yield bytes(data)


class _Slices:
    """The lines of one object, written a slice at a time."""

    def __init__(self, ctx: Context, one: Import, key: str, reader: Reader) -> None:
        self._ctx, self.one, self._key, self._reader = ctx, one, key, reader
        self._place = 0
        """Lines seen."""
        self._waiting: list[tuple[int, dict[str, Any] | str]] = []
        """Places with their items, or with what is wrong with them."""
        self._characters = 0
        self.size = 0
        """Bytes of the object that were read."""

    def add(self, line: str) -> bool:
        """Take a line; whether a slice was written."""
        self._place += 1
        try:
            item = self._reader(line)
        except BadLine as error:
            item, told = None, str(error)
        else:
            told = ""
        if self._place <= self.one.lines or (item is None and not told):
            return False
        self._waiting.append((self._place, told if item is None else item))
        self._characters += len(line)
        if len(self._waiting) < _AT_ONCE and self._characters < _AT_ONCE_CHARACTERS:
            return False
        self._write(replace(self.one, lines=self._place))
        return True

    def end(self) -> None:
        """The object is done with."""
        self._write(replace(self.one, done_key=self._key, lines=0, size=self.one.size + self.size))

    def _write(self, one: Import) -> None:
        self.one = self._ctx.transact(_write, one, self._key, self._waiting)
        self._waiting, self._characters = [], 0


def _write(tx: Tx, one: Import, key: str, found: list[tuple[int, dict[str, Any] | str]]) -> Import:
    """Write a slice of items, and how far the import came."""
    table = tx.get(Table, table_key(one.account, one.region, one.table))
    if table is None or table.id != one.table_id:
        raise BadFile("The table has been deleted")
    live = tx.kernel.state(LiveTables).of(table)
    errors = []
    for place, item in found:
        reason = item if isinstance(item, str) else _put(tx, live, item)
        if reason:
            errors.append(
                {
                    "itemS3Pointer": {
                        "bucket": one.asked["S3BucketSource"]["S3Bucket"], "key": key, "itemIndex": place - 1,
                    },
                    "importArn": one.arn,
                    "errorMessages": [reason],
                }
            )  # fmt: skip
    if errors and one.errors < MOST_LOGGED:
        _log(tx, one, "error", errors)
    one = replace(
        one,
        items=one.items + len(found),
        imported=one.imported + len(found) - len(errors),
        errors=one.errors + len(errors),
    )
    tx.put(key_of(one), one)
    return one


def _put(tx: Tx, table: LiveTable, item: dict[str, Any]) -> str:
    """Put an item; what is wrong with it, if anything."""
    try:
        with tx.savepoint():
            write = Put({"Item": item})
            write.bind(table)
            carry_out(tx, table, write, Consumed(table), counted=False)
    except (Invalid, ItemCollectionSizeLimitExceeded) as error:
        return error.text
    return ""


def _log(tx: Tx, one: Import, name: str, entries: list[dict[str, Any]]) -> None:
    """Write to the import's log stream in CloudWatch, which is made when it is needed."""
    caller = service_caller(one.account, one.region, "dynamodb.amazonaws.com")
    place = {"logGroupName": LOG_GROUP, "logStreamName": f"{one.id}/{name}"}
    for operation, request in (("CreateLogGroup", {"logGroupName": LOG_GROUP}), ("CreateLogStream", place)):
        try:
            tx.call("logs", operation, request, caller=caller)
        except ServiceError as error:
            if error.shape != "ResourceAlreadyExistsException":
                raise
    events = [{"timestamp": tx.now_ms, "message": orjson.dumps(entry).decode()} for entry in entries]
    tx.call("logs", "PutLogEvents", {**place, "logEvents": events}, caller=caller)
