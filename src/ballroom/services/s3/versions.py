"""The versions of an object: the one way in which objects are written and removed.

What a write or a removal does to the other versions of its key is decided here, and nowhere else; object
locks and notifications are asked and told here.

Source: S3 User Guide, "How S3 Versioning works", "Deleting object versions", "Adding objects to
versioning-suspended buckets".
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx
from ballroom.services.s3 import hooks
from ballroom.services.s3.changes import Change
from ballroom.services.s3.content import discard
from ballroom.services.s3.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion
from ballroom.services.s3.resources import (
    NULL,
    Bucket,
    Content,
    NullVersion,
    ObjectVersion,
    null_key,
    object_key,
    older_key,
)
from ballroom.services.s3.version_ids import check_version_id, new_version_id, sequence_of

# --- finding


def find_current(tx: Tx, bucket: Bucket, key: str) -> ObjectVersion | None:
    """The current version; None if there is none or it is a delete marker."""
    return tx.get(ObjectVersion, object_key(bucket, key))


def newest_older(tx: Tx, bucket: Bucket, key: str) -> ObjectVersion | None:
    """The newest of the noncurrent versions. A delete marker that no current version hides is current."""
    found = tx.scan_prefix(ObjectVersion, ("s3", "older", bucket.id, key), limit=1)
    return found[0] if found else None


def find_version(tx: Tx, bucket: Bucket, key: str, version_id: str) -> ObjectVersion | None:
    """The version of that id, current or not, a delete marker or not."""
    current = find_current(tx, bucket, key)
    if current is not None and current.version_id == version_id:
        return current
    if version_id == NULL:
        place = tx.get(NullVersion, null_key(bucket, key))
        sequence = None if place is None else place.sequence
    else:
        sequence = sequence_of(version_id)
    if sequence is None:
        return None
    found = tx.get(ObjectVersion, older_key(bucket, key, sequence))
    return found if found is not None and found.version_id == version_id else None


def load_object(tx: Tx, bucket: Bucket, key: str, version_id: str | None) -> ObjectVersion:
    """The version that a reader asks for.

    Raises:
        NoSuchKey: no object, or its current version is a delete marker (whose id the error tells).
        NoSuchVersion: the key has no such version.
        InvalidArgument: the id is none.
        MethodNotAllowed: the version asked for is a delete marker.
    """
    if version_id is None:
        current = find_current(tx, bucket, key)
        if current is None:
            marker = newest_older(tx, bucket, key) if bucket.versioning else None
            raise NoSuchKey.under(key, marker)
        return current
    check_version_id(version_id)
    version = find_version(tx, bucket, key, version_id)
    if version is None:
        raise NoSuchVersion(Key=key, VersionId=version_id)
    if version.is_marker:
        raise MethodNotAllowed.on_marker(version)
    return version


# --- writing


def put_version(tx: Tx, bucket: Bucket, draft: ObjectVersion, event: str) -> ObjectVersion:
    """Make `draft` the current version; the one before is kept, or replaced where the bucket keeps none.

    `event` is what subscribers are told, `ObjectCreated:Put`. The draft's content passes over to the version.
    """
    if draft.owner != bucket.account or tx.caller.anonymous:
        draft = hooks.owned(tx, bucket, draft)
    version = _make_current(tx, bucket, draft)
    tx.put(object_key(bucket, version.key), version)
    hooks.changed(tx, bucket, _change(event, version))
    return version


def _make_current(tx: Tx, bucket: Bucket, draft: ObjectVersion) -> ObjectVersion:
    """`draft` with its id and sequence, once what was current has made place."""
    key = draft.key
    current = find_current(tx, bucket, key)
    if not bucket.versioning:
        if current is not None:
            hooks.check_removal(tx, bucket, current)
            discard(tx, current.content)
        return msgspec.structs.replace(draft, version_id=NULL, sequence=1, mark=_mark(tx))
    newest = current if current is not None else newest_older(tx, bucket, key)
    sequence = newest.sequence + 1 if newest is not None else 1
    if bucket.versioning == "Enabled":
        version_id = new_version_id(tx, sequence)
    else:
        version_id = NULL
        null = find_version(tx, bucket, key, NULL)  # there is one null version at most
        if null is not None:
            _drop(tx, bucket, null)
            if current is not None and null.sequence == current.sequence:
                current = None
    if current is not None:
        _make_older(tx, bucket, current)
    return msgspec.structs.replace(draft, version_id=version_id, sequence=sequence, mark=_mark(tx))


def _mark(tx: Tx) -> int:
    return tx.ids.below(1 << 48)


def update_version(tx: Tx, bucket: Bucket, version: ObjectVersion) -> None:
    """Store a version whose attributes have changed; its content and place stay."""
    current = find_current(tx, bucket, version.key)
    if current is not None and current.sequence == version.sequence:
        tx.put(object_key(bucket, version.key), version)
    else:
        tx.put(older_key(bucket, version.key, version.sequence), version)


# --- removing


def delete_key(
    tx: Tx, bucket: Bucket, key: str, *, event: str = "ObjectRemoved:Delete"
) -> ObjectVersion | None:
    """Delete without naming a version: a marker where the bucket keeps versions (it is answered).

    Subscribers are told of the marker by `<event>MarkerCreated`.
    """
    if bucket.versioning:
        marker = _make_current(
            tx, bucket, ObjectVersion(key, "", 0, tx.now_ms, "", Content(0), owner=bucket.account)
        )
        current = find_current(tx, bucket, key)
        if current is not None:
            tx.delete(object_key(bucket, key))
        _make_older(tx, bucket, marker)
        hooks.changed(tx, bucket, _change(f"{event}MarkerCreated", marker))
        return marker
    current = find_current(tx, bucket, key)
    if current is not None:
        _drop(tx, bucket, current)
        hooks.changed(tx, bucket, _change(event, current))
    return None


def delete_version(
    tx: Tx,
    bucket: Bucket,
    key: str,
    version_id: str,
    *,
    event: str = "ObjectRemoved:Delete",
    bypass_governance: bool = False,
) -> ObjectVersion | None:
    """Delete one version for good; the newest of the others becomes current. Returns what is gone."""
    version = find_version(tx, bucket, key, version_id)
    if version is None:
        return None
    _drop(tx, bucket, version, bypass_governance=bypass_governance)
    if bucket.versioning and find_current(tx, bucket, key) is None:
        newest = newest_older(tx, bucket, key)
        if newest is not None and not newest.is_marker:
            tx.delete(older_key(bucket, key, newest.sequence))
            if newest.version_id == NULL:
                tx.delete(null_key(bucket, key))
            tx.put(object_key(bucket, key), newest)
    hooks.changed(tx, bucket, _change(event, version))
    return version


def _drop(tx: Tx, bucket: Bucket, version: ObjectVersion, *, bypass_governance: bool = False) -> None:
    """Remove a version for good, wherever it is."""
    hooks.check_removal(tx, bucket, version, bypass_governance=bypass_governance)
    discard(tx, version.content)
    current = find_current(tx, bucket, version.key)
    if current is not None and current.sequence == version.sequence:
        tx.delete(object_key(bucket, version.key))
        return
    tx.delete(older_key(bucket, version.key, version.sequence))
    if version.version_id == NULL:
        tx.delete(null_key(bucket, version.key))


def _make_older(tx: Tx, bucket: Bucket, version: ObjectVersion) -> None:
    tx.put(older_key(bucket, version.key, version.sequence), version)
    if version.version_id == NULL:
        tx.put(null_key(bucket, version.key), NullVersion(version.sequence))


def _change(event: str, version: ObjectVersion) -> Change:
    return Change(event, version.key, version.version_id, version.etag, version.size, version.sequence)
