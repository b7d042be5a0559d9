"""What exactly stands in replies: names, headers, formats, errors."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from ballroom.gateway import wire
from ballroom.gateway.wire import Reply, cborvalues, eventstream, values
from ballroom.kernel.errors import ServiceError, Throttled
from ballroom.kernel.model import SerializationFailed, load_service
from tests.gateway.wire.client import answer_of


def codec(service: str, name: str, protocol: str) -> wire.Codec:
    return wire.codec(load_service(service).operation(name), protocol)


def error_of(service: str, name: str, protocol: str, shape: str, text: str = "t", **fields: Any) -> Reply:
    error = ServiceError.of(shape, text)
    error.fields = fields
    return codec(service, name, protocol).serialise_error(error, "request-1")


def code_seen(service: str, name: str, protocol: str, reply: Reply) -> str:
    found: str = answer_of(service, name, protocol, reply)["Error"]["Code"]
    return found


def test_sqs_tells_the_query_code_in_a_header_of_its_json_errors() -> None:
    reply = error_of("sqs", "SendMessage", "json", "QueueDoesNotExist")
    assert json.loads(reply.body) == {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "t"}
    assert ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender") in reply.headers
    assert code_seen("sqs", "SendMessage", "json", reply) == "AWS.SimpleQueueService.NonExistentQueue"


def test_sqs_errors_without_a_shape_go_by_both_their_names() -> None:
    for shape in ("MissingParameter", "MissingRequiredParameterException"):
        reply = error_of("sqs", "SendMessage", "json", shape)
        assert json.loads(reply.body)["__type"] == "com.amazon.coral.service#MissingRequiredParameterException"
        assert code_seen("sqs", "SendMessage", "json", reply) == "MissingParameter"
        assert b"<Code>MissingParameter</Code>" in error_of("sqs", "SendMessage", "query", shape).body


def test_a_query_error_of_sqs() -> None:
    reply = error_of("sqs", "SendMessage", "query", "QueueDoesNotExist", "gone <&>")
    assert reply.status == 400
    assert reply.body == (
        b'<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>'
        b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>gone &lt;&amp;&gt;</Message><Detail/>"
        b"</Error><RequestId>request-1</RequestId></ErrorResponse>"
    )


def test_an_iam_error_has_the_code_and_status_of_its_model() -> None:
    reply = error_of("iam", "GetRole", "query", "NoSuchEntityException")
    assert reply.status == 404
    assert code_seen("iam", "GetRole", "query", reply) == "NoSuchEntity"
    assert error_of("iam", "GetRole", "query", "NoSuchEntity").status == 404


def test_a_lambda_error_names_itself_in_a_header_and_says_whose_fault_it_is() -> None:
    reply = error_of("lambda", "GetFunction", "rest-json", "ResourceNotFoundException")
    assert (reply.status, json.loads(reply.body)) == (404, {"Message": "t", "Type": "User"})
    assert ("x-amzn-errortype", "ResourceNotFoundException") in reply.headers
    broken = error_of("lambda", "GetFunction", "rest-json", "ServiceException")
    assert (broken.status, json.loads(broken.body)["Type"]) == (500, "Service")


def test_members_of_an_error_go_where_the_model_puts_them() -> None:
    reply = error_of(
        "lambda", "Invoke", "rest-json", "TooManyRequestsException", retryAfterSeconds="3", Reason="R"
    )
    assert ("Retry-After", "3") in reply.headers
    assert json.loads(reply.body) == {"message": "t", "Reason": "R", "Type": "User"}


def test_an_s3_error_is_bare_and_a_head_gets_none() -> None:
    reply = error_of("s3", "GetObject", "rest-xml", "NoSuchKey", "gone", Key="a&b")
    assert reply.status == 404
    assert reply.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>gone</Message>'
        b"<Key>a&amp;b</Key><RequestId>request-1</RequestId><HostId>request-1</HostId></Error>"
    )
    assert error_of("s3", "HeadObject", "rest-xml", "NoSuchKey").body == b""


def test_a_cbor_error_can_be_read_by_botocore() -> None:
    reply = error_of("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", "InvalidParameterValueException")
    assert cborvalues.loads(reply.body) == {"__type": "InvalidParameterValueException", "message": "t"}
    assert code_seen("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", reply) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("service", "protocol"),
    [
        *[("sqs", "json"), ("sqs", "query"), ("lambda", "rest-json"), ("s3", "rest-xml"), ("sts", "query")],
        *[("cloudfront", "rest-xml"), ("cloudwatch", "smithy-rpc-v2-cbor")],
    ],
)
def test_every_protocol_has_an_error_before_the_operation_is_known(service: str, protocol: str) -> None:
    reply = wire.PROTOCOLS[protocol].serialise_error(load_service(service), Throttled(), "request-1")
    name = load_service(service).operation_names[0]
    assert reply.status == 400
    assert code_seen(service, name, protocol, reply) == "ThrottlingException"


def test_dynamodb_answers_carry_their_checksum() -> None:
    for reply in (
        codec("dynamodb", "GetItem", "json").serialise({"Item": {"a": {"B": b"\x00"}}}, "id"),
        error_of("dynamodb", "GetItem", "json", "ResourceNotFoundException"),
    ):
        assert ("x-amz-crc32", str(zlib.crc32(reply.body))) in reply.headers


def test_dynamodb_tells_request_ids_of_52_capitals_and_digits() -> None:
    request_id = "6c95f172-7efd-42b5-84da-edc3363c9a80"
    for service, operation in (("dynamodb", "GetItem"), ("dynamodbstreams", "ListStreams")):
        compiled = codec(service, operation, "json")
        for reply in (compiled.serialise({}, request_id), compiled.serialise_error(Throttled(), request_id)):
            told = dict(reply.headers)["x-amzn-requestid"]
            assert re.fullmatch("[0-9A-Z]{52}", told)
            assert told.startswith("6C95F1727EFD42B584DAEDC3363C9A80"), "ours, to be found in the log"


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("SerializationException", "Message"), ("AccessDeniedException", "Message"),
        ("MissingAuthenticationTokenException", "message"), ("IncompleteSignatureException", "message"),
        ("InvalidSignatureException", "message"), ("UnrecognizedClientException", "message"),
        ("ExpiredTokenException", "message"),
    ],
)  # fmt: skip
def test_what_dynamodb_refuses_before_the_operation_has_corals_prefix(name: str, member: str) -> None:
    reply = codec("dynamodb", "GetItem", "json").serialise_error(ServiceError.of(name, "text", status=400), "id")
    assert json.loads(reply.body) == {"__type": f"com.amazon.coral.service#{name}", member: "text"}


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b'"x"', b"{"])
def test_dynamodb_has_no_words_for_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(SerializationFailed) as caught:
        codec("dynamodb", "ListTables", "json").parse("POST", "/", "", [], body)
    assert caught.value.text == ""


def test_an_operation_without_output_answers_nothing() -> None:
    assert codec("sqs", "DeleteMessage", "json").serialise({}, "id").body == b""
    assert codec("sqs", "DeleteMessage", "query").serialise({}, "id").body == (
        b'<DeleteMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        b"<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteMessageResponse>"
    )


def test_status_and_headers_come_from_the_model_and_the_output() -> None:
    reply = codec("lambda", "Invoke", "rest-json").serialise({"StatusCode": 202, "ExecutedVersion": "7"}, "id")
    assert reply.status == 202
    assert ("X-Amz-Executed-Version", "7") in reply.headers
    assert codec("lambda", "CreateFunction", "rest-json").serialise({}, "id").status == 201


def test_data_cannot_add_headers_of_its_own() -> None:
    output = {"ContentDisposition": "a\r\nSet-Cookie: x", "Metadata": {"k\n": "v\r\n"}, "Body": b""}
    reply = codec("s3", "GetObject", "rest-xml").serialise(output, "id")
    assert not any("\n" in part or "\r" in part for header in reply.headers for part in header)


def test_the_location_of_a_bucket_is_the_root_itself() -> None:
    write = codec("s3", "GetBucketLocation", "rest-xml").serialise
    root = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    assert write({"LocationConstraint": "eu-west-1"}, "id").body.endswith(
        root + b">eu-west-1</LocationConstraint>"
    )
    assert write({}, "id").body.endswith(root + b"/>")


def test_s3_lists_have_the_root_that_clients_know() -> None:
    body = codec("s3", "ListObjectsV2", "rest-xml").serialise({"Name": "b", "KeyCount": 0}, "id").body
    assert b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>' in body


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-05-01T12:00:00Z", 1_714_564_800_000),
        ("2024-05-01T12:00:00.125Z", 1_714_564_800_125),
        ("2024-05-01T14:00:00+02:00", 1_714_564_800_000),
        ("2024-05-01", 1_714_521_600_000),
        ("1714564800.5", 1_714_564_800_500),
        ("Wed, 01 May 2024 12:00:00 GMT", 1_714_564_800_000),
    ],
)
def test_timestamps_are_taken_in_every_spelling(text: str, ms: int) -> None:
    assert values.text_timestamp_in(text) == ms


@pytest.mark.parametrize(
    "text", ["", "now", "2024-13-01T00:00:00Z", "1e300", "NaN", "9" * 400, "2024-05-01T25:00:00Z"]
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(SerializationFailed):
        values.text_timestamp_in(text)


def test_json_timestamps_are_seconds_with_milliseconds() -> None:
    reply = codec("ssm", "GetParameter", "json").serialise(
        {"Parameter": {"LastModifiedDate": 1_714_564_800_125}}, "i"
    )
    assert json.loads(reply.body) == {"Parameter": {"LastModifiedDate": 1714564800.125}}


def test_nulls_and_unknown_members_do_not_arrive() -> None:
    body = b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":null,"Color":"red"}'
    value = codec("sqs", "SendMessage", "json").parse("POST", "/", "", [], body)
    assert value == {"QueueUrl": "u", "MessageBody": "x"}


def test_numbers_that_are_whole_may_be_written_with_a_point() -> None:
    body = b'{"QueueUrl":"u","MessageBody":"x","DelaySeconds":5.0}'
    assert codec("sqs", "SendMessage", "json").parse("POST", "/", "", [], body)["DelaySeconds"] == 5


def test_an_older_sdk_sends_a_message_to_sqs() -> None:
    body = (
        b"Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Fx%2Fq&MessageBody=a%20b+c&DelaySeconds=3"
        b"&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=aGk%3D"
        b"&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value.DataType=String"
        b"&MessageSystemAttribute.1.Value.StringValue=Root"
    )
    assert codec("sqs", "SendMessage", "query").parse("POST", "/", "", [], body) == {
        "QueueUrl": "http://x/q",
        "MessageBody": "a b c",
        "DelaySeconds": 3,
        "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"hi"}},
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root"}},
    }


def test_an_older_sdk_creates_a_queue_and_reads_its_attributes() -> None:
    body = b"QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=a&Tag.1.Value=b"
    assert codec("sqs", "CreateQueue", "query").parse("POST", "/", "", [], body) == {
        "QueueName": "q",
        "Attributes": {"DelaySeconds": "5"},
        "tags": {"a": "b"},
    }
    reply = codec("sqs", "GetQueueAttributes", "query").serialise({"Attributes": {"DelaySeconds": "5"}}, "id")
    assert (
        b"<GetQueueAttributesResult><Attribute><Name>DelaySeconds</Name><Value>5</Value></Attribute>"
        in reply.body
    )


def test_an_older_sdk_reads_a_batch_with_failures() -> None:
    output = {
        "Successful": [{"Id": "1"}],
        "Failed": [{"Id": "2", "SenderFault": True, "Code": "ReceiptHandleIsInvalid", "Message": "m"}],
    }
    assert (
        b"<DeleteMessageBatchResultEntry><Id>1</Id></DeleteMessageBatchResultEntry><BatchResultErrorEntry><Id>2</Id>"
        b"<SenderFault>true</SenderFault><Code>ReceiptHandleIsInvalid</Code><Message>m</Message>"
    ) in codec("sqs", "DeleteMessageBatch", "query").serialise(output, "id").body


def test_streaming_bodies_pass_through_untouched() -> None:
    stream = object()
    value = codec("s3", "PutObject", "rest-xml").parse("PUT", "/b/k", "", [], stream)
    assert value == {"Bucket": "b", "Key": "k", "Body": stream}
    assert codec("s3", "GetObject", "rest-xml").serialise({"Body": stream}, "id").body is stream


def test_a_key_may_hold_slashes_and_anything_percent_encoded() -> None:
    value = codec("s3", "GetObject", "rest-xml").parse("GET", "/b/a//b%2Fc%20%C3%BC/", "", [], b"")
    assert value["Key"] == "a//b/c ü/"


async def _events(*events: dict[str, Any], error: ServiceError | None = None) -> AsyncIterator[dict[str, Any]]:
    for event in events:
        yield event
    if error is not None:
        raise error


def _stream(*events: dict[str, Any], error: ServiceError | None = None) -> list[Any]:
    async def run() -> list[Any]:
        output = {"StatusCode": 200, "EventStream": _events(*events, error=error)}
        reply = codec("lambda", "InvokeWithResponseStream", "rest-json").serialise(output, "id")
        assert ("content-type", "application/vnd.amazon.eventstream") in reply.headers
        buffer = EventStreamBuffer()
        async for chunk in reply.body:
            buffer.add_data(chunk)
        return list(buffer)

    return asyncio.run(run())


def test_a_response_stream_is_read_by_botocore() -> None:
    messages = _stream({"PayloadChunk": {"Payload": b"ab"}}, {"InvokeComplete": {"ErrorCode": "E"}})
    assert [(m.headers[":event-type"], m.payload) for m in messages] == [
        ("PayloadChunk", b"ab"),
        ("InvokeComplete", b'{"ErrorCode":"E"}'),
    ]


def test_a_stream_that_fails_ends_with_an_error_message() -> None:
    *_, last = _stream({"PayloadChunk": {"Payload": b"ab"}}, error=ServiceError.of("Oops", "why"))
    assert last.headers[":message-type"] == "error"
    assert last.headers[":error-code"] == "Oops"


def test_event_messages_are_read_back() -> None:
    headers = {":event-type": "é", "yes": True, "no": False, "n": -5, "big": 2**40, "raw": b"\x00"}
    message = eventstream.encode(headers, b"payload")
    assert eventstream.decode(message + b"more") == (headers, b"payload", len(message))
    assert all(eventstream.decode(message[:cut]) is None for cut in range(len(message)))


def test_a_flipped_bit_in_an_event_message_is_noticed() -> None:
    message = bytearray(eventstream.encode({"a": "b"}, b"payload"))
    for at in range(len(message)):
        message[at] ^= 1
        with pytest.raises(SerializationFailed):
            eventstream.decode(bytes(message))
        message[at] ^= 1
