"""ARNs and names of topics, subscriptions, applications and endpoints.

Source: SNS API Reference, CreateTopic; recorded answers (texts, order of checks).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ballroom.kernel.arn import Arn, find_arn, make_arn, partition_of
from ballroom.services.sns.errors import InvalidParameter

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_NAME_LENGTH = 256
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
    if len(name) > _NAME_LENGTH or not _TOPIC.fullmatch(stem) or (fifo and stem == name):
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


def _is_ours(arn: Arn) -> bool:
    """Whether an ARN is one of SNS's, complete and in its region's partition."""
    return (
        arn.service == "sns"
        and bool(arn.region)
        and arn.partition == partition_of(arn.region)
        and _ACCOUNT.fullmatch(arn.account) is not None
    )


@lru_cache(4096)
def parse_topic(text: str, region: str | None, parameter: str = "TopicArn") -> TopicName:
    """The topic that an ARN names; `region` refuses those of another one, as AWS's endpoints do.

    Cached: every publication asks.

    Raises:
        InvalidParameter: it is no topic's ARN.
    """
    arn = parse_arn(text, parameter)
    named = ":" not in arn.resource and len(arn.resource) <= _NAME_LENGTH
    if not _is_ours(arn) or not named or (region is not None and arn.region != region):
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
    if not _is_ours(arn) or not colon or not topic or ":" in topic:
        raise InvalidParameter.of("SubscriptionId")
    return TopicName(arn.account, arn.region, topic), subscription_id
