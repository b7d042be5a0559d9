"""How tables and indexes are described.

Source: DynamoDB API Reference, TableDescription; recorded answers.
"""

from __future__ import annotations

from typing import Any

from ballroom.services.dynamodb.definitions import used_keys
from ballroom.services.dynamodb.live import LiveIndex, LiveTable
from ballroom.services.dynamodb.resources import Counts, Table

ON_DEMAND_WARM = (12_000, 4_000)
"""What a new on-demand table takes at once: reads and writes a second."""


def describe(live: LiveTable, counts: Counts, *, status: str = "ACTIVE") -> dict[str, Any]:
    """The TableDescription; a table that was just made or changed shows `status`."""
    table = live.record
    if table.building:
        status = "CREATING"
    new = status == "CREATING"
    told: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in table.types.items()
            if name in used_keys(table)
        ],
        "TableName": table.name,
        "KeySchema": _key_schema(table.hash, table.range),
        "TableStatus": status,
        "CreationDateTime": table.created_ms,
        "ProvisionedThroughput": _throughput(
            table.read_units, table.write_units, table.increased_ms, table.decreased_ms
        ),
        "TableSizeBytes": counts.bytes,
        "ItemCount": counts.items,
        "TableArn": live.arn,
        "TableId": table.id,
        **_billing(table, new=new),
    }
    for is_global, member in ((False, "LocalSecondaryIndexes"), (True, "GlobalSecondaryIndexes")):
        found = [
            _index(index, counts, new=new) for index in live.indexes if index.record.is_global is is_global
        ]
        if found:
            told[member] = found
    told |= _stream(live) | _settings(table, status)
    told["DeletionProtectionEnabled"] = table.protected
    if table.restored is not None:
        told["RestoreSummary"] = table.restored
    return told


def _key_schema(hash: str, range: str | None) -> list[dict[str, str]]:
    found = [{"AttributeName": hash, "KeyType": "HASH"}]
    if range is not None:
        found.append({"AttributeName": range, "KeyType": "RANGE"})
    return found


def _throughput(read: int, write: int, increased_ms: int, decreased_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write,
    }  # fmt: skip
    if increased_ms:
        told["LastIncreaseDateTime"] = increased_ms
    if decreased_ms:
        told["LastDecreaseDateTime"] = decreased_ms
    return told


def _billing(table: Table, *, new: bool) -> dict[str, Any]:
    if not table.on_demand_since_ms:
        return {}
    summary: dict[str, Any] = {"BillingMode": table.billing}
    if not new:
        summary["LastUpdateToPayPerRequestDateTime"] = table.on_demand_since_ms
    return {"BillingModeSummary": summary}


def _index(index: LiveIndex, counts: Counts, *, new: bool) -> dict[str, Any]:
    record = index.record
    items, size = counts.indexes.get(record.id, (0, 0))
    projection: dict[str, Any] = {"ProjectionType": record.projection}
    if record.include:
        projection["NonKeyAttributes"] = list(record.include)
    told: dict[str, Any] = {
        "IndexName": record.name,
        "KeySchema": _key_schema(record.hash, record.range),
        "Projection": projection,
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{index.table.arn}/index/{record.name}",
    }
    if not record.is_global:
        return told
    told["IndexStatus"] = "CREATING" if new or not record.filled else "ACTIVE"
    if not record.filled:
        told["Backfilling"] = True
    told["ProvisionedThroughput"] = _throughput(
        record.read_units, record.write_units, record.increased_ms, record.decreased_ms
    )
    if record.on_demand:
        told["OnDemandThroughput"] = record.on_demand
    if record.warm or not new:
        told["WarmThroughput"] = warm(record.warm, index.table.record, record.read_units, record.write_units)
    return told


def warm(
    asked: dict[str, Any] | None, table: Table, read: int, write: int, status: str = "ACTIVE"
) -> dict[str, Any]:
    """What a table or index takes at once: what was asked for, or what it is provisioned with."""
    if table.billing == "PAY_PER_REQUEST":
        read, write = ON_DEMAND_WARM
    asked = asked or {}
    return {
        "ReadUnitsPerSecond": asked.get("ReadUnitsPerSecond", read),
        "WriteUnitsPerSecond": asked.get("WriteUnitsPerSecond", write),
        "Status": status,
    }


def _stream(live: LiveTable) -> dict[str, Any]:
    stream = live.record.stream
    if stream is None:
        return {}
    told: dict[str, Any] = {
        "LatestStreamLabel": stream.label,
        "LatestStreamArn": f"{live.arn}/stream/{stream.label}",
    }
    if stream.enabled:
        told["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream.view}
    return told


def _settings(table: Table, status: str) -> dict[str, Any]:
    settings = table.settings
    told: dict[str, Any] = {}
    if "SSE" in settings:
        told["SSEDescription"] = settings["SSE"]
    if "TableClass" in settings:
        told["TableClassSummary"] = settings["TableClass"]
    if "OnDemandThroughput" in settings:
        told["OnDemandThroughput"] = settings["OnDemandThroughput"]
    asked = settings.get("WarmThroughput")
    if asked is not None or status != "CREATING":
        told["WarmThroughput"] = warm(
            asked, table, table.read_units, table.write_units, "ACTIVE" if status == "ACTIVE" else "UPDATING"
        )
    return told
