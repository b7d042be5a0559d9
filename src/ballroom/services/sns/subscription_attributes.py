"""A subscription's attributes: what may be set, and what GetSubscriptionAttributes tells.

Source: SNS API Reference, Subscribe, SetSubscriptionAttributes; recorded answers.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel.arn import find_arn
from ballroom.services.sns import filtering, policies
from ballroom.services.sns.archive_policies import replay_range
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.resources import Subscription, Topic

RAW_PROTOCOLS = ("sqs", "http", "https", "firehose")
_NAMES = (
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy",
    "ReplayPolicy", "SubscriptionRoleArn",
)  # fmt: skip


def checked(
    given: dict[str, str], protocol: str, topic: Topic, before: dict[str, str] | None = None
) -> dict[str, str]:
    """The attributes of a subscription, normalised; over those that it has `before`, if it exists.

    Raises:
        InvalidParameter: one breaks a rule. The text begins with "Attributes Reason: " in Subscribe, and is
            bare in SetSubscriptionAttributes.
    """
    setting = before is not None
    attributes = dict(before or {})
    for name, value in given.items():
        if name not in _NAMES:
            if setting:
                raise InvalidParameter.of("AttributeName")
            raise InvalidParameter.of("Attributes", reason=f"Unknown attribute: {name}")
        _set(attributes, name, value, protocol, topic, "" if setting else "Attributes Reason: ")
    _check_filter(attributes, "" if setting else "Attributes Reason: ")
    return attributes


def _set(attributes: dict[str, str], name: str, value: str, protocol: str, topic: Topic, prefix: str) -> None:
    if name == "RawMessageDelivery":
        attributes[name] = _raw(value, protocol, prefix)
        return
    if not value or (name in ("FilterPolicy", "RedrivePolicy", "ReplayPolicy") and value.strip() == "{}"):
        attributes.pop(name, None)
        return
    if name == "FilterPolicyScope":
        if value not in (filtering.ATTRIBUTES, filtering.BODY):
            raise InvalidParameter.of(
                f"{prefix}FilterPolicyScope: Invalid value [{value}]. "
                "Please use either MessageBody or MessageAttributes"
            )
    elif name == "RedrivePolicy":
        _check_redrive(value, topic, prefix)
    elif name == "DeliveryPolicy":
        policies.subscription_policy(value)
    elif name == "ReplayPolicy":
        _check_replay(value, topic, prefix)
    attributes[name] = value


def _raw(value: str, protocol: str, prefix: str) -> str:
    lower = value.lower()
    if lower not in ("true", "false"):
        raise InvalidParameter.of(
            f"{prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false."
        )
    if lower == "true" and protocol not in RAW_PROTOCOLS:
        text = f"{prefix}Delivery protocol [{protocol}] does not support raw message delivery."
        raise InvalidParameter.of(text)
    return lower


def _check_filter(attributes: dict[str, str], prefix: str) -> None:
    policy = attributes.get("FilterPolicy")
    if policy is not None:
        filtering.compiled(policy, attributes.get("FilterPolicyScope", filtering.ATTRIBUTES), prefix)


def _check_redrive(value: str, topic: Topic, prefix: str) -> None:
    try:
        policy = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise InvalidParameter.of(f"{prefix}RedrivePolicy: failed to parse JSON.") from None
    unknown = [name for name in policy if name != "deadLetterTargetArn"] if isinstance(policy, dict) else []
    if unknown:
        raise InvalidParameter.of(f"{prefix}RedrivePolicy: invalid JSON. Attribute {unknown[0]} is unknown.")
    target = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    arn = find_arn(target) if isinstance(target, str) else None
    if arn is None or arn.service != "sqs" or not arn.account:
        raise InvalidParameter.of(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if arn.account != topic.account or arn.region != topic.region:
        raise InvalidParameter.of(
            f"{prefix}RedrivePolicy: deadLetterTargetArn must be an SQS queue in the same account and region"
        )
    if topic.fifo and not arn.resource.endswith(".fifo"):
        raise InvalidParameter.of(f"{prefix}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO topic")
    if not topic.fifo and arn.resource.endswith(".fifo"):
        raise InvalidParameter.of(
            f"{prefix}RedrivePolicy: must use a standard queue as DLQ for a standard topic"
        )


def _check_replay(value: str, topic: Topic, prefix: str) -> None:
    parameter = f"{prefix}ReplayPolicy"
    if not topic.fifo:
        raise InvalidParameter.of(f"{parameter}: only subscriptions to FIFO topics can be replayed to")
    replay_range(value, parameter)
    if topic.archive is None:
        raise InvalidParameter.of(f"{parameter}: the topic has no ArchivePolicy")


def dead_letter_queue(subscription: Subscription) -> str | None:
    """The ARN of the queue that gets what cannot be delivered."""
    policy = subscription.attributes.get("RedrivePolicy")
    return orjson.loads(policy)["deadLetterTargetArn"] if policy else None


def described(subscription: Subscription, topic: Topic | None) -> dict[str, Any]:
    """What GetSubscriptionAttributes tells."""
    attributes: dict[str, Any] = {"RawMessageDelivery": "false", **subscription.attributes}
    if "FilterPolicy" in attributes:
        attributes.setdefault("FilterPolicyScope", filtering.ATTRIBUTES)
    if subscription.replay_status:
        attributes["ReplayStatus"] = subscription.replay_status
    if subscription.protocol in ("http", "https"):
        own = topic.attributes.get("DeliveryPolicy") if topic is not None else None
        effective = policies.effective_policy(own, attributes.get("DeliveryPolicy"))
        attributes["EffectiveDeliveryPolicy"] = orjson.dumps(effective).decode()
    authenticated = subscription.authenticated and not subscription.pending
    return {
        **attributes,
        "ConfirmationWasAuthenticated": "true" if authenticated else "false",
        "Endpoint": subscription.endpoint,
        "Owner": subscription.owner,
        "PendingConfirmation": "true" if subscription.pending else "false",
        "Protocol": subscription.protocol,
        "SubscriptionArn": subscription.arn,
        "SubscriptionPrincipal": subscription.principal,
        "TopicArn": subscription.at.arn,
    }
