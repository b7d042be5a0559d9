"""Where access, object lock, tags, grants and notifications meet the data plane.

Every operation on a bucket goes through `authorize`; every write and removal of a version goes through
`versions`, which calls `check_removal` before and `changed` after it. Answers of reads pass through
`describe`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ballroom.kernel import Request, Response, Tx
from ballroom.services.s3 import authorization, locks, object_grants, tagging
from ballroom.services.s3.attributes import NONE, Attributes
from ballroom.services.s3.changes import Change
from ballroom.services.s3.lifecycle.configured import LIFECYCLE, abort, expiration
from ballroom.services.s3.notifications.sending import NOTIFICATION, tell
from ballroom.services.s3.resources import Bucket, ObjectVersion
from ballroom.services.s3.settings_store import find_setting
from ballroom.services.s3.website_rules import check_redirect_location

__all__ = [
    "attributes_of", "authorize", "changed", "check_removal", "check_versioning", "describe",
    "describe_upload", "describe_write", "owned",
]  # fmt: skip


def owned(tx: Tx, bucket: Bucket, draft: ObjectVersion) -> ObjectVersion:
    """A new version with its owner: its writer, unless the bucket says that its own owner is."""
    return object_grants.owned(tx, bucket, draft)


def authorize(
    tx: Tx,
    bucket: Bucket,
    action: str,
    key: str = "",
    version: ObjectVersion | None = None,
    *,
    request: Request | None = None,
) -> None:
    """Refuses a caller who may not do this.

    `action` is IAM's name without its prefix (`GetObject`, `ListBucket`). `version` is the one about to be
    read, where it is known; `request` tells what conditions ask about.

    Raises:
        AccessDenied: a policy denies it, or nothing allows it.
    """
    authorization.authorize(tx, bucket, action, key, version, request)


def attributes_of(tx: Tx, bucket: Bucket, request: Request, source: ObjectVersion | None = None) -> Attributes:
    """The attributes that a write gives its new version. `source` is the object that a copy copies.

    Raises:
        S3Error: tags, grants, lock or redirect are not right, or the bucket does not allow them.
        AccessDenied: the caller may write, but not tag or lock.
    """
    tags = tagging.of_write(request, source.attributes.tags if source is not None else {})
    grants = object_grants.of_write(tx, bucket, request)
    redirect = request.get("WebsiteRedirectLocation", "")
    if redirect:
        check_redirect_location(redirect)
    plain = not tags and not grants and not redirect
    if plain and locks.NAME not in bucket.configured and not request.keys() & locks.MEMBERS:
        return NONE
    for action in _further_actions(request, tags):
        authorize(tx, bucket, action, request["Key"], request=request)
    attributes = Attributes(tags, grants, website_redirect=redirect)
    return locks.of_request(request, find_setting(tx, bucket, locks.NAME), attributes, tx.now_ms)


def _further_actions(request: Request, tags: dict[str, str]) -> Iterator[str]:
    """What a write does besides writing, each a permission of its own.

    Source: S3 API Reference, PutObject, CopyObject, "Permissions".
    """
    if tags:
        yield "PutObjectTagging"
    if "ObjectLockMode" in request:
        yield "PutObjectRetention"
    if "ObjectLockLegalHoldStatus" in request:
        yield "PutObjectLegalHold"


def check_removal(tx: Tx, bucket: Bucket, version: ObjectVersion, *, bypass_governance: bool = False) -> None:
    """Refuses to remove (or replace for good) a version that is locked.

    Raises:
        AccessDenied: a lock protects it, or the caller may not get around governance.
    """
    attributes = version.attributes
    if attributes.lock_mode or attributes.legal_hold:
        if bypass_governance and attributes.lock_mode == "GOVERNANCE":
            authorize(tx, bucket, "BypassGovernanceRetention", version.key, version)
        locks.check_removal(attributes, tx.now_ms, bypass=bypass_governance)


def check_versioning(tx: Tx, bucket: Bucket, status: str) -> None:
    """Refuses to suspend versioning where object lock needs it.

    Raises:
        S3Error: InvalidBucketState.
    """
    if status != "Enabled" and locks.NAME in bucket.configured:
        raise locks.versioning_needed()


def changed(tx: Tx, bucket: Bucket, change: Change) -> None:
    """Something was written or removed in this transaction: tell whoever wants to know."""
    if NOTIFICATION in bucket.configured:
        tell(tx, bucket, change)


def describe(tx: Tx, bucket: Bucket, version: ObjectVersion, response: Response) -> None:
    """Add to the answer of GetObject and HeadObject what attributes and rules say: TagCount, Expiration."""
    attributes = version.attributes
    if attributes is not NONE:
        if attributes.tags:
            response["TagCount"] = len(attributes.tags)
        if attributes.website_redirect:
            response["WebsiteRedirectLocation"] = attributes.website_redirect
        if attributes.lock_mode:
            response["ObjectLockMode"] = attributes.lock_mode
            response["ObjectLockRetainUntilDate"] = attributes.retain_until_ms
        if attributes.hold_told:
            response["ObjectLockLegalHoldStatus"] = "ON" if attributes.legal_hold else "OFF"
    describe_write(tx, bucket, version, response)


def describe_write(tx: Tx, bucket: Bucket, version: ObjectVersion, response: Response) -> None:
    """Add to the answer of a write what rules say (Expiration)."""
    if LIFECYCLE in bucket.configured:
        found = expiration(tx, bucket, version)
        if found is not None:
            response["Expiration"] = found.header


def describe_upload(tx: Tx, bucket: Bucket, key: str, started_ms: int) -> dict[str, Any]:
    """What lifecycle rules say of an unfinished upload: AbortDate, AbortRuleId."""
    if LIFECYCLE not in bucket.configured:
        return {}
    found = abort(tx, bucket, key, started_ms)
    return {} if found is None else {"AbortDate": found.due_ms, "AbortRuleId": found.rule_id}
