"""What Lambda tells about the end of an asynchronous invocation: dead letters and destinations.

`record_of` builds AWS's document; `send` hands it to its target with an ordinary call, in the commit
that ends the delivery, so that neither is ever without the other.

Source: Developer Guide, "Capturing records of Lambda asynchronous invocations"; recorded answers.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import Caller, service_caller
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_.clock_texts import iso_ms
from ballroom.services.lambda_.errors import InvalidParameterValue
from ballroom.services.lambda_.outcome import Outcome

_TARGETS = ("sqs", "sns", "lambda", "events", "s3")
SUCCESS, EXHAUSTED, AGED = "Success", "RetriesExhausted", "EventAgeExceeded"
NO_CONCURRENCY = "ZeroReservedConcurrency"
LOOP = "RecursiveInvocation"


def check_target(arn: str, *, what: str, kinds: tuple[str, ...] = _TARGETS) -> None:
    """Refuses what could never receive a record: no such kind of target, or a service that is not here."""
    parsed = find_arn(arn)
    if parsed is None or parsed.service not in kinds:
        raise InvalidParameterValue(f"The provided {what} ARN {arn} is not supported.")
    if parsed.service not in ("sqs", "sns", "lambda", "events"):
        raise NotImplementedHere(
            f"Ballroom cannot send to {parsed.service} yet: {what} {arn} is refused (queues, topics, functions "
            "and event buses can be used)"
        )


def record_of(
    *, now_ms: int, request_id: str, function_arn: str, condition: str, attempts: int, payload: bytes,
    outcome: Outcome | None,
) -> dict[str, Any]:
    """The invocation record, version 1.0. `function_arn` carries the qualifier, `$LATEST` included."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": iso_ms(now_ms) + "Z",
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": _parsed(payload),
    }
    if outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": outcome.executed_version}
        if outcome.function_error:
            context["functionError"] = outcome.function_error
        record["responseContext"] = context
        record["responsePayload"] = _parsed(outcome.payload)
    return record


def send(tx: Tx, arn: str, record: dict[str, Any], *, trace: str | None) -> None:
    """Hand a record to its destination within this transaction."""
    target = find_arn(arn)
    if target is None:
        raise InvalidParameterValue(f"{arn} is no ARN")
    caller = service_caller(target.account, target.region, "lambda.amazonaws.com", tx.caller.request_id)
    body = orjson.dumps(record).decode()
    if target.service == "sqs":
        _send_to_queue(tx, target.resource, {"MessageBody": body}, caller, trace)
    elif target.service == "sns":
        _publish(tx, arn, {"Message": body}, caller)
    elif target.service == "lambda":
        event = {"FunctionName": arn, "InvocationType": "Event", "Payload": orjson.dumps(record)}
        tx.call("lambda", "InvokeLater", event, caller=caller)
    elif target.service == "events":
        _send_to_bus(tx, arn, record, caller)
    else:
        raise NotImplementedHere(f"Ballroom cannot send to {target.service} yet")


def _send_to_bus(tx: Tx, bus: str, record: dict[str, Any], caller: Caller) -> None:
    """Source: Developer Guide, "Capturing records of Lambda asynchronous invocations" (event buses)."""
    ended = "Success" if record["requestContext"]["condition"] == SUCCESS else "Failure"
    entry = {
        "Source": "lambda", "DetailType": f"Lambda Function Invocation Result - {ended}", "Detail": record,
        "Resources": [bus, record["requestContext"]["functionArn"]],
    }  # fmt: skip
    tx.call("events", "EmitEvents", {"Entries": [entry], "EventBusName": bus}, caller=caller)


def send_dead_letter(
    tx: Tx, arn: str, *, payload: bytes, request_id: str, outcome: Outcome | None, trace: str | None
) -> None:
    """The event itself, with what went wrong as message attributes."""
    target = find_arn(arn)
    if target is None or target.service not in ("sqs", "sns"):
        raise NotImplementedHere(f"Ballroom cannot send dead letters to {arn} yet")
    message = "" if outcome is None else str((_parsed(outcome.payload) or {}).get("errorMessage", ""))
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    }
    if message:
        # the first kilobyte, as AWS cuts it
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": message[:1024]}
    caller = service_caller(target.account, target.region, "lambda.amazonaws.com", tx.caller.request_id)
    body = payload.decode("utf-8", "replace")
    if target.service == "sns":
        _publish(tx, arn, {"Message": body, "MessageAttributes": attributes}, caller)
        return
    _send_to_queue(tx, target.resource, {"MessageBody": body, "MessageAttributes": attributes}, caller, trace)


def _publish(tx: Tx, arn: str, message: dict[str, Any], caller: Caller) -> None:
    if arn.endswith(".fifo"):
        message["MessageGroupId"] = message["MessageDeduplicationId"] = caller.request_id or tx.ids.uuid()
    tx.call("sns", "Publish", {"TopicArn": arn, **message}, caller=caller)


def _send_to_queue(tx: Tx, queue: str, message: dict[str, Any], caller: Any, trace: str | None) -> None:
    url = tx.call("sqs", "GetQueueUrl", {"QueueName": queue}, caller=caller)["QueueUrl"]
    if trace:
        message["MessageSystemAttributes"] = {
            "AWSTraceHeader": {"DataType": "String", "StringValue": trace}
        }
    if queue.endswith(".fifo"):
        message["MessageGroupId"] = message["MessageDeduplicationId"] = caller.request_id or tx.ids.uuid()
    tx.call("sqs", "SendMessage", {"QueueUrl": url, **message}, caller=caller)


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace")
