"""Records of a DynamoDB stream as functions and pipes receive them. Pure.

Source: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", example event.
"""

from __future__ import annotations

import base64
from typing import Any


def record_of(record: dict[str, Any], stream_arn: str) -> dict[str, Any]:
    """One record of the event, from one that GetRecords gives: JSON, with base64 for binary values."""
    told = record["dynamodb"]
    shown: dict[str, Any] = {"ApproximateCreationDateTime": told["ApproximateCreationDateTime"] / 1000}
    for name in ("Keys", "NewImage", "OldImage"):
        if name in told:
            shown[name] = as_json(told[name])
    for name in ("SequenceNumber", "SizeBytes", "StreamViewType"):
        shown[name] = told[name]
    event = {name: value for name, value in record.items() if name != "dynamodb"}
    if "userIdentity" in event:  # functions see small first letters
        identity = event["userIdentity"]
        event["userIdentity"] = {"principalId": identity["PrincipalId"], "type": identity["Type"]}
    return {**event, "dynamodb": shown, "eventSourceARN": stream_arn}


def as_json(value: Any) -> Any:
    """Bytes as base64 text, all the way down."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def sequence_of(record: dict[str, Any]) -> str:
    """The record's sequence number."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def key_of(record: dict[str, Any]) -> str:
    """What tells items apart: records with the same one stay in order."""
    return repr(sorted(record["dynamodb"]["Keys"].items()))
