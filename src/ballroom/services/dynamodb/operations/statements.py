"""PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, ServiceError, Tx, Waiting, operation
from ballroom.services.dynamodb.answers import plain, wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, told_or_nothing
from ballroom.services.dynamodb.changing import carry_out
from ballroom.services.dynamodb.errors import (
    ConditionalCheckFailed,
    Invalid,
    ItemCollectionSizeLimitExceeded,
    ResourceNotFound,
)
from ballroom.services.dynamodb.live import LiveTable, load_table
from ballroom.services.dynamodb.operations.transactions import Entry, tell, write_all
from ballroom.services.dynamodb.partiql.parser import parse
from ballroom.services.dynamodb.partiql.reading import select, select_one
from ballroom.services.dynamodb.partiql.statements import Statement
from ballroom.services.dynamodb.partiql.writing import returned, write_of
from ballroom.services.dynamodb.resources import Item

_CODES = {
    ResourceNotFound: "ResourceNotFound",
    ItemCollectionSizeLimitExceeded: "ItemCollectionSizeLimitExceeded",
}
_MIXED = "{operation} cannot have both read and write statements in one request"


@operation("ExecuteStatement", plain=plain)
def execute_statement(tx: Tx, request: Request) -> Response | Waiting:
    """Carry out a statement: a page of what a SELECT asks for, or one write.

    Raises:
        ConditionalCheckFailed: there is an item with that key, and it does not meet what WHERE says (or, for an
            UPDATE, there is none).
        DuplicateItem: an INSERT names a key that is there.
        ResourceNotFound: there is no such table.
        Invalid: it is no statement, or breaks a rule.

    Source: DynamoDB API Reference, ExecuteStatement.
    """
    statement = parse(request["Statement"])
    if statement.kind == "EXISTS":
        raise Invalid("EXISTS can be used in a transaction only")
    write = None if statement.reads else write_of(statement, request)
    table = load_table(tx, statement.table)
    consumed = Consumed(table)
    if write is None:
        return select(tx, table, statement, request, consumed)
    write.bind(table)
    change = carry_out(tx, table, write, consumed)
    consumed.count(tx)
    told = returned(statement, write, change.old, change.new)
    items = [wire(told) if isinstance(told, Item) else wire_of(told)] if told else []
    return told_or_nothing(consumed, request, {"Items": items})


@operation("BatchExecuteStatement", plain=plain)
def batch_execute_statement(tx: Tx, request: Request) -> Response:
    """Carry out up to 25 statements, each for itself: all reads of one item, or all writes.

    Raises:
        Invalid: reads and writes stand together.

    Source: DynamoDB API Reference, BatchExecuteStatement.
    """
    parsed = [_parsed(one) for one in request["Statements"]]
    kinds = {statement.reads for statement in parsed if isinstance(statement, Statement)}
    if len(kinds) > 1:
        raise Invalid(_MIXED.format(operation="BatchExecuteStatement"))
    consumptions: dict[str, Consumed] = {}
    responses = [
        _answer(tx, one, statement, consumptions)
        for one, statement in zip(request["Statements"], parsed, strict=True)
    ]
    for consumed in consumptions.values():
        consumed.count(tx)
    answer: dict[str, Any] = {"Responses": responses}
    how = request.get("ReturnConsumedCapacity")
    if how not in (None, "NONE"):
        answer["ConsumedCapacity"] = [consumed.told(how) for consumed in consumptions.values()]
    return answer


def _parsed(request: Request) -> Statement | ServiceError:
    try:
        return parse(request["Statement"])
    except Invalid as error:
        return error


def _answer(
    tx: Tx, request: Request, statement: Statement | ServiceError, consumptions: dict[str, Consumed]
) -> dict[str, Any]:
    """What a batch says of one of its statements."""
    if isinstance(statement, ServiceError):
        return {"Error": _error(statement)}
    try:
        with tx.savepoint():
            item = _one(tx, request, statement, consumptions)
    except (ConditionalCheckFailed, Invalid, ItemCollectionSizeLimitExceeded, ResourceNotFound) as error:
        return {"Error": _error(error), "TableName": statement.table}
    answer: dict[str, Any] = {"TableName": statement.table}
    if item is not None:
        answer["Item"] = item
    return answer


def _one(tx: Tx, request: Request, statement: Statement, consumptions: dict[str, Consumed]) -> Any:
    if statement.kind == "EXISTS":
        raise Invalid("EXISTS can be used in a transaction only")
    write = None if statement.reads else write_of(statement, request)
    table = load_table(tx, statement.table)
    consumed = consumptions.setdefault(table.record.id, Consumed(table))
    if write is None:
        return select_one(tx, table, statement, request, consumed, within="BatchExecuteStatement")
    write.bind(table)
    change = carry_out(tx, table, write, consumed, counted=False)
    told = returned(statement, write, change.old, change.new)
    if not told:
        return None
    return wire(told) if isinstance(told, Item) else wire_of(told)


def _error(error: ServiceError) -> dict[str, Any]:
    if isinstance(error, ConditionalCheckFailed):
        return {"Code": error.reason, "Message": error.text, **error.fields}
    return {"Code": _CODES.get(type(error), "ValidationError"), "Message": error.text}


@operation("ExecuteTransaction", plain=plain)
def execute_transaction(tx: Tx, request: Request) -> Response:
    """Carry out up to 100 statements, all or none: all reads of one item, or all writes and checks.

    Raises:
        TransactionCanceled: a condition does not hold, or a write does not fit its item; with reasons.
        IdempotentParameterMismatch: the token belongs to another request.
        ResourceNotFound: a table does not exist.
        Invalid: one is no statement or breaks a rule, or reads and writes stand together.

    Source: DynamoDB API Reference, ExecuteTransaction.
    """
    given = request["TransactStatements"]
    statements = [parse(one["Statement"]) for one in given]
    if len({statement.reads for statement in statements}) > 1:
        raise Invalid(_MIXED.format(operation="ExecuteTransaction"))
    if statements[0].reads:
        return _read(tx, request, statements)
    entries: list[Entry] = []
    for one, statement in zip(given, statements, strict=True):
        if statement.returning is not None:
            raise Invalid("RETURNING cannot be used in a transaction")
        kind = "ConditionCheck" if statement.kind == "EXISTS" else statement.kind
        entries.append((kind, one, write_of(statement, one)))
    tables = [load_table(tx, statement.table) for statement in statements]
    return {"Responses": [], **write_all(tx, request, entries, tables)}


def _read(tx: Tx, request: Request, statements: list[Statement]) -> Response:
    responses: list[dict[str, Any]] = []
    consumptions: dict[str, Consumed] = {}
    tables: list[LiveTable] = [load_table(tx, statement.table) for statement in statements]
    for one, statement, table in zip(request["TransactStatements"], statements, tables, strict=True):
        consumed = consumptions.setdefault(table.record.id, Consumed(table))
        item = select_one(tx, table, statement, one, consumed, within="ExecuteTransaction")
        responses.append({} if item is None else {"Item": item})
    for consumed in consumptions.values():
        consumed.count(tx)
    answer: dict[str, Any] = {"Responses": responses}
    tell(request, answer, list(consumptions.values()), write=False)
    return answer
