"""Tags of buckets and of objects."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import tagging, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.changes import Change
from ballroom.services.s3.errors import not_configured
from ballroom.services.s3.hooks import changed
from ballroom.services.s3.operations.acls import load_to_change
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

NAME = "tagging"


@operation("PutBucketTagging")
def put_bucket_tagging(tx: Tx, request: Request) -> Response:
    """Replace the bucket's tags.

    Source: S3 API Reference, PutBucketTagging.
    """
    bucket = open_bucket(tx, request, "PutBucketTagging")
    by_system = tx.caller.source == "cloudformation.amazonaws.com"
    tags = tagging.read(request["Tagging"].get("TagSet"), of_object=False, by_system=by_system)
    put_setting(tx, bucket, NAME, {"TagSet": tagging.written(tags)})
    return {}


@operation("GetBucketTagging")
def get_bucket_tagging(tx: Tx, request: Request) -> Response:
    """The bucket's tags."""
    bucket = open_bucket(tx, request, "GetBucketTagging")
    found = find_setting(tx, bucket, NAME)
    if not found or not found["TagSet"]:
        raise not_configured("NoSuchTagSet", "The TagSet does not exist", bucket.name)
    return found


@operation("DeleteBucketTagging")
def delete_bucket_tagging(tx: Tx, request: Request) -> Response:
    """Take all tags away."""
    drop_setting(tx, open_bucket(tx, request, "PutBucketTagging"), NAME)
    return {}


@operation("PutObjectTagging")
def put_object_tagging(tx: Tx, request: Request) -> Response:
    """Replace the tags of an object's current version, or of the one that is named.

    Source: S3 API Reference, PutObjectTagging.
    """
    action = "PutObjectTagging" if "VersionId" not in request else "PutObjectVersionTagging"
    tags = tagging.read(request["Tagging"].get("TagSet"), of_object=True)
    return _tag(tx, request, action, tags, "ObjectTagging:Put")


@operation("DeleteObjectTagging")
def delete_object_tagging(tx: Tx, request: Request) -> Response:
    """Take all of an object's tags away.

    Source: S3 API Reference, DeleteObjectTagging.
    """
    action = "DeleteObjectTagging" if "VersionId" not in request else "DeleteObjectVersionTagging"
    return _tag(tx, request, action, {}, "ObjectTagging:Delete")


def _tag(tx: Tx, request: Request, action: str, tags: dict[str, str], event: str) -> Response:
    bucket = open_bucket(tx, request, action, key=request["Key"])
    version = load_to_change(tx, bucket, request["Key"], request.get("VersionId"))
    attributes = msgspec.structs.replace(version.attributes, tags=tags)
    versions.update_version(tx, bucket, msgspec.structs.replace(version, attributes=attributes))
    changed(tx, bucket, Change(event, version.key, version.version_id, version.etag, version.size))
    return {"VersionId": version.version_id} if bucket.versioning else {}


@operation("GetObjectTagging")
def get_object_tagging(tx: Tx, request: Request) -> Response:
    """An object's tags; none is no error.

    Source: S3 API Reference, GetObjectTagging.
    """
    action = "GetObjectTagging" if "VersionId" not in request else "GetObjectVersionTagging"
    bucket = open_bucket(tx, request, action, key=request["Key"])
    version = versions.load_object(tx, bucket, request["Key"], request.get("VersionId"))
    response: Response = {"TagSet": tagging.written(version.attributes.tags)}
    return response | ({"VersionId": version.version_id} if bucket.versioning else {})
