"""DeleteObject and DeleteObjects."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, ServiceError, Tx, operation
from ballroom.services.s3 import locks, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.conditions import check_deletion
from ballroom.services.s3.errors import InvalidArgument, MalformedXml, NoSuchVersion, NotImplementedHeader
from ballroom.services.s3.names import check_key
from ballroom.services.s3.resources import NULL, Bucket
from ballroom.services.s3.version_ids import check_version_id, sequence_of

MOST_KEYS = 1000
_DIRECTORY_ONLY = {
    "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time",
    "IfMatchSize": "x-amz-if-match-size",
}


@operation("DeleteObject")
def delete_object(tx: Tx, request: Request) -> Response:
    """Remove an object, or put a delete marker over it; what is not there is no error.

    Source: S3 API Reference, DeleteObject; User Guide, "Deleting Amazon S3 objects".
    """
    key, version_id = request["Key"], request.get("VersionId")
    action = "DeleteObject" if version_id is None else "DeleteObjectVersion"
    bucket = open_bucket(tx, request, action, key=key)
    for member, header in _DIRECTORY_ONLY.items():
        if member in request:
            raise NotImplementedHeader(Header=header)
    if "BypassGovernanceRetention" in request and locks.NAME not in bucket.configured:
        raise InvalidArgument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
        )
    return delete_one(
        tx, bucket, key, version_id, request.get("IfMatch"),
        bypass_governance=request.get("BypassGovernanceRetention", False),
    )  # fmt: skip


@operation("DeleteObjects")
def delete_objects(tx: Tx, request: Request) -> Response:
    """Remove up to 1,000 objects; each has its own success.

    Source: S3 API Reference, DeleteObjects.
    """
    bucket = open_bucket(tx, request, None)
    wanted = request["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= MOST_KEYS:
        raise MalformedXml()
    bypass = request.get("BypassGovernanceRetention", False)
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for one in wanted:
        key, version_id = one["Key"], one.get("VersionId") or None
        try:
            with tx.savepoint():
                action = "DeleteObject" if not version_id else "DeleteObjectVersion"
                open_bucket(tx, request, action, key=key)
                if "LastModifiedTime" in one or "Size" in one:
                    raise NotImplementedHeader()
                if version_id and version_id != NULL and sequence_of(version_id) is None:
                    raise NoSuchVersion()  # here, what was never issued is told like what is gone
                answer = delete_one(tx, bucket, key, version_id, one.get("ETag"), bypass_governance=bypass)
        except ServiceError as error:
            told = {"Key": key, "Code": error.shape, "Message": error.text}
            errors.append(told | ({"VersionId": version_id} if version_id else {}))
            continue
        shown: dict[str, Any] = {"Key": key}
        if version_id:
            shown["VersionId"] = version_id
        if answer.get("DeleteMarker"):
            shown["DeleteMarker"] = True
            shown["DeleteMarkerVersionId"] = answer["VersionId"]
        deleted.append(shown)
    response: Response = {} if request["Delete"].get("Quiet") else {"Deleted": deleted}
    return response | ({"Errors": errors} if errors else {})


def delete_one(
    tx: Tx,
    bucket: Bucket,
    key: str,
    version_id: str | None,
    tag: str | None,
    *,
    bypass_governance: bool = False,
) -> Response:
    """One deletion; the answer tells of markers and versions."""
    check_key(key)
    if version_id is None:
        if tag is not None:
            check_deletion(versions.find_current(tx, bucket, key), key, tag)
        marker = versions.delete_key(tx, bucket, key)
        return {} if marker is None else {"DeleteMarker": True, "VersionId": marker.version_id}
    check_version_id(version_id)
    if tag is not None:
        check_deletion(versions.find_version(tx, bucket, key, version_id), key, tag)
    gone = versions.delete_version(tx, bucket, key, version_id, bypass_governance=bypass_governance)
    response: Response = {"VersionId": version_id}
    if gone is not None and gone.is_marker:
        response["DeleteMarker"] = True
    return response
