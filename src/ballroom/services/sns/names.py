"""ARNs and names of topics, subscriptions, applications and endpoints.

Source: SNS API Reference, CreateTopic; recorded answers (texts, order of checks).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ballroom.kernel.arn import Arn, find_arn, make_arn
from ballroom.services.sns.errors import InvalidParameter

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_PARTS = 6


class TopicName(NamedTuple):
    """Where a topic is."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The topic's ARN."""
        return make_arn("sns", self.region, self.account, self.name)


def check_topic_name(name: str, *, fifo: bool) -> None:
    """Refuse what can be no topic's name.

    Raises:
        InvalidParameter: with AWS's text.
    """
    stem = name.removesuffix(".fifo") if fifo else name
    if len(name) > 256 or not _TOPIC.fullmatch(stem) or (fifo and stem == name):
        raise InvalidParameter.of("Topic Name")


def parse_arn(text: str, parameter: str) -> Arn:
    """Any ARN.

    Raises:
        InvalidParameter: it is none; the text names the parameter and counts the parts.
    """
    parts = text.split(":", 5)
    if len(parts) < _PARTS:
        reason = f"An ARN must have at least {_PARTS} elements, not {len(parts)}"
        raise InvalidParameter.of(parameter, reason=reason)
    arn = find_arn(text)
    if arn is None:
        raise InvalidParameter.of(parameter)
    return arn


def parse_topic(text: str, region: str | None, parameter: str = "TopicArn") -> TopicName:
    """The topic that an ARN names; `region` refuses those of another one, as AWS's endpoints do.

    Raises:
        InvalidParameter: it is no topic's ARN.
    """
    arn = parse_arn(text, parameter)
    if arn.service != "sns" or ":" in arn.resource or (region is not None and arn.region != region):
        raise InvalidParameter.of(parameter)
    return TopicName(arn.account, arn.region, arn.resource)


def parse_subscription(text: str) -> tuple[TopicName, str]:
    """The topic and the id in a subscription's ARN.

    Raises:
        InvalidParameter: it is none.
    """
    if not text:
        raise InvalidParameter.of("SubscriptionArn", reason="no value for required parameter")
    arn = parse_arn(text, "SubscriptionArn")
    topic, colon, subscription_id = arn.resource.rpartition(":")
    if arn.service != "sns" or not colon or not topic or ":" in topic:
        raise InvalidParameter.of("SubscriptionId")
    return TopicName(arn.account, arn.region, topic), subscription_id
