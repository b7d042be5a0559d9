"""A topic's attributes: what may be set, and what GetTopicAttributes tells.

Source: SNS API Reference, CreateTopic, SetTopicAttributes, GetTopicAttributes; recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from ballroom.kernel.arn import find_arn
from ballroom.kernel.policy import PolicyError, matches, parse_policy
from ballroom.services.sns import policies
from ballroom.services.sns.archive_policies import retention_days
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Topic

DEFAULT_MAXIMUM_BYTES = 256 * 1024
MAXIMUM_BYTES = 1024 * 1024
_FEEDBACK = re.compile(
    r"(HTTP|Firehose|Lambda|Application|SQS)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)"
)
_POLICY_BYTES, _STATEMENTS = 30 << 10, 100
"""Source: Developer Guide, "Amazon SNS API permissions: Actions and resources reference" (policy quotas)."""
POLICY_ACTIONS = (
    "AddPermission", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes", "ListSubscriptionsByTopic",
    "ListTagsForResource", "Publish", "PutDataProtectionPolicy", "Receive", "RemovePermission",
    "SetTopicAttributes", "Subscribe",
)  # fmt: skip
"""What a topic's policy may speak of. `Receive` is no operation, but old policies name it."""
_ACTIONS = (
    "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
    "ListSubscriptionsByTopic", "Publish",
)  # fmt: skip


def _boolean(name: str, value: str) -> str:
    lower = value.lower()
    if lower not in ("true", "false"):
        raise InvalidParameter.of(f"Attributes Reason: {name} must be either true or false")
    return lower


def _display_name(name: str, value: str) -> str:
    if len(value) > 100:
        raise InvalidParameter.of("DisplayName")
    return value


def _policy(name: str, value: str) -> str:
    if not value:
        return value
    if len(value.encode("utf-8", "surrogatepass")) > _POLICY_BYTES:
        raise InvalidParameter.of("Policy", reason=f"must be at most {_POLICY_BYTES} bytes long")
    try:
        policy = parse_policy(value)
    except (PolicyError, RecursionError):
        raise InvalidParameter.of("Policy Error: null") from None
    if len(policy.statements) > _STATEMENTS:
        raise InvalidParameter.of("Policy", reason=f"must have at most {_STATEMENTS} statements")
    for statement in policy.statements:
        if statement.principals is None:
            raise InvalidParameter.of("Policy Error: null")
        if not all(map(_in_scope, statement.actions)):
            raise InvalidParameter.of("Policy statement action out of service scope!")
    return value


def _in_scope(pattern: str) -> bool:
    return any(matches(pattern.lower(), f"sns:{action.lower()}") for action in POLICY_ACTIONS)


def _tracing(name: str, value: str) -> str:
    if value not in ("PassThrough", "Active"):
        raise InvalidParameter.of("TracingConfig")
    return value


def _signature_version(name: str, value: str) -> str:
    if value not in ("1", "2"):
        raise InvalidParameter.of("Attributes Reason: SignatureVersion must be 1 or 2")
    return value


def _scope(name: str, value: str) -> str:
    if value not in ("Topic", "MessageGroup"):
        raise InvalidParameter.of("FifoThroughputScope")
    return value


def _maximum(name: str, value: str) -> str:
    if not value.isascii() or not value.isdecimal() or not 1024 <= int(value) <= MAXIMUM_BYTES:
        reason = f"MaximumMessageSize must be between 1024 and {MAXIMUM_BYTES}"
        raise InvalidParameter.of("Attributes", reason=reason)
    return str(int(value))


def _archive(name: str, value: str) -> str:
    return value if retention_days(value) else ""


def _as_it_is(name: str, value: str) -> str:
    return value


def _feedback(name: str, value: str) -> str:
    """Delivery status logging: a role, or a share in percent."""
    if not value:
        return value
    if name.endswith("SampleRate"):
        valid = value.isascii() and value.isdecimal() and len(value) <= 3 and int(value) <= 100
    else:
        arn = find_arn(value)
        valid = arn is not None and arn.service == "iam" and arn.resource.startswith("role/")
    if not valid:
        raise InvalidParameter.of(name)
    return value


def _delivery_policy(name: str, value: str) -> str:
    return policies.topic_policy(value) if value else ""


_CHECKS: dict[str, Callable[[str, str], str]] = {
    "DisplayName": _display_name,
    "Policy": _policy,
    "DeliveryPolicy": _delivery_policy,
    "KmsMasterKeyId": _as_it_is,
    "SignatureVersion": _signature_version,
    "MaximumMessageSize": _maximum,
}
_STANDARD_CHECKS: dict[str, Callable[[str, str], str]] = {"TracingConfig": _tracing}
_FIFO_CHECKS: dict[str, Callable[[str, str], str]] = {
    "ArchivePolicy": _archive,
    "ContentBasedDeduplication": _boolean,
    "FifoThroughputScope": _scope,
}


def check(name: str, value: str, *, fifo: bool, parameter: str = "AttributeName") -> str:
    """An attribute's value as it is stored.

    Raises:
        InvalidParameter: there is no such attribute, or not for this kind of topic, or it has no such value.
    """
    checked = _CHECKS.get(name) or (_FIFO_CHECKS if fifo else _STANDARD_CHECKS).get(name)
    if checked is None and _FEEDBACK.fullmatch(name):
        checked = _feedback
    if checked is None:
        raise InvalidParameter.of(parameter)
    return checked(name, value)


def for_creation(given: dict[str, str]) -> dict[str, str]:
    """The attributes of a topic to be created.

    Raises:
        InvalidParameter: one breaks a rule.
    """
    attributes: dict[str, str] = {}
    fifo = _boolean("FifoTopic", given.get("FifoTopic", "false")) == "true"
    for name, value in given.items():
        if name == "FifoTopic":
            if fifo:
                attributes[name] = "true"
        else:
            reason = f"Attributes Reason: Unknown attribute {name}"
            attributes[name] = check(name, value, fifo=fifo, parameter=reason)
    if fifo:
        attributes.setdefault("ContentBasedDeduplication", "false")
    return attributes


def default_policy(at: TopicName) -> str:
    """The policy of a topic that was given none."""
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _ACTIONS], "Resource": at.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": at.account}},
    }  # fmt: skip
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return orjson.dumps(policy).decode()


def described(topic: Topic, *, confirmed: int, pending: int) -> dict[str, Any]:
    """What GetTopicAttributes tells."""
    attributes = {name: value for name, value in topic.attributes.items() if value or name == "DisplayName"}
    attributes.setdefault("DisplayName", "")
    attributes.setdefault("Policy", default_policy(topic.at))
    effective = policies.effective_topic_policy(attributes.get("DeliveryPolicy"))
    return {
        **attributes,
        "EffectiveDeliveryPolicy": orjson.dumps(effective).decode(),
        "Owner": topic.account,
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsDeleted": str(topic.deleted_subscriptions),
        "SubscriptionsPending": str(pending),
        "TopicArn": topic.arn,
    }


def takes_large_messages(topic: Topic) -> bool:
    """Whether messages of more than 256 KiB may be published: its subscriptions are limited then."""
    return maximum_bytes(topic) > DEFAULT_MAXIMUM_BYTES


def maximum_bytes(topic: Topic | None) -> int:
    """How long a message with its attributes may be."""
    if topic is None:
        return DEFAULT_MAXIMUM_BYTES
    return int(topic.attributes.get("MaximumMessageSize", DEFAULT_MAXIMUM_BYTES))
