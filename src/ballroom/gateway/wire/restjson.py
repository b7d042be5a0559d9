"""The rest-json protocol: members in path, query string and headers, the rest as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from ballroom.gateway.wire import eventstream, values
from ballroom.gateway.wire.codec import Headers, Reply, facts_of
from ballroom.gateway.wire.json import JsonReader, JsonWriter, dump, error_body, load_object
from ballroom.gateway.wire.rest import RequestBinding, ResponseBinding
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, ServiceModel

JSON_CONTENT = ("content-type", "application/json")
BYTES_CONTENT = ("content-type", "application/octet-stream")


class RestJsonCodec:
    """One operation in rest-json."""

    def __init__(self, operation: OperationModel, reader: JsonReader, writer: JsonWriter) -> None:
        self.operation = operation
        self._request = RequestBinding(operation)
        payload = operation.input.payload if operation.input else None
        self._payload = payload
        if payload is None:
            self._read = reader.structure(self._request.body_members)
        else:
            self._read = _payload_reader(payload, reader)
        self._answer = ResponseBinding(operation.output, operation.status)
        self._write = _body_writer(operation.service.name, self._answer, writer)

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: Any
    ) -> dict[str, Any]:
        """The input value from all of the request's parts."""
        found = self._request.read(path, query, headers)
        try:
            if self._payload is not None:
                if self._payload.is_streaming or body:
                    found[self._payload.name] = self._read(body)
            elif body and self._request.body_members:
                found.update(self._read(load_object(body)))
        except RecursionError:
            raise SerializationFailed("The request is nested too deeply.") from None
        return found

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The output in status, headers and body."""
        headers: Headers = []
        status = self._answer.write(output, headers)
        content_type, body = self._write(output)
        if content_type is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(content_type)
        headers.append(("x-amzn-requestid", request_id))
        return Reply(status, headers, b"" if self.operation.method == "HEAD" else body)

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error's name in a header, its text and further members as JSON."""
        return serialise_error(self.operation.service, error, request_id)


def _payload_reader(payload: Member, reader: JsonReader) -> Callable[[Any], Any]:
    if payload.shape.kind == "blob":
        return lambda body: body
    if payload.shape.kind == "string":
        return values.utf8
    convert = reader.of(payload)
    if payload.shape.is_document:
        return _document
    if convert is None:
        return load_object
    return lambda body: convert(load_object(body))


def _document(body: bytes) -> Any:
    return load_object(b'{"document":%b}' % body).get("document")


Written = tuple[tuple[str, str] | None, Any]


def _body_writer(
    service: str, answer: ResponseBinding, writer: JsonWriter
) -> Callable[[dict[str, Any]], Written]:
    payload = answer.payload
    if payload is None:
        convert = writer.structure(answer.body_members)
        if not answer.body_members:
            return lambda output: (JSON_CONTENT, b"")
        return lambda output: (JSON_CONTENT, dump(convert(output)))
    name = payload.name
    if payload.is_event_stream:
        encode = eventstream.writer(payload.shape, lambda members: _events_json(writer, members))

        def write_events(output: dict[str, Any]) -> Written:
            events: AsyncIterator[dict[str, Any]] = output[name]
            return ("content-type", "application/vnd.amazon.eventstream"), encode(events)

        return write_events
    if payload.shape.kind in ("blob", "string"):
        content = JSON_CONTENT if service == "lambda" else BYTES_CONTENT  # what functions answer is JSON
        return lambda output: (content, _raw(output.get(name, b"")))
    inner = writer.of(payload)

    def write_payload(output: dict[str, Any]) -> Written:
        value = output.get(name)
        if value is None:
            return JSON_CONTENT, b""
        return JSON_CONTENT, dump(value if inner is None else inner(value))

    return write_payload


def _events_json(writer: JsonWriter, members: list[Member]) -> Callable[[dict[str, Any]], bytes]:
    convert = writer.structure(members)
    return lambda value: dump(convert(value))


def _raw(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def serialise_error(service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
    """An error in rest-json."""
    facts = facts_of(service, error)
    headers: Headers = [
        JSON_CONTENT,
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", facts.name),
    ]
    in_body = facts
    if facts.shape is not None:
        binding = ResponseBinding(facts.shape, facts.status)
        binding.write(facts.fields, headers)
        inside = {member.name for member in binding.body_members}
        in_body = facts._replace(fields={k: v for k, v in facts.fields.items() if k in inside})
    body = error_body(in_body, JsonWriter())
    if facts.shape is not None and "Type" in facts.shape.members:
        body.setdefault("Type", "User" if facts.fault == "Sender" else "Service")
    return Reply(facts.status, headers, dump(body))


class RestJsonProtocol:
    """rest-json."""

    name = "rest-json"

    def __init__(self) -> None:
        self._made: dict[str, tuple[JsonReader, JsonWriter]] = {}

    def compile(self, operation: OperationModel) -> RestJsonCodec:
        """A codec; the service's codecs share the converters of common shapes."""
        reader, writer = self._made.setdefault(operation.service.name, (JsonReader(), JsonWriter()))
        return RestJsonCodec(operation, reader, writer)

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """An error before the operation is known."""
        return serialise_error(service, error, request_id)
