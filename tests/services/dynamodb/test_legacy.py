"""The parameters from before expressions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.dynamodb.names import shown

from ballroom.kernel import ServiceError

from .tables import a_table, get, item, pages, plains, put, refusal, value

ITEM: dict[str, Any] = {"pk": "a", "sk": 1, "n": 5, "s": "hello", "ss": {"a", "b"}, "l": [1]}


def of(comparison: str, *given: Any) -> dict[str, Any]:
    return {"ComparisonOperator": comparison, "AttributeValueList": [value(one) for one in given]}


HOLD = [
    ("n", of("EQ", 5)), ("n", of("NE", 6)), ("x", of("NE", 6)), ("n", of("LT", 6)), ("n", of("LE", 5)),
    ("n", of("GT", 4)), ("n", of("GE", 5)), ("n", of("BETWEEN", 5, 6)), ("s", of("IN", "x", "hello")),
    ("s", of("BEGINS_WITH", "he")), ("s", of("CONTAINS", "ell")), ("ss", of("CONTAINS", "a")),
    ("l", of("CONTAINS", 1)), ("s", of("NOT_CONTAINS", "z")), ("x", of("NULL")), ("n", of("NOT_NULL")),
    ("n", {"Value": value(5)}), ("n", {"Value": value(5), "Exists": True}), ("x", {"Exists": False}),
    ("n", {"Value": value(5), "ComparisonOperator": "GE"}),
]  # fmt: skip
FAIL = [
    ("n", of("EQ", "5")), ("n", of("NE", 5)), ("x", of("LT", 6)), ("n", of("LT", "6")), ("n", of("NULL")),
    ("x", of("NOT_NULL")), ("x", of("NOT_CONTAINS", "z")), ("n", {"Exists": False}), ("x", {"Value": value(5)}),
]  # fmt: skip


def holds(cloud: Cloud, **request: Any) -> bool:
    a_table(cloud, sk="N")
    put(cloud, **ITEM)
    try:
        cloud.dynamodb("DeleteItem", TableName="tab", Key=item(pk="a", sk=1), **request)
    except ServiceError as error:
        if error.shape != "ConditionalCheckFailedException":
            raise
        return False
    return True


@pytest.mark.parametrize(("name", "expectation"), HOLD, ids=shown)
def test_expectations_that_hold(cloud: Cloud, name: str, expectation: dict[str, Any]) -> None:
    assert holds(cloud, Expected={name: expectation})


@pytest.mark.parametrize(("name", "expectation"), FAIL, ids=shown)
def test_expectations_that_do_not(cloud: Cloud, name: str, expectation: dict[str, Any]) -> None:
    assert not holds(cloud, Expected={name: expectation})


@pytest.mark.parametrize(("operator", "expected"), [("AND", False), ("OR", True)])
def test_expectations_are_combined(cloud: Cloud, operator: str, expected: bool) -> None:
    two = {"n": of("EQ", 5), "s": of("EQ", "x")}
    assert holds(cloud, Expected=two, ConditionalOperator=operator) is expected


INVALID = "One or more parameter values were invalid: "
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"Expected": {"n": {}}}, INVALID + "Value must be provided when Exists is null for Attribute: n"),
    ({"Expected": {"n": {"Exists": True}}}, INVALID + "Value must be provided when Exists is true for Attribute: n"),
    ({"Expected": {"n": {"Exists": False, "Value": value(1)}}},
     INVALID + "Value cannot be used when Exists is false for Attribute: n"),
    ({"Expected": {"n": {"ComparisonOperator": "EQ"}}},
     INVALID + "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: n"),
    ({"Expected": {"n": {**of("EQ", 1), "Exists": True}}},
     INVALID + "Exists and ComparisonOperator cannot be used together for Attribute: n"),
    ({"Expected": {"n": {**of("EQ", 1), "Value": value(1)}}},
     INVALID + "Value and AttributeValueList cannot be used together for Attribute: n"),
    ({"Expected": {"n": of("EQ", 1, 2)}}, INVALID + "Invalid number of argument(s) for the EQ ComparisonOperator"),
    ({"Expected": {"n": of("LT", True)}},
     INVALID + "ComparisonOperator LT is not valid for BOOL AttributeValue type"),
    ({"Expected": {"n": of("BETWEEN", 2, 1)}}, "The BETWEEN condition was provided a range where the lower bound is "
     "greater than the upper bound"),
    ({"ConditionalOperator": "OR"}, "ConditionalOperator cannot be used without Filter or Expected"),
    ({"ConditionalOperator": "OR", "Expected": {"n": of("NULL")}},
     "ConditionalOperator can only be used when Filter or Expected has two or more elements"),
    ({"Expected": {"n": of("NULL")}, "ConditionExpression": "attribute_exists(n)"},
     "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
     "{Expected} Expression parameters: {ConditionExpression}"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "text"), WRONG, ids=[case[1][-60:] for case in WRONG])
def test_wrong_expectations(cloud: Cloud, request_: dict[str, Any], text: str) -> None:
    a_table(cloud)
    assert refusal(cloud, "PutItem", Item=item(pk="a"), **request_) == text


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ({"n": {"Value": value(1)}}, {"n": 1}),
        (
            {"n": {"Action": "ADD", "Value": value(2)}, "m": {"Action": "ADD", "Value": value(2)}},
            {"n": 7, "m": 2},
        ),
        ({"ss": {"Action": "ADD", "Value": value({"c"})}}, {"ss": {"a", "b", "c"}}),
        ({"l": {"Action": "ADD", "Value": value([2])}}, {"l": [1, 2]}),
        ({"ss": {"Action": "DELETE", "Value": value({"a", "x"})}}, {"ss": {"b"}}),
        (
            {"ss": {"Action": "DELETE", "Value": value({"a", "b"})}, "s": {"Action": "DELETE"}},
            {"ss": ..., "s": ...},
        ),
    ],
    ids=lambda given: "-".join(sorted(given)),  # sets print in any order, and the workers must agree
)
def test_attribute_updates(cloud: Cloud, updates: dict[str, Any], expected: dict[str, Any]) -> None:
    a_table(cloud, sk="N")
    put(cloud, **ITEM)
    answer = cloud.dynamodb(
        "UpdateItem", TableName="tab", Key=item(pk="a", sk=1), AttributeUpdates=updates, ReturnValues="ALL_NEW"
    )
    whole = {name: one for name, one in (ITEM | expected).items() if one is not ...}
    assert plains(answer["Attributes"]) == whole == get(cloud, pk="a", sk=1)


@pytest.mark.parametrize(
    ("update", "text"),
    [
        ({"Action": "PUT"}, INVALID + "Only DELETE action is allowed when no attribute value is specified"),
        ({"Action": "ADD", "Value": value("x")}, INVALID + "ADD action is not supported for the type S"),
        (
            {"Action": "DELETE", "Value": value(1)},
            INVALID + "DELETE action with value is not supported for the type N",
        ),
        ({"Action": "ADD", "Value": value(1)}, "Type mismatch for attribute to update"),
    ],
    ids=shown,
)
def test_wrong_attribute_updates(cloud: Cloud, update: dict[str, Any], text: str) -> None:
    a_table(cloud)
    put(cloud, pk="a", x="text")
    assert refusal(cloud, "UpdateItem", Key=item(pk="a"), AttributeUpdates={"x": update}) == text


def test_deleting_attributes_makes_no_item(cloud: Cloud) -> None:
    a_table(cloud)
    cloud.dynamodb(
        "UpdateItem", TableName="tab", Key=item(pk="a"), AttributeUpdates={"x": {"Action": "DELETE"}}
    )
    assert get(cloud, pk="a") is None


def test_key_conditions_and_filters(cloud: Cloud) -> None:
    a_table(cloud, sk="N")
    for n in range(6):
        put(cloud, pk="a", sk=n, odd=n % 2)
    conditions = {"pk": of("EQ", "a"), "sk": of("GT", 1)}
    found = pages(cloud, "Query", KeyConditions=conditions, QueryFilter={"odd": of("EQ", 1)}, Limit=2)
    assert [one["sk"] for one in found] == [3, 5]
    assert len(pages(cloud, "Scan", ScanFilter={"odd": of("EQ", 1)}, AttributesToGet=["sk"])) == 3
    for wrong, text in (
        ({"pk": of("GT", "a")}, "Query key condition not supported"),
        (
            {"pk": of("EQ", "a"), "sk": of("NE", 1)},
            "Attempted conditional constraint is not an indexable operation",
        ),
        ({"sk": of("EQ", 1)}, "Query condition missed key schema element: pk"),
    ):
        assert refusal(cloud, "Query", KeyConditions=wrong) == text
    assert refusal(cloud, "Query", KeyConditions=conditions, QueryFilter={"sk": of("EQ", 1)}) == (
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"
    )
    assert refusal(cloud, "GetItem", Key=item(pk="a", sk=1), AttributesToGet=["a", "a"]) == (
        INVALID + "Duplicate value in attribute name: a"
    )
