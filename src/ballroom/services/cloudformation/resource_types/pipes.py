"""AWS::Pipes types.

Source: CloudFormation User Guide, "AWS::Pipes::Pipe".
"""

from __future__ import annotations

from typing import Any

from .base import Attributes, Call, Name, Target, register, tag_changes

_CHANGING = (
    "Description", "DesiredState", "Enrichment", "EnrichmentParameters", "KmsKeyIdentifier", "LogConfiguration",
    "RoleArn", "SourceParameters", "Target", "TargetParameters",
)  # fmt: skip


async def _create_pipe(call: Call, pipe: Target) -> Attributes | None:
    await call(
        "pipes", "CreatePipe",
        Name=pipe.name, Source=pipe.get("Source"), Tags=pipe.tags or None, **pipe.pick(*_CHANGING),
    )  # fmt: skip
    return None


async def _read_pipe(call: Call, pipe: Target) -> Attributes:
    found = await call("pipes", "DescribePipe", Name=pipe.physical_id or pipe.name)
    shown: dict[str, Any] = {name: found[name] for name in ("Arn", "CurrentState")}
    return {
        **shown,
        "CreationTime": str(found["CreationTime"]),
        "LastModifiedTime": str(found["LastModifiedTime"]),
        "StateReason": found["StateReason"],
    }


async def _update_pipe(call: Call, pipe: Target) -> Attributes | None:
    given = pipe.pick(*_CHANGING)
    source = given.get("SourceParameters")
    if isinstance(source, dict):
        given["SourceParameters"] = {name: _without_start(value) for name, value in source.items()}
    for name, nothing in (("Description", ""), ("Enrichment", ""), ("TargetParameters", {})):
        if name in pipe.previous and name not in pipe.properties:
            given[name] = nothing
    await call("pipes", "UpdatePipe", Name=pipe.physical_id, **given)
    arn = pipe.attributes.get("Arn") or (await _read_pipe(call, pipe))["Arn"]
    added, removed = tag_changes(pipe)
    if added:
        await call("pipes", "TagResource", resourceArn=arn, tags=added)
    if removed:
        await call("pipes", "UntagResource", resourceArn=arn, tagKeys=removed)
    return None


def _without_start(value: Any) -> Any:
    """A pipe's starting position cannot be changed, so UpdatePipe does not take it."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if not name.startswith("StartingPosition")}


async def _delete_pipe(call: Call, pipe: Target) -> None:
    await call("pipes", "DeletePipe", Name=pipe.physical_id)


register(
    "AWS::Pipes::Pipe",
    properties="Description DesiredState Enrichment EnrichmentParameters KmsKeyIdentifier LogConfiguration "
    "SourceParameters Tags TargetParameters",
    required="RoleArn Source Target",
    create_only="Name Source",
    attributes="Arn CreationTime CurrentState LastModifiedTime StateReason",
    identifier=("Name",),
    name=Name("Name", limit=64),
    create=_create_pipe,
    read=_read_pipe,
    update=_update_pipe,
    delete=_delete_pipe,
)
