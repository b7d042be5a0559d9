"""CompleteMultipartUpload: parts become an object, without a byte being moved."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from ballroom.kernel import Context, Request, Response, Tx, next_turn, on_timer, operation
from ballroom.services.s3 import checksums, content, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.conditions import check_write
from ballroom.services.s3.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXml,
    NoSuchUpload,
)
from ballroom.services.s3.operations.puts import tell_written
from ballroom.services.s3.operations.uploads import SWEPT_AT_ONCE, load_upload
from ballroom.services.s3.resources import (
    Bucket,
    Checksum,
    Completed,
    ObjectVersion,
    Part,
    Upload,
    part_key,
    upload_key,
)

SMALLEST_PART = 5 << 20
REMEMBERED_MS = 24 * 3600 * 1000
"""How long completing an upload again is answered as it was the first time."""


class _Looked(msgspec.Struct):
    """An upload and those of its parts that were looked at so far."""

    upload: Upload
    parts: list[Part]


@operation("CompleteMultipartUpload")
async def complete_multipart_upload(ctx: Context, request: Request) -> Response:
    """Join the parts that the request names into an object. Completing again answers the same.

    Parts are looked at in slices; if others come meanwhile, once more.

    Source: S3 API Reference, CompleteMultipartUpload.
    """
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    again = ctx.transact(_completed_before, request, wanted)
    if again is not None:
        return again
    while True:
        looked = ctx.transact(_begin, request, wanted)
        while len(looked.parts) < len(wanted):
            ctx.transact(_look_on, request, wanted, looked)
            await next_turn()
        _check_sizes(request, looked)
        answer = ctx.transact(_complete, request, wanted, looked)
        if answer is not None:
            return answer


def _completed_before(tx: Tx, request: Request, wanted: list[dict[str, Any]]) -> Response | None:
    bucket = open_bucket(tx, request, "PutObject", key=request["Key"])
    completed = tx.get(Completed, _completed_key(bucket, request["UploadId"]))
    if completed is None or completed.key != request["Key"]:
        return None
    if completed.parts != _digest(wanted):
        raise NoSuchUpload(UploadId=request["UploadId"])
    answer: Response = orjson.loads(completed.answer)
    return answer


def _begin(tx: Tx, request: Request, wanted: list[dict[str, Any]]) -> _Looked:
    """What can be said before the parts are looked at."""
    bucket = open_bucket(tx, request, "PutObject", key=request["Key"])
    upload = load_upload(tx, bucket, request)
    if not wanted:
        raise InvalidRequest("You must specify at least one part")
    kind = request.get("ChecksumType")
    if kind is not None and kind != upload.kind:
        raise InvalidRequest(
            f"The upload was created using the {upload.kind or 'null'} checksum mode. The complete request "
            "must use the same checksum mode."
        )
    if not all("PartNumber" in one and "ETag" in one for one in wanted):
        raise MalformedXml()
    numbers = [one["PartNumber"] for one in wanted]
    if any(number <= before for before, number in pairwise(numbers)):
        raise InvalidPartOrder(UploadId=upload.id)
    return _Looked(upload, [])


def _look_on(tx: Tx, request: Request, wanted: list[dict[str, Any]], looked: _Looked) -> None:
    """The next slice of parts, each as the request has it."""
    upload, parts = looked.upload, looked.parts
    for one in wanted[len(parts) : len(parts) + SWEPT_AT_ONCE]:
        part = tx.get(Part, part_key(upload.id, one["PartNumber"]))
        tag = one["ETag"].strip('"')
        if part is None or tag != part.etag or not _same_checksum(upload, part, one):
            raise InvalidPart(PartNumber=str(one["PartNumber"]), ETag=tag, UploadId=upload.id)
        parts.append(part)


def _same_checksum(upload: Upload, part: Part, one: dict[str, Any]) -> bool:
    """Whether the checksums that a request names for a part are its own."""
    said = {name: one[member] for member, name in checksums.MEMBERS.items() if member in one}
    if part.checksum is None:
        return not said
    if upload.kind == checksums.COMPOSITE and part.checksum.algorithm not in said:
        raise InvalidRequest(
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must "
            f"include the checksum for each part. It was missing for part {part.number} in the request."
        )
    return all(name == part.checksum.algorithm and value == part.checksum.value for name, value in said.items())


def _check_sizes(request: Request, looked: _Looked) -> None:
    for part in looked.parts[:-1]:
        if part.content.size < SMALLEST_PART:
            raise EntityTooSmall(
                PartNumber=str(part.number), ETag=part.etag, MinSizeAllowed=str(SMALLEST_PART),
                ProposedSize=str(part.content.size),
            )  # fmt: skip
    told, size = request.get("MpuObjectSize"), sum(part.content.size for part in looked.parts)
    if told is not None and told != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {told} does not match what was computed: {size}"
        )


def _checksum(request: Request, looked: _Looked) -> Checksum | None:
    """The object's checksum from those of its parts, once it is what the request says."""
    upload, parts = looked.upload, looked.parts
    checksum: Checksum | None
    if not upload.algorithm:
        if upload.encryption.customer_key_md5:
            return None
        return checksums.full_object("CRC64NVME", [(part.crc64, part.content.size) for part in parts])
    own = [part.checksum for part in parts if part.checksum is not None]
    if upload.kind == checksums.COMPOSITE:
        checksum = checksums.composite(upload.algorithm, [one.value for one in own])
    else:
        sizes = [part.content.size for part in parts]
        checksum = checksums.full_object(
            upload.algorithm, [(one.value, size) for one, size in zip(own, sizes, strict=True)]
        )
    for member in checksums.MEMBERS:
        said = request.get(member)
        if said is None:
            continue
        plain = checksum.value.partition("-")[0] if upload.kind == checksums.COMPOSITE else checksum.value
        if member != checksum.member or said not in (checksum.value, plain):
            raise BadDigest(
                f"The {upload.algorithm.lower()} you specified did not match the calculated checksum."
            )
    return checksum


def _complete(tx: Tx, request: Request, wanted: list[dict[str, Any]], looked: _Looked) -> Response | None:
    """The object; None if parts have come since they were looked at."""
    bucket = open_bucket(tx, request, "PutObject", key=request["Key"])
    upload = load_upload(tx, bucket, request)
    if upload.uploaded != looked.upload.uploaded:
        return None
    parts = looked.parts
    checksum = _checksum(request, looked)
    current = versions.find_current(tx, bucket, upload.key)
    check_write(current, request, found=upload.found)
    _let_go(tx, upload, {part.number for part in parts})
    tags = b"".join(bytes.fromhex(part.etag) for part in parts)
    etag = f"{hashlib.md5(tags, usedforsecurity=False).hexdigest()}-{len(parts)}"
    draft = ObjectVersion(
        upload.key, "", 0, tx.now_ms, etag, content.keep_layout(tx, parts), upload.headers, checksum,
        upload.encryption, upload.storage_class, len(parts), upload.owner, upload.attributes,
    )  # fmt: skip
    tx.delete(upload_key(bucket, upload.key, upload.id))
    version = versions.put_version(tx, bucket, draft, "ObjectCreated:CompleteMultipartUpload")
    answer = _answer(tx, bucket, version)
    _remember(tx, bucket, upload, wanted, answer)
    return answer


def _let_go(tx: Tx, upload: Upload, chosen: set[int]) -> None:
    """The rows of the parts: what was not chosen is given up, the others' contents are the object's now."""
    if upload.held > len(chosen):
        for row, part in tx.scan_prefix_items(Part, ("s3", "part", upload.id)):
            if part.number not in chosen:
                content.discard(tx, part.content)
                tx.delete(row)
    forget_parts(tx, upload.id)


@on_timer("s3.forget-parts")
def forget_parts(tx: Tx, upload_id: str) -> None:
    """Remove the rows of parts that belong to an object now, not what they hold. Harmless if repeated."""
    rows = tx.scan_prefix_items(Part, ("s3", "part", upload_id), limit=SWEPT_AT_ONCE)
    for row, _ in rows:
        tx.delete(row)
    if len(rows) == SWEPT_AT_ONCE:
        tx.wake_at(tx.now_ms, "s3.forget-parts", upload_id)


def _answer(tx: Tx, bucket: Bucket, version: ObjectVersion) -> Response:
    base = tx.kernel.settings.base_url
    answer: Response = {
        "Location": f"{base}/{bucket.name}/{quote(version.key, safe='-_.~')}",  # S3 encodes slashes, too
        "Bucket": bucket.name,
        "Key": version.key,
        "ETag": f'"{version.etag}"',
    }
    if version.checksum is not None:
        answer[version.checksum.member] = version.checksum.value
        answer["ChecksumType"] = version.checksum.kind
    tell_written(tx, bucket, version, answer)
    for member in ("SSECustomerAlgorithm", "SSECustomerKeyMD5", "SSEKMSEncryptionContext"):
        answer.pop(member, None)  # this answer has no such members
    return answer


def _remember(tx: Tx, bucket: Bucket, upload: Upload, wanted: list[dict[str, Any]], answer: Response) -> None:
    key = _completed_key(bucket, upload.id)
    tx.put(key, Completed(upload.key, _digest(wanted), orjson.dumps(answer)))
    tx.wake_at(tx.now_ms + REMEMBERED_MS, "s3.forget-completed", bucket.id, upload.id, housekeeping=True)


@on_timer("s3.forget-completed")
def forget_completed(tx: Tx, bucket_id: str, upload_id: str) -> None:
    """Harmless if repeated: there is nothing left to forget."""
    tx.delete(("s3", "completed", bucket_id, upload_id))


def _completed_key(bucket: Bucket, upload_id: str) -> tuple[str, str, str, str]:
    return ("s3", "completed", bucket.id, upload_id)


def _digest(wanted: list[dict[str, Any]]) -> str:
    told = [[one.get("PartNumber"), one.get("ETag", "").strip('"')] for one in wanted]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()
