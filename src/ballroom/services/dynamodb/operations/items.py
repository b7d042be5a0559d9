"""One item: put, get, update, delete."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.dynamodb import legacy
from ballroom.services.dynamodb.answers import plain, wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units, told_or_nothing
from ballroom.services.dynamodb.changing import (
    Delete,
    Put,
    UpdateOne,
    Write,
    carry_out,
    collection_metrics,
)
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.live import load_table
from ballroom.services.dynamodb.requests import environment_of, projection_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import take_attributes
from ballroom.services.dynamodb.writes import ItemChange


@operation("GetItem", plain=plain)
def get_item(tx: Tx, request: Request) -> Response:
    """The item with a key, or what a projection asks for of it; no `Item` where there is none.

    Raises:
        ResourceNotFound: there is no such table.
        Invalid: the key does not fit the table, or an expression is wrong.

    Source: DynamoDB API Reference, GetItem.
    """
    legacy.check_not_mixed(request)
    key = take_attributes(request["Key"])
    environment = environment_of(request, "ProjectionExpression")
    projected = projection_of(request, environment)
    environment.check_all_used()
    table = load_table(tx, request["TableName"])
    item = tx.get(Item, table.key(table.schema.of_key(key)))
    consumed = Consumed(table)
    consistent = bool(request.get("ConsistentRead"))
    consumed.read = read_units(item.size if item is not None else 0, consistent=consistent)
    consumed.count(tx)
    answer: dict[str, Any] = {}
    if item is not None:
        answer["Item"] = wire(item) if projected is None else wire_of(projected.apply(item.attributes))
    return told_or_nothing(consumed, request, answer)


@operation("PutItem", plain=plain)
def put_item(tx: Tx, request: Request) -> Response:
    """Put an item in place of any with the same key, if the condition holds.

    Raises:
        ConditionalCheckFailed: it does not hold.
        ResourceNotFound: there is no such table.
        Invalid: the item or the condition breaks a rule.

    Source: DynamoDB API Reference, PutItem.
    """
    legacy.check_not_mixed(request)
    return _answer(tx, request, Put(request))


@operation("DeleteItem", plain=plain)
def delete_item(tx: Tx, request: Request) -> Response:
    """Delete the item with a key, if the condition holds; it need not exist.

    Raises:
        ConditionalCheckFailed: it does not hold.
        ResourceNotFound: there is no such table.

    Source: DynamoDB API Reference, DeleteItem.
    """
    legacy.check_not_mixed(request)
    return _answer(tx, request, Delete(request))


@operation("UpdateItem", plain=plain)
def update_item(tx: Tx, request: Request) -> Response:
    """Change attributes of the item with a key, which is made if it is not there.

    Raises:
        ConditionalCheckFailed: the condition does not hold.
        ResourceNotFound: there is no such table.
        Invalid: an expression is wrong, or does not fit the item.

    Source: DynamoDB API Reference, UpdateItem.
    """
    legacy.check_not_mixed(request)
    return _answer(tx, request, UpdateOne(request))


_ONLY_OLD = ("NONE", "ALL_OLD")


def _answer(tx: Tx, request: Request, write: Write) -> Response:
    wanted = request.get("ReturnValues") or "NONE"
    if wanted not in _ONLY_OLD and not isinstance(write, UpdateOne):
        raise Invalid("ReturnValues can only be ALL_OLD or NONE")
    table = load_table(tx, request["TableName"])
    write.bind(table)
    consumed = Consumed(table)
    change = carry_out(tx, table, write, consumed)
    consumed.count(tx)
    answer: dict[str, Any] = {}
    if wanted != "NONE":
        _return_values(answer, wanted, write, change)
    how = request.get("ReturnItemCollectionMetrics")
    if how == "SIZE":
        metrics = collection_metrics(tx, table, write.key, change.primary[0])
        if metrics is not None:
            answer["ItemCollectionMetrics"] = metrics
    return told_or_nothing(consumed, request, answer)


def _return_values(answer: dict[str, Any], wanted: str, write: Write, change: ItemChange) -> None:
    item = change.new if wanted.endswith("NEW") else change.old
    if item is None:
        return
    if wanted.startswith("ALL"):
        answer["Attributes"] = wire(item)
        return
    assert isinstance(write, UpdateOne)
    touched = write.touched(item, new=wanted == "UPDATED_NEW")
    if touched:
        answer["Attributes"] = wire_of(touched)
