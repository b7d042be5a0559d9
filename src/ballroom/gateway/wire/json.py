"""The json 1.0 and 1.1 protocols, and JSON bodies for rest-json."""

from __future__ import annotations

import json as standard_json
import math
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

import orjson

from ballroom.gateway.wire import values
from ballroom.gateway.wire.codec import ErrorFacts, Headers, Reply, facts_of
from ballroom.kernel.encoded import Encoded
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import Member, OperationModel, SerializationFailed, ServiceModel, Shape
from ballroom.kernel.model.errors import wrong_type

Convert = Callable[[Any], Any]

ERROR_PREFIXES = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "sqs": "com.amazonaws.sqs#",
}
"""What stands before an error's name in `__type`, where AWS puts anything there; SDKs cut it off."""
CORAL_PREFIX = "com.amazon.coral.service#"
VALIDATION_PREFIXES = dict.fromkeys(("dynamodb", "dynamodbstreams"), "com.amazon.coral.validate#")
"""What stands before ValidationException, where that differs from a service's other errors."""
OLDER_CORAL = frozenset({"dynamodb", "dynamodbstreams"})
"""Services that send `x-amz-crc32`, which their SDKs check, ids of 52 characters, and errors from before the
operation in words of their own."""
CAPITAL_MESSAGE = frozenset({"SerializationException", "AccessDeniedException"})
"""Their errors that carry `Message`; those about signatures carry `message`."""
CORAL_ERRORS = frozenset(
    {
        *("SerializationException", "UnknownOperationException", "UnrecognizedClientException"),
        *("InvalidSignatureException", "MissingAuthenticationTokenException", "AccessDeniedException"),
        *("IncompleteSignatureException", "ExpiredTokenException"),
        *("InvalidParameterValueException", "MissingRequiredParameterException"),
    },
)
_ID_END = "SO5AEMVJF66Q9ASUAAJG"
"""How AWS's request ids of 52 characters end."""


def older_headers(request_id: str, body: bytes) -> Headers:
    """Id and checksum of an answer as the older services tell them; our own id is the first 32 characters."""
    return [
        ("x-amzn-requestid", request_id.replace("-", "").upper() + _ID_END),
        ("x-amz-crc32", str(zlib.crc32(body))),
    ]


def load_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty where there is none.

    Raises:
        SerializationFailed: it is not JSON, not UTF-8, nested too deeply, or no object.
    """
    if not body:
        return {}
    try:
        found = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError):
        raise SerializationFailed("Could not parse the request body as JSON.") from None
    if type(found) is not dict:
        raise wrong_type(found, "structure")
    return found


class JsonReader:
    """Makes converters from parsed JSON to input values; None means that the value is taken as it is.

    Unknown members and nulls are dropped. Plain values aren't looked at: the validator checks them.
    """

    def __init__(self) -> None:
        self._known: dict[str, Convert] = {}

    def of(self, member: Member) -> Convert | None:
        """The converter for a member's value."""
        if member.is_json_text:
            return _json_text_in
        if member.shape.kind == "timestamp":
            return _timestamp_in
        return self.of_shape(member.shape)

    def of_shape(self, shape: Shape) -> Convert | None:
        """The converter for a shape's value."""
        if shape.is_document:
            return None
        if shape.is_scalar:
            return SCALARS_IN.get(shape.kind)
        known = self._known.get(shape.name)
        if known is not None:
            return known
        if shape.kind == "structure":
            return self.structure(shape.members.values(), shape.name)
        if shape.kind == "list":
            return self._list(shape)
        return self._map(shape)

    def structure(self, members: Iterable[Member], known_as: str | None = None) -> Convert:
        """The converter for a structure, or for those of its members that stand in the body."""
        table: dict[str, tuple[str, Convert | None]] = {}

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong_type(value, "structure")
            found = {}
            for key, given in value.items():
                if given is not None and key in table:
                    name, convert = table[key]
                    found[name] = given if convert is None else convert(given)
            return found

        if known_as is not None:  # before its members, since a shape may contain itself
            self._known[known_as] = read
        for member in members:
            table[self.name_of(member)] = (member.name, self.of(member))
        return read

    def name_of(self, member: Member) -> str:
        """What a member is called on the wire."""
        return member.wire_name

    def _list(self, shape: Shape) -> Convert | None:
        convert: Convert | None = None

        def read(value: Any) -> list[Any]:
            if type(value) is not list:
                raise wrong_type(value, "list")
            if convert is None:
                return value
            return [None if item is None else convert(item) for item in value]

        self._known[shape.name] = read
        convert = self.of(shape.element)
        if convert is None and shape.element.shape.is_scalar:
            del self._known[shape.name]
            return None
        return read

    def _map(self, shape: Shape) -> Convert | None:
        convert: Convert | None = None

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong_type(value, "map")
            if convert is None:
                return value
            return {key: None if item is None else convert(item) for key, item in value.items()}

        self._known[shape.name] = read
        convert = self.of(shape.value)
        if convert is None and shape.value.shape.is_scalar:
            del self._known[shape.name]
            return None
        return read


class JsonWriter:
    """Makes converters from output values to what orjson can write; None means as it is.

    Blobs stay bytes until `dump` meets them.
    """

    CHANGED: ClassVar[frozenset[str]] = frozenset({"float", "double", "timestamp"})
    """The kinds of scalars that do not travel as they are."""

    def __init__(self) -> None:
        self._known: dict[str, Convert] = {}
        self._needed: dict[str, bool] = {}

    def of(self, member: Member) -> Convert | None:
        """The converter for a member's value."""
        if member.is_json_text:
            return _json_text_out
        if member.shape.kind == "timestamp":
            chosen = member.timestamp_format
            return values.TIMESTAMPS_OUT[chosen] if chosen else values.epoch_out
        return self.of_shape(member.shape)

    def of_shape(self, shape: Shape) -> Convert | None:
        """The converter for a shape's value."""
        if shape.is_document or not self._needs(shape, set()):
            return None
        if shape.is_scalar:
            return _float_out
        known = self._known.get(shape.name)
        if known is not None:
            return known
        if shape.kind == "structure":
            return self.structure(shape.members.values(), shape.name)
        return self._collection(shape)

    def structure(self, members: Iterable[Member], known_as: str | None = None) -> Convert:
        """The converter for a structure, or for those of its members that stand in the body."""
        table: dict[str, tuple[str, Convert | None]] = {}

        def write(value: dict[str, Any]) -> dict[str, Any]:
            found = {}
            for key, given in value.items():
                if given is not None and key in table:
                    name, convert = table[key]
                    found[name] = given if convert is None else convert(given)
            return found

        if known_as is not None:
            self._known[known_as] = write
        for member in members:
            table[member.name] = (self.name_of(member), self.of(member))
        return write

    def name_of(self, member: Member) -> str:
        """What a member is called on the wire."""
        return member.wire_name

    def _collection(self, shape: Shape) -> Convert:
        convert: Convert

        def write_list(value: list[Any]) -> list[Any]:
            return [None if item is None else convert(item) for item in value]

        def write_map(value: dict[str, Any]) -> dict[str, Any]:
            return {key: None if item is None else convert(item) for key, item in value.items()}

        write = write_list if shape.kind == "list" else write_map
        self._known[shape.name] = write
        inner = self.of(shape.element if shape.kind == "list" else shape.value)
        convert = inner if inner is not None else _unchanged
        return write

    def _needs(self, shape: Shape, above: set[str]) -> bool:
        """Whether anything inside must change on its way out: timestamps, floats, renamed members."""
        if shape.name in self._needed:
            return self._needed[shape.name]
        if shape.name in above or shape.is_document:
            return False
        if shape.kind in self.CHANGED:
            return True
        if shape.kind == "structure":
            places = list(shape.members.values())
        elif shape.is_scalar:
            return False
        else:
            places = [shape.element if shape.kind == "list" else shape.value]
        inside = above | {shape.name}
        needed = any(
            place.is_json_text
            or (shape.kind == "structure" and self.name_of(place) != place.name)
            or self._needs(place.shape, inside)
            for place in places
        )
        if needed or not above:  # a "no" found below a recursive shape may be provisional
            self._needed[shape.name] = needed
        return needed


def dump(value: Any) -> bytes:
    """JSON bytes; blobs become base64."""
    try:
        return orjson.dumps(value, default=_encoded_or_blob)
    except TypeError:
        # what orjson refuses and AWS's own JSON takes: integers of more than 64 bits, lone surrogates
        return standard_json.dumps(value, default=_blob, separators=(",", ":")).encode()


def _encoded_or_blob(value: Any) -> Any:
    return orjson.Fragment(value.json) if value.__class__ is Encoded else _blob(value)


def _blob(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return values.blob_out(bytes(value))
    if isinstance(value, Encoded):
        return orjson.loads(value.json)
    raise TypeError(f"not a value of the wire: {type(value).__name__}")


def _unchanged(value: Any) -> Any:
    return value


def _nothing(value: Any) -> dict[str, Any]:
    return {}


def _json_text_in(value: Any) -> Any:
    if not isinstance(value, str):
        raise wrong_type(value, "string")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise values.refuse("JSON text", value) from None


def _json_text_out(value: Any) -> str:
    return dump(value).decode()


def _timestamp_in(value: Any) -> int:
    return values.text_timestamp_in(value) if isinstance(value, str) else values.epoch_in(value)


def _blob_in(value: Any) -> bytes:
    if type(value) is not str:
        raise wrong_type(value, "blob")
    return values.blob_in(value)


def _integer_in(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def _float_in(value: Any) -> Any:
    return values.NOT_FINITE.get(value, value) if type(value) is str else value


def _float_out(value: float) -> float | str:
    return value if math.isfinite(value) else values.float_out(value)


SCALARS_IN: dict[str, Convert] = {
    "timestamp": _timestamp_in,
    "blob": _blob_in,
    "integer": _integer_in,
    "long": _integer_in,
    "float": _float_in,
    "double": _float_in,
}


class JsonCodec:
    """One operation in json 1.0 or 1.1."""

    def __init__(self, operation: OperationModel, version: str, reader: JsonReader, writer: JsonWriter) -> None:
        self.operation = operation
        service = operation.service
        self._content_type = ("content-type", f"application/x-amz-json-{version}")
        self._read = reader.of_shape(operation.input) if operation.input else _nothing
        self._write = writer.of_shape(operation.output) if operation.output else None
        self._status = operation.status
        self._older = service.name in OLDER_CORAL
        self._answers = operation.output is not None
        self._version = version

    def parse(
        self, method: str, path: str, query: str, headers: Collection[tuple[str, str]], body: bytes
    ) -> dict[str, Any]:
        """The input value in a body of JSON."""
        if self._older and not body:
            raise SerializationFailed("")
        try:
            given = load_object(body)
        except SerializationFailed:
            if self._older:
                raise SerializationFailed("") from None  # what is no JSON gets no words there
            raise
        try:
            found: dict[str, Any] = self._read(given)  # type: ignore[misc]
        except RecursionError:
            raise SerializationFailed("The request is nested too deeply.") from None
        except SerializationFailed:
            self._explain(given)
            raise
        return found

    def _explain(self, given: dict[str, Any]) -> None:
        """Raise in the service's own words, where it has some."""
        check = self.operation.service.style.check_types
        if check is not None and self.operation.input is not None:
            check(self.operation.input, given)

    def serialise(self, output: dict[str, Any], request_id: str) -> Reply:
        """The output as JSON; nothing at all where the model has no output."""
        body = b""
        if self._answers:
            body = dump(output if self._write is None else self._write(output))
        if self._older:
            headers = older_headers(request_id, body)
            headers.append(self._content_type)
        else:
            headers = [self._content_type, ("x-amzn-requestid", request_id)]
        return Reply(self._status, headers, body)

    def serialise_error(self, error: ServiceError, request_id: str) -> Reply:
        """The error with its type, text and further members."""
        return serialise_error(self.operation.service, error, request_id, self._version)


def error_body(facts: ErrorFacts, writer: JsonWriter) -> dict[str, Any]:
    """Text and further members of an error, as JSON."""
    fields = facts.fields
    if facts.shape is not None and fields:
        convert = writer.of_shape(facts.shape)
        fields = convert(fields) if convert else fields
    return {facts.text_member: facts.text, **fields} if facts.text else dict(fields)


def serialise_error(service: ServiceModel, error: ServiceError, request_id: str, version: str) -> Reply:
    """An error in json 1.x; services that once spoke query add the code they had there."""
    facts = facts_of(service, error)
    if facts.shape is None and facts.name in CORAL_ERRORS:
        prefix = CORAL_PREFIX
        if service.name in OLDER_CORAL:
            if facts.name in CAPITAL_MESSAGE:
                facts = facts._replace(text_member="Message")
            elif facts.name == "UnknownOperationException":
                facts = facts._replace(text="")
    else:
        prefix = ERROR_PREFIXES.get(service.name, "")
        if facts.name == "ValidationException":
            prefix = VALIDATION_PREFIXES.get(service.name, prefix)
    body = dump({"__type": prefix + facts.name, **error_body(facts, JsonWriter())})
    headers: Headers = [("content-type", f"application/x-amz-json-{version}")]
    if service.name in OLDER_CORAL:
        headers += older_headers(request_id, body)
    else:
        headers.append(("x-amzn-requestid", request_id))
    if service.is_query_compatible:
        headers.append(("x-amzn-query-error", f"{facts.code};{facts.fault}"))
    return Reply(facts.status, headers, body)


class JsonProtocol:
    """json 1.0 and 1.1; the version is the service's."""

    name = "json"

    def __init__(self) -> None:
        self._made: dict[str, tuple[JsonReader, JsonWriter]] = {}

    def compile(self, operation: OperationModel) -> JsonCodec:
        """A codec; the service's codecs share the converters of common shapes."""
        service = operation.service
        reader, writer = self._made.setdefault(service.name, (JsonReader(), JsonWriter()))
        return JsonCodec(operation, _version(service), reader, writer)

    def serialise_error(self, service: ServiceModel, error: ServiceError, request_id: str) -> Reply:
        """An error before the operation is known."""
        return serialise_error(service, error, request_id, _version(service))


def _version(service: ServiceModel) -> str:
    return service.head.json_version or "1.1"
