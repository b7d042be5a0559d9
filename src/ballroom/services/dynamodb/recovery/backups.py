"""Backups: a table's items and schema as they were, until they are deleted.

| key | record | read by |
|---|---|---|
| `dynamodb`, account, region, `backup`, table name, backup id | Backup | by ARN; ListBackups by prefix |

A backup's items lie like a table's, under an id of their own. A table that is deleted while point-in-time
recovery is enabled leaves a system backup for 35 days, which keeps the table's own rows: nothing is copied.

Source: DynamoDB Developer Guide, "Backup and restore for DynamoDB"; API Reference, BackupDescription.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Key, Record, ServiceError, Tx, on_timer
from ballroom.services.dynamodb.descriptions import describe
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.housekeeping import collect_later, counts_of
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.names import table_arn
from ballroom.services.dynamodb.recovery.copying import Copy, finishes, hold, release
from ballroom.services.dynamodb.recovery.log import DAY_MS
from ballroom.services.dynamodb.resources import Counts, Hold, Table, hold_prefix

KEPT_MS = 35 * DAY_MS
_EXPIRE = "dynamodb.expire-backup"
_ARN = re.compile(
    r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):([0-9]{12}):table/([a-zA-Z0-9_.-]{3,255})/backup/([a-zA-Z0-9-]+)"
).fullmatch


class Backup(Record, frozen=True):
    """One backup of a table."""

    id: str
    name: str
    table: Table
    """As it was."""
    created_ms: int
    data_id: str
    """Under which id its items lie."""
    kind: str = "USER"
    """Or SYSTEM."""
    status: str = "CREATING"
    items: int = 0
    size: int = 0
    expires_ms: int = 0

    @property
    def arn(self) -> str:
        """The backup's ARN."""
        return f"{table_arn(self.table.account, self.table.region, self.table.name)}/backup/{self.id}"


class BackupNotFound(ServiceError):
    """There is no such backup."""

    shape = "BackupNotFoundException"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Backup not found: {arn}")


class BackupInUse(ServiceError):
    """The backup is still being made, or restored."""

    shape = "BackupInUseException"


def backup_key(account: str, region: str, table: str, backup_id: str) -> Key:
    """Ids begin with the time, so a table's backups are in order."""
    return ("dynamodb", account, region, "backup", table, backup_id)


def key_of(backup: Backup) -> Key:
    """The row of a backup."""
    return backup_key(backup.table.account, backup.table.region, backup.table.name, backup.id)


def new_id(tx: Tx) -> str:
    """The id of a backup, export or import: the time, and chance."""
    return f"{tx.now_ms:014}-{tx.ids.hex(8)}"


def find_backup(tx: Tx, arn: str) -> Backup | None:
    """The backup of an ARN, if it is there and the caller's.

    Raises:
        Invalid: it is no such ARN.
    """
    match = _ARN(arn)
    if match is None:
        raise Invalid(f"Invalid backup ARN: {arn}")
    if (match[2], match[1]) != (tx.account, tx.region):
        return None
    return tx.get(Backup, backup_key(match[2], match[1], match[3], match[4]))


def load_backup(tx: Tx, arn: str) -> Backup:
    """The backup of an ARN.

    Raises:
        BackupNotFound: there is none.
        Invalid: it is no such ARN.
    """
    found = find_backup(tx, arn)
    if found is None:
        raise BackupNotFound(arn)
    return found


@finishes("backup")
def complete(tx: Tx, copy: Copy) -> Copy | None:
    """Everything is copied: the backup is available."""
    backup = find_backup(tx, copy.subject)
    if backup is None:
        collect_later(tx, copy.target_id)
        return None
    tx.put(key_of(backup), replace(backup, status="AVAILABLE", items=copy.items, size=copy.size))
    return None


def delete(tx: Tx, backup: Backup) -> None:
    """Remove a backup; its rows are collected later.

    Raises:
        BackupInUse: it is being made or restored.
    """
    others = [row for row in tx.scan_prefix_items(Hold, hold_prefix(backup.data_id)) if row[0][-1] != backup.id]
    if backup.status != "AVAILABLE" or others:
        raise BackupInUse(f"Backup is being used by another operation: {backup.arn}")
    tx.delete(key_of(backup))
    release(tx, backup.data_id, backup.id)
    collect_later(tx, backup.data_id)


def keep_deleted(tx: Tx, live: LiveTable) -> None:
    """A table with point-in-time recovery is deleted: its rows stay, as a system backup."""
    table = live.record
    if not table.backups_since_ms:
        return
    counts = counts_of(tx, live.counts_key)
    backup = Backup(
        new_id(tx), f"{table.name}$DeletedTableBackup", table, tx.now_ms, table.id, "SYSTEM", "AVAILABLE",
        counts.items, counts.bytes, tx.now_ms + KEPT_MS,
    )  # fmt: skip
    tx.put(key_of(backup), backup)
    hold(tx, table.id, backup.id)
    tx.wake_at(
        backup.expires_ms, _EXPIRE, table.account, table.region, table.name, backup.id, housekeeping=True
    )


@on_timer(_EXPIRE)
def expire(tx: Tx, account: str, region: str, table: str, backup_id: str) -> None:
    """Remove a system backup after its time; it is tried again while it is being restored."""
    backup = tx.get(Backup, backup_key(account, region, table, backup_id))
    if backup is None:
        return
    try:
        delete(tx, backup)
    except BackupInUse:
        tx.wake_at(tx.now_ms + DAY_MS // 24, _EXPIRE, account, region, table, backup_id, housekeeping=True)


def details(backup: Backup) -> dict[str, Any]:
    """BackupDetails."""
    told: dict[str, Any] = {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": backup.status,
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created_ms,
    }
    if backup.expires_ms:
        told["BackupExpiryDateTime"] = backup.expires_ms
    return told


def summary(backup: Backup) -> dict[str, Any]:
    """BackupSummary."""
    table = backup.table
    return {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table_arn(table.account, table.region, table.name),
        **details(backup),
    }


def description(backup: Backup) -> dict[str, Any]:
    """BackupDescription."""
    table = backup.table
    told = describe(LiveTable(table), Counts())
    source = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": told["TableArn"],
        "TableSizeBytes": backup.size,
        "KeySchema": told["KeySchema"],
        "TableCreationDateTime": table.created_ms,
        "ProvisionedThroughput": {
            "ReadCapacityUnits": table.read_units, "WriteCapacityUnits": table.write_units,
        },
        "ItemCount": backup.items,
        "BillingMode": table.billing,
    }  # fmt: skip
    if "OnDemandThroughput" in told:
        source["OnDemandThroughput"] = told["OnDemandThroughput"]
    return {
        "BackupDetails": details(backup),
        "SourceTableDetails": source,
        "SourceTableFeatureDetails": _features(table, told),
    }


def _features(table: Table, told: dict[str, Any]) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for member, names in (
        ("LocalSecondaryIndexes", ("IndexName", "KeySchema", "Projection")),
        ("GlobalSecondaryIndexes", ("IndexName", "KeySchema", "Projection", "OnDemandThroughput")),
    ):
        if member in told:
            features[member] = [{n: one[n] for n in names if n in one} for one in told[member]]
    for one, index in zip(
        features.get("GlobalSecondaryIndexes", []), (i for i in table.indexes if i.is_global), strict=False
    ):
        one["ProvisionedThroughput"] = {
            "ReadCapacityUnits": index.read_units, "WriteCapacityUnits": index.write_units,
        }  # fmt: skip
    if "StreamSpecification" in told:
        features["StreamDescription"] = told["StreamSpecification"]
    if table.ttl is not None and table.ttl.enabled:
        features["TimeToLiveDescription"] = {
            "TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl.attribute,
        }  # fmt: skip
    if "SSEDescription" in told:
        features["SSEDescription"] = told["SSEDescription"]
    return features
