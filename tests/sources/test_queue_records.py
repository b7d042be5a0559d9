from __future__ import annotations

import json

import pytest

from ballroom.sources.queue_records import event_of, failed_messages

MESSAGE = {
    "MessageId": "m-1",
    "ReceiptHandle": "handle",
    "Body": "hello",
    "MD5OfBody": "5d41402abc4b2a76b9719d911017c592",
    "MD5OfMessageAttributes": "abc",
    "Attributes": {
        "SentTimestamp": "1", "SenderId": "me", "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "2",
    },
    "MessageAttributes": {
        "colour": {"DataType": "String", "StringValue": "red"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    },
}  # fmt: skip


def test_a_message_becomes_a_record_of_awss_form() -> None:
    event = json.loads(event_of([MESSAGE], "arn:aws:sqs:us-east-1:000000000000:q", "us-east-1"))
    assert event == {
        "Records": [
            {
                "messageId": "m-1",
                "receiptHandle": "handle",
                "body": "hello",
                "attributes": {
                    "ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "me",
                    "ApproximateFirstReceiveTimestamp": "2",
                },
                "messageAttributes": {
                    "colour": {"stringValue": "red", "stringListValues": [], "binaryListValues": [],
                               "dataType": "String"},
                    "raw": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [],
                            "dataType": "Binary"},
                },
                "md5OfMessageAttributes": "abc",
                "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
                "awsRegion": "us-east-1",
            }
        ]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"", ""),
        (b"null", ""),
        (b'""', ""),
        (b"{}", ""),
        (b'{"batchItemFailures": []}', ""),
        (b'{"batchItemFailures": null}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', "b"),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}', "ac"),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', "abc"),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', "abc"),
        (b'{"batchItemFailures": [{"foo": "b"}]}', "abc"),
        (b'{"batchItemFailures": [{"itemIdentifier": "stranger"}]}', "abc"),
        (b'{"batchItemFailures": "b"}', "abc"),
        (b'"some text"', "abc"),
        (b"no json", "abc"),
    ],
)
def test_what_a_function_reports_as_failed(answer: bytes, failed: str) -> None:
    # Source: Developer Guide, "Success and failure conditions" of partial batch responses
    assert failed_messages(answer, {"a", "b", "c"}) == set(failed)
