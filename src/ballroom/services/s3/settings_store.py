"""Settings of buckets, as they were put: JSON, one row each, and a list of those that a bucket has."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Tx
from ballroom.services.s3.resources import Bucket, Setting, bucket_key, find_bucket


def put_setting(tx: Tx, bucket: Bucket, name: str, value: dict[str, Any]) -> None:
    """Store a setting."""
    tx.put(("s3", "setting", bucket.id, name), Setting(orjson.dumps(value)))
    _note(tx, bucket, name, there=True)


def _note(tx: Tx, bucket: Bucket, name: str, *, there: bool) -> None:
    newest = find_bucket(tx, bucket.name) or bucket  # another setting may have been put in this transaction
    if (name in newest.configured) is not there:
        names = {*newest.configured, name} if there else set(newest.configured) - {name}
        tx.put(bucket_key(bucket.name), msgspec.structs.replace(newest, configured=sorted(names)))


def find_setting(tx: Tx, bucket: Bucket, name: str) -> dict[str, Any] | None:
    """A setting; None if it was never put or is gone. One that the bucket lacks costs nothing."""
    if name not in bucket.configured:
        return None
    found = tx.get(Setting, ("s3", "setting", bucket.id, name))
    if found is None:
        return None
    value: dict[str, Any] = orjson.loads(found.value)
    return value


def drop_setting(tx: Tx, bucket: Bucket, name: str) -> None:
    """Take a setting away."""
    if name in bucket.configured:
        tx.delete(("s3", "setting", bucket.id, name))
        _note(tx, bucket, name, there=False)
