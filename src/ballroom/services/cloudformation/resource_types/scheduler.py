"""AWS::Scheduler types.

Source: CloudFormation User Guide, "AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup".
"""

from __future__ import annotations

from typing import Any

from .base import Attributes, Call, Name, Target, register, tag_changes, tag_list

_SETTINGS = (
    "ActionAfterCompletion", "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn",
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)  # fmt: skip


async def _create_schedule(call: Call, schedule: Target) -> Attributes | None:
    await call(
        "scheduler", "CreateSchedule",
        Name=schedule.name, ClientToken=schedule.token, **schedule.pick(*_SETTINGS),
    )  # fmt: skip
    return None


def _where(schedule: Target) -> dict[str, Any]:
    return {"Name": schedule.physical_id or schedule.name, **schedule.pick("GroupName")}


async def _read_schedule(call: Call, schedule: Target) -> Attributes:
    return {"Arn": (await call("scheduler", "GetSchedule", **_where(schedule)))["Arn"]}


async def _update_schedule(call: Call, schedule: Target) -> Attributes | None:
    await call("scheduler", "UpdateSchedule", Name=schedule.physical_id, **schedule.pick(*_SETTINGS))
    return None


async def _delete_schedule(call: Call, schedule: Target) -> None:
    await call("scheduler", "DeleteSchedule", **_where(schedule))


register(
    "AWS::Scheduler::Schedule",
    properties="ActionAfterCompletion Description EndDate KmsKeyArn ScheduleExpressionTimezone StartDate State",
    required="FlexibleTimeWindow ScheduleExpression Target",
    create_only="GroupName Name",
    attributes="Arn",
    identifier=("Name",),
    taggable=False,
    name=Name("Name", limit=64),
    create=_create_schedule,
    read=_read_schedule,
    update=_update_schedule,
    delete=_delete_schedule,
)


async def _create_group(call: Call, group: Target) -> Attributes | None:
    await call(
        "scheduler", "CreateScheduleGroup", Name=group.name, ClientToken=group.token, Tags=tag_list(group.tags)
    )
    return None


async def _read_group(call: Call, group: Target) -> Attributes:
    found = await call("scheduler", "GetScheduleGroup", Name=group.physical_id or group.name)
    return {name: found[name] for name in ("Arn", "State")} | {
        name: str(found[name]) for name in ("CreationDate", "LastModificationDate")
    }


async def _update_group(call: Call, group: Target) -> Attributes | None:
    arn = (await _read_group(call, group))["Arn"]
    added, removed = tag_changes(group)
    if added:
        await call("scheduler", "TagResource", ResourceArn=arn, Tags=tag_list(added))
    if removed:
        await call("scheduler", "UntagResource", ResourceArn=arn, TagKeys=removed)
    return None


async def _delete_group(call: Call, group: Target) -> None:
    await call("scheduler", "DeleteScheduleGroup", Name=group.physical_id)


register(
    "AWS::Scheduler::ScheduleGroup",
    properties="Tags",
    create_only="Name",
    attributes="Arn CreationDate LastModificationDate State",
    identifier=("Name",),
    name=Name("Name", limit=64),
    create=_create_group,
    read=_read_group,
    update=_update_group,
    delete=_delete_group,
)
