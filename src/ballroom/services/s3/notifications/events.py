"""The events that S3 sends: to queues, topics and functions in one form, to EventBridge in another. Pure.

Source: S3 User Guide, "Event message structure", "Amazon S3 event message structure in EventBridge";
recorded answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import msgspec

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
    "LifecycleTransition": "Object Storage Class Changed",
    "ObjectRestore:Post": "Object Restore Initiated",
    "ObjectRestore:Completed": "Object Restore Completed",
    "ObjectRestore:Delete": "Object Restore Expired",
}
_NEWER = ("ObjectTagging", "ObjectAcl", "LifecycleExpiration", "LifecycleTransition", "IntelligentTiering")
"""Families whose records have version 2.3."""
_UNORDERED = ("ObjectTagging", "ObjectAcl")
"""Families that change no content: they have neither a size nor a sequencer."""


class Event(msgspec.Struct, frozen=True):
    """All that any form of an event tells."""

    name: str  # ObjectCreated:Put
    key: str
    version_id: str
    etag: str
    size: int
    sequencer: str
    bucket: str
    owner: str  # the bucket's account
    owner_id: str  # its canonical id
    region: str
    at_ms: int
    request_id: str
    principal_id: str
    requester: str
    remote: str
    storage_class: str = ""
    restored_until_ms: int = 0

    @property
    def family(self) -> str:
        """The name's first part."""
        return self.name.partition(":")[0]

    @property
    def removes(self) -> bool:
        """Whether it tells of a deletion or expiration."""
        return self.family in ("ObjectRemoved", "LifecycleExpiration")


def record(event: Event, configuration_id: str) -> dict[str, Any]:
    """The record for queues, topics and functions."""
    told = _record(event, configuration_id)
    if event.name == "ObjectRestore:Completed":
        restored = {
            "lifecycleRestorationExpiryTime": _iso(event.restored_until_ms),
            "lifecycleRestoreStorageClass": event.storage_class,
        }
        told["glacierEventData"] = {"restoreEventData": restored}
    return told


def short_id(owner_id: str) -> str:
    """How events name an account that S3 knows by its canonical id."""
    return owner_id[:14].upper()


def _record(event: Event, configuration_id: str) -> dict[str, Any]:
    return {
        "eventVersion": "2.3" if event.family in _NEWER else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": _iso(event.at_ms),
        "eventName": event.name,
        "userIdentity": {"principalId": event.principal_id},
        "requestParameters": {"sourceIPAddress": event.remote},
        "responseElements": {"x-amz-request-id": event.request_id, "x-amz-id-2": event.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": {"principalId": short_id(event.owner_id)},
                "arn": f"arn:aws:s3:::{event.bucket}",
            },
            "object": _object(event),
        },
    }


def _object(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"key": quote_plus(event.key, safe="/-_.~*")}
    if not event.removes and event.family not in _UNORDERED:
        told["size"] = event.size
    if not event.removes:
        told["eTag"] = event.etag
    elif event.name.endswith("MarkerCreated"):
        told["eTag"] = EMPTY_MD5
    if event.version_id not in ("", "null"):
        told["versionId"] = event.version_id
    if event.family not in _UNORDERED:
        told["sequencer"] = event.sequencer
    return told


def test_message(bucket: str, at_ms: int, request_id: str) -> dict[str, str]:
    """What a queue or topic gets when it is configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _iso(at_ms),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": request_id,
    }


def bridge_entry(event: Event) -> dict[str, Any] | None:
    """The event's source, detail type, resources and detail; None where EventBridge is not told."""
    detail_type = _DETAIL_TYPES.get(event.name) or _DETAIL_TYPES.get(event.family)
    if detail_type is None:
        return None
    told: dict[str, Any] = {"key": event.key}
    if not event.removes and event.family not in _UNORDERED:
        told["size"] = event.size
    if not event.removes:
        told["etag"] = event.etag
    elif event.name.endswith("MarkerCreated"):
        told["etag"] = EMPTY_MD5
    if event.version_id not in ("", "null"):
        told["version-id"] = event.version_id
    if event.family not in _UNORDERED:
        told["sequencer"] = event.sequencer
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": event.bucket},
        "object": told,
        "request-id": event.request_id,
        "requester": event.requester,
    }
    if event.remote:
        detail["source-ip-address"] = event.remote
    if event.removes:
        detail["reason"] = "DeleteObject" if event.family == "ObjectRemoved" else "Lifecycle Expiration"
        marker = event.name.endswith("MarkerCreated")
        detail["deletion-type"] = "Delete Marker Created" if marker else "Permanently Deleted"
    elif event.name in _REASONS:
        detail["reason"] = _REASONS[event.name]
    if event.family == "LifecycleTransition":
        detail["destination-storage-class"] = event.storage_class
    elif event.family == "ObjectRestore":
        detail["source-storage-class"] = event.storage_class
        if event.name == "ObjectRestore:Completed":
            detail["restore-expiry-time"] = _iso(event.restored_until_ms)
    return {
        "Source": "aws.s3",
        "DetailType": detail_type,
        "Resources": [f"arn:aws:s3:::{event.bucket}"],
        "Detail": detail,
    }


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
