"""Queue attributes: which there are, what they may be, their defaults, and what they mean.

Source: SQS API Reference, CreateQueue and SetQueueAttributes; recorded answers (texts, defaults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ballroom.services.sqs import access_policy
from ballroom.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue
from ballroom.services.sqs.redrive import (
    RedriveAllowPolicy,
    RedrivePolicy,
    read_redrive_allow_policy,
    read_redrive_policy,
)

MAX_MESSAGE_BYTES = 1 << 20
MAX_VISIBILITY_S = 43_200
MAX_DELAY_S = 900
MAX_WAIT_S = 20

_RANGES = {
    "DelaySeconds": (0, MAX_DELAY_S),
    "MaximumMessageSize": (1024, MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, MAX_WAIT_S),
    "VisibilityTimeout": (0, MAX_VISIBILITY_S),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "SqsManagedSseEnabled": ("true", "false"),
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_TEXTS = ("KmsMasterKeyId", "Policy", "RedrivePolicy", "RedriveAllowPolicy")
_READ_ONLY = (
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
)
SETTABLE = frozenset((*_RANGES, *_CHOICES, *_TEXTS))
READABLE = frozenset((*SETTABLE, *_READ_ONLY))

_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
_FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoQueue": "true",
    "FifoThroughputLimit": "perQueue",
}
_DEFAULT_KEY_REUSE = "300"
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_ONE_ENCRYPTION = (
    "You can use one type of server-side encryption (SSE) at one time. "
    "You can either enable KMS SSE or SQS SSE."
)


class Meaning(msgspec.Struct, frozen=True):
    """A queue's attributes, decoded once."""

    fifo: bool
    delay_ms: int
    max_bytes: int
    retention_ms: int
    wait_s: int
    visibility_s: int
    content_based: bool
    scope_is_group: bool
    redrive: RedrivePolicy | None
    allow: RedriveAllowPolicy


def with_defaults(attributes: Mapping[str, str]) -> dict[str, str]:
    """Every settable attribute that the queue has a value for, as GetQueueAttributes tells them."""
    told = dict(_DEFAULTS)
    if attributes.get("FifoQueue") == "true":
        told.update(_FIFO_DEFAULTS)
    told.update(attributes)
    if "KmsMasterKeyId" in told:
        told.setdefault("KmsDataKeyReusePeriodSeconds", _DEFAULT_KEY_REUSE)
        told["SqsManagedSseEnabled"] = "false"
    else:
        told.pop("KmsDataKeyReusePeriodSeconds", None)
    return told


def meaning_of(attributes: Mapping[str, str]) -> Meaning:
    """What a queue's attributes mean."""
    told = with_defaults(attributes)
    redrive, allow = told.get("RedrivePolicy"), told.get("RedriveAllowPolicy")
    return Meaning(
        fifo="FifoQueue" in told,
        delay_ms=1000 * int(told["DelaySeconds"]),
        max_bytes=int(told["MaximumMessageSize"]),
        retention_ms=1000 * int(told["MessageRetentionPeriod"]),
        wait_s=int(told["ReceiveMessageWaitTimeSeconds"]),
        visibility_s=int(told["VisibilityTimeout"]),
        content_based=told.get("ContentBasedDeduplication") == "true",
        scope_is_group=told.get("DeduplicationScope") == "messageGroup",
        redrive=read_redrive_policy(redrive) if redrive else None,
        allow=read_redrive_allow_policy(allow) if allow else RedriveAllowPolicy(),
    )


def change(before: Mapping[str, str], given: Mapping[str, str], *, fifo: bool, new: bool) -> dict[str, str]:
    """The attributes of a queue after `given` has been set; an empty policy or key removes it.

    Raises:
        InvalidAttributeName: no attribute of this kind of queue has that name.
        InvalidAttributeValue: a value is out of range, or does not go with the others.
        InvalidParameterValue: a policy breaks a rule.
    """
    after = dict(before)
    for name, raw in given.items():
        if name not in SETTABLE:
            raise InvalidAttributeName.unknown(name)
        if not fifo:
            _refuse_for_standard(name)
        value = _normalised(name, raw)
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    if fifo and not new and given.get("FifoQueue", "true") != "true":
        raise InvalidAttributeValue.of_parameter("FifoQueue", "Modifying queue type is not supported.")
    _settle_encryption(after, given)
    per_group = after.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and after.get("DeduplicationScope") != "messageGroup":
        raise InvalidAttributeValue.of_parameter(
            "FifoThroughputLimit",
            "The perMessageGroupId value is allowed only when "
            "the value for DeduplicationScope is messageGroup.",
        )
    return after


def first_difference(existing: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """The first attribute of a repeated CreateQueue that differs from what the queue has."""
    told = with_defaults(existing)
    for name, raw in given.items():
        if name not in SETTABLE:
            raise InvalidAttributeName.unknown(name)
        if (_normalised(name, raw) or "") != told.get(name, ""):
            return name
    return None


def _refuse_for_standard(name: str) -> None:
    if name in ("FifoQueue", "ContentBasedDeduplication"):
        raise InvalidAttributeName.unknown(name)
    if name in ("DeduplicationScope", "FifoThroughputLimit"):
        raise InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")


def _normalised(name: str, raw: str) -> str | None:
    """The text to store; None removes the attribute."""
    bounds = _RANGES.get(name)
    if bounds is not None:
        if not _WHOLE_NUMBER.fullmatch(raw) or not bounds[0] <= int(raw) <= bounds[1]:
            raise InvalidAttributeValue.of_parameter(name)
        return str(int(raw))
    choices = _CHOICES.get(name)
    if choices is not None:
        value = raw.lower() if choices[0] == "true" else raw
        if value not in choices:
            raise InvalidAttributeValue.of_parameter(name)
        return value
    if not raw:
        return None
    if name == "RedrivePolicy":
        return read_redrive_policy(raw).text
    if name == "RedriveAllowPolicy":
        read_redrive_allow_policy(raw)
    elif name == "Policy":
        access_policy.check(raw)
    return raw


def _settle_encryption(after: dict[str, str], given: Mapping[str, str]) -> None:
    """SSE-KMS and SSE-SQS exclude each other; turning one on turns the other off."""
    managed = given.get("SqsManagedSseEnabled", "").lower() == "true"
    if managed and given.get("KmsMasterKeyId"):
        raise InvalidAttributeValue(_ONE_ENCRYPTION)
    if managed:
        after.pop("KmsMasterKeyId", None)
        after.pop("KmsDataKeyReusePeriodSeconds", None)
    elif given.get("KmsMasterKeyId"):
        after["SqsManagedSseEnabled"] = "false"
