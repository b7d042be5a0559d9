"""Reading a distributed Map's items from S3: a listing, an object, or the objects that either names.

Nothing is held whole but a JSON document: keys come a page of the listing at a time, rows and lines as the
object's bytes do. Whatever goes wrong is `States.ItemReaderFailed`.

Source: Developer Guide, "ItemReader (Map)"; recorded histories.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import orjson

from ballroom.kernel import Context, ServiceError

from .integrations.aws_sdk import request_of
from .integrations.base import status_of
from .item_formats import MOST_BYTES, Document, Format, ReaderFailed, Unpacked, format_of

PAGE_ITEMS = 1_000
_PIECE = 1 << 16
_PIECES_A_PORTION = 64
_PARSED_AT_ONCE = 1 << 20
"""A larger document is parsed in a thread."""
_BUCKET_ARN = "arn:aws:s3:::"


async def read(
    ctx: Context, action: str, parameters: dict[str, Any], config: dict[str, Any], most: int | None
) -> AsyncIterator[list[Any]]:
    """The items, in portions of `PAGE_ITEMS` at most, fewer if they are large; `most` of them altogether.

    Raises:
        ReaderFailed: they cannot be read.
    """
    portion: list[Any] = []
    left = most or (1 << 62)
    pieces = 0
    async for items in _pages(ctx, action, parameters, config):
        pieces += 1
        if pieces >= _PIECES_A_PORTION and portion:
            yield portion
            portion, pieces = [], 0
        for item in items:
            portion.append(item)
            left -= 1
            if not left or len(portion) == PAGE_ITEMS:
                yield portion
                portion, pieces = [], 0
                if not left:
                    return
    if portion:
        yield portion


async def _pages(
    ctx: Context, action: str, parameters: dict[str, Any], config: dict[str, Any]
) -> AsyncIterator[Iterator[Any]]:
    if action == "listObjectsV2":
        pages = _listing(ctx, parameters)
        if config.get("Transformation") == "LOAD_AND_FLATTEN":
            pages = _loaded(ctx, parameters, config, pages)
    elif config.get("InputType") == "MANIFEST" or config.get("ManifestType"):
        pages = _of_manifest(ctx, parameters, config)
    else:
        pages = _of_object(ctx, parameters, config)
    async for page in pages:
        yield page


# -- listings ----------------------------------------------------------------------------------------


async def _listing(ctx: Context, parameters: dict[str, Any]) -> AsyncIterator[Iterator[Any]]:
    request = _request("ListObjectsV2", parameters)
    while True:
        answer = await _call(ctx, "ListObjectsV2", request)
        yield (_listed(found) for found in answer.get("Contents", ()))
        if not answer.get("IsTruncated"):
            return
        request = {**request, "ContinuationToken": answer["NextContinuationToken"]}


def _listed(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "Etag": found.get("ETag"), "LastModified": found.get("LastModified", 0) // 1000,
        "Key": found["Key"], "Size": found.get("Size", 0),
        "StorageClass": found.get("StorageClass", "STANDARD"),
    }  # fmt: skip


async def _loaded(
    ctx: Context, parameters: dict[str, Any], config: dict[str, Any], listing: AsyncIterator[Iterator[Any]]
) -> AsyncIterator[Iterator[Any]]:
    """The items of all objects that a listing names; folders' own keys are none."""
    names = ("Bucket", "ExpectedBucketOwner")
    owner: dict[str, Any] = {name: parameters[name] for name in names if name in parameters}
    async for page in listing:
        for found in page:
            if found["Size"] or not found["Key"].endswith("/"):
                async for items in _of_object(ctx, {**owner, "Key": found["Key"]}, config):
                    yield items


# -- objects -----------------------------------------------------------------------------------------


def _request(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    from ballroom.kernel.model import load_service

    return request_of(load_service("s3").operation(operation).input, parameters)


async def _call(ctx: Context, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return await ctx.call("s3", operation, request)
    except ServiceError as error:
        raise ReaderFailed(told(ctx, error)) from error


def told(ctx: Context, error: ServiceError) -> str:
    """An error of S3 as causes tell it."""
    return (
        f"{error.text or error.shape} (Service: Amazon S3; Status Code: {status_of('s3', error)}; "
        f"Error Code: {error.shape}; "
        f"Request ID: {ctx.caller.request_id}; S3 Extended Request ID: null; Proxy: null)"
    )


async def _bytes(ctx: Context, parameters: dict[str, Any]) -> AsyncIterator[bytes]:
    answer = await _call(ctx, "GetObject", _request("GetObject", parameters))
    unpacked = Unpacked()
    async for body in _pieces(answer["Body"]):
        for start in range(0, len(body), _PIECE):
            for part in unpacked.feed(body[start : start + _PIECE]):
                yield part
    yield unpacked.end()


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    """A body as S3 gives it: bytes, or (it is large) something that is read in pieces."""
    if isinstance(body, bytes):
        yield body
        return
    async with aclosing(aiter(body)) as pieces:
        async for piece in pieces:
            yield piece


async def _of_object(
    ctx: Context, parameters: dict[str, Any], config: dict[str, Any]
) -> AsyncIterator[Iterator[Any]]:
    format, size = format_of(config), 0
    async for piece in _bytes(ctx, parameters):
        size += len(piece)
        yield format.feed(piece)
    yield await _end(format, size)


async def _end(format: Format, size: int) -> Iterator[Any]:
    large = isinstance(format, Document) and size > _PARSED_AT_ONCE
    return await to_thread(format.end) if large else format.end()


async def _whole(ctx: Context, parameters: dict[str, Any]) -> bytes:
    parts, size = [], 0
    async for piece in _bytes(ctx, parameters):
        parts.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise ReaderFailed(f"The manifest is larger than {MOST_BYTES} bytes.")
    return b"".join(parts)


# -- manifests ---------------------------------------------------------------------------------------


async def _of_manifest(
    ctx: Context, parameters: dict[str, Any], config: dict[str, Any]
) -> AsyncIterator[Iterator[Any]]:
    content = await _whole(ctx, parameters)
    if config.get("ManifestType") == "ATHENA_DATA":
        files, config = _of_athena(content, config)
    else:
        files, config = _of_inventory(content, parameters)
    for bucket, key in files:
        async for items in _of_object(ctx, {"Bucket": bucket, "Key": key}, config):
            yield items


def _of_athena(content: bytes, config: dict[str, Any]) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Athena's UNLOAD: a URL a line. What lies there is what InputType says."""
    files = []
    for line in content.decode("utf-8", "replace").split():
        bucket, _, key = line.strip('"').removeprefix("s3://").partition("/")
        files.append((bucket, key))
    kind = config.get("InputType", "JSONL")
    return files, {**config, "InputType": "JSONL" if kind == "MANIFEST" else kind}


def _of_inventory(content: bytes, parameters: dict[str, Any]) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """S3 Inventory: tables without a header, whose columns the manifest names."""
    try:
        manifest = orjson.loads(content)
        headers = [name.strip() for name in manifest["fileSchema"].split(",")]
        bucket = str(manifest.get("destinationBucket") or parameters.get("Bucket", ""))
        files = [(bucket.removeprefix(_BUCKET_ARN), str(one["key"])) for one in manifest["files"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as wrong:
        raise ReaderFailed(f"The object is no manifest of an inventory: {wrong}") from wrong
    kind = manifest.get("fileFormat", "CSV")
    if kind != "CSV":
        raise ReaderFailed(f"Ballroom does not read inventories in {kind}.")
    return files, {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": headers}
