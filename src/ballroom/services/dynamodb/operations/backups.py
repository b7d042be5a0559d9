"""On-demand backups: made while writes go on, kept until they are deleted, restored into new tables."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.names import table_address
from ballroom.services.dynamodb.operations.recovery import ContinuousBackupsUnavailable, load_existing
from ballroom.services.dynamodb.operations.tables import TABLE_DELETED
from ballroom.services.dynamodb.recovery import copying
from ballroom.services.dynamodb.recovery.backups import (
    Backup,
    BackupInUse,
    backup_key,
    delete,
    description,
    details,
    find_backup,
    keep_deleted,
    key_of,
    load_backup,
    new_id,
    summary,
)
from ballroom.services.dynamodb.recovery.restoring import described, restored_table, take_over

_LISTED = 100
TABLE_DELETED.append(keep_deleted)


@operation("CreateBackup")
def create_backup(tx: Tx, request: Request) -> Response:
    """Begin a backup of a table as it is now; the answer says CREATING.

    Source: DynamoDB API Reference, CreateBackup.
    """
    live = load_existing(tx, request["TableName"])
    if live.record.building:
        raise ContinuousBackupsUnavailable(f"Backups are being enabled for the table: {live.name}")
    backup_id = new_id(tx)
    backup = Backup(backup_id, request["BackupName"], live.record, tx.now_ms, "")
    copy = copying.begin(tx, "backup", backup.arn, live)
    backup = Backup(backup_id, request["BackupName"], live.record, tx.now_ms, copy.target_id)
    copying.hold(tx, backup.data_id, backup.id)
    tx.put(key_of(backup), backup)
    return {"BackupDetails": details(backup)}


@operation("DescribeBackup")
def describe_backup(tx: Tx, request: Request) -> Response:
    """A backup, with the table as it was.

    Source: DynamoDB API Reference, DescribeBackup.
    """
    return {"BackupDescription": description(load_backup(tx, request["BackupArn"]))}


@operation("ListBackups")
def list_backups(tx: Tx, request: Request) -> Response:
    """The backups of a table, or of all tables, by table and time.

    Source: DynamoDB API Reference, ListBackups.
    """
    prefix: tuple[str, ...] = ("dynamodb", tx.account, tx.region, "backup")
    if request.get("TableName") is not None:
        prefix = (*prefix, table_address(request["TableName"], tx.account, tx.region)[2])
    after = None
    if request.get("ExclusiveStartBackupArn") is not None:
        start = find_backup(tx, request["ExclusiveStartBackupArn"])
        if start is None:
            raise Invalid(f"Invalid ExclusiveStartBackupArn: {request['ExclusiveStartBackupArn']}")
        after = backup_key(tx.account, tx.region, start.table.name, start.id)
    kind = request.get("BackupType") or "ALL"
    low, high = request.get("TimeRangeLowerBound"), request.get("TimeRangeUpperBound")
    limit = min(request.get("Limit") or _LISTED, _LISTED)
    found = [
        backup
        for backup in tx.scan_prefix(Backup, prefix, after=after)
        if kind in ("ALL", backup.kind)
        and (low is None or backup.created_ms >= low)
        and (high is None or backup.created_ms < high)
    ]
    answer: Response = {"BackupSummaries": [summary(backup) for backup in found[:limit]]}
    if len(found) > limit:
        answer["LastEvaluatedBackupArn"] = found[limit - 1].arn
    return answer


@operation("DeleteBackup")
def delete_backup(tx: Tx, request: Request) -> Response:
    """Delete a backup; the answer says DELETED.

    Source: DynamoDB API Reference, DeleteBackup.
    """
    backup = load_backup(tx, request["BackupArn"])
    if backup.kind == "SYSTEM":
        raise Invalid(f"A system backup cannot be deleted, it expires: {backup.arn}")
    told = description(backup)
    delete(tx, backup)
    told["BackupDetails"]["BackupStatus"] = "DELETED"
    return {"BackupDescription": told}


@operation("RestoreTableFromBackup")
def restore_table_from_backup(tx: Tx, request: Request) -> Response:
    """Make a new table from a backup.

    Source: DynamoDB API Reference, RestoreTableFromBackup.
    """
    backup = load_backup(tx, request["BackupArn"])
    if backup.status != "AVAILABLE":
        raise BackupInUse(f"Backup is being used by another operation: {backup.arn}")
    arn = summary(backup)["TableArn"]
    told = {"SourceBackupArn": backup.arn, "SourceTableArn": arn, "RestoreDateTime": tx.now_ms}
    live = restored_table(tx, backup.table, request, told)
    copy = copying.begin_still(tx, "restore", live.arn, backup.table, backup.data_id)
    return described(take_over(tx, live, copy))
