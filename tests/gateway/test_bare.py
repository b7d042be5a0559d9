"""What DynamoDB's endpoints answer to requests that call nothing."""

from __future__ import annotations

import re
import zlib

import pytest

from tests.gateway.door import Door
from tests.gateway.harness import Reply, get
from tests.gateway.signing import raw, signed

HOST = "dynamodb.eu-west-1.amazonaws.com"
JSON = "Content-Type: application/x-amz-json-1.0"


def request(*lines: str, method: str = "GET", path: str = "/", host: str = HOST) -> bytes:
    return get(path, *lines, method=method).replace(b"Host: localhost", f"Host: {host}".encode())


def check_headers(reply: Reply) -> None:
    assert reply.headers["x-amz-crc32"] == str(zlib.crc32(reply.body))
    assert re.fullmatch("[0-9A-Z]{52}", reply.headers["x-amzn-requestid"])


@pytest.mark.parametrize("path", ["/", "/ping", "/whatever?a=b"])
def test_a_get_is_a_health_check_and_needs_no_signature(guarded_door: Door, path: str) -> None:
    reply = guarded_door.ask(request(path=path))
    assert (reply.status, reply.body) == (200, b"healthy: dynamodb.eu-west-1.amazonaws.com ")
    check_headers(reply)


def test_a_host_without_a_region_is_of_the_servers(door: Door) -> None:
    reply = door.ask(request(host="dynamodb.localhost"))
    assert reply.body == b"healthy: dynamodb.us-east-1.amazonaws.com "


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_what_is_no_call_is_an_unknown_operation_in_xml(door: Door, method: str) -> None:
    reply = door.ask(request("Content-Length: 0", method=method))
    assert (reply.status, reply.body) == (404, b"<UnknownOperationException/>\n")
    check_headers(reply)


def test_a_signature_names_the_service_where_the_host_does_not(door: Door) -> None:
    reply = door.ask(raw(signed("GET", service="dynamodb")))
    assert reply.body.startswith(b"healthy: dynamodb.")


@pytest.mark.parametrize("target", [None, "", "ListTables", "DynamoDB_20120811.ListTables", "DynamoDB_20120810.Nope"])
@pytest.mark.parametrize("kind", [JSON, "Content-Type: application/json; charset=utf-8"])
def test_a_call_of_an_unknown_operation_is_refused_without_words(
    door: Door, kind: str, target: str | None
) -> None:
    lines = [] if target is None else [f"X-Amz-Target: {target}"]
    reply = door.ask(request(kind, *lines, "Content-Length: 2", method="POST") + b"{}")
    assert (reply.status, reply.body) == (400, b'{"__type":"com.amazon.coral.service#UnknownOperationException"}')
    check_headers(reply)
