"""Carrying lifecycle rules out: at each midnight UTC, in slices, bucket by bucket.

A sweep goes through the current versions, then the noncurrent ones and delete markers, then the uploads
under way. What it does is decided from the rows it reads, so that a slice done twice does nothing twice.

Source: S3 User Guide, "Managing the lifecycle of objects", "How Lifecycle handles versioned buckets".
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from ballroom.kernel import Record, Tx, on_timer, service_caller
from ballroom.services.s3 import hooks, versions
from ballroom.services.s3.changes import Change
from ballroom.services.s3.errors import AccessDenied
from ballroom.services.s3.lifecycle import rules
from ballroom.services.s3.lifecycle.configured import LIFECYCLE, active_rules, facts_of
from ballroom.services.s3.lifecycle.rules import DEFAULT_MINIMUM, Rule
from ballroom.services.s3.resources import Bucket, ObjectVersion, Upload, find_bucket, object_key
from ballroom.services.s3.settings_store import find_setting

SLICE = 200
PAUSE_MS = 10
EXPIRED = "LifecycleExpiration:Delete"
_PHASES = ("object", "older", "upload")


class Sweep(Record, frozen=True):
    """How far a bucket's sweep has come."""

    phase: int = 0
    after: list[str | int] = msgspec.field(default_factory=list)
    """The key of the row that was looked at last, behind the phase's prefix."""
    group: str = ""
    """Noncurrent versions: the key being counted."""
    newer: int = 0
    """How many noncurrent versions of it have been passed."""
    since_ms: int = 0
    """When the next older version of it became noncurrent: when the one passed last was written."""


def expect(tx: Tx, bucket: Bucket) -> None:
    """Sweep the bucket at the next midnight."""
    due = rules.next_midnight(tx.now_ms)
    tx.wake_at(due, "s3.lifecycle", bucket.name, bucket.id, housekeeping=True)


@on_timer("s3.lifecycle")
def begin(tx: Tx, name: str, bucket_id: str) -> None:
    """Begin the day's sweep. One that is still under way goes on instead; a bucket without rules has none."""
    bucket = _find(tx, name, bucket_id)
    if bucket is None:
        return
    expect(tx, bucket)
    if tx.get(Sweep, _row(bucket_id)) is None:
        tx.put(_row(bucket_id), Sweep())
        tx.wake_at(tx.now_ms, "s3.lifecycle-slice", name, bucket_id, housekeeping=True)


@on_timer("s3.lifecycle-slice")
def slice_(tx: Tx, name: str, bucket_id: str) -> None:
    """Look at some rows. Repeating is harmless: what has been done is not there to be done again."""
    sweep = tx.get(Sweep, _row(bucket_id))
    bucket = _find(tx, name, bucket_id)
    if sweep is None or bucket is None:
        tx.delete(_row(bucket_id))
        return
    tx.caller = service_caller(bucket.account, bucket.region, "s3.amazonaws.com", tx.caller.request_id)
    after = _work(tx, bucket, sweep)
    if after is None:
        tx.delete(_row(bucket_id))
        return
    tx.put(_row(bucket_id), after)
    tx.wake_at(tx.now_ms + PAUSE_MS, "s3.lifecycle-slice", name, bucket_id, housekeeping=True)


def _row(bucket_id: str) -> tuple[str, str, str]:
    return ("s3", "sweep", bucket_id)


def _find(tx: Tx, name: str, bucket_id: str) -> Bucket | None:
    bucket = find_bucket(tx, name)
    if bucket is None or bucket.id != bucket_id or LIFECYCLE not in bucket.configured:
        return None
    return bucket


def _work(tx: Tx, bucket: Bucket, sweep: Sweep) -> Sweep | None:
    """One slice; where the next goes on, or None at the end."""
    prefix = ("s3", _PHASES[sweep.phase], bucket.id)
    kind: Any = Upload if sweep.phase == 2 else ObjectVersion
    after = (*prefix, *sweep.after) if sweep.after else None
    found = tx.scan_prefix_items(kind, prefix, after=after, limit=SLICE)
    active = active_rules(tx, bucket)
    minimum = (find_setting(tx, bucket, LIFECYCLE) or {}).get("Minimum", DEFAULT_MINIMUM)
    for key, row in found:
        if sweep.phase == 0:
            _current(tx, bucket, row, active, minimum)
        elif sweep.phase == 1:
            sweep = _older(tx, bucket, row, active, minimum, sweep)
        else:
            _upload(tx, bucket, row, active)
        sweep = msgspec.structs.replace(sweep, after=list(key[3:]))
    if len(found) == SLICE:
        return sweep
    return Sweep(sweep.phase + 1) if sweep.phase + 1 < len(_PHASES) else None


def _current(tx: Tx, bucket: Bucket, version: ObjectVersion, active: list[Rule], minimum: str) -> None:
    facts = facts_of(version)
    due = rules.expiration_of(active, facts)
    if due is not None and due.due_ms <= tx.now_ms:
        _quietly(tx, lambda: versions.delete_key(tx, bucket, version.key, event=EXPIRED))
        return
    target = rules.transition_of(active, facts, tx.now_ms, minimum)
    if target is not None:
        _move(tx, bucket, version, target)


def _older(
    tx: Tx, bucket: Bucket, version: ObjectVersion, active: list[Rule], minimum: str, sweep: Sweep
) -> Sweep:
    """One noncurrent version or delete marker. Those of a key come newest first."""
    key = version.key
    if key != sweep.group:
        current = tx.get(ObjectVersion, object_key(bucket, key))
        newest = current is None  # then this row, a delete marker, is the current version
        sweep = msgspec.structs.replace(
            sweep, group=key, newer=0, since_ms=current.modified_ms if current is not None else 0
        )
        if newest:
            if version.is_marker:
                _lone_marker(tx, bucket, version, active)
            return msgspec.structs.replace(sweep, since_ms=version.modified_ms)
    facts = facts_of(version)
    if rules.noncurrent_expires(active, facts, sweep.since_ms, sweep.newer, tx.now_ms):
        _quietly(tx, lambda: versions.delete_version(tx, bucket, key, version.version_id, event=EXPIRED))
    elif not version.is_marker:
        target = rules.noncurrent_transition(active, facts, sweep.since_ms, sweep.newer, tx.now_ms, minimum)
        if target is not None:
            _move(tx, bucket, version, target)
    return msgspec.structs.replace(sweep, newer=sweep.newer + 1, since_ms=version.modified_ms)


def _lone_marker(tx: Tx, bucket: Bucket, marker: ObjectVersion, active: list[Rule]) -> None:
    """A delete marker that has nothing left to hide."""
    behind = tx.scan_prefix(ObjectVersion, ("s3", "older", bucket.id, marker.key), limit=2)
    if len(behind) == 1 and rules.removes_lone_marker(active, marker.key, marker.modified_ms, tx.now_ms):
        _quietly(
            tx,
            lambda: versions.delete_version(tx, bucket, marker.key, marker.version_id, event=EXPIRED),
        )


def _move(tx: Tx, bucket: Bucket, version: ObjectVersion, target: str) -> None:
    moved = msgspec.structs.replace(version, storage_class=target)
    versions.update_version(tx, bucket, moved)
    hooks.changed(
        tx, bucket,
        Change(
            "LifecycleTransition", version.key, version.version_id, version.etag, version.size,
            storage_class=target,
        ),
    )  # fmt: skip


def _upload(tx: Tx, bucket: Bucket, upload: Upload, active: list[Rule]) -> None:
    due = rules.abort_of(active, upload.key, upload.started_ms)
    if due is not None and due.due_ms <= tx.now_ms:
        caller = service_caller(bucket.account, bucket.region, "s3.amazonaws.com")
        request = {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id}
        tx.call("s3", "AbortMultipartUpload", request, caller=caller)


def _quietly(tx: Tx, remove: Any) -> None:
    """Remove something, unless a lock protects it: then it stays until the lock ends."""
    with suppress(AccessDenied), tx.savepoint():
        remove()
