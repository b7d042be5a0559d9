"""GetObjectAttributes: what is known of an object, without the object."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.model.styles import NO_OBJECT_ATTRIBUTES
from ballroom.services.s3 import content, encryption, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import InvalidArgument, InvalidRequest
from ballroom.services.s3.operations.listing import MOST_KEYS
from ballroom.services.s3.resources import ObjectVersion

_KNOWN = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@operation("GetObjectAttributes")
def get_object_attributes(tx: Tx, request: Request) -> Response:
    """Those attributes of an object that the request names.

    Source: S3 API Reference, GetObjectAttributes.
    """
    key, version_id = request["Key"], request.get("VersionId")
    action = "GetObjectAttributes" if version_id is None else "GetObjectVersionAttributes"
    bucket = open_bucket(tx, request, action, key=key)
    asked = request["ObjectAttributes"]
    if not any(asked):
        raise InvalidRequest(NO_OBJECT_ATTRIBUTES)
    for name in asked:
        if name not in _KNOWN:
            raise InvalidArgument(
                "Invalid attribute name specified.",
                ArgumentName="x-amz-object-attributes", ArgumentValue=name,
            )  # fmt: skip
    version = versions.load_object(tx, bucket, key, version_id)
    encryption.check_customer_key(version.encryption, request)
    response: Response = {"LastModified": version.modified_ms}
    if bucket.versioning:
        response["VersionId"] = version.version_id
    if "ETag" in asked:
        response["ETag"] = version.etag
    if "Checksum" in asked and version.checksum is not None:
        plain = version.checksum.value.partition("-")[0]
        response["Checksum"] = {version.checksum.member: plain, "ChecksumType": version.checksum.kind}
    if "ObjectParts" in asked and version.parts:
        response["ObjectParts"] = _parts(tx, version, request)
    if "StorageClass" in asked:
        response["StorageClass"] = version.storage_class
    if "ObjectSize" in asked:
        response["ObjectSize"] = version.size
    return response


def _parts(tx: Tx, version: ObjectVersion, request: Request) -> dict[str, Any]:
    """The parts of an object; one by one only where they were uploaded with checksums."""
    told: dict[str, Any] = {"TotalPartsCount": version.parts}
    asked = request.get("MaxParts", -1)
    limit = min(asked, MOST_KEYS) if asked >= 0 else MOST_KEYS  # this operation forgives a wrong number
    text = str(request.get("PartNumberMarker") or 0)
    marker = int(text) if text.isdecimal() and len(text) < 10 else 0
    shown: list[dict[str, Any]] = []
    number = 0
    for layout in content.layouts(tx, version.content):
        if number + len(layout.parts) <= marker or len(shown) > limit:
            number += len(layout.parts)
            continue
        for part in layout.parts:
            number += 1
            if number <= marker or len(shown) > limit:
                continue
            line: dict[str, Any] = {"PartNumber": number, "Size": part.content.size}
            if part.checksum is not None:
                line[part.checksum.member] = part.checksum.value
            shown.append(line)
    if not any(len(line) > 2 for line in shown):
        return told
    page = shown[:limit]
    return told | {
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1]["PartNumber"] if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(shown) > limit,
        "Parts": page,
    }
