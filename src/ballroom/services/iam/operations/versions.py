"""Versions of managed policies: up to five, one of them the default."""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.iam.errors import DeleteConflict, LimitExceeded, NoSuchEntity
from ballroom.services.iam.managed import aws_document, aws_policy, load_policy
from ballroom.services.iam.operations.policies import check_document, touch
from ballroom.services.iam.paging import page_of
from ballroom.services.iam.presentation import encoded
from ballroom.services.iam.resources import Policy, PolicyVersion, key, whole_seconds

_MOST = 5
_ID = re.compile(r"v([1-9]\d{0,8})(\..*)?")


def _load_version(tx: Tx, policy: Policy, version_id: str) -> PolicyVersion:
    found = _ID.fullmatch(version_id)
    version = tx.get(PolicyVersion, key(tx, "version", policy.name.lower(), int(found[1]))) if found else None
    if version is None:
        arn = f"Policy {policy.name} version {version_id}"
        raise NoSuchEntity(f"{arn} does not exist or is not attachable.")
    return version


def _show(version: PolicyVersion, policy: Policy, *, document: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VersionId": f"v{version.number}", "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created_ms,
    }
    if document:
        shown["Document"] = encoded(version.document)
    return shown


@operation("CreatePolicyVersion")
def create_policy_version(tx: Tx, request: Request) -> Response:
    """Add a version, the default at once if asked; numbers are never used again.

    Raises:
        LimitExceeded: five are there.

    Source: IAM API Reference, CreatePolicyVersion.
    """
    policy = load_policy(tx, request["PolicyArn"])
    check_document(request["PolicyDocument"])
    if len(tx.scan_prefix(PolicyVersion, key(tx, "version", policy.name.lower()))) >= _MOST:
        raise LimitExceeded(
            "A managed policy can have up to 5 versions. Before you create a new version, you must "
            "delete an existing version."
        )
    number = policy.last_version + 1
    version = PolicyVersion(number, request["PolicyDocument"], whole_seconds(tx.now_ms))
    tx.put(key(tx, "version", policy.name.lower(), number), version)
    default = number if request.get("SetAsDefault", False) else policy.default_version
    policy = touch(tx, policy, last_version=number, default_version=default)
    return {"PolicyVersion": _show(version, policy, document=False)}


@operation("GetPolicyVersion")
def get_policy_version(tx: Tx, request: Request) -> Response:
    """A version with its document, percent-encoded.

    Source: IAM API Reference, GetPolicyVersion.
    """
    arn = request["PolicyArn"]
    if aws_policy(arn) is not None:
        document = aws_document(arn)
        shown = {"Document": encoded(document), "VersionId": request["VersionId"], "IsDefaultVersion": True}
        return {"PolicyVersion": {**shown, "CreateDate": 0}}
    policy = load_policy(tx, arn)
    return {"PolicyVersion": _show(_load_version(tx, policy, request["VersionId"]), policy, document=True)}


@operation("ListPolicyVersions")
def list_policy_versions(tx: Tx, request: Request) -> Response:
    """A policy's versions, the newest first.

    Source: IAM API Reference, ListPolicyVersions.
    """
    policy = load_policy(tx, request["PolicyArn"])
    versions = tx.scan_prefix(PolicyVersion, key(tx, "version", policy.name.lower()), reverse=True)
    return page_of(request, "Versions", [_show(v, policy, document=False) for v in versions])


@operation("SetDefaultPolicyVersion")
def set_default_policy_version(tx: Tx, request: Request) -> Response:
    """Choose the version that is in effect.

    Source: IAM API Reference, SetDefaultPolicyVersion.
    """
    policy = load_policy(tx, request["PolicyArn"])
    version = _load_version(tx, policy, request["VersionId"])
    touch(tx, policy, default_version=version.number)
    return {}


@operation("DeletePolicyVersion")
def delete_policy_version(tx: Tx, request: Request) -> Response:
    """Remove a version that is not the default.

    Raises:
        DeleteConflict: it is.

    Source: IAM API Reference, DeletePolicyVersion.
    """
    policy = load_policy(tx, request["PolicyArn"])
    version = _load_version(tx, policy, request["VersionId"])
    if version.number == policy.default_version:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    tx.delete(key(tx, "version", policy.name.lower(), version.number))
    return {}
