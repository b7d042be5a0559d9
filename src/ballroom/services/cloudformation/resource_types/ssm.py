"""AWS::SSM types.

Source: CloudFormation User Guide, "AWS::SSM::Parameter"; recorded cases test_parameter, test_template_engine.
"""

from __future__ import annotations

from .base import Attributes, Call, Failure, Name, Target, register, tag_changes, tag_list

_PLAIN = ("AllowedPattern", "DataType", "Description", "Policies", "Tier", "Type", "Value")


async def _create_parameter(call: Call, parameter: Target) -> Attributes | None:
    if parameter.get("Type") not in ("String", "StringList"):
        raise Failure(
            "Properties validation failed for resource " + parameter.logical_id + " with message:\n"
            "#/Type: #: only 1 subschema matches out of 2\n"
            f"#/Type: {parameter.get('Type')} is not a valid enum value"
        )
    await call(
        "ssm", "PutParameter", Name=parameter.name, Tags=tag_list(parameter.tags), **parameter.pick(*_PLAIN)
    )
    return None


async def _read_parameter(call: Call, parameter: Target) -> Attributes:
    found = (await call("ssm", "GetParameter", Name=parameter.name))["Parameter"]
    return {"Type": found["Type"], "Value": found["Value"]}


async def _update_parameter(call: Call, parameter: Target) -> Attributes | None:
    if parameter.changed(*_PLAIN):
        await call("ssm", "PutParameter", Name=parameter.name, Overwrite=True, **parameter.pick(*_PLAIN))
    added, removed = tag_changes(parameter)
    where = {"ResourceType": "Parameter", "ResourceId": parameter.name}
    if added:
        await call("ssm", "AddTagsToResource", Tags=tag_list(added), **where)
    if removed:
        await call("ssm", "RemoveTagsFromResource", TagKeys=removed, **where)
    return None


async def _delete_parameter(call: Call, parameter: Target) -> None:
    await call("ssm", "DeleteParameter", Name=parameter.name)


register(
    "AWS::SSM::Parameter",
    properties="AllowedPattern DataType Description Policies Tags Tier",
    required="Type Value",
    create_only="Name",
    attributes="Type Value",
    identifier=("Name",),
    name=Name("Name", limit=1011, prefix="CFN"),
    create=_create_parameter,
    read=_read_parameter,
    update=_update_parameter,
    delete=_delete_parameter,
)
