from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, bodies, receive, redrive, send

from ballroom.kernel.keys import prefix_range
from ballroom.services.sqs.housekeeping import Anything
from ballroom.services.sqs.message_attributes import digest, read_attributes


def text(value: str, kind: str = "String") -> dict[str, Any]:
    return {"DataType": kind, "StringValue": value}


def test_a_message_arrives_as_it_was_sent(cloud: Cloud) -> None:
    url = a_queue(cloud)
    body = "\t\r\n <x>&\"' é \U0001f483 \ufffd"
    sent = send(cloud, url, body)
    assert sent == {
        "MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest(),
        "MessageId": sent["MessageId"],
    }
    message = receive(cloud, url)[0]
    assert message == {
        "MessageId": sent["MessageId"],
        "Body": body,
        "MD5OfBody": sent["MD5OfMessageBody"],
        "ReceiptHandle": message["ReceiptHandle"],
    }


@pytest.mark.parametrize("body", ["\0", "a\x07b", "\x0b", "\ud800", "\uffff", "\ufffe"])
def test_characters_that_xml_lacks_are_refused(cloud: Cloud, body: str) -> None:
    error = cloud.error("sqs", "SendMessage", QueueUrl=a_queue(cloud), MessageBody=body)
    assert error.shape == "InvalidMessageContents"
    bad = next(c for c in body if c != "a")
    assert error.text.startswith(f"Invalid binary character '#x{ord(bad):X}' was found in the message body")


def test_an_empty_body_is_refused(cloud: Cloud) -> None:
    url = a_queue(cloud)
    for more in ({"MessageBody": ""}, {}):
        error = cloud.error("sqs", "SendMessage", QueueUrl=url, **more)
        assert (error.shape, error.text) == (
            "MissingRequiredParameterException",
            "The request must contain the parameter MessageBody.",
        )


def test_a_message_may_have_a_mebibyte_with_its_attributes(cloud: Cloud) -> None:
    url = a_queue(cloud)
    attributes = {"name": text("value")}
    rest = (1 << 20) - len("nameStringvalue")
    send(cloud, url, "é" * (rest // 2) + "x" * (rest % 2), MessageAttributes=attributes)
    error = cloud.error(
        "sqs", "SendMessage", QueueUrl=url, MessageBody="x" * (rest + 1), MessageAttributes=attributes
    )
    assert error.text == (
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    )
    assert len(receive(cloud, url)[0]["Body"]) >= rest // 2


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_a_large_body_goes_everywhere_and_leaves_nothing_behind(cloud: Cloud, name: str) -> None:
    dead_name = name.replace("q", "dead")
    dead = a_queue(cloud, dead_name)
    url = a_queue(cloud, name, RedrivePolicy=redrive(dead_name), MessageRetentionPeriod=60)
    large = "x" * 100_000
    for body in (large, large + "2", large + "3"):
        send(cloud, url, body)
    cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=receive(cloud, url, 1)[0]["ReceiptHandle"])
    assert bodies(receive(cloud, url, 1, VisibilityTimeout=0)) == [large + "2"]
    assert bodies(receive(cloud, url, 1)) == [large + "3"]
    assert bodies(receive(cloud, dead)) == [large + "2"]
    cloud.sqs("PurgeQueue", QueueUrl=dead)
    cloud.clock.advance(minutes=15)
    low, high = prefix_range(("sqs-data",))
    assert [key for key, _ in cloud.kernel.rows(Anything, low, high, None) if key[3] != "head"] == []


def test_a_queue_may_limit_its_messages(cloud: Cloud) -> None:
    url = a_queue(cloud, MaximumMessageSize=1024)
    send(cloud, url, "x" * 1024)
    error = cloud.error("sqs", "SendMessage", QueueUrl=url, MessageBody="x" * 1025)
    assert error.text == "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"Hello": text("There")}, "a311262e065454b75da111d535b8dacd"),
        ({"Hello": text("There"), "General": text("Kenobi")}, "fca026605781cb4126a1e9044df24232"),
        ({"Help.Me": text("Me"), "Hello": text("There")}, "83fee93c1bcd8b9a5a923ffacdc636c7"),
        ({"Foo": text("Bar")}, "ae7155c6026991b6d54b11589678bf9c"),
        ({"MyAttribute": text("foobar")}, "adb59cd4678ea5a855436b949cd07ab6"),
    ],
)
def test_attributes_have_the_md5_that_aws_computes(attributes: dict[str, Any], expected: str) -> None:
    assert digest(read_attributes(attributes)) == expected


def test_all_kinds_of_attributes_arrive(cloud: Cloud) -> None:
    url = a_queue(cloud)
    attributes = {
        "s": text("é"),
        "s.custom": text("x", "String.url"),
        "n": text("-1.5e10", "Number"),
        "n2": text("42", "Number.int"),
        "b": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
        "b2": {"DataType": "Binary.gif", "BinaryValue": b"GIF"},
    }
    sent = send(cloud, url, "x", MessageAttributes=attributes)
    message = receive(cloud, url, MessageAttributeNames=["All"])[0]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("", text("x"), "non-empty message attribute name"),
        ("a b", text("x"), "can only contain A-Z"),
        ("x" * 257, text("x"), "256"),
        (".a", text("x"), "must not start or end with a period"),
        ("a.", text("x"), "must not start or end with a period"),
        ("a..b", text("x"), "periods in succession"),
        ("aws.a", text("x"), "reserved for internal use"),
        ("Amazon.a", text("x"), "reserved for internal use"),
        ("a", text("x", ""), "must contain a non-empty attribute type"),
        ("a", text("x", "string"), "the following supported type prefixes: Binary, Number, String."),
        ("a", text("x", "Stringy"), "supported type prefixes"),
        ("a", text(""), "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
        ("a", {"DataType": "String", "BinaryValue": b"x"}, "must contain a non-empty value"),
        ("a", {"DataType": "Binary", "BinaryValue": b""}, "must contain a non-empty value of type 'Binary'"),
        ("a", text("x", "Number"), "Can't cast the value of message (user) attribute 'a' to a number."),
        ("a", {**text("x"), "BinaryValue": b"x"}, "multiple values"),
        ("a", {**text("x"), "StringListValues": ["x"]}, "list values"),
        ("a", text("\0"), "Invalid binary character"),
    ],
)
def test_an_attribute_that_breaks_a_rule_is_refused(
    cloud: Cloud, name: str, value: dict[str, Any], words: str
) -> None:
    error = cloud.error(
        "sqs", "SendMessage", QueueUrl=a_queue(cloud), MessageBody="x", MessageAttributes={name: value}
    )
    assert error.status == 400
    assert words in error.text


def test_ten_attributes_and_no_more(cloud: Cloud) -> None:
    url = a_queue(cloud)
    attributes = {str(n): text("x") for n in range(10)}
    send(cloud, url, "x", MessageAttributes=attributes)
    error = cloud.error(
        "sqs", "SendMessage", QueueUrl=url, MessageBody="x", MessageAttributes={**attributes, "a": text("x")}
    )
    assert error.text == "Number of message attributes [11] exceeds the allowed maximum [10]."


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        (["All"], {"General", "Hello", "Help.Me"}),
        ([".*"], {"General", "Hello", "Help.Me"}),
        (["Hel.*"], {"Hello", "Help.Me"}),
        (["Hello", "Missing"], {"Hello"}),
        (["hello"], None),
        (["AWS.", ""], None),
    ],
)
def test_a_receiver_names_the_attributes_it_wants(
    cloud: Cloud, names: list[str], expected: set[str] | None
) -> None:
    url = a_queue(cloud)
    attributes = {"General": text("Kenobi"), "Hello": text("There"), "Help.Me": text("Me")}
    send(cloud, url, "x", MessageAttributes=attributes)
    message = receive(cloud, url, MessageAttributeNames=names)[0]
    if expected is None:
        assert "MessageAttributes" not in message
        assert "MD5OfMessageAttributes" not in message
    else:
        assert message["MessageAttributes"].keys() == expected
        chosen = {name: attributes[name] for name in expected}
        assert message["MD5OfMessageAttributes"] == digest(read_attributes(chosen))


def test_system_attributes_tell_the_life_of_a_message(cloud: Cloud) -> None:
    url = a_queue(cloud, VisibilityTimeout=1)
    begun = cloud.clock.now_ms
    cloud.sqs("SendMessage", cloud.caller(user_id="AIDA"), QueueUrl=url, MessageBody="x")
    for count in (1, 2):
        cloud.clock.advance(seconds=5)
        message = receive(cloud, url, MessageSystemAttributeNames=["All"])[0]
        assert message["Attributes"] == {
            "ApproximateFirstReceiveTimestamp": str(begun + 5000),
            "ApproximateReceiveCount": str(count),
            "SenderId": "AIDA",
            "SentTimestamp": str(begun),
        }
    cloud.clock.advance(seconds=5)
    names = {"AttributeNames": ["SenderId"], "MessageSystemAttributeNames": ["SequenceNumber"]}
    message = receive(cloud, url, **names)[0]
    assert message["Attributes"] == {"SenderId": "AIDA"}


def test_an_unknown_system_attribute_is_refused(cloud: Cloud) -> None:
    error = cloud.error("sqs", "ReceiveMessage", QueueUrl=a_queue(cloud), AttributeNames=["Nonsense"])
    assert (error.shape, error.text) == ("InvalidAttributeName", "Unknown Attribute Nonsense.")


def test_the_trace_header_travels(cloud: Cloud) -> None:
    url = a_queue(cloud)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    sent = send(cloud, url, "x" * (1 << 20), MessageSystemAttributes={"AWSTraceHeader": text(trace)})
    assert sent["MD5OfMessageSystemAttributes"] == digest({"AWSTraceHeader": ("String", trace.encode())})
    cloud.sqs("SendMessage", cloud.caller(trace=trace), QueueUrl=url, MessageBody="by header")
    cloud.sqs("SendMessage", cloud.caller(trace="Root=1-2-3"), QueueUrl=url, MessageBody="not traced")
    messages = receive(cloud, url, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert [message.get("Attributes") for message in messages] == [
        {"AWSTraceHeader": trace},
        {"AWSTraceHeader": trace},
        None,
    ]


@pytest.mark.parametrize("given", [{"Other": text("x")}, {"AWSTraceHeader": text("1", "Number")}])
def test_another_system_attribute_is_refused(cloud: Cloud, given: dict[str, Any]) -> None:
    error = cloud.error(
        "sqs", "SendMessage", QueueUrl=a_queue(cloud), MessageBody="x", MessageSystemAttributes=given
    )
    assert error.shape == "InvalidParameterValueException"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"MaxNumberOfMessages": 0}, "Must be between 1 and 10, if provided."),
        ({"MaxNumberOfMessages": 11}, "Must be between 1 and 10, if provided."),
        ({"WaitTimeSeconds": 21}, "Must be >= 0 and <= 20, if provided."),
        ({"WaitTimeSeconds": -1}, "Must be >= 0 and <= 20, if provided."),
        ({"VisibilityTimeout": 43_201}, "Must be >= 0 and <= 43200, if provided."),
    ],
)
def test_what_a_receive_asks_for_has_limits(cloud: Cloud, given: dict[str, int], reason: str) -> None:
    [(name, value)] = given.items()
    error = cloud.error("sqs", "ReceiveMessage", QueueUrl=a_queue(cloud), **given)
    assert error.text == f"Value {value} for parameter {name} is invalid. Reason: {reason}"


# -- batches ---------------------------------------------------------------------------------------------


def test_the_entries_of_a_batch_succeed_and_fail_one_by_one(cloud: Cloud) -> None:
    url = a_queue(cloud, MaximumMessageSize=1024)
    entries = [
        {"Id": "good", "MessageBody": "x", "MessageAttributes": {"a": text("b")}},
        {"Id": "large", "MessageBody": "x" * 1025},
        {"Id": "empty", "MessageBody": ""},
    ]
    answer = cloud.sqs("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert answer["Successful"][0].keys() == {"Id", "MessageId", "MD5OfMessageBody", "MD5OfMessageAttributes"}
    assert answer["Failed"] == [
        {
            "Id": "large",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. "
            "Reason: Message must be shorter than 1024 bytes.",
        },
        {
            "Id": "empty",
            "SenderFault": True,
            "Code": "MissingParameter",
            "Message": "The request must contain the parameter MessageBody.",
        },
    ]
    assert bodies(receive(cloud, url)) == ["x"]


BATCHES: list[tuple[str, dict[str, Any]]] = [
    ("SendMessageBatch", {"MessageBody": "x"}),
    ("DeleteMessageBatch", {"ReceiptHandle": "x"}),
    ("ChangeMessageVisibilityBatch", {"ReceiptHandle": "x", "VisibilityTimeout": 1}),
]


@pytest.mark.parametrize(("operation", "entry"), BATCHES)
@pytest.mark.parametrize(
    ("ids", "shape", "words"),
    [
        ([], "EmptyBatchRequest", "There should be at least one {operation}RequestEntry in the request."),
        (
            [str(n) for n in range(20)],
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 20.",
        ),
        (["a", "a"], "BatchEntryIdsNotDistinct", "Id a repeated."),
        ([""], "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters"),
        (["a:b"], "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters"),
        (["x" * 81], "InvalidBatchEntryId", "It can be at most 80 letters long."),
    ],
)
def test_a_batch_that_breaks_a_rule_is_refused_as_a_whole(
    cloud: Cloud, operation: str, entry: dict[str, Any], ids: list[str], shape: str, words: str
) -> None:
    entries = [{"Id": entry_id, **entry} for entry_id in ids]
    error = cloud.error("sqs", operation, QueueUrl=a_queue(cloud), Entries=entries)
    assert error.shape == shape
    assert words.format(operation=operation) in error.text


def test_a_batch_has_a_mebibyte_in_all(cloud: Cloud) -> None:
    url = a_queue(cloud)
    entries = [{"Id": str(n), "MessageBody": "x" * 200_000} for n in range(6)]
    error = cloud.error("sqs", "SendMessageBatch", QueueUrl=url, Entries=entries)
    assert (error.shape, error.text) == (
        "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.",
    )
    assert len(cloud.sqs("SendMessageBatch", QueueUrl=url, Entries=entries[:5])["Successful"]) == 5


def test_a_batch_without_a_group_fails_as_a_whole_in_a_fifo_queue(cloud: Cloud) -> None:
    entries = [{"Id": "1", "MessageBody": "a", "MessageGroupId": "g"}, {"Id": "2", "MessageBody": "b"}]
    url = a_queue(cloud, "q.fifo")
    error = cloud.error("sqs", "SendMessageBatch", QueueUrl=url, Entries=entries)
    assert (error.shape, error.text) == (
        "InvalidParameterValueException",
        "The request must contain the parameter MessageGroupId.",
    )
    assert receive(cloud, url) == []


def test_batches_delete_and_hide(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["a", "b", "c"])
    a, b, c = (message["ReceiptHandle"] for message in receive(cloud, url))
    answer = cloud.sqs(
        "ChangeMessageVisibilityBatch",
        QueueUrl=url,
        Entries=[
            {"Id": "a", "ReceiptHandle": a, "VisibilityTimeout": 0},
            {"Id": "b", "ReceiptHandle": b, "VisibilityTimeout": 43_201},
            {"Id": "c", "ReceiptHandle": "garbage", "VisibilityTimeout": 1},
            {"Id": "d", "ReceiptHandle": b},
        ],
    )
    assert answer["Successful"] == [{"Id": "a"}]
    assert [(f["Id"], f["Code"]) for f in answer["Failed"]] == [
        ("b", "InvalidParameterValue"),
        ("c", "ReceiptHandleIsInvalid"),
        ("d", "MissingParameter"),
    ]
    entries = [{"Id": i, "ReceiptHandle": h} for i, h in (("b", b), ("c", c), ("x", "garbage"))]
    answer = cloud.sqs("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    assert answer["Successful"] == [{"Id": "b"}, {"Id": "c"}]
    assert [(f["Id"], f["Code"]) for f in answer["Failed"]] == [("x", "ReceiptHandleIsInvalid")]
    assert bodies(receive(cloud, url)) == ["a"]


def test_group_ids_are_checked_on_standard_queues_too(cloud: Cloud) -> None:
    url = a_queue(cloud)
    for group in ("", "a b", "x" * 129):
        error = cloud.error("sqs", "SendMessage", QueueUrl=url, MessageBody="x", MessageGroupId=group)
        assert error.text.startswith(f"Value {group} for parameter MessageGroupId is invalid.")
    send(cloud, url, json.dumps({}), MessageGroupId="tenant")
    told = receive(cloud, url, AttributeNames=["All"])[0]["Attributes"]
    assert told["MessageGroupId"] == "tenant"
    assert "SequenceNumber" not in told


def test_too_many_messages_in_flight_are_an_error_in_a_standard_queue(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.services.sqs.operations.receives.MAX_IN_FLIGHT", 3)
    url = a_queue(cloud, VisibilityTimeout=5, holding=["a", "b", "c", "d"])
    receive(cloud, url, 3)
    error = cloud.error("sqs", "ReceiveMessage", QueueUrl=url)
    assert (error.shape, error.status) == ("OverLimit", 403)
    cloud.clock.advance(seconds=5)
    assert len(receive(cloud, url)) == 4


def test_too_many_messages_in_flight_are_silence_in_a_fifo_queue(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.services.sqs.fifo.MAX_IN_FLIGHT", 1)
    url = a_queue(cloud, "q.fifo", VisibilityTimeout=5)
    send(cloud, url, "a", MessageGroupId="a")
    send(cloud, url, "b", MessageGroupId="b")
    assert bodies(receive(cloud, url, 1)) == ["a"]
    assert receive(cloud, url) == []
    cloud.clock.advance(seconds=5)
    assert bodies(receive(cloud, url)) == ["b", "a"]
