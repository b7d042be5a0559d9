"""Who may do what: bucket policies, access control lists, ownership and Block Public Access together.

Callers of the bucket's own account may do everything that its policy does not deny (identity policies are
not evaluated yet); all others need a policy or a grant. The account's root can always get at the policy
itself, so that nobody locks himself out.

Source: S3 User Guide, "How Amazon S3 authorizes a request", "Blocking public access to your Amazon S3
storage", "Controlling ownership of objects and disabling ACLs"; IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Request, Tx
from ballroom.kernel.policy import Access, Decision, Principal, decide
from ballroom.services.s3 import acl
from ballroom.services.s3.errors import AccessDenied
from ballroom.services.s3.owners import canonical_id
from ballroom.services.s3.policy import keys
from ballroom.services.s3.policy.public import is_public
from ballroom.services.s3.policy.validation import compiled
from ballroom.services.s3.resources import Bucket, ObjectVersion, object_key
from ballroom.services.s3.settings_store import find_setting

POLICY, ACL, OWNERSHIP, PUBLIC_ACCESS = "policy", "acl", "ownership", "public-access"
"""Names of the configurations that decide."""
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_OF_THE_POLICY = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
_OF_OBJECTS = frozenset({
    "AbortMultipartUpload", "BypassGovernanceRetention", "DeleteObject", "DeleteObjectTagging",
    "DeleteObjectVersion", "DeleteObjectVersionTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes",
    "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent", "GetObjectVersion",
    "GetObjectVersionAcl", "GetObjectVersionAttributes", "GetObjectVersionTagging", "ListMultipartUploadParts",
    "PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging",
    "PutObjectVersionAcl", "PutObjectVersionTagging", "RestoreObject",
})  # fmt: skip
_READS = ("GetObject", "GetObjectVersion")
_BLIND_TO_TAGS = frozenset({"PutObject", "DeleteObject", "DeleteObjectVersion"})
"""Actions that know no `s3:ExistingObjectTag`. Source: User Guide, "Tagging and access control policies"."""


def authorize(
    tx: Tx,
    bucket: Bucket,
    action: str,
    key: str = "",
    version: ObjectVersion | None = None,
    request: Request | None = None,
) -> None:
    """Refuses a caller who may not do `action` (IAM's name without `s3:`).

    Raises:
        AccessDenied: a policy denies it, or nothing allows it.
    """
    caller = tx.caller
    own = caller.account == bucket.account and not caller.anonymous
    if own and POLICY not in bucket.configured:
        return
    text = policy_text(tx, bucket)
    said = Decision.OPEN
    if text is not None:
        version = version or _find(tx, bucket, action, key, request)
        said = decide(compiled(text), _access(tx, bucket, action, key, version, request))
    if said is Decision.DENY and not (own and action in _OF_THE_POLICY and caller.arn.endswith(":root")):
        raise denied(tx, bucket, action, key) if own else AccessDenied()
    if own:
        return
    if said is Decision.ALLOW and text is not None and not _is_restricted(tx, bucket, text):
        _hide_absence(tx, bucket, action, key, version, request)
        return
    version = version or _find(tx, bucket, action, key, request)
    if not _granted(tx, bucket, action, key, version):
        raise AccessDenied()


def denied(tx: Tx, bucket: Bucket, action: str, key: str = "", why: str = "") -> AccessDenied:
    """The error that callers of the bucket's own account get: it tells what refuses them.

    Source: S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3".
    """
    return AccessDenied(
        f'User: {tx.caller.arn} is not authorized to perform: s3:{action} on resource: '
        f'"{_resource(bucket, action, key)}" {why or "with an explicit deny in a resource-based policy"}'
    )


def _resource(bucket: Bucket, action: str, key: str) -> str:
    arn = f"arn:aws:s3:::{bucket.name}"
    return f"{arn}/{key}" if action in _OF_OBJECTS else arn


def policy_text(tx: Tx, bucket: Bucket) -> str | None:
    """The bucket's policy."""
    found = find_setting(tx, bucket, POLICY)
    return None if found is None else str(found["text"])


def _access(
    tx: Tx, bucket: Bucket, action: str, key: str, version: ObjectVersion | None, request: Request | None
) -> Access:
    caller = tx.caller
    principal = Principal()
    if caller.source.endswith(".amazonaws.com"):
        principal = Principal(service=caller.source)
    elif not caller.anonymous:
        principal = Principal(caller.account, caller.arn, caller.user_id, canonical_id(caller.account))
    tags = version.attributes.tags if version is not None and action not in _BLIND_TO_TAGS else {}
    context = keys.of_request(tx, bucket.account, request, tags)
    return Access(principal, f"s3:{action}", _resource(bucket, action, key), context)


def _find(tx: Tx, bucket: Bucket, action: str, key: str, request: Request | None) -> ObjectVersion | None:
    """The version that a request is about, where its own tags and grants may decide."""
    if action not in _OF_OBJECTS or not key:
        return None
    version_id = (request or {}).get("VersionId")
    if version_id:
        from ballroom.services.s3.versions import find_version  # which asks here before it removes anything

        return find_version(tx, bucket, key, version_id)
    return tx.get(ObjectVersion, object_key(bucket, key))


# --- public access


def blocks(tx: Tx, bucket: Bucket) -> dict[str, bool]:
    """Which public access the bucket blocks."""
    found = find_setting(tx, bucket, PUBLIC_ACCESS) or {}
    return {name: bool(found.get(name)) for name in BLOCKS}


def _is_restricted(tx: Tx, bucket: Bucket, text: str) -> bool:
    """Whether a public policy counts for the bucket's own account and for services only."""
    caller = tx.caller
    if caller.source.endswith(".amazonaws.com") or not is_public(text):
        return False
    return blocks(tx, bucket)["RestrictPublicBuckets"]


def ownership(tx: Tx, bucket: Bucket) -> str:
    """Who owns objects: BucketOwnerEnforced, BucketOwnerPreferred or ObjectWriter."""
    found = find_setting(tx, bucket, OWNERSHIP)
    return "ObjectWriter" if found is None else str(found["Rules"][0]["ObjectOwnership"])


# --- grants


def bucket_acl(tx: Tx, bucket: Bucket) -> dict[str, Any]:
    """The bucket's access control list."""
    return find_setting(tx, bucket, ACL) or acl.private(bucket.account)


def object_acl(bucket: Bucket, version: ObjectVersion) -> dict[str, Any]:
    """An object's access control list."""
    if version.attributes.acl:
        found: dict[str, Any] = orjson.loads(version.attributes.acl)
        return found
    return acl.private(version.owner or bucket.account)


def _granted(tx: Tx, bucket: Bucket, action: str, key: str, version: ObjectVersion | None) -> bool:
    """Whether an access control list lets a stranger do it."""
    if ownership(tx, bucket) == "BucketOwnerEnforced":
        return False
    caller = tx.caller
    ignore = blocks(tx, bucket)["IgnorePublicAcls"]
    of_bucket = bucket_acl(tx, bucket)
    if action in acl.OF_OBJECTS:
        if version is None:
            # who may list may be told that there is nothing
            return key != "" and acl.allows(
                of_bucket, "ListBucket", caller.account, anonymous=caller.anonymous, ignore_public=ignore
            )
        grants = object_acl(bucket, version)
        if not caller.anonymous and grants["Owner"]["ID"] == canonical_id(caller.account):
            return True
    else:
        grants = of_bucket
        if not caller.anonymous and acl.owner_allows(grants, action, caller.account):
            return True
    return acl.allows(grants, action, caller.account, anonymous=caller.anonymous, ignore_public=ignore)


def _hide_absence(
    tx: Tx, bucket: Bucket, action: str, key: str, version: ObjectVersion | None, request: Request | None
) -> None:
    """Who may read but not list is not told which keys are not there.

    Raises:
        AccessDenied: there is nothing, and the caller may not list.
    """
    if action not in _READS or version is not None or not key:
        return
    authorize(tx, bucket, "ListBucket", request={})
