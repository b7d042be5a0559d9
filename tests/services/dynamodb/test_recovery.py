"""Point-in-time recovery and backups: tables that can really be had back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud

from ballroom.kernel import ServiceError
from ballroom.kernel.registry import registry
from ballroom.services.dynamodb import slices
from ballroom.services.dynamodb.recovery import copying

from .tables import a_table, get, index, item, put, scan, update, values

HOUR_MS = 3_600_000


def recoverable(cloud: Cloud, **more: Any) -> None:
    a_table(cloud, **more)
    recover(cloud)


def recover(cloud: Cloud, *, enabled: bool = True, **more: Any) -> dict[str, Any]:
    told = cloud.dynamodb(
        "UpdateContinuousBackups",
        TableName="tab",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled, **more},
    )
    return dict(told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"])


def window(cloud: Cloud) -> dict[str, Any]:
    told = cloud.dynamodb("DescribeContinuousBackups", TableName="tab")["ContinuousBackupsDescription"]
    assert told["ContinuousBackupsStatus"] == "ENABLED"
    return dict(told["PointInTimeRecoveryDescription"])


def restore(cloud: Cloud, at_ms: int | None = None, name: str = "new", **more: Any) -> dict[str, Any]:
    when = {"UseLatestRestorableTime": True} if at_ms is None else {"RestoreDateTime": at_ms}
    told = cloud.dynamodb(
        "RestoreTableToPointInTime", SourceTableName="tab", TargetTableName=name, **when, **more
    )["TableDescription"]
    assert told["TableStatus"] == "CREATING"
    assert told["RestoreSummary"]["RestoreInProgress"] is True
    cloud.clock.settle()
    found = cloud.dynamodb("DescribeTable", TableName=name)["Table"]
    assert found["TableStatus"] == "ACTIVE"
    assert found["TableId"] == told["TableId"]
    return dict(found)


def backup(cloud: Cloud, name: str = "safe") -> str:
    told = cloud.dynamodb("CreateBackup", TableName="tab", BackupName=name)["BackupDetails"]
    assert told["BackupStatus"] == "CREATING"
    cloud.clock.settle()
    return str(told["BackupArn"])


def from_backup(cloud: Cloud, arn: str, name: str = "new", **more: Any) -> dict[str, Any]:
    cloud.dynamodb("RestoreTableFromBackup", TargetTableName=name, BackupArn=arn, **more)
    cloud.clock.settle()
    return dict(cloud.dynamodb("DescribeTable", TableName=name)["Table"])


def contents(cloud: Cloud, name: str = "new") -> dict[str, Any]:
    return {one["pk"]: one.get("n") for one in scan(cloud, TableName=name)}


def test_every_second_of_the_window_can_be_restored(cloud: Cloud) -> None:
    recoverable(cloud)
    moments = {}
    put(cloud, pk="a", n=0)
    for number in range(1, 6):
        cloud.clock.advance(seconds=1)
        put(cloud, pk="a", n=number)
        put(cloud, pk=f"b{number}", n=number)
        if number > 2:
            cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk=f"b{number - 2}"))
        moments[cloud.clock.now_ms] = contents(cloud, "tab")
    cloud.clock.advance(seconds=10)
    for place, (moment, expected) in enumerate(moments.items()):
        found = restore(cloud, moment, f"new{place}")
        assert contents(cloud, f"new{place}") == expected
        assert found["ItemCount"] == len(expected)
        summary = found["RestoreSummary"]
        assert (summary["RestoreDateTime"], summary["RestoreInProgress"]) == (moment, False)
        assert summary["SourceTableArn"].endswith(":table/tab")
    assert (
        restore(cloud)["TableSizeBytes"]
        == cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["TableSizeBytes"]
    )
    assert contents(cloud) == contents(cloud, "tab")


def test_items_that_were_there_before_are_restored_too(cloud: Cloud) -> None:
    a_table(cloud)
    for number in range(450):
        put(cloud, pk=f"{number:03}", n=number)
    recover(cloud)
    enabled = cloud.clock.now_ms
    cloud.clock.advance(seconds=5)
    for number in range(0, 450, 2):
        put(cloud, pk=f"{number:03}", n=-1)
    restore(cloud, enabled)
    assert contents(cloud) == {f"{number:03}": number for number in range(450)}


def test_the_window_and_what_lies_outside(cloud: Cloud) -> None:
    recoverable(cloud)
    since = cloud.clock.now_ms // 1000 * 1000
    assert window(cloud)["EarliestRestorableDateTime"] == since
    cloud.clock.advance(days=40)
    put(cloud, pk="a")
    cloud.clock.advance(hours=2)
    told = window(cloud)
    assert told["RecoveryPeriodInDays"] == 35
    assert told["LatestRestorableDateTime"] - told["EarliestRestorableDateTime"] == 35 * 24 * HOUR_MS
    for moment in (told["EarliestRestorableDateTime"] - 1000, cloud.clock.now_ms + 5000):
        error = cloud.error(
            "dynamodb", "RestoreTableToPointInTime", SourceTableName="tab", TargetTableName="new",
            RestoreDateTime=moment,
        )  # fmt: skip
        assert error.shape == "InvalidRestoreTimeException"
    told = recover(cloud, RecoveryPeriodInDays=1)
    assert told["LatestRestorableDateTime"] - told["EarliestRestorableDateTime"] == 24 * HOUR_MS
    longer = recover(cloud, RecoveryPeriodInDays=10)
    assert longer["EarliestRestorableDateTime"] == told["EarliestRestorableDateTime"]
    assert recover(cloud, enabled=False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    error = cloud.error(
        "dynamodb", "RestoreTableToPointInTime", SourceTableName="tab", TargetTableName="new",
        UseLatestRestorableTime=True,
    )  # fmt: skip
    assert error.shape == "PointInTimeRecoveryUnavailableException"


def test_the_log_is_as_long_as_the_window(cloud: Cloud) -> None:
    from ballroom.services.dynamodb.recovery.log import Undo, log_prefix

    recoverable(cloud)
    table_id = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["TableId"]

    def entries() -> int:
        return cloud.transact(lambda tx: len(tx.scan_prefix(Undo, log_prefix(table_id))))

    for number in range(250):
        put(cloud, pk="a", n=number)
    cloud.clock.advance(days=34)
    put(cloud, pk="b")
    assert entries() == 251
    cloud.clock.advance(days=1, hours=2)
    assert entries() == 1
    recover(cloud, enabled=False)
    cloud.clock.settle()
    put(cloud, pk="c")
    assert entries() == 0


def test_a_table_that_is_being_filled_is_not_there_for_its_items(cloud: Cloud) -> None:
    recoverable(cloud)
    put(cloud, pk="a")
    request = {"SourceTableName": "tab", "TargetTableName": "new", "UseLatestRestorableTime": True}
    between_slices(cloud, "RestoreTableToPointInTime", **request)
    table = between_slices(cloud, "DescribeTable", TableName="new")["Table"]
    assert table["TableStatus"] == "CREATING"
    with pytest.raises(ServiceError, match="Requested resource not found"):
        between_slices(cloud, "PutItem", TableName="new", Item=item(pk="x"))
    expiry = {"AttributeName": "at", "Enabled": True}
    for operation, more in (("DeleteTable", {}), ("UpdateTimeToLive", {"TimeToLiveSpecification": expiry})):
        with pytest.raises(ServiceError, match="Table is being created: new"):
            between_slices(cloud, operation, TableName="new", **more)
    cloud.clock.settle()
    put(cloud, "new", pk="x")
    cloud.dynamodb("DeleteTable", TableName="new")


def test_indexes_are_made_anew(cloud: Cloud) -> None:
    recoverable(
        cloud,
        sk="N",
        types={"g": "S", "l": "N"},
        GlobalSecondaryIndexes=[index("by-g", "g"), index("gone", "g", "l")],
        LocalSecondaryIndexes=[index("by-l", "pk", "l")],
    )
    for number in range(230):
        put(cloud, pk=f"p{number % 3}", sk=number, g="even" if number % 2 == 0 else "odd", l=-number)
    put(cloud, pk="p", sk=1)
    table = restore(cloud, GlobalSecondaryIndexOverride=[index("by-g", "g")])
    assert [one["IndexName"] for one in table["GlobalSecondaryIndexes"]] == ["by-g"]
    assert table["GlobalSecondaryIndexes"][0]["ItemCount"] == 230
    old = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]
    assert table["LocalSecondaryIndexes"][0] == {
        **old["LocalSecondaryIndexes"][0], "IndexArn": table["LocalSecondaryIndexes"][0]["IndexArn"],
    }  # fmt: skip
    assert table["TableSizeBytes"] == old["TableSizeBytes"]
    found = cloud.dynamodb(
        "Query",
        TableName="new",
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues=values(g="even"),
    )
    assert found["Count"] == 115
    error = cloud.error(
        "dynamodb", "RestoreTableToPointInTime", SourceTableName="tab", TargetTableName="other",
        UseLatestRestorableTime=True, GlobalSecondaryIndexOverride=[index("by-x", "g")],
    )  # fmt: skip
    assert error.shape == "ValidationException"


def test_settings_that_are_not_restored(cloud: Cloud) -> None:
    recoverable(
        cloud,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        Tags=[{"Key": "a", "Value": "b"}],
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
        SSESpecification={"Enabled": True},
    )
    cloud.dynamodb(
        "UpdateTimeToLive",
        TableName="tab",
        TimeToLiveSpecification={"AttributeName": "at", "Enabled": True},
    )
    table = restore(cloud)
    assert "StreamSpecification" not in table
    assert "TableClassSummary" not in table
    assert table["DeletionProtectionEnabled"] is False
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert cloud.dynamodb("ListTagsOfResource", ResourceArn=table["TableArn"])["Tags"] == []
    told = cloud.dynamodb("DescribeTimeToLive", TableName="new")["TimeToLiveDescription"]
    assert told["TimeToLiveStatus"] == "DISABLED"
    provisioned = restore(
        cloud,
        None,
        "prov",
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
    )
    assert provisioned["ProvisionedThroughput"]["WriteCapacityUnits"] == 4


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({"SourceTableName": "nope", "UseLatestRestorableTime": True}, "TableNotFoundException"),
        (
            {"SourceTableName": "tab", "TargetTableName": "tab", "UseLatestRestorableTime": True},
            "TableAlreadyExistsException",
        ),
        ({"SourceTableName": "tab"}, "ValidationException"),
        ({"UseLatestRestorableTime": True}, "ValidationException"),
    ],
)
def test_restores_that_are_refused(cloud: Cloud, given: dict[str, Any], shape: str) -> None:
    recoverable(cloud)
    error = cloud.error("dynamodb", "RestoreTableToPointInTime", **{"TargetTableName": "new", **given})
    assert error.shape == shape


def between_slices(cloud: Cloud, operation: str, **request: Any) -> Any:
    """Carry out an operation, and let nothing else happen."""
    handler = registry.operations["dynamodb", operation].handler
    return cloud.kernel.transact_observing(handler, (request,), cloud.caller())[0]


def slices_of_copies(cloud: Cloud) -> Iterator[int]:
    """Do one slice of each copy under way at a time."""
    for number in range(500):
        copies = cloud.transact(lambda tx: tx.scan_prefix(copying.Copy, ("dynamodb-copy",)))
        if not copies:
            return
        yield number
        for one in copies:
            cloud.transact(copying.step, one.id)


def test_a_copy_is_of_its_moment_however_writes_go_on(cloud: Cloud) -> None:
    recoverable(cloud)
    for number in range(700):
        put(cloud, pk=f"{number:03}", n=number)
    moment = cloud.clock.now_ms
    cloud.clock.advance(seconds=1)
    for number in range(0, 700, 3):
        put(cloud, pk=f"{number:03}", n=-2)
    later = contents(cloud, "tab")
    told = between_slices(cloud, "CreateBackup", TableName="tab", BackupName="safe")["BackupDetails"]
    for name, when in (("then", {"RestoreDateTime": moment}), ("now", {"UseLatestRestorableTime": True})):
        request = {"SourceTableName": "tab", "TargetTableName": name, **when}
        between_slices(cloud, "RestoreTableToPointInTime", **request)
    slices = 0
    for slices in slices_of_copies(cloud):
        # items that are copied and that are not yet, new ones and deletions
        for number in range(slices % 7, 700, 7):
            between_slices(cloud, "PutItem", TableName="tab", Item=item(pk=f"{number:03}", n=-1))
        between_slices(cloud, "PutItem", TableName="tab", Item=item(pk=f"new{slices}"))
        gone = f"{slices * 31 % 700:03}"
        between_slices(cloud, "DeleteItem", TableName="tab", Key=item(pk=gone))
    assert 5 < slices < 400
    table = from_backup(cloud, told["BackupArn"])
    assert contents(cloud) == contents(cloud, "now") == later
    assert contents(cloud, "then") == {f"{number:03}": number for number in range(700)}
    sizes = {
        cloud.dynamodb("DescribeTable", TableName=one)["Table"]["TableSizeBytes"] for one in ("new", "now")
    }
    assert len(sizes) == 1
    assert table["ItemCount"] == 700


def test_slices_wait_for_the_disk_while_much_waits_for_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "BACKLOG_BYTES", 0)
    recoverable(cloud)
    for number in range(700):
        put(cloud, pk=str(number), n=number)
    began = cloud.clock.now_ms
    arn = backup(cloud)
    told = cloud.dynamodb("DescribeBackup", BackupArn=arn)["BackupDescription"]
    assert told["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert told["SourceTableDetails"]["ItemCount"] == 700
    assert cloud.clock.now_ms == began


def test_backups_are_described_listed_and_deleted(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    put(cloud, pk="a", n=1)
    first = backup(cloud, "one")
    cloud.clock.advance(hours=1)
    second = backup(cloud, "two")
    told = cloud.dynamodb("DescribeBackup", BackupArn=first)["BackupDescription"]
    assert told["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert told["BackupDetails"]["BackupSizeBytes"] == told["SourceTableDetails"]["TableSizeBytes"] > 0
    assert told["SourceTableDetails"]["ItemCount"] == 1
    assert told["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-g"
    listed = cloud.dynamodb("ListBackups", TableName="tab", Limit=1)
    assert [one["BackupArn"] for one in listed["BackupSummaries"]] == [first]
    rest = cloud.dynamodb("ListBackups", ExclusiveStartBackupArn=listed["LastEvaluatedBackupArn"])
    assert [one["BackupName"] for one in rest["BackupSummaries"]] == ["two"]
    late = cloud.dynamodb("ListBackups", TimeRangeLowerBound=cloud.clock.now_ms - 1000)
    assert [one["BackupArn"] for one in late["BackupSummaries"]] == [second]
    gone = cloud.dynamodb("DeleteBackup", BackupArn=first)["BackupDescription"]
    assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
    error = cloud.error("dynamodb", "DescribeBackup", BackupArn=first)
    assert (error.shape, error.text) == ("BackupNotFoundException", f"Backup not found: {first}")


def test_a_backup_outlives_its_table(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="a", n=1)
    arn = backup(cloud)
    cloud.dynamodb("DeleteTable", TableName="tab")
    cloud.clock.advance(days=400)
    from_backup(cloud, arn, "tab")
    assert contents(cloud, "tab") == {"a": 1}
    from_backup(cloud, arn)
    update(cloud, "SET n = :n", values(n=2))
    assert contents(cloud) == {"a": 1}


def test_a_table_with_recovery_leaves_a_system_backup_for_35_days(cloud: Cloud) -> None:
    recoverable(cloud)
    put(cloud, pk="a", n=1)
    cloud.dynamodb("DeleteTable", TableName="tab")
    cloud.clock.advance(days=30)
    (one,) = cloud.dynamodb("ListBackups", BackupType="SYSTEM")["BackupSummaries"]
    assert one["BackupName"] == "tab$DeletedTableBackup"
    assert one["BackupExpiryDateTime"] - one["BackupCreationDateTime"] == 35 * 24 * HOUR_MS
    from_backup(cloud, one["BackupArn"])
    assert contents(cloud) == {"a": 1}
    cloud.clock.advance(days=6)
    assert cloud.dynamodb("ListBackups")["BackupSummaries"] == []
    assert get(cloud, "new", pk="a")
    left = cloud.kernel.shard.scan(*_data_of(one["TableId"]), 10)
    assert left == []


def _data_of(table_id: str) -> tuple[bytes, bytes]:
    from ballroom.kernel.keys import prefix_range

    return prefix_range(("dynamodb-data", table_id))


def test_a_table_may_be_deleted_while_it_is_restored(cloud: Cloud) -> None:
    recoverable(cloud)
    for number in range(300):
        put(cloud, pk=str(number), n=number)
    cloud.dynamodb(
        "RestoreTableToPointInTime",
        SourceTableName="tab",
        TargetTableName="new",
        UseLatestRestorableTime=True,
    )
    cloud.dynamodb("DeleteTable", TableName="tab")
    cloud.clock.settle()
    assert len(contents(cloud)) == 300


def test_a_restore_goes_on_after_a_restart(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    try:
        recoverable(cloud)
        for number in range(500):
            put(cloud, pk=str(number), n=number)
        cloud.clock.advance(seconds=1)
        cloud.dynamodb("CreateBackup", TableName="tab", BackupName="safe")
        cloud.dynamodb(
            "RestoreTableToPointInTime",
            SourceTableName="tab",
            TargetTableName="new",
            UseLatestRestorableTime=True,
        )
        cloud.reopen()
        cloud.clock.settle()
        assert len(contents(cloud)) == 500
        (one,) = cloud.dynamodb("ListBackups")["BackupSummaries"]
        assert one["BackupStatus"] == "AVAILABLE"
    finally:
        cloud.close()


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "update", "wait"]), st.integers(0, 5), st.integers(0, 99)),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS, st.integers(0, 40))
def test_a_restored_table_is_what_a_model_says(
    cloud: Cloud, operations: list[tuple[str, int, int]], place: int
) -> None:
    cloud.clock.advance(seconds=1)
    name = f"t{cloud.clock.now_ms}"
    a_table(cloud, name)
    specification = {"PointInTimeRecoveryEnabled": True}
    cloud.dynamodb("UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=specification)
    model: dict[str, int] = {}
    history = {cloud.clock.now_ms: dict(model)}
    """By moment, what there is at its end."""
    for what, key, number in operations:
        where = {"TableName": name, "Key": item(pk=str(key))}
        if what == "put":
            put(cloud, name, pk=str(key), n=number)
            model[str(key)] = number
        elif what == "delete":
            cloud.dynamodb("DeleteItem", **where)
            model.pop(str(key), None)
        elif what == "update":
            cloud.dynamodb(
                "UpdateItem",
                **where,
                UpdateExpression="ADD n :n",
                ExpressionAttributeValues=values(n=number),
            )
            model[str(key)] = model.get(str(key), 0) + number
        else:
            cloud.clock.advance(seconds=1)
        history[cloud.clock.now_ms] = dict(model)
    moment, expected = list(history.items())[place % len(history)]
    request = {"SourceTableName": name, "TargetTableName": f"{name}-new", "RestoreDateTime": moment}
    cloud.dynamodb("RestoreTableToPointInTime", **request)
    cloud.clock.settle()
    assert contents(cloud, f"{name}-new") == expected
