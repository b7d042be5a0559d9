"""What a function's configuration may be: defaults, AWS's limits, AWS's texts.

Pure: `new_settings` and `changed_settings` turn validated requests into `Settings`. What needs other
records (layers, queues) is checked by the operations.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import orjson

from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_.errors import ConstraintBroken, InvalidParameterValue
from ballroom.services.lambda_.resources import Settings
from ballroom.services.lambda_.runtimes import SNAP_START, check_runtime

TIMEOUT_LIMIT_S = 900
MEMORY_LIMIT_MB = 10_240
EPHEMERAL_LIMIT_MB = 10_240
ENVIRONMENT_LIMIT = 4096  # bytes, of the variables as compact JSON
LAYERS_LIMIT = 5

RESERVED_VARIABLES = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    )
)  # fmt: skip

# settings of Lambda's that change how a function runs in ways we do not have: refused, never dropped
_UNSUPPORTED = (
    "CodeSigningConfigArn", "PublishTo", "TenancyConfig", "CapacityProviderConfig", "DurableConfig",
    "RuntimeConfig", "AcceleratorConfig", "ImageConfig",
)  # fmt: skip


def new_settings(request: dict[str, Any], function_name: str) -> Settings:
    """The settings of a new function, AWS's defaults filled in.

    Source: Lambda API Reference, CreateFunction; Developer Guide, "Lambda quotas".
    """
    if request.get("PackageType", "Zip") == "Image":
        raise NotImplementedHere("Ballroom does not run container images yet: PackageType Image is refused")
    if "Runtime" not in request or "Handler" not in request:
        raise InvalidParameterValue(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    return _settled(Settings(role="", runtime="", handler=""), request, function_name)


def changed_settings(settings: Settings, request: dict[str, Any], function_name: str) -> Settings:
    """The settings after UpdateFunctionConfiguration: what the request leaves out stays."""
    return _settled(settings, request, function_name)


def _settled(old: Settings, request: dict[str, Any], function_name: str) -> Settings:
    _refuse_unsupported(request)
    changes: dict[str, Any] = {}
    for member, field, limit, where in (
        ("Timeout", "timeout_s", TIMEOUT_LIMIT_S, "timeout"),
        ("MemorySize", "memory_mb", MEMORY_LIMIT_MB, "memorySize"),
    ):
        if member in request:
            changes[field] = _at_most(request[member], limit, where)
    for member, field in (
        ("Role", "role"),
        ("Handler", "handler"),
        ("Description", "description"),
        ("KMSKeyArn", "kms_key_arn"),
    ):
        if member in request:
            changes[field] = request[member]
    if "Runtime" in request:
        check_runtime(request["Runtime"])
        changes["runtime"] = request["Runtime"]
    if "EphemeralStorage" in request:
        size = request["EphemeralStorage"]["Size"]
        changes["ephemeral_mb"] = _at_most(size, EPHEMERAL_LIMIT_MB, "ephemeralStorage.size")
    if "Environment" in request:
        changes["environment"] = _checked_environment(request["Environment"].get("Variables", {}))
    if "Architectures" in request:
        changes["architectures"] = tuple(request["Architectures"])
    if "TracingConfig" in request:
        changes["tracing"] = request["TracingConfig"].get("Mode", "PassThrough")
    if "DeadLetterConfig" in request:
        changes["dead_letter_arn"] = request["DeadLetterConfig"].get("TargetArn", "")
    if "VpcConfig" in request:
        changes["vpc"] = _kept_vpc(request["VpcConfig"])
    if "SnapStart" in request:
        changes["snap_start"] = _checked_snap_start(
            request["SnapStart"], changes.get("runtime") or old.runtime
        )
    if "LoggingConfig" in request:
        changes["logging"] = _merged_logging(old.logging, request["LoggingConfig"], function_name)
    return msgspec.structs.replace(old, **changes)


def _refuse_unsupported(request: dict[str, Any]) -> None:
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of Lambda functions yet")
    if request.get("FileSystemConfigs"):
        raise NotImplementedHere("Ballroom does not mount file systems yet: FileSystemConfigs is refused")


def _at_most(value: int, limit: int, where: str) -> int:
    if value > limit:
        raise ConstraintBroken(value, where, f"Member must have value less than or equal to {limit}")
    return value


def _checked_environment(variables: dict[str, str]) -> dict[str, str]:
    reserved = sorted(RESERVED_VARIABLES.intersection(variables))
    if reserved:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = orjson.dumps(variables)
    if len(measured) > ENVIRONMENT_LIMIT:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the 4KB limit. String measured: {measured.decode()}"
        )
    return dict(variables)


def _kept_vpc(vpc: dict[str, Any]) -> dict[str, Any]:
    """Stored and read back; functions here run without a network of their own."""
    if not vpc.get("SubnetIds") and not vpc.get("SecurityGroupIds"):
        return {}
    return {
        "SubnetIds": list(vpc.get("SubnetIds", ())),
        "SecurityGroupIds": list(vpc.get("SecurityGroupIds", ())),
        **{k: vpc[k] for k in ("Ipv6AllowedForDualStack",) if k in vpc},
    }


def _checked_snap_start(snap_start: dict[str, Any], runtime: str) -> str:
    apply_on: str = snap_start.get("ApplyOn", "None")
    if apply_on != "None" and runtime not in SNAP_START:
        raise InvalidParameterValue(f"{runtime} is not supported for SnapStart enabled functions.")
    return apply_on


def _merged_logging(old: dict[str, str], change: dict[str, str], function_name: str) -> dict[str, str]:
    """The logging settings after a change; levels exist for JSON only, and default to INFO there."""
    merged = {**old, **change}
    if merged.get("LogFormat", "Text") == "Text":
        if "ApplicationLogLevel" in change or "SystemLogLevel" in change:
            raise InvalidParameterValue(
                "Setting log levels requires the JSON log format: ApplicationLogLevel and SystemLogLevel "
                "need LogFormat JSON."
            )
        merged.pop("ApplicationLogLevel", None)
        merged.pop("SystemLogLevel", None)
        merged["LogFormat"] = "Text"
    else:
        merged.setdefault("ApplicationLogLevel", "INFO")
        merged.setdefault("SystemLogLevel", "INFO")
    merged.setdefault("LogGroup", f"/aws/lambda/{function_name}")
    return merged


def logging_of(settings: Settings, function_name: str) -> dict[str, str]:
    """The logging settings as AWS shows them: the format and the group are always there."""
    return {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function_name}", **settings.logging}


def runtime_version_arn(region: str, runtime: str) -> str:
    """One made-up but stable version for each runtime: we do not switch between versions."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"
