"""AWS::StepFunctions types.

Source: CloudFormation User Guide, "AWS::StepFunctions" resource types.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ballroom.kernel import ByteStream
from ballroom.kernel.arn import make_arn

from ..template.values import as_text
from .base import Attributes, Call, Failure, Name, Target, register, tag_changes, tag_list

_SUBSTITUTION = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
_MOST_BYTES = 1 << 20


async def _definition(call: Call, machine: Target) -> str:
    """The definition, wherever it stands, with its substitutions made."""
    given = [
        name
        for name in ("DefinitionString", "Definition", "DefinitionS3Location")
        if name in machine.properties
    ]
    if len(given) != 1:
        raise Failure(
            "Properties validation failed: exactly one of DefinitionString, Definition or DefinitionS3Location "
            "must be specified"
        )
    value = machine.properties[given[0]]
    if given[0] == "DefinitionS3Location":
        text = await _from_s3(call, value)
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    substitutions = machine.get("DefinitionSubstitutions") or {}

    def put(found: re.Match[str]) -> str:
        name = found.group(1)
        return _substituted(substitutions[name]) if name in substitutions else found.group(0)

    return _SUBSTITUTION.sub(put, text)


def _substituted(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else as_text(value)


async def _from_s3(call: Call, location: dict[str, Any]) -> str:
    answer = await call(
        "s3", "GetObject", Bucket=location["Bucket"], Key=location["Key"], VersionId=location.get("Version")
    )
    body, content = answer["Body"], b""
    if isinstance(body, ByteStream):
        while len(content) <= _MOST_BYTES and (part := await body.read()):
            content += part
    else:
        content = bytes(body)
    if len(content) > _MOST_BYTES:
        raise Failure(f"The definition in S3 is larger than {_MOST_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Failure("The definition in S3 is not UTF-8 text") from None


def _member(value: Any) -> Any:
    """Properties as the API's members: `LogGroupArn` -> `logGroupArn`."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _member(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_member(part) for part in value]
    return value


def _settings(machine: Target) -> dict[str, Any]:
    return {
        "loggingConfiguration": _member(machine.get("LoggingConfiguration")),
        "tracingConfiguration": _member(machine.get("TracingConfiguration")),
        "encryptionConfiguration": _member(machine.get("EncryptionConfiguration")),
    }


async def _create_machine(call: Call, machine: Target) -> Attributes | None:
    answer = await call(
        "stepfunctions", "CreateStateMachine", name=machine.name, definition=await _definition(call, machine),
        roleArn=machine.get("RoleArn"), type=machine.get("StateMachineType"),
        tags=tag_list(machine.tags, "key", "value"), **_settings(machine),
    )  # fmt: skip
    machine.physical_id = answer["stateMachineArn"]
    return None


async def _read_machine(call: Call, machine: Target) -> Attributes:
    arn = machine.physical_id
    if not arn:
        arn = make_arn("states", machine.region, machine.account, f"stateMachine:{machine.name}")
        machine.physical_id = arn
    found = await call("stepfunctions", "DescribeStateMachine", stateMachineArn=arn)
    return {
        "Arn": arn,
        "Name": found["name"],
        "StateMachineRevisionId": found.get("revisionId", "INITIAL"),
    }


async def _update_machine(call: Call, machine: Target) -> Attributes | None:
    settings = _settings(machine)
    if "LoggingConfiguration" not in machine.properties and "LoggingConfiguration" in machine.previous:
        settings["loggingConfiguration"] = {"level": "OFF"}
    if "TracingConfiguration" not in machine.properties and "TracingConfiguration" in machine.previous:
        settings["tracingConfiguration"] = {"enabled": False}
    await call(
        "stepfunctions", "UpdateStateMachine", stateMachineArn=machine.physical_id,
        definition=await _definition(call, machine), roleArn=machine.get("RoleArn"), **settings,
    )  # fmt: skip
    added, removed = tag_changes(machine)
    if added:
        await call(
            "stepfunctions",
            "TagResource",
            resourceArn=machine.physical_id,
            tags=tag_list(added, "key", "value"),
        )
    if removed:
        await call("stepfunctions", "UntagResource", resourceArn=machine.physical_id, tagKeys=removed)
    return None


async def _delete_machine(call: Call, machine: Target) -> None:
    await call("stepfunctions", "DeleteStateMachine", stateMachineArn=machine.physical_id)


register(
    "AWS::StepFunctions::StateMachine",
    properties="Definition DefinitionS3Location DefinitionString DefinitionSubstitutions "
    "EncryptionConfiguration LoggingConfiguration RoleArn Tags TracingConfiguration",
    required="RoleArn",
    create_only="StateMachineName StateMachineType",
    attributes="Arn Name StateMachineRevisionId",
    identifier=("Arn",),
    name=Name("StateMachineName", limit=80),
    create=_create_machine,
    read=_read_machine,
    update=_update_machine,
    delete=_delete_machine,
)


# -- versions and aliases ----------------------------------------------------------------------------


async def _create_version(call: Call, version: Target) -> Attributes | None:
    answer = await call(
        "stepfunctions", "PublishStateMachineVersion", stateMachineArn=version.properties["StateMachineArn"],
        revisionId=version.get("StateMachineRevisionId"), description=version.get("Description"),
    )  # fmt: skip
    version.physical_id = answer["stateMachineVersionArn"]
    return {"Arn": version.physical_id}


async def _delete_version(call: Call, version: Target) -> None:
    await call("stepfunctions", "DeleteStateMachineVersion", stateMachineVersionArn=version.physical_id)


register(
    "AWS::StepFunctions::StateMachineVersion",
    required="StateMachineArn",
    create_only="Description StateMachineArn StateMachineRevisionId",
    attributes="Arn",
    identifier=("Arn",),
    taggable=False,
    create=_create_version,
    delete=_delete_version,
)


def _routes(alias: Target) -> list[dict[str, Any]]:
    if "DeploymentPreference" in alias.properties:
        # gradual deployments: the new version takes over at once
        version = alias.properties["DeploymentPreference"]["StateMachineVersionArn"]
        return [{"stateMachineVersionArn": version, "weight": 100}]
    routes = alias.get("RoutingConfiguration")
    if not routes:
        raise Failure("Properties validation failed: RoutingConfiguration or DeploymentPreference is required")
    return [{**_member(route), "weight": int(route["Weight"])} for route in routes]


async def _create_alias(call: Call, alias: Target) -> Attributes | None:
    answer = await call(
        "stepfunctions", "CreateStateMachineAlias", name=alias.name, description=alias.get("Description"),
        routingConfiguration=_routes(alias),
    )  # fmt: skip
    alias.physical_id = answer["stateMachineAliasArn"]
    return {"Arn": alias.physical_id}


async def _update_alias(call: Call, alias: Target) -> Attributes | None:
    await call(
        "stepfunctions", "UpdateStateMachineAlias", stateMachineAliasArn=alias.physical_id,
        description=alias.get("Description", ""), routingConfiguration=_routes(alias),
    )  # fmt: skip
    return {"Arn": alias.physical_id}


async def _delete_alias(call: Call, alias: Target) -> None:
    await call("stepfunctions", "DeleteStateMachineAlias", stateMachineAliasArn=alias.physical_id)


register(
    "AWS::StepFunctions::StateMachineAlias",
    properties="DeploymentPreference Description RoutingConfiguration",
    create_only="Name",
    attributes="Arn",
    identifier=("Arn",),
    name=Name("Name", limit=80),
    taggable=False,
    create=_create_alias,
    update=_update_alias,
    delete=_delete_alias,
)


# -- activities --------------------------------------------------------------------------------------


async def _create_activity(call: Call, activity: Target) -> Attributes | None:
    answer = await call(
        "stepfunctions", "CreateActivity", name=activity.name, tags=tag_list(activity.tags, "key", "value"),
        encryptionConfiguration=_member(activity.get("EncryptionConfiguration")),
    )  # fmt: skip
    activity.physical_id = answer["activityArn"]
    return {"Arn": activity.physical_id, "Name": activity.name}


async def _update_activity(call: Call, activity: Target) -> Attributes | None:
    added, removed = tag_changes(activity)
    if added:
        await call(
            "stepfunctions",
            "TagResource",
            resourceArn=activity.physical_id,
            tags=tag_list(added, "key", "value"),
        )
    if removed:
        await call("stepfunctions", "UntagResource", resourceArn=activity.physical_id, tagKeys=removed)
    return {"Arn": activity.physical_id, "Name": activity.name}


async def _delete_activity(call: Call, activity: Target) -> None:
    await call("stepfunctions", "DeleteActivity", activityArn=activity.physical_id)


register(
    "AWS::StepFunctions::Activity",
    properties="Tags",
    create_only="EncryptionConfiguration Name",
    attributes="Arn Name",
    identifier=("Arn",),
    name=Name("Name", limit=80),
    create=_create_activity,
    update=_update_activity,
    delete=_delete_activity,
)
