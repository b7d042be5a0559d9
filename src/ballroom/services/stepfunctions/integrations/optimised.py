"""SQS, SNS, DynamoDB and EventBridge: integrations that AWS optimised, with names and errors of their own.

A crash: the call and the history are one commit, so it happens exactly once.

Source: Developer Guide, "Integrating services with Step Functions"; recorded histories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from ballroom.kernel import ServiceError
from ballroom.kernel.model import load_service

from ..language.machine import Resource
from .aws_sdk import rendered, request_of
from .base import Call, Told, sdk_metadata, status_of
from .outcomes import Done, TaskFailure


@dataclass(frozen=True)
class Optimised:
    """One optimised operation. Errors are worded as by the first version of AWS's SDK for Java."""

    service: str
    operation: str
    prefix: str
    """Before error names: `SQS.QueueDoesNotExistException`."""
    client: str
    """What the SDK calls the service in its texts, and unmodelled errors after."""
    content_type: str = "application/x-amz-json-1.0"
    as_text: frozenset[str] = frozenset()
    """Members that may be given as JSON, and are sent as text."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """See `Integration`."""
        shape = load_service(self.service).operation(self.operation).input
        if not isinstance(given, dict):
            raise TaskFailure("States.Runtime", f"The parameters of {resource.arn} must be an object")
        sent = {
            name: value if isinstance(value, str) or name not in self.as_text else orjson.dumps(value).decode()
            for name, value in given.items()
        }
        return Call(self.service, self.operation, request_of(shape, self._sent(sent, told)))

    def _sent(self, given: dict[str, Any], told: Told) -> dict[str, Any]:
        return given

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        shape = load_service(self.service).operation(self.operation).output
        result = rendered(shape, answer) if shape is not None else {}
        length = len(orjson.dumps(result))
        return Done(dict(sorted((result | sdk_metadata(told, self.content_type, length)).items())))

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """See `Integration`."""
        modelled = {shape.name for shape in load_service(self.service).operation(self.operation).errors}
        if error.shape in modelled:
            name = error.shape if error.shape.endswith("Exception") else f"{error.shape}Exception"
        else:
            name = f"{self.client.removesuffix('v2')}Exception"
        shape = load_service(self.service).error(error.shape)
        code, text = shape.code if shape is not None else error.shape, error.text
        return TaskFailure(
            f"{self.prefix}.{name}",
            f"{text} (Service: {self.client}; Status Code: {status_of(self.service, error)}; "
            f"Error Code: {code}; Request ID: {told.request_id}; Proxy: null)",
        )


@dataclass(frozen=True)
class PutEvents(Optimised):
    """`events:putEvents`: one entry that fails is a failure of the task."""

    def _sent(self, given: dict[str, Any], told: Told) -> dict[str, Any]:
        entries = given.get("Entries")
        if not isinstance(entries, list):
            return given
        sent = []
        for entry in entries:
            if isinstance(entry, dict):
                entry = dict(entry)
                if "Detail" in entry and not isinstance(entry["Detail"], str):
                    entry["Detail"] = orjson.dumps(entry["Detail"]).decode()
                entry["Resources"] = [*(entry.get("Resources") or ()), told.execution_arn, told.machine_arn]
            sent.append(entry)
        return {**given, "Entries": sent}

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        if answer.get("FailedEntryCount"):
            cause = {"Entries": answer.get("Entries", []), "FailedEntryCount": answer["FailedEntryCount"]}
            raise TaskFailure("EventBridge.FailedEntry", orjson.dumps(cause).decode())
        return super().done(resource, answer, told)


def _dynamodb(operation: str) -> Optimised:
    return Optimised("dynamodb", operation, "DynamoDB", "AmazonDynamoDBv2")


OPTIMISED: dict[tuple[str, str], Optimised] = {
    ("sqs", "sendMessage"): Optimised(
        "sqs", "SendMessage", "SQS", "AmazonSQS", as_text=frozenset({"MessageBody"})
    ),
    ("sns", "publish"): Optimised(
        "sns", "Publish", "SNS", "AmazonSNS", "text/xml", as_text=frozenset({"Message"})
    ),
    ("dynamodb", "getItem"): _dynamodb("GetItem"),
    ("dynamodb", "putItem"): _dynamodb("PutItem"),
    ("dynamodb", "updateItem"): _dynamodb("UpdateItem"),
    ("dynamodb", "deleteItem"): _dynamodb("DeleteItem"),
    ("events", "putEvents"): PutEvents(
        "events", "PutEvents", "EventBridge", "AmazonCloudWatchEvents", "application/x-amz-json-1.1"
    ),
}
