"""Tables as a whole: create, describe, list, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.dynamodb import definitions
from ballroom.services.dynamodb.descriptions import describe
from ballroom.services.dynamodb.errors import Invalid, ResourceInUse
from ballroom.services.dynamodb.housekeeping import collect_later, counts_of
from ballroom.services.dynamodb.live import LiveTable, check_built, load_table, save_table
from ballroom.services.dynamodb.names import table_address
from ballroom.services.dynamodb.resources import Counts, Table, table_key, tables_prefix
from ballroom.services.dynamodb.streams.writing import stream_changed, table_deleted
from ballroom.services.dynamodb.table_settings import (
    check_supported,
    new_stream,
    put_policy,
    stored_settings,
    take_tags,
)

_LISTED = 100
_MOST_UNITS = 40_000


@operation("CreateTable")
def create_table(tx: Tx, request: Request) -> Response:
    """Make a table; the answer says CREATING, and it is there at once.

    Raises:
        ResourceInUse: there is one of that name.
        Invalid: keys, indexes or settings break a rule.

    Source: DynamoDB API Reference, CreateTable.
    """
    check_supported(request)
    account, region, name = table_address(request["TableName"], tx.account, tx.region)
    record = new_table(tx, account, region, name, request)
    if tx.get(Table, table_key(account, region, name)) is not None:
        raise ResourceInUse(f"Table already exists: {name}")
    live = save_table(tx, record)
    stream_changed(tx, None, record)
    if request.get("ResourcePolicy") is not None:
        put_policy(tx, live.arn, request["ResourcePolicy"])
    return {"TableDescription": describe(live, Counts(), status="CREATING")}


def new_table(tx: Tx, account: str, region: str, name: str, request: dict[str, Any]) -> Table:
    """The record of a table as CreateTable's members describe it.

    Raises:
        Invalid: keys, indexes or settings break a rule.
    """
    billing = request.get("BillingMode") or "PROVISIONED"
    read, write = definitions.throughput(request, billing)
    types = definitions.attribute_types(request["AttributeDefinitions"])
    hash, range = definitions.key_schema(request["KeySchema"])
    definitions.check_table_keys(types, hash, range)
    fields = definitions.local_indexes(request.get("LocalSecondaryIndexes"), hash, range)
    given = request.get("GlobalSecondaryIndexes")
    if given is not None and not given:
        raise Invalid.parameter("List of GlobalSecondaryIndexes is empty")
    fields += [definitions.global_index(one, billing) for one in given or []]
    indexes = definitions.numbered(fields)
    for index in indexes:
        definitions.check_defined(types, index.hash, index.range)
    record = Table(
        account=account,
        region=region,
        name=name,
        id=tx.ids.uuid(),
        created_ms=tx.now_ms,
        types=types,
        hash=hash,
        range=range,
        indexes=indexes,
        next_index=len(indexes) + 1,
        billing=billing,
        on_demand_since_ms=tx.now_ms if billing == "PAY_PER_REQUEST" else 0,
        read_units=read,
        write_units=write,
        protected=bool(request.get("DeletionProtectionEnabled")),
        tags=take_tags(request.get("Tags")),
        settings=stored_settings({}, request, account, region),
    )
    definitions.check_all_used(types, record)
    stream = new_stream(tx, record, request.get("StreamSpecification"), creating=True)
    return record if stream is None else replace(record, stream=stream)


@operation("DescribeTable")
def describe_table(tx: Tx, request: Request) -> Response:
    """A table with its indexes; counts are exact.

    Source: DynamoDB API Reference, DescribeTable.
    """
    live = load_table(tx, request["TableName"], named=True)
    return {"Table": describe(live, counts_of(tx, live.counts_key))}


@operation("DeleteTable")
def delete_table(tx: Tx, request: Request) -> Response:
    """Delete a table with its items, at once; the answer says DELETING.

    Source: DynamoDB API Reference, DeleteTable.
    """
    live = load_table(tx, request["TableName"], named=True)
    record = live.record
    check_built(live)
    if record.protected:
        raise Invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    counts = counts_of(tx, live.counts_key)
    tx.delete(table_key(record.account, record.region, record.name))
    put_policy(tx, live.arn, None)
    table_deleted(tx, live)
    for observer in TABLE_DELETED:
        observer(tx, live)
    collect_later(tx, record.id)
    told = describe(live, counts, status="DELETING")
    for member in ("AttributeDefinitions", "KeySchema", "CreationDateTime"):
        told.pop(member, None)
    return {"TableDescription": told}


TABLE_DELETED: list[Callable[[Tx, LiveTable], None]] = []
"""Functions `fn(tx, live_table)` told of each deletion, in its transaction."""


@operation("ListTables")
def list_tables(tx: Tx, request: Request) -> Response:
    """The account's tables in the region, by name; a page.

    Source: DynamoDB API Reference, ListTables.
    """
    limit = request.get("Limit") or _LISTED
    low = pack(tables_prefix(tx.account, tx.region))
    high = low + PREFIX_END
    start = request.get("ExclusiveStartTableName")
    if start is not None:
        low = pack(table_key(tx.account, tx.region, start)) + b"\0"
    found = [table.name for _, table in tx.scan_items_packed(Table, low, high, limit=limit + 1)]
    answer: Response = {"TableNames": found[:limit]}
    if len(found) > limit:
        answer["LastEvaluatedTableName"] = found[limit - 1]
    return answer


@operation("DescribeLimits")
def describe_limits(tx: Tx, request: Request) -> Response:
    """AWS's default quotas of an account and a table.

    Source: DynamoDB API Reference, DescribeLimits.
    """
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": _MOST_UNITS,
        "TableMaxWriteCapacityUnits": _MOST_UNITS,
    }


@operation("DescribeEndpoints")
def describe_endpoints(tx: Tx, request: Request) -> Response:
    """Where to call: this server.

    Source: DynamoDB API Reference, DescribeEndpoints.
    """
    base = tx.kernel.settings.base_url.partition("://")[2]
    return {"Endpoints": [{"Address": base, "CachePeriodInMinutes": 1440}]}
