"""Records as Lambda shows them on the wire. Pure: absent optional members are absent, never empty."""

from __future__ import annotations

from typing import Any

from ballroom.services.lambda_.clock_texts import last_modified, url_time
from ballroom.services.lambda_.configuration import logging_of, runtime_version_arn
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.resources import Alias, AsyncConfig, FunctionUrl, FunctionVersion, LayerVersion

_REASON = "The function is being created."


def configuration(at: FunctionName, version: FunctionVersion, *, state: bool = True) -> dict[str, Any]:
    """A FunctionConfiguration; the ARN carries the qualifier of `at`.

    Lists leave out the state and the runtime's version (`state=False`), as AWS's do.
    """
    settings = version.settings
    shown: dict[str, Any] = {
        "FunctionName": version.name,
        "FunctionArn": at.qualified_arn,
        "Runtime": settings.runtime,
        "Role": settings.role,
        "Handler": settings.handler,
        "CodeSize": version.code.size_bytes,
        "Description": settings.description,
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "LastModified": last_modified(version.modified_ms),
        "CodeSha256": version.code.sha256,
        "Version": version.number,
        "TracingConfig": {"Mode": settings.tracing},
        "RevisionId": version.revision_id,
        "PackageType": "Zip",
        "Architectures": list(settings.architectures),
        "EphemeralStorage": {"Size": settings.ephemeral_mb},
        "SnapStart": {
            "ApplyOn": settings.snap_start,
            "OptimizationStatus": "On" if settings.snap_start != "None" and version.number != LATEST else "Off",
        },
        "LoggingConfig": logging_of(settings, version.name),
    }
    if settings.environment is not None:
        shown["Environment"] = {"Variables": settings.environment}
    if settings.vpc:
        shown["VpcConfig"] = settings.vpc
    if settings.dead_letter_arn:
        shown["DeadLetterConfig"] = {"TargetArn": settings.dead_letter_arn}
    if settings.kms_key_arn:
        shown["KMSKeyArn"] = settings.kms_key_arn
    if settings.layers:
        shown["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size_bytes} for layer in settings.layers]
    if state:
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime_version_arn(at.region, settings.runtime)}
        _add_state(shown, version)
    return shown


def _add_state(shown: dict[str, Any], version: FunctionVersion) -> None:
    shown["State"] = version.state
    if version.state == "Pending":
        shown["StateReason"] = _REASON
        shown["StateReasonCode"] = "Creating"
    elif version.updating:
        shown["LastUpdateStatus"] = "InProgress"
        shown["LastUpdateStatusReason"] = _REASON
        shown["LastUpdateStatusReasonCode"] = "Creating"
    else:
        shown["LastUpdateStatus"] = "Successful"


def alias(at: FunctionName, found: Alias) -> dict[str, Any]:
    """An AliasConfiguration."""
    shown: dict[str, Any] = {
        "AliasArn": f"{at.arn}:{found.name}",
        "Name": found.name,
        "FunctionVersion": found.number,
        "RevisionId": found.revision_id,
        "Description": found.description or "",
    }
    if found.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": found.weights}
    return shown


def function_url(at: FunctionName, found: FunctionUrl, address: str) -> dict[str, Any]:
    """A FunctionUrlConfig."""
    shown: dict[str, Any] = {
        "FunctionUrl": address,
        "FunctionArn": at.qualified_arn,
        "CreationTime": url_time(found.created_ms),
        "AuthType": found.auth_type,
    }
    if found.cors is not None:
        shown["Cors"] = found.cors
    return shown


def async_config(at: FunctionName, found: AsyncConfig) -> dict[str, Any]:
    """A FunctionEventInvokeConfig; its ARN always carries a qualifier."""
    shown: dict[str, Any] = {
        "LastModified": found.modified_ms,
        "FunctionArn": at.at(at.qualifier or LATEST).qualified_arn,
        "DestinationConfig": {
            "OnSuccess": {"Destination": found.on_success} if found.on_success else {},
            "OnFailure": {"Destination": found.on_failure} if found.on_failure else {},
        },
    }
    if found.retries is not None:
        shown["MaximumRetryAttempts"] = found.retries
    if found.age_s is not None:
        shown["MaximumEventAgeInSeconds"] = found.age_s
    return shown


def layer_version(arn: str, found: LayerVersion) -> dict[str, Any]:
    """What lists say of a layer version."""
    shown: dict[str, Any] = {
        "LayerVersionArn": f"{arn}:{found.number}",
        "Version": found.number,
        "CreatedDate": last_modified(found.created_ms),
        "Description": found.description or "",
        "CompatibleArchitectures": found.architectures,
        "CompatibleRuntimes": found.runtimes,
    }
    if found.license_info is not None:
        shown["LicenseInfo"] = found.license_info
    return shown
