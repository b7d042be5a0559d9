"""botocore as the client's side of the wire, and hypothesis strategies for the values of a shape."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel as ClientOperation
from botocore.model import ServiceModel as ClientService
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import strategies as st

from ballroom.gateway.wire import Reply
from ballroom.kernel.model import Member, Shape, data, load_service

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
Request = tuple[str, str, str, list[tuple[str, str]], bytes]


@cache
def client_operation(service: str, operation: str) -> ClientOperation:
    return ClientService(data.read_model(service), service).operation_model(operation)


def request_of(service: str, operation: str, protocol: str, value: dict[str, Any]) -> Request:
    """What botocore sends for an input: method, raw path, raw query, headers, body."""
    model = client_operation(service, operation)
    shape = load_service(service).operation(operation).input
    made = create_serializer(protocol, include_validation=False).serialize_to_request(
        to_client(shape, value) if shape else {}, model
    )
    prepare_request_dict(made, endpoint_url="http://127.0.0.1:4566", context={"client_config": None})
    request = create_request_object(made).prepare()
    parts = urlsplit(request.url)
    headers = [(name.lower(), _text(text)) for name, text in request.headers.items()]
    body = request.body or b""
    return request.method, parts.path, parts.query, headers, body.encode() if isinstance(body, str) else body


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def answer_of(service: str, operation: str, protocol: str, reply: Reply) -> dict[str, Any]:
    """What botocore makes of a reply, without its metadata."""
    model = client_operation(service, operation)
    shape = load_service(service).operation(operation).output
    payload = shape.payload if shape else None
    is_raw = reply.status < 300 and payload is not None and payload.shape.kind == "blob"
    body = b"" if is_raw else reply.body  # botocore hands such a body on as it is
    response = {"status_code": reply.status, "headers": client_headers(reply), "body": body, "context": {}}
    parsed: dict[str, Any] = create_parser(protocol).parse(response, model.output_shape)
    parsed.pop("ResponseMetadata", None)
    if shape is None or reply.status >= 300:
        return parsed
    if is_raw and payload is not None:
        parsed[payload.name] = reply.body
    read: dict[str, Any] = from_client(shape, parsed)
    return read


def client_headers(reply: Reply) -> HTTPHeaders:
    return HTTPHeaders.from_pairs(reply.headers)


def to_client(shape: Shape, value: Any) -> Any:
    """Timestamps as datetimes, as boto3 takes them."""
    if shape.kind == "timestamp":
        return EPOCH + datetime.timedelta(milliseconds=value)
    return _inside(shape, value, to_client)


def from_client(shape: Shape, value: Any) -> Any:
    """Datetimes as milliseconds, as Ballroom has them."""
    if shape.kind == "timestamp":
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return _inside(shape, value, from_client)


def _inside(shape: Shape, value: Any, change: Any) -> Any:
    if shape.is_document:
        return value
    if shape.kind == "structure":
        return {
            name: value[name] if member.is_json_text else change(member.shape, value[name])
            for name, member in shape.members.items()
            if name in value
        }
    if shape.kind == "list":
        return [change(shape.element.shape, item) for item in value]
    if shape.kind == "map":
        return {key: change(shape.value.shape, item) for key, item in value.items()}
    return value


TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=8,
)
PLAIN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.", min_size=1, max_size=8)
SECONDS = st.integers(0, 4_000_000_000).map(lambda seconds: 1000 * seconds)
MILLIS = st.integers(0, 4_000_000_000_000)


def values_of(shape: Shape, *, times: Any = SECONDS, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape that are never empty inside, since XML and query can't say so."""
    if shape.is_document:
        return st.dictionaries(PLAIN, st.integers(-5, 5) | TEXT, max_size=2)
    if shape.kind == "structure":
        return _structures(shape, list(shape.members.values()), times, depth)
    if shape.kind == "list":
        return st.lists(values_of(shape.element.shape, times=times, depth=depth + 1), min_size=1, max_size=2)
    if shape.kind == "map":
        inner = values_of(shape.value.shape, times=times, depth=depth + 1)
        return st.dictionaries(values_of(shape.key.shape), inner, min_size=1, max_size=2)
    return _scalar(shape, times)


def _scalar(shape: Shape, times: Any) -> st.SearchStrategy[Any]:
    if shape.kind == "string":
        return st.sampled_from(shape.traits["enum"]) if "enum" in shape.traits else TEXT
    return {
        "integer": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": st.integers(-1000, 1000).map(lambda n: n / 4),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "blob": st.binary(min_size=1, max_size=12),
        "timestamp": times,
    }[shape.kind]


SET_BY_HTTP = frozenset({"content-length"})
"""Headers that say what the HTTP library knows better."""


def _structures(shape: Shape, members: Sequence[Member], times: Any, depth: int) -> st.SearchStrategy[Any]:
    usable = [member for member in members if depth < 4 or member.shape.is_scalar]
    usable = [m for m in usable if not m.is_event_stream and m.wire_name.lower() not in SET_BY_HTTP]
    if not usable:
        return st.just({})
    needed = {m.name for m in usable if m.location == "uri" or (m.name in shape.required and m.shape.is_scalar)}
    parts = {member.name: _member(member, times, depth) for member in usable}

    @st.composite
    def make(draw: Any) -> dict[str, Any]:
        chosen = draw(st.sets(st.sampled_from([m.name for m in usable]), min_size=1, max_size=4)) | needed
        return {member.name: draw(parts[member.name]) for member in usable if member.name in chosen}

    return make()


def _member(member: Member, times: Any, depth: int) -> st.SearchStrategy[Any]:
    shape = member.shape
    if member.is_json_text:
        return st.dictionaries(PLAIN, st.integers(-5, 5), max_size=2)
    if member.location in ("header", "headers", "uri"):
        whole_seconds = SECONDS if member.location != "body" else times
        if shape.kind == "string" and "enum" not in shape.traits:
            return PLAIN
        if shape.kind == "map":
            return st.dictionaries(PLAIN.map(str.lower), PLAIN, min_size=1, max_size=2)
        if shape.kind == "list":
            return st.lists(_scalar(shape.element.shape, whole_seconds), min_size=1, max_size=2)
        return _scalar(shape, whole_seconds)
    if member.location == "statusCode":
        return st.integers(200, 299)
    if member.location is None and shape.kind == "blob" and member.is_streaming:
        return st.binary(max_size=12)
    return values_of(shape, times=times, depth=depth + 1)
