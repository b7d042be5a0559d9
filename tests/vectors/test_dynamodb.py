"""DynamoDB against what AWS answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ballroom.kernel import Caller, ServiceError
from tests.cloud import Cloud
from tests.vectors.recorded import VECTORS, Case, assert_same, cases, needs_recordings

ACCOUNT = "111111111111"
Steps = Callable[[Cloud, Caller], dict[str, Any]]
Call = Callable[..., dict[str, Any]]


def caller_of(cloud: Cloud, me: Caller) -> Call:
    return lambda operation, **given: cloud.dynamodb(operation, me, **given)


def client_error(error: ServiceError, operation: str) -> str:
    """How boto3 words an error, which is what some cases recorded."""
    return f"An error occurred ({error.shape}) when calling the {operation} operation: {error.text}"


def a_table(call: Call, name: str = "tab", key: str = "id", **more: Any) -> dict[str, Any]:
    given = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        **more,
    }
    return call("CreateTable", **given)


def batch_write(item: dict[str, Any], key: str) -> Steps:
    def steps(cloud: Cloud, me: Caller) -> dict[str, Any]:
        call = caller_of(cloud, me)
        a_table(call)
        return {key: call("BatchWriteItem", RequestItems={"tab": [{"PutRequest": {"Item": item}}]})}

    return steps


def create_duplicate_table(cloud: Cloud, me: Caller) -> dict[str, Any]:
    a_table(caller_of(cloud, me))
    given = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    }
    return {
        "Error": client_error(
            cloud.error("dynamodb", "CreateTable", me, TableName="tab", **given), "CreateTable"
        )
    }


def partial_sse(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call, SSESpecification={"Enabled": True})
    described = call("DescribeTable", TableName="tab")["Table"]["SSEDescription"]
    updated = call("UpdateTable", TableName="tab", SSESpecification={"Enabled": False})
    # what KMS says of the key is KMS's case
    return {
        "SSEDescription": described,
        "update-table-disable-sse-spec": updated["TableDescription"]["SSEDescription"],
    }


def get_batch_items(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call)
    found = call("BatchGetItem", RequestItems={"tab": {"Keys": [{"id": {"S": "x"}}]}})
    return {"Response": {**found, "Responses": {"<test-table>": found["Responses"]["tab"]}}}


def pay_per_request(cloud: Cloud, me: Caller) -> dict[str, Any]:
    given = {
        "TableName": "tab", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    }  # fmt: skip
    return {"Error": client_error(cloud.error("dynamodb", "CreateTable", me, **given), "CreateTable")}


def empty_and_binary(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call)
    return {
        "PutFirstItem": call("PutItem", TableName="tab", Item={"id": {"S": "1"}, "data": {"S": ""}}),
        "PutSecondItem": call("PutItem", TableName="tab", Item={"id": {"S": "2"}, "data": {"B": b"\x90"}}),
    }


def gsi(billing: str) -> Steps:
    def steps(cloud: Cloud, me: Caller) -> dict[str, Any]:
        call = caller_of(cloud, me)
        index: dict[str, Any] = {
            "IndexName": "TransactionRecordID",
            "KeySchema": [{"AttributeName": "TRID", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        units: dict[str, Any] = {"BillingMode": billing}
        if billing == "PROVISIONED":
            index["ProvisionedThroughput"] = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
            units["ProvisionedThroughput"] = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
        created = call(
            "CreateTable",
            TableName="tab",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("TID", "TRID")],
            KeySchema=[{"AttributeName": "TID", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[index],
            **units,
        )
        return {
            "create-table-with-gsi": unsettled(created, "TableDescription"),
            "describe-table": unsettled(call("DescribeTable", TableName="tab"), "Table"),
        }

    return steps


def unsettled(answer: dict[str, Any], member: str) -> dict[str, Any]:
    """The recording made one placeholder of the statuses that change between the two answers."""
    answer[member]["TableStatus"] = "<table-status>"
    for index in answer[member]["GlobalSecondaryIndexes"]:
        index["IndexStatus"] = "<index-status>"
    return answer


def return_values(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call)

    def put(item_id: str, data: str, **more: Any) -> dict[str, Any]:
        return call("PutItem", TableName="tab", Item={"id": {"S": item_id}, "data": {"S": data}}, **more)

    return {
        "PutFirstItem": put("id1", "foobar", ReturnValues="ALL_OLD"),
        "PutFirstItemOLD": put("id1", "foobar", ReturnValues="ALL_OLD"),
        "PutFirstItemB": put("id1", "barfoo", ReturnValues="ALL_OLD"),
        "PutSecondItem": put("id2", "foobar", ReturnValues="ALL_OLD"),
        "PutSecondItemReturnNone": put("id2", "foobar", ReturnValues="NONE"),
    }


def warm_throughput(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    warm = {"ReadUnitsPerSecond": 1000, "WriteUnitsPerSecond": 1200}
    created = a_table(call, WarmThroughput=warm)
    return {"create-table": created, "describe-table": call("DescribeTable", TableName="tab")}


def transact_get(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    arn = a_table(call)["TableDescription"]["TableArn"]
    for name in ("John", "Sarah"):
        call("PutItem", TableName="tab", Item={"id": {"S": name}})

    def get(table: str, name: str) -> dict[str, Any]:
        return call(
            "TransactGetItems", TransactItems=[{"Get": {"TableName": table, "Key": {"id": {"S": name}}}}]
        )

    return {"TransactGetItems": get("tab", "John"), "TransactGetItems-with-TableArn": get(arn, "Sarah")}


def transact_binary(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call)
    item = {"id": {"S": "someUser"}, "binaryData": {"B": b"foobar"}}
    written = call("TransactWriteItems", TransactItems=[{"Put": {"TableName": "tab", "Item": item}}])
    got = call("GetItem", TableName="tab", Key={"id": {"S": "someUser"}})["Item"]
    got["binaryData"] = {"B": str(got["binaryData"]["B"])}
    return {"WriteResponse": written, "GetItem": got}


def transact_canceled(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    a_table(call)
    key = {"id": {"S": "foo"}}
    items = [
        {"ConditionCheck": {"TableName": "tab", "Key": key, "ConditionExpression": "attribute_exists(id)"}},
        {"Put": {"TableName": "tab", "Item": {"id": {"S": "bar"}}}},
    ]
    error = cloud.error("dynamodb", "TransactWriteItems", me, TransactItems=items)
    return {"Error": client_error(error, "TransactWriteItems")}


def transact_write(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    arn = a_table(call)["TableDescription"]["TableArn"]
    call("PutItem", TableName="tab", Item={"id": {"S": "old"}})

    def write(table: str) -> dict[str, Any]:
        key = {"id": {"S": "test1"}}
        items = [
            {"ConditionCheck": {"TableName": table, "ConditionExpression": "attribute_not_exists(id)", "Key": key}},
            {"Put": {"TableName": table, "Item": {"id": {"S": "test2"}}}},
            {
                "Update": {
                    "TableName": table, "Key": {"id": {"S": "test3"}}, "UpdateExpression": "SET attr1 = :v1",
                    "ExpressionAttributeValues": {":v1": {"S": "value1"}},
                }
            },
            {"Delete": {"TableName": table, "Key": {"id": {"S": "old"}}}},
        ]  # fmt: skip
        return call("TransactWriteItems", TransactItems=items)

    return {"Response": write("tab"), "Response_using_table_arn": write(arn)}


def local_index(cloud: Cloud, me: Caller) -> dict[str, Any]:
    call = caller_of(cloud, me)
    call(
        "CreateTable",
        TableName="tab",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"}, {"AttributeName": "SK", "AttributeType": "S"},
            {"AttributeName": "LSI1SK", "AttributeType": "N"},
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "LSI1",
                "KeySchema": [
                    {"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "LSI1SK", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    call(
        "PutItem", TableName="tab", Item={"PK": {"S": "test one"}, "SK": {"S": "hello"}, "LSI1SK": {"N": "123"}}
    )
    found = call(
        "Query",
        TableName="tab",
        IndexName="LSI1",
        KeyConditionExpression="PK = :v1",
        ExpressionAttributeValues={":v1": {"S": "test one"}},
        Select="ALL_ATTRIBUTES",
    )
    return {"Items": found}


STEPS: dict[str, Steps] = {
    "test_batch_write_binary": batch_write({"id": {"S": "1"}, "data": {"B": b"\x90"}}, "Response"),
    "test_batch_write_items": batch_write({"id": {"S": "1"}}, "BatchWriteResponse"),
    "test_create_duplicate_table": create_duplicate_table,
    "test_dynamodb_create_table_with_partial_sse_specification": partial_sse,
    "test_dynamodb_get_batch_items": get_batch_items,
    "test_dynamodb_pay_per_request": pay_per_request,
    "test_empty_and_binary_values": empty_and_binary,
    "test_gsi_with_billing_mode[PAY_PER_REQUEST]": gsi("PAY_PER_REQUEST"),
    "test_gsi_with_billing_mode[PROVISIONED]": gsi("PROVISIONED"),
    "test_return_values_in_put_item": return_values,
    "test_table_warm_throughput": warm_throughput,
    "test_transact_get_items": transact_get,
    "test_transaction_write_binary_data": transact_binary,
    "test_transaction_write_canceled": transact_canceled,
    "test_transaction_write_items": transact_write,
    "test_valid_local_secondary_index": local_index,
}
REFUSED = {"test_streams_on_global_tables": "global tables are refused: there is one region's table"}


def short(case: Case) -> str:
    return case.name.rsplit("::", 1)[-1]


@needs_recordings
@pytest.mark.parametrize("case", [case for case in cases("dynamodb") if short(case) in STEPS], ids=str)
def test_recorded(cloud: Cloud, case: Case) -> None:
    assert_same(case, STEPS[short(case)](cloud, cloud.caller(account=ACCOUNT)))


@needs_recordings
@pytest.mark.parametrize(
    ("test", "template"),
    [
        ("test_default_name_for_table", "dynamodb_table_defaults.yml"),
        ("test_global_table", "dynamodb_global_table.yml"),
    ],
)
def test_recorded_stack(cloud: Cloud, test: str, template: str) -> None:
    folder = VECTORS / "cloudformation"
    recorded = json.loads((folder / "snapshots/resources/test_dynamodb.snapshot.json").read_text())
    (answers,) = (one["recorded-content"] for name, one in recorded.items() if name.endswith(f"::{test}"))
    me = cloud.caller(account=ACCOUNT)
    body = (folder / "data/templates" / template).read_text()
    cloud.cloudformation("CreateStack", me, StackName="stack", TemplateBody=body)
    cloud.clock.settle()
    (stack,) = cloud.cloudformation("DescribeStacks", me, StackName="stack")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    call = caller_of(cloud, me)
    ours = {"table_description": call("DescribeTable", TableName=outputs["TableName"])}
    if "list_tags_of_resource" in answers:
        # the stack's own tags are what the recording's filter for them left out
        told = call("ListTagsOfResource", ResourceArn=outputs["TableArn"])["Tags"]
        ours["list_tags_of_resource"] = {"Tags": [t for t in told if not t["Key"].startswith("aws:")]}
    assert_same(Case("dynamodb", test, answers), ours)
