"""Condition and filter expressions: what they mean, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.dynamodb.names import shown

from ballroom.kernel import ServiceError

from .tables import a_table, item, put, refusal, values

ITEM: dict[str, Any] = {
    "pk": "a", "n": 5, "s": "hello", "b": b"bytes", "yes": True, "nothing": None, "l": [1, "two", [3]],
    "m": {"x": 1, "deep": {"y": "z"}}, "ss": {"red", "blue"}, "u": "é\U0001d11e", "ns": {1, 2},
}  # fmt: skip

TRUE = [
    ("n = :v", 5), ("n <> :v", 6), ("n < :v", 6), ("n <= :v", 5), ("n > :v", 4), ("n >= :v", 5),
    ("s > :v", "hell"), ("b < :v", b"c"), ("absent <> :v", 1), ("n <> :v", "5"), ("NOT absent = :v", 1),
    ("n BETWEEN :v AND :w", (5, 9)), ("s IN (:v, :w)", ("x", "hello")), (":v = n", 5), ("l[0] < :v", 2),
    ("attribute_exists(m.deep.y)", ()), ("attribute_not_exists(m.deep.z)", ()), ("attribute_exists(l[2][0])", ()),
    ("attribute_not_exists(l[7])", ()), ("attribute_type(m, :v)", "M"), ("attribute_type(nothing, :v)", "NULL"),
    ("begins_with(s, :v)", "he"), ("begins_with(b, :v)", b"by"), ("contains(s, :v)", "ell"),
    ("contains(ss, :v)", "red"), ("contains(ns, :v)", 2), ("contains(l, :v)", "two"), ("contains(l, :v)", [3]),
    ("contains(b, :v)", b"yte"), ("size(s) = :v", 5), ("size(b) = :v", 5), ("size(l) > :v", 2),
    ("size(m) = :v", 2), ("size(u) = :v", 3), ("size(ss) = :v", 2), ("ss = :v", {"blue", "red"}), ("l = :v", [1, "two", [3]]),
    ("m.deep = :v", {"y": "z"}), ("yes = :v", True), ("nothing = :v", None), ("n = :v OR s = :w", (1, "hello")),
    ("NOT (n = :v AND s = :w)", (5, "x")), ("n = :v AND NOT s = :w", (5, "x")),
    ("attribute_exists(n) OR attribute_exists(x) AND attribute_exists(y)", ()), ("size(s) = n", ()),
    ("not n = :v and not n = :w", (1, 2)),
]  # fmt: skip
FALSE = [
    ("n = :v", 6), ("n = :v", "5"), ("absent = :v", 1), ("absent < :v", 1), ("s < :v", b"z"), ("n < :v", "9"),
    ("absent IN (:v)", 1), ("begins_with(n, :v)", "5"), ("contains(s, :v)", 1), ("contains(n, :v)", "5"),
    ("size(n) = :v", 1), ("size(absent) < :v", 100), ("attribute_type(absent, :v)", "S"), ("m.x.y = :v", 1),
    ("l.x = :v", 1), ("m[0] = :v", 1), ("ss = :v", {"red"}), ("yes = :v", False), ("absent = lost", ()),
    ("n BETWEEN :v AND :w", (6, 9)), ("contains(ss, :v)", "green"), ("NOT (attribute_exists(n))", ()),
]  # fmt: skip


def holds(cloud: Cloud, expression: str, given: Any) -> bool:
    operands = dict(zip("vw", given, strict=False)) if isinstance(given, tuple) else {"v": given}
    request: dict[str, Any] = {"TableName": "tab", "Key": item(pk="a"), "ConditionExpression": expression}
    if operands:
        request["ExpressionAttributeValues"] = values(**operands)
    try:
        cloud.dynamodb("DeleteItem", **request)
    except ServiceError as error:
        if error.shape != "ConditionalCheckFailedException":
            raise
        return False
    return True


@pytest.mark.parametrize(("expression", "given"), TRUE, ids=shown)
def test_conditions_that_hold(cloud: Cloud, expression: str, given: Any) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    assert holds(cloud, expression, given)


@pytest.mark.parametrize(("expression", "given"), FALSE, ids=shown)
def test_conditions_that_do_not_hold(cloud: Cloud, expression: str, given: Any) -> None:
    a_table(cloud)
    put(cloud, **ITEM)
    assert not holds(cloud, expression, given)


SYNTAX = 'Syntax error; token: "{}", near: "{}"'
TYPE = "Incorrect operand type for operator or function; operator or function: {}, operand type: {}"
COUNT = (
    "Incorrect number of operands for operator or function; operator or function: {}, number of operands: {}"
)
WRONG = [
    ("", {}, "The expression can not be empty;"),
    ("a", {}, SYNTAX.format("<EOF>", "a")),
    ("a b c", {}, SYNTAX.format("b", "a b c")),
    ("a = ", {}, SYNTAX.format("<EOF>", "=")),
    ("a = :v)", {"v": 1}, SYNTAX.format(")", ":v)")),
    ("(a = :v", {"v": 1}, SYNTAX.format("<EOF>", ":v")),
    ("a ! :v", {"v": 1}, SYNTAX.format("!", "a ! :v")),
    ("a = 'x'", {}, SYNTAX.format("'", "= 'x")),
    ("a..b = :v", {"v": 1}, SYNTAX.format(".", "..b")),
    ("a[x] = :v", {"v": 1}, SYNTAX.format("x", "[x]")),
    ("_a = :v", {"v": 1}, SYNTAX.format("_", "_a")),
    ("a = :v AND", {"v": 1}, SYNTAX.format("<EOF>", "AND")),
    ("AND = :v", {"v": 1}, SYNTAX.format("AND", "AND =")),
    ("abort = :v", {"v": 1}, "Attribute name is a reserved keyword; reserved keyword: abort"),
    ("a.Size = :v", {"v": 1}, "Attribute name is a reserved keyword; reserved keyword: Size"),
    ("((a = :v))", {"v": 1}, "The expression has redundant parentheses;"),
    ("foo(a)", {}, "Invalid function name; function: foo"),
    ("if_not_exists(a, :v)", {"v": 1},
     "The function is not allowed in a condition expression; function: if_not_exists"),
    ("size(a)", {}, "The function is not allowed to be used this way in an expression; function: size"),
    ("attribute_exists(a) = :v", {"v": 1},
     "The function is not allowed to be used this way in an expression; function: attribute_exists"),
    ("#x = :v", {"v": 1}, "An expression attribute name used in the document path is not defined; attribute name: #x"),
    ("a = :x", {"v": 1},
     "An expression attribute value used in expression is not defined; attribute value: :x"),
    ("attribute_exists(:v)", {"v": 1},
     "Operator or function requires a document path; operator or function: attribute_exists"),
    ("begins_with(a)", {}, COUNT.format("begins_with", 1)),
    ("attribute_exists(a, b)", {}, COUNT.format("attribute_exists", 2)),
    ("begins_with(a, :v)", {"v": 1}, TYPE.format("begins_with", "N")),
    ("a < :v", {"v": True}, TYPE.format("<", "BOOL")),
    ("a BETWEEN :v AND :w", {"v": [], "w": []}, TYPE.format("BETWEEN", "L")),
    ("size(:v) = a", {"v": 1}, TYPE.format("size", "N")),
    ("attribute_type(a, :v)", {"v": 1}, TYPE.format("attribute_type", "N")),
    ("attribute_type(a, :v)", {"v": "X"},
     "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"),
    ("a = a", {}, "The first operand must be distinct from the remaining operands for this operator or function; "
     "operator: =, first operand: [a]"),
    ("a.b[1] < a.b[1]", {}, "The first operand must be distinct from the remaining operands for this operator or "
     "function; operator: <, first operand: [a, b, [1]]"),
    ("a BETWEEN :v AND :w", {"v": 2, "w": 1}, "The BETWEEN operator requires upper bound to be greater than or equal "
     "to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"),
    ("a BETWEEN :v AND :w", {"v": "2", "w": 1}, "The BETWEEN operator requires same data type for lower and upper "
     "bounds; lower bound operand: AttributeValue: {S:2}, upper bound operand: AttributeValue: {N:1}"),
    ("a = :v" + " AND b = :v" * 400, {"v": 1},
     "Expression size has exceeded the maximum allowed size; expression size: 4406"),
    ("a=:v" + " OR b=:v" * 200, {"v": 1}, "The expression contains too many operators; operator count: 401"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "given", "text"), WRONG, ids=[case[0][:40] or "empty" for case in WRONG]
)
def test_wrong_conditions_are_told_in_awss_words(
    cloud: Cloud, expression: str, given: dict[str, Any], text: str
) -> None:
    a_table(cloud)
    request: dict[str, Any] = {"ExpressionAttributeValues": values(**given)} if given else {}
    told = refusal(cloud, "PutItem", Item=item(pk="a"), ConditionExpression=expression, **request)
    assert told == f"Invalid ConditionExpression: {text}"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"ExpressionAttributeNames": {}}, "ExpressionAttributeNames must not be empty"),
        ({"ExpressionAttributeValues": {}}, "ExpressionAttributeValues must not be empty"),
        ({"ExpressionAttributeNames": {"a": "b"}},
         'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
        ({"ExpressionAttributeValues": {"a": {"S": "b"}}},
         'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"'),
        ({"ExpressionAttributeValues": {":a": {}}},
         "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly "
         "one of the supported datatypes for key :a"),
        ({"ExpressionAttributeValues": {":a": {"N": "x"}}},
         "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x "
         "for key :a"),
        ({"ExpressionAttributeNames": {"#a": "a", "#b": "b"}},
         "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"),
        ({"ExpressionAttributeValues": {":a": {"S": "a"}}},
         "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}"),
    ],
    ids=shown,
)  # fmt: skip
def test_names_and_values_must_be_right_and_used(cloud: Cloud, given: dict[str, Any], text: str) -> None:
    a_table(cloud)
    assert (
        refusal(cloud, "PutItem", Item=item(pk="a"), ConditionExpression="attribute_exists(x)", **given) == text
    )


def test_names_without_an_expression_are_refused(cloud: Cloud) -> None:
    a_table(cloud)
    names, given = {"#a": "a"}, {":a": {"S": "x"}}
    only = "can only be specified when using expressions"
    for operation, request, text in [
        ("PutItem", {"Item": item(pk="a")}, ": ConditionExpression is null"),
        ("UpdateItem", {"Key": item(pk="a")}, ": UpdateExpression and ConditionExpression are null"),
    ]:
        assert refusal(cloud, operation, **request, ExpressionAttributeNames=names) == (
            f"ExpressionAttributeNames {only}{text}"
        )
        assert refusal(cloud, operation, **request, ExpressionAttributeValues=given) == (
            f"ExpressionAttributeValues {only}{text}"
        )
    assert refusal(cloud, "Scan", ExpressionAttributeValues=given) == (
        f"ExpressionAttributeValues {only}: FilterExpression is null"
    )
    assert refusal(cloud, "Scan", ExpressionAttributeNames=names) == f"ExpressionAttributeNames {only}"


@pytest.mark.parametrize("depth", [100, 300, 1300])
def test_deep_nesting_is_answered_at_once(cloud: Cloud, depth: int) -> None:
    a_table(cloud)
    for expression in (
        "(" * depth + "a = :v" + ")" * depth,
        "NOT " * (depth // 2 * 2) + "a = :v",
        "".join("(NOT (a=:v AND " for _ in range(depth // 4)) + "NOT a=:v" + "))" * (depth // 4),
        "size(" * depth + "a" + ")" * depth + "=:v",
        "a" + "[0]" * depth + " = :v",
        "a" + ".b" * depth + " = :v",
    ):
        request: dict[str, Any] = {
            "TableName": "tab", "Item": item(pk="a"), "ConditionExpression": expression,
            "ExpressionAttributeValues": values(v=1),
        }  # fmt: skip
        shape = "none"
        try:
            cloud.dynamodb("PutItem", **request)
        except ServiceError as error:
            shape = error.shape
        assert shape in ("none", "ValidationException", "ConditionalCheckFailedException"), expression
