"""SELECT: a Query for each value of the partition key that WHERE allows, or else a Scan; a page.

Source: DynamoDB Developer Guide, "PartiQL select statements for DynamoDB"; API Reference, ExecuteStatement.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from ballroom.kernel import Response, Tx, Waiting
from ballroom.kernel.tokens import make_token, read_token
from ballroom.services.dynamodb.answers import wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units, told_or_nothing
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.keys import encode
from ballroom.services.dynamodb.live import LiveIndex, LiveTable
from ballroom.services.dynamodb.pages import PAGE_BYTES, PageRead, Shape, run
from ballroom.services.dynamodb.partiql.compiling import Plan, bind, plan, projection
from ballroom.services.dynamodb.partiql.statements import Statement
from ballroom.services.dynamodb.ranges import Range, Source, key_of, query_range, scan_range, start_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes


def select(
    tx: Tx, table: LiveTable, statement: Statement, request: dict[str, Any], consumed: Consumed
) -> Response | Waiting:
    """A page of what a SELECT asks for.

    Raises:
        Invalid: it does not fit the table, or the token belongs to another statement.
    """
    values = bind(statement, request.get("Parameters"))
    source = _source(table, statement, request)
    found = plan(statement, source.schema)
    test = found.test(values)
    reverse = _check_order(statement, source, found)
    ranges = _ranges(statement, source, found, values)
    shape = Shape(test, _columns(statement, source), count_only=False, fetch=_fetches(statement, source))
    digest = _digest(request)
    place = _continued(request.get("NextToken"), digest, ranges, reverse=reverse)
    if not ranges:
        return told_or_nothing(consumed, request, {"Items": []})
    page = _Page(source, ranges, place, shape, consumed, request, reverse=reverse)

    def finish(told: dict[str, Any]) -> Response:
        answer: Response = {name: told[name] for name in ("Items", "LastEvaluatedKey") if name in told}
        if "LastEvaluatedKey" in told:
            answer["NextToken"] = make_token((digest, page.place, page.row().hex()))
        return told_or_nothing(consumed, request, answer)

    return run(tx, page, finish)


class _Page(PageRead):
    """A page that may go over several ranges."""

    def __init__(
        self,
        source: Source,
        ranges: list[Range],
        place: int,
        shape: Shape,
        consumed: Consumed,
        request: dict[str, Any],
        *,
        reverse: bool,
    ) -> None:
        super().__init__(
            source,
            ranges[place],
            shape,
            consumed,
            limit=request.get("Limit"),
            reverse=reverse,
            consistent=bool(request.get("ConsistentRead")),
        )
        self._ranges = ranges
        self.place = place
        """Which range it has come to."""

    def row(self) -> bytes:
        """The row that was read last."""
        assert self._last is not None
        return start_of(self._source, key_of(self._source, self._last.attributes))

    def _read_slice(self, tx: Tx) -> bool:
        while super()._read_slice(tx):
            if self._more or self.place + 1 == len(self._ranges):
                return True
            self.place += 1
            self._low, self._high = self._ranges[self.place]
            if self._size >= PAGE_BYTES:
                self._more = True
                return True
        return False


def _source(table: LiveTable, statement: Statement, request: dict[str, Any]) -> Source:
    if statement.index is None:
        return table
    index = table.index(statement.index)
    if index.record.is_global and request.get("ConsistentRead"):
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return index


def _check_order(statement: Statement, source: Source, found: Plan) -> bool:
    """Whether the sort key runs backwards."""
    if not statement.order:
        return False
    if statement.where is None:
        raise Invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
    for name, _ in statement.order:
        if name not in source.schema.names:
            raise Invalid(f"Variable reference {name} in ORDER BY clause must be part of the primary key")
    if found.values is None:
        raise Invalid(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    return any(descending for name, descending in statement.order if name == source.schema.range)


def _ranges(statement: Statement, source: Source, found: Plan, values: Attributes) -> list[Range]:
    conditions = found.conditions(source.schema, values)
    if found.values is None:
        return [scan_range(source)]
    for name, descending in statement.order:
        if name == source.schema.hash:
            kind = source.schema.hash_type
            conditions.sort(key=lambda one: _sortable(one[name][1][0], kind), reverse=descending)
    return [query_range(source, one) for one in conditions]


def _sortable(value: dict[str, Any], kind: str) -> bytes:
    return encode(kind, value[kind]) if kind in value else b""


def _columns(statement: Statement, source: Source) -> Any:
    if statement.columns is None:
        return None
    if isinstance(source, LiveIndex) and source.record.is_global and source.kept is not None:
        kept = source.kept
        missing = sorted({str(one.parts[0]) for one in statement.columns} - kept)
        if missing:
            raise Invalid.parameter(
                f"Global secondary index {source.name} does not project [{', '.join(missing)}]"
            )
    return projection(statement.columns)


def _fetches(statement: Statement, source: Source) -> bool:
    """Whether a local index lacks what is asked for."""
    if not isinstance(source, LiveIndex) or source.kept is None or source.record.is_global:
        return False
    kept = source.kept
    return statement.columns is not None and any(str(one.parts[0]) not in kept for one in statement.columns)


def _digest(request: dict[str, Any]) -> str:
    """Tokens go with the statement and its parameters."""
    asked = [request["Statement"], request.get("Parameters")]
    encoded = orjson.dumps(asked, default=lambda value: value.hex(), option=orjson.OPT_SORT_KEYS)
    return sha256(encoded).hexdigest()[:16]


def _continued(token: str | None, digest: str, ranges: list[Range], *, reverse: bool) -> int:
    """Which range comes next; it is cut to what lies behind the row that the token names."""
    if token is None:
        return 0
    parts = read_token(token)
    if parts is None or len(parts) != 3:
        raise Invalid("Invalid NextToken: The token is malformed")
    owner, place, row = parts
    if owner != digest or not isinstance(place, int) or not 0 <= place < len(ranges):
        raise Invalid("NextToken does not match request")
    try:
        position = bytes.fromhex(str(row))
    except ValueError:
        raise Invalid("Invalid NextToken: The token is malformed") from None
    low, high = ranges[place]
    if low <= position < high:
        ranges[place] = (low, position) if reverse else (position + b"\0", high)
    return place


def select_one(
    tx: Tx,
    table: LiveTable,
    statement: Statement,
    request: dict[str, Any],
    consumed: Consumed,
    *,
    within: str = "",
) -> Any:
    """The one item that a SELECT of a batch or transaction means, as it is answered; None: there is none.

    Raises:
        Invalid: it may mean several.
    """
    values = bind(statement, request.get("Parameters"))
    source = _source(table, statement, request)
    found = plan(statement, source.schema)
    if not found.is_one_key(source.schema) or isinstance(source, LiveIndex):
        raise Invalid(f"Select statements within {within} must specify the primary key in the where clause.")
    item = tx.get(Item, table.key(table.schema.of_key(found.key(table.schema, values))))
    size = item.size if item is not None else 0
    if within == "ExecuteTransaction":
        consumed.read += read_units(size, transaction=True)
    else:
        consumed.read += read_units(size, consistent=bool(request.get("ConsistentRead")))
    if item is None:
        return None
    test = found.test(values)
    if test is not None and not test(item.attributes):
        return None
    apply = _columns(statement, source)
    return wire(item) if apply is None else wire_of(apply(item.attributes))
