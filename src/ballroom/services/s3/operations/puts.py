"""PutObject: one body, one version."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation
from ballroom.services.s3 import checksum_request, content, encryption, hooks, receiving, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.attributes import NONE, Attributes
from ballroom.services.s3.conditions import check_write
from ballroom.services.s3.errors import EntityTooLarge
from ballroom.services.s3.names import check_key
from ballroom.services.s3.object_headers import headers_of, storage_class_of
from ballroom.services.s3.receiving import SMALL, Received
from ballroom.services.s3.resources import Bucket, Encryption, Headers, ObjectVersion

LARGEST_PUT = 5 << 30


class Prepared(msgspec.Struct):
    """What is known of a new object before its bytes come."""

    bucket: Bucket
    headers: Headers
    encryption: Encryption
    storage_class: str
    attributes: Attributes


@operation("PutObject")
def put_object(tx: Tx, request: Request) -> Response | Waiting:
    """Store an object. Its bytes and its row are durable before the answer.

    What comes with the request is checked before the body is read.

    Source: S3 API Reference, PutObject; User Guide, "Checking object integrity".
    """
    stream = receiving.as_stream(request)
    prepared = prepare(tx, request)
    check_write(_current(tx, prepared.bucket, request), request)
    announced = checksum_request.announced_by(request, stream)
    if prepared.attributes is not NONE:
        checksum_request.check_locked(tx, prepared.attributes, announced, "Put Object")
    check_size(request)
    if stream.length is not None and stream.length <= SMALL and (data := stream.whole()) is not None:
        received = receiving.receive_whole(data, stream, request, announced)
        return _put(tx, request, received, prepared)

    async def take_in(ctx: Context) -> Response:
        received = await receiving.receive(ctx.kernel, stream, request, announced)
        return await put_received(ctx, request, received)

    return Waiting(take_in)


async def put_received(
    ctx: Context, request: Request, received: Received, *, event: str = "ObjectCreated:Put"
) -> Response:
    """Make a content that has come in an object; what it replaces is looked at again."""

    def put(tx: Tx) -> Response:
        prepared = prepare(tx, request)
        check_write(_current(tx, prepared.bucket, request), request)
        return _put(tx, request, received, prepared, event)

    with receiving.given_up_unless_kept(ctx.kernel, received):
        return ctx.transact(put)


def prepare(tx: Tx, request: Request) -> Prepared:
    """All that can be said of the object before its bytes come; what cannot be honoured is refused."""
    key = request["Key"]
    bucket = open_bucket(tx, request, "PutObject", key=key)
    check_key(key)
    return Prepared(
        bucket,
        headers_of(request),
        encryption.encryption_of(tx, bucket, request),
        storage_class_of(request),
        hooks.attributes_of(tx, bucket, request),
    )


def _current(tx: Tx, bucket: Bucket, request: Request) -> ObjectVersion | None:
    if "IfMatch" in request or "IfNoneMatch" in request:
        return versions.find_current(tx, bucket, request["Key"])
    return None


def _put(
    tx: Tx, request: Request, received: Received, prepared: Prepared, event: str = "ObjectCreated:Put"
) -> Response:
    bucket = prepared.bucket
    draft = ObjectVersion(
        request["Key"], "", 0, tx.now_ms, encryption.entity_tag(tx, prepared.encryption, received.md5),
        content.store(tx, received), prepared.headers, received.checksum, prepared.encryption,
        prepared.storage_class, owner=tx.account, attributes=prepared.attributes,
    )  # fmt: skip
    version = versions.put_version(tx, bucket, draft, event)
    response: dict[str, Any] = {
        "ETag": f'"{version.etag}"',
        received.checksum.member: received.checksum.value,
        "ChecksumType": received.checksum.kind,
    }
    tell_written(tx, bucket, version, response)
    return response


def tell_written(tx: Tx, bucket: Bucket, version: ObjectVersion, response: Response) -> None:
    """Add to a write's answer what all writes tell: version and encryption."""
    encryption.tell(version.encryption, response, writing=True)
    if bucket.versioning == "Enabled":
        response["VersionId"] = version.version_id
    hooks.describe_write(tx, bucket, version, response)


def check_size(request: Request) -> None:
    """Refuses what is larger than S3 takes at once."""
    size = request.get("ContentLength", 0)
    if size > LARGEST_PUT:
        raise EntityTooLarge(ProposedSize=str(size), MaxSizeAllowed=str(LARGEST_PUT))
