"""Tables made from what there was: their settings, and filling them before they are there.

The stream, expiry, tags, policies, deletion protection, point-in-time recovery and the table class of the
source are not restored.

Source: DynamoDB Developer Guide, "Restoring a table"; API Reference, RestoreTableFromBackup.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.keys import PREFIX_END
from ballroom.services.dynamodb.definitions import used_keys
from ballroom.services.dynamodb.descriptions import describe
from ballroom.services.dynamodb.errors import Invalid
from ballroom.services.dynamodb.housekeeping import collect_later
from ballroom.services.dynamodb.live import LiveTable, LiveTables, save_table
from ballroom.services.dynamodb.operations.tables import new_table
from ballroom.services.dynamodb.recovery.copying import Copy, finishes, items_of
from ballroom.services.dynamodb.resources import Collection, Counts, Index, Item, Table, counts_key, table_key
from ballroom.services.dynamodb.slices import read_slice
from ballroom.services.dynamodb.table_settings import check_supported
from ballroom.services.dynamodb.writes import add_to_index


class TableAlreadyExists(ServiceError):
    """There is a table of the name that the restored one is to have."""

    shape = "TableAlreadyExistsException"

    def __init__(self, name: str) -> None:
        super().__init__(f"Table already exists: {name}")


def restored_table(tx: Tx, source: Table, request: dict[str, Any], summary: dict[str, Any]) -> LiveTable:
    """A new table like the source, which is not there for its items until it is filled.

    Raises:
        TableAlreadyExists: there is a table of its name.
        Invalid: an override contradicts the source.
    """
    name = request["TargetTableName"]
    if request.get("VectorIndexOverride"):
        check_supported({"VectorIndexes": request["VectorIndexOverride"]})
    if tx.get(Table, table_key(source.account, source.region, name)) is not None:
        raise TableAlreadyExists(name)
    record = new_table(tx, source.account, source.region, name, _definition(source, request))
    settings = dict(record.settings)
    if "SSE" in source.settings and request.get("SSESpecificationOverride") is None:
        settings["SSE"] = source.settings["SSE"]
    record = replace(record, settings=settings, building=True, restored={**summary, "RestoreInProgress": True})
    return save_table(tx, record)


def _definition(source: Table, request: dict[str, Any]) -> dict[str, Any]:
    """What CreateTable would be given for a table like the source."""
    billing = request.get("BillingModeOverride") or source.billing
    asked = request.get("ProvisionedThroughputOverride")
    if asked is None and billing == "PROVISIONED" and source.billing == "PROVISIONED":
        asked = {"ReadCapacityUnits": source.read_units, "WriteCapacityUnits": source.write_units}
    given: dict[str, Any] = {"BillingMode": billing, "KeySchema": _key_schema(source.hash, source.range)}
    if asked is not None:
        given["ProvisionedThroughput"] = asked
    if request.get("OnDemandThroughputOverride") is not None:
        given["OnDemandThroughput"] = request["OnDemandThroughputOverride"]
    elif billing == "PAY_PER_REQUEST" and "OnDemandThroughput" in source.settings:
        given["OnDemandThroughput"] = source.settings["OnDemandThroughput"]
    if request.get("SSESpecificationOverride") is not None:
        given["SSESpecification"] = request["SSESpecificationOverride"]
    kept = []
    for is_global, member in ((False, "LocalSecondaryIndex"), (True, "GlobalSecondaryIndex")):
        own = [index for index in source.indexes if index.is_global is is_global]
        chosen = _chosen(own, request.get(f"{member}Override"))
        kept += [index for index, _ in chosen]
        if chosen:
            given[f"{member}es"] = [_index(index, one, billing, asked) for index, one in chosen]
    used = used_keys(replace(source, indexes=tuple(kept)))
    given["AttributeDefinitions"] = [
        {"AttributeName": name, "AttributeType": source.types[name]} for name in used
    ]
    return given


def _key_schema(hash: str, range: str | None) -> list[dict[str, str]]:
    found = [{"AttributeName": hash, "KeyType": "HASH"}]
    return found if range is None else [*found, {"AttributeName": range, "KeyType": "RANGE"}]


def _chosen(own: list[Index], override: list[dict[str, Any]] | None) -> list[tuple[Index, dict[str, Any]]]:
    """The source's indexes that are restored, with what is asked of them."""
    if override is None:
        return [(index, {}) for index in own]
    known = {index.name: index for index in own}
    found = []
    for one in override:
        index = known.get(one["IndexName"])
        if index is None or one["KeySchema"] != _key_schema(index.hash, index.range):
            raise Invalid.parameter(
                f"The index {one['IndexName']} does not match an index of the table that is restored"
            )
        found.append((index, one))
    return found


def _index(index: Index, asked: dict[str, Any], billing: str, table: dict[str, Any] | None) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.include:
        projection["NonKeyAttributes"] = list(index.include)
    given: dict[str, Any] = {
        "IndexName": index.name, "KeySchema": _key_schema(index.hash, index.range), "Projection": projection,
    }  # fmt: skip
    if not index.is_global:
        return given
    if asked.get("ProvisionedThroughput") is not None:
        given["ProvisionedThroughput"] = asked["ProvisionedThroughput"]
    elif billing == "PROVISIONED":
        own = {"ReadCapacityUnits": index.read_units, "WriteCapacityUnits": index.write_units}
        given["ProvisionedThroughput"] = own if index.read_units else table
    if billing == "PAY_PER_REQUEST":
        on_demand = asked.get("OnDemandThroughput") or index.on_demand
        if on_demand is not None:
            given["OnDemandThroughput"] = on_demand
    return given


def described(live: LiveTable) -> dict[str, Any]:
    """The answer of a restore."""
    return {"TableDescription": describe(live, Counts(), status="CREATING")}


# -- filling -----------------------------------------------------------------------------------------


def take_over(tx: Tx, live: LiveTable, copy: Copy) -> LiveTable:
    """The copy's rows become the table's: the table is known by their id."""
    return save_table(tx, replace(live.record, id=copy.target_id))


@finishes("restore")
def complete(tx: Tx, copy: Copy) -> Copy | None:
    """All items are there: make the indexes, slice by slice, and then the table is active."""
    name = copy.subject.rpartition("/")[2]
    table = tx.get(Table, table_key(copy.account, copy.region, name))
    if table is None or table.id != copy.target_id:
        collect_later(tx, copy.target_id)
        return None
    live = tx.kernel.state(LiveTables).of(table)
    low = items_of(table.id)
    rows = []
    if live.indexes:
        rows = read_slice(tx, Item, copy.cursor + b"\0" if copy.cursor else low, low + PREFIX_END)
    if rows:
        indexed = _add_indexes(tx, live, [item for _, item in rows], copy.indexed)
        return replace(copy, cursor=rows[-1][0], indexed=indexed)
    tx.put(counts_key(table.id), Counts(copy.items, copy.size, copy.indexed))
    summary = {**(table.restored or {}), "RestoreInProgress": False}
    save_table(tx, replace(table, building=False, restored=summary))
    return None


def _add_indexes(
    tx: Tx, live: LiveTable, items: list[Item], before: dict[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Add items to the indexes, and to the sizes of partitions; the counts of indexes then."""
    indexed = dict(before)
    for item in items:
        attributes = item.attributes
        primary = live.schema.of_key(live.schema.of_attributes(attributes))
        collected = item.size
        for index in live.indexes:
            more, larger = add_to_index(tx, index, primary, item)
            had, bytes_had = indexed.get(index.record.id, (0, 0))
            indexed[index.record.id] = (had + more, bytes_had + larger)
            collected += 0 if index.record.is_global else larger
        if live.locals:
            key = live.collection_key(primary[0])
            found = tx.get(Collection, key)
            tx.put(key, Collection((found.bytes if found is not None else 0) + collected))
    return indexed
