"""Redrive policies: which dead-letter queue, after how many receives, and who may use one as such.

Source: SQS Developer Guide, "Using dead-letter queues"; CreateQueue, RedrivePolicy and RedriveAllowPolicy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ballroom.services.sqs.errors import InvalidParameterValue, SqsError
from ballroom.services.sqs.names import FIFO_SUFFIX, find_queue_arn

MAX_RECEIVES = 1000
_MAX_SOURCES = 10


class RedrivePolicy(msgspec.Struct, frozen=True):
    """After `max_receives` receives, a message goes to the queue `arn`."""

    arn: str
    max_receives: int

    @property
    def text(self) -> str:
        """The attribute as AWS tells it."""
        return msgspec.json.encode(
            {"deadLetterTargetArn": self.arn, "maxReceiveCount": self.max_receives}
        ).decode()


class RedriveAllowPolicy(msgspec.Struct, frozen=True):
    """Who may name this queue as its dead-letter queue: `allowAll`, `denyAll`, or `byQueue` with ARNs."""

    permission: str = "allowAll"
    sources: tuple[str, ...] = ()

    def allows(self, source_arn: str) -> bool:
        """Whether a queue may name this one."""
        return self.permission == "allowAll" or (self.permission == "byQueue" and source_arn in self.sources)


def _reader(parameter: str, raw: str, title: str) -> tuple[dict[str, Any], Callable[[str], SqsError]]:
    def refuse(reason: str) -> SqsError:
        return InvalidParameterValue.because(raw, parameter, reason)

    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise refuse(f"{title} is not a valid JSON map.") from None
    if not isinstance(value, dict):
        raise refuse(f"{title} is not a valid JSON map.")
    return value, refuse


def read_redrive_policy(raw: str) -> RedrivePolicy:
    """The policy in a RedrivePolicy attribute.

    Raises:
        InvalidParameterValue: it is none.
    """
    value, refuse = _reader("RedrivePolicy", raw, "Redrive policy")
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in value:
            raise refuse(f"Redrive policy does not contain mandatory attribute: {name}.")
    if len(value) > 2:
        raise refuse("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].")
    arn = value["deadLetterTargetArn"]
    if not isinstance(arn, str) or find_queue_arn(arn) is None:
        raise refuse("Invalid value for deadLetterTargetArn.")
    given = value["maxReceiveCount"]
    text = str(given)
    if isinstance(given, bool) or not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_RECEIVES:
        raise refuse(
            f"Invalid value for maxReceiveCount: {text}, "
            f"valid values are from 1 to {MAX_RECEIVES} both inclusive."
        )
    return RedrivePolicy(arn, int(text))


def check_dead_letter_queue(
    raw: str, source_arn: str, policy: RedrivePolicy, allow: RedriveAllowPolicy | None
) -> None:
    """Refuse a dead-letter queue that is missing (`allow` is None), of another kind, or does not allow it.

    Raises:
        InvalidParameterValue: see the text.
    """

    def refuse(reason: str) -> SqsError:
        return InvalidParameterValue.because(raw, "RedrivePolicy", reason)

    here, there = find_queue_arn(source_arn), find_queue_arn(policy.arn)
    if here is None or there is None or here[:2] != there[:2]:
        raise refuse("Dead-letter target owner should be same as the source.")
    if allow is None:
        raise refuse("Dead letter target does not exist.")
    if source_arn.endswith(FIFO_SUFFIX) != policy.arn.endswith(FIFO_SUFFIX):
        raise refuse("Dead-letter queue must be same type of queue as the source.")
    if not allow.allows(source_arn):
        raise refuse(
            "The queue does not have permission to use the dead-letter queue: "
            "the RedriveAllowPolicy of the dead-letter queue denies it."
        )


def read_redrive_allow_policy(raw: str) -> RedriveAllowPolicy:
    """The policy in a RedriveAllowPolicy attribute.

    Raises:
        InvalidParameterValue: it is none.
    """
    value, refuse = _reader("RedriveAllowPolicy", raw, "Redrive allow policy")
    unknown = value.keys() - {"redrivePermission", "sourceQueueArns"}
    if unknown:
        raise refuse("Only following attributes are supported: [redrivePermission, sourceQueueArns].")
    permission = value.get("redrivePermission")
    if permission is None:
        raise refuse("Redrive allow policy does not contain mandatory attribute: redrivePermission.")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise refuse(
            f"Invalid value for redrivePermission: {permission}, "
            "valid values are: [allowAll, denyAll, byQueue]."
        )
    sources = value.get("sourceQueueArns")
    if permission != "byQueue":
        if sources is not None:
            raise refuse("sourceQueueArns can only be specified when redrivePermission is set to byQueue.")
        return RedriveAllowPolicy(permission)
    if not isinstance(sources, list) or not sources:
        raise refuse("sourceQueueArns must be specified when redrivePermission is set to byQueue.")
    if len(sources) > _MAX_SOURCES:
        raise refuse(f"sourceQueueArns can contain at most {_MAX_SOURCES} queue ARNs.")
    for arn in sources:
        if not isinstance(arn, str) or find_queue_arn(arn) is None:
            raise refuse(f"Invalid value for sourceQueueArns: {arn}.")
    return RedriveAllowPolicy(permission, tuple(sources))
