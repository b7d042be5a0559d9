"""AWS::Logs types.

Source: CloudFormation User Guide, "AWS::Logs::LogGroup", "AWS::Logs::LogStream".
"""

from __future__ import annotations

from ballroom.kernel import ServiceError
from ballroom.kernel.arn import make_arn

from .base import Attributes, Call, Name, Target, register, tag_changes


class _Missing(ServiceError):
    shape = "ResourceNotFoundException"
    text = "The specified log group does not exist."


def _arn(group: Target) -> str:
    return make_arn("logs", group.region, group.account, f"log-group:{group.name}")


async def _create_group(call: Call, group: Target) -> Attributes | None:
    await call(
        "logs", "CreateLogGroup", logGroupName=group.name, kmsKeyId=group.get("KmsKeyId"),
        logGroupClass=group.get("LogGroupClass"), tags=group.tags or None,
    )  # fmt: skip
    if "RetentionInDays" in group.properties:
        await call(
            "logs",
            "PutRetentionPolicy",
            logGroupName=group.name,
            retentionInDays=group.properties["RetentionInDays"],
        )
    return None


async def _read_group(call: Call, group: Target) -> Attributes:
    answer = await call("logs", "DescribeLogGroups", logGroupNamePrefix=group.name)
    if not any(found["logGroupName"] == group.name for found in answer.get("logGroups", ())):
        raise _Missing
    return {"Arn": f"{_arn(group)}:*"}


async def _update_group(call: Call, group: Target) -> Attributes | None:
    if group.changed("RetentionInDays"):
        if "RetentionInDays" in group.properties:
            await call(
                "logs", "PutRetentionPolicy", logGroupName=group.name,
                retentionInDays=group.properties["RetentionInDays"],
            )  # fmt: skip
        else:
            await call("logs", "DeleteRetentionPolicy", logGroupName=group.name)
    if group.changed("KmsKeyId"):
        if "KmsKeyId" in group.properties:
            await call(
                "logs", "AssociateKmsKey", logGroupName=group.name, kmsKeyId=group.properties["KmsKeyId"]
            )
        else:
            await call("logs", "DisassociateKmsKey", logGroupName=group.name)
    added, removed = tag_changes(group)
    if added:
        await call("logs", "TagResource", resourceArn=_arn(group), tags=added)
    if removed:
        await call("logs", "UntagResource", resourceArn=_arn(group), tagKeys=removed)
    return None


async def _delete_group(call: Call, group: Target) -> None:
    await call("logs", "DeleteLogGroup", logGroupName=group.name)


register(
    "AWS::Logs::LogGroup",
    properties="KmsKeyId RetentionInDays Tags",
    create_only="LogGroupName LogGroupClass",
    attributes="Arn",
    identifier=("LogGroupName",),
    name=Name("LogGroupName", limit=512),
    create=_create_group,
    read=_read_group,
    update=_update_group,
    delete=_delete_group,
)


async def _create_stream(call: Call, stream: Target) -> Attributes | None:
    await call(
        "logs", "CreateLogStream", logGroupName=stream.properties["LogGroupName"], logStreamName=stream.name
    )
    return None


async def _delete_stream(call: Call, stream: Target) -> None:
    await call(
        "logs", "DeleteLogStream", logGroupName=stream.properties["LogGroupName"], logStreamName=stream.name
    )


register(
    "AWS::Logs::LogStream",
    required="LogGroupName",
    create_only="LogGroupName LogStreamName",
    identifier=("LogGroupName", "LogStreamName"),
    name=Name("LogStreamName", limit=512),
    taggable=False,
    create=_create_stream,
    delete=_delete_stream,
)
