"""Lists of objects, in the order of their keys' bytes, with prefixes rolled up at a delimiter."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3.errors import InvalidArgument
from ballroom.services.s3.resources import Bucket, ObjectVersion, load_bucket, object_key

_LAST = "\U0010ffff"  # sorts behind every key that begins like what stands before it
_AT_ONCE = 200


class Entry(NamedTuple):
    """One line of a list: an object, or a prefix that stands for many."""

    name: str
    version: ObjectVersion | None


@operation("ListObjectsV2")
def list_objects_v2(tx: Tx, request: Request) -> Response:
    """Up to 1,000 keys a page.

    Source: S3 API Reference, ListObjectsV2.
    """
    bucket = load_bucket(tx, request["Bucket"])
    after = _after(request)
    entries, more = _page(tx, bucket, request, after)
    response = _common(request, entries, more)
    response["KeyCount"] = len(entries)
    if request.get("FetchOwner"):
        for line in response.get("Contents", ()):
            line["Owner"] = {"ID": bucket.account}
    for member in ("ContinuationToken", "StartAfter"):
        if request.get(member):
            response[member] = request[member]
    if more:
        response["NextContinuationToken"] = base64.urlsafe_b64encode(entries[-1].name.encode()).decode()
    return response


@operation("ListObjects")
def list_objects(tx: Tx, request: Request) -> Response:
    """The older form, with a marker.

    Source: S3 API Reference, ListObjects.
    """
    bucket = load_bucket(tx, request["Bucket"])
    entries, more = _page(tx, bucket, request, request.get("Marker", ""))
    response = _common(request, entries, more)
    response["Marker"] = request.get("Marker", "")
    if more and request.get("Delimiter"):
        response["NextMarker"] = _encoded(request, entries[-1].name)
    return response


def _after(request: Request) -> str:
    token = request.get("ContinuationToken")
    if not token:
        return str(request.get("StartAfter", ""))
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidArgument(
            "The continuation token provided is incorrect", ArgumentName="continuation-token"
        ) from error


def _page(tx: Tx, bucket: Bucket, request: Request, after: str) -> tuple[list[Entry], bool]:
    limit = request.get("MaxKeys", 1000)
    if limit < 0:
        raise InvalidArgument("Argument maxKeys must be an integer between 0 and 2147483647")
    limit = min(limit, 1000)
    entries: list[Entry] = []
    if limit == 0:
        return entries, False
    for entry in _entries(tx, bucket, request.get("Prefix") or "", request.get("Delimiter") or "", after):
        if len(entries) == limit:
            return entries, True
        entries.append(entry)
    return entries, False


def _entries(tx: Tx, bucket: Bucket, prefix: str, delimiter: str, after: str) -> Iterator[Entry]:
    """Objects and rolled-up prefixes behind `after`; a rolled-up prefix is jumped over, not read."""
    high = object_key(bucket, prefix + _LAST)
    low = object_key(bucket, max(prefix, after))
    if delimiter and len(after) > len(prefix) and after.startswith(prefix) and after.endswith(delimiter):
        low = object_key(bucket, after + _LAST)  # it stood for all keys that begin with it
    while True:
        rows = tx.scan(ObjectVersion, low, high, limit=_AT_ONCE)
        for version in rows:
            if version.is_marker or version.key <= after:
                continue
            at = version.key.find(delimiter, len(prefix)) if delimiter else -1
            if at < 0:
                yield Entry(version.key, version)
                continue
            rolled = version.key[: at + len(delimiter)]
            yield Entry(rolled, None)
            low = object_key(bucket, rolled + _LAST)
            break
        else:
            if len(rows) < _AT_ONCE:
                return
            low = object_key(bucket, rows[-1].key + "\0")


def _common(request: Request, entries: list[Entry], more: bool) -> Response:
    response: Response = {
        "Name": request["Bucket"],
        "Prefix": _encoded(request, request.get("Prefix") or ""),
        "MaxKeys": request.get("MaxKeys", 1000),
        "IsTruncated": more,
    }
    if request.get("Delimiter"):
        response["Delimiter"] = _encoded(request, request["Delimiter"])
    if request.get("EncodingType"):
        response["EncodingType"] = request["EncodingType"]
    contents = [_line(request, e.version) for e in entries if e.version is not None]
    prefixes = [{"Prefix": _encoded(request, e.name)} for e in entries if e.version is None]
    if contents:
        response["Contents"] = contents
    if prefixes:
        response["CommonPrefixes"] = prefixes
    return response


def _line(request: Request, version: ObjectVersion) -> dict[str, Any]:
    line: dict[str, Any] = {
        "Key": _encoded(request, version.key),
        "LastModified": version.modified_ms,
        "ETag": f'"{version.etag}"',
        "Size": version.content.size,
        "StorageClass": version.headers.fields.get("StorageClass", "STANDARD"),
    }
    algorithms = [name.removeprefix("Checksum") for name in version.headers.checksums]
    return line | ({"ChecksumAlgorithm": algorithms} if algorithms else {})


def _encoded(request: Request, text: str) -> str:
    """Keys may hold what XML cannot: clients ask for percent-encoding."""
    return quote(text, safe="/-_.~*") if request.get("EncodingType") == "url" else text


@operation("ListObjectVersions")
def list_object_versions(tx: Tx, request: Request) -> Response:
    """Versions and delete markers by key, newest first; up to 1,000 a page.

    Source: S3 API Reference, ListObjectVersions.
    """
    bucket = load_bucket(tx, request["Bucket"])
    prefix, limit = request.get("Prefix") or "", min(request.get("MaxKeys", 1000), 1000)
    marker = (request.get("KeyMarker") or "", request.get("VersionIdMarker") or "")
    shown: list[tuple[ObjectVersion, bool]] = []
    response: Response = {
        "Name": bucket.name, "Prefix": _encoded(request, prefix), "MaxKeys": limit, "IsTruncated": False,
        "KeyMarker": marker[0],
    }  # fmt: skip
    for version, latest in _all_versions(tx, bucket, prefix, *marker):
        if len(shown) == limit:
            last = shown[-1][0]
            response |= {
                "IsTruncated": True,
                "NextKeyMarker": _encoded(request, last.key),
                "NextVersionIdMarker": last.version_id,
            }
            break
        shown.append((version, latest))
    versions_ = [_version_line(request, v, latest) for v, latest in shown if not v.is_marker]
    markers = [_marker_line(request, v, latest) for v, latest in shown if v.is_marker]
    if request.get("EncodingType"):
        response["EncodingType"] = request["EncodingType"]
    if versions_:
        response["Versions"] = versions_
    if markers:
        response["DeleteMarkers"] = markers
    return response


def _all_versions(
    tx: Tx, bucket: Bucket, prefix: str, key_marker: str, version_marker: str
) -> Iterator[tuple[ObjectVersion, bool]]:
    low = object_key(bucket, max(prefix, key_marker))
    for current in tx.scan(ObjectVersion, low, object_key(bucket, prefix + _LAST)):
        if current.key == key_marker and not version_marker:
            continue
        lines = [(current, True)]
        rest = tx.scan_prefix(ObjectVersion, ("s3", "older", bucket.id, current.key), reverse=True)
        lines += [(version, False) for version in rest]
        if current.key == key_marker:
            ids = [version.version_id for version, _ in lines]
            lines = lines[ids.index(version_marker) + 1 :] if version_marker in ids else []
        yield from lines


def _version_line(request: Request, version: ObjectVersion, latest: bool) -> dict[str, Any]:
    return {**_line(request, version), "VersionId": version.version_id, "IsLatest": latest}


def _marker_line(request: Request, version: ObjectVersion, latest: bool) -> dict[str, Any]:
    return {
        "Key": _encoded(request, version.key),
        "VersionId": version.version_id,
        "IsLatest": latest,
        "LastModified": version.modified_ms,
    }
