"""Batches and transactions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from .tables import a_table, get, index, item, plains, put, refusal, values


def write(cloud: Cloud, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return cloud.dynamodb("TransactWriteItems", TransactItems=list(items), **more)


def put_of(pk: str, **attributes: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "tab", "Item": item(pk=pk, **attributes)}}


def only_new(pk: str, **more: Any) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": "tab", "Item": item(pk=pk, n=9), "ConditionExpression": "attribute_not_exists(pk)", **more,
        }
    }  # fmt: skip


def test_a_transaction_is_whole(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="b", n=1)
    put(cloud, pk="c", n=1)
    answer = write(
        cloud,
        put_of("a", n=1),
        {
            "Update": {
                "TableName": "tab", "Key": item(pk="b"), "UpdateExpression": "ADD n :v",
                "ExpressionAttributeValues": values(v=1),
            }
        },
        {"Delete": {"TableName": "tab", "Key": item(pk="c")}},
        {"ConditionCheck": {"TableName": "tab", "Key": item(pk="d"),
                            "ConditionExpression": "attribute_not_exists(pk)"}},
    )  # fmt: skip
    assert answer == {}
    assert [get(cloud, pk=pk) for pk in "abcd"] == [{"pk": "a", "n": 1}, {"pk": "b", "n": 2}, None, None]


def test_a_cancelled_transaction_leaves_nothing_and_gives_reasons(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    put(cloud, pk="b", s="x")
    error = cloud.error(
        "dynamodb", "TransactWriteItems",
        TransactItems=[
            put_of("a", g="x"),
            only_new("b", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            {"Update": {"TableName": "tab", "Key": item(pk="c"), "UpdateExpression": "SET a.b = :v",
                        "ExpressionAttributeValues": values(v=1)}},
        ],
    )  # fmt: skip
    assert error.shape == "TransactionCanceledException"
    assert error.text == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ValidationError]"
    )
    assert error.fields["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": item(pk="b", s="x")},
        {"Code": "ValidationError",
         "Message": "The document path provided in the update expression is invalid for update"},
    ]  # fmt: skip
    assert get(cloud, pk="a") is None
    assert cloud.dynamodb("DescribeTable", TableName="tab")["Table"]["ItemCount"] == 1


def test_a_token_is_known_for_ten_minutes(cloud: Cloud) -> None:
    a_table(cloud)
    add = {"Update": {"TableName": "tab", "Key": item(pk="a"), "UpdateExpression": "ADD n :v",
                      "ExpressionAttributeValues": values(v=1)}}  # fmt: skip
    first = write(cloud, add, ClientRequestToken="t", ReturnConsumedCapacity="TOTAL")
    again = write(cloud, add, ClientRequestToken="t", ReturnConsumedCapacity="TOTAL")
    assert get(cloud, pk="a") == {"pk": "a", "n": 1}
    assert first["ConsumedCapacity"] == [{"TableName": "tab", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}]
    assert again["ConsumedCapacity"] == [{"TableName": "tab", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}]
    cloud.clock.advance(minutes=9)
    error = cloud.error("dynamodb", "TransactWriteItems", TransactItems=[put_of("a")], ClientRequestToken="t")
    assert error.shape == "IdempotentParameterMismatchException"
    cloud.clock.advance(minutes=1)
    write(cloud, add, ClientRequestToken="t")
    assert get(cloud, pk="a") == {"pk": "a", "n": 2}


def test_one_item_stands_once_in_a_transaction(cloud: Cloud) -> None:
    a_table(cloud)
    text = "Transaction request cannot include multiple operations on one item"
    assert refusal(cloud, "TransactWriteItems", TransactItems=[put_of("a"), only_new("a")]) == text
    reads = [{"Get": {"TableName": "tab", "Key": item(pk="a")}}] * 2
    assert refusal(cloud, "TransactGetItems", TransactItems=reads) == text
    assert "can only contain one of" in refusal(cloud, "TransactWriteItems", TransactItems=[{}])
    many = [put_of(str(n)) for n in range(101)]
    assert refusal(cloud, "TransactWriteItems", TransactItems=many).endswith(
        "Member must have length less than or equal to 100"
    )
    large = [put_of(str(n), data="x" * 390_000) for n in range(11)]
    assert "4 MB" in refusal(cloud, "TransactWriteItems", TransactItems=large)
    missing = cloud.error(
        "dynamodb", "TransactWriteItems", TransactItems=[{"Put": {"TableName": "nope", "Item": item(pk="a")}}]
    )
    assert missing.shape == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"Put": {"Item": {"pk": {"N": "1"}}}},
         "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N"),
        ({"Delete": {"Key": {"pk": {"N": "1"}}}}, "The provided key element does not match the schema"),
        ({"Update": {"Key": {"pk": {"L": []}}, "UpdateExpression": "REMOVE a"}},
         "The provided key element does not match the schema"),
        ({"Put": {"Item": {"pk": {"S": "a"}, "g": {"N": "1"}}}},
         "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g"),
    ],
    ids=str,
)  # fmt: skip
def test_a_key_of_the_wrong_type_cancels_and_an_empty_one_is_refused(
    cloud: Cloud, wrong: dict[str, dict[str, Any]], text: str
) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    ((kind, given),) = wrong.items()
    items = [put_of("b"), {kind: {"TableName": "tab", **given}}]
    error = cloud.error("dynamodb", "TransactWriteItems", TransactItems=items)
    assert error.shape == "TransactionCanceledException"
    assert error.fields["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ValidationError", "Message": text},
    ]
    assert get(cloud, pk="b") is None
    reads = [{"Get": {"TableName": "tab", "Key": key}} for key in (item(pk="a"), item(pk=1))]
    unread = cloud.error("dynamodb", "TransactGetItems", TransactItems=reads)
    assert [one["Code"] for one in unread.fields["CancellationReasons"]] == ["None", "ValidationError"]
    empty = {"Delete": {"TableName": "tab", "Key": item(pk="")}}
    assert "empty string value. Key: pk" in refusal(cloud, "TransactWriteItems", TransactItems=[empty])


def test_a_transaction_reads_one_moment(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="a", n=1, s="x")
    answer = cloud.dynamodb(
        "TransactGetItems", ReturnConsumedCapacity="TOTAL",
        TransactItems=[
            {"Get": {"TableName": "tab", "Key": item(pk="a"), "ProjectionExpression": "s"}},
            {"Get": {"TableName": "tab", "Key": item(pk="b")}},
        ],
    )  # fmt: skip
    assert answer["Responses"] == [{"Item": {"s": {"S": "x"}}}, {}]
    assert answer["ConsumedCapacity"] == [{"TableName": "tab", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]


def test_a_batch_puts_deletes_and_reads(cloud: Cloud) -> None:
    a_table(cloud)
    a_table(cloud, "other", sk="N")
    put(cloud, pk="old")
    answer = cloud.dynamodb(
        "BatchWriteItem", ReturnConsumedCapacity="TOTAL",
        RequestItems={
            "tab": [{"PutRequest": {"Item": item(pk="a", n=1)}}, {"DeleteRequest": {"Key": item(pk="old")}}],
            "other": [{"PutRequest": {"Item": item(pk="a", sk=1)}}],
        },
    )  # fmt: skip
    assert answer["UnprocessedItems"] == {}
    assert [one["CapacityUnits"] for one in answer["ConsumedCapacity"]] == [2.0, 1.0]
    read = cloud.dynamodb(
        "BatchGetItem",
        RequestItems={
            "tab": {"Keys": [item(pk="a"), item(pk="old")], "ProjectionExpression": "n"},
            "other": {"Keys": [item(pk="a", sk=1)], "ConsistentRead": True},
        },
    )
    assert read == {
        "Responses": {"tab": [{"n": {"N": "1"}}], "other": [item(pk="a", sk=1)]}, "UnprocessedKeys": {},
    }  # fmt: skip


def test_empty_batches(cloud: Cloud) -> None:
    """The two operations have different words, as on AWS."""
    error = cloud.error("dynamodb", "BatchWriteItem", RequestItems={})
    assert error.text == "The requestItems parameter is required for BatchWriteItem"
    error = cloud.error("dynamodb", "BatchGetItem", RequestItems={})
    assert error.text.endswith("failed to satisfy constraint: Member must have length greater than or equal to 1")


def test_wrong_batches(cloud: Cloud) -> None:
    a_table(cloud)
    a_table(cloud, "other")
    one = {"PutRequest": {"Item": item(pk="a")}}
    duplicates = "Provided list of item keys contains duplicates"
    assert refusal(cloud, "BatchWriteItem", RequestItems={"tab": [one, one]}) == duplicates
    assert (
        refusal(cloud, "BatchGetItem", RequestItems={"tab": {"Keys": [item(pk="a"), item(pk="a")]}})
        == duplicates
    )
    twice = {"Keys": [item(pk=1), {"pk": {"N": "1.0"}}]}
    assert refusal(cloud, "BatchGetItem", RequestItems={"none": {"Keys": [item(pk=1)]}, "nor": twice}) == duplicates
    many = [{"PutRequest": {"Item": item(pk=str(n))}} for n in range(20)]
    assert refusal(cloud, "BatchWriteItem", RequestItems={"tab": many, "other": many}) == (
        "Too many items requested for the BatchWriteItem call"
    )
    keys = {"Keys": [item(pk=str(n)) for n in range(60)]}
    assert refusal(cloud, "BatchGetItem", RequestItems={"tab": keys, "other": keys}) == (
        "Too many items requested for the BatchGetItem call"
    )
    assert refusal(cloud, "BatchGetItem", RequestItems={"a;": {"Keys": [{}]}}).endswith(
        "at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length "
        "less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9_.-]+]"
    )
    missing = cloud.error("dynamodb", "BatchWriteItem", RequestItems={"nope": [one]})
    assert missing.shape == "ResourceNotFoundException"
    wrong = [one, {"PutRequest": {"Item": {"pk": {"N": "1"}}}}]
    assert refusal(cloud, "BatchWriteItem", RequestItems={"tab": wrong}) == (
        "The provided key element does not match the schema"
    )
    assert get(cloud, pk="a") is None


def test_a_batch_reads_up_to_16_megabytes(cloud: Cloud) -> None:
    a_table(cloud)
    for n in range(45):
        put(cloud, pk=str(n), data="x" * 390_000)
    left = {"tab": {"Keys": [item(pk=str(n)) for n in range(45)], "ProjectionExpression": "pk"}}
    seen: list[str] = []
    rounds = 0
    while left:
        answer = cloud.dynamodb("BatchGetItem", RequestItems=left)
        seen += [plains(one)["pk"] for one in answer["Responses"]["tab"]]
        left = answer["UnprocessedKeys"]
        rounds += 1
    assert (sorted(map(int, seen)), rounds) == (list(range(45)), 2)


def test_a_repeat_costs_reading_what_the_first_request_met(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="a", data="x" * 9000)
    delete = {"Delete": {"TableName": "tab", "Key": item(pk="a")}}
    units = [
        write(cloud, delete, ClientRequestToken="t", ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"][0]
        for _ in range(2)
    ]
    assert (units[0]["WriteCapacityUnits"], units[1]["ReadCapacityUnits"]) == (18.0, 6.0)


@pytest.mark.parametrize("how", ["TOTAL", "INDEXES"])
def test_what_a_transaction_consumes_by_index(cloud: Cloud, how: str) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    answer = write(cloud, put_of("a", g="x"), ReturnConsumedCapacity=how)
    (told,) = answer["ConsumedCapacity"]
    assert (told["CapacityUnits"], told["WriteCapacityUnits"]) == (3.0, 3.0)
    if how == "INDEXES":
        assert told["Table"] == {"CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}
        assert told["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 1.0, "WriteCapacityUnits": 1.0}}
