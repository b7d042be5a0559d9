from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from tests.cloud import ACCOUNT, Cloud
from tests.services.sns.helpers import (
    a_queue,
    a_topic,
    arn_of,
    envelopes,
    publish,
    receive,
    subscribe,
    subscribed_queue,
)

from ballroom.kernel import HttpRequest, Tx
from ballroom.services.sns import large_fan_outs, outbox, signing
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.notifications import Envelopes
from ballroom.services.sns.resources import load_subscription, load_topic
from ballroom.services.sns.signing import certificate, signed_text

TEXT = {"DataType": "String", "StringValue": "red"}
NUMBER = {"DataType": "Number", "StringValue": "7"}
BLOB = {"DataType": "Binary", "BinaryValue": b"\x01\x02"}


def certificate_of(cloud: Cloud, url: str) -> x509.Certificate:
    path = url.removeprefix("http://localhost:4566")
    answer = cloud.run(certificate(cloud.context(), HttpRequest("GET", path, "", [], b"", "localhost")))
    assert answer.status == 200
    return x509.load_pem_x509_certificate(answer.body)


def test_a_message_reaches_each_queue_in_an_envelope(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    urls = [subscribed_queue(cloud, topic, f"q{n}") for n in range(3)]
    message_id = publish(cloud, topic, "héllo", Subject="news", MessageAttributes={"c": TEXT, "b": BLOB})[
        "MessageId"
    ]
    for url in urls:
        (envelope,) = envelopes(cloud, url)
        assert list(envelope)[:5] == ["Type", "MessageId", "TopicArn", "Subject", "Message"]
        assert envelope["MessageId"] == message_id
        assert envelope["Message"] == "héllo"
        assert envelope["MessageAttributes"] == {
            "c": {"Type": "String", "Value": "red"},
            "b": {"Type": "Binary", "Value": "AQI="},
        }


@pytest.mark.parametrize(("version", "digest"), [("1", hashes.SHA1()), ("2", hashes.SHA256())])
def test_an_envelope_is_signed_and_its_certificate_is_served(cloud: Cloud, version: str, digest: Any) -> None:
    topic = a_topic(cloud, SignatureVersion=version)
    url = subscribed_queue(cloud, topic)
    publish(cloud, topic, "signed", Subject="s")
    (envelope,) = envelopes(cloud, url)
    assert envelope["SignatureVersion"] == version
    key = certificate_of(cloud, envelope["SigningCertURL"]).public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(base64.b64decode(envelope["Signature"]), signed_text(envelope), padding.PKCS1v15(), digest)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_functions_event_has_version_1_as_recorded(cloud: Cloud, version: str) -> None:
    arn = a_topic(cloud, SignatureVersion=version)
    subscription_arn = subscribe(cloud, arn, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:f")

    def event(tx: Tx) -> dict[str, Any]:
        subscription, topic = load_subscription(tx, subscription_arn), load_topic(tx, arn)
        publication = Publication("id", tx.now_ms, "Hello", subject="s")
        return json.loads(Envelopes(tx, topic, publication).lambda_event(subscription))["Records"][0]["Sns"]

    sns = cloud.transact(event)
    assert sns["SignatureVersion"] == "1"
    key = certificate_of(cloud, sns["SigningCertUrl"]).public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(base64.b64decode(sns["Signature"]), signed_text(sns), padding.PKCS1v15(), hashes.SHA1())


def test_the_signing_key_survives_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)
    publish(cloud, topic)
    (before,) = envelopes(cloud, url)
    cloud.reopen()
    publish(cloud, topic)
    (after,) = envelopes(cloud, url)
    assert after["SigningCertURL"] == before["SigningCertURL"]
    assert certificate_of(cloud, before["SigningCertURL"]).serial_number


def test_no_other_certificate_is_served(cloud: Cloud) -> None:
    for path in (
        "/_ballroom/sns/SimpleNotificationService-x.pem",
        f"/_ballroom/sns/SimpleNotificationService-{'0' * 32}.pem",
    ):
        answer = cloud.run(certificate(cloud.context(), HttpRequest("GET", path, "", [], b"", "localhost")))
        assert answer.status == 404
    assert signing.INSIDE != signing.TRAVELLING


def test_raw_delivery_hands_on_the_message_and_its_attributes(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic, RawMessageDelivery="true")
    publish(cloud, topic, "raw", MessageAttributes={"c": TEXT, "n": NUMBER, "b": BLOB})
    (message,) = receive(cloud, url, MessageAttributeNames=["All"])
    assert message["Body"] == "raw"
    assert message["MessageAttributes"] == {"c": TEXT, "n": NUMBER, "b": BLOB}


def test_each_protocol_gets_its_own_text(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)
    publish(cloud, topic, json.dumps({"default": "d", "sqs": "for queues"}), MessageStructure="json")
    publish(cloud, topic, json.dumps({"default": "d"}), MessageStructure="json")
    assert sorted(e["Message"] for e in envelopes(cloud, url)) == ["d", "for queues"]


@pytest.mark.parametrize(
    ("policy", "scope", "attributes", "body", "passes"),
    [
        ({"c": ["red"]}, None, {"c": TEXT}, "x", True),
        ({"c": ["blue"]}, None, {"c": TEXT}, "x", False),
        ({"c": ["red"]}, None, {}, "x", False),
        ({"c": [{"exists": False}]}, None, {}, "x", True),
        ({"n": [{"numeric": [">", 5, "<=", 7]}]}, None, {"n": NUMBER}, "x", True),
        ({"n": ["7"]}, None, {"n": NUMBER}, "x", False),
        ({"b": [{"exists": True}]}, None, {"b": BLOB}, "x", False),
        ({"l": ["two"]}, None, {"l": {"DataType": "String.Array", "StringValue": '["one", "two"]'}}, "x", True),
        ({"c": [{"anything-but": ["blue"]}]}, None, {"c": TEXT}, "x", True),
        ({"$or": [{"c": ["blue"]}, {"n": [7]}]}, None, {"c": TEXT, "n": NUMBER}, "x", True),
        ({"a": {"b": ["c"]}}, "MessageBody", {}, '{"a": {"b": "c"}}', True),
        ({"a": {"b": ["c"]}}, "MessageBody", {}, '{"a": [{"b": "d"}, {"b": "c"}]}', True),
        ({"a": ["c"]}, "MessageBody", {}, '{"a": "d"}', False),
        ({"a": ["c"]}, "MessageBody", {}, "no json", False),
        ({"a": [{"exists": False}]}, "MessageBody", {}, "[1]", False),
    ],
    ids=str,
)
def test_a_filter_policy_lets_through_what_it_says(
    cloud: Cloud, policy: Any, scope: str | None, attributes: Any, body: str, passes: bool
) -> None:
    topic = a_topic(cloud)
    more = {"FilterPolicyScope": scope} if scope else {}
    url = subscribed_queue(cloud, topic, FilterPolicy=json.dumps(policy), **more)
    publish(cloud, topic, body, MessageAttributes=attributes)
    assert len(envelopes(cloud, url)) == passes


def test_a_changed_filter_policy_counts_from_the_next_message(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = a_queue(cloud)
    arn = subscribe(cloud, topic, "sqs", arn_of("sqs", "q"))
    publish(cloud, topic, "1")
    request = {"SubscriptionArn": arn, "AttributeName": "FilterPolicy"}
    cloud.sns("SetSubscriptionAttributes", **request, AttributeValue='{"c": ["red"]}')
    publish(cloud, topic, "2")
    cloud.sns("SetSubscriptionAttributes", **request, AttributeValue="{}")
    publish(cloud, topic, "3")
    assert [e["Message"] for e in envelopes(cloud, url)] == ["1", "3"]
    cloud.sns("Unsubscribe", SubscriptionArn=arn)
    publish(cloud, topic, "4")
    assert envelopes(cloud, url) == []


def test_what_a_queue_cannot_take_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    dead = a_queue(cloud, "dead")
    good = subscribed_queue(cloud, topic, "good")
    redrive = json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")})
    subscribe(cloud, topic, "sqs", arn_of("sqs", "gone"), RedrivePolicy=redrive)
    publish(cloud, topic, "x")
    assert [e["Message"] for e in envelopes(cloud, dead)] == ["x"]
    assert [e["Message"] for e in envelopes(cloud, good)] == ["x"]


def test_a_function_that_does_not_exist_costs_its_own_message_only(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    dead = a_queue(cloud, "dead")
    redrive = json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")})
    subscribe(cloud, topic, "lambda", arn_of("lambda", "function:f"), RedrivePolicy=redrive)
    publish(cloud, topic, "x")
    assert [e["Message"] for e in envelopes(cloud, dead)] == ["x"]


def test_a_batch_answers_for_each_message(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)
    bad = {"n": {"DataType": "Number", "StringValue": "seven"}}
    entries = [{"Id": "a", "Message": "1"}, {"Id": "b", "Message": "2", "MessageAttributes": bad}]
    answer = cloud.sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [s["Id"] for s in answer["Successful"]] == ["a"]
    assert [(f["Id"], f["Code"], f["SenderFault"]) for f in answer["Failed"]] == [
        ("b", "ParameterValueInvalid", True)
    ]
    assert [e["Message"] for e in envelopes(cloud, url)] == ["1"]


@pytest.mark.parametrize(
    ("entries", "shape"),
    [
        ([], "EmptyBatchRequestException"),
        ([{"Id": str(n), "Message": "m"} for n in range(11)], "TooManyEntriesInBatchRequestException"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinctException"),
        ([{"Id": "a b", "Message": "m"}], "InvalidBatchEntryIdException"),
        ([{"Id": str(n), "Message": "m" * 250_000} for n in range(5)], "BatchRequestTooLongException"),
    ],
    ids=["empty", "many", "same", "id", "long"],
)
def test_a_wrong_batch_is_refused(cloud: Cloud, entries: Any, shape: str) -> None:
    topic = a_topic(cloud)
    error = cloud.error("sns", "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert error.shape == shape


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
        ({"Message": "x", "Subject": ""}, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "s" * 101}, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "a\nb"}, "Invalid parameter: Subject"),
        ({"Message": "[1]", "MessageStructure": "json"},
         "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ({"Message": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
         "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is "
         "Binary, Number, and String."),
        ({"Message": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
         "The message attribute 'a' must contain non-empty message attribute value for message attribute type "
         "'String'."),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_message_is_refused(cloud: Cloud, request_: Any, text: str) -> None:
    error = cloud.error("sns", "Publish", TopicArn=a_topic(cloud), **request_)
    assert error.text == text


def test_a_topic_may_take_a_mebibyte(cloud: Cloud) -> None:
    topic = a_topic(cloud, MaximumMessageSize="1048576")
    url = subscribed_queue(cloud, topic, RawMessageDelivery="true")
    publish(cloud, topic, "x" * 1_048_576)
    assert len(receive(cloud, url)[0]["Body"]) == 1_048_576


def test_a_large_fan_out_is_durable_and_delivers_once(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    topic = a_topic(cloud)
    queues = ["even", "odd"]
    urls = [a_queue(cloud, name) for name in queues]
    for n in range(230):
        subscribe(cloud, topic, "sms", f"+1555{n:07d}")
    for name in queues:
        subscribe(cloud, topic, "sqs", arn_of("sqs", name))
    publish(cloud, topic, "once")
    cloud.reopen()
    cloud.clock.settle()
    for url in urls:
        assert [e["Message"] for e in envelopes(cloud, url)] == ["once"]
    left = cloud.transact(lambda tx: tx.scan_prefix_items(large_fan_outs.Progress, ("sns-data", "~progress")))
    assert left == []


def test_much_at_once_is_expanded_in_steps_and_keeps_its_order(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo")
    urls = [subscribed_queue(cloud, topic, f"q{n}.fifo", RawMessageDelivery="true") for n in range(20)]
    for message in ("a" * 250_000, "b", "c" * 250_000):
        publish(cloud, topic, message)
    cloud.clock.settle()
    for url in urls:
        assert [m["Body"][0] for m in receive(cloud, url)] == ["a", "b", "c"]


def test_fifo_topics_keep_order_and_drop_repetitions(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo")
    url = subscribed_queue(cloud, topic, "q.fifo")
    plain = subscribed_queue(cloud, topic, "plain", RawMessageDelivery="true")
    first = publish(cloud, topic, "1")
    second = publish(cloud, topic, "2")
    assert publish(cloud, topic, "1") == first
    assert second["SequenceNumber"] > first["SequenceNumber"]
    assert [e["Message"] for e in envelopes(cloud, url)] == ["1", "2"]
    assert [m["Body"] for m in receive(cloud, plain)] == ["1", "2"]
    cloud.clock.advance(minutes=5)
    assert publish(cloud, topic, "1")["MessageId"] != first["MessageId"]


def test_deduplication_may_be_per_group(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo", FifoThroughputScope="MessageGroup")
    one = publish(cloud, topic, "x", MessageGroupId="one")
    assert publish(cloud, topic, "x", MessageGroupId="two")["MessageId"] != one["MessageId"]
    assert publish(cloud, topic, "x", MessageGroupId="one")["MessageId"] == one["MessageId"]


def test_deduplication_survives_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    topic = a_topic(cloud, "t.fifo")
    first = publish(cloud, topic, "x")
    cloud.reopen()
    assert publish(cloud, topic, "x") == first
    assert publish(cloud, topic, "y")["SequenceNumber"] > first["SequenceNumber"]


def test_a_trace_header_travels_with_the_message(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)
    trace = "Root=1-5e1b4025-5759df0a1a8f1d5e1d0a5e0e;Parent=53995c3f42cd8ad8;Sampled=1"
    cloud.call("sns", "Publish", cloud.caller(trace=trace), TopicArn=topic, Message="x")
    (message,) = receive(cloud, url, AttributeNames=["AWSTraceHeader"])
    assert message["Attributes"]["AWSTraceHeader"] == trace


def test_a_joined_publication_that_is_undone_reaches_nobody(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)

    def publish_and_fail(tx: Any) -> None:
        tx.call("sns", "Publish", {"TopicArn": topic, "Message": "x"}, caller=cloud.caller())
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cloud.transact(publish_and_fail)
    assert envelopes(cloud, url) == []
    publish(cloud, topic, "y")
    assert [e["Message"] for e in envelopes(cloud, url)] == ["y"]


def test_more_attributes_than_a_queue_takes_fail_one_raw_subscription(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    a_queue(cloud, "dead")
    dead = f"http://localhost:4566/{ACCOUNT}/dead"
    redrive = json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")})
    raw = subscribed_queue(cloud, topic, "raw", RawMessageDelivery="true", RedrivePolicy=redrive)
    lost = subscribed_queue(cloud, topic, "lost", RawMessageDelivery="true")
    url = subscribed_queue(cloud, topic, "enveloped")
    attributes = {f"a{n}": TEXT for n in range(11)}
    publish(cloud, topic, "many", MessageAttributes=attributes)
    assert [len(e["MessageAttributes"]) for e in envelopes(cloud, url)] == [11]
    assert receive(cloud, raw) == receive(cloud, lost) == []
    (letter,) = envelopes(cloud, dead)  # not raw: nothing of it is lost
    assert (letter["Message"], len(letter["MessageAttributes"])) == ("many", 11)
    attributes.popitem()
    publish(cloud, topic, "ten", MessageAttributes=attributes)
    assert [m["Body"] for m in receive(cloud, raw)] == ["ten"]


@pytest.mark.parametrize(
    "attribute",
    [
        {"DataType": "Number", "StringValue": "-1.5e-7"}, {"DataType": "Number.int", "StringValue": "7"},
        {"DataType": "String.Array", "StringValue": '["a", 1, null, true]'},
        {"DataType": "Binary.gif", "BinaryValue": b"\x00"}, {"DataType": "String", "StringValue": "ä\n"},
    ],
    ids=str,
)  # fmt: skip
def test_attributes_of_every_type_arrive_raw(cloud: Cloud, attribute: dict[str, Any]) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic, RawMessageDelivery="true")
    publish(cloud, topic, "m", MessageAttributes={"a-b_c.D1": attribute})
    (message,) = receive(cloud, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == {"a-b_c.D1": attribute}


def test_reserved_attributes_say_how_text_messages_are_sent(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    raw = subscribed_queue(cloud, topic, RawMessageDelivery="true")
    url = subscribed_queue(cloud, topic, "enveloped")
    kind = {"DataType": "String", "StringValue": "Transactional"}
    attributes = {"AWS.SNS.SMS.SMSType": kind, "AWS.SNS.MOBILE.APNS.TTL": NUMBER, "c": TEXT}
    cloud.sns("Publish", PhoneNumber="+15551234567", Message="m", MessageAttributes=attributes)
    (sent,) = cloud.transact(outbox.read, "000000000000", "us-east-1")
    assert sent.attributes["AWS.SNS.SMS.SMSType"] == "Transactional"
    publish(cloud, topic, "m", MessageAttributes=attributes)
    (envelope,) = envelopes(cloud, url)
    assert envelope["MessageAttributes"]["AWS.SNS.SMS.SMSType"] == {"Type": "String", "Value": "Transactional"}
    (message,) = receive(cloud, raw, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == {"c": TEXT}
    for name in ("AWS.X", "aws.sns.x", "Amazon.x"):
        error = cloud.error("sns", "Publish", TopicArn=topic, Message="m", MessageAttributes={name: TEXT})
        assert error.shape == "InvalidParameterValueException"


def test_a_text_message_has_1600_characters(cloud: Cloud) -> None:
    cloud.sns("Publish", PhoneNumber="+15551234567", Message="ä" * 1600)
    error = cloud.error("sns", "Publish", PhoneNumber="+15551234567", Message="ä" * 1601)
    assert error.text == "Invalid parameter: Message too long"


def test_metrics_count_what_happens(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    subscribed_queue(cloud, topic)
    subscribed_queue(cloud, topic, "r", FilterPolicy='{"c": ["red"]}')
    publish(cloud, topic, "x")
    counted = {key[3]: value[1] for key, value in cloud.kernel.metrics.read().items() if key[2] == "AWS/SNS"}
    assert counted == {
        "NumberOfMessagesPublished": 1, "PublishSize": 1, "NumberOfNotificationsDelivered": 1,
        "NumberOfNotificationsFilteredOut": 1,
    }  # fmt: skip
