"""Multipart uploads: parts come in any order and are joined without copying."""

from __future__ import annotations

import hashlib

from ballroom.kernel import BlobRef, Context, Key, Request, Response, Tx, operation
from ballroom.services.s3 import content, versions
from ballroom.services.s3.conditions import check_write
from ballroom.services.s3.content import Received, receive
from ballroom.services.s3.errors import (
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    MalformedXml,
    NoSuchUpload,
)
from ballroom.services.s3.names import check_key
from ballroom.services.s3.operations.objects import headers_of, written
from ballroom.services.s3.resources import Body, Bucket, Content, ObjectVersion, Part, Upload, load_bucket

SMALLEST_PART = 5 << 20
PARTS_LIMIT = 10_000


@operation("CreateMultipartUpload")
def create_multipart_upload(tx: Tx, request: Request) -> Response:
    """Begin an upload in parts.

    Source: S3 API Reference, CreateMultipartUpload.
    """
    bucket = load_bucket(tx, request["Bucket"])
    check_key(request["Key"])
    upload = Upload(tx.ids.hex(64), request["Key"], tx.now_ms, headers_of(request))
    tx.put(_upload_key(bucket, upload.id), upload)
    response: Response = {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id}
    for member in ("ChecksumAlgorithm", "ChecksumType", "ServerSideEncryption", "SSEKMSKeyId"):
        if member in request:
            response[member] = request[member]
    return response


@operation("UploadPart")
async def upload_part(ctx: Context, request: Request) -> Response:
    """Take in one part; a part of the same number is replaced.

    Source: S3 API Reference, UploadPart.
    """
    if not 1 <= request["PartNumber"] <= PARTS_LIMIT:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {PARTS_LIMIT}, inclusive",
            ArgumentName="partNumber", ArgumentValue=str(request["PartNumber"]),
        )  # fmt: skip
    ctx.transact(_load, request)
    received = await receive(ctx.kernel, request)
    try:
        return ctx.transact(_keep_part, request, received)
    except BaseException:
        if received.blob is not None:
            ctx.kernel.blobs.release(received.blob)
        raise


def _keep_part(tx: Tx, request: Request, received: Received) -> Response:
    _load(tx, request)
    place = ("s3", "part", request["UploadId"], request["PartNumber"])
    before = tx.get(Part, place)
    if before is not None:
        content.discard(tx, before.content)
    tx.put(place, Part(request["PartNumber"], received.md5, tx.now_ms, content.store(tx, received)))
    return {"ETag": f'"{received.md5}"', **received.checksums}


@operation("CompleteMultipartUpload")
async def complete_multipart_upload(ctx: Context, request: Request) -> Response:
    """Join the parts that the request names into an object.

    Source: S3 API Reference, CompleteMultipartUpload.
    """
    small = ctx.transact(_small_part, request)
    kept: BlobRef | None = None
    if small is not None:
        # the last part of a larger object may be small: it becomes a blob, so that all pieces are alike
        writer = ctx.kernel.blobs.writer()
        await writer.write(small)
        kept = await writer.finish()
    try:
        return ctx.transact(_complete, request, kept)
    except BaseException:
        if kept is not None:
            ctx.kernel.blobs.release(kept)
        raise


def _small_part(tx: Tx, request: Request) -> bytes | None:
    parts = _chosen_parts(tx, request)
    if len(parts) < 2 or not parts[-1].content.body_id:
        return None
    body = tx.get(Body, ("s3", "body", parts[-1].content.body_id))
    return body.data if body is not None else None


def _complete(tx: Tx, request: Request, kept: BlobRef | None) -> Response:
    bucket, upload = _load(tx, request)
    parts = _chosen_parts(tx, request)
    check_write(versions.find_current(tx, bucket, upload.key), request)
    joined = _joined(tx, parts, kept)
    chosen = {part.number for part in parts}
    for row, part in tx.scan_prefix_items(Part, ("s3", "part", upload.id)):
        if part.number not in chosen or (kept is not None and part.content.body_id):
            content.discard(tx, part.content)
        tx.delete(row)
    tx.delete(_upload_key(bucket, upload.id))
    digest = hashlib.md5(b"".join(bytes.fromhex(p.etag) for p in parts), usedforsecurity=False)
    etag = f"{digest.hexdigest()}-{len(parts)}"
    made = ObjectVersion(upload.key, "", 0, tx.now_ms, etag, joined, upload.headers, len(parts))
    version = versions.put_current(tx, bucket, made)
    location = f"{tx.kernel.settings.base_url}/{bucket.name}/{upload.key}"
    answer = {"Location": location, "Bucket": bucket.name, "Key": upload.key}
    return answer | written(version, bucket.versioning)


def _joined(tx: Tx, parts: list[Part], kept: BlobRef | None) -> Content:
    """The parts' content as one; their rows' references pass over to it."""
    if len(parts) == 1:
        return parts[0].content
    pieces = [piece for part in parts for piece in part.content.pieces]
    if kept is not None:
        tx.link_blob(kept)
        pieces.append(kept)
    return Content(sum(part.content.size for part in parts), pieces=pieces)


def _chosen_parts(tx: Tx, request: Request) -> list[Part]:
    """The parts that the request names, checked."""
    _load(tx, request)
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    if not wanted:
        raise MalformedXml()
    parts: list[Part] = []
    for one in wanted:
        if parts and one["PartNumber"] <= parts[-1].number:
            raise InvalidPartOrder()
        part = tx.get(Part, ("s3", "part", request["UploadId"], one["PartNumber"]))
        if part is None or one.get("ETag", "").strip('"') != part.etag:
            raise InvalidPart(PartNumber=str(one["PartNumber"]), ETag=one.get("ETag", ""))
        parts.append(part)
    for part in parts[:-1]:
        if part.content.size < SMALLEST_PART:
            raise EntityTooSmall(
                PartNumber=str(part.number), ETag=part.etag, MinSizeAllowed=str(SMALLEST_PART),
                ProposedSize=str(part.content.size),
            )  # fmt: skip
    return parts


@operation("AbortMultipartUpload")
def abort_multipart_upload(tx: Tx, request: Request) -> Response:
    """Give an upload up, with all of its parts.

    Source: S3 API Reference, AbortMultipartUpload.
    """
    bucket, upload = _load(tx, request)
    for row, part in tx.scan_prefix_items(Part, ("s3", "part", upload.id)):
        content.discard(tx, part.content)
        tx.delete(row)
    tx.delete(_upload_key(bucket, upload.id))
    return {}


@operation("ListParts")
def list_parts(tx: Tx, request: Request) -> Response:
    """The parts that have come so far, by number.

    Source: S3 API Reference, ListParts.
    """
    bucket, upload = _load(tx, request)
    limit, marker = min(request.get("MaxParts", 1000), 1000), int(request.get("PartNumberMarker", 0))
    after: Key | None = ("s3", "part", upload.id, marker) if marker else None
    rows = tx.scan_prefix(Part, ("s3", "part", upload.id), after=after, limit=limit + 1)
    parts = [
        {"PartNumber": p.number, "ETag": f'"{p.etag}"', "Size": p.content.size, "LastModified": p.modified_ms}
        for p in rows[:limit]
    ]
    response: Response = {
        "Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id, "MaxParts": limit,
        "IsTruncated": len(rows) > limit, "Parts": parts, "StorageClass": "STANDARD",
    }  # fmt: skip
    if len(rows) > limit:
        response["NextPartNumberMarker"] = parts[-1]["PartNumber"]
    return response


def _upload_key(bucket: Bucket, upload_id: str) -> Key:
    return ("s3", "upload", bucket.id, upload_id)


def _load(tx: Tx, request: Request) -> tuple[Bucket, Upload]:
    bucket = load_bucket(tx, request["Bucket"])
    upload = tx.get(Upload, _upload_key(bucket, request["UploadId"]))
    if upload is None or upload.key != request["Key"]:
        raise NoSuchUpload(UploadId=request["UploadId"])
    return bucket, upload


