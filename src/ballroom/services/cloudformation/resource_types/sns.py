"""AWS::SNS types.

Source: CloudFormation User Guide, "AWS::SNS::Topic" and its like.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError

from ..template.values import as_text
from .base import Attributes, Call, Name, Properties, Target, is_missing, register, tag_changes, tag_list

ATTRIBUTES = (
    "ContentBasedDeduplication", "DisplayName", "FifoThroughputScope", "KmsMasterKeyId", "MaximumMessageSize",
    "SignatureVersion", "TracingConfig",
)  # fmt: skip
_DEFAULTS = {
    "SignatureVersion": "1", "TracingConfig": "PassThrough", "FifoThroughputScope": "Topic",
    "ContentBasedDeduplication": "false", "MaximumMessageSize": "262144", "ArchivePolicy": {},
}  # fmt: skip
_SUBSCRIPTION = (
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy",
    "ReplayPolicy", "SubscriptionRoleArn",
)  # fmt: skip


def is_fifo(properties: Properties) -> bool:
    """Whether the topic is to be a FIFO topic."""
    return as_text(properties.get("FifoTopic", False)).lower() == "true"


def _wanted(properties: Properties) -> dict[str, Any]:
    """The topic's attributes, as the template gives them."""
    attributes = {name: as_text(properties[name]) for name in ATTRIBUTES if name in properties}
    if "ArchivePolicy" in properties:
        attributes["ArchivePolicy"] = properties["ArchivePolicy"]  # an object
    for setting in properties.get("DeliveryStatusLogging") or ():
        protocol = {"http/s": "HTTP", "sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose"}.get(
            as_text(setting.get("Protocol")), "Application"
        )
        for name in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"):
            if name in setting:
                attributes[protocol + name] = as_text(setting[name])
    return attributes


async def _create_topic(call: Call, topic: Target) -> Attributes | None:
    attributes = _wanted(topic.properties)
    if is_fifo(topic.properties):
        attributes["FifoTopic"] = "true"
    answer = await call(
        "sns", "CreateTopic", Name=topic.name, Attributes=attributes or None, Tags=tag_list(topic.tags),
        DataProtectionPolicy=topic.get("DataProtectionPolicy"),
    )  # fmt: skip
    topic.physical_id = answer["TopicArn"]
    for subscription in topic.get("Subscription") or ():
        await _subscribe_inline(call, topic, subscription)
    return None


async def _subscribe_inline(call: Call, topic: Target, subscription: dict[str, Any]) -> None:
    await call(
        "sns", "Subscribe", TopicArn=topic.physical_id, Protocol=subscription["Protocol"],
        Endpoint=subscription["Endpoint"],
    )  # fmt: skip


async def _read_topic(call: Call, topic: Target) -> Attributes:
    arn = topic.physical_id
    if not arn:
        arn = topic.physical_id = f"arn:{topic.partition}:sns:{topic.region}:{topic.account}:{topic.name}"
    await call("sns", "GetTopicAttributes", TopicArn=arn)
    shown = as_text(topic.get("DisplayName", ""))
    return {"TopicArn": arn, "TopicName": arn.rsplit(":", 1)[1], "DisplayName": shown}


async def _update_topic(call: Call, topic: Target) -> Attributes | None:
    arn = topic.physical_id
    before, after = _wanted(topic.previous), _wanted(topic.properties)
    for name in before.keys() | after.keys():
        value = after.get(name, _DEFAULTS.get(name, ""))
        if before.get(name) != value:
            await call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=name, AttributeValue=value)
    if topic.changed("DataProtectionPolicy"):
        policy = topic.get("DataProtectionPolicy") or ""
        await call("sns", "PutDataProtectionPolicy", ResourceArn=arn, DataProtectionPolicy=policy)
    if topic.changed("Subscription"):
        await _update_inline(call, topic)
    added, removed = tag_changes(topic)
    if added:
        await call("sns", "TagResource", ResourceArn=arn, Tags=tag_list(added))
    if removed:
        await call("sns", "UntagResource", ResourceArn=arn, TagKeys=removed)
    return None


def _ends(subscriptions: Any) -> set[tuple[str, str]]:
    return {(as_text(s["Protocol"]), as_text(s["Endpoint"])) for s in subscriptions or ()}


async def _update_inline(call: Call, topic: Target) -> None:
    gone = _ends(topic.previous.get("Subscription")) - _ends(topic.get("Subscription"))
    if gone:
        listed = await call("sns", "ListSubscriptionsByTopic", TopicArn=topic.physical_id)
        for found in listed["Subscriptions"]:
            if (found["Protocol"], found["Endpoint"]) in gone and ":" in found["SubscriptionArn"]:
                await call("sns", "Unsubscribe", SubscriptionArn=found["SubscriptionArn"])
    for subscription in topic.get("Subscription") or ():
        await _subscribe_inline(call, topic, subscription)


async def _delete_topic(call: Call, topic: Target) -> None:
    await call("sns", "DeleteTopic", TopicArn=topic.physical_id)


register(
    "AWS::SNS::Topic",
    properties=" ".join(ATTRIBUTES)
    + " ArchivePolicy DataProtectionPolicy DeliveryStatusLogging Subscription Tags",
    create_only="TopicName FifoTopic",
    attributes="DisplayName TopicArn TopicName",  # the first by recorded answers
    identifier=("TopicArn",),
    name=Name("TopicName", limit=256, suffix=lambda properties: ".fifo" if is_fifo(properties) else ""),
    create=_create_topic,
    read=_read_topic,
    update=_update_topic,
    delete=_delete_topic,
)


async def _set_policy(call: Call, topic: str, document: Any) -> None:
    await call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=document)


async def _reset_policy(call: Call, topic: str) -> None:
    """Back to the policy that a topic is created with."""
    try:
        await _set_policy(call, topic, "")
    except ServiceError as error:
        if not is_missing(error):
            raise


async def _put_policy(call: Call, policy: Target) -> Attributes | None:
    policy.physical_id = policy.physical_id or policy.name
    for topic in set(policy.previous.get("Topics", ())) - set(policy.properties["Topics"]):
        await _reset_policy(call, topic)
    for topic in policy.properties["Topics"]:
        await _set_policy(call, topic, policy.properties["PolicyDocument"])
    return {"Id": policy.physical_id}


async def _delete_policy(call: Call, policy: Target) -> None:
    for topic in policy.properties["Topics"]:
        await _reset_policy(call, topic)


register(
    "AWS::SNS::TopicPolicy",
    required="PolicyDocument Topics",
    attributes="Id",
    identifier=("Id",),
    taggable=False,
    create=_put_policy,
    update=_put_policy,
    delete=_delete_policy,
)


async def _put_inline_policy(call: Call, policy: Target) -> Attributes | None:
    policy.physical_id = policy.properties["TopicArn"]
    await _set_policy(call, policy.physical_id, policy.properties["PolicyDocument"])
    return None


async def _delete_inline_policy(call: Call, policy: Target) -> None:
    await _reset_policy(call, policy.properties["TopicArn"])


register(
    "AWS::SNS::TopicInlinePolicy",
    required="PolicyDocument",
    create_only="TopicArn",
    identifier=("TopicArn",),
    taggable=False,
    create=_put_inline_policy,
    update=_put_inline_policy,
    delete=_delete_inline_policy,
)


async def _create_subscription(call: Call, subscription: Target) -> Attributes | None:
    answer = await call(
        "sns", "Subscribe", TopicArn=subscription.properties["TopicArn"],
        Protocol=subscription.properties["Protocol"], Endpoint=subscription.get("Endpoint"),
        Attributes=subscription.pick(*_SUBSCRIPTION) or None, ReturnSubscriptionArn=True,
    )  # fmt: skip
    subscription.physical_id = answer["SubscriptionArn"]
    return None


async def _read_subscription(call: Call, subscription: Target) -> Attributes:
    await call("sns", "GetSubscriptionAttributes", SubscriptionArn=subscription.physical_id)
    return {"Arn": subscription.physical_id}


async def _update_subscription(call: Call, subscription: Target) -> Attributes | None:
    changed: dict[str, Any] = subscription.changes(*_SUBSCRIPTION)
    for name in _SUBSCRIPTION:
        if name in subscription.previous and name not in subscription.properties:
            changed[name] = "false" if name == "RawMessageDelivery" else ""
    # a policy of the body is right only once the scope says so, and one of the attributes before it does
    last = subscription.get("FilterPolicyScope") == "MessageBody" and changed.get("FilterPolicy") != ""
    for name in sorted(changed, key=lambda name: (name == "FilterPolicy") == last):
        await call(
            "sns", "SetSubscriptionAttributes", SubscriptionArn=subscription.physical_id, AttributeName=name,
            AttributeValue=changed[name],
        )  # fmt: skip
    return None


async def _delete_subscription(call: Call, subscription: Target) -> None:
    try:
        await call("sns", "Unsubscribe", SubscriptionArn=subscription.physical_id)
    except ServiceError as error:
        if "pending confirmation" not in error.text:
            raise  # nobody has confirmed it: it ends by itself


register(
    "AWS::SNS::Subscription",
    properties=" ".join(_SUBSCRIPTION),
    required="Protocol TopicArn",
    create_only="Endpoint Region",
    attributes="Arn",
    identifier=("Arn",),
    taggable=False,
    create=_create_subscription,
    read=_read_subscription,
    update=_update_subscription,
    delete=_delete_subscription,
)
