"""The kinds of targets: which ARNs they have, and what is called to reach them.

A kind is supported exactly when the operation that it needs is there. What joins the event's transaction
is called in it; the rest are deliveries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ballroom.kernel import NotImplementedHere, registry
from ballroom.services.events.errors import ValidationException

if TYPE_CHECKING:
    from ballroom.kernel import Caller, Tx
    from ballroom.kernel.arn import Arn
    from ballroom.services.events.resources import Spec

Send = Callable[["Tx", "Arn", "Spec", bytes, "Caller"], None]


class Kind(msgspec.Struct, frozen=True):
    """How targets of one kind are reached."""

    name: str
    service: str
    pattern: re.Pattern[str]
    """Of the resource in the ARN."""
    needs: tuple[str, str]
    """The operation that is called."""
    send: Send | None = None
    """Sends within the transaction; None: another bus, or a delivery does it."""
    needs_role: bool = False


def _to_queue(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    message: dict[str, Any] = {
        "QueueUrl": f"{tx.kernel.settings.base_url}/{arn.account}/{arn.resource}",
        "MessageBody": payload.decode("utf-8", "surrogatepass"),
    }
    group = (spec.get("SqsParameters") or {}).get("MessageGroupId")
    if group is not None:
        message["MessageGroupId"] = group
    tx.call("sqs", "SendMessage", message, caller=caller)


def _to_topic(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    message: dict[str, Any] = {"TopicArn": str(arn), "Message": payload.decode("utf-8", "surrogatepass")}
    if arn.resource.endswith(".fifo"):
        message["MessageGroupId"] = caller.request_id
        message["MessageDeduplicationId"] = caller.request_id
    tx.call("sns", "Publish", message, caller=caller)


def _to_function(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    tx.call("lambda", "InvokeLater", {"FunctionName": str(arn), "Payload": payload}, caller=caller)


def _to_state_machine(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    tx.call(
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": str(arn), "input": payload.decode("utf-8", "surrogatepass")},
        caller=caller,
    )


def _to_log_group(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    group = arn.resource.removeprefix("log-group:").removesuffix(":*")
    event = {"timestamp": tx.now_ms, "message": payload.decode("utf-8", "surrogatepass")}
    entry = {"logGroupName": group, "logStreamName": caller.span, "logEvents": [event]}
    tx.call("logs", "Append", entry, caller=caller)


def _to_stream(tx: Tx, arn: Arn, spec: Spec, payload: bytes, caller: Caller) -> None:
    partition = (spec.get("KinesisParameters") or {}).get("PartitionKeyPath")
    record = {
        "StreamARN": str(arn), "Data": payload, "PartitionKey": _partition(partition, payload) or caller.span,
    }  # fmt: skip
    tx.call("kinesis", "PutRecord", record, caller=caller)


def _partition(path: str | None, payload: bytes) -> str:
    import orjson

    from ballroom.kernel.event_paths import MISSING, InvalidPath, compile_path

    if path is None:
        return ""
    try:
        value = compile_path(path)(orjson.loads(payload))
    except (InvalidPath, orjson.JSONDecodeError):
        return ""
    return "" if value is MISSING else str(value)[:256]


def _kind(
    name: str, service: str, pattern: str, needs: str, send: Send | None = None, *, needs_role: bool = False
) -> Kind:
    owner, _, operation = needs.partition(":")
    return Kind(name, service, re.compile(pattern), (owner, operation), send, needs_role)


QUEUE = _kind("SQS queue", "sqs", r"[A-Za-z0-9_-]{1,80}(\.fifo)?", "sqs:SendMessage", _to_queue)
BUS = _kind("event bus", "events", r"event-bus/.+", "events:PutEvents")
API_DESTINATION = _kind("API destination", "events", r"api-destination/.+", "events:CreateApiDestination")
KINDS = (
    QUEUE,
    _kind("SNS topic", "sns", r"[A-Za-z0-9_-]{1,256}(\.fifo)?", "sns:Publish", _to_topic),
    _kind("Lambda function", "lambda", r"function:.+", "lambda:InvokeLater", _to_function),
    _kind(
        "Step Functions state machine", "states", r"stateMachine:.+", "stepfunctions:StartExecution",
        _to_state_machine, needs_role=True,
    ),
    _kind("CloudWatch Logs log group", "logs", r"log-group:.+", "logs:Append", _to_log_group),
    BUS,
    API_DESTINATION,
    _kind("Kinesis stream", "kinesis", r"stream/.+", "kinesis:PutRecord", _to_stream, needs_role=True),
)  # fmt: skip


def kind_of(arn: Arn) -> Kind:
    """The kind of target that an ARN names.

    Raises:
        NotImplementedHere: AWS may have it, Ballroom has not.
        ValidationException: no kind of target has such an ARN.
    """
    for kind in KINDS:
        if kind.service == arn.service and kind.pattern.fullmatch(arn.resource):
            if kind.needs not in registry.operations:
                raise NotImplementedHere(f"Ballroom cannot send events to a {kind.name} yet ({arn}).")
            return kind
    if any(kind.service == arn.service for kind in KINDS):
        raise ValidationException("Parameter Arn is not valid. Reason: Provided Arn is not in correct format.")
    raise NotImplementedHere(f"Ballroom cannot send events to targets of {arn.service} ({arn}).")
