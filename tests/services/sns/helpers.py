"""What tests of SNS say often, in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import ACCOUNT, REGION, Cloud
from tests.services.sqs.helpers import a_queue, receive

__all__ = ["a_queue", "a_topic", "arn_of", "envelopes", "publish", "receive", "subscribe", "subscribed_queue"]


def arn_of(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def a_topic(cloud: Cloud, name: str = "t", **attributes: Any) -> str:
    """The ARN of a new topic; a FIFO topic if its name says so."""
    if name.endswith(".fifo"):
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true", **attributes}
    given = {"Attributes": attributes} if attributes else {}
    arn: str = cloud.sns("CreateTopic", Name=name, **given)["TopicArn"]
    return arn


def subscribe(cloud: Cloud, topic: str, protocol: str, endpoint: str, **attributes: Any) -> str:
    given = {"Attributes": attributes} if attributes else {}
    answer = cloud.sns(
        "Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True, **given
    )
    arn: str = answer["SubscriptionArn"]
    return arn


def subscribed_queue(cloud: Cloud, topic: str, name: str = "q", **attributes: Any) -> str:
    """The URL of a new queue that is subscribed to the topic."""
    url = a_queue(cloud, name)
    subscribe(cloud, topic, "sqs", arn_of("sqs", name), **attributes)
    return url


def publish(cloud: Cloud, topic: str, message: str = "hello", **more: Any) -> dict[str, Any]:
    if topic.endswith(".fifo"):
        more.setdefault("MessageGroupId", "g")
    return cloud.sns("Publish", TopicArn=topic, Message=message, **more)


def envelopes(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    """The notifications that wait in a queue."""
    return [json.loads(message["Body"]) for message in receive(cloud, url)]
