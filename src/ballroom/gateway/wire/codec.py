"""What a wire protocol offers, and what all protocols share.

A protocol compiles an operation once, when it is first called; the codec then turns requests into input
values and outputs or errors into replies. What the values look like: `kernel.model.shapes`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from ballroom.gateway.wire import legacy
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import ErrorShape, OperationModel, ServiceModel

Headers = list[tuple[str, str]]


class Reply(NamedTuple):
    """What goes back over HTTP. The body is bytes, a ByteStream, or an asynchronous iterator of bytes."""

    status: int
    headers: Headers
    body: Any


class Codec(Protocol):
    """One operation in one protocol."""

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: Any
    ) -> dict[str, Any]:
        """The input value. `path` and `query` are as sent; header names are lower case.

        Scalars that travel as themselves (JSON, CBOR) are not looked at: the operation's validator
        checks types.

        Raises:
            SerializationFailed: the bytes are not a request of this protocol.
        """
        ...

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The reply for a success."""
        ...

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The reply for a failure of this operation."""
        ...


class WireProtocol(Protocol):
    """One of AWS's wire protocols."""

    name: str

    def compile(self, operation: OperationModel) -> Codec:
        """A codec for the operation."""
        ...

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """The reply for a failure before the operation is known."""
        ...


class ErrorFacts(NamedTuple):
    """An error with everything that a protocol may say about it.

    `name` is the shape's name (json, cbor); `code` the one that query and rest-xml carry.
    """

    name: str
    code: str
    status: int
    fault: str
    text: str
    text_member: str
    fields: dict[str, Any]
    shape: ErrorShape | None


def facts_of(service: ServiceModel, error: ServiceError) -> ErrorFacts:
    """An error completed from the service's model."""
    shape = service.error(error.shape)
    if shape is None:
        status = error.status or (400 if error.fault == "Sender" else 500)
        name, code = legacy.error_names(service.name, error.shape)
        return ErrorFacts(name, code, status, error.fault, error.text, "message", error.fields, None)
    code = legacy.error_code(service.name, shape.name) or shape.code
    status = error.status or shape.status
    fault = "Receiver" if status >= 500 else shape.fault
    return ErrorFacts(shape.name, code, status, fault, error.text, shape.text_member, error.fields, shape)
