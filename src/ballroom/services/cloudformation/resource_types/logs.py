"""AWS::Logs types.

Source: CloudFormation User Guide, "AWS::Logs::LogGroup", "AWS::Logs::LogStream".
"""

from __future__ import annotations

from typing import Any

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


# -- filters and policies ----------------------------------------------------------------------------


async def _put_metric_filter(call: Call, found: Target) -> Attributes | None:
    found.physical_id = found.name
    transformations = [
        {
            _METRIC_NAMES.get(name, name[0].lower() + name[1:]): _metric_value(name, value)
            for name, value in one.items()
        }
        for one in found.properties["MetricTransformations"]
    ]
    await call(
        "logs", "PutMetricFilter", logGroupName=found.properties["LogGroupName"], filterName=found.name,
        filterPattern=found.properties["FilterPattern"], metricTransformations=transformations,
        applyOnTransformedLogs=found.get("ApplyOnTransformedLogs"),
    )  # fmt: skip
    return {}


_METRIC_NAMES = {"MetricName": "metricName", "MetricNamespace": "metricNamespace", "MetricValue": "metricValue"}


def _metric_value(name: str, value: Any) -> Any:
    if name == "Dimensions":
        return {dimension["Key"]: dimension["Value"] for dimension in value}
    return value


async def _delete_metric_filter(call: Call, found: Target) -> None:
    group = found.properties["LogGroupName"]
    await call("logs", "DeleteMetricFilter", logGroupName=group, filterName=found.physical_id)


register(
    "AWS::Logs::MetricFilter",
    properties="ApplyOnTransformedLogs",
    required="FilterPattern LogGroupName MetricTransformations",
    create_only="FilterName LogGroupName",
    identifier=("LogGroupName", "FilterName"),
    name=Name("FilterName", limit=512),
    taggable=False,
    create=_put_metric_filter,
    update=_put_metric_filter,
    delete=_delete_metric_filter,
)


async def _put_subscription(call: Call, found: Target) -> Attributes | None:
    found.physical_id = found.name
    await call(
        "logs", "PutSubscriptionFilter", logGroupName=found.properties["LogGroupName"], filterName=found.name,
        filterPattern=found.properties["FilterPattern"], destinationArn=found.properties["DestinationArn"],
        roleArn=found.get("RoleArn"), distribution=found.get("Distribution"),
        applyOnTransformedLogs=found.get("ApplyOnTransformedLogs"),
    )  # fmt: skip
    return {}


async def _delete_subscription(call: Call, found: Target) -> None:
    group = found.properties["LogGroupName"]
    await call("logs", "DeleteSubscriptionFilter", logGroupName=group, filterName=found.physical_id)


register(
    "AWS::Logs::SubscriptionFilter",
    properties="ApplyOnTransformedLogs Distribution RoleArn",
    required="DestinationArn FilterPattern LogGroupName",
    create_only="FilterName LogGroupName",
    identifier=("FilterName", "LogGroupName"),
    name=Name("FilterName", limit=512),
    taggable=False,
    create=_put_subscription,
    update=_put_subscription,
    delete=_delete_subscription,
)


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    policy.physical_id = policy.name
    document = policy.properties["PolicyDocument"]
    await call("logs", "PutResourcePolicy", policyName=policy.name, policyDocument=document)
    return {}


async def _delete_policy(call: Call, policy: Target) -> None:
    await call("logs", "DeleteResourcePolicy", policyName=policy.physical_id)


register(
    "AWS::Logs::ResourcePolicy",
    required="PolicyDocument PolicyName",
    create_only="PolicyName",
    identifier=("PolicyName",),
    name=Name("PolicyName", limit=255),
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)
