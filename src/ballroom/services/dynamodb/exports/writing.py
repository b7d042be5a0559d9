"""Writing an export: data files one after the other, then the manifests.

Interrupted, it goes on behind the last file.

Source: DynamoDB Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import asyncio
import gzip
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

import orjson
from msgspec.structs import replace

from ballroom.kernel import Context, ServiceError, Tx, next_turn, on_delivery
from ballroom.kernel.caller import service_caller
from ballroom.kernel.delivery import Delivery, RetryPolicy, exponential
from ballroom.kernel.errors import InternalFailure, Throttled, Unavailable
from ballroom.kernel.keys import PREFIX_END
from ballroom.services.dynamodb.exports.filtering import Selection
from ballroom.services.dynamodb.exports.records import (
    FULL,
    Export,
    ExportFile,
    file_key,
    find_export,
    key_of,
)
from ballroom.services.dynamodb.housekeeping import collect_later
from ballroom.services.dynamodb.names import table_arn
from ballroom.services.dynamodb.recovery.copying import Changed, Copy, finishes, items_of
from ballroom.services.dynamodb.recovery.log import time_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.slices import read_slice

FILE_BYTES = 8 << 20
"""Of a data file, before it is compressed."""
_KIND = "dynamodb.export"
_POLICY = RetryPolicy(None, back_off_ms=exponential(1_000, 2, 60_000))


@finishes("export")
def hand_over(tx: Tx, copy: Copy) -> Copy | None:
    """The copy is done: write it out."""
    export = find_export(tx, copy.subject)
    if export is None:
        collect_later(tx, copy.target_id)
        return None
    tx.put(key_of(export), replace(export, data_id=copy.target_id))
    tx.deliver(_KIND, b"", policy=_POLICY, subject=export.arn)
    return None


@on_delivery(_KIND, concurrency=4)
async def write(ctx: Context, delivery: Delivery) -> None:
    """Write what is not written yet."""
    export = ctx.transact(find_export, delivery.subject)
    if export is None or export.status != "IN_PROGRESS":
        return
    writer = ctx.kernel.context(service_caller(export.account, export.region, "dynamodb.amazonaws.com"))
    try:
        export = await _write(writer, export)
    except (Throttled, Unavailable, InternalFailure):
        raise  # tried again
    except ServiceError as error:
        export = replace(export, status="FAILED", failure=(f"S3{error.shape}", error.text))
    ctx.transact(_finish, delivery, export)


def _finish(tx: Tx, delivery: Delivery, export: Export) -> None:
    delivery.complete(tx)
    tx.put(key_of(export), replace(export, ended_ms=export.ended_ms or tx.now_ms, cursor=b""))
    collect_later(tx, export.data_id)


async def _write(ctx: Context, export: Export) -> Export:
    if not export.files:
        await _put(ctx, export, f"{export.folder}_started", b"")
    asked = export.asked.get("FilterSpecification")
    selection = Selection(asked) if asked else None
    while True:
        lines: list[bytes] = []
        cursor, size = export.cursor, 0
        while size < FILE_BYTES:
            found, reached = ctx.transact(_lines, export, selection, cursor)
            if reached is None:
                break
            cursor = reached
            lines += found
            size += sum(map(len, found))
            await ctx.durable()
            await next_turn()
        if not lines and export.files:
            break
        data, digest = await asyncio.to_thread(_compressed, lines)
        key = export.data_key(export.files)
        etag = await _put(ctx, export, key, data)
        written = ExportFile(key, len(lines), digest, etag)
        export = ctx.transact(_note, export, written, cursor, size)
        await ctx.durable()
    return await _write_manifests(ctx, export)


def _compressed(lines: list[bytes]) -> tuple[bytes, str]:
    data = gzip.compress(b"".join(lines), 6, mtime=0)
    return data, _md5(data)


def _md5(data: bytes) -> str:
    return b64encode(md5(data, usedforsecurity=False).digest()).decode()


def _note(tx: Tx, export: Export, written: ExportFile, cursor: bytes, size: int) -> Export:
    """A file is there."""
    tx.put(file_key(export, export.files), written)
    export = replace(
        export,
        cursor=cursor,
        files=export.files + 1,
        items=export.items + written.items,
        size=export.size + size,
    )
    tx.put(key_of(export), export)
    return export


def _lines(
    tx: Tx, export: Export, selection: Selection | None, cursor: bytes
) -> tuple[list[bytes], bytes | None]:
    """The lines of the next slice, and the row reached; None: that was all."""
    low = items_of(export.data_id)
    start, high = (cursor + b"\0" if cursor else low), low + PREFIX_END
    if export.kind == FULL:
        rows = read_slice(tx, Item, start, high)
        lines = [_item_line(selection, item) for _, item in rows]
        reached = rows[-1][0] if rows else None
    else:
        changes = read_slice(tx, Changed, start, high)
        lines = [_change_line(export, selection, change) for _, change in changes]
        reached = changes[-1][0] if changes else None
    return [line for line in lines if line], reached


def _item_line(selection: Selection | None, item: Item) -> bytes:
    """One line of a full export; empty for an item that it does not take."""
    wire = item.wire
    if selection is not None:
        attributes = item.attributes
        if not selection.keeps(attributes):
            return b""
        wire = orjson.dumps(selection.project(attributes))
    return b'{"Item":' + wire + b"}\n"


def _change_line(export: Export, selection: Selection | None, change: Changed) -> bytes:
    """One line of an incremental export; empty for an item that it does not take.

    It never takes one that came and went within the window.
    """
    image = change.new or change.old
    if image is None:
        return b""
    attributes = orjson.loads(image)
    if selection is not None and not selection.keeps(attributes):
        return b""
    line: dict[str, Any] = {
        "Metadata": {"WriteTimestampMicros": {"N": str(time_of(change.number) * 1000)}},
        "Keys": {name: attributes[name] for name in export.names},
    }
    if change.old is not None and export.view == "NEW_AND_OLD_IMAGES":
        line["OldImage"] = _image(selection, change.old)
    if change.new is not None:
        line["NewImage"] = _image(selection, change.new)
    return orjson.dumps(line) + b"\n"


def _image(selection: Selection | None, image: bytes) -> Any:
    return orjson.Fragment(image) if selection is None else selection.project(orjson.loads(image))


async def _write_manifests(ctx: Context, export: Export) -> Export:
    files = ctx.transact(lambda tx: tx.scan_prefix(ExportFile, file_key(export, 0)[:-1]))
    lines = b"".join(
        orjson.dumps(
            {"itemCount": one.items, "md5Checksum": one.md5, "etag": one.etag, "dataFileS3Key": one.key}
        )
        + b"\n"
        for one in files
    )
    export = replace(export, status="COMPLETED", ended_ms=ctx.clock.now_ms())
    for name, content in (("manifest-files", lines), ("manifest-summary", orjson.dumps(_summary(export)))):
        await _put(ctx, export, f"{export.folder}{name}.json", content)
        await _put(ctx, export, f"{export.folder}{name}.md5", _md5(content).encode())
    return export


def _summary(export: Export) -> dict[str, Any]:
    asked = export.asked
    window: dict[str, Any] = {"exportTime": _iso(export.moment_ms)}
    if export.kind != FULL:
        window = {
            "exportFromTime": _iso(export.from_ms),
            "exportToTime": _iso(export.moment_ms),
            "outputView": export.view,
        }
    return {
        "version": "2020-06-30" if export.kind == FULL else "2023-08-01",
        "exportArn": export.arn,
        "startTime": _iso(export.started_ms),
        "endTime": _iso(export.ended_ms),
        "tableArn": table_arn(export.account, export.region, export.table),
        "tableId": export.table_id,
        **window,
        "s3Bucket": asked["S3Bucket"],
        "s3Prefix": asked.get("S3Prefix"),
        "s3SseAlgorithm": asked.get("S3SseAlgorithm") or "AES256",
        "s3SseKmsKeyId": asked.get("S3SseKmsKeyId"),
        "manifestFilesS3Key": f"{export.folder}manifest-files.json",
        "billedSizeBytes": export.size,
        "itemCount": export.items,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": export.kind,
    }


def _iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


async def _put(ctx: Context, export: Export, key: str, body: bytes) -> str:
    """Put an object; its ETag without quotes."""
    asked = export.asked
    request: dict[str, Any] = {"Bucket": asked["S3Bucket"], "Key": key, "Body": body}
    if asked.get("S3BucketOwner") is not None:
        request["ExpectedBucketOwner"] = asked["S3BucketOwner"]
    if asked.get("S3SseAlgorithm") is not None:
        request["ServerSideEncryption"] = "aws:kms" if asked["S3SseAlgorithm"] == "KMS" else "AES256"
    if asked.get("S3SseKmsKeyId") is not None:
        request["SSEKMSKeyId"] = asked["S3SseKmsKeyId"]
    answer = await ctx.call("s3", "PutObject", request)
    return str(answer["ETag"]).strip('"')
