"""Point-in-time recovery: switching it, and restoring a table to any second of its window."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, operation
from ballroom.services.dynamodb.errors import Invalid, TableNotFound
from ballroom.services.dynamodb.live import LiveTable, find_table, save_table
from ballroom.services.dynamodb.recovery import copying
from ballroom.services.dynamodb.recovery.log import earliest_ms, place_of, trim_later
from ballroom.services.dynamodb.recovery.restoring import described, restored_table, take_over

_DAYS = 35


class ContinuousBackupsUnavailable(ServiceError):
    """The table is not ready for it."""

    shape = "ContinuousBackupsUnavailableException"


class PointInTimeRecoveryUnavailable(ServiceError):
    """It is not enabled for the table."""

    shape = "PointInTimeRecoveryUnavailableException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Point in time recovery is not enabled for table '{name}'")


class InvalidRestoreTime(ServiceError):
    """The moment lies outside the window."""

    shape = "InvalidRestoreTimeException"


def load_existing(tx: Tx, given: str) -> LiveTable:
    """The table, in the words of these operations.

    Raises:
        TableNotFound: there is none.
    """
    found = find_table(tx, given)
    if found is None:
        raise TableNotFound(given.rpartition("/")[2])
    return found


@operation("UpdateContinuousBackups")
def update_continuous_backups(tx: Tx, request: Request) -> Response:
    """Switch point-in-time recovery; from the moment it is enabled, every second can be restored.

    Source: DynamoDB API Reference, UpdateContinuousBackups.
    """
    live = load_existing(tx, request["TableName"])
    if live.record.building:
        raise ContinuousBackupsUnavailable(
            f"Backups are being enabled for the table: {live.name}. Please retry later"
        )
    asked = request["PointInTimeRecoverySpecification"]
    table = live.record
    if asked["PointInTimeRecoveryEnabled"]:
        days = asked.get("RecoveryPeriodInDays") or (table.recovery_days if table.backups_since_ms else _DAYS)
        # what a shorter period let go is not there again when it becomes longer
        since = max(table.backups_since_ms and earliest_ms(table, tx.now_ms), table.backups_since_ms)
        table = replace(table, backups_since_ms=since or tx.now_ms, recovery_days=days)
    else:
        if asked.get("RecoveryPeriodInDays") is not None:
            raise Invalid.parameter("RecoveryPeriodInDays cannot be set while disabling point in time recovery")
        table = replace(table, backups_since_ms=0, recovery_days=_DAYS)
    changed = save_table(tx, table)
    trim_later(tx, table)
    return _described(tx, changed)


@operation("DescribeContinuousBackups")
def describe_continuous_backups(tx: Tx, request: Request) -> Response:
    """Whether point-in-time recovery is enabled, and its window.

    Source: DynamoDB API Reference, DescribeContinuousBackups.
    """
    return _described(tx, load_existing(tx, request["TableName"]))


def _described(tx: Tx, live: LiveTable) -> Response:
    table = live.record
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if table.backups_since_ms:
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": table.recovery_days,
            "EarliestRestorableDateTime": earliest_ms(table, tx.now_ms),
            "LatestRestorableDateTime": tx.now_ms // 1000 * 1000,
        }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }


@operation("RestoreTableToPointInTime")
def restore_table_to_point_in_time(tx: Tx, request: Request) -> Response:
    """Make a new table as a table was at a second of its window, or is now.

    Raises:
        PointInTimeRecoveryUnavailable: it is not enabled.
        InvalidRestoreTime: the moment lies outside the window.
        TableAlreadyExists, TableNotFound: of the new or the old table.

    Source: DynamoDB API Reference, RestoreTableToPointInTime.
    """
    given = request.get("SourceTableArn") or request.get("SourceTableName")
    if given is None:
        raise Invalid("SourceTableArn or SourceTableName is required")
    if request.get("SourceTableArn") is not None and request.get("SourceTableName") is not None:
        raise Invalid("SourceTableArn and SourceTableName cannot both be specified")
    source = load_existing(tx, given)
    moment_ms = request.get("RestoreDateTime")
    latest = bool(request.get("UseLatestRestorableTime"))
    if latest is (moment_ms is not None):
        raise Invalid("Exactly one of UseLatestRestorableTime and RestoreDateTime must be specified")
    check_moment(tx, source, moment_ms)
    summary = {
        "SourceTableArn": source.arn,
        "RestoreDateTime": tx.now_ms if moment_ms is None else moment_ms,
    }
    live = restored_table(tx, source.record, request, summary)
    moment = None if moment_ms is None else place_of(moment_ms + 1)
    copy = copying.begin(tx, "restore", live.arn, source, moment=moment)
    return described(take_over(tx, live, copy))


def check_moment(tx: Tx, source: LiveTable, moment_ms: int | None) -> None:
    """Raise unless the table can be had as of a moment (None: now)."""
    table = source.record
    if not table.backups_since_ms:
        raise PointInTimeRecoveryUnavailable(source.name)
    if moment_ms is not None and not earliest_ms(table, tx.now_ms) <= moment_ms <= tx.now_ms:
        raise InvalidRestoreTime(
            "The time is not between EarliestRestorableDateTime and LatestRestorableDateTime of the table"
        )
