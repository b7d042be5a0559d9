"""The configurations of a bucket: JSON of their members, one row each.

A bucket's own row names the configurations it has, so that asking for one that it lacks costs nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Key, Tx
from ballroom.services.s3.resources import Bucket, Setting, bucket_key, find_bucket


def _key(bucket: Bucket, name: str) -> Key:
    return ("s3", "setting", bucket.id, name)


def find(tx: Tx, bucket: Bucket, name: str) -> dict[str, Any] | None:
    """What was put under that name."""
    if name not in bucket.configured:
        return None
    found = tx.get(Setting, _key(bucket, name))
    return None if found is None else orjson.loads(found.value)


def put(tx: Tx, bucket: Bucket, name: str, value: dict[str, Any]) -> None:
    """Keep a configuration, replacing what is there."""
    tx.put(_key(bucket, name), Setting(orjson.dumps(value)))
    _note(tx, bucket, name, there=True)


def drop(tx: Tx, bucket: Bucket, name: str) -> None:
    """Forget a configuration, if there is one."""
    if name in bucket.configured:
        tx.delete(_key(bucket, name))
        _note(tx, bucket, name, there=False)


def _note(tx: Tx, bucket: Bucket, name: str, *, there: bool) -> None:
    newest = find_bucket(tx, bucket.name) or bucket  # another configuration may have been put meanwhile
    if (name in newest.configured) is not there:
        names = {*newest.configured, name} if there else set(newest.configured) - {name}
        tx.put(bucket_key(bucket.name), msgspec.structs.replace(newest, configured=sorted(names)))
