"""ListObjects, ListObjectsV2 and ListObjectVersions: keys in the order of their bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import quote

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import listing
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import InvalidArgument
from ballroom.services.s3.listing import Line
from ballroom.services.s3.object_headers import ARCHIVED
from ballroom.services.s3.owners import owner
from ballroom.services.s3.resources import NULL, Bucket, ObjectVersion
from ballroom.services.s3.version_ids import check_version_id, sequence_of
from ballroom.services.s3.versions import find_version

MOST_KEYS = 1000


@operation("ListObjectsV2")
def list_objects_v2(tx: Tx, request: Request) -> Response:
    """Up to 1,000 keys a page.

    Source: S3 API Reference, ListObjectsV2.
    """
    bucket = open_bucket(tx, request, "ListBucket")
    after = _after(request)
    lines, more = _page(tx, bucket, request, after)
    response = _common(tx, bucket, request, lines, more, owners=request.get("FetchOwner", False))
    response["KeyCount"] = len(lines)
    if request.get("ContinuationToken"):
        response["ContinuationToken"] = request["ContinuationToken"]
    elif "StartAfter" in request:
        response["StartAfter"] = encoded(request, request["StartAfter"])
    if more:
        response["NextContinuationToken"] = base64.urlsafe_b64encode(lines[-1].name.encode()).decode()
    return response


@operation("ListObjects")
def list_objects(tx: Tx, request: Request) -> Response:
    """The older form, with a marker.

    Source: S3 API Reference, ListObjects.
    """
    bucket = open_bucket(tx, request, "ListBucket")
    marker = request.get("Marker", "")
    lines, more = _page(tx, bucket, request, marker)
    # who is nobody is not told who owns what
    response = _common(tx, bucket, request, lines, more, owners=not tx.caller.anonymous)
    response["Marker"] = encoded(request, marker)
    if more and request.get("Delimiter"):
        response["NextMarker"] = encoded(request, lines[-1].name)
    return response


@operation("ListObjectVersions")
def list_object_versions(tx: Tx, request: Request) -> Response:
    """Versions and delete markers by key, newest first; up to 1,000 a page.

    Source: S3 API Reference, ListObjectVersions.
    """
    bucket = open_bucket(tx, request, "ListBucketVersions")
    if request.get("MaxKeys", 0) < 0:
        raise InvalidArgument(
            "max-keys cannot be negative", ArgumentName="max-keys", ArgumentValue=str(request["MaxKeys"])
        )
    limit = page_limit(request, "MaxKeys", "maxKeys")
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    key_marker, version_marker = request.get("KeyMarker", ""), request.get("VersionIdMarker", "")
    after = _sequence_behind(tx, bucket, key_marker, version_marker)
    lines, more = listing.page(listing.versions(tx, bucket, prefix, delimiter, key_marker, after), limit)
    response: Response = {
        **_head(bucket, request, more), "MaxKeys": limit,
        "KeyMarker": encoded(request, key_marker), "VersionIdMarker": version_marker,
    }  # fmt: skip
    if more:
        response["NextKeyMarker"] = encoded(request, lines[-1].name)
        if lines[-1].version is not None:
            response["NextVersionIdMarker"] = lines[-1].version.version_id
    shown = [(line.version, line.latest) for line in lines if line.version is not None]
    found = [_version_line(bucket, request, v, latest) for v, latest in shown if not v.is_marker]
    markers = [_marker_line(bucket, request, v, latest) for v, latest in shown if v.is_marker]
    if found:
        response["Versions"] = found
    if markers:
        response["DeleteMarkers"] = markers
    return response | common_prefixes(request, lines)


def _sequence_behind(tx: Tx, bucket: Bucket, key: str, version_id: str) -> int | None:
    """Where a version stands among those of its key; None: behind all of them."""
    if not version_id:
        return None
    if not key:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker", ArgumentValue=version_id,
        )  # fmt: skip
    if version_id == NULL:
        null = find_version(tx, bucket, key, NULL)
        return null.sequence if null is not None else None
    check_version_id(version_id, "version-id-marker")
    return sequence_of(version_id)


def _after(request: Request) -> str:
    token = request.get("ContinuationToken")
    if token is None:
        return str(request.get("StartAfter", ""))
    try:
        after = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        after = ""
    if not after:
        raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token")
    return after


def page_limit(request: Request, member: str, name: str) -> int:
    """How many lines a page may have.

    Raises:
        InvalidArgument: less than none.
    """
    limit: int = request.get(member, MOST_KEYS)
    if limit < 0:
        raise InvalidArgument(
            f"Argument {name} must be an integer between 0 and 2147483647",
            ArgumentName=name, ArgumentValue=str(limit),
        )  # fmt: skip
    return min(limit, MOST_KEYS)


def _page(tx: Tx, bucket: Bucket, request: Request, after: str) -> tuple[list[Line], bool]:
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    limit = page_limit(request, "MaxKeys", "maxKeys")
    return listing.page(listing.objects(tx, bucket, prefix, delimiter, after), limit)


def _head(bucket: Bucket, request: Request, more: bool) -> Response:
    response: Response = {
        "Name": bucket.name,
        "Prefix": encoded(request, request.get("Prefix", "")),
        "IsTruncated": more,
    }
    if request.get("Delimiter"):
        response["Delimiter"] = encoded(request, request["Delimiter"])
    if request.get("EncodingType"):
        response["EncodingType"] = request["EncodingType"]
    return response


def _common(
    tx: Tx, bucket: Bucket, request: Request, lines: list[Line], more: bool, *, owners: bool
) -> Response:
    check_encoding(request)
    response = _head(bucket, request, more)
    response["MaxKeys"] = page_limit(request, "MaxKeys", "maxKeys")
    contents = [_line(request, line.version) for line in lines if line.version is not None]
    if owners:
        shown = owner(bucket.account)
        for one in contents:
            one["Owner"] = shown
    if "RestoreStatus" in request.get("OptionalObjectAttributes", ()):
        for one, line in zip(contents, [line for line in lines if line.version is not None], strict=True):
            _add_restore_status(tx, one, line.version)
    if contents:
        response["Contents"] = contents
    return response | common_prefixes(request, lines)


def common_prefixes(request: Request, lines: list[Line]) -> Response:
    """The prefixes among the lines of a page, if there are any."""
    prefixes = [
        {"Prefix": encoded(request, line.name)}
        for line in lines
        if line.version is None and line.upload is None
    ]
    return {"CommonPrefixes": prefixes} if prefixes else {}


def _add_restore_status(tx: Tx, line: dict[str, Any], version: ObjectVersion | None) -> None:
    if version is not None and version.storage_class in ARCHIVED and version.restored_until_ms > tx.now_ms:
        line["RestoreStatus"] = {
            "IsRestoreInProgress": False,
            "RestoreExpiryDate": version.restored_until_ms,
        }


def _line(request: Request, version: ObjectVersion) -> dict[str, Any]:
    line: dict[str, Any] = {
        "Key": encoded(request, version.key),
        "LastModified": whole_seconds(version.modified_ms),
        "ETag": f'"{version.etag}"',
        "Size": version.content.size,
        "StorageClass": version.storage_class,
    }
    if version.checksum is not None:
        line["ChecksumAlgorithm"] = [version.checksum.algorithm]
        line["ChecksumType"] = version.checksum.kind
    return line


def _version_line(bucket: Bucket, request: Request, version: ObjectVersion, latest: bool) -> dict[str, Any]:
    return {
        **_line(request, version),
        "VersionId": version.version_id,
        "IsLatest": latest,
        "Owner": owner(bucket.account),
    }


def _marker_line(bucket: Bucket, request: Request, version: ObjectVersion, latest: bool) -> dict[str, Any]:
    return {
        "Key": encoded(request, version.key),
        "VersionId": version.version_id,
        "IsLatest": latest,
        "LastModified": whole_seconds(version.modified_ms),
        "Owner": owner(bucket.account),
    }


def whole_seconds(ms: int) -> int:
    """S3 tells times in whole seconds, everywhere the same."""
    return ms - ms % 1000


def check_encoding(request: Request) -> None:
    """Refuses an encoding that S3 does not have."""
    if request.get("EncodingType", "url") != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type", ArgumentValue=request["EncodingType"],
        )  # fmt: skip


def encoded(request: Request, text: str) -> str:
    """Keys may hold what XML cannot: clients ask for percent-encoding."""
    return quote(text, safe="/-_.~*") if request.get("EncodingType") == "url" else text
