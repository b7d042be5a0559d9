"""The grants that writes give their objects, within what ownership and Block Public Access allow.

Source: S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket", "Blocking
public access to your Amazon S3 storage".
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Request, Tx
from ballroom.services.s3 import acl, grants
from ballroom.services.s3.authorization import blocks, ownership
from ballroom.services.s3.errors import AccessDenied, S3Error, named
from ballroom.services.s3.owners import ANONYMOUS_OWNER, canonical_id
from ballroom.services.s3.resources import Bucket, ObjectVersion

_MEMBERS = frozenset({"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"})


def not_supported() -> S3Error:
    """The bucket's owner owns everything in it, so that lists mean nothing."""
    return named("AccessControlListNotSupported", "The bucket does not allow ACLs")


def of_write(tx: Tx, bucket: Bucket, request: Request) -> bytes:
    """The access control list that a write's headers ask for, as it is kept; empty: private.

    Raises:
        S3Error: the bucket does not take lists, or no public ones, or the headers are not right.
    """
    if not request.keys() & _MEMBERS:
        return b""
    writer = canonical_id("" if tx.caller.anonymous else tx.account)
    found = grants.given(request, writer, canonical_id(bucket.account), of_object=True)
    if found is None:
        return b""
    if ownership(tx, bucket) == "BucketOwnerEnforced":
        if not grants_owner_only(request, found, bucket):
            raise not_supported()
        return b""
    check_public(tx, bucket, found)
    return b"" if _is_owners(found, bucket) else orjson.dumps(found)


def owned(tx: Tx, bucket: Bucket, draft: ObjectVersion) -> ObjectVersion:
    """A new version with its owner: its writer, unless ownership controls say that the bucket's owner is."""
    rule = ownership(tx, bucket)
    if rule == "BucketOwnerEnforced":
        return msgspec.structs.replace(draft, owner=bucket.account)
    if rule == "BucketOwnerPreferred" and draft.attributes.acl:
        mine = {"Grantee": acl.user(canonical_id(bucket.account)), "Permission": "FULL_CONTROL"}
        if mine in orjson.loads(draft.attributes.acl)["Grants"]:
            attributes = msgspec.structs.replace(draft.attributes, acl=b"")
            return msgspec.structs.replace(draft, owner=bucket.account, attributes=attributes)
    return msgspec.structs.replace(draft, owner=ANONYMOUS_OWNER) if tx.caller.anonymous else draft


def grants_owner_only(request: Request, found: dict[str, Any], bucket: Bucket) -> bool:
    """Whether it is what a bucket whose owner owns everything takes: full control for that owner, said so.

    The canned name `private` is refused there, as any other list is.
    """
    if "ACL" in request:
        return bool(request["ACL"] == "bucket-owner-full-control")
    return _is_owners(found, bucket)


def _is_owners(found: dict[str, Any], bucket: Bucket) -> bool:
    """Whether it grants the bucket's owner full control, and nobody anything else."""
    return bool(found == acl.private(bucket.account)) and bool(found["Grants"])


def check_public(tx: Tx, bucket: Bucket, found: dict[str, Any]) -> None:
    """Refuses a public list where the bucket blocks them.

    Raises:
        AccessDenied: it does.
    """
    if acl.is_public(found) and blocks(tx, bucket)["BlockPublicAcls"]:
        raise AccessDenied()
