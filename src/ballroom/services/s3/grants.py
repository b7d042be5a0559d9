"""Grants as requests state them: a canned name, headers, or a body; with S3's words for what is wrong.

Source: S3 API Reference, PutBucketAcl, PutObjectAcl; recorded answers.
"""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel import Request
from ballroom.services.s3 import acl
from ballroom.services.s3.errors import InvalidArgument, S3Error, named
from ballroom.services.s3.owners import account_of

_HEADERS = {
    "GrantFullControl": ("x-amz-grant-full-control", "FULL_CONTROL"),
    "GrantRead": ("x-amz-grant-read", "READ"),
    "GrantReadACP": ("x-amz-grant-read-acp", "READ_ACP"),
    "GrantWrite": ("x-amz-grant-write", "WRITE"),
    "GrantWriteACP": ("x-amz-grant-write-acp", "WRITE_ACP"),
}
_GRANTEE = re.compile(r"\s*([A-Za-z]+)\s*=\s*(?:\"([^\"]*)\"|([^\",\s]*))\s*(?:,|$)")
_MOST = 100


def given(request: Request, owner: str, bucket_owner: str, *, of_object: bool) -> dict[str, Any] | None:
    """The list that a request's `x-amz-acl` or grant headers ask for; None without them.

    Raises:
        S3Error: both are there, or something in them is not right.
    """
    named_acl = request.get("ACL")
    headers = {member: request[member] for member in _HEADERS if request.get(member)}
    if named_acl is not None and headers:
        raise named("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if named_acl is not None:
        known = acl.OBJECT_CANNED if of_object else acl.BUCKET_CANNED
        if named_acl not in known:
            raise InvalidArgument("", ArgumentName="x-amz-acl", ArgumentValue=named_acl)
        return acl.canned(named_acl, owner, bucket_owner)
    if not headers:
        return None
    grants: list[dict[str, Any]] = []
    for member, text in headers.items():
        name, permission = _HEADERS[member]
        grants += [{"Grantee": grantee, "Permission": permission} for grantee in _grantees(name, text)]
    _check_number(grants)
    return {"Owner": {"ID": owner}, "Grants": grants}


def _grantees(header: str, text: str) -> list[dict[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _GRANTEE.match(text, at)
        kind = match[1].lower() if match is not None else ""
        if match is None or kind not in ("id", "uri", "emailaddress"):
            raise InvalidArgument(
                "Argument format not recognized", ArgumentName=header, ArgumentValue=text[:1024]
            )
        value = match[2] if match[2] is not None else match[3]
        found.append(_grantee(kind, value))
        at = match.end()
    return found


def _grantee(kind: str, value: str) -> dict[str, str]:
    if kind == "emailaddress":
        raise unresolvable(value)
    if kind == "uri":
        if value not in acl.GROUPS:
            raise InvalidArgument("Invalid group uri", ArgumentName="uri", ArgumentValue=value)
        return acl.group(value)
    if not _exists(value):
        raise InvalidArgument("Invalid id", ArgumentName="id", ArgumentValue=value)
    return acl.user(value)


def unresolvable(address: str) -> S3Error:
    """Accounts here have no addresses."""
    return named(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record.",
        emailAddress=address,
    )


def _exists(identity: str) -> bool:
    return identity == acl.EXEC_READ or account_of(identity) is not None


def stated(policy: dict[str, Any]) -> dict[str, Any]:
    """The list in a request's body, checked.

    Raises:
        S3Error: MalformedACLError, or InvalidArgument for whom it grants something to.
    """
    owner = policy.get("Owner")
    if "Grants" not in policy or not owner or not owner.get("ID"):
        raise _malformed()
    grants = [stated_grant(grant) for grant in policy["Grants"] or []]
    if not _exists(owner["ID"]):
        raise InvalidArgument("Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=owner["ID"])
    _check_number(grants)
    return {"Owner": {"ID": owner["ID"]}, "Grants": grants}


def stated_grant(grant: dict[str, Any]) -> dict[str, Any]:
    """One grant of a body, checked."""
    grantee, permission = grant.get("Grantee") or {}, grant.get("Permission")
    if permission not in acl.PERMISSIONS:
        raise _malformed()
    kind = grantee.get("Type")
    if kind == "Group" and grantee.get("URI") is not None:
        if grantee["URI"] not in acl.GROUPS:
            raise InvalidArgument("Invalid group uri", ArgumentName="Group/URI", ArgumentValue=grantee["URI"])
        return {"Grantee": acl.group(grantee["URI"]), "Permission": permission}
    if kind == "CanonicalUser" and grantee.get("ID"):
        if not _exists(grantee["ID"]):
            raise InvalidArgument("Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=grantee["ID"])
        return {"Grantee": acl.user(grantee["ID"]), "Permission": permission}
    if kind == "AmazonCustomerByEmail" and grantee.get("EmailAddress"):
        raise unresolvable(grantee["EmailAddress"])
    raise _malformed()


def _check_number(grants: list[dict[str, Any]]) -> None:
    if len(grants) > _MOST:
        raise named("MalformedACLError", "An access control list has at most 100 grants")


def _malformed() -> S3Error:
    return named(
        "MalformedACLError",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
