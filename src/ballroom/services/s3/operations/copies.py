"""Copies within Ballroom: no bytes are moved, since content is shared."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import content, versions
from ballroom.services.s3.conditions import check_copy
from ballroom.services.s3.errors import S3Error
from ballroom.services.s3.names import check_key, parse_copy_source
from ballroom.services.s3.operations.objects import headers_of, written
from ballroom.services.s3.resources import Headers, ObjectVersion, load_bucket


class InvalidRequest(S3Error):
    """A copy onto itself that changes nothing."""

    shape = "InvalidRequest"
    text = (
        "This copy request is illegal because it is trying to copy an object to itself without changing the "
        "object's metadata, storage class, website redirect location or encryption attributes."
    )


@operation("CopyObject")
def copy_object(tx: Tx, request: Request) -> Response:
    """Copy an object of up to 5 GB, with its metadata or new ones.

    Source: S3 API Reference, CopyObject.
    """
    target = load_bucket(tx, request["Bucket"])
    check_key(request["Key"])
    source_bucket, source_key, version_id = parse_copy_source(request["CopySource"])
    source = versions.load_object(tx, load_bucket(tx, source_bucket), source_key, version_id)
    check_copy(source, request)
    headers = _headers(request, source)
    same = (source_bucket, source_key, version_id) == (target.name, request["Key"], None)
    if same and headers == source.headers and request.get("MetadataDirective", "COPY") == "COPY":
        raise InvalidRequest()
    shared = content.copied(tx, source.content)
    version = versions.put_current(
        tx, target, ObjectVersion(request["Key"], "", 0, tx.now_ms, source.etag, shared, headers, source.parts)
    )
    response = written(version, target.versioning)
    response["CopyObjectResult"] = {
        "ETag": response.pop("ETag"), "LastModified": version.modified_ms, **headers.checksums,
    }  # fmt: skip
    if source.version_id != "null":
        response["CopySourceVersionId"] = source.version_id
    return response


def _headers(request: Request, source: ObjectVersion) -> Headers:
    given = headers_of(request, source.headers.checksums)
    if request.get("MetadataDirective", "COPY") == "REPLACE":
        return given
    own = ("ServerSideEncryption", "SSEKMSKeyId", "StorageClass")  # the target's, never the source's
    changes = {name: value for name, value in given.fields.items() if name in own}
    return Headers({**source.headers.fields, **changes}, source.headers.metadata, source.headers.checksums)
