"""Queue messages as functions receive them, and what a function says about each.

Pure.

Source: Developer Guide, "Using Lambda with Amazon SQS", example events, "Reporting batch item failures".
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from ballroom.sources.batch_failures import reported_failures

_ATTRIBUTE_ORDER = (
    "ApproximateReceiveCount", "AWSTraceHeader", "SentTimestamp", "SequenceNumber", "MessageGroupId",
    "SenderId", "MessageDeduplicationId", "ApproximateFirstReceiveTimestamp", "DeadLetterQueueSourceArn",
)  # fmt: skip


def record_of(message: dict[str, Any], queue_arn: str, region: str) -> dict[str, Any]:
    """One record of the event, from a message as ReceiveMessage hands it out."""
    attributes = message.get("Attributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: attributes[name] for name in _ATTRIBUTE_ORDER if name in attributes},
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    record["md5OfBody"] = message["MD5OfBody"]
    record["eventSource"] = "aws:sqs"
    record["eventSourceARN"] = queue_arn
    record["awsRegion"] = region
    return record


def event_of(messages: list[dict[str, Any]], queue_arn: str, region: str) -> bytes:
    """The event for a batch."""
    return orjson.dumps({"Records": [record_of(m, queue_arn, region) for m in messages]})


def failed_messages(payload: bytes, sent: set[str]) -> set[str]:
    """The ids that the function reports as failed; all of them when its answer breaks the format."""
    failed = reported_failures(payload, sent)
    return set(sent) if failed is None else failed


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    shown["stringListValues"] = []
    shown["binaryListValues"] = []
    shown["dataType"] = value["DataType"]
    return shown
