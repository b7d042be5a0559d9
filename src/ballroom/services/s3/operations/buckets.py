"""Buckets: made, found, listed, removed. Their configurations have modules of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import acl, authorization, grants, locks, tagging
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.continuation import name_of, token_of
from ballroom.services.s3.errors import (
    AccessDenied,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocation,
    InvalidArgument,
    InvalidBucketName,
    named,
)
from ballroom.services.s3.names import check_bucket_name
from ballroom.services.s3.owners import canonical_id, owner
from ballroom.services.s3.resources import (
    Bucket,
    ObjectVersion,
    Owned,
    Setting,
    Upload,
    bucket_key,
    find_bucket,
)
from ballroom.services.s3.settings_store import drop_setting, find_setting, put_setting

_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
_ACCOUNT_REGIONAL = re.compile(r".+-\d{12}-[a-z]{2}(?:-[a-z]+)+-\d-an", re.ASCII)
OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
LOCATION = "location"
"""What was asked for, where it is told otherwise than the region: EU."""
MOST_LISTED = 10_000


@operation("CreateBucket")
def create_bucket(tx: Tx, request: Request) -> Response:
    """Make a bucket; names are shared by all accounts.

    In us-east-1 making one's own bucket again succeeds and resets its list, as on AWS. New buckets block
    public access, and their owner owns all objects.

    Source: S3 API Reference, CreateBucket.
    """
    if tx.caller.anonymous:
        raise AccessDenied()
    name, configuration = request["Bucket"], request.get("CreateBucketConfiguration") or {}
    if configuration.get("Location") or configuration.get("Bucket"):
        raise NotImplementedHere("Ballroom does not have directory buckets")
    check_bucket_name(name)
    _check_namespace(tx, request)
    region = _region_of(configuration.get("LocationConstraint"), tx.region)
    tags = tagging.read(configuration.get("Tags"), of_object=False)
    object_ownership = _ownership_of(request)
    bucket_acl = _acl_of(tx, request, object_ownership)
    response: Response = {
        "Location": f"/{name}" if tx.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/",
        "BucketArn": f"arn:aws:s3:::{name}",
    }
    existing = tx.get(Bucket, bucket_key(name))
    if existing is not None:
        if existing.account != tx.account:
            raise BucketAlreadyExists(BucketName=name)
        if tx.region != "us-east-1" or existing.region != "us-east-1" or tags:
            raise BucketAlreadyOwnedByYou(BucketName=name)
        _reset_acl(tx, existing, bucket_acl)
        return response
    locked = request.get("ObjectLockEnabledForBucket", False)
    bucket = Bucket(name, tx.ids.hex(24), tx.account, region, tx.now_ms, versioning="Enabled" if locked else "")
    tx.put(bucket_key(name), bucket)
    tx.put(("s3", "owned", tx.account, name), Owned(name))
    put_setting(tx, bucket, authorization.PUBLIC_ACCESS, dict.fromkeys(authorization.BLOCKS, True))
    put_setting(tx, bucket, authorization.OWNERSHIP, {"Rules": [{"ObjectOwnership": object_ownership}]})
    if configuration.get("LocationConstraint") == "EU":
        put_setting(tx, bucket, LOCATION, {"LocationConstraint": "EU"})
    if bucket_acl is not None:
        put_setting(tx, bucket, authorization.ACL, bucket_acl)
    if locked:
        put_setting(tx, bucket, locks.NAME, {"ObjectLockEnabled": "Enabled"})
    if tags:
        put_setting(tx, bucket, "tagging", {"TagSet": tagging.written(tags)})
    return response


def _reset_acl(tx: Tx, bucket: Bucket, wanted: dict[str, Any] | None) -> None:
    """Making a bucket again gives it the list of the new request, if it has lists.

    Source: S3 API Reference, "Error responses", BucketAlreadyOwnedByYou.
    """
    if authorization.ownership(tx, bucket) == OWNERSHIPS[0]:
        return
    if wanted is None:
        drop_setting(tx, bucket, authorization.ACL)
    else:
        put_setting(tx, bucket, authorization.ACL, wanted)


def _check_namespace(tx: Tx, request: Request) -> None:
    """Names in an account's own namespace end in the account and region; no other name may look so.

    Source: S3 User Guide, "Namespaces for general purpose buckets".
    """
    name, namespace = request["Bucket"], request.get("BucketNamespace", "global")
    if namespace not in ("global", "account-regional"):
        raise InvalidArgument("", ArgumentName="x-amz-bucket-namespace", ArgumentValue=namespace)
    if namespace == "global":
        fits = _ACCOUNT_REGIONAL.fullmatch(name) is None
    else:
        fits = name.endswith(f"-{tx.account}-{tx.region}-an")
    if not fits:
        raise InvalidBucketName(BucketName=name)


def _region_of(wanted: str | None, region: str) -> str:
    """Where the bucket is made. The endpoint of us-east-1 makes buckets everywhere, others only at home."""
    if region == "us-east-1":
        if wanted is None:
            return region
        if wanted == "EU":
            return "eu-west-1"
        if wanted == region or _REGION.fullmatch(wanted) is None:
            raise named(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
                LocationConstraint=wanted,
            )
        return wanted
    if wanted != region and not (wanted == "EU" and region == "eu-west-1"):
        raise IllegalLocation(
            f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific "
            "endpoint this request was sent to."
        )
    return region


def _ownership_of(request: Request) -> str:
    found: str = request.get("ObjectOwnership", OWNERSHIPS[0])
    if found not in OWNERSHIPS:
        raise InvalidArgument(
            f"Invalid x-amz-object-ownership header: {found}",
            ArgumentName="x-amz-object-ownership", ArgumentValue=found,
        )  # fmt: skip
    return found


def _acl_of(tx: Tx, request: Request, object_ownership: str) -> dict[str, Any] | None:
    """The list that headers ask for, if it is more than the default."""
    me = canonical_id(tx.account)
    found = grants.given(request, me, me, of_object=False)
    if found is None or found == acl.private(tx.account):
        return None
    if object_ownership == "BucketOwnerEnforced":
        raise named(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    if acl.is_public(found):
        raise named(
            "InvalidBucketAclWithBlockPublicAccessError",
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
        )
    return found


@operation("HeadBucket")
def head_bucket(tx: Tx, request: Request) -> Response:
    """Whether the bucket is there and the caller may list it; who may not is told its region all the same.

    Source: S3 API Reference, HeadBucket.
    """
    try:
        bucket = open_bucket(tx, request, "ListBucket")
    except AccessDenied as denied:
        found = find_bucket(tx, request["Bucket"])
        if found is not None:
            denied.headers = [("x-amz-bucket-region", found.region)]
        raise
    return {
        "BucketRegion": bucket.region,
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
        "AccessPointAlias": False,
    }


@operation("GetBucketLocation")
def get_bucket_location(tx: Tx, request: Request) -> Response:
    """The bucket's region; for us-east-1 nothing, for historical reasons.

    Source: S3 API Reference, GetBucketLocation.
    """
    bucket = open_bucket(tx, request, "GetBucketLocation", anywhere=True)
    return find_setting(tx, bucket, LOCATION) or (
        {} if bucket.region == "us-east-1" else {"LocationConstraint": bucket.region}
    )


@operation("ListBuckets")
def list_buckets(tx: Tx, request: Request) -> Response:
    """The account's buckets in all regions, by name.

    Source: S3 API Reference, ListBuckets.
    """
    if tx.caller.anonymous:
        raise AccessDenied()
    prefix, region = request.get("Prefix", ""), request.get("BucketRegion")
    limit = request.get("MaxBuckets", MOST_LISTED)
    if not 1 <= limit <= MOST_LISTED:
        raise InvalidArgument(
            f"Argument max-buckets must be an integer between 1 and {MOST_LISTED}",
            ArgumentName="max-buckets", ArgumentValue=str(limit),
        )  # fmt: skip
    paged = any(name in request for name in ("MaxBuckets", "Prefix", "BucketRegion", "ContinuationToken"))
    token = request.get("ContinuationToken")
    shown: list[Response] = []
    response: Response = {"Owner": owner(tx.account)}
    for bucket in _owned(tx, prefix, name_of(token) if token else ""):
        if region not in (None, bucket.region):
            continue
        if len(shown) == limit:
            last = shown[-1]["Name"]
            response["ContinuationToken"] = token_of(last)
            break
        line: Response = {
            "Name": bucket.name,
            "CreationDate": bucket.created_ms,
            "BucketArn": f"arn:aws:s3:::{bucket.name}",
        }
        shown.append(line | ({"BucketRegion": bucket.region} if paged else {}))
    if "Prefix" in request:
        response["Prefix"] = prefix
    return {"Buckets": shown, **response}


def _owned(tx: Tx, prefix: str, after: str) -> Iterator[Bucket]:
    root = ("s3", "owned", tx.account)
    low = max(prefix, after + "\0" if after else "")
    for row in tx.scan(Owned, (*root, low), (*root, prefix + "\x7f")):
        bucket = tx.get(Bucket, bucket_key(row.name))
        if bucket is not None:
            yield bucket


@operation("DeleteBucket")
def delete_bucket(tx: Tx, request: Request) -> Response:
    """Remove an empty bucket with its configurations; uploads under way are aborted.

    Raises:
        BucketNotEmpty: it holds objects, older versions or delete markers.

    Source: S3 API Reference, DeleteBucket.
    """
    bucket = open_bucket(tx, request, "DeleteBucket")
    for kind in ("object", "older"):
        if tx.scan_prefix(ObjectVersion, ("s3", kind, bucket.id), limit=1):
            text = "The bucket you tried to delete is not empty"
            if bucket.versioning:
                text += ". You must delete all versions in the bucket."
            raise BucketNotEmpty(text, BucketName=bucket.name)
    for upload in tx.scan_prefix(Upload, ("s3", "upload", bucket.id)):
        tx.call("s3", "AbortMultipartUpload", {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id})
    for row, _ in tx.scan_prefix_items(Setting, ("s3", "setting", bucket.id)):
        tx.delete(row)
    tx.delete(bucket_key(bucket.name))
    tx.delete(("s3", "owned", bucket.account, bucket.name))
    return {}
