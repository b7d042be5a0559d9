"""Items: what may be one, how large, and what writing and reading it costs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import ACCOUNT, REGION, Cloud
from tests.services.dynamodb.names import shown

from .tables import a_table, get, index, item, put, query, refusal, update, values

INVALID = "One or more parameter values were invalid: "
EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
WRONG_VALUES: list[tuple[dict[str, Any], str]] = [
    ({}, EMPTY),
    ({"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
     "supported datatypes"),
    ({"S": "a", "N": "x"}, "The parameter cannot be converted to a numeric value: x"),
    ({"SS": []}, INVALID + "An string set  may not be empty"),
    ({"NS": []}, INVALID + "An number set  may not be empty"),
    ({"BS": []}, INVALID + "Binary sets should not be empty"),
    ({"SS": ["a", "a"]}, INVALID + "Input collection [a, a] contains duplicates."),
    ({"NS": ["1", "1.0"]}, INVALID + "Input collection [1, 1.0] contains duplicates."),
    ({"BS": [b"b", b"b"]}, INVALID + "Input collection [Yg==, Yg==]of type BS contains duplicates."),
    ({"L": [{"M": {"a": {}}}]}, EMPTY),
    ({"NS": ["x"]}, "The parameter cannot be converted to a numeric value: x"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), WRONG_VALUES, ids=shown)
def test_wrong_values(cloud: Cloud, value: dict[str, Any], text: str) -> None:
    a_table(cloud)
    assert refusal(cloud, "PutItem", Item={"pk": {"S": "a"}, "x": value}) == text
    told = refusal(
        cloud,
        "UpdateItem",
        Key=item(pk="a"),
        UpdateExpression="SET x = :x",
        ExpressionAttributeValues={":x": value},
    )
    assert told == f"ExpressionAttributeValues contains invalid value: {text} for key :x"


def test_every_type_comes_back_as_it_was(cloud: Cloud) -> None:
    a_table(cloud)
    whole = {
        "pk": {"S": "a"}, "s": {"S": ""}, "n": {"N": "-1.50"}, "b": {"B": b"\0\xff"}, "e": {"B": b""},
        "ss": {"SS": ["b", "a", ""]}, "ns": {"NS": ["3", "1e2"]}, "bs": {"BS": [b"\1", b"\0"]}, "no": {"NULL": True},
        "yes": {"BOOL": False}, "l": {"L": [{"B": b"x"}, {"L": []}]}, "m": {"M": {"": {"M": {}}, "b": {"BS": [b"y"]}}},
        "ünï": {"S": "\U0001f600"},
    }  # fmt: skip
    cloud.dynamodb("PutItem", TableName="tab", Item=whole)
    found = cloud.dynamodb("GetItem", TableName="tab", Key=item(pk="a"))["Item"]
    assert found == {**whole, "n": {"N": "-1.5"}, "ns": {"NS": ["3", "100"]}}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"x": {"S": "a"}}, INVALID + "Missing the key pk in the item"),
        ({"pk": {"S": "a"}}, INVALID + "Missing the key sk in the item"),
        ({"pk": {"N": "1"}, "sk": {"N": "1"}}, INVALID + "Type mismatch for key pk expected: S actual: N"),
        ({"pk": {"S": ""}, "sk": {"N": "1"}}, "One or more parameter values are not valid. The AttributeValue for a "
         "key attribute cannot contain an empty string value. Key: pk"),
        ({**item(pk="x" * 2049, sk=1)}, INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ({**item(pk="a", sk=1, g=1)}, INVALID + "Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g"),
        ({**item(pk="a", sk=1, g="")}, "One or more parameter values are not valid. A value specified for a secondary "
         "index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
         "IndexName: by-g, IndexKey: g"),
        (item(pk="a", sk=1) | {"x": {"NULL": False}}, INVALID + "Null attribute value types must have the value of true"),
        (item(pk="a", sk=1, x="x" * 400 * 1024), "Item size has exceeded the maximum allowed size"),
    ],
    ids=lambda given: str(given)[-50:],
)  # fmt: skip
def test_wrong_items(cloud: Cloud, given: dict[str, Any], text: str) -> None:
    a_table(cloud, sk="N", types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    assert refusal(cloud, "PutItem", Item=given) == text


@pytest.mark.parametrize(
    "key",
    [{}, item(pk="a"), item(pk="a", sk=1, x=1), item(pk="a", x=1), item(pk=1, sk=1), item(pk="a", sk="1")],
    ids=shown,
)
def test_keys_fit_the_schema(cloud: Cloud, key: dict[str, Any]) -> None:
    a_table(cloud, sk="N")
    text = "The provided key element does not match the schema"
    for operation in ("GetItem", "DeleteItem", "UpdateItem"):
        assert refusal(cloud, operation, Key=key) == text
    assert refusal(cloud, "BatchGetItem", RequestItems={"tab": {"Keys": [key]}}) == text


def test_keys_of_the_largest_size(cloud: Cloud) -> None:
    a_table(cloud, sk="S")
    key = {"pk": "é" * 1024, "sk": "\0" * 1024}
    put(cloud, **key, n=1)
    assert get(cloud, **key) == {**key, "n": 1}
    assert query(cloud, "pk = :p AND begins_with(sk, :s)", values(p=key["pk"], s="\0\0")) == [{**key, "n": 1}]
    told = refusal(cloud, "PutItem", Item=item(pk="a", sk="x" * 1025))
    assert told == INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"


def test_an_item_of_exactly_400_kb(cloud: Cloud) -> None:
    a_table(cloud)
    largest = "x" * (400 * 1024 - 4)
    put(cloud, pk="a", d=largest)
    assert get(cloud, pk="a") == {"pk": "a", "d": largest}
    assert refusal(cloud, "PutItem", Item=item(pk="a", d=largest + "x")).startswith("Item size has exceeded")


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def test_nesting_of_32_levels(cloud: Cloud) -> None:
    """Thirty-one lists or maps around a value."""
    a_table(cloud)
    cloud.dynamodb("PutItem", TableName="tab", Item={"pk": {"S": "a"}, "x": nested(31)})
    text = (
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond "
        "supported limit"
    )
    for levels in (32, 200):
        assert refusal(cloud, "PutItem", Item={"pk": {"S": "a"}, "x": nested(levels)}) == text
    update(cloud, "SET y = :v", {":v": {"M": {}}})
    for path, levels in (("y.z", 31), ("y", 32)):
        request = {
            "UpdateExpression": f"SET {path} = :v", "ExpressionAttributeValues": {":v": nested(levels)},
        }  # fmt: skip
        assert refusal(cloud, "UpdateItem", Key=item(pk="a"), **request) == text


def consumed(answer: dict[str, Any]) -> float:
    return float(answer["ConsumedCapacity"]["CapacityUnits"])


def test_what_writes_consume(cloud: Cloud) -> None:
    a_table(
        cloud, sk="N", types={"g": "S", "n": "N"},
        GlobalSecondaryIndexes=[index("by-g", "g", keys_only=True)], LocalSecondaryIndexes=[index("by-n", "pk", "n")],
    )  # fmt: skip

    def write(**attributes: Any) -> tuple[float, float, float, float]:
        told = cloud.dynamodb(
            "PutItem", TableName="tab", Item=item(pk="a", sk=1, **attributes), ReturnConsumedCapacity="INDEXES"
        )["ConsumedCapacity"]
        globals_, locals_ = told.get("GlobalSecondaryIndexes", {}), told.get("LocalSecondaryIndexes", {})
        return (
            told["CapacityUnits"], told["Table"]["CapacityUnits"],
            globals_.get("by-g", {}).get("CapacityUnits", 0), locals_.get("by-n", {}).get("CapacityUnits", 0),
        )  # fmt: skip

    assert write() == (1, 1, 0, 0)
    assert write(d="x" * 2000) == (2, 2, 0, 0)
    assert write() == (2, 2, 0, 0), "the larger of before and after"
    assert write(g="x") == (2, 1, 1, 0), "an index gains an item"
    assert write(g="x", d="y") == (1, 1, 0, 0), "nothing that the index keeps"
    assert write(g="z", n=1) == (4, 1, 2, 1), "another key is a deletion and a put"
    assert write(g="z", n=1, d="x" * 1100) == (4, 2, 0, 2)
    gone = cloud.dynamodb(
        "DeleteItem", TableName="tab", Key=item(pk="a", sk=1), ReturnConsumedCapacity="TOTAL",
        ReturnItemCollectionMetrics="SIZE",
    )  # fmt: skip
    assert consumed(gone) == 2 + 1 + 2
    assert gone["ItemCollectionMetrics"] == {
        "ItemCollectionKey": {"pk": {"S": "a"}}, "SizeEstimateRangeGB": [0.0, 1.0],
    }  # fmt: skip


def test_what_reads_consume(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    for n in range(3):
        put(cloud, pk="a", sk=n, d="x" * 3000)

    def get_units(**more: Any) -> float:
        request = {"TableName": "tab", "Key": item(pk="a", sk=1), "ReturnConsumedCapacity": "TOTAL", **more}
        return consumed(cloud.dynamodb("GetItem", **request))

    assert (get_units(), get_units(ConsistentRead=True), get_units(Key=item(pk="z", sk=1))) == (0.5, 1.0, 0.5)
    request = {
        "TableName": "tab", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": values(p="a"),
        "ReturnConsumedCapacity": "TOTAL",
    }  # fmt: skip
    assert consumed(cloud.dynamodb("Query", **request)) == 1.5, "sizes are added up before they are rounded"
    assert consumed(cloud.dynamodb("Query", **request, ConsistentRead=True)) == 3.0
    assert cloud.kernel.metrics.read()[
        ACCOUNT, REGION, "AWS/DynamoDB", "ConsumedReadCapacityUnits", (("TableName", "tab"),)
    ][:2] == (5, 6.5)  # fmt: skip
