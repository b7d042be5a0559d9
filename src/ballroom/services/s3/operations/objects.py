"""Objects: written, read, removed."""

from __future__ import annotations

from typing import Any, NamedTuple

from ballroom.kernel import Context, Request, Response, ServiceError, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import content, versions
from ballroom.services.s3.conditions import check_read, check_write
from ballroom.services.s3.content import Received, receive
from ballroom.services.s3.errors import InvalidArgument, MalformedXml
from ballroom.services.s3.names import check_key
from ballroom.services.s3.resources import Headers, ObjectVersion, load_bucket

FIELDS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
    "ServerSideEncryption", "SSEKMSKeyId", "StorageClass",
)  # fmt: skip
_UNSUPPORTED = (
    "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP", "WebsiteRedirectLocation",
    "WriteOffsetBytes", "SSECustomerAlgorithm", "SSECustomerKey", "SSEKMSEncryptionContext", "Tagging",
    "ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus", "ObjectLockEventHold",
)  # fmt: skip
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
METADATA_LIMIT = 2048


@operation("PutObject")
async def put_object(ctx: Context, request: Request) -> Response:
    """Store an object. Its bytes and its row are durable before the answer.

    Source: S3 API Reference, PutObject; User Guide, "Checking object integrity".
    """
    ctx.transact(_check_put, request)
    received = await receive(ctx.kernel, request)
    try:
        return ctx.transact(_put, request, received)
    except BaseException:
        if received.blob is not None:
            ctx.kernel.blobs.release(received.blob)
        raise


def _check_put(tx: Tx, request: Request) -> None:
    load_bucket(tx, request["Bucket"])
    check_key(request["Key"])
    headers_of(request)


def _put(tx: Tx, request: Request, received: Received) -> Response:
    bucket = load_bucket(tx, request["Bucket"])
    check_write(versions.find_current(tx, bucket, request["Key"]), request)
    stored = content.store(tx, received)
    headers = headers_of(request, received.checksums)
    version = versions.put_current(
        tx, bucket, ObjectVersion(request["Key"], "", 0, tx.now_ms, received.md5, stored, headers)
    )
    return written(version, bucket.versioning) | received.checksums


def written(version: ObjectVersion, versioning: str) -> Response:
    """What every write answers."""
    response: Response = {
        "ETag": f'"{version.etag}"',
        "ServerSideEncryption": version.headers.fields.get("ServerSideEncryption", "AES256"),
    }
    if "SSEKMSKeyId" in version.headers.fields:
        response["SSEKMSKeyId"] = version.headers.fields["SSEKMSKeyId"]
    if versioning == "Enabled":
        response["VersionId"] = version.version_id
    return response


def headers_of(request: Request, checksums: dict[str, str] | None = None) -> Headers:
    """What is kept beside the bytes; what cannot be honoured is refused by name."""
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of objects yet")
    if request.get("ACL", "private") not in ("private", "bucket-owner-full-control"):
        raise NotImplementedHere(f"Ballroom does not support the object ACL {request['ACL']} yet")
    metadata = {name.lower(): value for name, value in (request.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > METADATA_LIMIT:
        raise _metadata_too_large(size)
    fields = {name: str(request[name]) for name in FIELDS if name in request}
    return Headers(fields, metadata, checksums or {})


def _metadata_too_large(size: int) -> ServiceError:
    error = InvalidArgument(
        "Your metadata headers exceed the maximum allowed metadata size",
        Size=str(size), MaxSizeAllowed=str(METADATA_LIMIT),
    )  # fmt: skip
    error.shape = "MetadataTooLarge"
    return error


class Found(NamedTuple):
    """An object to read: its version, the small body if it has one, the range."""

    version: ObjectVersion
    data: bytes | None
    span: tuple[int, int] | None


@operation("GetObject")
async def get_object(ctx: Context, request: Request) -> Response:
    """An object's bytes, all or a range.

    Source: S3 API Reference, GetObject; RFC 9110, "Range Requests", "Conditional Requests".
    """
    found = ctx.transact(_find, request)
    response = _described(found, request)
    start, stop = found.span or (0, found.version.content.size)
    if found.data is not None:
        response["Body"] = found.data[start:stop]
    else:
        response["Body"] = content.read_pieces(ctx.kernel, found.version.content, start, stop)
    return response


@operation("HeadObject")
def head_object(tx: Tx, request: Request) -> Response:
    """All that GetObject tells, without the bytes.

    Source: S3 API Reference, HeadObject.
    """
    return _described(_find(tx, request), request)


def _find(tx: Tx, request: Request) -> Found:
    for member in ("SSECustomerAlgorithm", "PartNumber"):
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of objects yet")
    bucket = load_bucket(tx, request["Bucket"])
    version = versions.load_object(tx, bucket, request["Key"], request.get("VersionId"))
    check_read(version, request)
    span = content.range_of(request.get("Range"), version.content.size)
    return Found(version, content.small_body(tx, version.content), span)


def _described(found: Found, request: Request) -> Response:
    version, span = found.version, found.span
    response: Response = {
        "AcceptRanges": "bytes",
        "LastModified": version.modified_ms,
        "ContentLength": version.content.size if span is None else span[1] - span[0],
        "ETag": f'"{version.etag}"',
        "ContentType": "binary/octet-stream",
        "ServerSideEncryption": "AES256",
        **version.headers.fields,
    }
    if "Expires" in response:
        response["Expires"] = int(response["Expires"])
    if response.get("StorageClass") == "STANDARD":
        del response["StorageClass"]
    if version.headers.metadata:
        response["Metadata"] = version.headers.metadata
    if version.version_id != "null":
        response["VersionId"] = version.version_id
    if version.parts:
        response["PartsCount"] = version.parts if "PartNumber" in request else None
    if span is not None:
        response["ContentRange"] = f"bytes {span[0]}-{span[1] - 1}/{version.content.size}"
    elif request.get("ChecksumMode") == "ENABLED":
        response.update(version.headers.checksums)
    for asked, member in _OVERRIDES.items():
        if asked in request:
            response[member] = request[asked]
    return {name: value for name, value in response.items() if value is not None}


@operation("DeleteObject")
def delete_object(tx: Tx, request: Request) -> Response:
    """Remove an object, or put a delete marker over it; what is not there is no error.

    Source: S3 API Reference, DeleteObject.
    """
    return delete_one(tx, request["Bucket"], request["Key"], request.get("VersionId"))


@operation("DeleteObjects")
def delete_objects(tx: Tx, request: Request) -> Response:
    """Remove up to 1,000 objects; each has its own success.

    Source: S3 API Reference, DeleteObjects.
    """
    bucket = load_bucket(tx, request["Bucket"])
    wanted = request["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= 1000:
        raise MalformedXml()
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for one in wanted:
        try:
            with tx.savepoint():
                answer = delete_one(tx, bucket.name, one["Key"], one.get("VersionId"))
        except ServiceError as error:
            errors.append({"Key": one["Key"], "Code": error.shape, "Message": error.text})
            continue
        shown: dict[str, Any] = {"Key": one["Key"]}
        if one.get("VersionId"):
            shown["VersionId"] = one["VersionId"]
        if answer.get("DeleteMarker"):
            shown["DeleteMarker"] = True
            shown["DeleteMarkerVersionId"] = answer["VersionId"]
        deleted.append(shown)
    response: Response = {} if request["Delete"].get("Quiet") else {"Deleted": deleted}
    return response | ({"Errors": errors} if errors else {})


def delete_one(tx: Tx, bucket_name: str, key: str, version_id: str | None) -> Response:
    """One deletion; the answer tells of markers and versions."""
    bucket = load_bucket(tx, bucket_name)
    check_key(key)
    if version_id is None:
        marker = versions.delete_current(tx, bucket, key)
        return {} if marker is None else {"DeleteMarker": True, "VersionId": marker.version_id}
    gone = versions.delete_version(tx, bucket, key, version_id)
    response: Response = {"VersionId": version_id}
    if gone is not None and gone.is_marker:
        response["DeleteMarker"] = True
    return response
