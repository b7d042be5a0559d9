"""AWS::Lambda types.

A function's `Code` goes to the Lambda service as it is: inline text as a zip of one file, an S3 object, or a
local directory that is used in place (`S3Bucket: ballroom-local`, `S3Key: <absolute path>`).

Source: CloudFormation User Guide, "AWS::Lambda" resource types; Lambda API Reference.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from ballroom.kernel import ServiceError
from ballroom.kernel.arn import find_arn, make_arn

from ..template.values import as_text
from .base import Attributes, Call, Failure, Name, Properties, Target, is_missing, register, tag_changes

_CONFIGURATION = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "FileSystemConfigs", "Handler",
    "ImageConfig", "KmsKeyArn", "Layers", "LoggingConfig", "MemorySize", "Role", "Runtime", "SnapStart",
    "Timeout",
    "TracingConfig", "VpcConfig",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""}, "Description": "", "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512}, "FileSystemConfigs": [], "ImageConfig": {}, "KmsKeyArn": "",
    "Layers": [],
    "MemorySize": 128, "SnapStart": {"ApplyOn": "None"}, "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "LoggingConfig": {"LogFormat": "Text"},
}  # fmt: skip
_INLINE_LIMIT = 4 << 20


def _code(function: Target) -> Properties:
    """`Code` (or a layer's `Content`) as the API takes it."""
    code = function.properties["Code"]
    if not isinstance(code, dict):
        raise Failure("Properties validation failed: Code must be an object")
    if "ZipFile" not in code:
        return dict(code)
    text = as_text(code["ZipFile"])
    if len(text) > _INLINE_LIMIT:
        raise Failure(f"Code.ZipFile is longer than {_INLINE_LIMIT} characters")
    runtime = as_text(function.get("Runtime", ""))
    if not runtime.startswith(("python", "nodejs")):
        raise Failure("ZipFile can only be used when Runtime is set to either of nodejs or python.")
    return {"ZipFile": _zipped("index.py" if runtime.startswith("python") else "index.js", text)}


def _zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same code gives the same hash
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, text)
        if name == "index.py":
            helper = zipfile.ZipInfo("cfnresponse.py", (1980, 1, 1, 0, 0, 0))
            helper.external_attr = 0o644 << 16
            archive.writestr(helper, _CFN_RESPONSE)
    return buffer.getvalue()


# What AWS puts beside inline Python code, so that custom resources can report.
# Source: CloudFormation User Guide, "cfn-response module".
_CFN_RESPONSE = """\
import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    body = json.dumps(
        {
            "Status": responseStatus,
            "Reason": reason or "See the details in CloudWatch Log Stream: " + context.log_stream_name,
            "PhysicalResourceId": physicalResourceId or context.log_stream_name,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": noEcho,
            "Data": responseData,
        }
    ).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(request) as response:
        print("Status code:", response.status)
"""


async def _create_function(call: Call, function: Target) -> Attributes | None:
    await call(
        "lambda", "CreateFunction", FunctionName=function.name, Code=_code(function),
        Tags=function.tags or None,
        **function.pick(*_CONFIGURATION, "Architectures", "CodeSigningConfigArn", "PackageType"),
    )  # fmt: skip
    await _sync_function_extras(call, function)
    return None


async def _sync_function_extras(call: Call, function: Target) -> None:
    name = function.name
    if function.changed("ReservedConcurrentExecutions"):
        reserved = function.get("ReservedConcurrentExecutions")
        if reserved is not None:
            await call(
                "lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved
            )
        else:
            await call("lambda", "DeleteFunctionConcurrency", FunctionName=name)
    if function.changed("RecursiveLoop"):
        loop = function.get("RecursiveLoop", "Terminate")
        await call("lambda", "PutFunctionRecursionConfig", FunctionName=name, RecursiveLoop=loop)
    if function.changed("RuntimeManagementConfig"):
        settings = function.get("RuntimeManagementConfig") or {"UpdateRuntimeOn": "Auto"}
        await call("lambda", "PutRuntimeManagementConfig", FunctionName=name, **settings)


async def _read_function(call: Call, function: Target) -> Attributes:
    found = await call("lambda", "GetFunctionConfiguration", FunctionName=function.name)
    snap_start = found.get("SnapStart", {})
    return {"Arn": found["FunctionArn"], "SnapStartResponse": snap_start,
            "SnapStartResponse.ApplyOn": snap_start.get("ApplyOn", "None"),
            "SnapStartResponse.OptimizationStatus": snap_start.get("OptimizationStatus", "Off")}  # fmt: skip


async def _update_function(call: Call, function: Target) -> Attributes | None:
    name = function.name
    if function.changed("Code", "Architectures"):
        await call(
            "lambda",
            "UpdateFunctionCode",
            FunctionName=name,
            **_code(function),
            **function.pick("Architectures"),
        )
    changed = function.changes(*_CONFIGURATION)
    for setting, default in _DEFAULTS.items():
        if setting in function.previous and setting not in function.properties:
            changed[setting] = default
    if changed:
        await call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **changed)
    await _sync_function_extras(call, function)
    added, removed = tag_changes(function)
    arn = function.attributes.get("Arn")
    if added:
        await call("lambda", "TagResource", Resource=arn, Tags=added)
    if removed:
        await call("lambda", "UntagResource", Resource=arn, TagKeys=removed)
    return None


async def _delete_function(call: Call, function: Target) -> None:
    await call("lambda", "DeleteFunction", FunctionName=function.physical_id)


register(
    "AWS::Lambda::Function",
    properties="Architectures CodeSigningConfigArn RecursiveLoop ReservedConcurrentExecutions "
    "RuntimeManagementConfig Tags " + " ".join(_CONFIGURATION),
    required="Code Role",
    create_only="FunctionName PackageType",
    attributes="Arn SnapStartResponse SnapStartResponse.ApplyOn SnapStartResponse.OptimizationStatus",
    identifier=("FunctionName",),
    name=Name("FunctionName", limit=64),
    create=_create_function,
    read=_read_function,
    update=_update_function,
    delete=_delete_function,
)


# -- versions, aliases, layers -----------------------------------------------------------------------


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


# -- who may call, and from where --------------------------------------------------------------------


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
    "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "ParallelizationFactor": 1, "ScalingConfig": {},
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
