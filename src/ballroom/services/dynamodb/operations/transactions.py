"""All or nothing: TransactWriteItems and TransactGetItems.

Both run in one transaction of the store, so nothing comes between their items, and there are no conflicts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from ballroom.kernel import Request, Response, ServiceError, Tx, operation
from ballroom.services.dynamodb.answers import plain, wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units
from ballroom.services.dynamodb.changing import (
    Check,
    Delete,
    Put,
    UpdateOne,
    Write,
    carry_out,
    collection_metrics,
)
from ballroom.services.dynamodb.errors import (
    ConditionalCheckFailed,
    IdempotentParameterMismatch,
    Invalid,
    ItemCollectionSizeLimitExceeded,
    SchemaMismatch,
    TransactionCanceled,
)
from ballroom.services.dynamodb.expressions.projections import Projected
from ballroom.services.dynamodb.housekeeping import forget_token_later
from ballroom.services.dynamodb.live import LiveTable, load_table
from ballroom.services.dynamodb.requests import environment_of, projection_of
from ballroom.services.dynamodb.resources import Item, Token, token_key
from ballroom.services.dynamodb.values.attribute_values import take_attributes

MOST_BYTES = 4 << 20
TOKEN_MS = 10 * 60_000
_KINDS: dict[str, type[Put | Delete | UpdateOne]] = {
    "Put": Put, "Update": UpdateOne, "Delete": Delete, "ConditionCheck": Check,
}  # fmt: skip
TOO_LARGE = "Transaction request exceeds the maximum size of 4 MB: the items are larger together"
TWICE = "Transaction request cannot include multiple operations on one item"
_ONE_ACTION = (
    "TransactItems can only contain one of Check, Put, Update or Delete"  # said of an entry with none, too
)


Entry = tuple[str, dict[str, Any], Write]
"""What kind of action, as it was given, and what it is."""


@operation("TransactWriteItems", plain=plain)
def transact_write_items(tx: Tx, request: Request) -> Response:
    """Carry out up to 100 writes and checks, all or none.

    Raises:
        TransactionCanceled: a condition does not hold, or a write does not fit its item; with reasons.
        IdempotentParameterMismatch: the token belongs to another request.
        ResourceNotFound: a table does not exist.
        Invalid: a write breaks a rule, or two are of one item.

    Source: DynamoDB API Reference, TransactWriteItems.
    """
    writes = [_write(entry) for entry in request["TransactItems"]]
    tables = [load_table(tx, given["TableName"]) for _, given, _ in writes]
    return write_all(tx, request, writes, tables)


def write_all(tx: Tx, request: Request, writes: list[Entry], tables: list[LiveTable]) -> Response:
    """Carry out writes of a request, all or none; each goes with the table at its place."""
    _bind(writes, tables)
    seen: set[tuple[str, tuple[bytes, ...]]] = set()
    for (_, _, write), table in zip(writes, tables, strict=True):
        place = (table.record.id, write.primary)
        if place in seen:
            raise Invalid(TWICE)
        seen.add(place)
    token = request.get("ClientRequestToken")
    digest = _digest(request) if token is not None else b""
    if token is not None:
        before = tx.get(Token, token_key(tx.account, tx.region, token))
        if before is not None and before.expires_ms > tx.now_ms:
            if before.digest != digest:
                raise IdempotentParameterMismatch
            return _repeated(tx, request, before.sizes, tables)
    answer, sizes = _carry_out(tx, request, writes, tables)
    if token is not None:
        expires_ms = tx.now_ms + TOKEN_MS
        tx.put(token_key(tx.account, tx.region, token), Token(digest, expires_ms, sizes))
        forget_token_later(tx, tx.account, tx.region, token, expires_ms)
    return answer


def _write(entry: dict[str, Any]) -> Entry:
    given = [(kind, one) for kind, one in entry.items() if kind in _KINDS and one is not None]
    if len(given) != 1:
        raise Invalid(_ONE_ACTION)
    kind, one = given[0]
    return kind, one, _KINDS[kind](one)


def _bind(writes: list[Entry], tables: list[LiveTable]) -> None:
    """Check each write against its table.

    Raises:
        TransactionCanceled: a key has the wrong type, which AWS finds while the transaction runs.
        Invalid: any other mistake.
    """
    reasons: list[dict[str, Any]] = []
    for (_, _, write), table in zip(writes, tables, strict=True):
        try:
            write.bind(table)
            reasons.append({"Code": "None"})
        except SchemaMismatch as error:
            reasons.append(_reason(error))
    if any(reason["Code"] != "None" for reason in reasons):
        raise TransactionCanceled(reasons)


def _digest(request: Request) -> bytes:
    content = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    encoded = orjson.dumps(content, default=lambda value: value.hex(), option=orjson.OPT_SORT_KEYS)
    return sha256(encoded).digest()


def _carry_out(
    tx: Tx, request: Request, writes: list[Entry], tables: list[LiveTable]
) -> tuple[Response, tuple[int, ...]]:
    """The answer, and the sizes of the items."""
    consumptions: dict[str, Consumed] = {}
    reasons: list[dict[str, Any]] = []
    failed = False
    sizes: list[int] = []
    with tx.savepoint():
        for (_, _, write), table in zip(writes, tables, strict=True):
            consumed = consumptions.setdefault(table.record.id, Consumed(table))
            try:
                change = carry_out(tx, table, write, consumed, counted=False)
                sizes.append(
                    max(
                        change.new.size if change.new is not None else 0,
                        change.old.size if change.old is not None else 0,
                    )
                )
                reasons.append({"Code": "None"})
            except (ConditionalCheckFailed, Invalid, ItemCollectionSizeLimitExceeded) as error:
                failed = True
                reasons.append(_reason(error))
        if failed:
            raise TransactionCanceled(reasons)
        if sum(sizes) > MOST_BYTES:
            raise Invalid(TOO_LARGE)
    answer: dict[str, Any] = {}
    for consumed in consumptions.values():
        consumed.double()
        consumed.count(tx)
    tell(request, answer, list(consumptions.values()), write=True)
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        metrics: dict[str, list[Any]] = {}
        for (kind, _, write), table in zip(writes, tables, strict=True):
            if table.locals and kind != "ConditionCheck":
                told = collection_metrics(tx, table, write.key, write.primary[0])
                metrics.setdefault(table.name, []).append(told)
        if metrics:
            answer["ItemCollectionMetrics"] = metrics
    return answer, tuple(sizes)


def _reason(error: ServiceError) -> dict[str, Any]:
    if isinstance(error, ConditionalCheckFailed):
        return {"Code": error.reason, "Message": error.text, **error.fields}
    code = "ValidationError" if isinstance(error, Invalid) else "ItemCollectionSizeLimitExceeded"
    return {"Code": code, "Message": error.text}


def _repeated(tx: Tx, request: Request, sizes: tuple[int, ...], tables: list[LiveTable]) -> Response:
    """A request that was carried out before: nothing is written, and reading the items is what it costs."""
    consumptions: dict[str, Consumed] = {}
    for place, table in enumerate(tables):
        consumed = consumptions.setdefault(table.record.id, Consumed(table))
        size = sizes[place] if place < len(sizes) else 0  # tokens of older versions have none
        consumed.read += read_units(size, transaction=True)
    for consumed in consumptions.values():
        consumed.count(tx)
    answer: dict[str, Any] = {}
    tell(request, answer, list(consumptions.values()), write=False)
    return answer


@operation("TransactGetItems", plain=plain)
def transact_get_items(tx: Tx, request: Request) -> Response:
    """Up to 100 items as they are at one moment; an absent one is an empty entry.

    Raises:
        ResourceNotFound: a table does not exist.
        Invalid: a key does not fit, or the items exceed 4 MB together.

    Source: DynamoDB API Reference, TransactGetItems.
    """
    gets = []
    for entry in request["TransactItems"]:
        given = entry["Get"]
        key = take_attributes(given["Key"])
        environment = environment_of(given, "ProjectionExpression")
        projected = projection_of(given, environment)
        environment.check_all_used()
        gets.append((given["TableName"], key, projected))
    bound: list[tuple[LiveTable, tuple[bytes, ...], Projected | None]] = []
    mismatches: dict[int, dict[str, Any]] = {}
    seen: set[tuple[str, tuple[bytes, ...]]] = set()
    for name, key, projected in gets:
        table = load_table(tx, name)
        try:
            primary = table.schema.of_key(key)
        except SchemaMismatch as error:
            mismatches[len(bound)] = _reason(error)
            bound.append((table, (), projected))
            continue
        if (table.record.id, primary) in seen:
            raise Invalid(TWICE)
        seen.add((table.record.id, primary))
        bound.append((table, primary, projected))
    if mismatches:
        raise TransactionCanceled([mismatches.get(place, {"Code": "None"}) for place in range(len(bound))])
    responses: list[dict[str, Any]] = []
    consumptions: dict[str, Consumed] = {}
    total = 0
    for table, primary, projected in bound:
        item = tx.get(Item, table.key(primary))
        size = item.size if item is not None else 0
        total += size
        consumed = consumptions.setdefault(table.record.id, Consumed(table))
        consumed.read += read_units(size, transaction=True)
        if item is None:
            responses.append({})
        else:
            responses.append(
                {"Item": wire(item) if projected is None else wire_of(projected.apply(item.attributes))}
            )
    if total > MOST_BYTES:
        raise Invalid(TOO_LARGE)
    for consumed in consumptions.values():
        consumed.count(tx)
    answer: dict[str, Any] = {"Responses": responses}
    tell(request, answer, list(consumptions.values()), write=False)
    return answer


def tell(request: Request, answer: dict[str, Any], consumptions: list[Consumed], *, write: bool) -> None:
    """Add the ConsumedCapacity of a transaction, if it was asked for."""
    how = request.get("ReturnConsumedCapacity")
    if how not in (None, "NONE"):
        answer["ConsumedCapacity"] = [one.told(how, transaction=True, write=write) for one in consumptions]
