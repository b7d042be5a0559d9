"""AWS::Lambda types of what is published: versions, aliases, layers.

Source: CloudFormation User Guide, "AWS::Lambda" resource types; Lambda API Reference.
"""

from __future__ import annotations

from typing import Any

from ..template.values import as_text
from .base import Attributes, Call, Name, Target, register


async def _create_version(call: Call, version: Target) -> Attributes | None:
    made = await call("lambda", "PublishVersion", **version.pick("FunctionName", "CodeSha256", "Description"))
    version.physical_id = made["FunctionArn"]
    provisioned = version.get("ProvisionedConcurrencyConfig")
    if provisioned:
        await call(
            "lambda", "PutProvisionedConcurrencyConfig", FunctionName=version.properties["FunctionName"],
            Qualifier=made["Version"], **provisioned,
        )  # fmt: skip
    return {"FunctionArn": made["FunctionArn"], "Version": made["Version"]}


async def _delete_version(call: Call, version: Target) -> None:
    number = version.physical_id.rsplit(":", 1)[1]
    await call("lambda", "DeleteFunction", FunctionName=version.properties["FunctionName"], Qualifier=number)


register(
    "AWS::Lambda::Version",
    required="FunctionName",
    create_only="CodeSha256 Description FunctionName ProvisionedConcurrencyConfig RuntimePolicy",
    attributes="FunctionArn Version",
    identifier=("FunctionArn",),
    taggable=False,
    create=_create_version,
    delete=_delete_version,
)


def _routing(alias: Target) -> Any:
    routing = alias.get("RoutingConfig")
    if not routing:
        return {"AdditionalVersionWeights": {}} if alias.previous.get("RoutingConfig") else None
    weights = routing.get("AdditionalVersionWeights") or []
    return {
        "AdditionalVersionWeights": {
            as_text(weight["FunctionVersion"]): weight["FunctionWeight"] for weight in weights
        }
    }


async def _create_alias(call: Call, alias: Target) -> Attributes | None:
    made = await call(
        "lambda", "CreateAlias", RoutingConfig=_routing(alias),
        **alias.pick("FunctionName", "FunctionVersion", "Name", "Description"),
    )  # fmt: skip
    alias.physical_id = made["AliasArn"]
    await _sync_provisioned(call, alias)
    return {"AliasArn": made["AliasArn"]}


async def _sync_provisioned(call: Call, alias: Target) -> None:
    if not alias.changed("ProvisionedConcurrencyConfig"):
        return
    which = {"FunctionName": alias.properties["FunctionName"], "Qualifier": alias.properties["Name"]}
    provisioned = alias.get("ProvisionedConcurrencyConfig")
    if provisioned:
        await call("lambda", "PutProvisionedConcurrencyConfig", **which, **provisioned)
    else:
        await call("lambda", "DeleteProvisionedConcurrencyConfig", **which)


async def _update_alias(call: Call, alias: Target) -> Attributes | None:
    await call(
        "lambda", "UpdateAlias", RoutingConfig=_routing(alias), Description=alias.get("Description", ""),
        **alias.pick("FunctionName", "FunctionVersion", "Name"),
    )  # fmt: skip
    await _sync_provisioned(call, alias)
    return {"AliasArn": alias.physical_id}


async def _delete_alias(call: Call, alias: Target) -> None:
    await call("lambda", "DeleteAlias", **alias.pick("FunctionName", "Name"))


register(
    "AWS::Lambda::Alias",
    properties="Description FunctionVersion ProvisionedConcurrencyConfig RoutingConfig",
    required="FunctionName FunctionVersion Name",
    create_only="FunctionName Name",
    attributes="AliasArn",
    identifier=("AliasArn",),
    taggable=False,
    create=_create_alias,
    update=_update_alias,
    delete=_delete_alias,
)


async def _create_layer(call: Call, layer: Target) -> Attributes | None:
    made = await call(
        "lambda", "PublishLayerVersion", LayerName=layer.name,
        **layer.pick("CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LicenseInfo"),
    )  # fmt: skip
    layer.physical_id = made["LayerVersionArn"]
    return {"LayerVersionArn": made["LayerVersionArn"]}


async def _delete_layer(call: Call, layer: Target) -> None:
    arn, number = layer.physical_id.rsplit(":", 1)
    await call("lambda", "DeleteLayerVersion", LayerName=arn, VersionNumber=number)


register(
    "AWS::Lambda::LayerVersion",
    required="Content",
    create_only="CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo",
    attributes="LayerVersionArn",
    identifier=("LayerVersionArn",),
    name=Name("LayerName", limit=140),
    taggable=False,
    create=_create_layer,
    delete=_delete_layer,
)
