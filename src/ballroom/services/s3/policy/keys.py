"""The condition keys of a request to S3.

`aws:SecureTransport` is true for whoever calls from this machine or within Ballroom: nothing travels over
a network that TLS would have to protect, and a template that enforces TLS works without a certificate.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; IAM User
Guide, "AWS global condition context keys".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from ballroom.kernel import Request, Tx

_DAY_MS = 24 * 60 * 60 * 1000
_MEMBERS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:versionid",
    "ACL": "s3:x-amz-acl",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
}


def of_request(
    tx: Tx, owner: str, request: Request | None, tags: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Condition keys in lower case. `tags` are those of the object that is already there."""
    caller = tx.caller
    now = datetime.fromtimestamp(tx.now_ms / 1000, UTC)
    found: dict[str, tuple[str, ...]] = {
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(tx.now_ms // 1000),),
        "aws:securetransport": ("true" if _is_secure(tx) else "false",),
        "aws:requestedregion": (caller.region,),
        "aws:resourceaccount": (owner,),
        "s3:resourceaccount": (owner,),
    }
    if caller.remote:
        found["aws:sourceip"] = (caller.remote,)
    if caller.user_agent:
        found["aws:useragent"] = (caller.user_agent,)
    if caller.referer:
        found["aws:referer"] = (caller.referer,)
    if not caller.anonymous:
        found["aws:principalarn"] = (caller.arn,)
        found["aws:principalaccount"] = (caller.account,)
        found["aws:userid"] = (caller.user_id,)
        kind = caller.arn.partition("/")[0].rpartition(":")[2]
        found["aws:principaltype"] = ({"root": "Account", "user": "User"}.get(kind, "AssumedRole"),)
        if kind == "user":
            found["aws:username"] = (caller.arn.rpartition("/")[2],)
        found["s3:signatureversion"] = ("AWS4-HMAC-SHA256",)
    else:
        found["aws:principaltype"] = ("Anonymous",)
    for name, value in tags.items():
        found[f"s3:existingobjecttag/{name}".lower()] = (value,)
    if request is not None:
        _add_members(request, found)
        _add_lock(request, tx.now_ms, found)
    return found


def _add_members(request: Request, found: dict[str, tuple[str, ...]]) -> None:
    for member, key in _MEMBERS.items():
        value: Any = request.get(member)
        if value is not None:
            found[key] = (str(value),)
    tagging = request.get("Tagging")
    if isinstance(tagging, str):
        pairs = parse_qsl(tagging, keep_blank_values=True)
    elif isinstance(tagging, dict):
        pairs = [(tag["Key"], tag["Value"]) for tag in tagging.get("TagSet") or []]
    else:
        return
    found["s3:requestobjecttagkeys"] = tuple(name for name, _ in pairs)
    for name, value in pairs:
        found[f"s3:requestobjecttag/{name}".lower()] = (value,)


def _add_lock(request: Request, now_ms: int, found: dict[str, tuple[str, ...]]) -> None:
    """What a write or an operation of its own locks.

    Source: S3 User Guide, "Setting limits on retention periods with a bucket policy".
    """
    retention = request.get("Retention") or {}
    mode = request.get("ObjectLockMode") or retention.get("Mode")
    until_ms = request.get("ObjectLockRetainUntilDate") or retention.get("RetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus") or (request.get("LegalHold") or {}).get("Status")
    if mode:
        found["s3:object-lock-mode"] = (mode,)
    if until_ms:
        until = datetime.fromtimestamp(until_ms / 1000, UTC)
        found["s3:object-lock-retain-until-date"] = (until.strftime("%Y-%m-%dT%H:%M:%SZ"),)
        found["s3:object-lock-remaining-retention-days"] = (str((until_ms - now_ms) // _DAY_MS),)
    if hold:
        found["s3:object-lock-legal-hold"] = (hold,)


def _is_secure(tx: Tx) -> bool:
    remote = tx.caller.remote
    if not remote or tx.kernel.settings.base_url.startswith("https:"):
        return True
    try:
        return ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
