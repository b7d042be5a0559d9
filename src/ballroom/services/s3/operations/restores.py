"""RestoreObject: archived objects become readable at once, for as long as was asked."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, on_timer, operation, service_caller
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import hooks, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.changes import Change
from ballroom.services.s3.errors import MalformedXml, NotArchived
from ballroom.services.s3.lifecycle.rules import after_days
from ballroom.services.s3.object_headers import ARCHIVED
from ballroom.services.s3.resources import Bucket, ObjectVersion, find_bucket

_TIERS = (None, "Standard", "Bulk", "Expedited")


@operation("RestoreObject")
def restore_object(tx: Tx, request: Request) -> Response:
    """Make an archived object readable for some days; asking again changes for how long.

    AWS takes minutes to hours, according to the tier; here it is done when it is answered.

    Source: S3 API Reference, RestoreObject; User Guide, "Restoring an archived object".
    """
    key, version_id = request["Key"], request.get("VersionId")
    bucket = open_bucket(tx, request, "RestoreObject", key=key)
    version = versions.load_object(tx, bucket, key, version_id)
    wanted = request.get("RestoreRequest") or {}
    if wanted.get("Type") == "SELECT" or "SelectParameters" in wanted or "OutputLocation" in wanted:
        raise NotImplementedHere("Ballroom does not select from archived objects; AWS has ended it, too")
    days = wanted.get("Days")
    if version.storage_class not in ARCHIVED:
        raise NotArchived(StorageClass=version.storage_class)
    tiers = (wanted.get("Tier"), (wanted.get("GlacierJobParameters") or {}).get("Tier"))
    if days is None or days < 1 or any(tier not in _TIERS for tier in tiers):
        raise MalformedXml()
    midnight = after_days(tx.now_ms, days)  # whole days, to the midnight that follows
    again = version.restored_until_ms > tx.now_ms
    restored = msgspec.structs.replace(version, restored_until_ms=midnight)
    versions.update_version(tx, bucket, restored)
    for event in ("ObjectRestore:Post", "ObjectRestore:Completed"):
        _tell(tx, bucket, restored, event)
    tx.wake_at(
        midnight, "s3.restore-ended", bucket.name, bucket.id, key, version.version_id, housekeeping=True
    )
    # 202 the first time, 200 from then on
    return {"$status": 200 if again else 202}


@on_timer("s3.restore-ended")
def end_restore(tx: Tx, name: str, bucket_id: str, key: str, version_id: str) -> None:
    """Tell that an archived object cannot be read any more; reads have seen to that by themselves.

    Harmless if repeated or too early: only a restore that has ended, and was not told of, is.

    Source: S3 User Guide, "Supported event types for SQS, SNS, and Lambda", `s3:ObjectRestore:Delete`.
    """
    bucket = find_bucket(tx, name)
    version = None if bucket is None else versions.find_version(tx, bucket, key, version_id)
    if bucket is None or bucket.id != bucket_id or version is None:
        return
    if not 0 < version.restored_until_ms <= tx.now_ms:
        return
    tx.caller = service_caller(bucket.account, bucket.region, "s3.amazonaws.com", tx.caller.request_id)
    versions.update_version(tx, bucket, msgspec.structs.replace(version, restored_until_ms=0))
    _tell(tx, bucket, version, "ObjectRestore:Delete")


def _tell(tx: Tx, bucket: Bucket, version: ObjectVersion, event: str) -> None:
    hooks.changed(
        tx, bucket,
        Change(
            event, version.key, version.version_id, version.etag, version.size, version.sequence,
            version.storage_class, version.restored_until_ms,
        ),
    )  # fmt: skip
