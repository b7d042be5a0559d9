"""Settings of a table: its stream, tags, policy, and what is stored and read back without effect.

Source: DynamoDB API Reference, CreateTable, UpdateTable, PutResourcePolicy, TagResource.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import make_arn
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.resources import Stream, Table
from ballroom.services.dynamodb.streams.rows import StreamPlace, place_key

MOST_TAGS = 50
_POLICY_BYTES = 20 * 1024
_UNSUPPORTED = {
    "ReplicaUpdates": "global tables",
    "GlobalTableWitnessUpdates": "global tables",
    "MultiRegionConsistency": "global tables",
    "GlobalTableSourceArn": "global tables",
    "GlobalTableSettingsReplicationMode": "global tables",
    "DisassociationProtectionEnabled": "global tables",
    "VectorIndexes": "vector indexes",
    "VectorIndexUpdates": "vector indexes",
}


class Policy(Record, frozen=True):
    """The resource policy of a table or stream: stored, and not evaluated yet."""

    document: str
    revision: str


def policy_key(arn: str) -> Key:
    """By the ARN of what it is attached to."""
    return ("dynamodb-policy", arn)


def check_supported(request: dict[str, Any]) -> None:
    """Raise if a request asks for what Ballroom does not have."""
    for member, what in _UNSUPPORTED.items():
        if request.get(member):
            raise Invalid(f"Ballroom does not support {what}: {member} cannot be used.")


def new_stream(
    tx: Tx, table: Table, specification: dict[str, Any] | None, *, creating: bool = False
) -> Stream | None:
    """The stream that a StreamSpecification asks for; its label is the time, to the millisecond.

    A stream that was enabled within the same millisecond, and may still be read, keeps its label: the new one
    gets the next that is free.

    Raises:
        Invalid: it is enabled without a view type, or has one without being enabled.
    """
    if specification is None:
        return None
    view = specification.get("StreamViewType")
    if not specification["StreamEnabled"]:
        if view is not None and creating:
            raise Invalid.parameter(
                "Table is being created with a stream disabled, UpdateViewType should not be specified"
            )
        if view is not None:
            raise Invalid.parameter("StreamViewType should not be specified when StreamEnabled is false")
        return None
    if view is None:
        raise Invalid.parameter("StreamViewType is required when StreamEnabled is true")
    label_ms = tx.now_ms
    while tx.get(StreamPlace, place_key(table.account, table.region, table.name, _label(label_ms))) is not None:
        label_ms += 1
    return Stream(_label(label_ms), view, enabled=True, enabled_ms=tx.now_ms)


def _label(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03}"


def take_tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags by key.

    Raises:
        Invalid: a key stands twice, is AWS's own, or there are too many.
    """
    tags: dict[str, str] = {}
    for tag in given or []:
        key = tag["Key"]
        if key in tags:
            raise Invalid(f"One or more parameter values were invalid: Duplicate tag key: {key}")
        if key.lower().startswith("aws:") and not key.startswith("aws:cloudformation:"):
            raise Invalid(f"One or more parameter values were invalid: Tag key must not start with aws: {key}")
        tags[key] = tag["Value"]
    check_tag_count(tags)
    return tags


def check_tag_count(tags: dict[str, str]) -> None:
    """Raise if there are too many."""
    if len(tags) > MOST_TAGS:
        raise Invalid(f"One or more parameter values were invalid: Too many tags: at most {MOST_TAGS}")


def stored_settings(
    before: dict[str, Any], request: dict[str, Any], account: str, region: str, changed_ms: int = 0
) -> dict[str, Any]:
    """The settings after a request that may change them; `changed_ms` is when a table that is there changes."""
    settings = dict(before)
    if request.get("TableClass") is not None:
        settings["TableClass"] = {"TableClass": request["TableClass"]}
        if changed_ms:
            settings["TableClass"]["LastUpdateDateTime"] = changed_ms
    for member in ("OnDemandThroughput", "WarmThroughput"):
        if request.get(member) is not None:
            settings[member] = request[member]
    sse = request.get("SSESpecification")
    if sse is not None:
        if sse.get("Enabled"):
            settings["SSE"] = {
                "Status": "ENABLED", "SSEType": sse.get("SSEType") or "KMS",
                "KMSMasterKeyArn": _key_arn(sse.get("KMSMasterKeyId"), account, region),
            }  # fmt: skip
        else:
            if sse.get("KMSMasterKeyId") is not None:
                raise Invalid.parameter("KMSMasterKeyId cannot be specified when SSE is not enabled")
            settings.pop("SSE", None)
    return settings


def _key_arn(given: str | None, account: str, region: str) -> str:
    """The key's ARN; without one given, that of the account's own key for DynamoDB, always the same."""
    if given is not None and given.startswith("arn:"):
        return given
    if given is not None:
        return make_arn("kms", region, account, given if given.startswith("alias/") else f"key/{given}")
    digits = sha256(f"aws/dynamodb {account} {region}".encode()).hexdigest()
    return make_arn(
        "kms", region, account,
        f"key/{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}",
    )  # fmt: skip


def put_policy(tx: Tx, arn: str, document: str | None) -> str:
    """Store (or, with None, remove) the policy of a resource; its revision.

    Raises:
        Invalid: it is no JSON object, or too large.
    """
    if document is None:
        tx.delete(policy_key(arn))
        return ""
    if len(document.encode()) > _POLICY_BYTES:
        raise Invalid("Resource-based policy exceeds the maximum size of 20 KB")
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or "Statement" not in parsed:
        raise Invalid("Invalid policy document: Syntax errors in policy")
    revision = str(tx.now_ms)
    tx.put(policy_key(arn), Policy(document, revision))
    return revision


__all__ = [
    "Policy", "check_supported", "check_tag_count", "new_stream", "policy_key", "put_policy", "stored_settings",
    "take_tags",
]  # fmt: skip
