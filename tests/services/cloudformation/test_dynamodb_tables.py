"""AWS::DynamoDB::Table: what takes more than one call."""

from __future__ import annotations

from typing import Any

from tests.cloud import Cloud

from .stacks import create, reasons, status, template, update

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
