"""AWS::EventSchemas types.

Source: CloudFormation User Guide, "AWS::EventSchemas::Registry", "Schema", "Discoverer".
"""

from __future__ import annotations

from .base import Attributes, Call, Name, Target, own_tags, register


async def _create_registry(call: Call, registry: Target) -> Attributes | None:
    await call(
        "schemas", "CreateRegistry", RegistryName=registry.name, Tags=own_tags(registry.properties) or None,
        **registry.pick("Description"),
    )  # fmt: skip
    return None


async def _read_registry(call: Call, registry: Target) -> Attributes:
    answer = await call("schemas", "DescribeRegistry", RegistryName=registry.name)
    registry.physical_id = answer["RegistryArn"]
    return {"RegistryArn": answer["RegistryArn"], "RegistryName": answer["RegistryName"]}


async def _update_registry(call: Call, registry: Target) -> Attributes | None:
    await call(
        "schemas", "UpdateRegistry", RegistryName=registry.name, Description=registry.get("Description", "")
    )
    return None


async def _delete_registry(call: Call, registry: Target) -> None:
    await call("schemas", "DeleteRegistry", RegistryName=registry.name)


register(
    "AWS::EventSchemas::Registry",
    properties="Description Tags",
    create_only="RegistryName",
    attributes="RegistryArn RegistryName",
    identifier=("RegistryArn",),
    name=Name("RegistryName", limit=64),
    taggable=False,
    create=_create_registry,
    read=_read_registry,
    update=_update_registry,
    delete=_delete_registry,
)


def _place(schema: Target) -> dict[str, str]:
    return {"RegistryName": schema.properties["RegistryName"], "SchemaName": schema.name}


async def _create_schema(call: Call, schema: Target) -> Attributes | None:
    await call(
        "schemas", "CreateSchema", **_place(schema), Tags=own_tags(schema.properties) or None,
        **schema.pick("Content", "Type", "Description"),
    )  # fmt: skip
    return None


async def _read_schema(call: Call, schema: Target) -> Attributes:
    answer = await call("schemas", "DescribeSchema", **_place(schema))
    schema.physical_id = answer["SchemaArn"]
    return {name: answer[name] for name in ("SchemaArn", "SchemaName", "SchemaVersion")}


async def _update_schema(call: Call, schema: Target) -> Attributes | None:
    await call("schemas", "UpdateSchema", **_place(schema), **schema.pick("Content", "Type", "Description"))
    return None


async def _delete_schema(call: Call, schema: Target) -> None:
    await call("schemas", "DeleteSchema", **_place(schema))


register(
    "AWS::EventSchemas::Schema",
    properties="Description Tags",
    required="Content Type RegistryName",
    create_only="SchemaName",
    attributes="SchemaArn SchemaName SchemaVersion",
    identifier=("SchemaArn",),
    name=Name("SchemaName", limit=385),
    taggable=False,
    replaces=lambda before, after: before.get("RegistryName") != after.get("RegistryName"),
    create=_create_schema,
    read=_read_schema,
    update=_update_schema,
    delete=_delete_schema,
)


async def _create_discoverer(call: Call, discoverer: Target) -> Attributes | None:
    answer = await call(
        "schemas", "CreateDiscoverer", Tags=own_tags(discoverer.properties) or None,
        **discoverer.pick("SourceArn", "Description", "CrossAccount"),
    )  # fmt: skip
    discoverer.physical_id = answer["DiscovererArn"]
    return None


def _id(discoverer: Target) -> str:
    bus = str(discoverer.properties["SourceArn"]).partition(":event-bus/")[2]
    return discoverer.physical_id.rpartition("/")[2] or f"events-event-bus-{bus}"


async def _read_discoverer(call: Call, discoverer: Target) -> Attributes:
    answer = await call("schemas", "DescribeDiscoverer", DiscovererId=_id(discoverer))
    discoverer.physical_id = answer["DiscovererArn"]
    return {name: answer[name] for name in ("DiscovererArn", "DiscovererId", "State")}


async def _update_discoverer(call: Call, discoverer: Target) -> Attributes | None:
    await call(
        "schemas", "UpdateDiscoverer", DiscovererId=_id(discoverer),
        **discoverer.pick("Description", "CrossAccount"),
    )  # fmt: skip
    return None


async def _delete_discoverer(call: Call, discoverer: Target) -> None:
    await call("schemas", "DeleteDiscoverer", DiscovererId=_id(discoverer))


register(
    "AWS::EventSchemas::Discoverer",
    properties="Description CrossAccount Tags",
    required="SourceArn",
    create_only="SourceArn",
    attributes="DiscovererArn DiscovererId State",
    identifier=("DiscovererArn",),
    taggable=False,
    create=_create_discoverer,
    read=_read_discoverer,
    update=_update_discoverer,
    delete=_delete_discoverer,
)
