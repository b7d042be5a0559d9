"""Errors on the wire: prefixes, checksums, and what is said of wrong JSON types."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from ballroom.gateway.wire.json import JsonProtocol
from ballroom.kernel import ServiceError
from ballroom.kernel.model import load_service
from ballroom.services import load_services

ITEM = {"pk": {"S": "a"}}
STRUCTURE = "Start of structure or map found where not expected."
ATTRIBUTE_VALUE = "com.amazonaws.dynamodb.v20120810.AttributeValue"
TYPES: list[tuple[str, dict[str, Any], str]] = [
    ("TableName", {"TableName": 1}, "NUMBER_VALUE cannot be converted to String"),
    ("TableName", {"TableName": True}, "TRUE_VALUE cannot be converted to String"),
    ("TableName", {"TableName": []}, "Unrecognized collection type class java.lang.String"),
    ("TableName", {"TableName": {}}, STRUCTURE),
    ("Item", {"Item": "x"}, "Unexpected field type"),
    ("Item", {"Item": []}, f"Unrecognized collection type java.util.Map<java.lang.String, {ATTRIBUTE_VALUE}>"),
    ("Item.a", {"Item": {"a": "x"}}, "Unexpected value type in payload"),
    ("Item.a", {"Item": {"a": [1]}}, f"Unrecognized collection type class {ATTRIBUTE_VALUE}"),
    ("Item.a.S", {"Item": {"a": {"S": 1}}}, "NUMBER_VALUE cannot be converted to String"),
    ("Item.a.N", {"Item": {"a": {"N": 1}}}, "NUMBER_VALUE cannot be converted to String"),
    ("Item.a.BOOL", {"Item": {"a": {"BOOL": "x"}}}, "Unexpected token received from parser"),
    ("Item.a.B", {"Item": {"a": {"B": 1}}}, "only base-64-encoded strings are convertible to bytes"),
    ("Item.a.B", {"Item": {"a": {"B": "abcde"}}},
     "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
    ("Item.a.B", {"Item": {"a": {"B": "a!bc"}}}, "Invalid Base64 character: '!'"),
    ("Item.a.SS", {"Item": {"a": {"SS": "x"}}}, "Unexpected field type"),
    ("Item.a.SS.0", {"Item": {"a": {"SS": [1]}}}, "NUMBER_VALUE cannot be converted to String"),
    ("Item.a.L.0", {"Item": {"a": {"L": ["x"]}}}, "Unexpected value type in payload"),
    ("Expected.a", {"Expected": {"a": "x"}}, "Unexpected value type in payload"),
    ("names", {"ExpressionAttributeNames": []},
     "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "given", "text"), TYPES, ids=[f"{case[0]} {case[2][:30]}" for case in TYPES])
def test_wrong_types_are_told_in_dynamodbs_words(where: str, given: dict[str, Any], text: str) -> None:
    load_services()
    operation = load_service("dynamodb").operation("PutItem")
    codec = JsonProtocol().compile(operation)
    body = json.dumps({"TableName": "tab", "Item": ITEM, **given}).encode()
    with pytest.raises(ServiceError) as caught:
        operation.validate(codec.parse("POST", "/", "", [], body))
    assert caught.value.text == text
    reply = codec.serialise_error(caught.value, "id")
    assert json.loads(reply.body) == {
        "__type": "com.amazon.coral.service#SerializationException", "Message": text,
    }  # fmt: skip


def test_each_kind_of_error_has_its_prefix_and_every_answer_a_checksum() -> None:
    load_services()
    codec = JsonProtocol().compile(load_service("dynamodb").operation("PutItem"))
    for shape, prefix in (
        ("ValidationException", "com.amazon.coral.validate#"),
        ("ResourceNotFoundException", "com.amazonaws.dynamodb.v20120810#"),
        ("ConditionalCheckFailedException", "com.amazonaws.dynamodb.v20120810#"),
        ("SerializationException", "com.amazon.coral.service#"),
    ):
        reply = codec.serialise_error(ServiceError.of(shape, "text", status=400), "id")
        assert json.loads(reply.body)["__type"] == prefix + shape
        assert dict(reply.headers)["x-amz-crc32"] == str(zlib.crc32(reply.body))
