"""Reading a distributed Map's items from S3: a listing, or an object of JSON, JSON lines or CSV, or a manifest.

Pure but for `read`, which fetches. Whatever goes wrong is `States.ItemReaderFailed`.

Source: Developer Guide, "ItemReader (Map)"; recorded histories.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson

from ballroom.kernel import ByteStream, Context, ServiceError

from .integrations.aws_sdk import request_of

MOST_BYTES = 64 << 20
"""What an object may have here: it is parsed in memory."""
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_FLUSH = 1_000


class ReaderFailed(Exception):
    """The items cannot be read; the text is the cause."""


async def read(
    ctx: Context, action: str, parameters: dict[str, Any], config: dict[str, Any], most: int | None
) -> AsyncIterator[list[Any]]:
    """The items, in portions.

    Raises:
        ReaderFailed: they cannot be read.
    """
    portion: list[Any] = []
    left = most or (1 << 62)
    async for item in _items(ctx, action, parameters, config):
        if left <= 0:
            break
        left -= 1
        portion.append(item)
        if len(portion) >= _FLUSH:
            yield portion
            portion = []
    if portion:
        yield portion


async def _items(
    ctx: Context, action: str, parameters: dict[str, Any], config: dict[str, Any]
) -> AsyncIterator[Any]:
    if action == "listObjectsV2":
        async for item in _listing(ctx, parameters):
            yield item
        return
    kind = config.get("InputType", "JSON")
    content = await fetch(ctx, parameters)
    if kind == "MANIFEST" or (kind == "CSV" and _is_manifest(content)):
        async for item in _manifest(ctx, parameters, content, config):
            yield item
        return
    for item in parse(content, config):
        yield item


async def _listing(ctx: Context, parameters: dict[str, Any]) -> AsyncIterator[Any]:
    request = _request("ListObjectsV2", parameters)
    while True:
        answer = await _call(ctx, "ListObjectsV2", request)
        for found in answer.get("Contents", ()):
            yield {
                "Etag": found.get("ETag"), "LastModified": found.get("LastModified", 0) // 1000,
                "Key": found["Key"], "Size": found.get("Size", 0),
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }  # fmt: skip
        if not answer.get("IsTruncated"):
            return
        request = {**request, "ContinuationToken": answer["NextContinuationToken"]}


def _request(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    from ballroom.kernel.model import load_service

    return request_of(load_service("s3").operation(operation).input, parameters)


async def _call(ctx: Context, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return await ctx.call("s3", operation, request)
    except ServiceError as error:
        raise ReaderFailed(error.text or error.shape) from error


async def fetch(ctx: Context, parameters: dict[str, Any]) -> bytes:
    """An object's content, unpacked if it is gzip.

    Raises:
        ReaderFailed: it is not there, or too large.
    """
    answer = await _call(ctx, "GetObject", _request("GetObject", parameters))
    body, parts, size = answer["Body"], [], 0
    if isinstance(body, ByteStream):
        while part := await body.read(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise ReaderFailed(f"The object is larger than {MOST_BYTES} bytes")
        content = b"".join(parts)
    else:
        content = bytes(body)
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as unpacked:
            content = unpacked.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ReaderFailed(f"The object is larger than {MOST_BYTES} bytes")
    return content


def parse(content: bytes, config: dict[str, Any]) -> Iterator[Any]:
    """The items of an object.

    Raises:
        ReaderFailed: it does not have the form that `config` says.
    """
    kind = config.get("InputType", "JSON")
    if kind == "JSON":
        yield from _json(content, config.get("ItemsPointer"))
    elif kind == "JSONL":
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as wrong:
                    raise ReaderFailed(f"Line {number} is no JSON: {wrong}") from wrong
    elif kind == "CSV":
        yield from _csv(content, config)
    else:
        raise ReaderFailed(f"Ballroom does not read items of the type {kind} yet")


def _json(content: bytes, pointer: str | None) -> list[Any]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as wrong:
        raise ReaderFailed(f"The object is no JSON: {wrong}") from wrong
    for part in (pointer or "").split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or part not in value:
            raise ReaderFailed(f"The ItemsPointer '{pointer}' does not refer to anything.")
        value = value[part]
    if isinstance(value, dict):
        return [{"Key": name, "Value": one} for name, one in value.items()] if pointer else _not_iterable()
    if not isinstance(value, list):
        return _not_iterable()
    return value


def _not_iterable() -> list[Any]:
    raise ReaderFailed("Attempting to map over non-iterable node.")


def _csv(content: bytes, config: dict[str, Any]) -> Iterator[dict[str, str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise ReaderFailed(f"The object is not UTF-8 text: {wrong}") from wrong
    delimiter = _DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    headers: list[str] = config.get("CSVHeaders") or []
    try:
        if config.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
            headers = next(rows, [])
        for row in rows:
            if row:
                padded = row + [""] * (len(headers) - len(row))
                yield dict(sorted(zip(headers, padded, strict=False)))
    except csv.Error as wrong:
        raise ReaderFailed(f"The object is no CSV: {wrong}") from wrong


def _is_manifest(content: bytes) -> bool:
    return content[:1] == b"{" and b'"fileSchema"' in content[:4096]


async def _manifest(
    ctx: Context, parameters: dict[str, Any], content: bytes, config: dict[str, Any]
) -> AsyncIterator[Any]:
    """The files that a manifest names: S3 Inventory (CSV), or Athena's UNLOAD (one s3:// URL a line)."""
    if config.get("ManifestType") == "ATHENA_DATA":
        for line in content.decode("utf-8", "replace").split():
            bucket, _, name = line.removeprefix("s3://").partition("/")
            data = await fetch(ctx, {"Bucket": bucket, "Key": name})
            for item in parse(data, {**config, "InputType": _athena_type(config)}):
                yield item
        return
    try:
        manifest = orjson.loads(content)
        headers = [name.strip() for name in manifest["fileSchema"].split(",")]
        files = [one["key"] for one in manifest["files"]]
        bucket = str(manifest.get("destinationBucket") or parameters.get("Bucket", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as wrong:
        raise ReaderFailed(f"The object is no inventory manifest: {wrong}") from wrong
    if manifest.get("fileFormat", "CSV") != "CSV":
        raise ReaderFailed(f"Ballroom does not read inventories in {manifest['fileFormat']} yet")
    for name in files:
        data = await fetch(ctx, {"Bucket": bucket.removeprefix("arn:aws:s3:::"), "Key": name})
        reading = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": headers}
        for item in parse(data, reading):
            yield item


def _athena_type(config: dict[str, Any]) -> str:
    kind = str(config.get("InputType", "JSONL"))
    return "JSONL" if kind == "MANIFEST" else kind
