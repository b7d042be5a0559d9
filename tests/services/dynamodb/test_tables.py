"""Tables: made, described, changed, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import ACCOUNT, Cloud

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.keys import prefix_range
from ballroom.services.dynamodb import housekeeping

from .tables import a_table, get, index, item, put, query, refusal, scan, schema, values

UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
ONE = {
    "TableName": "tab",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": schema("pk"),
    "ProvisionedThroughput": UNITS,
}


def described(cloud: Cloud, name: str = "tab") -> dict[str, Any]:
    found: dict[str, Any] = cloud.dynamodb("DescribeTable", TableName=name)["Table"]
    return found


def types(**given: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in given.items()]


def test_a_table_is_there_at_once(cloud: Cloud) -> None:
    made = cloud.dynamodb("CreateTable", **ONE)["TableDescription"]
    assert (made["TableStatus"], described(cloud)["TableStatus"]) == ("CREATING", "ACTIVE")
    assert described(cloud, made["TableArn"])["TableId"] == made["TableId"]
    error = cloud.error("dynamodb", "CreateTable", **ONE)
    assert (error.shape, error.text) == ("ResourceInUseException", "Table already exists: tab")
    gone = cloud.dynamodb("DeleteTable", TableName="tab")["TableDescription"]
    assert gone["TableStatus"] == "DELETING"
    error = cloud.error("dynamodb", "DescribeTable", TableName="tab")
    assert error.text == "Requested resource not found: Table: tab not found"
    assert (
        cloud.error("dynamodb", "GetItem", TableName="tab", Key=item(pk="a")).text
        == "Requested resource not found"
    )


def test_a_deleted_table_leaves_nothing(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    for n in range(450):
        put(cloud, pk=str(n), g="x")
    put(cloud, pk="a", g="old")
    cloud.dynamodb("DeleteTable", TableName="tab")
    a_table(cloud)
    assert get(cloud, pk="a") is None, "a table of the same name is empty at once"
    cloud.dynamodb("DeleteTable", TableName="tab")
    cloud.clock.settle()
    assert cloud.kernel.shard.scan(*prefix_range(("dynamodb-data",)), None) == []


def test_counts_are_exact(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g", keys_only=True)])
    put(cloud, pk="a", g="x", data="12345")
    put(cloud, pk="b")
    put(cloud, pk="a", g="x", data="1")
    told = described(cloud)
    assert (told["ItemCount"], told["TableSizeBytes"]) == (2, 3 + 2 + 5 + 3)
    (by_g,) = told["GlobalSecondaryIndexes"]
    assert (by_g["ItemCount"], by_g["IndexSizeBytes"]) == (1, 5)
    cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk="a"))
    told = described(cloud)
    assert (told["ItemCount"], told["TableSizeBytes"]) == (1, 3)
    assert told["GlobalSecondaryIndexes"][0]["ItemCount"] == 0


INVALID = "One or more parameter values were invalid: "
GSI = index("by-g", "g")
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"TableName": "ab"}, "TableName must be at least 3 characters long and at most 255 characters long"),
    ({"TableName": "a" * 256}, "TableName must be at least 3 characters long and at most 255 characters long"),
    ({"TableName": None}, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: "
     "Member must not be null"),
    ({"TableName": ""}, "1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: Member "
     "must have length greater than or equal to 1"),
    ({"TableName": "a;bc"}, "1 validation error detected: Value 'a;bc' at 'tableName' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ({"KeySchema": schema("x")}, "Invalid KeySchema: Some index key attribute have no definition"),
    ({"AttributeDefinitions": []}, INVALID + "Some index key attributes are not defined in AttributeDefinitions. "
     "Keys: [pk], AttributeDefinitions: []"),
    ({"TableName": "a;bc", "KeySchema": None, "AttributeDefinitions": None}, "3 validation errors detected: Value null "
     "at 'attributeDefinitions' failed to satisfy constraint: Member must not be null; Value 'a;bc' at 'tableName' "
     "failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value null at "
     "'keySchema' failed to satisfy constraint: Member must not be null"),
    ({"KeySchema": schema("pk", "a") + schema("b")}, "1 validation error detected: Value '[KeySchemaElement("
     "attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=a, keyType=RANGE), KeySchemaElement("
     "attributeName=b, keyType=HASH)]' at 'keySchema' failed to satisfy constraint: Member must have length less than "
     "or equal to 2"),
    ({"ProvisionedThroughput": {"ReadCapacityUnits": 10**12 + 1, "WriteCapacityUnits": 1}},
     "Given value 1000000000001 for ReadCapacityUnits is out of bounds"),
    ({"GlobalSecondaryIndexes": [GSI | {"ProvisionedThroughput": UNITS}]}, INVALID + "Some index key attributes are "
     "not defined in AttributeDefinitions. Keys: [g], AttributeDefinitions: [pk]"),
    ({"AttributeDefinitions": types(pk="S", x="S")}, INVALID + "Number of attributes in KeySchema does not exactly "
     "match number of attributes defined in AttributeDefinitions"),
    ({"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
     "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    ({"KeySchema": schema("pk") * 2}, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"),
    ({"KeySchema": schema("pk", "pk")},
     "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
    ({"ProvisionedThroughput": None}, INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
     "BillingMode is PROVISIONED"),
    ({"LocalSecondaryIndexes": [index("loc", "pk", "x")], "AttributeDefinitions": types(pk="S", x="S")},
     INVALID + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"),
    ({"GlobalSecondaryIndexes": []}, INVALID + "List of GlobalSecondaryIndexes is empty"),
    ({"GlobalSecondaryIndexes": [GSI | {"ProvisionedThroughput": UNITS, "Projection": {}}],
      "AttributeDefinitions": types(pk="S", g="S")}, INVALID + "Unknown ProjectionType: null"),
    ({"GlobalSecondaryIndexes": [GSI | {"ProvisionedThroughput": UNITS}] * 2,
      "AttributeDefinitions": types(pk="S", g="S")}, INVALID + "Duplicate index name: by-g"),
    ({"AttributeDefinitions": types(pk="S", g="S"), "BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": None,
      "GlobalSecondaryIndexes": [GSI | {"ProvisionedThroughput": UNITS}]},
     INVALID + "ProvisionedThroughput should not be specified for index: by-g when BillingMode is PAY_PER_REQUEST"),
    ({"AttributeDefinitions": types(pk="S", g="S", x="S"),
      "GlobalSecondaryIndexes": [GSI | {"ProvisionedThroughput": UNITS}]},
     INVALID + "Some AttributeDefinitions are not used. AttributeDefinitions: [pk, g, x], keys used: [pk, g]"),
    ({"AttributeDefinitions": [*types(pk="S"), *types(pk="N")]}, "Attribute Name is duplicated: pk"),
    ({"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
     INVALID + "Table is being created with a stream disabled, UpdateViewType should not be specified"),
    ({"StreamSpecification": {"StreamEnabled": True}},
     INVALID + "StreamViewType is required when StreamEnabled is true"),
    ({"GlobalTableSourceArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/tab"},
     "Ballroom does not support global tables: GlobalTableSourceArn cannot be used."),
]  # fmt: skip


def test_at_most_ten_violations_are_told(cloud: Cloud) -> None:
    error = cloud.error("dynamodb", "CreateTable", TableName="tab", LocalSecondaryIndexes=[{}] * 5)
    assert error.text.startswith("10 validation errors detected: ")
    assert error.text.count("failed to satisfy constraint") == 10


@pytest.mark.parametrize(("changed", "text"), WRONG, ids=[case[1][-60:] for case in WRONG])
def test_wrong_definitions(cloud: Cloud, changed: dict[str, Any], text: str) -> None:
    request = {name: one for name, one in {**ONE, **changed}.items() if one is not None}
    error = cloud.error("dynamodb", "CreateTable", **request)
    assert (error.shape, error.text) == ("ValidationException", text)


def test_tables_are_listed_in_pages_of_one_account_and_region(cloud: Cloud) -> None:
    for name in ("bbb", "aaa", "ccc"):
        a_table(cloud, name)
    cloud.dynamodb("CreateTable", cloud.caller(region="eu-west-1"), **ONE)
    assert cloud.dynamodb("ListTables") == {"TableNames": ["aaa", "bbb", "ccc"]}
    page = cloud.dynamodb("ListTables", Limit=2)
    assert page == {"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"}
    assert cloud.dynamodb("ListTables", ExclusiveStartTableName="bbb") == {"TableNames": ["ccc"]}


def test_a_new_index_is_filled_in_slices_while_writes_go_on(cloud: Cloud) -> None:
    a_table(cloud)
    for n in range(500):
        put(cloud, pk=str(n), g=f"g{n % 3}", odd=n % 2)
    put(cloud, pk="wrong", g=5)

    def before_it_is_filled(tx: Tx) -> dict[str, Any]:
        tx.call(
            "dynamodb", "UpdateTable",
            {"TableName": "tab", "AttributeDefinitions": types(pk="S", g="S"),
             "GlobalSecondaryIndexUpdates": [{"Create": index("by-g", "g")}]},
        )  # fmt: skip
        tx.call("dynamodb", "PutItem", {"TableName": "tab", "Item": item(pk="1", g="moved")})
        tx.call("dynamodb", "DeleteItem", {"TableName": "tab", "Key": item(pk="2")})
        with pytest.raises(ServiceError, match="Cannot read from backfilling global secondary index: by-g"):
            tx.call("dynamodb", "Scan", {"TableName": "tab", "IndexName": "by-g"})
        return tx.call("dynamodb", "DescribeTable", {"TableName": "tab"})

    early = cloud.transact(before_it_is_filled)
    (created,) = early["Table"]["GlobalSecondaryIndexes"]
    assert (created["IndexStatus"], created["Backfilling"]) == ("CREATING", True)
    cloud.clock.settle()
    (filled,) = described(cloud)["GlobalSecondaryIndexes"]
    assert (filled["IndexStatus"], filled["ItemCount"]) == ("ACTIVE", 499)
    assert [one["pk"] for one in query(cloud, "g = :v", values(v="moved"), IndexName="by-g")] == ["1"]
    assert len(query(cloud, "g = :v", values(v="g2"), IndexName="by-g")) == 165
    deleted = cloud.dynamodb(
        "UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-g"}}]
    )["TableDescription"]
    assert deleted["GlobalSecondaryIndexes"][0]["IndexStatus"] == "DELETING"
    cloud.clock.settle()
    told = described(cloud)
    assert "GlobalSecondaryIndexes" not in told
    assert told["AttributeDefinitions"] == types(pk="S")
    assert cloud.kernel.shard.scan(*prefix_range(("dynamodb-data", told["TableId"], "index")), None) == []


@pytest.mark.parametrize("unfit", ["", "x" * 2049, 5])
def test_what_cannot_be_a_key_is_left_out_of_a_new_index_and_its_counts(cloud: Cloud, unfit: Any) -> None:
    a_table(cloud)
    put(cloud, pk="fits", g="x")
    put(cloud, pk="unfit", g=unfit)
    cloud.dynamodb(
        "UpdateTable", TableName="tab", AttributeDefinitions=types(pk="S", g="S"),
        GlobalSecondaryIndexUpdates=[{"Create": index("by-g", "g")}],
    )  # fmt: skip
    cloud.clock.settle()
    for change in ("DeleteItem", "PutItem"):
        (told,) = described(cloud)["GlobalSecondaryIndexes"]
        assert (told["ItemCount"], told["IndexSizeBytes"]) == (1, len("pkfitsgx"))
        assert [one["pk"] for one in scan(cloud, IndexName="by-g")] == ["fits"]
        if change == "DeleteItem":
            cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk="unfit"))
        else:
            put(cloud, pk="unfit")


def test_an_index_is_filled_in_slices_however_large_the_items_are(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_table(cloud)
    for n in range(20):
        put(cloud, pk=str(n), g="g", large="x" * 390_000)
    slices: list[int] = []
    counted = housekeeping.count_index
    monkeypatch.setattr(
        housekeeping, "count_index", lambda *given: (slices.append(given[-2]), counted(*given))
    )
    cloud.dynamodb(
        "UpdateTable", TableName="tab", AttributeDefinitions=types(pk="S", g="S"),
        GlobalSecondaryIndexUpdates=[{"Create": index("by-g", "g", keys_only=True)}],
    )  # fmt: skip
    cloud.clock.settle()
    assert sum(slices) == 20
    assert max(slices) <= 4


def test_a_fill_of_a_table_that_is_gone_leaves_its_successor_alone(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="a", g="x")

    def a_late_slice(tx: Tx) -> None:
        tx.call(
            "dynamodb", "UpdateTable",
            {"TableName": "tab", "AttributeDefinitions": types(pk="S", g="S"),
             "GlobalSecondaryIndexUpdates": [{"Create": index("by-g", "g")}]},
        )  # fmt: skip
        housekeeping.fill_index(tx, ACCOUNT, "us-east-1", "tab", 1, b"\xff".hex())

    cloud.transact(a_late_slice)
    cloud.clock.settle()
    assert [one["pk"] for one in scan(cloud, IndexName="by-g")] == ["a"]


def test_a_new_index_defines_its_keys_in_the_same_request(cloud: Cloud) -> None:
    a_table(cloud, sk="S")
    create = [{"Create": index("by-sk", "sk")}]
    assert refusal(cloud, "UpdateTable", GlobalSecondaryIndexUpdates=create) == (
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [sk], "
        "AttributeDefinitions: []"
    )
    cloud.dynamodb(
        "UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=create, AttributeDefinitions=types(sk="S")
    )


def test_all_indexes_together_include_at_most_100_attributes(cloud: Cloud) -> None:
    def include(n: int) -> dict[str, Any]:
        return index(f"by-{n}", "g", None, *(f"a{one}" for one in range(20)))

    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[include(n) for n in range(5)])
    text = refusal(
        cloud, "UpdateTable", AttributeDefinitions=types(g="S"),
        GlobalSecondaryIndexUpdates=[{"Create": index("one-more", "g", None, "a")}],
    )  # fmt: skip
    assert text == INVALID + "Number of NonKeyAttributes in all indexes exceeds the per-table limit of 100"


def test_only_one_index_is_made_or_removed_at_a_time(cloud: Cloud) -> None:
    a_table(cloud)
    updates = [{"Create": index(name, "g")} for name in ("one", "two")]
    error = cloud.error(
        "dynamodb", "UpdateTable", TableName="tab", AttributeDefinitions=types(pk="S", g="S"),
        GlobalSecondaryIndexUpdates=updates,
    )  # fmt: skip
    assert error.shape == "LimitExceededException"
    assert error.text.endswith("Only 1 online index can be created or deleted simultaneously per table")
    missing = cloud.error(
        "dynamodb", "UpdateTable", TableName="tab",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "none"}}],
    )  # fmt: skip
    assert missing.shape == "ResourceNotFoundException"


def test_throughput_and_billing_change(cloud: Cloud) -> None:
    cloud.dynamodb("CreateTable", **ONE)
    told = refusal(cloud, "UpdateTable", ProvisionedThroughput=UNITS)
    assert told.startswith("The provisioned throughput for the table will not change.")
    more = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 1}
    changed = cloud.dynamodb("UpdateTable", TableName="tab", ProvisionedThroughput=more)["TableDescription"]
    assert changed["TableStatus"] == "UPDATING"
    assert described(cloud)["ProvisionedThroughput"].items() >= more.items()
    cloud.dynamodb("UpdateTable", TableName="tab", BillingMode="PAY_PER_REQUEST")
    assert described(cloud)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described(cloud)["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert refusal(cloud, "UpdateTable", BillingMode="PROVISIONED") == (
        INVALID + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
    )
    assert refusal(cloud, "UpdateTable").startswith("At least one of ProvisionedThroughput, BillingMode,")


def test_provisioned_tables_need_units_for_each_global_index(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    units = [{"Update": {"IndexName": "by-g", "ProvisionedThroughput": UNITS}}]
    assert refusal(cloud, "UpdateTable", GlobalSecondaryIndexUpdates=units) == (
        INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST"
    )
    switch: dict[str, Any] = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    assert refusal(cloud, "UpdateTable", **switch) == (
        INVALID + "ProvisionedThroughput is not specified for index: by-g"
    )
    cloud.dynamodb("UpdateTable", TableName="tab", **switch, GlobalSecondaryIndexUpdates=units)
    assert described(cloud)["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"].items() >= UNITS.items()


def test_the_class_of_a_table_is_stored(cloud: Cloud) -> None:
    a_table(cloud, TableClass="STANDARD")
    assert described(cloud)["TableClassSummary"] == {"TableClass": "STANDARD"}
    cloud.dynamodb("UpdateTable", TableName="tab", TableClass="STANDARD_INFREQUENT_ACCESS")
    assert described(cloud)["TableClassSummary"] == {
        "TableClass": "STANDARD_INFREQUENT_ACCESS", "LastUpdateDateTime": cloud.clock.now_ms,
    }  # fmt: skip


def test_protected_tables_stay(cloud: Cloud) -> None:
    a_table(cloud, DeletionProtectionEnabled=True)
    assert "protected against deletion" in refusal(cloud, "DeleteTable")
    cloud.dynamodb("UpdateTable", TableName="tab", DeletionProtectionEnabled=False)
    cloud.dynamodb("DeleteTable", TableName="tab")


def test_expiry_is_switched_on_and_off(cloud: Cloud) -> None:
    a_table(cloud)
    on = {"AttributeName": "ttl", "Enabled": True}

    def status() -> dict[str, str]:
        found: dict[str, str] = cloud.dynamodb("DescribeTimeToLive", TableName="tab")["TimeToLiveDescription"]
        return found

    assert status() == {"TimeToLiveStatus": "DISABLED"}
    assert refusal(cloud, "UpdateTimeToLive", TimeToLiveSpecification={**on, "Enabled": False}) == (
        "TimeToLive is already disabled"
    )
    answer = cloud.dynamodb("UpdateTimeToLive", TableName="tab", TimeToLiveSpecification=on)
    assert answer == {"TimeToLiveSpecification": on}
    assert status() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    assert refusal(cloud, "UpdateTimeToLive", TimeToLiveSpecification=on) == "TimeToLive is already enabled"


def test_tags_policies_and_insights_are_stored(cloud: Cloud) -> None:
    a_table(cloud, Tags=[{"Key": "a", "Value": "1"}])
    arn = described(cloud)["TableArn"]
    assert arn == f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/tab"
    cloud.dynamodb("TagResource", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloud.dynamodb("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert cloud.dynamodb("ListTagsOfResource", ResourceArn=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}
    assert refusal(cloud, "TagResource", ResourceArn=arn, Tags=[]).startswith("Atleast one Tag needs")
    assert refusal(cloud, "UntagResource", ResourceArn=arn, TagKeys=[]).startswith("Atleast one Tag Key needs")
    assert cloud.error("dynamodb", "GetResourcePolicy", ResourceArn=arn).shape == "PolicyNotFoundException"
    policy = '{"Version": "2012-10-17", "Statement": []}'
    revision = cloud.dynamodb("PutResourcePolicy", ResourceArn=arn, Policy=policy)["RevisionId"]
    assert cloud.dynamodb("GetResourcePolicy", ResourceArn=arn) == {"Policy": policy, "RevisionId": revision}
    cloud.dynamodb("DeleteResourcePolicy", ResourceArn=arn)
    assert cloud.error("dynamodb", "GetResourcePolicy", ResourceArn=arn).shape == "PolicyNotFoundException"
    cloud.dynamodb("UpdateContributorInsights", TableName="tab", ContributorInsightsAction="ENABLE")
    told = cloud.dynamodb("DescribeContributorInsights", TableName="tab")
    assert told["ContributorInsightsStatus"] == "ENABLED"
    assert len(cloud.dynamodb("ListContributorInsights")["ContributorInsightsSummaries"]) == 1


def test_streams_are_specified_and_described(cloud: Cloud) -> None:
    a_table(cloud, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    told = described(cloud)
    assert told["LatestStreamArn"] == f"{told['TableArn']}/stream/{told['LatestStreamLabel']}"
    again = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert refusal(cloud, "UpdateTable", StreamSpecification=again) == (
        "Table already has an enabled stream: TableName: tab"
    )
    cloud.dynamodb("UpdateTable", TableName="tab", StreamSpecification={"StreamEnabled": False})
    off = described(cloud)
    both = {"StreamSpecification": again, "ProvisionedThroughput": UNITS}
    assert refusal(cloud, "UpdateTable", **both) == (
        INVALID + "You cannot modify stream status while updating table IOPS"
    )
    assert "StreamSpecification" not in off
    assert off["LatestStreamLabel"] == told["LatestStreamLabel"]


def test_tables_survive_a_restart(tmp_path: Any) -> None:
    cloud = Cloud(tmp_path)
    try:
        a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
        put(cloud, pk="a", g="x", b=b"\0\1")
        cloud.reopen()
        assert get(cloud, pk="a") == {"pk": "a", "g": "x", "b": b"\0\1"}
        assert len(query(cloud, "g = :v", values(v="x"), IndexName="by-g")) == 1
        assert described(cloud)["ItemCount"] == 1
    finally:
        cloud.close()
