"""AWS::Lambda types.

A function's `Code` goes to the Lambda service as it is: inline text as a zip of one file, an S3 object, or a
local directory that is used in place (`S3Bucket: ballroom-local`, `S3Key: <absolute path>`).

Source: CloudFormation User Guide, "AWS::Lambda" resource types; Lambda API Reference.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from ..template.values import as_text
from . import inline_helpers
from .base import Attributes, Call, Failure, Name, Properties, Target, register, tag_changes

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
        helper_name, helper_text = inline_helpers.BESIDE[name]
        helper = zipfile.ZipInfo(helper_name, (1980, 1, 1, 0, 0, 0))
        helper.external_attr = 0o644 << 16
        archive.writestr(helper, helper_text)
    return buffer.getvalue()


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
