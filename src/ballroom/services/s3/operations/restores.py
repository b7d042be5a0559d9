"""RestoreObject: archived objects become readable at once, for as long as was asked."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.s3 import hooks, versions
from ballroom.services.s3.access import open_bucket
from ballroom.services.s3.changes import Change
from ballroom.services.s3.errors import MalformedXml, NotArchived
from ballroom.services.s3.object_headers import ARCHIVED

_DAY_MS = 24 * 3600 * 1000


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
    if days is None or days < 1:
        raise MalformedXml()
    midnight = (tx.now_ms // _DAY_MS + days + 1) * _DAY_MS  # whole days, to the midnight that follows
    again = version.restored_until_ms > tx.now_ms
    restored = msgspec.structs.replace(version, restored_until_ms=midnight)
    versions.update_version(tx, bucket, restored)
    for event in ("ObjectRestore:Post", "ObjectRestore:Completed"):
        hooks.changed(
            tx, bucket,
            Change(
                event, key, version.version_id, version.etag, version.size, version.sequence,
                version.storage_class, midnight,
            ),
        )  # fmt: skip
    # 202 the first time, 200 from then on
    return {"$status": 200 if again else 202}
