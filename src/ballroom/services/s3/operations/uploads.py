"""Multipart uploads: begun, listed, given up."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, on_timer, operation
from ballroom.services.s3 import checksums, content, encryption, hooks, listing, versions
from ballroom.services.s3.access import check_not_anonymous, open_bucket
from ballroom.services.s3.checksum_request import UNSUPPORTED_ALGORITHM
from ballroom.services.s3.conditions import fingerprint
from ballroom.services.s3.errors import InvalidRequest, NoSuchUpload
from ballroom.services.s3.names import check_key
from ballroom.services.s3.object_headers import headers_of, storage_class_of
from ballroom.services.s3.operations.listing import (
    check_encoding,
    common_prefixes,
    encoded,
    page_limit,
    whole_seconds,
)
from ballroom.services.s3.owners import canonical_id, owner
from ballroom.services.s3.resources import Bucket, Part, Upload, part_key, upload_key

SWEPT_AT_ONCE = 250


@operation("CreateMultipartUpload")
def create_multipart_upload(tx: Tx, request: Request) -> Response:
    """Begin an upload in parts. What the object will be is decided now.

    Source: S3 API Reference, CreateMultipartUpload.
    """
    key = request["Key"]
    check_not_anonymous(tx, "initiate multipart uploads")
    bucket = open_bucket(tx, request, "PutObject", key=key)
    check_key(key)
    algorithm, kind = _checksum_of(request)
    upload = Upload(
        f"{tx.now_ms:012x}{tx.ids.lower(52)}", key, tx.now_ms, headers_of(request), algorithm, kind,
        encryption.encryption_of(tx, bucket, request), storage_class_of(request),
        hooks.attributes_of(tx, bucket, request), tx.account, tx.caller.arn,
        fingerprint(versions.find_current(tx, bucket, key)),
    )  # fmt: skip
    tx.put(upload_key(bucket, key, upload.id), upload)
    response: Response = {"Bucket": bucket.name, "Key": key, "UploadId": upload.id}
    if algorithm:
        response["ChecksumAlgorithm"], response["ChecksumType"] = algorithm, kind
    encryption.tell(upload.encryption, response, writing=True)
    return response | hooks.describe_upload(tx, bucket, key, upload.started_ms)


def _checksum_of(request: Request) -> tuple[str, str]:
    """Algorithm and kind of the checksum that the object will have; both empty: S3's default."""
    algorithm, kind = request.get("ChecksumAlgorithm", "").upper(), request.get("ChecksumType", "")
    if not algorithm:
        if kind:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", ""
    if algorithm not in checksums.ALGORITHMS:
        raise InvalidRequest(UNSUPPORTED_ALGORITHM)
    kinds = checksums.kinds_of(algorithm)
    if kind and kind not in (checksums.FULL_OBJECT, checksums.COMPOSITE):
        raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")
    if kind and kind not in kinds:
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind or kinds[0]


def load_upload(tx: Tx, bucket: Bucket, request: Request) -> Upload:
    """The upload that a request names.

    Raises:
        NoSuchUpload: it was never begun, or has ended.
    """
    upload = tx.get(Upload, upload_key(bucket, request["Key"], request["UploadId"]))
    if upload is None:
        raise NoSuchUpload(UploadId=request["UploadId"])
    return upload


@operation("AbortMultipartUpload")
def abort_multipart_upload(tx: Tx, request: Request) -> Response:
    """Give an upload up, with all of its parts.

    Source: S3 API Reference, AbortMultipartUpload.
    """
    bucket = open_bucket(tx, request, "AbortMultipartUpload", key=request["Key"])
    abort(tx, bucket, load_upload(tx, bucket, request))
    return {}


def abort(tx: Tx, bucket: Bucket, upload: Upload) -> None:
    """Give an upload up: nobody finds it from now on, and its parts follow in slices."""
    tx.delete(upload_key(bucket, upload.key, upload.id))
    sweep_parts(tx, upload.id)


@on_timer("s3.sweep-parts")
def sweep_parts(tx: Tx, upload_id: str) -> None:
    """Give up parts whose upload has ended. Harmless if repeated: it takes what is there."""
    swept = tx.scan_prefix_items(Part, ("s3", "part", upload_id), limit=SWEPT_AT_ONCE)
    for row, part in swept:
        content.discard(tx, part.content)
        tx.delete(row)
    if len(swept) == SWEPT_AT_ONCE:
        tx.wake_at(tx.now_ms, "s3.sweep-parts", upload_id)


@operation("ListParts")
def list_parts(tx: Tx, request: Request) -> Response:
    """The parts that have come so far, by number.

    Source: S3 API Reference, ListParts.
    """
    bucket = open_bucket(tx, request, "ListMultipartUploadParts", key=request["Key"])
    upload = load_upload(tx, bucket, request)
    limit = page_limit(request, "MaxParts", "max-parts")
    marker = _number(request.get("PartNumberMarker"))
    prefix = ("s3", "part", upload.id)
    rows = tx.scan_prefix(Part, prefix, after=part_key(upload.id, marker) if marker else None, limit=limit + 1)
    shown = rows[:limit]
    response: Response = {
        "Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id, "MaxParts": limit,
        "PartNumberMarker": marker, "IsTruncated": len(rows) > limit,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "StorageClass": upload.storage_class, "Owner": owner(upload.owner), "Initiator": _initiator(upload),
    }  # fmt: skip
    if shown:
        response["Parts"] = [_part_line(part) for part in shown]
    if upload.algorithm:
        response["ChecksumAlgorithm"], response["ChecksumType"] = upload.algorithm, upload.kind
    return response | hooks.describe_upload(tx, bucket, upload.key, upload.started_ms)


def _number(text: Any) -> int:
    """A marker that the model types as a string in some versions."""
    digits = str(text or 0)
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def _part_line(part: Part) -> dict[str, Any]:
    line: dict[str, Any] = {
        "PartNumber": part.number,
        "ETag": f'"{part.etag}"',
        "Size": part.content.size,
        "LastModified": whole_seconds(part.modified_ms),
    }
    if part.checksum is not None:
        line[part.checksum.member] = part.checksum.value
    return line


def _initiator(upload: Upload) -> dict[str, str]:
    if upload.initiator.endswith(":root") or not upload.initiator:
        return {"ID": canonical_id(upload.owner), "DisplayName": upload.owner}
    return {"ID": upload.initiator, "DisplayName": upload.initiator.rsplit("/", 1)[-1]}


@operation("ListMultipartUploads")
def list_multipart_uploads(tx: Tx, request: Request) -> Response:
    """Uploads under way by key and age; up to 1,000 a page.

    Source: S3 API Reference, ListMultipartUploads.
    """
    bucket = open_bucket(tx, request, "ListBucketMultipartUploads")
    check_encoding(request)
    limit = page_limit(request, "MaxUploads", "max-uploads")
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    key_marker = request.get("KeyMarker", "")
    id_marker = request.get("UploadIdMarker", "") if key_marker else ""
    lines, more = listing.page(listing.uploads(tx, bucket, prefix, delimiter, key_marker, id_marker), limit)
    last = lines[-1].upload if lines else None  # behind a common prefix AWS names no marker
    response: Response = {
        "Bucket": bucket.name, "MaxUploads": limit, "IsTruncated": more,
        "KeyMarker": encoded(request, key_marker), "UploadIdMarker": id_marker,
        "NextKeyMarker": encoded(request, last.key) if last is not None else "",
        "NextUploadIdMarker": last.id if last is not None else "",
    }  # fmt: skip
    if prefix:
        response["Prefix"] = encoded(request, prefix)
    if delimiter:
        response["Delimiter"] = encoded(request, delimiter)
    if request.get("EncodingType"):
        response["EncodingType"] = request["EncodingType"]
    uploads = [_upload_line(request, line.upload) for line in lines if line.upload is not None]
    if uploads:
        response["Uploads"] = uploads
    return response | common_prefixes(request, lines)


def _upload_line(request: Request, upload: Upload) -> dict[str, Any]:
    line: dict[str, Any] = {
        "Key": encoded(request, upload.key),
        "UploadId": upload.id,
        "Initiated": whole_seconds(upload.started_ms),
        "StorageClass": upload.storage_class,
        "Owner": owner(upload.owner),
        "Initiator": _initiator(upload),
    }
    if upload.algorithm:
        line["ChecksumAlgorithm"], line["ChecksumType"] = upload.algorithm, upload.kind
    return line
