"""Errors that leave Ballroom in AWS's shapes.

A service raises subclasses of `ServiceError`; the gateway encodes them in the request's wire protocol.
Anything else that escapes a handler is a bug of ours: it is logged with the request id and answered as
an internal failure without details.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class ServiceError(Exception):
    """An error with AWS's code, text and status.

    Subclass it for each error of a service and set `shape` (the error shape's name in the service's
    model, or the bare error code where the model has none) and `text`. `status` and `fault` are needed
    only where the model does not say them. Other members of the error shape are passed as keywords.
    """

    shape: str = "InternalFailure"
    text: str = ""
    status: int | None = None
    fault: str = "Sender"
    headers: Sequence[tuple[str, str]] = ()
    """Headers of the answer beside the protocol's own (lower-case names)."""
    NO_FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, text: str | None = None, /, **fields: Any) -> None:
        if text is not None:
            self.text = text
        self.fields: dict[str, Any] = fields or self.NO_FIELDS
        super().__init__(self.text)

    @classmethod
    def of(
        cls, shape: str, text: str, *, status: int | None = None, fault: str = "Sender", **fields: Any
    ) -> ServiceError:
        """An error known only at run time, such as one that the model names."""
        error = ServiceError(text, **fields)
        error.shape, error.status, error.fault = shape, status, fault
        return error

    def __repr__(self) -> str:
        return f"{self.shape}: {self.text}"


class ValidationFailed(ServiceError):
    """The input breaks the constraints of the operation's model."""

    shape = "ValidationException"
    status = 400


class Throttled(ServiceError):
    """Ballroom protects itself: too much is waiting for the disk. The wire gives it the protocol's shape."""

    shape = "ThrottlingException"
    text = "Rate exceeded: writes are waiting for the disk. Try again."
    status = 400


class Unavailable(ServiceError):
    """The store cannot take writes (disk full, or the disk has failed). Reads go on where they can."""

    shape = "ServiceUnavailableException"
    status = 503
    fault = "Receiver"


class NotImplementedHere(ServiceError):
    """An operation or setting that AWS has and Ballroom lacks: refused by name, never pretended."""

    shape = "NotImplemented"
    status = 501
    fault = "Receiver"


class InternalFailure(ServiceError):
    """A bug of ours. The details are in the server's log, under the request id."""

    shape = "InternalFailure"
    text = "The request processing has failed because of an unknown error, exception or failure."
    status = 500
    fault = "Receiver"


class AlreadyRefused(Exception):
    """A user-facing refusal outside any AWS request (start-up, data directory): one line, no trace."""
