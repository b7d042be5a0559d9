"""UpdateTable: throughput, billing, indexes, streams and settings of a table that is there."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.dynamodb import definitions
from ballroom.services.dynamodb.descriptions import describe
from ballroom.services.dynamodb.errors import Invalid, LimitExceeded, ResourceNotFound
from ballroom.services.dynamodb.housekeeping import counts_of, drop_index_later, fill_later
from ballroom.services.dynamodb.live import LiveTable, check_built, load_table, save_table
from ballroom.services.dynamodb.resources import Counts, Index, Table
from ballroom.services.dynamodb.streams.writing import stream_changed
from ballroom.services.dynamodb.table_settings import check_supported, new_stream, stored_settings

_CHANGES = (
    "ProvisionedThroughput", "BillingMode", "StreamSpecification", "GlobalSecondaryIndexUpdates",
    "SSESpecification", "TableClass", "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput",
)  # fmt: skip
_NOTHING = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
    "SSESpecification or ReplicaUpdates is required"
)
_ONE_INDEX = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"


@operation("UpdateTable")
def update_table(tx: Tx, request: Request) -> Response:
    """Change a table; the answer says UPDATING, and all but filling a new index is done at once.

    Raises:
        ResourceNotFound: there is no such table, or no such index.
        LimitExceeded: more than one index is made or removed.
        Invalid: a change breaks a rule.

    Source: DynamoDB API Reference, UpdateTable.
    """
    check_supported(request)
    if not any(request.get(member) not in (None, []) for member in _CHANGES):
        raise Invalid(_NOTHING)
    if request.get("StreamSpecification") is not None and request.get("ProvisionedThroughput") is not None:
        raise Invalid.parameter("You cannot modify stream status while updating table IOPS")
    live = load_table(tx, request["TableName"], named=True)
    check_built(live)
    record = _billing(tx, live.record, request)
    record = _stream(tx, record, request.get("StreamSpecification"))
    settings = stored_settings(record.settings, request, record.account, record.region, tx.now_ms)
    was_encrypted = record.settings.get("SSE")
    record = replace(record, settings=settings)
    if request.get("DeletionProtectionEnabled") is not None:
        record = replace(record, protected=request["DeletionProtectionEnabled"])
    updates = request.get("GlobalSecondaryIndexUpdates") or []
    dropped: tuple[Index, ...] = ()
    if updates:
        record, dropped = _indexes(tx, record, updates, request)
    if record.billing != live.record.billing:
        definitions.check_units(record)
    changed = save_table(tx, record)
    stream_changed(tx, live.record, record)
    counts = _forget_counts(tx, live, dropped)
    told = describe(changed, counts, status="UPDATING")
    if was_encrypted is not None and "SSE" not in settings:
        told["SSEDescription"] = {**was_encrypted, "Status": "UPDATING"}
    for index in dropped:
        gone = describe(live, counts_of(tx, live.counts_key))["GlobalSecondaryIndexes"]
        shown = next(one for one in gone if one["IndexName"] == index.name)
        told.setdefault("GlobalSecondaryIndexes", []).append({**shown, "IndexStatus": "DELETING"})
    return {"TableDescription": told}


def _billing(tx: Tx, record: Table, request: Request) -> Table:
    billing = request.get("BillingMode") or record.billing
    asked = request.get("ProvisionedThroughput")
    if request.get("BillingMode") == "PROVISIONED" and asked is None:
        raise Invalid.parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
    if billing == record.billing and asked is None:
        return record
    if billing == "PAY_PER_REQUEST" and billing != record.billing:
        definitions.throughput(request, billing)
        indexes = tuple(replace(index, read_units=0, write_units=0) for index in record.indexes)
        return replace(
            record,
            billing=billing,
            on_demand_since_ms=tx.now_ms,
            read_units=0,
            write_units=0,
            indexes=indexes,
        )
    read, write = definitions.throughput(request, billing)
    if billing == record.billing and (read, write) == (record.read_units, record.write_units):
        raise Invalid(
            "The provisioned throughput for the table will not change. The requested value equals the current "
            f"value. Current ReadCapacityUnits provisioned for the table: {read}. Requested ReadCapacityUnits: "
            f"{read}. Current WriteCapacityUnits provisioned for the table: {write}. Requested "
            f"WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB Developer Guide for current limits and "
            "how to request higher limits."
        )
    rises = read > record.read_units or write > record.write_units
    falls = read < record.read_units or write < record.write_units
    return replace(
        record,
        billing=billing,
        read_units=read,
        write_units=write,
        increased_ms=tx.now_ms if rises else record.increased_ms,
        decreased_ms=tx.now_ms if falls else record.decreased_ms,
    )


def _stream(tx: Tx, record: Table, specification: dict[str, Any] | None) -> Table:
    if specification is None:
        return record
    present = record.stream
    wanted = new_stream(tx, record, specification)
    if wanted is not None:
        if present is not None and present.enabled:
            raise Invalid(f"Table already has an enabled stream: TableName: {record.name}")
        return replace(record, stream=wanted)
    if present is None or not present.enabled:
        raise Invalid(f"Table is already stream disabled: TableName: {record.name}")
    return replace(record, stream=replace(present, enabled=False, disabled_ms=tx.now_ms))


def _indexes(
    tx: Tx, record: Table, updates: list[dict[str, Any]], request: Request
) -> tuple[Table, tuple[Index, ...]]:
    """The table with its indexes changed, and those that are gone."""
    if sum("Create" in update or "Delete" in update for update in updates) > 1:
        raise LimitExceeded(_ONE_INDEX)
    dropped: tuple[Index, ...] = ()
    named: set[str] = set()
    for update in updates:
        chosen = [(kind, one) for kind, one in update.items() if one is not None]
        if len(chosen) != 1:
            raise Invalid.parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        kind, given = chosen[0]
        if given["IndexName"] in named:
            raise Invalid.parameter(
                "Only one global secondary index update per index is allowed simultaneously. "
                f"Index: {given['IndexName']}"
            )
        named.add(given["IndexName"])
        definitions.check_no_units(given, record.billing)
        if kind == "Create":
            record = _create(tx, record, given, request)
            continue
        index = next((i for i in record.indexes if i.is_global and i.name == given["IndexName"]), None)
        if index is None:
            raise ResourceNotFound
        others = tuple(one for one in record.indexes if one is not index)
        if kind == "Delete":
            dropped = (index,)
            record = replace(record, indexes=others)
            drop_index_later(tx, record.id, index.id)
        else:
            changed = _changed(tx, record, index, given)
            record = replace(record, indexes=tuple(changed if i is index else i for i in record.indexes))
    used = definitions.used_keys(record)
    return replace(record, types={n: t for n, t in record.types.items() if n in used}), dropped


def _create(tx: Tx, record: Table, given: dict[str, Any], request: Request) -> Table:
    if any(not index.filled for index in record.indexes):
        raise LimitExceeded(_ONE_INDEX)
    if any(index.name == given["IndexName"] for index in record.indexes):
        raise Invalid("Attempting to create an index which already exists")
    asked = definitions.attribute_types(request.get("AttributeDefinitions"))
    for name, kind in asked.items():
        if record.types.get(name, kind) != kind:
            raise Invalid.parameter(
                f"Cannot change the type of a key attribute that exists: {name} is {record.types[name]}"
            )
    types = {**record.types, **asked}
    fields = definitions.global_index(given, record.billing)
    definitions.check_defined(asked, fields["hash"], fields["range"])
    (index,) = definitions.numbered([fields], first=record.next_index)
    if sum(one.is_global for one in record.indexes) >= definitions.MOST_GLOBAL:
        raise LimitExceeded(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {definitions.MOST_GLOBAL}"
        )
    definitions.check_included((*record.indexes, index))
    fill_later(tx, record, index.id)
    return replace(
        record,
        types=types,
        indexes=(*record.indexes, replace(index, filled=False)),
        next_index=record.next_index + 1,
    )


def _changed(tx: Tx, record: Table, index: Index, given: dict[str, Any]) -> Index:
    asked = given.get("ProvisionedThroughput")
    if asked is not None:
        read, write = definitions.throughput(given, record.billing, index.name)
        if (read, write) == (index.read_units, index.write_units):
            raise Invalid(
                f"The provisioned throughput for the index {index.name} will not change. The requested value "
                f"equals the current value. Current ReadCapacityUnits provisioned for the index: {read}. "
                f"Requested ReadCapacityUnits: {read}. Current WriteCapacityUnits provisioned for the index: "
                f"{write}. Requested WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB Developer Guide "
                "for current limits and how to request higher limits."
            )
        index = replace(index, read_units=read, write_units=write, increased_ms=tx.now_ms)
    if given.get("OnDemandThroughput") is not None:
        index = replace(index, on_demand=given["OnDemandThroughput"])
    if given.get("WarmThroughput") is not None:
        index = replace(index, warm=given["WarmThroughput"])
    return index


def _forget_counts(tx: Tx, live: LiveTable, dropped: tuple[Index, ...]) -> Counts:
    counts = counts_of(tx, live.counts_key)
    ids = {index.id for index in dropped}
    if ids & counts.indexes.keys():
        kept = {index_id: both for index_id, both in counts.indexes.items() if index_id not in ids}
        counts = Counts(counts.items, counts.bytes, kept)
        tx.put(live.counts_key, counts)
    return counts
