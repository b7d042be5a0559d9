"""What a pipe delivers to: each target takes a batch in the way its service does.

Functions and state machines get the whole batch as one array, and a function or workflow that answers can name
the events that failed; the others get the events one by one, as many in a call as their service takes.

Source: EventBridge User Guide, "Amazon EventBridge Pipes targets", "Partial batch failure".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from ballroom.kernel import Context, ServiceError, Tx
from ballroom.kernel.arn import Arn, find_arn

from .templates import compile_parameter

Failure = int | str
"""What failed: an event's position in the batch, or its id as the target names it."""


class TargetFailed(ServiceError):
    """The target ended in an error."""

    shape = "TargetFailed"
    status = 400


class Target(Protocol):
    """Takes a batch."""

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        """Hand over events as the template shaped them; dynamic parameters read the events before that.

        Raises:
            ServiceError: all failed.
        """
        ...


def target_of(text: str, parameters: dict[str, Any]) -> Target:
    """The target of that ARN, with the pipe's parameters for it."""
    arn = find_arn(text)
    assert arn is not None
    if arn.service == "events" and "api-destination/" in arn.resource:
        return _Destination(text, parameters.get("HttpParameters", {}))
    kind = _KINDS[arn.service]
    names = {"sqs": "SqsQueueParameters", "events": "EventBridgeEventBusParameters",
             "lambda": "LambdaFunctionParameters", "states": "StepFunctionStateMachineParameters",
             "logs": "CloudWatchLogsParameters"}  # fmt: skip
    return kind(text, arn, parameters.get(names.get(arn.service, ""), {}))


def text_of(event: Any) -> str:
    """An event as text: JSON, but for text itself."""
    return event if isinstance(event, str) else orjson.dumps(event).decode()


class _Function:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._arn = text
        self._forgets = parameters.get("InvocationType") == "FIRE_AND_FORGET"

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        request: dict[str, Any] = {"FunctionName": self._arn, "Payload": orjson.dumps(shaped)}
        if self._forgets:
            await ctx.call("lambda", "Invoke", {**request, "InvocationType": "Event"})
            return []
        answer = await ctx.call("lambda", "Invoke", request)
        if "FunctionError" in answer:
            raise TargetFailed(answer["Payload"].decode("utf-8", "replace")[:1024])
        return _reported(answer["Payload"])


class _Machine:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._arn = text
        self._waits = parameters.get("InvocationType") == "REQUEST_RESPONSE"

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        request = {"stateMachineArn": self._arn, "input": orjson.dumps(shaped).decode()}
        if not self._waits:
            await ctx.call("stepfunctions", "StartExecution", request)
            return []
        answer = await ctx.call("stepfunctions", "StartSyncExecution", request)
        if answer["status"] != "SUCCEEDED":
            raise TargetFailed(f"{answer.get('error', answer['status'])}: {answer.get('cause', '')}"[:1024])
        return _reported(answer.get("output", "null"))


def _reported(answer: bytes | str) -> list[Failure]:
    """The failures that `batchItemFailures` names; an entry without an id fails the whole batch."""
    try:
        value = orjson.loads(answer or b"null")
    except orjson.JSONDecodeError:
        return []
    failures = value.get("batchItemFailures") if isinstance(value, dict) else None
    if not isinstance(failures, list):
        return []
    return [
        str(failure.get("itemIdentifier") or "") if isinstance(failure, dict) else "" for failure in failures
    ]


class _Queue:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._name = arn.resource
        self._dynamic = {name: compile_parameter(value) for name, value in parameters.items()}

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        failures: list[Failure] = ctx.transact(self._send, shaped, events)
        await ctx.durable()
        return failures

    def _send(self, tx: Tx, shaped: list[Any], events: list[Any]) -> list[Failure]:
        url = tx.call("sqs", "GetQueueUrl", {"QueueName": self._name})["QueueUrl"]
        failures: list[Failure] = []
        for start in range(0, len(shaped), 10):
            entries = [
                {"Id": str(n), "MessageBody": text_of(shaped[n]), **_values(self._dynamic, events[n])}
                for n in range(start, min(start + 10, len(shaped)))
            ]
            answer = tx.call("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": entries})
            failures += [int(entry["Id"]) for entry in answer.get("Failed", [])]
        return failures


class _Topic:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._arn = text

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        for event in shaped:
            await ctx.call("sns", "Publish", {"TopicArn": self._arn, "Message": text_of(event)})
        return []


class _Bus:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._arn = text
        self._source = compile_parameter(parameters.get("Source", ""))
        self._detail_type = compile_parameter(parameters.get("DetailType", "Event from aws:pipes"))
        self._time = compile_parameter(parameters["Time"]) if "Time" in parameters else None
        self._resources = [compile_parameter(value) for value in parameters.get("Resources", [])]

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        failures: list[Failure] = []
        for start in range(0, len(shaped), 10):
            positions = range(start, min(start + 10, len(shaped)))
            entries = [self._entry(ctx, shaped[n], events[n]) for n in positions]
            answer = await ctx.call("events", "PutEvents", {"Entries": entries})
            failures += [n for n, told in zip(positions, answer["Entries"], strict=True) if "ErrorCode" in told]
        return failures

    def _entry(self, ctx: Context, event: Any, before: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "EventBusName": self._arn,
            "Source": self._source(before) or f"Pipe {ctx.caller.user_id}",
            "DetailType": self._detail_type(before) or "Event from aws:pipes",
            "Detail": text_of(event) if isinstance(event, dict) else orjson.dumps({"data": event}).decode(),
        }
        resources = [found for resource in self._resources if (found := resource(before)) is not None]
        if resources:
            entry["Resources"] = resources
        time = self._time(before) if self._time is not None else None
        if time is not None and time.isdigit():
            entry["Time"] = int(time)
        return entry


class _Logs:
    def __init__(self, text: str, arn: Arn, parameters: dict[str, Any]) -> None:
        self._group = arn.resource.removeprefix("log-group:").removesuffix(":*")
        self._stream: str | None = parameters.get("LogStreamName")
        self._time = compile_parameter(parameters["Timestamp"]) if "Timestamp" in parameters else None

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        now = ctx.clock.now_ms()
        lines: list[dict[str, Any]] = []
        for event, before in zip(shaped, events, strict=True):
            told = self._time(before) if self._time is not None else None
            moment = int(told) if told is not None and told.isdigit() else now
            lines.append({"timestamp": moment, "message": text_of(event)})
        request = {
            "logGroupName": self._group,
            "logStreamName": self._stream or f"pipes/{ctx.kernel.ids.uuid()}",
            "logEvents": sorted(lines, key=lambda line: line["timestamp"]),
        }
        await ctx.call("logs", "Append", request)
        return []


class _Destination:
    def __init__(self, text: str, parameters: dict[str, Any]) -> None:
        self._arn, self._parameters = text, parameters

    async def deliver(self, ctx: Context, shaped: list[Any], events: list[Any]) -> list[Failure]:
        failures: list[Failure] = []
        for n, event in enumerate(shaped):
            try:
                await call_destination(ctx, self._arn, event, self._parameters, events[n])
            except ServiceError:
                failures.append(n)
        return failures


async def call_destination(ctx: Context, arn: str, event: Any, http: dict[str, Any], before: Any = None) -> Any:
    """Call an API destination with an event; what it answers.

    Raises:
        ServiceError: it failed.
    """
    dynamic = event if before is None else before
    request = {
        "ApiDestinationArn": arn,
        "Body": text_of(event).encode(),
        "HttpParameters": {
            "PathParameterValues": [
                compile_parameter(v)(dynamic) or "" for v in http.get("PathParameterValues", [])
            ],
            **{
                name: {
                    key: compile_parameter(value)(dynamic) or "" for key, value in http.get(name, {}).items()
                }
                for name in ("HeaderParameters", "QueryStringParameters")
            },
        },
    }
    answer = await ctx.call("events", "InvokeApiDestination", request)
    try:
        return orjson.loads(answer["Body"])
    except orjson.JSONDecodeError:
        return answer["Body"].decode("utf-8", "replace")


def _values(dynamic: dict[str, Callable[[Any], str | None]], event: Any) -> dict[str, str]:
    found = {name: value(event) for name, value in dynamic.items()}
    return {name: value for name, value in found.items() if value is not None}


_KINDS: dict[str, Callable[[str, Arn, dict[str, Any]], Target]] = {
    "events": _Bus, "lambda": _Function, "logs": _Logs, "sns": _Topic, "sqs": _Queue, "states": _Machine,
}  # fmt: skip
