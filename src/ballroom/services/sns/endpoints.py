"""What may subscribe: the rules of each protocol, and who has to confirm.

Source: SNS API Reference, Subscribe; recorded answers (texts).
"""

from __future__ import annotations

import re

from ballroom.kernel import Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.sns.devices import find_device
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.resources import Topic
from ballroom.services.sns.topic_attributes import takes_large_messages

PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose")
LARGE = ("sqs", "firehose", "lambda")
"""Protocols that get messages of more than 256 KiB."""
MOST_LARGE = 100
"""Subscriptions of a topic that takes such messages."""
_PHONE = re.compile(r"\+?\(?\d+([-./ ()]?\d+)*\)?", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)


def check(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    """Refuse what can be no endpoint of this topic.

    Raises:
        InvalidParameter: with AWS's text.
    """
    if protocol not in PROTOCOLS:
        raise InvalidParameter.of(f"Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise InvalidParameter.of("Endpoint")
    if topic.fifo and protocol != "sqs":
        raise InvalidParameter.of(f"Invalid protocol type: {protocol}")
    if takes_large_messages(topic) and protocol not in LARGE:
        reason = "a topic with a MaximumMessageSize above 262144 takes only sqs, firehose and lambda"
        raise InvalidParameter.of("Protocol", reason=reason)
    _CHECKS[protocol](tx, topic, protocol, endpoint)


def _url(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    if not endpoint.lower().startswith(f"{protocol}://") or not _URL.fullmatch(endpoint):
        raise InvalidParameter.of("Endpoint must match the specified protocol")


def _email(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    name, at, host = endpoint.rpartition("@")
    if not at or not name or not host or " " in endpoint:
        raise InvalidParameter.of("Email address")


def _phone(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    if len(endpoint) > 32 or not _PHONE.fullmatch(endpoint):
        raise InvalidParameter(f"Invalid SMS endpoint: {endpoint}")


def _queue(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    arn = find_arn(endpoint)
    if arn is None or arn.service != "sqs" or not arn.account or not arn.region or ":" in arn.resource:
        raise InvalidParameter.of("SQS endpoint ARN")
    if arn.resource.endswith(".fifo") and not topic.fifo:
        raise InvalidParameter.of(
            "Invalid parameter: Endpoint", reason="FIFO SQS Queues can not be subscribed to standard SNS topics"
        )


def _function(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    arn = find_arn(endpoint)
    if arn is None or arn.service != "lambda" or not arn.resource.startswith("function:"):
        raise InvalidParameter.of("Lambda endpoint ARN")


def _device(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    if find_device(tx, endpoint) is None:
        raise InvalidParameter.of("Endpoint", reason="Endpoint does not exist for endpoint arn " + endpoint)


def _firehose(tx: Tx, topic: Topic, protocol: str, endpoint: str) -> None:
    raise NotImplementedHere("Ballroom has no Firehose yet: subscriptions of the protocol firehose are refused")


_CHECKS = {
    "http": _url, "https": _url, "email": _email, "email-json": _email, "sms": _phone, "sqs": _queue,
    "lambda": _function, "application": _device, "firehose": _firehose,
}  # fmt: skip


def needs_confirmation(protocol: str, endpoint: str, caller_account: str) -> bool:
    """Whether the endpoint's owner has to agree first."""
    if protocol in ("http", "https", "email", "email-json"):
        return True
    if protocol in ("sqs", "lambda"):
        arn = find_arn(endpoint)
        return arn is not None and arn.account != caller_account
    return False
