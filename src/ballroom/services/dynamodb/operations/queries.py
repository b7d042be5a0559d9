"""Many items: Query and Scan."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, Waiting, operation
from ballroom.services.dynamodb import legacy
from ballroom.services.dynamodb.answers import plain
from ballroom.services.dynamodb.capacity import Consumed, told_or_nothing
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.expressions.conditions import condition
from ballroom.services.dynamodb.expressions.environment import Environment
from ballroom.services.dynamodb.expressions.key_conditions import key_conditions
from ballroom.services.dynamodb.expressions.projections import Projected
from ballroom.services.dynamodb.keys import Schema
from ballroom.services.dynamodb.live import LiveIndex, LiveTable, load_table
from ballroom.services.dynamodb.pages import PageRead, Shape, run
from ballroom.services.dynamodb.ranges import Range, Source, query_range, scan_range, start_of
from ballroom.services.dynamodb.requests import Test, environment_of, projection_of
from ballroom.services.dynamodb.values.attribute_values import Attributes, take_attributes

_OUTSIDE = "The provided starting key is outside query boundaries based on provided conditions"
_NO_MATCH = "The provided starting key does not match the range key predicate"


@operation("Query", plain=plain)
def query(tx: Tx, request: Request) -> Response | Waiting:
    """The items with one partition key that meet a condition on the sort key, in its order; a page.

    Raises:
        ResourceNotFound: there is no such table.
        Invalid: conditions do not fit the key, or an expression is wrong.

    Source: DynamoDB API Reference, Query.
    """
    legacy.check_not_mixed(request)
    start = _start(request)
    environment = environment_of(request, "ProjectionExpression", "FilterExpression", "KeyConditionExpression")
    projected = projection_of(request, environment)
    test, filtered = _filter(request, "QueryFilter", environment)
    conditions = _key_conditions(request, environment)
    environment.check_all_used()
    table = load_table(tx, request["TableName"])
    source = _source(table, request)
    rows = query_range(source, conditions)
    _check_filter(source.schema, filtered, request)
    shape = _shape(request, source, projected, test)
    reverse = request.get("ScanIndexForward") is False
    if start is not None:
        low, high = rows
        position = start_of(source, start)
        if not low <= position < high:
            name = source.schema.hash
            raise Invalid(_NO_MATCH if start[name] == conditions[name][1][0] else _OUTSIDE)
        rows = (low, position) if reverse else (position + b"\0", high)
    return _answer(tx, request, table, source, rows, shape, reverse=reverse)


@operation("Scan", plain=plain)
def scan(tx: Tx, request: Request) -> Response | Waiting:
    """All items of a table or index, or of one segment, in the order of the keys' hashes; a page.

    Raises:
        ResourceNotFound: there is no such table.
        Invalid: an expression is wrong, or segments do not fit together.

    Source: DynamoDB API Reference, Scan.
    """
    legacy.check_not_mixed(request)
    start = _start(request)
    environment = environment_of(request, "ProjectionExpression", "FilterExpression")
    projected = projection_of(request, environment)
    test, _ = _filter(request, "ScanFilter", environment)
    environment.check_all_used()
    segment, segments = _segments(request)
    table = load_table(tx, request["TableName"])
    source = _source(table, request)
    shape = _shape(request, source, projected, test)
    rows = scan_range(source, segment, segments)
    if start is not None:
        position = start_of(source, start, scans=True)
        if not rows[0] <= position < rows[1]:
            raise Invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                          "ExclusiveStartKey with correct Segment. TotalSegments: "
                          f"{segments} Segment: {segment}")  # fmt: skip
        rows = position + b"\0", rows[1]
    return _answer(tx, request, table, source, rows, shape, reverse=False)


def _answer(
    tx: Tx, request: Request, table: LiveTable, source: Source, rows: Range, shape: Shape, *, reverse: bool
) -> Response | Waiting:
    consumed = Consumed(table)
    page = PageRead(
        source,
        rows,
        shape,
        consumed,
        limit=request.get("Limit"),
        reverse=reverse,
        consistent=bool(request.get("ConsistentRead")),
    )
    return run(tx, page, lambda answer: told_or_nothing(consumed, request, answer))


def _start(request: Request) -> Attributes | None:
    given = request.get("ExclusiveStartKey")
    return None if given is None else take_attributes(given)


def _key_conditions(request: Request, environment: Environment) -> legacy.Conditions:
    text = request.get("KeyConditionExpression")
    if text is not None:
        return key_conditions(text, environment)
    given = request.get("KeyConditions")
    if given is None:
        raise Invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    found = legacy.conditions(given)
    if not 1 <= len(found) <= 2:
        raise Invalid("Conditions can be of length 1 or 2 only")
    return found


def _filter(request: Request, member: str, environment: Environment) -> tuple[Test | None, list[str]]:
    """The filter and the attributes that it looks at."""
    text = request.get("FilterExpression")
    if text is None:
        return legacy.filtered(request, member)
    found = condition("FilterExpression", text, environment)
    return found, [str(parts[0]) for parts in found.paths]


def _check_filter(schema: Schema, names: list[str], request: Request) -> None:
    for name in names:
        if name in schema.names:
            what = "QueryFilter" if request.get("QueryFilter") else "Filter Expression"
            raise Invalid(f"{what} can only contain non-primary key attributes: Primary key attribute: {name}")


def _source(table: LiveTable, request: Request) -> Source:
    name = request.get("IndexName")
    if name is None:
        return table
    index = table.index(name)
    if index.record.is_global and request.get("ConsistentRead"):
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return index


def _shape(request: Request, source: Source, projected: Projected | None, test: Test | None) -> Shape:
    """How items are answered, checked against what the index projects.

    Raises:
        Invalid: `Select` contradicts the projection asked for, or the index's.
    """
    select = request.get("Select")
    given = "ProjectionExpression" if request.get("ProjectionExpression") is not None else "AttributesToGet"
    if projected is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise Invalid(f"Cannot specify the {given} when choosing to get {_SELECTED[select]}")
    if projected is None and select == "SPECIFIC_ATTRIBUTES":
        raise Invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and not isinstance(source, LiveIndex):
        raise Invalid.parameter("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    fetch = False
    if isinstance(source, LiveIndex) and source.kept is not None:
        fetch = _lacks(source, source.kept, select, projected)
    apply = None if projected is None else projected.apply
    return Shape(test, apply, count_only=select == "COUNT", fetch=fetch)


_SELECTED = {
    "ALL_ATTRIBUTES": "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES": "ALL_PROJECTED_ATTRIBUTES",
    "COUNT": "only the Count",
}  # fmt: skip


def _lacks(index: LiveIndex, kept: frozenset[str], select: str | None, projected: Projected | None) -> bool:
    """Whether the table must be read as well, which only a local index can do."""
    if select == "ALL_ATTRIBUTES":
        if index.record.is_global:
            raise Invalid.parameter(
                f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
                "because its projection type is not ALL"
            )
        return True
    if projected is None or projected.names <= kept:
        return False
    if index.record.is_global:
        missing = [name for name in projected.names if name not in kept]
        raise Invalid.parameter(
            f"Global secondary index {index.name} does not project [{', '.join(sorted(missing))}]"
        )
    return True


def _segments(request: dict[str, Any]) -> tuple[int, int]:
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if segment is None and segments is None:
        return 0, 1
    if segments is None:
        raise Invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment "
            "parameter is present"
        )
    if segment is None:
        raise Invalid(
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present"
        )
    if segment >= segments:
        raise Invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    return segment, segments
