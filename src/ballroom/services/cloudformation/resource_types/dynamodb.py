"""AWS::DynamoDB types. A global table is a table of this region alone.

Source: CloudFormation User Guide, "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable".
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError

from ..template.values import as_text
from .base import Attributes, Call, Failure, Name, Pending, Properties, Target, register, tag_changes, tag_list

_SAME = (
    "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "LocalSecondaryIndexes",
    "OnDemandThroughput", "ProvisionedThroughput", "TableClass", "WarmThroughput", "DeletionProtectionEnabled",
)  # fmt: skip
"""Properties that CreateTable has under the same name."""
_INDEX = (
    "IndexName", "KeySchema", "OnDemandThroughput", "Projection", "ProvisionedThroughput", "WarmThroughput",
)  # fmt: skip


def _is_true(value: Any) -> bool:
    return as_text(value).lower() == "true"


def _table_settings(properties: Properties) -> dict[str, Any]:
    """CreateTable's members for the properties of a table."""
    given = {name: properties[name] for name in _SAME if name in properties}
    for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if member in given:
            given[member] = [
                {name: index[name] for name in _INDEX if name in index} for index in given[member]
            ] or None
    given["SSESpecification"] = _encryption(properties.get("SSESpecification"))
    if properties.get("StreamSpecification"):
        given["StreamSpecification"] = _stream(properties["StreamSpecification"])
    if properties.get("ResourcePolicy"):
        given["ResourcePolicy"] = properties["ResourcePolicy"]["PolicyDocument"]
    return given


def _encryption(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    enabled = _is_true(given.get("SSEEnabled", False))
    return {
        "Enabled": enabled, "SSEType": given.get("SSEType"), "KMSMasterKeyId": given.get("KMSMasterKeyId"),
    }  # fmt: skip


def _refuse_kinesis(properties: Properties) -> None:
    if properties.get("KinesisStreamSpecification"):
        raise Failure("Ballroom does not support KinesisStreamSpecification of tables")


def _stream(given: dict[str, Any]) -> dict[str, Any]:
    return {"StreamEnabled": True, "StreamViewType": given.get("StreamViewType")}


async def _create_table(call: Call, table: Target) -> Attributes | None:
    _refuse_kinesis(table.properties)
    table.physical_id = table.name
    if table.get("ImportSourceSpecification"):
        return await _import_table(call, table)
    await call(
        "dynamodb", "CreateTable", TableName=table.name, Tags=tag_list(table.tags),
        **_table_settings(table.properties),
    )  # fmt: skip
    await _after_creation(call, table)
    return None


async def _after_creation(call: Call, table: Target) -> None:
    name = table.physical_id
    expiry = table.get("TimeToLiveSpecification")
    if expiry and _is_true(expiry.get("Enabled", False)):
        await call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=expiry)
    await _recovery(call, name, table.get("PointInTimeRecoverySpecification"), None)
    insights = table.get("ContributorInsightsSpecification")
    if insights:
        await _insights(call, name, insights)


_IMPORTED = (
    "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "OnDemandThroughput",
    "ProvisionedThroughput", "SSESpecification",
)  # fmt: skip
"""What ImportTable makes a table with."""
_AFTER_IMPORT = ("StreamSpecification", "TableClass", "DeletionProtectionEnabled", "WarmThroughput")
_LOOK_AGAIN_MS = 1_000


async def _import_table(call: Call, table: Target) -> Attributes | None:
    """Begin the import or, asked again with the same token, see how far it came; then the rest of the table."""
    settings = _table_settings(table.properties)
    if settings.get("LocalSecondaryIndexes"):
        raise Failure("LocalSecondaryIndexes cannot be specified together with ImportSourceSpecification")
    told = await call(
        "dynamodb", "ImportTable", ClientToken=table.token,
        TableCreationParameters={
            "TableName": table.name, **{name: settings.get(name) for name in _IMPORTED}
        },
        **table.properties["ImportSourceSpecification"],
    )  # fmt: skip
    found = told["ImportTableDescription"]
    if found["ImportStatus"] == "IN_PROGRESS":
        _look_again(table)
    if found["ImportStatus"] != "COMPLETED":
        reason = found.get("FailureMessage", found["ImportStatus"])
        raise Failure(f"Import of table {table.name} failed: {reason}")
    changes = {name: settings[name] for name in _AFTER_IMPORT if settings.get(name)}
    if changes:
        await call("dynamodb", "UpdateTable", TableName=table.name, **changes)
    if settings.get("ResourcePolicy"):
        arn = found["TableArn"]
        await call("dynamodb", "PutResourcePolicy", ResourceArn=arn, Policy=settings["ResourcePolicy"])
    if table.tags:
        await call("dynamodb", "TagResource", ResourceArn=found["TableArn"], Tags=tag_list(table.tags))
    await _after_creation(call, table)
    return None


def _look_again(table: Target) -> None:
    table.deadline_ms = table.now_ms + _LOOK_AGAIN_MS
    raise Pending


async def _poll_table(call: Call, table: Target) -> Attributes | None:
    """What an import kept waiting."""
    if table.deleting:
        await _delete_table(call, table)
        return None
    return await _import_table(call, table)


async def _recovery(
    call: Call, name: str, wanted: dict[str, Any] | None, before: dict[str, Any] | None
) -> None:
    enabled = bool(wanted) and _is_true((wanted or {}).get("PointInTimeRecoveryEnabled", False))
    was_enabled = bool(before) and _is_true((before or {}).get("PointInTimeRecoveryEnabled", False))
    if enabled or was_enabled:
        specification = {**(wanted or {}), "PointInTimeRecoveryEnabled": enabled}
        await call(
            "dynamodb",
            "UpdateContinuousBackups",
            TableName=name,
            PointInTimeRecoverySpecification=specification,
        )


async def _insights(call: Call, name: str, wanted: dict[str, Any]) -> None:
    action = "ENABLE" if _is_true(wanted.get("Enabled", False)) else "DISABLE"
    await call(
        "dynamodb",
        "UpdateContributorInsights",
        TableName=name,
        ContributorInsightsAction=action,
        ContributorInsightsMode=wanted.get("Mode"),
    )


async def _read_table(call: Call, table: Target) -> Attributes:
    told = (await call("dynamodb", "DescribeTable", TableName=table.physical_id or table.name))["Table"]
    table.physical_id = told["TableName"]
    found = {"Arn": told["TableArn"]}
    if "LatestStreamArn" in told:
        found["StreamArn"] = told["LatestStreamArn"]
    if table.type == "AWS::DynamoDB::GlobalTable":
        found["TableId"] = told["TableId"]
    return found


async def _update_table(call: Call, table: Target) -> Attributes | None:
    _refuse_kinesis(table.properties)
    await _update(call, table, table.properties, table.previous)
    return None


_CHANGEABLE = ("BillingMode", "ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput", "TableClass")


async def _update(call: Call, table: Target, now: Properties, before: Properties) -> None:
    """Only what changes is asked for, since DynamoDB refuses what is so already.

    The template says what is meant to change, and the table what is left to do: before a rollback the update
    may have failed half way.
    """
    name = table.physical_id
    wanted, had = _table_settings(now), _table_settings(before)
    present = (await call("dynamodb", "DescribeTable", TableName=name))["Table"]
    changes = _changes(wanted, had, present)
    protected = (_is_true(one.get("DeletionProtectionEnabled", False)) for one in (now, before))
    is_protected, was_protected = protected
    if is_protected != was_protected:
        changes["DeletionProtectionEnabled"] = is_protected
    indexes = _index_changes(wanted, had, present)
    if changes.get("BillingMode") == "PROVISIONED":
        changes |= indexes  # its indexes need units in the same request
        indexes = {}
    if changes:
        await call("dynamodb", "UpdateTable", TableName=name, **changes)
    if wanted.get("StreamSpecification") != had.get("StreamSpecification"):
        await _update_stream(
            call, name, wanted.get("StreamSpecification"), present.get("StreamSpecification")
        )
    if indexes:
        await call("dynamodb", "UpdateTable", TableName=name, **indexes)
    await _update_expiry(call, name, now.get("TimeToLiveSpecification"), before.get("TimeToLiveSpecification"))
    if now.get("PointInTimeRecoverySpecification") != before.get("PointInTimeRecoverySpecification"):
        await _recovery(
            call,
            name,
            now.get("PointInTimeRecoverySpecification"),
            before.get("PointInTimeRecoverySpecification"),
        )
    if now.get("ContributorInsightsSpecification") != before.get("ContributorInsightsSpecification"):
        await _insights(call, name, now.get("ContributorInsightsSpecification") or {})
    arn = present["TableArn"]
    if wanted.get("ResourcePolicy") != had.get("ResourcePolicy"):
        if wanted.get("ResourcePolicy") is None:
            await call("dynamodb", "DeleteResourcePolicy", ResourceArn=arn)
        else:
            await call("dynamodb", "PutResourcePolicy", ResourceArn=arn, Policy=wanted["ResourcePolicy"])
    added, removed = tag_changes(table)
    if added:
        await call("dynamodb", "TagResource", ResourceArn=arn, Tags=tag_list(added))
    if removed:
        await call("dynamodb", "UntagResource", ResourceArn=arn, TagKeys=removed)


def _changes(wanted: dict[str, Any], had: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    """UpdateTable's members for what changes of the table itself."""
    changes = {
        member: wanted.get(member)
        for member in _CHANGEABLE
        if wanted.get(member) is not None and wanted.get(member) != had.get(member)
    }
    if "BillingMode" in had and "BillingMode" not in wanted and had["BillingMode"] == "PAY_PER_REQUEST":
        changes |= {"BillingMode": "PROVISIONED", "ProvisionedThroughput": wanted.get("ProvisionedThroughput")}
    billing = present.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if changes.get("BillingMode", billing) == billing and _has_units(changes, present):
        changes = {
            member: value
            for member, value in changes.items()
            if member not in ("BillingMode", "ProvisionedThroughput")
        }
    if wanted["SSESpecification"] != had["SSESpecification"]:
        changes["SSESpecification"] = wanted["SSESpecification"] or {"Enabled": False}
    return changes


def _has_units(wanted: dict[str, Any], present: dict[str, Any]) -> bool:
    """Whether a table or index has the units that it is to have."""
    asked = wanted.get("ProvisionedThroughput") or {}
    return all(int(units) == present["ProvisionedThroughput"][member] for member, units in asked.items())


async def _update_stream(
    call: Call, name: str, wanted: dict[str, Any] | None, present: dict[str, Any] | None
) -> None:
    if wanted == present:
        return
    if present is not None:
        await call("dynamodb", "UpdateTable", TableName=name, StreamSpecification={"StreamEnabled": False})
    if wanted is not None:
        await call("dynamodb", "UpdateTable", TableName=name, StreamSpecification=wanted)


async def _update_expiry(
    call: Call, name: str, wanted: dict[str, Any] | None, had: dict[str, Any] | None
) -> None:
    attribute = wanted["AttributeName"] if wanted and _is_true(wanted.get("Enabled", False)) else None
    was = had["AttributeName"] if had and _is_true(had.get("Enabled", False)) else None
    if attribute == was:
        return
    told = await call("dynamodb", "DescribeTimeToLive", TableName=name)
    present = told["TimeToLiveDescription"].get("AttributeName")
    for one, enabled in ((present, False), (attribute, True)):
        if one is not None and present != attribute:
            specification = {"AttributeName": one, "Enabled": enabled}
            await call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=specification)


_OF_INDEXES = ("OnDemandThroughput", "WarmThroughput")


def _index_changes(
    wanted: dict[str, Any], had: dict[str, Any], present: dict[str, Any]
) -> dict[str, Any]:
    """UpdateTable's members for what changes of global indexes.

    Raises:
        Failure: more than one is made or removed.
    """
    member = "GlobalSecondaryIndexes"
    if (wanted.get(member) or []) == (had.get(member) or []):
        return {}
    now = {index["IndexName"]: index for index in wanted.get(member) or ()}
    before = {index["IndexName"]: index for index in had.get(member) or ()}
    there = {index["IndexName"]: index for index in present.get(member) or ()}
    rebuilt = {one for one in now.keys() & there.keys() if _shape(now[one]) != _shape(there[one])}
    created = [now[one] for one in now if one not in there or one in rebuilt]
    deleted = [one for one in there if one not in now or one in rebuilt]
    if len(created) + len(deleted) > 1:
        raise Failure("Cannot perform more than one GSI creation or deletion in a single update")
    updates: list[dict[str, Any]] = [{"Create": index} for index in created]
    updates += [{"Delete": {"IndexName": one}} for one in deleted]
    for one in now:
        if one not in there or one in rebuilt:
            continue
        changes = {
            setting: now[one][setting]
            for setting in _OF_INDEXES
            if setting in now[one] and now[one][setting] != before.get(one, {}).get(setting)
        }
        if not _has_units(now[one], there[one]):
            changes["ProvisionedThroughput"] = now[one]["ProvisionedThroughput"]
        if changes:
            updates.append({"Update": {"IndexName": one, **changes}})
    if not updates:
        return {}
    return {
        "GlobalSecondaryIndexUpdates": updates,
        "AttributeDefinitions": wanted.get("AttributeDefinitions"),
    }


def _shape(index: dict[str, Any]) -> tuple[Any, ...]:
    """What of an index is for ever."""
    keys = [(part["AttributeName"], part["KeyType"]) for part in index["KeySchema"]]
    projection = index.get("Projection") or {}
    return keys, projection.get("ProjectionType"), set(projection.get("NonKeyAttributes") or ())


async def _delete_table(call: Call, table: Target) -> None:
    try:
        await call("dynamodb", "DeleteTable", TableName=table.physical_id)
    except ServiceError as error:
        if error.shape != "ResourceInUseException":
            raise
        _look_again(table)  # it is still being imported


def _replaces(before: Properties, after: Properties) -> bool:
    """Keys and local indexes of a table are for ever."""
    types = [
        {one["AttributeName"]: one["AttributeType"] for one in properties.get("AttributeDefinitions") or ()}
        for properties in (before, after)
    ]
    keys = [part["AttributeName"] for part in after.get("KeySchema") or ()]
    return (
        before.get("KeySchema") != after.get("KeySchema")
        or before.get("LocalSecondaryIndexes") != after.get("LocalSecondaryIndexes")
        or any(types[0].get(key) != types[1].get(key) for key in keys)
    )


register(
    "AWS::DynamoDB::Table",
    required="KeySchema",
    properties=(
        "AttributeDefinitions BillingMode ContributorInsightsSpecification DeletionProtectionEnabled "
        "GlobalSecondaryIndexes KinesisStreamSpecification LocalSecondaryIndexes OnDemandThroughput "
        "PointInTimeRecoverySpecification ProvisionedThroughput ResourcePolicy SSESpecification "
        "StreamSpecification TableClass Tags TimeToLiveSpecification WarmThroughput"
    ),
    create_only="TableName ImportSourceSpecification",
    attributes="Arn StreamArn",
    identifier=("TableName",),
    name=Name("TableName"),
    create=_create_table,
    read=_read_table,
    update=_update_table,
    delete=_delete_table,
    poll=_poll_table,
    replaces=_replaces,
)


# -- global tables: this region's replica --------------------------------------------------------------


def _check_replicas(table: Target) -> None:
    """Raise if a global table has a replica elsewhere, or none here, or what a replica cannot have."""
    replicas = table.get("Replicas") or []
    if [one.get("Region") for one in replicas] != [table.region]:
        raise Failure(
            "Ballroom does not replicate tables: Replicas of AWS::DynamoDB::GlobalTable must be "
            f"[{{Region: {table.region}}}]"
        )
    _refuse_kinesis(replicas[0])


def _replica(table: Target, properties: Properties) -> dict[str, Any]:
    """The replica of this region; what failed may have had none."""
    replicas: list[dict[str, Any]] = properties.get("Replicas") or []
    return next((one for one in replicas if one.get("Region") == table.region), {})


def _as_table(table: Target, properties: Properties) -> Properties:
    """The properties of the table that stands for a global table of one region."""
    replica = _replica(table, properties)
    made = {name: properties[name] for name in _SAME if name in properties}
    for name in ("SSESpecification", "StreamSpecification", "TimeToLiveSpecification"):
        if name in properties:
            made[name] = properties[name]
    for name in (
        "TableClass", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification",
        "ContributorInsightsSpecification", "ResourcePolicy",
    ):  # fmt: skip
        if name in replica:
            made[name] = replica[name]
    key = (replica.get("SSESpecification") or {}).get("KMSMasterKeyId")
    if key is not None and made.get("SSESpecification"):
        made["SSESpecification"] = {**made["SSESpecification"], "KMSMasterKeyId": key}
    own = {one["IndexName"]: one for one in replica.get("GlobalSecondaryIndexes") or ()}
    made |= _most_on_demand(properties, replica)
    if "GlobalSecondaryIndexes" in properties:
        made["GlobalSecondaryIndexes"] = [
            {**index, **_most_on_demand(index, own.get(index["IndexName"], {}))}
            for index in properties["GlobalSecondaryIndexes"] or ()
        ]
    if properties.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        made["ProvisionedThroughput"] = _capacity(properties, replica)
        made["GlobalSecondaryIndexes"] = [
            {**index, "ProvisionedThroughput": _capacity(index, own.get(index["IndexName"], {}))}
            for index in made.get("GlobalSecondaryIndexes") or ()
        ]
    return made


def _most_on_demand(writes: dict[str, Any], reads: dict[str, Any]) -> dict[str, Any]:
    """The OnDemandThroughput of a table or index, if it has one."""
    most = {
        **(reads.get("ReadOnDemandThroughputSettings") or {}),
        **(writes.get("WriteOnDemandThroughputSettings") or {}),
    }
    return {"OnDemandThroughput": most} if most else {}


def _capacity(writes: dict[str, Any], reads: dict[str, Any]) -> dict[str, Any]:
    """What auto scaling would begin with."""
    write = writes.get("WriteProvisionedThroughputSettings") or {}
    scaled = write.get("WriteCapacityAutoScalingSettings") or {}
    read = reads.get("ReadProvisionedThroughputSettings") or {}
    read_scaled = read.get("ReadCapacityAutoScalingSettings") or {}
    return {
        "ReadCapacityUnits": read.get("ReadCapacityUnits")
        or read_scaled.get("SeedCapacity")
        or read_scaled.get("MinCapacity", 5),
        "WriteCapacityUnits": scaled.get("SeedCapacity") or scaled.get("MinCapacity", 5),
    }


async def _create_global(call: Call, table: Target) -> Attributes | None:
    _check_replicas(table)
    properties = _as_table(table, table.properties)
    table.physical_id = table.name
    tags = {**table.tags, **_replica_tags(table, table.properties)}
    await call(
        "dynamodb", "CreateTable", TableName=table.name, Tags=tag_list(tags), **_table_settings(properties)
    )
    whole, table.properties = table.properties, properties
    try:
        await _after_creation(call, table)
    finally:
        table.properties = whole
    return None


def _replica_tags(table: Target, properties: Properties) -> dict[str, str]:
    tags = _replica(table, properties).get("Tags") or ()
    return {as_text(tag["Key"]): as_text(tag["Value"]) for tag in tags}


async def _update_global(call: Call, table: Target) -> Attributes | None:
    _check_replicas(table)
    table.tags = {**table.tags, **_replica_tags(table, table.properties)}
    table.previous_tags = {**table.previous_tags, **_replica_tags(table, table.previous)}
    await _update(call, table, _as_table(table, table.properties), _as_table(table, table.previous))
    return None


register(
    "AWS::DynamoDB::GlobalTable",
    required="AttributeDefinitions KeySchema Replicas",
    properties=(
        "BillingMode GlobalSecondaryIndexes LocalSecondaryIndexes SSESpecification StreamSpecification "
        "TimeToLiveSpecification WarmThroughput WriteOnDemandThroughputSettings "
        "WriteProvisionedThroughputSettings"
    ),
    create_only="TableName",
    attributes="Arn StreamArn TableId",
    identifier=("TableName",),
    name=Name("TableName"),
    create=_create_global,
    read=_read_table,
    update=_update_global,
    delete=_delete_table,
    replaces=_replaces,
)
