"""Access control lists of buckets and objects."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.s3 import acl, grants, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.authorization import ACL, bucket_acl, object_acl, ownership
from ballroom.services.s3.changes import Change
from ballroom.services.s3.errors import AccessDenied, MethodNotAllowed, S3Error, named
from ballroom.services.s3.hooks import changed
from ballroom.services.s3.object_grants import check_public, grants_owner_only, not_supported
from ballroom.services.s3.owners import canonical_id
from ballroom.services.s3.resources import Bucket, ObjectVersion
from ballroom.services.s3.settings_store import put_setting


@operation("GetBucketAcl")
def get_bucket_acl(tx: Tx, request: Request) -> Response:
    """Who is granted what of the bucket itself.

    Source: S3 API Reference, GetBucketAcl.
    """
    return bucket_acl(tx, open_bucket(tx, request, "GetBucketAcl"))


@operation("PutBucketAcl")
def put_bucket_acl(tx: Tx, request: Request) -> Response:
    """Replace the bucket's list, by a canned name, headers or a body.

    Source: S3 API Reference, PutBucketAcl; recorded answers.
    """
    bucket = open_bucket(tx, request, "PutBucketAcl")
    found = _wanted(request, canonical_id(bucket.account), canonical_id(bucket.account), of_object=False)
    if ownership(tx, bucket) == "BucketOwnerEnforced":
        if not grants_owner_only(request, found, bucket):
            raise not_supported()
        return {}
    _check_owner(found, canonical_id(bucket.account))
    check_public(tx, bucket, found)
    put_setting(tx, bucket, ACL, found)
    return {}


def _wanted(request: Request, owner: str, bucket_owner: str, *, of_object: bool) -> dict[str, Any]:
    body = request.get("AccessControlPolicy")
    found = grants.given(request, owner, bucket_owner, of_object=of_object)
    if found is not None and body is not None:
        raise named("UnexpectedContent", "This request does not support content")
    if found is not None:
        return found
    if body is None:
        raise named(
            "MissingSecurityHeader",
            "Your request was missing a required header",
            MissingHeaderName="x-amz-acl",
        )
    return grants.stated(body)


def _check_owner(found: dict[str, Any], owner: str) -> None:
    """A list cannot give what it is about to somebody else.

    Raises:
        AccessDenied: it names another owner.
    """
    if found["Owner"]["ID"] != owner:
        raise AccessDenied()


@operation("GetObjectAcl")
def get_object_acl(tx: Tx, request: Request) -> Response:
    """Who is granted what of an object.

    Source: S3 API Reference, GetObjectAcl.
    """
    version_id = request.get("VersionId")
    action = "GetObjectAcl" if version_id is None else "GetObjectVersionAcl"
    bucket = open_bucket(tx, request, action, key=request["Key"])
    version = versions.load_object(tx, bucket, request["Key"], version_id)
    if ownership(tx, bucket) == "BucketOwnerEnforced":
        return acl.private(bucket.account)
    return object_acl(bucket, version)


@operation("PutObjectAcl")
def put_object_acl(tx: Tx, request: Request) -> Response:
    """Replace an object's list.

    Source: S3 API Reference, PutObjectAcl.
    """
    version_id = request.get("VersionId")
    action = "PutObjectAcl" if version_id is None else "PutObjectVersionAcl"
    bucket = open_bucket(tx, request, action, key=request["Key"])
    version = load_to_change(tx, bucket, request["Key"], version_id)
    owner = object_acl(bucket, version)["Owner"]["ID"]
    found = _wanted(request, owner, canonical_id(bucket.account), of_object=True)
    if ownership(tx, bucket) == "BucketOwnerEnforced":
        if not grants_owner_only(request, found, bucket):
            raise not_supported()
        return {}
    _check_owner(found, owner)
    check_public(tx, bucket, found)
    attributes = msgspec.structs.replace(version.attributes, acl=orjson.dumps(found))
    versions.update_version(tx, bucket, msgspec.structs.replace(version, attributes=attributes))
    changed(tx, bucket, Change("ObjectAcl:Put", version.key, version.version_id, version.etag, version.size))
    return {}


def load_to_change(tx: Tx, bucket: Bucket, key: str, version_id: str | None) -> ObjectVersion:
    """The version whose attributes a request changes.

    Raises:
        MethodNotAllowed: it is a delete marker.
    """
    try:
        return versions.load_object(tx, bucket, key, version_id)
    except MethodNotAllowed as error:
        raise _put_on_marker(error) from error


def _put_on_marker(error: S3Error) -> S3Error:
    told = MethodNotAllowed(Method="PUT", ResourceType="DeleteMarker")
    told.headers = error.headers
    return told
