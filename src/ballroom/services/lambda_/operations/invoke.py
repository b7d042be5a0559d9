"""Invoke in its forms, and the way in for other services of this process."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from ballroom.kernel import Context, Request, Response, Tx, operation
from ballroom.kernel.errors import NotImplementedHere
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.async_events import queue_event
from ballroom.services.lambda_.invocation import Call, invoke, resolve
from ballroom.services.lambda_.names import FunctionName
from ballroom.services.lambda_.payloads import checked_client_context, checked_event

_UNSUPPORTED = ("DurableExecutionName", "TenantId")


@operation("Invoke")
async def invoke_function(ctx: Context, request: Request) -> Response:
    """Run a function and answer with its result; or queue the event; or only check.

    Raises:
        ResourceNotFound: no such function, version or alias.
        InvalidRequestContent: the payload is no JSON.
        TooManyRequests: no concurrency left.

    Source: Lambda API Reference, Invoke.
    """
    _refuse_unsupported(request)
    kind = request.get("InvocationType", "RequestResponse")
    at = ctx.transact(_target, request)
    client_context = checked_client_context(request.get("ClientContext"))
    payload = checked_event(request.get("Payload"), asynchronous=kind == "Event")
    if kind == "DryRun":
        ctx.transact(resolve, at)
        return {"StatusCode": 204}
    request_id, trace = ctx.caller.request_id or ctx.kernel.ids.uuid(), ctx.caller.trace
    if kind == "Event":
        ctx.transact(_queue, at, payload, request_id, client_context, trace)
        return {"StatusCode": 202, "Payload": b""}
    outcome = await invoke(ctx, Call(at, payload, request_id, trace, client_context))
    response: Response = {
        "StatusCode": 200,
        "ExecutedVersion": outcome.executed_version,
        "Payload": outcome.payload,
    }
    if outcome.function_error:
        response["FunctionError"] = outcome.function_error
    if request.get("LogType") == "Tail":
        response["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return response


@operation("InvokeWithResponseStream")
async def invoke_with_response_stream(ctx: Context, request: Request) -> Response:
    """Run a function and answer as an event stream; what functions answer here comes in one piece.

    Source: Lambda API Reference, InvokeWithResponseStream.
    """
    if request.get("InvocationType", "RequestResponse") == "DryRun":
        ctx.transact(resolve, ctx.transact(_target, request))
        return {"StatusCode": 204, "EventStream": _no_events()}
    answer = await invoke_function(ctx, request)
    complete: dict[str, str] = {}
    if "LogResult" in answer:
        complete["LogResult"] = answer["LogResult"]
    if "FunctionError" in answer:
        complete["ErrorCode"] = answer["FunctionError"]
        complete["ErrorDetails"] = answer["Payload"].decode("utf-8", "replace")
    return {
        "StatusCode": 200,
        "ExecutedVersion": answer["ExecutedVersion"],
        "ResponseStreamContentType": "application/octet-stream",
        "EventStream": _events(b"" if "FunctionError" in answer else answer["Payload"], complete),
    }


async def _events(payload: bytes, complete: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    if payload:
        yield {"PayloadChunk": {"Payload": payload}}
    yield {"InvokeComplete": complete}


async def _no_events() -> AsyncIterator[dict[str, Any]]:
    nothing: tuple[dict[str, Any], ...] = ()
    for event in nothing:
        yield event


@operation("InvokeAsync")
async def invoke_async(ctx: Context, request: Request) -> Response:
    """The old way to queue an event.

    Source: Lambda API Reference, InvokeAsync (deprecated).
    """
    at = ctx.transact(_target, request)
    arguments = request["InvokeArgs"]
    if not isinstance(arguments, bytes):
        arguments = b"".join([chunk async for chunk in arguments])
    payload = checked_event(arguments, asynchronous=True)
    ctx.transact(_queue, at, payload, ctx.caller.request_id or ctx.kernel.ids.uuid(), None, ctx.caller.trace)
    return {"Status": 202}


@operation("InvokeLater", internal=True)
def invoke_later(tx: Tx, request: Request) -> Response:
    """For other services: queue an event within the caller's transaction.

    `FunctionName`, `Payload` (bytes of JSON), and optionally `Qualifier` and `RequestId`.
    """
    at = target(tx, request, "lambda:InvokeFunction")
    resolve(tx, at)
    payload = checked_event(request.get("Payload"), asynchronous=True)
    request_id = request.get("RequestId") or tx.ids.uuid()
    queue_event(tx, at, payload, request_id=request_id, trace=tx.caller.trace)
    return {"RequestId": request_id}


def _refuse_unsupported(request: Request) -> None:
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not support {member} of Invoke yet")


def _target(tx: Tx, request: Request) -> FunctionName:
    return target(tx, request, "lambda:InvokeFunction")


def _queue(
    tx: Tx, at: FunctionName, payload: bytes, request_id: str, client_context: str | None, trace: str | None
) -> None:
    resolve(tx, at)
    queue_event(tx, at, payload, request_id=request_id, client_context=client_context, trace=trace)
