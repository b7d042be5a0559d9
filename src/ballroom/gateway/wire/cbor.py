"""The rpc-v2-cbor protocol: a CBOR map in, a CBOR map out, the operation's name in the path.

Source: Smithy specification, "Smithy RPC v2 CBOR protocol".
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, ClassVar

from ballroom.gateway.wire import cborvalues
from ballroom.gateway.wire.cborvalues import Timestamp
from ballroom.gateway.wire.codec import Headers, Reply, facts_of
from ballroom.gateway.wire.json import Convert, JsonReader, JsonWriter
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, ServiceModel
from ballroom.kernel.model.errors import wrong_type

PROTOCOL_HEADER = ("smithy-protocol", "rpc-v2-cbor")
CONTENT = ("content-type", "application/cbor")
PATH = re.compile(r".*/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)/?")


def names_in(path: str) -> tuple[str, str] | None:
    """The service's and the operation's name in a path of this protocol."""
    found = PATH.fullmatch(path)
    return (found["service"], found["operation"]) if found else None


class CborReader(JsonReader):
    """Like JSON's, but blobs, numbers and timestamps travel as themselves, and names are the members'."""

    def of(self, member: Member) -> Convert | None:
        """The converter for a member's value."""
        shape = member.shape
        if shape.kind == "timestamp":
            return _timestamp_in
        if shape.kind in ("float", "double"):
            return None
        if shape.is_scalar:
            return SCALARS_IN.get(shape.kind)
        return self.of_shape(shape)

    def name_of(self, member: Member) -> str:
        """What a member is called on the wire: always its own name."""
        return member.name


class CborWriter(JsonWriter):
    """Like JSON's, but only timestamps must change."""

    CHANGED: ClassVar[frozenset[str]] = frozenset({"timestamp"})

    def name_of(self, member: Member) -> str:
        """What a member is called on the wire: always its own name."""
        return member.name

    def of(self, member: Member) -> Convert | None:
        """The converter for a member's value."""
        if member.shape.kind == "timestamp":
            return Timestamp
        if member.shape.is_scalar:
            return None
        return self.of_shape(member.shape)


def _timestamp_in(value: Any) -> int:
    if type(value) is not Timestamp:
        raise wrong_type(value, "timestamp")
    return int(value)


def _integer_in(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


SCALARS_IN: dict[str, Convert] = {"integer": _integer_in, "long": _integer_in}


class CborCodec:
    """One operation in rpc-v2-cbor."""

    def __init__(self, operation: OperationModel, reader: CborReader, writer: CborWriter) -> None:
        self.operation = operation
        self._read = reader.of_shape(operation.input) if operation.input else None
        self._write = writer.of_shape(operation.output) if operation.output else None

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: bytes
    ) -> dict[str, Any]:
        """The input value in a body of CBOR."""
        given = cborvalues.loads(body) if body else {}
        if type(given) is not dict:
            raise wrong_type(given, "structure")
        if self._read is None:
            return {}
        try:
            found: dict[str, Any] = self._read(given)
        except RecursionError:
            raise SerializationFailed("The request is nested too deeply.") from None
        return found

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The output as CBOR; nothing at all where the model has no output."""
        headers: Headers = [PROTOCOL_HEADER, ("x-amzn-requestid", request_id)]
        if self.operation.output is None:
            return Reply(200, headers, b"")
        headers.append(CONTENT)
        return Reply(200, headers, cborvalues.dumps(output if self._write is None else self._write(output)))

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error with its type, text and further members."""
        return serialise_error(self.operation.service, error, request_id)


def serialise_error(service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
    """An error in rpc-v2-cbor."""
    facts = facts_of(service, error)
    fields = facts.fields
    if facts.shape is not None and fields:
        convert = CborWriter().of_shape(facts.shape)
        fields = convert(fields) if convert else fields
    body = {"__type": facts.name, facts.text_member: facts.text, **fields}
    headers: Headers = [PROTOCOL_HEADER, CONTENT, ("x-amzn-requestid", request_id)]
    if service.is_query_compatible:
        headers.append(("x-amzn-query-error", f"{facts.code};{facts.fault}"))
    return Reply(facts.status, headers, cborvalues.dumps(body))


class CborProtocol:
    """rpc-v2-cbor."""

    name = "smithy-rpc-v2-cbor"

    def __init__(self) -> None:
        self._made: dict[str, tuple[CborReader, CborWriter]] = {}

    def compile(self, operation: OperationModel) -> CborCodec:
        """A codec; the service's codecs share the converters of common shapes."""
        reader, writer = self._made.setdefault(operation.service.name, (CborReader(), CborWriter()))
        return CborCodec(operation, reader, writer)

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """An error before the operation is known."""
        return serialise_error(service, error, request_id)
