"""AWS::SQS types.

Source: CloudFormation User Guide, "AWS::SQS::Queue", "AWS::SQS::QueuePolicy".
"""

from __future__ import annotations

from typing import Any

from ..template.values import as_text
from .base import Attributes, Call, Name, Properties, Target, register, tag_changes

ATTRIBUTES = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled",
    "VisibilityTimeout",
)  # fmt: skip
_DEFAULTS = {
    "ContentBasedDeduplication": "false", "DelaySeconds": "0", "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0", "RedriveAllowPolicy": "", "RedrivePolicy": "",
    "VisibilityTimeout": "30",
    "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue", "SqsManagedSseEnabled": "true",
}  # fmt: skip


def is_fifo(properties: Properties) -> bool:
    """Whether the queue is to be a FIFO queue."""
    return as_text(properties.get("FifoQueue", False)).lower() == "true"


async def _create_queue(call: Call, queue: Target) -> Attributes | None:
    attributes: dict[str, Any] = queue.pick(*ATTRIBUTES)
    if is_fifo(queue.properties):
        attributes["FifoQueue"] = "true"
    answer = await call(
        "sqs", "CreateQueue", QueueName=queue.name, Attributes=attributes or None, tags=queue.tags or None
    )
    queue.physical_id = answer["QueueUrl"]
    return None


async def _read_queue(call: Call, queue: Target) -> Attributes:
    url = queue.physical_id
    if not url:
        url = queue.physical_id = (await call("sqs", "GetQueueUrl", QueueName=queue.name))["QueueUrl"]
    answer = await call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
    arn = answer["Attributes"]["QueueArn"]
    return {"Arn": arn, "QueueName": arn.rsplit(":", 1)[1], "QueueUrl": url}


async def _update_queue(call: Call, queue: Target) -> Attributes | None:
    changed: dict[str, Any] = queue.changes(*ATTRIBUTES)
    for name in ATTRIBUTES:
        if name in queue.previous and name not in queue.properties:
            changed[name] = _DEFAULTS[name]
    if changed:
        await call("sqs", "SetQueueAttributes", QueueUrl=queue.physical_id, Attributes=changed)
    added, removed = tag_changes(queue)
    if added:
        await call("sqs", "TagQueue", QueueUrl=queue.physical_id, Tags=added)
    if removed:
        await call("sqs", "UntagQueue", QueueUrl=queue.physical_id, TagKeys=removed)
    return None


async def _delete_queue(call: Call, queue: Target) -> None:
    await call("sqs", "DeleteQueue", QueueUrl=queue.physical_id)


register(
    "AWS::SQS::Queue",
    properties=" ".join(ATTRIBUTES) + " Tags",
    create_only="QueueName FifoQueue",
    attributes="Arn QueueName QueueUrl",
    identifier=("QueueUrl",),
    name=Name("QueueName", limit=80, suffix=lambda properties: ".fifo" if is_fifo(properties) else ""),
    create=_create_queue,
    read=_read_queue,
    update=_update_queue,
    delete=_delete_queue,
)


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    policy.physical_id = policy.physical_id or policy.name
    for url in set(policy.previous.get("Queues", ())) - set(policy.properties["Queues"]):
        await call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})
    for url in policy.properties["Queues"]:
        await call(
            "sqs",
            "SetQueueAttributes",
            QueueUrl=url,
            Attributes={"Policy": policy.properties["PolicyDocument"]},
        )
    return {"Id": policy.physical_id}


async def _delete_policy(call: Call, policy: Target) -> None:
    for url in policy.properties["Queues"]:
        await call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


register(
    "AWS::SQS::QueuePolicy",
    required="PolicyDocument Queues",
    attributes="Id",
    identifier=("Id",),
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)
