"""Query and Scan: ranges, order, pages, filters, segments."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cloud import Cloud
from tests.services.dynamodb.names import shown

from .tables import a_table, index, item, plains, put, query, refusal, scan, values

NUMBERS = [-(10**30), -12, -11, -2.5, -0.001, 0, 0.001, 1, 1.5, 9, 10, 100, 10**20]
TEXTS = ["", "A", "Z", "a", "a\0", "a\0b", "aa", "ab", "b", "é", "\uffff", "\U0001f600"][1:]


def test_numbers_are_in_their_order(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    for n in reversed(NUMBERS):
        put(cloud, pk="a", sk=n)
    assert [one["sk"] for one in query(cloud, "pk = :p", values(p="a"))] == NUMBERS
    assert [one["sk"] for one in query(cloud, "pk = :p", values(p="a"), ScanIndexForward=False)] == NUMBERS[
        ::-1
    ]


def test_texts_and_binary_are_in_the_order_of_their_bytes(cloud: Cloud) -> None:
    a_table(cloud, sk="S")
    a_table(cloud, "bin", sk="B")
    for text in reversed(TEXTS):
        put(cloud, pk="a", sk=text)
        put(cloud, "bin", pk="a", sk=text.encode())
    assert [one["sk"] for one in query(cloud, "pk = :p", values(p="a"))] == TEXTS
    assert [one["sk"].decode() for one in query(cloud, "pk = :p", values(p="a"), TableName="bin")] == TEXTS


@pytest.mark.parametrize(
    ("condition", "bounds", "expected"),
    [
        ("sk = :v", ["aa"], ["aa"]),
        ("sk < :v", ["aa"], ["A", "Z", "a", "a\0", "a\0b"]),
        ("sk <= :v", ["aa"], ["A", "Z", "a", "a\0", "a\0b", "aa"]),
        ("sk > :v", ["b"], ["é", "\uffff", "\U0001f600"]),
        ("sk >= :v", ["b"], ["b", "é", "\uffff", "\U0001f600"]),
        (":v > sk", ["Z"], ["A"]),
        ("sk BETWEEN :v AND :w", ["a\0", "ab"], ["a\0", "a\0b", "aa", "ab"]),
        ("begins_with(sk, :v)", ["a"], ["a", "a\0", "a\0b", "aa", "ab"]),
        ("begins_with(sk, :v)", ["a\0"], ["a\0", "a\0b"]),
        ("begins_with(sk, :v)", ["\uffff"], ["\uffff"]),
        ("sk = :v", ["nothing"], []),
    ],
    ids=shown,
)
def test_conditions_on_the_sort_key(
    cloud: Cloud, condition: str, bounds: list[str], expected: list[str]
) -> None:
    a_table(cloud, sk="S")
    for text in TEXTS:
        put(cloud, pk="p", sk=text)
        put(cloud, pk="p\0", sk=text)
        put(cloud, pk="q", sk=text)
    operands = values(p="p", **dict(zip("vw", bounds, strict=False)))
    for first in (f"pk = :p AND {condition}", f"({condition}) AND (pk = :p)"):
        assert [one["sk"] for one in query(cloud, first, operands)] == expected
    assert [one["sk"] for one in query(cloud, first, operands, Limit=2)] == expected
    backwards = query(cloud, first, operands, Limit=1, ScanIndexForward=False)
    assert [one["sk"] for one in backwards] == expected[::-1]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=20, unique=True),
    st.binary(min_size=1, max_size=3),
)
def test_a_prefix_is_a_range(cloud: Cloud, keys: list[bytes], prefix: bytes) -> None:
    if "bin" in cloud.dynamodb("ListTables")["TableNames"]:
        cloud.dynamodb("DeleteTable", TableName="bin")
    a_table(cloud, "bin", sk="B")
    for key in keys:
        put(cloud, "bin", pk="a", sk=key)
    found = query(cloud, "pk = :p AND begins_with(sk, :v)", values(p="a", v=prefix), TableName="bin")
    assert [one["sk"] for one in found] == sorted(key for key in keys if key.startswith(prefix))


def test_a_page_ends_after_a_megabyte_or_the_limit(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    for n in range(6):
        put(cloud, pk="a", sk=n, data="x" * 300_000, odd=n % 2)
    request: dict[str, Any] = {
        "TableName": "tab", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": values(p="a"),
    }  # fmt: skip
    page = cloud.dynamodb("Query", **request)
    assert (page["Count"], page["LastEvaluatedKey"]) == (3, item(pk="a", sk=2))
    rest = cloud.dynamodb("Query", **request, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (rest["Count"], "LastEvaluatedKey" in rest) == (3, False)
    limited = cloud.dynamodb("Query", **request, Limit=6, Select="COUNT")
    assert (limited["Count"], "Items" in limited, limited["LastEvaluatedKey"]) == (3, False, item(pk="a", sk=2))
    request["ExpressionAttributeValues"] = values(p="a", o=1)
    filtered = cloud.dynamodb("Query", **request, FilterExpression="odd = :o", Limit=2)
    assert (filtered["Count"], filtered["ScannedCount"]) == (1, 2)
    assert filtered["LastEvaluatedKey"] == item(pk="a", sk=1), "the limit counts before the filter"


def test_a_page_that_the_limit_ends_has_a_key_even_at_the_end(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    put(cloud, pk="a", sk=1)
    page = cloud.dynamodb("Scan", TableName="tab", Limit=1)
    assert page["LastEvaluatedKey"] == item(pk="a", sk=1)
    assert cloud.dynamodb("Scan", TableName="tab", ExclusiveStartKey=page["LastEvaluatedKey"]) == {
        "Items": [], "Count": 0, "ScannedCount": 0,
    }  # fmt: skip


@pytest.mark.parametrize("segments", [1, 2, 3, 7, 1000])
def test_segments_share_the_table_out(cloud: Cloud, segments: int) -> None:
    a_table(cloud, sk="N")
    for n in range(60):
        put(cloud, pk=f"key-{n % 20}", sk=n)
    found = [
        [one["sk"] for one in scan(cloud, Segment=segment, TotalSegments=segments, Limit=4)]
        for segment in range(segments)
    ]
    assert sorted(n for part in found for n in part) == list(range(60))
    if segments == 2:
        assert all(len(part) > 6 for part in found), "evenly enough"
    assert found[0] == [one["sk"] for one in scan(cloud, Segment=0, TotalSegments=segments)]


def test_rows_of_an_index_are_sparse_and_projected(cloud: Cloud) -> None:
    a_table(
        cloud, sk="N", types={"g": "S", "n": "N"},
        GlobalSecondaryIndexes=[
            index("all", "g", "n"), index("keys", "g", keys_only=True), index("some", "n", None, "extra"),
        ],
        LocalSecondaryIndexes=[index("local", "pk", "n", keys_only=True)],
    )  # fmt: skip
    put(cloud, pk="a", sk=1, g="x", n=5, extra="e", rest="o")
    put(cloud, pk="a", sk=2, g="x", n=3)
    put(cloud, pk="b", sk=3, g="x")
    put(cloud, pk="b", sk=4, n=5)

    def of(name: str, condition: str, given: Any, **more: Any) -> list[dict[str, Any]]:
        return query(cloud, condition, values(v=given), IndexName=name, **more)

    assert [one["sk"] for one in of("all", "g = :v", "x")] == [2, 1]
    assert {tuple(sorted(one)) for one in of("keys", "g = :v", "x")} == {("g", "pk", "sk")}
    assert [one.get("extra") for one in of("some", "n = :v", 5) if one["pk"] == "a"] == ["e"]
    assert sorted(one["sk"] for one in scan(cloud, IndexName="some", Limit=1)) == [1, 2, 4]
    assert of("local", "pk = :v", "a") == [{"pk": "a", "sk": 2, "n": 3}, {"pk": "a", "sk": 1, "n": 5}]
    fetched = of("local", "pk = :v", "a", Select="ALL_ATTRIBUTES")
    assert [one["g"] for one in fetched] == ["x", "x"], "a local index reads the table for the rest"
    assert of("local", "pk = :v", "a", ProjectionExpression="rest, sk") == [{"sk": 2}, {"sk": 1, "rest": "o"}]
    assert refusal(
        cloud, "Query", IndexName="keys", KeyConditionExpression="g = :v", ExpressionAttributeValues=values(v="x"),
        ProjectionExpression="pk, extra",
    ) == "One or more parameter values were invalid: Global secondary index keys does not project [extra]"  # fmt: skip
    cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk="a", sk=1))
    put(cloud, pk="a", sk=2, n=3)
    assert [one["sk"] for one in of("all", "g = :v", "x")] == []
    assert [one["sk"] for one in of("keys", "g = :v", "x")] == [3]


def test_equal_index_keys_are_paged_through(cloud: Cloud) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    for n in range(7):
        put(cloud, pk=f"k{n}", g="same")
    found = query(cloud, "g = :v", values(v="same"), IndexName="by-g", Limit=2)
    assert sorted(one["pk"] for one in found) == [f"k{n}" for n in range(7)]
    page = cloud.dynamodb("Scan", TableName="tab", IndexName="by-g", Limit=1)
    assert set(page["LastEvaluatedKey"]) == {"pk", "g"}


KEYS: list[tuple[str, dict[str, Any], str]] = [
    ("pk > :v", {"v": "a"}, "Query key condition not supported"),
    ("sk = :v", {"v": 1}, "Query condition missed key schema element: pk"),
    ("pk = :v AND x = :v", {"v": "a"}, "Query condition missed key schema element: sk"),
    ("pk = :v AND pk = :v", {"v": "a"},
     "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"),
    ("pk = :v OR sk = :w", {"v": "a", "w": 1},
     "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR"),
    ("NOT pk = :v", {"v": "a"},
     "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: NOT"),
    ("pk <> :v", {"v": "a"}, "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: <>"),
    ("pk IN (:v)", {"v": "a"}, "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: IN"),
    ("attribute_exists(pk)", {}, "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: "
     "attribute_exists"),
    ("pk = sk", {}, "Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: "
     "Multiple attribute names used in one condition"),
    ("pk.a = :v", {"v": "a"},
     "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"),
    ("size(pk) = :v", {"v": 1}, "Invalid KeyConditionExpression: KeyConditionExpressions cannot contain nested operations"),
    ("pk = :v", {"v": 1},
     "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    ("pk = :v", {"v": ""}, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
     "contain an empty string value. Key: pk"),
    ("pk = :v AND sk = :w AND x = :v", {"v": "a", "w": 1}, "Conditions can be of length 1 or 2 only"),
    ("pk = :v", {"v": "a" * 2049},
     "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"),
    ("pk = :v", {"v": "a", "w": 1}, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "given", "text"), KEYS, ids=[case[0] for case in KEYS])
def test_wrong_key_conditions(cloud: Cloud, condition: str, given: dict[str, Any], text: str) -> None:
    a_table(cloud, sk="N")
    request: dict[str, Any] = {"ExpressionAttributeValues": values(**given)} if given else {}
    assert refusal(cloud, "Query", KeyConditionExpression=condition, **request) == text


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        ("Query", {}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        ("Scan", {"Segment": 0}, "The TotalSegments parameter is required but was not present in the request when "
         "Segment parameter is present"),
        ("Scan", {"TotalSegments": 1}, "The Segment parameter is required but was not present in the request when "
         "parameter TotalSegments is present"),
        ("Scan", {"Segment": 2, "TotalSegments": 2}, "The Segment parameter is zero-based and must be less than "
         "parameter TotalSegments: Segment: 2 is not less than TotalSegments: 2"),
        ("Scan", {"IndexName": "none"}, "The table does not have the specified index: none"),
        ("Scan", {"IndexName": "by-g", "ConsistentRead": True},
         "Consistent reads are not supported on global secondary indexes"),
        ("Scan", {"IndexName": "by-g", "Select": "ALL_ATTRIBUTES"}, "One or more parameter values were invalid: Select "
         "type ALL_ATTRIBUTES is not supported for global secondary index by-g because its projection type is not ALL"),
        ("Scan", {"ExclusiveStartKey": {"x": {"S": "a"}}},
         "The provided starting key is invalid: The provided key element does not match the schema"),
        ("Query", {"KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": values(v="a"),
                   "ExclusiveStartKey": item(pk="a")}, "The provided starting key is invalid"),
        ("Scan", {"ExclusiveStartKey": {"pk": {"N": "1"}, "sk": {"N": "1"}}},
         "The provided starting key is invalid: The provided key element does not match the schema"),
        ("Query", {"KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": values(v="a"),
                   "FilterExpression": "sk = :v"},
         "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"),
        ("Query", {"KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": values(v="a"),
                   "ExclusiveStartKey": item(pk="b", sk=1)},
         "The provided starting key is outside query boundaries based on provided conditions"),
        ("Query", {"KeyConditionExpression": "pk = :v AND sk > :n", "ExpressionAttributeValues": values(v="a", n=5),
                   "ExclusiveStartKey": item(pk="a", sk=1)},
         "The provided starting key does not match the range key predicate"),
        ("Scan", {"Limit": 0}, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member "
         "must have value greater than or equal to 1"),
    ],
    ids=shown,
)  # fmt: skip
def test_wrong_requests(cloud: Cloud, operation: str, request_: dict[str, Any], text: str) -> None:
    a_table(cloud, sk="N", types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g", keys_only=True)])
    assert refusal(cloud, operation, **request_) == text


def test_a_scan_filters(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    for n in range(5):
        put(cloud, pk="a", sk=n, s=f"s{n}")
    found = scan(
        cloud, FilterExpression="#s > :v AND sk < :w", ExpressionAttributeNames={"#s": "s"},
        ExpressionAttributeValues=values(v="s1", w=4), ProjectionExpression="#s",
    )  # fmt: skip
    assert found == [{"s": "s2"}, {"s": "s3"}]
    counted = cloud.dynamodb("Scan", TableName="tab", Select="COUNT")
    assert counted == {"Count": 5, "ScannedCount": 5}
    assert plains(cloud.dynamodb("Scan", TableName="tab", Limit=1)["Items"][0])["sk"] == 0


def test_a_page_of_many_small_items_is_read_in_slices(cloud: Cloud) -> None:
    a_table(cloud, sk="N", types={"n": "N"}, LocalSecondaryIndexes=[index("loc", "pk", "n", keys_only=True)])
    for first in range(0, 1000, 25):
        puts = [{"PutRequest": {"Item": item(pk="a", sk=n, n=-n, rest="x")}} for n in range(first, first + 25)]
        cloud.dynamodb("BatchWriteItem", RequestItems={"tab": puts})
    task = cloud.start("dynamodb", "Scan", TableName="tab", Select="COUNT", ReturnConsumedCapacity="TOTAL")
    assert not task.done(), "others come in between"
    answer: dict[str, Any] = cloud.loop.run_until_complete(task)
    assert (answer["Count"], answer["ScannedCount"]) == (1000, 1000)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2.5
    given = values(p="a")
    assert [one["sk"] for one in query(cloud, "pk = :p", given, ScanIndexForward=False)] == list(
        range(999, -1, -1)
    )
    fetched = query(cloud, "pk = :p", given, IndexName="loc", Select="ALL_ATTRIBUTES", Limit=700)
    assert [(one["sk"], one["rest"]) for one in fetched] == [(n, "x") for n in range(999, -1, -1)]
