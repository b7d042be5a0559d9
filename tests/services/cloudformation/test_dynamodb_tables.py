"""AWS::DynamoDB::Table: what takes more than one call."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.cloud import Cloud

from ballroom.kernel import Tx
from ballroom.services.dynamodb.live import load_table, save_table

from .stacks import create, delete, reasons, status, template, update

UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}


def a_table(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "tab",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            **properties,
        },
    }


def with_index(**properties: Any) -> dict[str, Any]:
    types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")]
    by_g = {
        "IndexName": "by-g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        **properties.pop("index", {}),
    }
    return a_table(AttributeDefinitions=types, GlobalSecondaryIndexes=[by_g], **properties)


def described(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.dynamodb("DescribeTable", TableName="tab")["Table"]
    return found


def test_a_table_and_its_indexes_become_provisioned_together(cloud: Cloud) -> None:
    create(cloud, template(Table=with_index()))
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    update(cloud, template(Table=with_index(**provisioned, index={"ProvisionedThroughput": UNITS})))
    assert (status(cloud), reasons(cloud)) == ("UPDATE_COMPLETE", [])
    table = described(cloud)
    for told in (table, table["GlobalSecondaryIndexes"][0]):
        assert told["ProvisionedThroughput"].items() >= UNITS.items()


def index(name: str, **more: Any) -> dict[str, Any]:
    return {
        "IndexName": name, "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"}, **more,
    }  # fmt: skip


def test_what_an_index_takes_at_most_changes(cloud: Cloud) -> None:
    create(cloud, template(Table=with_index()))
    most, warm = {"MaxReadRequestUnits": 5}, {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000}
    update(cloud, template(Table=with_index(index={"OnDemandThroughput": most, "WarmThroughput": warm})))
    [told] = described(cloud)["GlobalSecondaryIndexes"]
    assert told["OnDemandThroughput"] == most
    assert told["WarmThroughput"].items() >= warm.items()


def test_an_update_that_fails_before_it_changed_the_indexes_is_rolled_back(cloud: Cloud) -> None:
    create(cloud, template(Table=with_index()))
    stream = {"StreamViewType": "KEYS_ONLY"}
    two_more = with_index(StreamSpecification=stream)
    two_more["Properties"]["GlobalSecondaryIndexes"] = [index("two"), index("three")]
    update(cloud, template(Table=two_more))
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    table = described(cloud)
    assert [one["IndexName"] for one in table["GlobalSecondaryIndexes"]] == ["by-g"]
    assert "StreamSpecification" not in table
    update(cloud, template(Table=with_index(StreamSpecification=stream)))
    assert status(cloud) == "UPDATE_COMPLETE"


def test_kinesis_is_refused_of_a_table_that_is_there(cloud: Cloud) -> None:
    create(cloud, template(Table=a_table()))
    update(cloud, template(Table=a_table(KinesisStreamSpecification={"StreamArn": "arn:aws:kinesis:::stream/x"})))
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"


def a_global_table(replica: dict[str, Any], *elsewhere: str, **properties: Any) -> dict[str, Any]:
    replicas = [{"Region": "us-east-1", **replica}, *({"Region": region} for region in elsewhere)]
    return {**a_table(Replicas=replicas, **properties), "Type": "AWS::DynamoDB::GlobalTable"}


def test_the_replica_of_a_global_table_changes(cloud: Cloud) -> None:
    create(cloud, template(Table=a_global_table({"Tags": [{"Key": "a", "Value": "1"}]})))
    replica = {
        "Tags": [{"Key": "a", "Value": "2"}], "SSESpecification": {"KMSMasterKeyId": "alias/mine"},
        "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 5},
    }  # fmt: skip
    writes = {"MaxWriteRequestUnits": 6}
    changed = a_global_table(
        replica, SSESpecification={"SSEEnabled": True}, WriteOnDemandThroughputSettings=writes
    )
    update(cloud, template(Table=changed))
    assert (status(cloud), reasons(cloud)) == ("UPDATE_COMPLETE", [])
    table = described(cloud)
    tags = cloud.dynamodb("ListTagsOfResource", ResourceArn=table["TableArn"])["Tags"]
    assert {"Key": "a", "Value": "2"} in tags
    assert table["SSEDescription"]["KMSMasterKeyArn"].endswith("alias/mine")
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}


def test_a_second_replica_is_refused_and_rolled_back(cloud: Cloud) -> None:
    create(cloud, template(Table=a_global_table({})))
    update(cloud, template(Table=a_global_table({}, "eu-west-1")))
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"


# -- imports -----------------------------------------------------------------------------------------

LINES = b"pk,g\na,1\nb,2\n"


@pytest.fixture
def files(cloud: Cloud) -> Cloud:
    cloud.s3("CreateBucket", Bucket="files")
    cloud.s3("PutObject", Bucket="files", Key="in/cars.csv", Body=LINES)
    return cloud


def imported(prefix: str = "in/", **properties: Any) -> dict[str, Any]:
    source = {
        "InputFormat": "CSV",
        "S3BucketSource": {"S3Bucket": "files", "S3KeyPrefix": prefix},
        "InputFormatOptions": {"Csv": {"Delimiter": ","}},
    }
    return with_index(ImportSourceSpecification=source, **properties)


def test_a_table_is_there_with_what_was_imported(files: Cloud) -> None:
    table = imported(
        StreamSpecification={"StreamViewType": "KEYS_ONLY"}, TableClass="STANDARD_INFREQUENT_ACCESS",
        Tags=[{"Key": "a", "Value": "b"}], TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
    )  # fmt: skip
    create(files, template(Table=table))
    assert status(files) == "CREATE_IN_PROGRESS"
    files.clock.advance(ms=1_000)
    files.clock.settle()
    assert (status(files), reasons(files)) == ("CREATE_COMPLETE", [])
    told = described(files)
    assert (told["ItemCount"], told["GlobalSecondaryIndexes"][0]["ItemCount"]) == (2, 2)
    assert told["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert told["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    tags = files.dynamodb("ListTagsOfResource", ResourceArn=told["TableArn"])["Tags"]
    assert {"Key": "a", "Value": "b"} in tags
    delete(files)
    assert files.dynamodb("ListTables")["TableNames"] == []


def test_an_import_that_fails_fails_the_stack(files: Cloud) -> None:
    files.s3("PutObject", Bucket="files", Key="zip/cars.csv", Body=LINES)
    table = imported("zip/")
    table["Properties"]["ImportSourceSpecification"]["InputCompressionType"] = "GZIP"
    create(files, template(Table=table))
    files.clock.advance(ms=1_000)
    files.clock.settle()
    assert status(files) == "ROLLBACK_COMPLETE"
    assert reasons(files)[0].startswith("Import of table tab failed: ")


def test_local_indexes_are_not_imported(files: Cloud) -> None:
    table = imported(LocalSecondaryIndexes=[{"IndexName": "x"}])
    create(files, template(Table=table))
    assert reasons(files)[0].startswith("LocalSecondaryIndexes cannot be specified together with")


def test_a_table_that_is_still_being_imported_is_deleted_after(files: Cloud) -> None:
    def set_building(tx: Tx, value: bool) -> None:
        table = load_table(tx, "tab", named=True).record
        save_table(tx, replace(table, building=value))

    create(files, template(Table=a_table()))
    files.transact(set_building, True)
    delete(files)
    assert status(files) == "DELETE_IN_PROGRESS"
    files.transact(set_building, False)
    files.clock.advance(ms=1_000)
    files.clock.settle()
    assert files.dynamodb("ListTables")["TableNames"] == []
