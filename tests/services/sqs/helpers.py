"""What tests of SQS say often, in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud


def a_queue(
    cloud: Cloud, name: str = "q", *, holding: tuple[str, ...] | list[str] = (), **attributes: Any
) -> str:
    """The URL of a new queue with messages in it; a FIFO queue if its name says so."""
    if name.endswith(".fifo"):
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
    given = {key: str(value) for key, value in attributes.items()}
    url: str = cloud.sqs("CreateQueue", QueueName=name, **({"Attributes": given} if given else {}))["QueueUrl"]
    for body in holding:
        send(cloud, url, body)
    return url


def send(cloud: Cloud, url: str, body: str, **more: Any) -> dict[str, Any]:
    if url.endswith(".fifo"):
        more.setdefault("MessageGroupId", "g")
    return cloud.sqs("SendMessage", QueueUrl=url, MessageBody=body, **more)


def receive(cloud: Cloud, url: str, count: int = 10, **more: Any) -> list[dict[str, Any]]:
    answer = cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=count, **more)
    assert answer.get("Messages") != []  # AWS leaves an empty list out
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def delete(cloud: Cloud, url: str, message: dict[str, Any]) -> None:
    cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def hide(cloud: Cloud, url: str, message: dict[str, Any], seconds: int) -> None:
    cloud.sqs(
        "ChangeMessageVisibility",
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=seconds,
    )


def attributes(cloud: Cloud, url: str, *names: str) -> dict[str, str]:
    answer = cloud.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names or ("All",)))
    told: dict[str, str] = answer.get("Attributes", {})
    return told


def counts(cloud: Cloud, url: str) -> tuple[int, int, int]:
    """Visible, in flight, delayed."""
    told = attributes(cloud, url)
    return (
        int(told["ApproximateNumberOfMessages"]),
        int(told["ApproximateNumberOfMessagesNotVisible"]),
        int(told["ApproximateNumberOfMessagesDelayed"]),
    )


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def redrive(name: str, receives: int = 1) -> str:
    """A RedrivePolicy."""
    return json.dumps({"deadLetterTargetArn": arn(name), "maxReceiveCount": receives})
