"""GetObject and HeadObject."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import content, encryption, hooks, object_headers, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.conditions import check_read, has_read_conditions, is_unchanged
from ballroom.services.s3.errors import InvalidObjectState, InvalidPartNumber, InvalidRequest
from ballroom.services.s3.object_headers import ARCHIVED
from ballroom.services.s3.ranges import check_part_number, range_of
from ballroom.services.s3.resources import Bucket, Checksum, ObjectVersion


@operation("GetObject")
def get_object(tx: Tx, request: Request) -> Response:
    """An object's bytes, all, a range or a part.

    Source: S3 API Reference, GetObject; RFC 9110, "Range Requests", "Conditional Requests".
    """
    bucket, version = _find(tx, request)
    if version.storage_class in ARCHIVED and version.restored_until_ms <= tx.now_ms:
        raise InvalidObjectState(StorageClass=version.storage_class)
    response, start, stop = _described(tx, bucket, version, request)
    response["Body"] = content.read(tx, version.content, start, stop)
    return response


@operation("HeadObject")
def head_object(tx: Tx, request: Request) -> Response:
    """All that GetObject tells, without the bytes.

    Source: S3 API Reference, HeadObject.
    """
    bucket, version = _find(tx, request)
    response, _, _ = _described(tx, bucket, version, request)
    if version.storage_class in ARCHIVED and version.restored_until_ms > tx.now_ms:
        response["Restore"] = restored(version)
    return response


def restored(version: ObjectVersion) -> str:
    """What tells that an archived object can be read, and until when."""
    from ballroom.services.s3.errors import http_date

    return f'ongoing-request="false", expiry-date="{http_date(version.restored_until_ms)}"'


def _find(tx: Tx, request: Request) -> tuple[Bucket, ObjectVersion]:
    key, version_id = request["Key"], request.get("VersionId")
    if tx.caller.anonymous:
        object_headers.check_anonymous(request)
    action = "GetObject" if version_id is None else "GetObjectVersion"
    bucket = open_bucket(tx, request, action, key=key)
    version = versions.load_object(tx, bucket, key, version_id)
    encryption.check_customer_key(version.encryption, request)
    if has_read_conditions(request):
        check_read(version, request, tx.now_ms)
    return bucket, version


def _described(
    tx: Tx, bucket: Bucket, version: ObjectVersion, request: Request
) -> tuple[dict[str, Any], int, int]:
    """The answer without its body, and which bytes that is."""
    size = version.content.size
    start, stop, ranged = 0, size, False
    checksum = version.checksum
    response: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": version.modified_ms,
        "ETag": f'"{version.etag}"',
    }
    if "PartNumber" in request:
        start, stop, checksum = _part(tx, version, request)
        ranged = stop > start
        if version.parts:
            response["PartsCount"] = version.parts
    elif "Range" in request and (span := _range(version, request, size)) is not None:
        (start, stop), ranged = span, True
        if (start, stop) != (0, size):
            checksum = None  # it is the whole object's
    response["ContentLength"] = stop - start
    if ranged:
        response["ContentRange"] = f"bytes {start}-{stop - 1}/{size}"
    object_headers.tell(version.headers, request, response)
    encryption.tell(version.encryption, response)
    if version.storage_class != "STANDARD":
        response["StorageClass"] = version.storage_class
    if bucket.versioning:
        response["VersionId"] = version.version_id
    if checksum is not None and request.get("ChecksumMode") == "ENABLED":
        response[checksum.member] = checksum.value
        response["ChecksumType"] = checksum.kind
    hooks.describe(tx, bucket, version, response)
    return response, start, stop


def _range(version: ObjectVersion, request: Request, size: int) -> tuple[int, int] | None:
    """Which bytes, if they are still of the object that the reader has the others of."""
    if "IfRange" in request and not is_unchanged(version, request["IfRange"]):
        return None
    return range_of(request["Range"], size)


def _part(tx: Tx, version: ObjectVersion, request: Request) -> tuple[int, int, Checksum | None]:
    """Where a part begins and ends, and its checksum. An object that was put at once is its part 1."""
    if "Range" in request:
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    number = request["PartNumber"]
    check_part_number(number)
    if not version.parts:
        if number != 1:
            raise InvalidPartNumber(ActualPartCount="1", PartNumberRequested=str(number))
        return 0, version.content.size, version.checksum
    found = content.part_span(tx, version.content, number)
    if found is None:
        raise InvalidPartNumber(ActualPartCount=str(version.parts), PartNumberRequested=str(number))
    part, offset = found
    checksum = part.checksum
    if checksum is not None and version.checksum is not None:
        checksum = Checksum(checksum.algorithm, checksum.value, version.checksum.kind)
    return offset, offset + part.content.size, checksum
