"""What an integration says about itself: how a task becomes a call, and an answer becomes a result."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from ballroom.kernel import Request, ServiceError

from ..language.machine import Resource
from .outcomes import Done, TaskFailure


class Call(NamedTuple):
    """An operation to carry out."""

    service: str
    operation: str
    input: Request


class Told(NamedTuple):
    """Where a call comes from: what goes into requests and metadata."""

    execution_arn: str
    machine_arn: str
    request_id: str
    now_ms: int


class Integration(Protocol):
    """One way to do tasks. Stateless: after a crash an answer finds the same one again by its resource."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """What to carry out.

        Raises:
            TaskFailure: what was given does not fit.
        """

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """What the answer means.

        Raises:
            TaskFailure: it tells of a failure.
        """

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """What an error means."""


def sdk_metadata(told: Told, content_type: str, length: int, status: int = 200, **more: str) -> dict[str, Any]:
    """`SdkHttpMetadata` and `SdkResponseMetadata`, which optimised integrations add to their results."""
    from email.utils import formatdate

    headers = {
        **more, "Connection": "keep-alive", "Content-Length": str(length), "Content-Type": content_type,
        "Date": formatdate(told.now_ms / 1000, usegmt=True), "x-amzn-RequestId": told.request_id,
    }  # fmt: skip
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": told.request_id},
    }


def status_of(service: str, error: ServiceError) -> int:
    """The HTTP status of an error."""
    from ballroom.kernel.model import load_service

    if error.status is not None:
        return error.status
    shape = load_service(service).error(error.shape)
    if shape is not None:
        return shape.status
    return 400 if error.fault == "Sender" else 500
