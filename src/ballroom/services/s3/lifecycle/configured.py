"""A bucket's own lifecycle rules, and what they say of its objects."""

from __future__ import annotations

from ballroom.kernel import Tx
from ballroom.services.s3.lifecycle import rules
from ballroom.services.s3.lifecycle.rules import Expiration, Facts, Rule
from ballroom.services.s3.resources import Bucket, ObjectVersion
from ballroom.services.s3.settings_store import find_setting

LIFECYCLE = "lifecycle"


def active_rules(tx: Tx, bucket: Bucket) -> list[Rule]:
    """The bucket's enabled rules."""
    return rules.active((find_setting(tx, bucket, LIFECYCLE) or {}).get("Rules") or ())


def facts_of(version: ObjectVersion) -> Facts:
    """What rules ask of a version."""
    return Facts(version.key, version.size, version.attributes.tags, version.modified_ms, version.storage_class)


def expiration(tx: Tx, bucket: Bucket, version: ObjectVersion) -> Expiration | None:
    """When a current version expires."""
    return rules.expiration_of(active_rules(tx, bucket), facts_of(version))


def abort(tx: Tx, bucket: Bucket, key: str, started_ms: int) -> Expiration | None:
    """When an unfinished upload is aborted."""
    return rules.abort_of(active_rules(tx, bucket), key, started_ms)
