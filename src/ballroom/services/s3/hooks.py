"""Where access, object lock, tags, grants and notifications meet the data plane.

Every operation on a bucket goes through `authorize`; every write and removal of a version goes through
`versions`, which calls `check_removal` before and `changed` after it. Answers of reads pass through
`describe`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3.attributes import NONE, Attributes
from ballroom.services.s3.errors import AccessDenied
from ballroom.services.s3.resources import Bucket, ObjectVersion

_UNSUPPORTED = (
    "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP", "WebsiteRedirectLocation", "Tagging",
    "ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus", "ObjectLockEventHold",
)  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """What happened to a version. `event` is S3's name without its prefix: `ObjectCreated:Put`."""

    event: str
    key: str
    version_id: str = ""
    etag: str = ""
    size: int = 0
    sequence: int = 0


def authorize(tx: Tx, bucket: Bucket, action: str, key: str = "", version: ObjectVersion | None = None) -> None:
    """Refuses a caller who may not do this.

    `action` is IAM's name without its prefix (`GetObject`, `ListBucket`). `version` is the one about to be
    read, where its own grants count; None where it is not there, or before it is known.

    Raises:
        AccessDenied: the bucket belongs to another account.
    """
    if bucket.account != tx.account:
        raise AccessDenied()


def attributes_of(tx: Tx, bucket: Bucket, request: Request, source: ObjectVersion | None = None) -> Attributes:
    """The attributes that a write gives its new version. `source` is the object that a copy copies."""
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of objects yet")
    if request.get("ACL", "private") not in ("private", "bucket-owner-full-control"):
        raise NotImplementedHere(f"Ballroom does not support the object ACL {request['ACL']} yet")
    return NONE


def check_removal(tx: Tx, bucket: Bucket, version: ObjectVersion, *, bypass_governance: bool = False) -> None:
    """Refuses to remove (or replace for good) a version that is locked."""


def check_versioning(tx: Tx, bucket: Bucket, status: str) -> None:
    """Refuses to suspend versioning where object lock needs it."""


def changed(tx: Tx, bucket: Bucket, change: Change) -> None:
    """Something was written or removed in this transaction: tell whoever wants to know."""


def describe(tx: Tx, bucket: Bucket, version: ObjectVersion, response: Response) -> None:
    """Add to the answer of GetObject and HeadObject what attributes and rules say: TagCount, Expiration."""


def describe_write(tx: Tx, bucket: Bucket, version: ObjectVersion, response: Response) -> None:
    """Add to the answer of a write what rules say (Expiration)."""


def describe_upload(tx: Tx, bucket: Bucket, key: str, started_ms: int) -> dict[str, Any]:
    """What lifecycle rules say of an unfinished upload: AbortDate, AbortRuleId."""
    return {}
