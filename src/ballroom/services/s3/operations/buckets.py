"""Buckets: made, found, listed, removed. Their settings have a module of their own."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocation,
)
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.names import check_bucket_name
from ballroom.services.s3.owners import owner
from ballroom.services.s3.resources import (
    Bucket,
    ObjectVersion,
    Owned,
    Setting,
    Upload,
    bucket_key,
)

_UNSUPPORTED = (
    "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP",
    "ObjectLockEnabledForBucket", "BucketNamespace",
)  # fmt: skip


@operation("CreateBucket")
def create_bucket(tx: Tx, request: Request) -> Response:
    """Make a bucket; names are shared by all accounts.

    In us-east-1 making one's own bucket again succeeds, as on AWS.

    Source: S3 API Reference, CreateBucket.
    """
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of buckets yet")
    if request.get("ACL", "private") != "private":
        raise NotImplementedHere("Ballroom does not support public bucket ACLs yet")
    name = request["Bucket"]
    check_bucket_name(name)
    _check_location(request, tx.region)
    existing = tx.get(Bucket, bucket_key(name))
    if existing is not None:
        if existing.account != tx.account:
            raise BucketAlreadyExists(BucketName=name)
        if tx.region != "us-east-1" or existing.region != "us-east-1":
            raise BucketAlreadyOwnedByYou(BucketName=name)
        return {"Location": f"/{name}"}
    tx.put(bucket_key(name), Bucket(name, tx.ids.hex(24), tx.account, tx.region, tx.now_ms))
    tx.put(("s3", "owned", tx.account, name), Owned(name))
    return {"Location": f"/{name}" if tx.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"}


def _check_location(request: Request, region: str) -> None:
    wanted = (request.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    if wanted is None and region == "us-east-1":
        return
    if wanted != region:
        raise IllegalLocation(
            f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific "
            "endpoint this request was sent to."
        )


@operation("HeadBucket")
def head_bucket(tx: Tx, request: Request) -> Response:
    """Whether the bucket is there and the caller's.

    Source: S3 API Reference, HeadBucket.
    """
    bucket = open_bucket(tx, request, "ListBucket")
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
    bucket = open_bucket(tx, request, "GetBucketLocation")
    return {} if bucket.region == "us-east-1" else {"LocationConstraint": bucket.region}


@operation("ListBuckets")
def list_buckets(tx: Tx, request: Request) -> Response:
    """The account's buckets in all regions, by name.

    Source: S3 API Reference, ListBuckets.
    """
    prefix, region = request.get("Prefix", ""), request.get("BucketRegion")
    limit = request.get("MaxBuckets", 10_000)
    root = ("s3", "owned", tx.account)
    after = (*root, request["ContinuationToken"]) if request.get("ContinuationToken") else None
    shown: list[Response] = []
    response: Response = {"Owner": {"ID": tx.account}}
    for owned in tx.scan_prefix(Owned, root, after=after):
        bucket = tx.get(Bucket, bucket_key(owned.name))
        if bucket is None or not bucket.name.startswith(prefix) or region not in (None, bucket.region):
            continue
        if len(shown) == limit:
            response["ContinuationToken"] = shown[-1]["Name"]
            break
        shown.append({"Name": bucket.name, "CreationDate": bucket.created_ms, "BucketRegion": bucket.region})
    if "Prefix" in request:
        response["Prefix"] = prefix
    return {"Buckets": shown, **response}


@operation("DeleteBucket")
def delete_bucket(tx: Tx, request: Request) -> Response:
    """Remove an empty bucket with its settings.

    Raises:
        BucketNotEmpty: it holds objects, older versions or delete markers.

    Source: S3 API Reference, DeleteBucket.
    """
    bucket = open_bucket(tx, request, "DeleteBucket")
    for kind in ("object", "older"):
        if tx.scan_prefix(ObjectVersion, ("s3", kind, bucket.id), limit=1):
            raise BucketNotEmpty(BucketName=bucket.name)
    for row, upload in tx.scan_prefix_items(Upload, ("s3", "upload", bucket.id)):
        tx.call("s3", "AbortMultipartUpload", {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id})
        tx.delete(row)
    for row, _ in tx.scan_prefix_items(Setting, ("s3", "setting", bucket.id)):
        tx.delete(row)
    tx.delete(bucket_key(bucket.name))
    tx.delete(("s3", "owned", bucket.account, bucket.name))
    return {}
