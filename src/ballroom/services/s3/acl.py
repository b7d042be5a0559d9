"""Access control lists: canned ones, what they grant, and to whom. Pure.

A list is AWS's own structure, `{"Owner": {"ID": ...}, "Grants": [...]}`, as GetBucketAcl answers it.

Source: S3 User Guide, "Access control list (ACL) overview".
"""

from __future__ import annotations

from typing import Any

from ballroom.services.s3.owners import canonical_id

_GROUPS = "http://acs.amazonaws.com/groups"
ALL_USERS = f"{_GROUPS}/global/AllUsers"
AUTHENTICATED_USERS = f"{_GROUPS}/global/AuthenticatedUsers"
LOG_DELIVERY = f"{_GROUPS}/s3/LogDelivery"
GROUPS = (ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY)
PUBLIC_GROUPS = (ALL_USERS, AUTHENTICATED_USERS)
PERMISSIONS = ("FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP")

_CANNED_GROUPS: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
    "aws-exec-read": (),
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
}
BUCKET_CANNED = frozenset({
    "private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write", "aws-exec-read",
})  # fmt: skip
OBJECT_CANNED = frozenset({
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
    "bucket-owner-full-control",
})  # fmt: skip
EXEC_READ = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
"""Amazon EC2's canonical id, whom aws-exec-read lets read."""

_ACTIONS: dict[str, str] = {
    "ListBucket": "READ",
    "ListBucketVersions": "READ",
    "ListBucketMultipartUploads": "READ",
    "PutObject": "WRITE",
    "DeleteObject": "WRITE",
    "AbortMultipartUpload": "WRITE",
    "GetBucketAcl": "READ_ACP",
    "PutBucketAcl": "WRITE_ACP",
    "GetObject": "READ",
    "GetObjectVersion": "READ",
    "GetObjectAttributes": "READ",
    "GetObjectAcl": "READ_ACP",
    "GetObjectVersionAcl": "READ_ACP",
    "PutObjectAcl": "WRITE_ACP",
    "PutObjectVersionAcl": "WRITE_ACP",
}
"""Actions that a grant can allow. Source: "Mapping of ACL permissions and access policy permissions"."""
OF_OBJECTS = frozenset({
    "GetObject", "GetObjectVersion", "GetObjectAttributes", "GetObjectAcl", "GetObjectVersionAcl",
    "PutObjectAcl", "PutObjectVersionAcl",
})  # fmt: skip
"""Actions that the object's list decides; the bucket's decides the others."""


def user(identity: str) -> dict[str, str]:
    """A grantee who is an account."""
    return {"ID": identity, "Type": "CanonicalUser"}


def group(uri: str) -> dict[str, str]:
    """A grantee that is a group."""
    return {"URI": uri, "Type": "Group"}


def canned(name: str, owner: str, bucket_owner: str) -> dict[str, Any]:
    """The list that a canned name stands for; owners are canonical ids."""
    grants: list[dict[str, Any]] = [{"Grantee": user(owner), "Permission": "FULL_CONTROL"}]
    grants += [{"Grantee": group(uri), "Permission": permission} for uri, permission in _CANNED_GROUPS[name]]
    if name == "aws-exec-read":
        grants.append({"Grantee": user(EXEC_READ), "Permission": "READ"})
    elif name.startswith("bucket-owner-") and bucket_owner != owner:
        permission = "READ" if name == "bucket-owner-read" else "FULL_CONTROL"
        grants.append({"Grantee": user(bucket_owner), "Permission": permission})
    return {"Owner": {"ID": owner}, "Grants": grants}


def private(account: str) -> dict[str, Any]:
    """The list of what has none of its own."""
    owner = canonical_id(account)
    return canned("private", owner, owner)


def is_public(acl: dict[str, Any]) -> bool:
    """Whether it grants anything to everybody, or to everybody with an account."""
    return any(grant["Grantee"].get("URI") in PUBLIC_GROUPS for grant in acl["Grants"])


def allows(acl: dict[str, Any], action: str, account: str, *, anonymous: bool, ignore_public: bool) -> bool:
    """Whether a grant lets a caller do `action` (IAM's name without its prefix)."""
    permission = _ACTIONS.get(action)
    if permission is None:
        return False
    who = canonical_id("" if anonymous else account)
    for grant in acl["Grants"]:
        if grant["Permission"] not in (permission, "FULL_CONTROL"):
            continue
        uri = grant["Grantee"].get("URI")
        if uri is None:
            if grant["Grantee"].get("ID") == who:
                return True
        elif not ignore_public and (uri == ALL_USERS or (uri == AUTHENTICATED_USERS and not anonymous)):
            return True
    return False


def owner_allows(acl: dict[str, Any], action: str, account: str) -> bool:
    """An owner may always read and change the list itself, whatever it says."""
    return acl["Owner"]["ID"] == canonical_id(account) and _ACTIONS.get(action) in ("READ_ACP", "WRITE_ACP")
