"""`http:invoke`: calls to HTTP APIs, authorised by a connection of EventBridge.

A crash: a request that had been begun fails with `States.Http.Socket`, and is never sent a second time by
itself; whether to try again is for the state's Retry to say.

Source: Developer Guide, "Call HTTPS APIs in Step Functions workflows".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from ballroom.kernel import Context, Record, Request, Response, ServiceError, Tx, on_timer, operation

from ..language.machine import Resource
from .base import Call, Told
from .outcomes import Done, TaskFailure

_FORGET = "states.http-forget"
_DAY_MS = 24 * 3600 * 1000
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_FORM = "application/x-www-form-urlencoded"


class HttpInvoke:
    """The optimised integration."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """See `Integration`."""
        if not isinstance(given, dict):
            raise TaskFailure("States.Runtime", f"The parameters of {resource.arn} must be an object")
        connection = _part(given, "Authentication", "InvocationConfig").get("ConnectionArn")
        url, method = given.get("ApiEndpoint"), given.get("Method")
        if not isinstance(connection, str) or not isinstance(url, str) or method not in _METHODS:
            raise TaskFailure(
                "States.Runtime", "ApiEndpoint, Method and a ConnectionArn are required to call an HTTP API"
            )
        if urlsplit(url).scheme not in ("http", "https"):
            raise TaskFailure("States.Runtime", f"The ApiEndpoint {url[:256]} is no HTTPS URL")
        headers = {str(name).lower(): _text(value) for name, value in _part(given, "Headers").items()}
        transform = _part(given, "Transform")
        body = _body(given.get("RequestBody"), headers, transform)
        input: Request = {
            "RequestId": told.request_id,
            "ConnectionArn": connection,
            "Method": method,
            "Url": url,
            "Query": {str(name): _text(value) for name, value in _part(given, "QueryParameters").items()},
            "Headers": headers,
            "Body": body,
        }
        return Call("stepfunctions", "CallHttp", input)

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        status = int(answer["Status"])
        phrase = _phrase(status)
        body = _parsed(answer["Body"])
        if not 200 <= status < 300:
            cause = body if isinstance(body, str) else orjson.dumps(body).decode()
            raise TaskFailure(f"States.Http.StatusCode.{status}", cause or phrase)
        headers = {name: [value] for name, value in answer["Headers"].items()}
        return Done({"Headers": headers, "ResponseBody": body, "StatusCode": status, "StatusText": phrase})

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """See `Integration`."""
        if error.shape == "ResourceNotFoundException":
            return TaskFailure("States.Runtime", error.text)
        return TaskFailure("States.Http.Socket", error.text)


def _part(given: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        found = given.get(name)
        if isinstance(found, dict):
            return found
    return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _body(value: Any, headers: dict[str, str], transform: dict[str, Any]) -> bytes:
    """The body as JSON, or as a form where the task asks for one."""
    if value is None:
        return b""
    if transform.get("RequestBodyEncoding") == "URL_ENCODED" and isinstance(value, dict):
        style = _part(transform, "RequestEncodingOptions").get("ArrayFormat", "INDICES")
        headers["content-type"] = _FORM
        return urlencode([pair for name, item in value.items() for pair in _pairs(name, item, style)]).encode()
    if isinstance(value, str):
        return value.encode()
    headers.setdefault("content-type", "application/json")
    return orjson.dumps(value)


def _pairs(name: str, value: Any, style: str) -> list[tuple[str, str]]:
    """The fields of a form that a value becomes; lists in the style that the task names."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _pairs(f"{name}[{key}]", item, style)]
    if not isinstance(value, list):
        return [(name, _text(value))]
    if style == "COMMAS":
        return [(name, ",".join(map(_text, value)))]
    if style == "NONE":
        return [(name, _text(value))]
    inner = {"BRACKETS": f"{name}[]", "REPEAT": name}.get(style)
    return [
        pair for n, item in enumerate(value) for pair in _pairs(inner or f"{name}[{n}]", item, style)
    ]


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class Begun(Record, frozen=True):
    """A request has been sent, or was about to be: nobody knows more after a crash."""


def _begun_key(request_id: str) -> tuple[str, str]:
    return ("states-http", request_id)


@operation("CallHttp", internal=True)
async def call_http(ctx: Context, request: Request) -> Response:
    """Send a request once: the second time, after a crash, it fails instead."""
    if not ctx.transact(_begin, request["RequestId"]):
        raise ServiceError.of(
            "HttpInterrupted", "The server stopped while the request was under way.", status=503
        )
    await ctx.durable()
    sent = {name: value for name, value in request.items() if name != "RequestId"}
    return await ctx.call("events", "SendWithConnection", sent)


def _begin(tx: Tx, request_id: str) -> bool:
    if tx.get(Begun, _begun_key(request_id)) is not None:
        return False
    tx.put(_begun_key(request_id), Begun())
    tx.wake_at(tx.now_ms + _DAY_MS, _FORGET, request_id, housekeeping=True)
    return True


@on_timer(_FORGET)
def forget(tx: Tx, request_id: str) -> None:
    """The outcome has long been recorded. Harmless if repeated."""
    tx.delete(_begun_key(request_id))
