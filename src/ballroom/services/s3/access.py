"""How an operation gets at its bucket: it is there, it is here, and the caller may.

Source: S3 API Reference, "Error responses"; User Guide, "Verifying bucket ownership with bucket owner
condition".
"""

from __future__ import annotations

import re

from ballroom.kernel import Request, Tx
from ballroom.services.s3 import hooks
from ballroom.services.s3.errors import AccessDenied, InvalidBucketOwner, NoSuchBucket, PermanentRedirect
from ballroom.services.s3.resources import Bucket, find_bucket

_ACCOUNT = re.compile(r"\d{12}")


def open_bucket(
    tx: Tx, request: Request, action: str | None, *, key: str = "", anywhere: bool = False
) -> Bucket:
    """The bucket that a request names, if its caller may do `action` there (IAM's name; None: asked later).

    `anywhere`: whether other regions answer for the bucket's, too.

    Raises:
        NoSuchBucket: there is none.
        AccessDenied: the caller may not, or expects another owner.
        PermanentRedirect: it is in another region.
        InvalidBucketOwner: the owner expected is no account.
    """
    name = request["Bucket"]
    bucket = find_bucket(tx, name)
    expected = request.get("ExpectedBucketOwner")
    if expected is not None:
        check_owner(bucket, expected)
    if bucket is None:
        raise NoSuchBucket(BucketName=name)
    caller = tx.caller
    if bucket.region != caller.region and not anywhere and caller.source == "wire" and not caller.anonymous:
        raise PermanentRedirect.to(name, bucket.region)
    if action is not None:
        hooks.authorize(tx, bucket, action, key, request=request)
    return bucket


def check_not_anonymous(tx: Tx, what: str) -> None:
    """Refuses nobody in particular what only somebody may do, whatever policies and lists allow.

    Raises:
        AccessDenied: the request is not signed.

    Source: S3 User Guide, "Uploading and copying objects using multipart upload" (API and permissions).
    """
    if tx.caller.anonymous:
        raise AccessDenied(f"Anonymous users cannot {what}.  Please authenticate.")


def check_owner(bucket: Bucket | None, expected: str) -> None:
    """Refuses a bucket of another owner than the caller expects."""
    if _ACCOUNT.fullmatch(expected) is None:
        raise InvalidBucketOwner(
            f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
        )
    if bucket is not None and bucket.account != expected:
        raise AccessDenied()
