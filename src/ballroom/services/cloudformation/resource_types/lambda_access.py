"""AWS::Lambda types of who may call a function, and from where it is called.

Source: CloudFormation User Guide, "AWS::Lambda" resource types; Lambda API Reference.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError
from ballroom.kernel.arn import find_arn, make_arn

from ..template.values import as_text
from .base import Attributes, Call, Name, Target, is_missing, register, tag_changes


def _function_and_qualifier(reference: str) -> tuple[str, str | None]:
    """Name or unqualified ARN, and the qualifier if the reference has one."""
    arn = find_arn(reference)
    parts = arn.resource.split(":") if arn is not None else reference.split(":")
    if arn is not None:
        if len(parts) == 3:
            return make_arn("lambda", arn.region, arn.account, ":".join(parts[:2])), parts[2]
        return reference, None
    return (parts[0], parts[1]) if len(parts) == 2 else (reference, None)


async def _add_permission(call: Call, permission: Target) -> Attributes | None:
    function, qualifier = _function_and_qualifier(as_text(permission.properties["FunctionName"]))
    permission.physical_id = permission.name
    await call(
        "lambda", "AddPermission", FunctionName=function, Qualifier=qualifier, StatementId=permission.name,
        **permission.pick(
            "Action", "EventSourceToken", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "Principal",
            "PrincipalOrgID", "SourceAccount", "SourceArn",
        ),
    )  # fmt: skip
    return {"Id": permission.name}


async def _remove_permission(call: Call, permission: Target) -> None:
    function, qualifier = _function_and_qualifier(as_text(permission.properties["FunctionName"]))
    await call(
        "lambda", "RemovePermission", FunctionName=function, Qualifier=qualifier,
        StatementId=permission.physical_id,
    )  # fmt: skip


register(
    "AWS::Lambda::Permission",
    required="Action FunctionName Principal",
    create_only="Action EventSourceToken FunctionName FunctionUrlAuthType InvokedViaFunctionUrl Principal "
    "PrincipalOrgID SourceAccount SourceArn",
    attributes="Id",
    identifier=("FunctionName", "Id"),
    name=Name("", limit=100),
    taggable=False,
    create=_add_permission,
    delete=_remove_permission,
)

_SOURCE = (
    "BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "DocumentDBEventSourceConfig",
    "FilterCriteria",
    "FunctionName", "FunctionResponseTypes", "KmsKeyArn", "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "MetricsConfig", "ParallelizationFactor",
    "ProvisionedPollerConfig", "ScalingConfig", "SourceAccessConfigurations", "TumblingWindowInSeconds",
)  # fmt: skip
_SOURCE_FIXED = (
    "AmazonManagedKafkaEventSourceConfig", "EventSourceArn", "Queues", "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig", "StartingPosition", "StartingPositionTimestamp", "Topics",
)  # fmt: skip


_SOURCE_DEFAULTS: dict[str, Any] = {
    "BatchSize": 10, "BisectBatchOnFunctionError": False, "DestinationConfig": {}, "Enabled": True,
    "FilterCriteria": {}, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "ParallelizationFactor": 1,
    "ScalingConfig": {},
    "TumblingWindowInSeconds": 0,
}  # fmt: skip


async def _create_source(call: Call, source: Target) -> Attributes | None:
    made = await call(
        "lambda", "CreateEventSourceMapping", Enabled=source.get("Enabled"), Tags=source.tags or None,
        **source.pick(*_SOURCE, *_SOURCE_FIXED),
    )  # fmt: skip
    source.physical_id = made["UUID"]
    return {"Id": made["UUID"], "EventSourceMappingArn": made.get("EventSourceMappingArn", "")}


async def _update_source(call: Call, source: Target) -> Attributes | None:
    changed = source.changes(*_SOURCE, "Enabled")
    for setting, default in _SOURCE_DEFAULTS.items():
        if setting in source.previous and setting not in source.properties:
            changed[setting] = default
    if changed:
        await call("lambda", "UpdateEventSourceMapping", UUID=source.physical_id, **changed)
    added, removed = tag_changes(source)
    arn = source.attributes.get("EventSourceMappingArn")
    if added:
        await call("lambda", "TagResource", Resource=arn, Tags=added)
    if removed:
        await call("lambda", "UntagResource", Resource=arn, TagKeys=removed)
    return source.attributes


async def _delete_source(call: Call, source: Target) -> None:
    await call("lambda", "DeleteEventSourceMapping", UUID=source.physical_id)


register(
    "AWS::Lambda::EventSourceMapping",
    properties="Enabled Tags " + " ".join(_SOURCE),
    required="FunctionName",
    create_only=" ".join(_SOURCE_FIXED),
    attributes="EventSourceMappingArn Id",
    identifier=("Id",),
    create=_create_source,
    update=_update_source,
    delete=_delete_source,
)


async def _create_url(call: Call, url: Target) -> Attributes | None:
    made = await call(
        "lambda", "CreateFunctionUrlConfig", **_url_place(url), **url.pick("AuthType", "Cors", "InvokeMode")
    )
    url.physical_id = made["FunctionArn"]
    return {"FunctionArn": made["FunctionArn"], "FunctionUrl": made["FunctionUrl"]}


def _url_place(url: Target) -> dict[str, Any]:
    function, qualifier = _function_and_qualifier(as_text(url.properties["TargetFunctionArn"]))
    return {"FunctionName": function, "Qualifier": url.get("Qualifier") or qualifier}


async def _update_url(call: Call, url: Target) -> Attributes | None:
    await call(
        "lambda", "UpdateFunctionUrlConfig", **_url_place(url), Cors=url.get("Cors", {}),
        InvokeMode=url.get("InvokeMode", "BUFFERED"), **url.pick("AuthType"),
    )  # fmt: skip
    return url.attributes


async def _delete_url(call: Call, url: Target) -> None:
    await call("lambda", "DeleteFunctionUrlConfig", **_url_place(url))


register(
    "AWS::Lambda::Url",
    properties="Cors InvokeMode",
    required="AuthType TargetFunctionArn",
    create_only="Qualifier TargetFunctionArn",
    attributes="FunctionArn FunctionUrl",
    identifier=("FunctionArn",),
    taggable=False,
    create=_create_url,
    update=_update_url,
    delete=_delete_url,
)


async def _put_async_settings(call: Call, settings: Target) -> Attributes | None:
    settings.physical_id = settings.physical_id or settings.name
    await call(
        "lambda", "PutFunctionEventInvokeConfig",
        **settings.pick(
            "DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"
        ),
    )  # fmt: skip
    return {}


async def _delete_async_settings(call: Call, settings: Target) -> None:
    try:
        await call("lambda", "DeleteFunctionEventInvokeConfig", **settings.pick("FunctionName", "Qualifier"))
    except ServiceError as error:
        if not is_missing(error):
            raise


register(
    "AWS::Lambda::EventInvokeConfig",
    properties="DestinationConfig MaximumEventAgeInSeconds MaximumRetryAttempts",
    required="FunctionName Qualifier",
    create_only="FunctionName Qualifier",
    identifier=("FunctionName", "Qualifier"),
    taggable=False,
    create=_put_async_settings,
    update=_put_async_settings,
    delete=_delete_async_settings,
)
