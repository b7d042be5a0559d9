"""Many items in one request, without a transaction's guarantees: BatchGetItem and BatchWriteItem."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.dynamodb import legacy
from ballroom.services.dynamodb.answers import plain, wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units
from ballroom.services.dynamodb.changing import Delete, Put, carry_out, collection_metrics
from ballroom.services.dynamodb.errors import Invalid, ResourceNotFound
from ballroom.services.dynamodb.expressions.projections import Projected
from ballroom.services.dynamodb.keys import NO_MATCH
from ballroom.services.dynamodb.live import LiveTable, find_table, load_table
from ballroom.services.dynamodb.requests import environment_of, projection_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes, take_attributes

MOST_READS, MOST_WRITES = 100, 25
_MOST_BYTES = 16 << 20
_DUPLICATES = "Provided list of item keys contains duplicates"


class _Reads:
    """What is asked of one table."""

    __slots__ = ("consistent", "given", "keys", "projected")

    def __init__(self, given: dict[str, Any]) -> None:
        legacy.check_not_mixed(given)
        self.given = given
        self.keys: list[Attributes] = [take_attributes(key) for key in given["Keys"]]
        environment = environment_of(given, "ProjectionExpression")
        self.projected: Projected | None = projection_of(given, environment)
        environment.check_all_used()
        self.consistent = bool(given.get("ConsistentRead"))


def _repeats(reads: _Reads) -> bool:
    """Whether a key stands twice, whatever the table's schema."""
    return any(key in reads.keys[:place] for place, key in enumerate(reads.keys))


@operation("BatchGetItem", plain=plain)
def batch_get_item(tx: Tx, request: Request) -> Response:
    """Up to 100 items by key, in no promised order; those beyond 16 MB come back as unprocessed keys.

    Raises:
        ResourceNotFound: a table does not exist.
        Invalid: there are too many keys, or one stands twice.

    Source: DynamoDB API Reference, BatchGetItem.
    """
    asked = {name: _Reads(given) for name, given in request["RequestItems"].items()}
    if sum(len(reads.keys) for reads in asked.values()) > MOST_READS:
        raise Invalid("Too many items requested for the BatchGetItem call")
    bound = []
    for name, reads in asked.items():
        table = find_table(tx, name)
        if table is None or table.record.building:
            # keys that stand twice are told of first
            raise Invalid(_DUPLICATES) if any(map(_repeats, asked.values())) else ResourceNotFound
        keys = [table.schema.of_key(key) for key in reads.keys]
        if len(set(keys)) != len(keys):
            raise Invalid(_DUPLICATES)
        bound.append((name, reads, table, keys))
    left = _MOST_BYTES
    responses: dict[str, Any] = {}
    unprocessed: dict[str, Any] = {}
    consumptions = []
    for name, reads, table, keys in bound:
        consumed = Consumed(table)
        found, done, left = _read(tx, table, reads, keys, consumed, left)
        responses[name] = found
        if done < len(keys):
            unprocessed[name] = {**reads.given, "Keys": reads.given["Keys"][done:]}
        consumed.count(tx)
        consumptions.append(consumed)
    return _told(request, {"Responses": responses, "UnprocessedKeys": unprocessed}, consumptions)


def _read(
    tx: Tx,
    table: LiveTable,
    reads: _Reads,
    keys: list[tuple[bytes, ...]],
    consumed: Consumed,
    left: int,
) -> tuple[list[Any], int, int]:
    """Items, how many keys were looked at, and how many bytes are left."""
    found: list[Any] = []
    for done, primary in enumerate(keys):
        item = tx.get(Item, table.key(primary))
        size = item.size if item is not None else 0
        if size > left:
            return found, done, 0
        left -= size
        consumed.read += read_units(size, consistent=reads.consistent)
        if item is not None:
            projected = reads.projected
            found.append(wire(item) if projected is None else wire_of(projected.apply(item.attributes)))
    return found, len(keys), left


@operation("BatchWriteItem", plain=plain)
def batch_write_item(tx: Tx, request: Request) -> Response:
    """Put and delete up to 25 items; here all of them, or none if one breaks a rule.

    Raises:
        ResourceNotFound: a table does not exist.
        Invalid: there are too many, one item stands twice, or one breaks a rule.

    Source: DynamoDB API Reference, BatchWriteItem.
    """
    if not request["RequestItems"]:
        raise Invalid("The requestItems parameter is required for BatchWriteItem")
    asked = {name: [_write(entry) for entry in entries] for name, entries in request["RequestItems"].items()}
    if sum(map(len, asked.values())) > MOST_WRITES:
        raise Invalid("Too many items requested for the BatchWriteItem call")
    bound = []
    for name, writes in asked.items():
        table = load_table(tx, name)
        for write in writes:
            if isinstance(write, Put) and not table.schema.suits(write.item):
                raise Invalid(NO_MATCH)  # said of the items of a batch, unlike PutItem's
            write.bind(table)
        if len({write.primary for write in writes}) != len(writes):
            raise Invalid(_DUPLICATES)
        bound.append((name, table, writes))
    answer: dict[str, Any] = {"UnprocessedItems": {}}
    metrics: dict[str, Any] = {}
    consumptions = []
    for name, table, writes in bound:
        consumed = Consumed(table)
        for write in writes:
            carry_out(tx, table, write, consumed)
        consumed.count(tx)
        consumptions.append(consumed)
        if request.get("ReturnItemCollectionMetrics") == "SIZE" and table.locals:
            metrics[name] = [collection_metrics(tx, table, write.key, write.primary[0]) for write in writes]
    if metrics:
        answer["ItemCollectionMetrics"] = metrics
    return _told(request, answer, consumptions)


def _write(entry: dict[str, Any]) -> Put | Delete:
    put, delete = entry.get("PutRequest"), entry.get("DeleteRequest")
    if (put is None) == (delete is None):
        raise Invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
            "supported datatypes"
            if put is not None
            else "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    return Put(put) if put is not None else Delete(delete or {})


def _told(request: Request, answer: dict[str, Any], consumptions: list[Consumed]) -> Response:
    how = request.get("ReturnConsumedCapacity")
    if how not in (None, "NONE"):
        answer["ConsumedCapacity"] = [consumed.told(how) for consumed in consumptions]
    return answer
