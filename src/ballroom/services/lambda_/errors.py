"""Lambda's own errors, with AWS's texts.

Source: Lambda API Reference, "Errors" of each operation; recorded answers.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError


class LambdaError(ServiceError):
    """An error of Lambda's own; nearly all of them carry `Type: User`."""

    def __init__(self, text: str | None = None, /, **fields: Any) -> None:
        super().__init__(text, **{"Type": "User", **fields})


class ResourceNotFound(LambdaError):
    """The function, version, alias, layer or mapping does not exist."""

    shape = "ResourceNotFoundException"
    status = 404
    text = "The resource you requested does not exist."


class ResourceConflict(LambdaError):
    """The resource exists already, or another change to it is under way."""

    shape = "ResourceConflictException"
    status = 409


class InvalidParameterValue(LambdaError):
    """One of the parameters breaks a rule that the model does not know."""

    shape = "InvalidParameterValueException"
    status = 400


class InvalidFields(ServiceError):
    """As InvalidParameterValue, in the words of the constraint checks, which carry no `Type`."""

    shape = "InvalidParameterValueException"
    status = 400


class ConstraintBroken(ServiceError):
    """A limit that AWS words like the model's own, where the model's is wider."""

    shape = "ValidationException"
    status = 400

    def __init__(self, value: object, where: str, constraint: str) -> None:
        super().__init__(
            f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
            f"{constraint}"
        )


class PreconditionFailed(LambdaError):
    """The given revision is not the latest."""

    shape = "PreconditionFailedException"
    status = 412
    text = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


class InvalidRequestContent(LambdaError):
    """The payload of an invocation is no JSON."""

    shape = "InvalidRequestContentException"
    status = 400


class RequestTooLarge(LambdaError):
    """The payload passes the limit of its invocation type."""

    shape = "RequestTooLargeException"
    status = 413


class TooManyRequests(LambdaError):
    """No concurrency is left for the function or the account."""

    shape = "TooManyRequestsException"
    status = 429
    text = "Rate Exceeded."


class AccessDenied(ServiceError):
    """The function's policy grants the caller nothing."""

    shape = "AccessDeniedException"
    status = 403


class PolicyLengthExceeded(LambdaError):
    """The resource policy would pass 20 KB."""

    shape = "PolicyLengthExceededException"
    status = 400


class InvalidRuntime(LambdaError):
    """The function's runtime cannot be run here."""

    shape = "InvalidRuntimeException"
    status = 502


class FunctionServiceFault(ServiceError):
    """The function could not be run through no fault of its own."""

    shape = "ServiceException"
    status = 500
    fault = "Receiver"
    text = "An error occurred and the request cannot be processed."
