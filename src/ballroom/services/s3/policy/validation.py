"""Bucket policies as S3 accepts them, with its words for what is wrong. Pure.

Source: S3 User Guide, "Bucket policies"; "Amazon S3: bucket policy size limit" (20 KB); recorded answers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ballroom.kernel.policy import Policy, PolicyError, Principals, Statement, matches, parse_policy
from ballroom.services.s3.errors import S3Error, named
from ballroom.services.s3.owners import account_of

LIMIT_BYTES = 20 << 10
_PRINCIPAL = re.compile(
    r"\*|\d{12}|arn:aws[a-z-]*:iam::\d{12}:(?:root|user/.+|role/.+)"
    r"|arn:aws[a-z-]*:sts::\d{12}:(?:assumed-role|federated-user)/.+"
    r"|arn:aws[a-z-]*:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+|A(?:ID|RO)A[A-Z0-9]{8,}",
    re.ASCII,
)
_ACTION = re.compile(r"s3:[A-Za-z*?]+|\*", re.ASCII | re.IGNORECASE)
_CONDITION_KEY = re.compile(r"(?:aws|s3|kms|saml|sts):.+", re.IGNORECASE | re.DOTALL)
_JSON = "Policies must be valid JSON and the first byte must be '{'"


@lru_cache(1024)
def compiled(text: str) -> Policy:
    """A policy that was checked when it was put."""
    return parse_policy(text)


def check(text: str, bucket: str) -> Policy:
    """The policy, if S3 would take it for this bucket.

    Raises:
        S3Error: MalformedPolicy with S3's text.
    """
    if not text.startswith("{"):
        raise _malformed(_JSON)
    if len(text.encode()) > LIMIT_BYTES:
        raise _malformed("Policy exceeds the maximum allowed document size.")
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        raise _malformed(_said(error)) from error
    except RecursionError:
        raise _malformed(_JSON) from None
    for statement in policy.statements:
        _check_statement(statement, bucket)
    return policy


def _said(error: PolicyError) -> str:
    if error.kind == "json":
        return _JSON
    if error.kind == "missing":
        return f"Missing required field {error.subject}"
    if error.kind == "empty":
        return "Could not parse the policy: Statement is empty!"
    if error.kind == "effect":
        return f"Invalid effect: {error.subject}"
    if error.kind == "principal":
        return "Invalid principal in policy"
    if error.kind == "version":
        return "The policy must contain a valid version string"
    if error.kind == "operator":
        return f"Invalid Condition type : {error.subject}"
    if error.kind == "unknown":
        return f"Unknown field {error.subject}"
    return "Invalid policy syntax."


def _check_statement(statement: Statement, bucket: str) -> None:
    if statement.principals is None:
        raise _malformed("Missing required field Principal")
    if not statement.resources:
        raise _malformed("Missing required field Resource")
    _check_principals(statement.principals)
    for action in statement.actions:
        if _ACTION.fullmatch(action) is None or action[3:].lower() in _OPERATIONS_ONLY:
            raise _malformed("Policy has invalid action")
    arn = f"arn:aws:s3:::{bucket}"
    kinds = {_resource_kind(resource, arn) for resource in statement.resources}
    if not statement.not_action and not statement.not_resource and not _fit(statement.actions, kinds):
        raise _malformed("Action does not apply to any resource(s) in statement")
    for condition in statement.conditions:
        if _CONDITION_KEY.fullmatch(condition.key) is None:
            raise _malformed("Policy has an invalid condition key")


def _check_principals(principals: Principals) -> None:
    for name in principals.by_kind.get("AWS", ()):
        if _PRINCIPAL.fullmatch(name) is None:
            raise _malformed("Invalid principal in policy", Detail=name[:1024])
    for name in principals.by_kind.get("CanonicalUser", ()):
        if account_of(name) is None:
            raise _malformed("Invalid principal in policy", Detail=name[:1024])
    for name in principals.by_kind.get("Service", ()):
        if "." not in name:
            raise _malformed("Invalid principal in policy", Detail=name[:1024])


def _resource_kind(resource: str, arn: str) -> str:
    """`bucket`, `object` or `any`.

    Raises:
        S3Error: it is not of this bucket; a mere `*` is not, either.
    """
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "s3" or parts[3] or parts[4]:
        raise _malformed("Policy has invalid resource")
    fitted = "arn:aws:s3:::" + parts[5]
    name, slash, _ = parts[5].partition("/")
    if not matches(name, arn.rpartition(":")[2]) or "${" in name:
        raise _malformed("Policy has invalid resource")
    if slash:
        return "object"
    return "any" if fitted.endswith("*") else "bucket"


def _fit(actions: tuple[str, ...], kinds: set[str]) -> bool:
    """Every action must have a resource that it can apply to."""
    return "any" in kinds or all(_applies(action, kinds) for action in actions)


def _applies(action: str, kinds: set[str]) -> bool:
    name = action.partition(":")[2].lower()
    if "*" in action or "?" in action:
        return True
    if name in _OBJECT_ACTIONS:
        return "object" in kinds
    if "bucket" in name or "configuration" in name:
        return "bucket" in kinds
    return True  # newer than this list


_OBJECT_ACTIONS = frozenset(
    name.lower()
    for name in (
        "AbortMultipartUpload", "BypassGovernanceRetention", "DeleteObject", "DeleteObjectTagging",
        "DeleteObjectVersion", "DeleteObjectVersionTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes",
        "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent", "GetObjectVersion",
        "GetObjectVersionAcl", "GetObjectVersionAttributes", "GetObjectVersionForReplication",
        "GetObjectVersionTagging", "GetObjectVersionTorrent", "InitiateReplication", "ListMultipartUploadParts",
        "ObjectOwnerOverrideToBucketOwner", "PutObject", "PutObjectAcl", "PutObjectLegalHold",
        "PutObjectRetention", "PutObjectTagging", "PutObjectVersionAcl", "PutObjectVersionTagging",
        "ReplicateDelete", "ReplicateObject", "ReplicateTags", "RestoreObject", "UpdateObjectEncryption",
        "RenameObject",
    )
)  # fmt: skip


_OPERATIONS_ONLY = frozenset(
    name.lower()
    for name in (
        "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteBucketEncryption",
        "DeleteBucketLifecycle", "DeleteBucketReplication", "DeleteBucketTagging", "DeleteObjects",
        "DeletePublicAccessBlock", "GetBucketEncryption", "GetBucketLifecycle",
        "GetBucketLifecycleConfiguration", "GetBucketNotificationConfiguration", "GetBucketReplication",
        "GetObjectLockConfiguration", "GetPublicAccessBlock", "HeadBucket", "HeadObject", "ListBuckets",
        "ListMultipartUploads", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListParts",
        "PutBucketEncryption", "PutBucketLifecycle", "PutBucketLifecycleConfiguration",
        "PutBucketNotificationConfiguration", "PutBucketReplication", "PutObjectLockConfiguration",
        "PutPublicAccessBlock", "SelectObjectContent", "UploadPart", "UploadPartCopy",
    )
)  # fmt: skip
"""Operations that no action has the name of: what is easily taken for one (`s3:ListObjects`).

Source: Service Authorization Reference, "Actions defined by Amazon S3"; S3 User Guide, "Required permissions
for Amazon S3 API operations".
"""


def _malformed(text: str, **fields: Any) -> S3Error:
    return named("MalformedPolicy", text, **fields)
