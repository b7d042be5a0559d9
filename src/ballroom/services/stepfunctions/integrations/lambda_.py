"""Lambda: a function's ARN as the resource, and `lambda:invoke`.

A crash: the invocation is dispatched again with the same request id.

Source: Developer Guide, "Invoke an AWS Lambda function with Step Functions"; recorded histories.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import ServiceError

from ..language.machine import Resource
from .base import Call, Told, sdk_metadata, status_of
from .outcomes import Done, TaskFailure

_KNOWN = frozenset({"ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"})


def _payload(answer: Any) -> tuple[Any, str]:
    raw = answer.get("Payload") or b""
    text = raw.decode("utf-8", "replace")
    if not text:
        return None, "null"
    try:
        return orjson.loads(text), text
    except orjson.JSONDecodeError:
        return text, orjson.dumps(text).decode()


def _function_error(value: Any, cause: str) -> TaskFailure:
    kind = value.get("errorType") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind:
        return TaskFailure(
            "Lambda.Unknown",
            "The cause could not be determined because Lambda did not return an error type. "
            f"Returned payload: {cause}",
        )
    return TaskFailure(kind, cause)


def _service_error(error: ServiceError, told: Told) -> TaskFailure:
    name = error.shape if error.shape.endswith("Exception") else f"{error.shape}Exception"
    status = status_of("lambda", error)
    if status >= 500 and name in ("ServiceUnavailableException", "InternalFailureException"):
        name = "ServiceException"
    return TaskFailure(
        f"Lambda.{name}",
        f"{error.text} (Service: Lambda, Status Code: {status}, Request ID: {told.request_id})",
    )


class FunctionArn:
    """The function's ARN is the resource: its answer is the result."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """See `Integration`."""
        return Call("lambda", "Invoke", {"FunctionName": resource.arn, "Payload": text.encode()})

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        value, text = _payload(answer)
        if answer.get("FunctionError"):
            raise _function_error(value, text)
        return Done(value, text)

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """See `Integration`."""
        return _service_error(error, told)


class LambdaInvoke:
    """`lambda:invoke`: parameters and result are those of the Invoke operation."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """See `Integration`."""
        request: dict[str, Any] = {name: value for name, value in given.items() if name in _KNOWN}
        payload = request.get("Payload")
        request["Payload"] = orjson.dumps(payload) if "Payload" in request else b"{}"
        if isinstance(request.get("ClientContext"), dict):
            request["ClientContext"] = orjson.dumps(request["ClientContext"]).decode()
        return Call("lambda", "Invoke", request)

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        value, text = _payload(answer)
        if answer.get("FunctionError"):
            raise _function_error(value, orjson.dumps(value).decode())
        version = answer.get("ExecutedVersion")
        more = {"X-Amz-Executed-Version": version} if version else {}
        result: dict[str, Any] = {}
        if version:
            result["ExecutedVersion"] = version
        if "LogResult" in answer:
            result["LogResult"] = answer["LogResult"]
        if answer.get("StatusCode") == 200:
            result["Payload"] = value
        result |= sdk_metadata(told, "application/json", len(text), answer.get("StatusCode", 200), **more)
        result["StatusCode"] = answer.get("StatusCode", 200)
        return Done(result)

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """See `Integration`."""
        return _service_error(error, told)
