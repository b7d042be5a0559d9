"""Whether a bucket keeps versions."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import hooks
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.errors import MalformedXml
from ballroom.services.s3.resources import bucket_key


@operation("PutBucketVersioning")
def put_bucket_versioning(tx: Tx, request: Request) -> Response:
    """Begin or suspend keeping versions; it cannot be undone.

    Source: S3 API Reference, PutBucketVersioning.
    """
    bucket = open_bucket(tx, request, "PutBucketVersioning")
    configuration = request["VersioningConfiguration"]
    status = configuration.get("Status", "")
    if status not in ("Enabled", "Suspended"):
        raise MalformedXml()
    if configuration.get("MFADelete") == "Enabled" or request.get("MFA"):
        raise NotImplementedHere("Ballroom does not support MFADelete of buckets")
    hooks.check_versioning(tx, bucket, status)
    tx.put(bucket_key(bucket.name), msgspec.structs.replace(bucket, versioning=status))
    return {}


@operation("GetBucketVersioning")
def get_bucket_versioning(tx: Tx, request: Request) -> Response:
    """Whether versions are kept; nothing for a bucket that never has.

    Source: S3 API Reference, GetBucketVersioning.
    """
    bucket = open_bucket(tx, request, "GetBucketVersioning")
    return {"Status": bucket.versioning} if bucket.versioning else {}
