"""The versions of an object: which one is current, what a write or a deletion does to the others.

Source: S3 User Guide, "How S3 Versioning works", "Deleting object versions".
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx
from ballroom.services.s3.content import discard
from ballroom.services.s3.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion
from ballroom.services.s3.resources import (
    NULL,
    Bucket,
    Content,
    ObjectVersion,
    next_sequence,
    object_key,
    older_key,
)


def find_current(tx: Tx, bucket: Bucket, key: str) -> ObjectVersion | None:
    """The current version, which may be a delete marker."""
    return tx.get(ObjectVersion, object_key(bucket, key))


def older(tx: Tx, bucket: Bucket, key: str) -> list[ObjectVersion]:
    """The noncurrent versions, newest first."""
    return tx.scan_prefix(ObjectVersion, ("s3", "older", bucket.id, key), reverse=True)


def load_object(tx: Tx, bucket: Bucket, key: str, version_id: str | None) -> ObjectVersion:
    """The version that a reader asks for.

    Raises:
        NoSuchKey: no object, or its current version is a delete marker.
        NoSuchVersion: the key has no such version.
        MethodNotAllowed: the version asked for is a delete marker.
    """
    current = find_current(tx, bucket, key)
    if version_id is None:
        if current is None or current.is_marker:
            raise NoSuchKey(Key=key)
        return current
    for version in ([current] if current is not None else []) + older(tx, bucket, key):
        if version.version_id == version_id:
            if version.is_marker:
                raise MethodNotAllowed(Method="GET", ResourceType="DeleteMarker")
            return version
    raise NoSuchVersion(Key=key, VersionId=version_id)


def put_current(tx: Tx, bucket: Bucket, version: ObjectVersion) -> ObjectVersion:
    """Make a version current; the one before is kept, or replaced where the bucket keeps none."""
    keeps = bucket.versioning == "Enabled"
    version = msgspec.structs.replace(
        version, version_id=tx.ids.lower(32) if keeps else NULL, sequence=next_sequence(tx, bucket)
    )
    before = find_current(tx, bucket, version.key)
    if before is not None:
        if not keeps and before.version_id == NULL:
            discard(tx, before.content)
        else:
            tx.put(older_key(bucket, before), before)
    if bucket.versioning == "Suspended":
        _drop_null(tx, bucket, version.key)
    tx.put(object_key(bucket, version.key), version)
    return version


def _drop_null(tx: Tx, bucket: Bucket, key: str) -> None:
    """There is one null version at most."""
    for version in older(tx, bucket, key):
        if version.version_id == NULL:
            discard(tx, version.content)
            tx.delete(older_key(bucket, version))


def delete_current(tx: Tx, bucket: Bucket, key: str) -> ObjectVersion | None:
    """Delete without naming a version: a marker where the bucket keeps versions (it is answered)."""
    if bucket.versioning:
        marker = ObjectVersion(key, "", 0, tx.now_ms, "", Content(0))
        return put_current(tx, bucket, marker)
    current = find_current(tx, bucket, key)
    if current is not None:
        discard(tx, current.content)
        tx.delete(object_key(bucket, key))
    return None


def delete_version(tx: Tx, bucket: Bucket, key: str, version_id: str) -> ObjectVersion | None:
    """Delete one version for good; the newest of the others becomes current."""
    current = find_current(tx, bucket, key)
    rest = older(tx, bucket, key)
    if current is not None and current.version_id == version_id:
        discard(tx, current.content)
        tx.delete(object_key(bucket, key))
        if rest:
            tx.delete(older_key(bucket, rest[0]))
            tx.put(object_key(bucket, key), rest[0])
        return current
    for version in rest:
        if version.version_id == version_id:
            discard(tx, version.content)
            tx.delete(older_key(bucket, version))
            return version
    return None
