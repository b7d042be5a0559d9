"""Update expressions and projections."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud

from .tables import a_table, get, index, item, plains, put, refusal, update, values

ITEM: dict[str, Any] = {
    "pk": "a", "n": 5, "s": "x", "l": [0, 1, 2, 3], "m": {"x": 1, "l": ["a", "b"]}, "ss": {"a", "b"}, "ns": {1, 2},
}  # fmt: skip

CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("SET a = :v", {"v": 1}, {"a": 1}),
    ("set a = :v, b = a1 remove s", {"v": 1}, {}),
    ("SET n = n + :v", {"v": 3}, {"n": 8}),
    ("SET n = :v - n", {"v": 3}, {"n": -2}),
    ("SET n = n - :v, o = n", {"v": 1}, {"n": 4, "o": 5}),
    ("SET k = if_not_exists(k, :v) + :v", {"v": 1}, {"k": 2}),
    ("SET n = if_not_exists(n, :v)", {"v": 1}, {"n": 5}),
    ("SET l = list_append(l, :v)", {"v": [9]}, {"l": [0, 1, 2, 3, 9]}),
    ("SET l = list_append(:v, l)", {"v": [9]}, {"l": [9, 0, 1, 2, 3]}),
    ("SET q = list_append(if_not_exists(q, :e), :v)", {"v": [9], "e": []}, {"q": [9]}),
    ("SET l[1] = :v", {"v": 9}, {"l": [0, 9, 2, 3]}),
    ("SET l[20] = :v, l[10] = :w", {"v": 9, "w": 8}, {"l": [0, 1, 2, 3, 8, 9]}),
    ("SET m.y = :v, m.l[0] = :v", {"v": 9}, {"m": {"x": 1, "y": 9, "l": [9, "b"]}}),
    ("SET o = m, m.x = :v", {"v": 9}, {"m": {"x": 9, "l": ["a", "b"]}, "o": {"x": 1, "l": ["a", "b"]}}),
    ("REMOVE s, n", {}, {"s": ..., "n": ...}),
    ("REMOVE l[0], l[2]", {}, {"l": [1, 3]}),
    ("REMOVE l[0] SET l[1] = :v", {"v": 9}, {"l": [9, 2, 3]}),
    ("REMOVE m.x, m.l[1], l[9], m.lost", {}, {"m": {"l": ["a"]}}),
    ("ADD n :v, o :v", {"v": 2}, {"n": 7, "o": 2}),
    ("ADD ss :v", {"v": {"b", "c"}}, {"ss": {"a", "b", "c"}}),
    ("ADD m.k :v", {"v": 1}, {"m": {"x": 1, "l": ["a", "b"], "k": 1}}),
    ("DELETE ss :v", {"v": {"b", "c"}}, {"ss": {"a"}}),
    ("DELETE ss :v", {"v": {"a", "b"}}, {"ss": ...}),
    ("DELETE lost :v", {"v": {"a"}}, {}),
    ("SET s = (:v)", {"v": "y"}, {"s": "y"}),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "given", "changed"), CHANGES, ids=[case[0] for case in CHANGES])
def test_updates(cloud: Cloud, expression: str, given: dict[str, Any], changed: dict[str, Any]) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    if "a1" in expression:
        told = refusal(cloud, "UpdateItem", Key=item(pk="a"), UpdateExpression=expression,
                       ExpressionAttributeValues=values(**given))  # fmt: skip
        assert told == "The provided expression refers to an attribute that does not exist in the item"
        assert get(cloud, pk="a") == ITEM, "all or nothing"
        return
    update(cloud, expression, values(**given))
    expected = {name: one for name, one in (ITEM | changed).items() if one is not ...}
    assert get(cloud, pk="a") == expected


INVALID = "Invalid UpdateExpression: "
OPERAND = "Incorrect operand type for operator or function; operator"
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, INVALID + "The expression can not be empty;"),
    ("a = :v", {"v": 1}, INVALID + 'Syntax error; token: "a", near: "a ="'),
    ("SET a = :v,", {"v": 1}, INVALID + 'Syntax error; token: "<EOF>", near: ","'),
    ("SET a = :v SET b = :v", {"v": 1},
     INVALID + 'The "SET" section can only be used once in an update expression;'),
    ("SET a = :v, a.b = :v", {"v": 1}, INVALID + "Two document paths overlap with each other; must remove or rewrite "
     "one of these paths; path one: [a], path two: [a, b]"),
    ("SET a[1] = :v REMOVE a.b", {"v": 1}, INVALID + "Two document paths conflict with each other; must remove or "
     "rewrite one of these paths; path one: [a, [1]], path two: [a, b]"),
    ("SET pk = :v", {"v": "b"},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("SET a = attribute_exists(b)", {},
     INVALID + "The function is not allowed in an update expression; function: attribute_exists"),
    ("SET a = foo(b)", {}, INVALID + "Invalid function name; function: foo"),
    ("SET a = list_append(l)", {}, INVALID + "Incorrect number of operands for operator or function; operator or "
     "function: list_append, number of operands: 1"),
    ("SET a = list_append(l, :v)", {"v": 1}, INVALID + OPERAND + " or function: list_append, operand type: N"),
    ("SET a = n + :v", {"v": "x"}, INVALID + OPERAND + " or function: +, operand type: S"),
    ("SET a = if_not_exists(:v, n)", {"v": 1},
     INVALID + "Operator or function requires a document path; operator or function: if_not_exists"),
    ("ADD a :v", {"v": "x"}, INVALID + OPERAND + ": ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND"),
    ("DELETE a :v", {"v": 1}, INVALID + OPERAND + ": DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND"),
    ("SET a = s + :v", {"v": 1}, "An operand in the update expression has an incorrect data type"),
    ("ADD s :v", {"v": 1}, "An operand in the update expression has an incorrect data type"),
    ("SET a.b = :v", {"v": 1}, "The document path provided in the update expression is invalid for update"),
    ("SET s.b = :v", {"v": 1}, "The document path provided in the update expression is invalid for update"),
    ("SET m[0] = :v", {"v": 1}, "The document path provided in the update expression is invalid for update"),
    ("REMOVE a.b", {}, "The document path provided in the update expression is invalid for update"),
    ("SET a = b", {}, "The provided expression refers to an attribute that does not exist in the item"),
    ("SET a = n + :v", {"v": 1e-20}, ""),
    ("SET n = :v", {"v": "x" * 400 * 1024}, "Item size to update has exceeded the maximum allowed size"),
    ("SET l[99999999999] = :v", {"v": 1},
     INVALID + "List index is not within the allowable range; index: [99999999999]"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "given", "text"), WRONG, ids=[case[0] or "empty" for case in WRONG])
def test_wrong_updates_are_told_in_awss_words(
    cloud: Cloud, expression: str, given: dict[str, Any], text: str
) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    if not text:
        update(cloud, expression, values(**given))
        return
    request: dict[str, Any] = {"ExpressionAttributeValues": values(**given)} if given else {}
    told = refusal(cloud, "UpdateItem", Key=item(pk="a"), UpdateExpression=expression, **request)
    assert told == text
    assert get(cloud, pk="a") == ITEM


@pytest.mark.parametrize(
    ("wanted", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", ITEM),
        ("ALL_NEW", ITEM | {"n": 6, "l": [0, 9, 2, 3], "m": {"x": 2, "l": ["a", "b"]}, "fresh": 1}),
        ("UPDATED_OLD", {"n": 5, "l": [1], "m": {"x": 1}}),
        ("UPDATED_NEW", {"n": 6, "l": [9], "m": {"x": 2}, "fresh": 1}),
    ],
)
def test_return_values(cloud: Cloud, wanted: str, attributes: dict[str, Any] | None) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    answer = update(
        cloud, "SET n = n + :o, l[1] = :n, m.x = :t, fresh = :o", values(o=1, n=9, t=2), ReturnValues=wanted
    )
    assert (plains(answer["Attributes"]) if attributes else answer) == (attributes or {})


def test_what_is_removed_has_no_new_value(cloud: Cloud) -> None:
    """Not even where another element of a list takes its place."""
    a_table(cloud)
    put(cloud, **ITEM)
    answer = update(cloud, "SET n = :v REMOVE l[0], m.x", values(v=1), ReturnValues="UPDATED_NEW")
    assert plains(answer["Attributes"]) == {"n": 1}
    assert update(cloud, "REMOVE l[0], m.l", ReturnValues="UPDATED_NEW") == {}


def test_an_update_makes_the_item_that_is_not_there(cloud: Cloud) -> None:
    a_table(cloud)
    assert update(cloud, "SET n = :v", values(v=1), ReturnValues="ALL_OLD") == {}
    assert get(cloud, pk="a") == {"pk": "a", "n": 1}
    cloud.dynamodb("UpdateItem", TableName="tab", Key=item(pk="b"))
    assert get(cloud, pk="b") == {"pk": "b"}


def test_a_failed_condition_shows_the_item_if_asked(cloud: Cloud) -> None:
    a_table(cloud)
    put(cloud, pk="a", b=b"\0\xff")
    request: dict[str, Any] = {
        "TableName": "tab", "Item": item(pk="a"), "ConditionExpression": "attribute_not_exists(pk)",
    }  # fmt: skip
    error = cloud.error("dynamodb", "PutItem", **request)
    assert (error.shape, error.text) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert "Item" not in error.fields
    shown = cloud.error("dynamodb", "PutItem", **request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert shown.fields["Item"] == {"pk": {"S": "a"}, "b": {"B": b"\0\xff"}}


PROJECTIONS: list[tuple[str, dict[str, Any]]] = [
    ("n", {"n": 5}),
    ("n, s, lost", {"n": 5, "s": "x"}),
    ("m.x", {"m": {"x": 1}}),
    ("m.x, m.l[1]", {"m": {"x": 1, "l": ["b"]}}),
    ("l[3], l[1], l[8]", {"l": [1, 3]}),
    ("m.lost, l[9], s.x, n[0]", {}),
    ("m.l", {"m": {"l": ["a", "b"]}}),
]


@pytest.mark.parametrize(("expression", "expected"), PROJECTIONS, ids=[case[0] for case in PROJECTIONS])
def test_projections(cloud: Cloud, expression: str, expected: dict[str, Any]) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    answer = cloud.dynamodb("GetItem", TableName="tab", Key=item(pk="a"), ProjectionExpression=expression)
    assert plains(answer["Item"]) == expected


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a,,b", 'Syntax error; token: ",", near: ",,b"'),
        ("a b", 'Syntax error; token: "b", near: "a b"'),
        ("a, a", "Two document paths overlap with each other; must remove or rewrite one of these paths; "
         "path one: [a], path two: [a]"),
        ("a.b, a", "Two document paths overlap with each other; must remove or rewrite one of these paths; "
         "path one: [a, b], path two: [a]"),
        ("a[0], a.b", "Two document paths conflict with each other; must remove or rewrite one of these paths; "
         "path one: [a, [0]], path two: [a, b]"),
        ("a, Date", "Attribute name is a reserved keyword; reserved keyword: Date"),
        ("a, #x", "An expression attribute name used in the document path is not defined; attribute name: #x"),
        (" ", "The expression can not be empty;"),
    ],
)  # fmt: skip
def test_wrong_projections(cloud: Cloud, expression: str, text: str) -> None:
    a_table(cloud)
    told = refusal(cloud, "GetItem", Key=item(pk="a"), ProjectionExpression=expression)
    assert told == f"Invalid ProjectionExpression: {text}"


def test_names_stand_for_any_attribute(cloud: Cloud) -> None:
    a_table(cloud)
    odd: dict[str, Any] = {"a.b": 1, "size": {"#": 2}, ":v": 3}
    put(cloud, pk="a", **odd)
    answer = cloud.dynamodb(
        "GetItem", TableName="tab", Key=item(pk="a"), ProjectionExpression="#d, #s.#h, #v",
        ExpressionAttributeNames={"#d": "a.b", "#s": "size", "#h": "#", "#v": ":v"},
    )  # fmt: skip
    assert plains(answer["Item"]) == {"a.b": 1, "size": {"#": 2}, ":v": 3}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "The update expression attempted to update the secondary index key to unsupported type"),
        ("", "One or more parameter values are not valid. The update expression attempted to update a secondary index "
         "key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string "
         "value."),
        ("x" * 2049, "The update expression attempted to update the secondary index key beyond allowed size limits"),
    ],
    ids=["type", "empty", "size"],
)  # fmt: skip
def test_an_update_keeps_index_keys_valid(cloud: Cloud, value: Any, text: str) -> None:
    a_table(cloud, types={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g")])
    request = {
        "Key": item(pk="a"),
        "UpdateExpression": "SET g = :v",
        "ExpressionAttributeValues": values(v=value),
    }
    assert refusal(cloud, "UpdateItem", **request) == text
    assert get(cloud, pk="a") is None
