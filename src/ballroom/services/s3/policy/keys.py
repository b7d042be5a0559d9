"""The condition keys of a request to S3.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
The global ones are the kernel's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from ballroom.kernel import Request, Signing, Tx
from ballroom.kernel.policy import global_keys

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
    found = global_keys(tx, owner)
    found["s3:resourceaccount"] = (owner,)
    if not tx.caller.anonymous:
        _add_signing(tx.caller.signing, found)
    for name, value in tags.items():
        found[f"s3:existingobjecttag/{name}".lower()] = (value,)
    if request is not None:
        _add_members(request, found)
        _add_lock(request, tx.now_ms, found)
    return found


def _add_signing(signing: Signing, found: dict[str, tuple[str, ...]]) -> None:
    """Source: S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys"."""
    found["s3:signatureversion"] = (signing.version,)
    found["s3:authtype"] = (signing.kind,)
    if signing.payload:
        found["s3:x-amz-content-sha256"] = (signing.payload,)
    if signing.age_ms is not None:
        found["s3:signatureage"] = (str(signing.age_ms),)


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
