"""Whatever bytes arrive, a parser gives a value or AWS's 4xx: no other exception, no hang, no flood."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ballroom.gateway import wire
from ballroom.gateway.wire import cborvalues, xml
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import SerializationFailed, load_service

FUZZ = settings(max_examples=150, deadline=None, derandomize=True, database=None)
FUZZ = settings(FUZZ, suppress_health_check=[HealthCheck.too_slow])


def take(service: str, name: str, protocol: str, body: bytes, *, path: str = "/", query: str = "") -> Any:
    """Parse and validate; a refusal must be a 4xx."""
    operation = load_service(service).operation(name)
    try:
        value = wire.codec(operation, protocol).parse("POST", path, query, [], body)
        operation.validate(value)
    except ServiceError as error:
        refusal = error
    else:
        return value
    assert (refusal.fault, refusal.status) == ("Sender", 400)
    return refusal


JSON_BODIES = [
    b"{",
    b"[]",
    b"nul",
    b'"text"',
    b"\xff\xfe",
    b'{"QueueUrl":"\xff"}',
    b"[" * 10_000,
    b'{"QueueUrl":' * 10_000,
    b'{"QueueUrl":NaN}',
    b'{"QueueUrl":1e999}',
    b'{"QueueUrl":' + b"9" * 5_000 + b"}",
    b'{"QueueUrl":"\\ud800","MessageBody":"x"}',
    b'{"QueueUrl":{"QueueUrl":1},"MessageBody":[]}',
    b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":"1"}',
    b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":99999999999999999999}',
    b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":true}',
    b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":1.5}',
    b'{"QueueUrl":"u","MessageBody":"x","MessageAttributes":[]}',
    b'{"QueueUrl":"u","MessageBody":"x","MessageAttributes":{"a":7}}',
    b'{"QueueUrl":"u","MessageBody":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"%"}}}',
]


@pytest.mark.parametrize("body", JSON_BODIES, ids=lambda body: repr(body[:40]))
def test_json_that_does_not_fit_is_a_serialization_exception(body: bytes) -> None:
    error = take("sqs", "SendMessage", "json", body)
    assert isinstance(error, SerializationFailed)
    assert error.shape == "SerializationException"


def test_the_last_of_duplicate_keys_counts() -> None:
    value = take("sqs", "SendMessage", "json", b'{"QueueUrl":"a","QueueUrl":"b","MessageBody":"x"}')
    assert value["QueueUrl"] == "b"


def test_deep_nesting_of_a_shape_that_contains_itself_is_refused() -> None:
    item = b'{"M":{"a":' * 400 + b'{"S":"x"}' + b"}}" * 400
    error = take("dynamodb", "PutItem", "json", b'{"TableName":"abc","Item":{"k":' + item + b"}}")
    assert isinstance(error, SerializationFailed)


@FUZZ
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@example(b'{"Item":{"":{"L":[null]}}}')
def test_any_bytes_as_json(body: bytes) -> None:
    take("dynamodb", "PutItem", "json", body)
    take("logs", "PutLogEvents", "json", body)
    take("lambda", "CreateFunction", "rest-json", body, path="/2015-03-31/functions")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@FUZZ
@given(st.data())
def test_any_json_values_in_the_right_places(data: st.DataObject) -> None:
    for service, name, protocol, path in (
        ("sqs", "SendMessageBatch", "json", "/"),
        ("dynamodb", "BatchWriteItem", "json", "/"),
        ("lambda", "CreateEventSourceMapping", "rest-json", "/2015-03-31/event-source-mappings"),
    ):
        shape = load_service(service).operation(name).input
        assert shape is not None
        keys = st.sampled_from(sorted(shape.members))
        value = data.draw(st.dictionaries(keys, JSON_VALUES, max_size=4))
        take(service, name, protocol, json.dumps(value).encode(), path=path)


FORMS = [
    b"\xff=%ff",
    b"QueueUrl=%ff%fe",
    b"QueueUrl.1.2.3=x",
    b"MessageAttribute.x.Name=a",
    b"MessageAttribute.1=a",
    b"MessageAttribute.1.Value.DataType=a",
    b"DelaySeconds=1x",
    b"DelaySeconds=" + b"9" * 5_000,
    b"DelaySeconds=",
    b"MessageAttribute.99999999999999999999.Name=a",
    b".".join([b"MessageAttribute"] * 100_000) + b"=1&" + b".".join([b"a"] * 150_000) + b"=2",
]


@pytest.mark.parametrize("body", FORMS, ids=lambda body: repr(body[:40]))
def test_forms_that_do_not_fit_are_malformed_input(body: bytes) -> None:
    error = take("sqs", "SendMessage", "query", body)
    assert isinstance(error, SerializationFailed)
    assert error.shape == "MalformedInput"


def test_ten_thousand_parameters_are_taken() -> None:
    body = b"&".join(b"Tag.%d.Key=k%d&Tag.%d.Value=v" % (n, n, n) for n in range(5_000))
    value = take("sqs", "TagQueue", "query", b"QueueUrl=u&" + body)
    assert len(value["Tags"]) == 5_000


def test_a_name_that_is_both_text_and_a_list_counts_as_the_list() -> None:
    assert take("sqs", "ReceiveMessage", "query", b"QueueUrl=u&AttributeName=x&AttributeName.1=All") == {
        "QueueUrl": "u",
        "AttributeNames": ["All"],
    }


@FUZZ
@given(st.binary(max_size=200) | st.text("QueueUrl.123=&%+mbr", max_size=60).map(str.encode))
def test_any_bytes_as_a_form(body: bytes) -> None:
    take("sqs", "SendMessageBatch", "query", body)
    take("iam", "CreateRole", "query", b"Tags." + body)
    take("cloudformation", "CreateStack", "query", body, query=body.decode("latin-1"))


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>
<Tagging><TagSet><Tag><Key>&lol2;</Key><Value>x</Value></Tag></TagSet></Tagging>"""
OUTSIDE = (
    b"""<!DOCTYPE foo [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><Tagging><TagSet>&xxe;</TagSet></Tagging>"""
)
XML_BODIES = [
    LAUGHS,
    OUTSIDE,
    b"<!DOCTYPE Tagging SYSTEM 'http://127.0.0.1/x.dtd'><Tagging/>",
    b"<Tagging>",
    b"<Tagging><TagSet></Tagging></TagSet>",
    b"text",
    b"\xff\xff",
    b"<a>&#0;</a>",
    b"<a>" * 10_000,
    b"<a>" * 10_000 + b"</a>" * 10_000,
    b"<Tagging>" + b"<a/>" * 300_000 + b"</Tagging>",
    b"<Tagging><TagSet><Tag><Key><b/></Key></Tag></TagSet></Tagging>",
    b"<?xml version='1.0' encoding='nonsense'?><Tagging/>",
    b"<Tagging>&unknown;</Tagging>",
]


def test_a_value_in_xml_of_the_wrong_type_is_malformed_too() -> None:
    body = b"<CompleteMultipartUpload><Part><PartNumber>one</PartNumber></Part></CompleteMultipartUpload>"
    error = take("s3", "CompleteMultipartUpload", "rest-xml", body, path="/bucket/key", query="uploadId=u")
    assert error.shape == "MalformedXML"


@pytest.mark.parametrize("given", ["abc", "", "99999999999", "1.5"])
def test_s3_names_the_argument_that_it_cannot_read(given: str) -> None:
    error = take("s3", "ListObjectsV2", "rest-xml", b"", path="/bucket", query=f"list-type=2&max-keys={given}")
    assert error.shape == "InvalidArgument"
    assert error.text == "Provided max-keys not an integer or within integer range"
    assert error.fields == {"ArgumentName": "max-keys", "ArgumentValue": given}


@pytest.mark.parametrize("body", XML_BODIES, ids=lambda body: repr(body[:40]))
def test_xml_that_does_not_fit_is_malformed(body: bytes) -> None:
    error = take("s3", "PutBucketTagging", "rest-xml", body, path="/bucket", query="tagging")
    assert isinstance(error, xml.XmlRefused)
    assert error.shape == "MalformedXML"


def test_s3_cannot_parse_a_path_that_is_no_text() -> None:
    assert take("s3", "GetObject", "rest-xml", b"", path="/bucket/%ff").shape == "InvalidURI"


@FUZZ
@given(st.binary(max_size=200) | st.text("<>/TaggSetKyVlu &;!?x", max_size=80).map(str.encode))
def test_any_bytes_as_xml(body: bytes) -> None:
    take("s3", "PutBucketTagging", "rest-xml", body, path="/bucket", query="tagging")
    take("s3", "DeleteObjects", "rest-xml", body, path="/bucket", query="delete")


CBOR_BODIES = [
    b"\x9f" * 10_000,
    b"\x81" * 10_000,
    b"\xc1" * 10_000,
    b"\x9b" + struct.pack(">Q", 2**63),
    b"\x5b" + struct.pack(">Q", 2**63) + b"x",
    b"\xbb" + struct.pack(">Q", 2**64 - 1) + b"aa",
    b"\x5f\x7f\xff\xff",
    b"\x62\xff\xff",
    b"\xa1\x01\x02",
    b"\xc2\x58\xff" + b"\xff" * 255,
    b"\xd8\x23\x61(",
    b"\xf8\x00",
    b"\xff",
    b"\x80",
    b"\xa0\x00",
    b"\xa1\x69Namespace\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"\x1c",
    b"\x1f",
]


@pytest.mark.parametrize("body", CBOR_BODIES, ids=lambda body: repr(body[:20]))
def test_cbor_that_does_not_fit_is_a_serialization_exception(body: bytes) -> None:
    error = take("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", body)
    assert isinstance(error, SerializationFailed)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_as_cbor(body: bytes) -> None:
    take("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", body)


CBOR_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@FUZZ
@given(CBOR_VALUES)
def test_cbor_gives_back_what_was_written(value: Any) -> None:
    assert cborvalues.loads(cborvalues.dumps(value)) == value


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/2015-03-31/functions/%ff%fe/invocations", ""),
        ("/2015-03-31/functions/invocations", ""),
        ("/2015-03-31/functions/f/invocations", "Qualifier=%ff"),
    ],
)
def test_paths_and_query_strings_that_do_not_fit(path: str, queries: str) -> None:
    error = take("lambda", "Invoke", "rest-json", b"{}", path=path, query=queries)
    assert isinstance(error, SerializationFailed)
