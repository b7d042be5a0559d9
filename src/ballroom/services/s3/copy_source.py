"""The object that CopyObject and UploadPartCopy copy: found, permitted, readable, and as the request wants it.

Source: S3 API Reference, CopyObject, UploadPartCopy.
"""

from __future__ import annotations

from typing import NamedTuple

from ballroom.kernel import Request, Tx
from ballroom.services.s3 import encryption, versions
from ballroom.services.s3.access import check_owner, open_bucket
from ballroom.services.s3.conditions import check_copy
from ballroom.services.s3.errors import InvalidRequest, MethodNotAllowed, ObjectNotActive
from ballroom.services.s3.names import parse_copy_source
from ballroom.services.s3.object_headers import ARCHIVED
from ballroom.services.s3.resources import Bucket, ObjectVersion, find_bucket

LARGEST_COPY = 5 << 30
_TOO_LARGE = (
    f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_COPY}"
)


class CopySource(NamedTuple):
    """A version and its bucket."""

    bucket: Bucket
    version: ObjectVersion
    by_version: bool
    """Whether the request names the version."""


def load_copy_source(tx: Tx, request: Request) -> CopySource:
    """What `x-amz-copy-source` names, if the caller may read it and its conditions hold.

    Raises:
        NoSuchKey, NoSuchVersion: it is not there.
        InvalidRequest: it is a delete marker.
        ObjectNotActive: it is archived.
        PreconditionFailed: a condition does not hold.
    """
    name, key, version_id = parse_copy_source(request["CopySource"])
    expected = request.get("ExpectedSourceBucketOwner")
    if expected is not None:
        check_owner(find_bucket(tx, name), expected)
    action = "GetObject" if version_id is None else "GetObjectVersion"
    bucket = open_bucket(tx, {"Bucket": name}, action, key=key)
    try:
        version = versions.load_object(tx, bucket, key, version_id)
    except MethodNotAllowed as marker:
        raise InvalidRequest(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        ) from marker
    encryption.check_customer_key(version.encryption, request, "CopySource")
    check_copy(version, request)
    if version.storage_class in ARCHIVED and version.restored_until_ms <= tx.now_ms:
        raise ObjectNotActive()
    return CopySource(bucket, version, version_id is not None)


def check_copied_size(size: int) -> None:
    """Refuses to copy more at once than S3 does.

    Raises:
        InvalidRequest.
    """
    if size > LARGEST_COPY:
        raise InvalidRequest(_TOO_LARGE)
