"""CopyObject: no bytes are moved, since content is shared."""

from __future__ import annotations

import asyncio

import msgspec

from ballroom.kernel import Context, Request, Response, ServiceError, Tx, Waiting, operation
from ballroom.services.s3 import checksums, content, encryption, hooks, versions
from ballroom.services.s3.access import check_not_anonymous, open_bucket
from ballroom.services.s3.checksum_request import UNSUPPORTED_ALGORITHM
from ballroom.services.s3.conditions import check_write, fingerprint
from ballroom.services.s3.copy_source import check_copied_size, load_copy_source
from ballroom.services.s3.errors import InvalidArgument, InvalidRequest
from ballroom.services.s3.names import check_key
from ballroom.services.s3.object_headers import headers_of, storage_class_of
from ballroom.services.s3.operations.puts import tell_written
from ballroom.services.s3.resources import Checksum, ObjectVersion
from ballroom.services.s3.sending import Segments

_UNCHANGED = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)
_CHANGES = ("StorageClass", "ServerSideEncryption", "SSECustomerAlgorithm", "WebsiteRedirectLocation")
_ATTEMPTS = 3


class _Computed(msgspec.Struct):
    """What had to be computed from a source's bytes."""

    source: str
    md5: str
    checksum: Checksum


@operation("CopyObject")
def copy_object(tx: Tx, request: Request) -> Response | Waiting:
    """Copy an object of up to 5 GB, with its headers and metadata or new ones.

    An object that was uploaded in parts becomes one that was not, so its entity tag and checksum are those
    of all its bytes: they are read, in a thread, but not written.

    Source: S3 API Reference, CopyObject; User Guide, "Copying, moving, and renaming objects".
    """
    answer = _copy(tx, request, None)
    if isinstance(answer, dict):
        return answer
    first = answer

    async def compute_first(ctx: Context) -> Response:
        wanted = first
        for _ in range(_ATTEMPTS):
            computed = await _compute(wanted)
            answer = ctx.transact(_copy, request, computed)
            if isinstance(answer, dict):
                return answer
            wanted = answer
        raise ServiceError.of(
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. "
            "Please try again.",
            status=409,
        )

    return Waiting(compute_first)


class _Wanted(msgspec.Struct):
    """A source whose bytes must be hashed before it can be copied."""

    source: str
    algorithm: str
    segments: Segments


def _copy(tx: Tx, request: Request, computed: _Computed | None) -> Response | _Wanted:
    key = request["Key"]
    check_not_anonymous(tx, "copy objects")
    target = open_bucket(tx, request, "PutObject", key=key)
    check_key(key)
    opened, source, by_version = load_copy_source(tx, request)
    check_copied_size(source.size)
    if source.attributes.tags and request.get("TaggingDirective", "COPY") == "COPY":
        hooks.authorize(tx, opened, "GetObjectTagging", source.key, source)
    directive = request.get("MetadataDirective", "COPY")
    if directive not in ("COPY", "REPLACE"):
        raise InvalidArgument(
            "Unknown metadata directive.", ArgumentName="x-amz-metadata-directive", ArgumentValue=directive
        )
    given = headers_of(request)
    chosen = encryption.encryption_of(tx, target, request)
    storage_class = storage_class_of(request)
    in_place = opened.id == target.id and source.key == key and not by_version
    unchanged = chosen == source.encryption and storage_class == source.storage_class
    if in_place and directive == "COPY" and unchanged and not any(name in request for name in _CHANGES):
        raise InvalidRequest(_UNCHANGED)
    check_write(versions.find_current(tx, target, key), request)
    told = _digests(tx, request, source, computed)
    if isinstance(told, _Wanted):
        return told
    md5, checksum = told
    draft = ObjectVersion(
        key, "", 0, tx.now_ms, encryption.entity_tag(tx, chosen, md5), content.shared(tx, source.content),
        given if directive == "REPLACE" else source.headers, checksum, chosen, storage_class,
        owner=tx.account, attributes=hooks.attributes_of(tx, target, request, source),
    )  # fmt: skip
    version = versions.put_version(tx, target, draft, "ObjectCreated:Copy")
    response: Response = {
        "CopyObjectResult": {
            "ETag": f'"{version.etag}"',
            "LastModified": version.modified_ms,
            checksum.member: checksum.value,
            "ChecksumType": checksum.kind,
        }
    }
    tell_written(tx, target, version, response)
    if target.versioning:
        response["VersionId"] = version.version_id
    if source.version_id != "null":
        response["CopySourceVersionId"] = source.version_id
    return response


def _digests(
    tx: Tx, request: Request, source: ObjectVersion, computed: _Computed | None
) -> tuple[str, Checksum] | _Wanted:
    """The MD5 and the checksum of a copy: known, quickly computed, or wanted."""
    asked = request.get("ChecksumAlgorithm", "").upper()
    if asked and asked not in checksums.ALGORITHMS:
        raise InvalidRequest(UNSUPPORTED_ALGORITHM)
    known = source.checksum
    algorithm = asked or (known.algorithm if known is not None else checksums.DEFAULT)
    identity = fingerprint(source)
    if computed is not None and computed.source == identity and computed.checksum.algorithm == algorithm:
        return computed.md5, computed.checksum
    keeps = known is not None and known.algorithm == algorithm and known.kind == checksums.FULL_OBJECT
    if keeps and known is not None and not source.parts and source.encryption.algorithm == "AES256":
        return source.etag, known
    whole = content.segments(tx, source.content, 0, source.size)
    if len(whole) == 1 and whole[0].blob is None:
        hashes = (checksums.new("MD5"), checksums.new(algorithm))
        for one in hashes:
            one.update(whole[0].data)
        return hashes[0].digest().hex(), Checksum(algorithm, checksums.encode(hashes[1].digest()))
    return _Wanted(identity, algorithm, Segments(tx.kernel, whole))


async def _compute(wanted: _Wanted) -> _Computed:
    """Hash a source's bytes, in a thread."""
    hashes = [checksums.new("MD5"), checksums.new(wanted.algorithm)]

    def update(piece: bytes) -> None:
        for one in hashes:
            one.update(piece)

    try:
        async for piece in wanted.segments:
            await asyncio.to_thread(update, piece)
    finally:
        await wanted.segments.aclose()
    checksum = Checksum(wanted.algorithm, checksums.encode(hashes[1].digest()))
    return _Computed(wanted.source, hashes[0].digest().hex(), checksum)
