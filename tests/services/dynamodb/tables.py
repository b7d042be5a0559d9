"""Helpers: tables and items in few words.

A plain value stands for an attribute value: `"a"` is `{"S": "a"}`, `1` is `{"N": "1"}`, `b"a"` is binary.
"""

from __future__ import annotations

from typing import Any

from tests.cloud import Cloud


def value(given: Any) -> dict[str, Any]:
    """The attribute value that a plain value stands for."""
    if isinstance(given, bool):
        return {"BOOL": given}
    if given is None:
        return {"NULL": True}
    if isinstance(given, str):
        return {"S": given}
    if isinstance(given, int | float):
        return {"N": str(given)}
    if isinstance(given, bytes):
        return {"B": given}
    if isinstance(given, list):
        return {"L": [value(one) for one in given]}
    if isinstance(given, set):
        return (
            {"SS": sorted(given)} if all(isinstance(one, str) for one in given) else {"NS": [*map(str, given)]}
        )
    return {"M": item(**given)}


def item(**attributes: Any) -> dict[str, Any]:
    """An item, a key, or values of it."""
    return {name: value(given) for name, given in attributes.items()}


def values(**given: Any) -> dict[str, Any]:
    """ExpressionAttributeValues: `values(a=1)` is `{":a": {"N": "1"}}`."""
    return {f":{name}": value(one) for name, one in given.items()}


def plain(attribute: dict[str, Any]) -> Any:
    """The plain value of an attribute value; numbers as their texts say."""
    ((kind, inner),) = attribute.items()
    if kind == "N":
        return float(inner) if "." in inner else int(inner)
    if kind == "L":
        return [plain(one) for one in inner]
    if kind == "M":
        return plains(inner)
    if kind == "SS":
        return set(inner)
    if kind == "NS":
        return {plain({"N": one}) for one in inner}
    return None if kind == "NULL" else inner


def plains(attributes: dict[str, Any]) -> dict[str, Any]:
    """The plain values of an item."""
    return {name: plain(one) for name, one in attributes.items()}


def a_table(cloud: Cloud, name: str = "tab", *, pk: str = "S", sk: str | None = None, **more: Any) -> None:
    """A table with the key `pk` and, if `sk` is given, `sk`; further attributes with `types=` (`{"g": "S"}`)."""
    types = {"pk": pk, **({"sk": sk} if sk else {}), **more.pop("types", {})}
    cloud.dynamodb(
        "CreateTable",
        TableName=name,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
        KeySchema=schema("pk", "sk" if sk else None),
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def schema(hash: str, range: str | None = None) -> list[dict[str, str]]:
    """A KeySchema."""
    found = [{"AttributeName": hash, "KeyType": "HASH"}]
    return [*found, {"AttributeName": range, "KeyType": "RANGE"}] if range else found


def index(
    name: str, hash: str, range: str | None = None, *include: str, keys_only: bool = False
) -> dict[str, Any]:
    """A secondary index that projects all, its keys, or some attributes."""
    projection: dict[str, Any] = {"ProjectionType": "KEYS_ONLY" if keys_only else "ALL"}
    if include:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(include)}
    return {"IndexName": name, "KeySchema": schema(hash, range), "Projection": projection}


def put(cloud: Cloud, table: str = "tab", /, **attributes: Any) -> None:
    """Put an item."""
    cloud.dynamodb("PutItem", TableName=table, Item=item(**attributes))


def get(cloud: Cloud, table: str = "tab", /, **key: Any) -> dict[str, Any] | None:
    """The item with a key, in plain values."""
    found = cloud.dynamodb("GetItem", TableName=table, Key=item(**key)).get("Item")
    return None if found is None else plains(found)


def update(cloud: Cloud, expression: str, given: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Update the item with the key `pk` (default "a")."""
    request: dict[str, Any] = {"TableName": "tab", "Key": item(pk="a"), "UpdateExpression": expression, **more}
    if given:
        request["ExpressionAttributeValues"] = given
    return cloud.dynamodb("UpdateItem", **request)


def query(cloud: Cloud, condition: str, given: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The items of a Query of `tab`, in plain values; all of its pages."""
    return pages(cloud, "Query", KeyConditionExpression=condition, ExpressionAttributeValues=given, **more)


def scan(cloud: Cloud, **more: Any) -> list[dict[str, Any]]:
    """The items of a Scan of `tab`, in plain values; all of its pages."""
    return pages(cloud, "Scan", **more)


def pages(cloud: Cloud, operation: str, **request: Any) -> list[dict[str, Any]]:
    """Everything that the pages of a Query or Scan hold."""
    found = []
    start: dict[str, Any] = {}
    while True:
        page = cloud.dynamodb(operation, **{"TableName": "tab", **request, **start})
        found += [plains(one) for one in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def refusal(cloud: Cloud, operation: str, **request: Any) -> str:
    """The text of the ValidationException that a request on `tab` meets."""
    error = cloud.error("dynamodb", operation, **{"TableName": "tab", **request})
    assert error.shape == "ValidationException", (error.shape, error.text)
    return error.text
