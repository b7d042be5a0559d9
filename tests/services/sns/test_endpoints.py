"""HTTP endpoints: confirmation, signed posts, retries, dead letters. A real server on loopback stands for them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from tests.cloud import Cloud
from tests.services.sns.helpers import a_queue, a_topic, arn_of, envelopes, publish, subscribe
from tests.services.sns.test_publishing import certificate_of

from ballroom.kernel import Tx
from ballroom.services.sns import outbox


class Endpoint:
    """Answers each POST with the next status; remembers what it was sent."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.statuses: list[int] = []
        self.received: list[tuple[dict[str, str], str]] = []
        self.server = cloud.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://user:pass%20word@127.0.0.1:{self.server.sockets[0].getsockname()[1]}/hook?a=b"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append(({"line": head[0], **headers}, body.decode()))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def take(self) -> list[tuple[dict[str, str], str]]:
        self.cloud.clock.settle()
        taken, self.received = self.received, []
        return taken


@pytest.fixture
def endpoint(cloud: Cloud) -> Iterator[Endpoint]:
    made = Endpoint(cloud)
    yield made
    made.server.close()


def confirmed(cloud: Cloud, endpoint: Endpoint, topic: str, **attributes: str) -> str:
    """The ARN of a subscription of the endpoint that is confirmed."""
    arn = subscribe(cloud, topic, "http", endpoint.url, **attributes)
    ((_, body),) = endpoint.take()
    cloud.sns("ConfirmSubscription", TopicArn=topic, Token=json.loads(body)["Token"])
    return arn


def test_an_endpoint_confirms_and_then_gets_signed_notifications(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    answer = cloud.sns("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    ((headers, body),) = endpoint.take()
    asked = json.loads(body)
    assert headers["line"] == "POST /hook?a=b HTTP/1.1"
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
    assert headers["authorization"].startswith("Basic ")
    link = parse_qs(urlsplit(asked["SubscribeURL"]).query)
    assert (link["Action"], link["TopicArn"], link["Token"]) == (
        ["ConfirmSubscription"],
        [topic],
        [asked["Token"]],
    )
    publish(cloud, topic, "too early")
    assert endpoint.take() == []
    (listed,) = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"

    arn = cloud.sns("ConfirmSubscription", TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    publish(cloud, topic, "héllo", Subject="s")
    ((headers, body),) = endpoint.take()
    notification = json.loads(body)
    assert notification["Message"] == "héllo"
    assert notification["Signature"]
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    unsubscribe = parse_qs(urlsplit(notification["UnsubscribeURL"]).query)
    cloud.sns("Unsubscribe", SubscriptionArn=unsubscribe["SubscriptionArn"][0])
    publish(cloud, topic)
    assert [headers["x-amz-sns-message-type"] for headers, _ in endpoint.take()] == ["UnsubscribeConfirmation"]


def test_trying_a_token_searches_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = a_topic(cloud)
    for n in range(3):
        subscribe(cloud, topic, "email", f"{n}@example.com")
    sent = cloud.transact(outbox.read, "000000000000", "us-east-1")
    for scan in ("scan", "scan_items", "scan_prefix", "scan_prefix_items"):
        monkeypatch.setattr(Tx, scan, None)  # anybody may try tokens: they are looked up, whatever there is
    for message in sent:
        token = parse_qs(urlsplit(message.confirm_url).query)["Token"][0]
        cloud.sns("ConfirmSubscription", TopicArn=topic, Token=token)
    error = cloud.error("sns", "ConfirmSubscription", TopicArn=topic, Token="x")
    assert error.text == "Invalid parameter: Token"


def test_an_endpoint_whose_subscription_ends_may_restore_it(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    arn = confirmed(cloud, endpoint, topic, FilterPolicy='{"a": ["b"]}')
    cloud.sns("Unsubscribe", SubscriptionArn=arn)
    ((headers, body),) = endpoint.take()
    told = json.loads(body)
    assert headers["x-amz-sns-message-type"] == told["Type"] == "UnsubscribeConfirmation"
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert told["Message"].startswith(f"You have chosen to deactivate subscription {arn}.\nTo cancel")
    assert list(told) == [
        "Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp", "SignatureVersion",
        "Signature", "SigningCertURL",
    ]  # fmt: skip
    for _ in range(2):
        restored = cloud.sns("ConfirmSubscription", TopicArn=topic, Token=told["Token"])
        assert restored["SubscriptionArn"] == arn
    publish(cloud, topic, MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    publish(cloud, topic, "filtered out")
    assert len(endpoint.take()) == 1


def test_an_end_is_final_after_two_days(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    cloud.sns("Unsubscribe", SubscriptionArn=confirmed(cloud, endpoint, topic))
    token = json.loads(endpoint.take()[0][1])["Token"]
    cloud.clock.advance(days=2)
    error = cloud.error("sns", "ConfirmSubscription", TopicArn=topic, Token=token)
    assert error.text == "Invalid parameter: Token"


def test_an_endpoint_that_has_subscribed_again_is_not_doubled(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    cloud.sns("Unsubscribe", SubscriptionArn=confirmed(cloud, endpoint, topic))
    token = json.loads(endpoint.take()[0][1])["Token"]
    again = confirmed(cloud, endpoint, topic)
    assert cloud.sns("ConfirmSubscription", TopicArn=topic, Token=token)["SubscriptionArn"] == again
    publish(cloud, topic)
    assert len(endpoint.take()) == 1


def test_people_are_told_of_an_end_that_is_not_the_owners(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    for name, caller in (("a", cloud.caller(anonymous=True)), ("b", cloud.caller())):
        cloud.sns("Subscribe", TopicArn=topic, Protocol="email", Endpoint=f"{name}@example.com")
        (asked, *_) = cloud.transact(outbox.read, "000000000000", "us-east-1")
        token = parse_qs(urlsplit(asked.confirm_url).query)["Token"][0]
        arn = cloud.sns("ConfirmSubscription", TopicArn=topic, Token=token)["SubscriptionArn"]
        cloud.call("sns", "Unsubscribe", caller, SubscriptionArn=arn)
    sent = cloud.transact(outbox.read, "000000000000", "us-east-1")
    ended = [s for s in sent if s.subject == "AWS Notification - Unsubscribe Confirmation"]
    assert [s.to for s in ended] == ["a@example.com"]
    token = parse_qs(urlsplit(ended[0].confirm_url).query)["Token"][0]
    cloud.call("sns", "ConfirmSubscription", cloud.caller(anonymous=True), TopicArn=topic, Token=token)
    (listed,) = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert listed["Endpoint"] == "a@example.com"


@pytest.mark.parametrize(("version", "digest"), [("1", hashes.SHA1()), ("2", hashes.SHA256())])
def test_all_that_is_posted_is_signed(
    cloud: Cloud, endpoint: Endpoint, version: str, digest: hashes.HashAlgorithm
) -> None:
    topic = a_topic(cloud, SignatureVersion=version)
    arn = subscribe(cloud, topic, "http", endpoint.url)
    posted = endpoint.take()
    cloud.sns("ConfirmSubscription", TopicArn=topic, Token=json.loads(posted[0][1])["Token"])
    publish(cloud, topic, "ä\n", Subject="s")
    publish(cloud, topic, "without a subject")
    cloud.sns("Unsubscribe", SubscriptionArn=arn)
    messages = [json.loads(body) for _, body in posted + endpoint.take()]
    assert [message["Type"] for message in messages] == [
        "SubscriptionConfirmation", "Notification", "Notification", "UnsubscribeConfirmation",
    ]  # fmt: skip
    for message in messages:
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        if message["Type"] != "Notification":
            names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        key = certificate_of(cloud, message["SigningCertURL"]).public_key()
        assert isinstance(key, RSAPublicKey)
        key.verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), digest)


def test_a_wrong_or_old_token_confirms_nothing(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    subscribe(cloud, topic, "http", endpoint.url)
    token = json.loads(endpoint.take()[0][1])["Token"]
    assert (
        cloud.error("sns", "ConfirmSubscription", TopicArn=topic, Token="x").text == "Invalid parameter: Token"
    )
    cloud.clock.advance(days=2, ms=1)
    assert (
        cloud.error("sns", "ConfirmSubscription", TopicArn=topic, Token=token).text
        == "Invalid parameter: Token"
    )
    cloud.clock.advance(days=1)
    assert cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"] == []


def test_raw_delivery_posts_the_message_itself(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    policy = json.dumps({"requestPolicy": {"headerContentType": "application/json"}})
    confirmed(cloud, endpoint, topic, RawMessageDelivery="true", DeliveryPolicy=policy)
    publish(cloud, topic, '{"raw": 1}')
    ((headers, body),) = endpoint.take()
    assert body == '{"raw": 1}'
    assert headers["x-amz-sns-rawdelivery"] == "true"
    assert headers["content-type"] == "application/json"


def test_a_failing_endpoint_is_tried_again_as_its_policy_says(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    policy = {"minDelayTarget": 5, "maxDelayTarget": 60, "numRetries": 3, "numNoDelayRetries": 1}
    confirmed(cloud, endpoint, topic, DeliveryPolicy=json.dumps({"healthyRetryPolicy": policy}))
    endpoint.statuses = [500, 503, 429]
    publish(cloud, topic, "x")
    assert len(endpoint.take()) == 2  # and once more at once
    cloud.clock.advance(seconds=5)
    assert len(endpoint.take()) == 1
    cloud.clock.advance(seconds=59)
    assert endpoint.take() == []
    cloud.clock.advance(seconds=1)
    assert len(endpoint.take()) == 1
    cloud.clock.advance(hours=1)
    assert endpoint.take() == []


def throttled(rate: int, **retry: int) -> str:
    return json.dumps({"throttlePolicy": {"maxReceivesPerSecond": rate}, "healthyRetryPolicy": retry or None})


def test_a_throttled_endpoint_gets_so_many_a_second(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    arn = confirmed(cloud, endpoint, topic, DeliveryPolicy=throttled(4))
    for n in range(10):
        publish(cloud, topic, str(n))
    assert len(endpoint.take()) == 1
    cloud.clock.advance(ms=999)
    assert len(endpoint.take()) == 3
    cloud.clock.advance(seconds=1)
    assert len(endpoint.take()) == 4
    cloud.clock.advance(seconds=60)
    assert [json.loads(body)["Message"] for _, body in endpoint.take()] == ["8", "9"]
    publish(cloud, topic, "after a rest")
    assert len(endpoint.take()) == 1
    cloud.sns("Unsubscribe", SubscriptionArn=arn)


def test_a_topics_throttle_holds_for_each_subscription(cloud: Cloud, endpoint: Endpoint) -> None:
    policy = json.dumps({"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 1}}})
    topic = a_topic(cloud, DeliveryPolicy=policy)
    other = Endpoint(cloud)
    for each in (endpoint, other):
        confirmed(cloud, each, topic)
    for n in range(3):
        publish(cloud, topic, str(n))
    for _ in range(3):
        assert [len(each.take()) for each in (endpoint, other)] == [1, 1]
        cloud.clock.advance(seconds=1)
    other.server.close()


def test_repeated_attempts_are_throttled_too(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    policy = throttled(1, minDelayTarget=1, maxDelayTarget=1, numRetries=3)
    confirmed(cloud, endpoint, topic, DeliveryPolicy=policy)
    endpoint.statuses = [500, 500, 500]
    for n in range(3):
        publish(cloud, topic, str(n))
    got = []
    for _ in range(6):
        got.append(len(endpoint.take()))
        cloud.clock.advance(seconds=1)
    assert got == [1] * 6
    assert endpoint.take() == []


def test_the_pace_survives_a_restart(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    endpoint = Endpoint(cloud)
    topic = a_topic(cloud)
    confirmed(cloud, endpoint, topic, DeliveryPolicy=throttled(1))
    for n in range(4):
        publish(cloud, topic, str(n))
    assert len(endpoint.take()) == 1
    cloud.reopen()
    assert endpoint.take() == []
    cloud.clock.advance(seconds=2)
    assert len(endpoint.take()) == 2
    endpoint.server.close()


@pytest.mark.parametrize("statuses", [[404], [500] * 4])
def test_what_an_endpoint_never_takes_is_a_dead_letter(
    cloud: Cloud, endpoint: Endpoint, statuses: list[int]
) -> None:
    topic = a_topic(cloud)
    dead = a_queue(cloud, "dead")
    redrive = json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")})
    confirmed(cloud, endpoint, topic, RedrivePolicy=redrive)
    endpoint.statuses = list(statuses)
    publish(cloud, topic, "x")
    endpoint.take()
    cloud.clock.advance(minutes=2)
    assert [e["Message"] for e in envelopes(cloud, dead)] == ["x"]
    assert endpoint.statuses == []


def test_an_endpoint_that_is_not_there_is_a_failure_like_any(cloud: Cloud, endpoint: Endpoint) -> None:
    topic = a_topic(cloud)
    dead = a_queue(cloud, "dead")
    confirmed(cloud, endpoint, topic, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")}))
    endpoint.server.close()
    publish(cloud, topic, "x")
    cloud.clock.settle()
    cloud.clock.advance(minutes=2)
    assert [e["Message"] for e in envelopes(cloud, dead)] == ["x"]


def test_a_server_open_to_others_does_not_post_to_itself() -> None:
    made = Cloud(host="0.0.0.0")
    try:
        endpoint = Endpoint(made)
        subscribe(made, a_topic(made), "http", endpoint.url)
        assert endpoint.take() == []
        endpoint.server.close()
    finally:
        made.close()


def test_people_are_written_to_in_the_outbox(cloud: Cloud) -> None:
    topic = a_topic(cloud, DisplayName="News")
    subscribe(cloud, topic, "email", "a@example.com")
    subscribe(cloud, topic, "sms", "+15551234567")
    sent = cloud.transact(outbox.read, "000000000000", "us-east-1")
    token = parse_qs(urlsplit(sent[0].confirm_url).query)["Token"][0]
    cloud.sns("ConfirmSubscription", TopicArn=topic, Token=token)
    publish(cloud, topic, json.dumps({"default": "d", "sms": "short"}), MessageStructure="json")
    cloud.sns("Publish", PhoneNumber="+15557654321", Message="direct")
    shown: list[dict[str, Any]] = [
        outbox.as_json(s) for s in cloud.transact(outbox.read, "000000000000", "us-east-1")
    ]
    assert {(s["protocol"], s["to"], s["text"].split("\n")[0]) for s in shown} == {
        ("email", "a@example.com", "You have chosen to subscribe to the topic:"),
        ("email", "a@example.com", "d"),
        ("sms", "+15551234567", "short"),
        ("sms", "+15557654321", "direct"),
    }
    assert {s.get("subject") for s in shown if s["text"].startswith("d\n")} == {"News"}
    cloud.clock.advance(days=15)
    cloud.sns("Publish", PhoneNumber="+15557654321", Message="much later")
    assert len(cloud.transact(outbox.read, "000000000000", "us-east-1")) == 1


def test_a_device_gets_what_is_for_its_platform(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    dead = a_queue(cloud, "dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn_of("sqs", "dead")})}
    request = {"Name": "a", "Platform": "GCM", "Attributes": {"PlatformCredential": "secret"}}
    application = cloud.sns("CreatePlatformApplication", **request)["PlatformApplicationArn"]
    request = {"PlatformApplicationArn": application, "Token": "t"}
    device = cloud.sns("CreatePlatformEndpoint", **request)["EndpointArn"]
    subscribe(cloud, topic, "application", device, **redrive)
    texts = {"default": "d", "GCM": '{"notification": {}}', "APNS": "other"}
    publish(cloud, topic, json.dumps(texts), MessageStructure="json")
    (sent,) = cloud.transact(outbox.read, "000000000000", "us-east-1")
    assert (sent.protocol, sent.to, sent.text) == ("application", device, '{"notification": {}}')
    cloud.sns("SetEndpointAttributes", EndpointArn=device, Attributes={"Enabled": "false"})
    publish(cloud, topic, "disabled")
    cloud.sns("DeleteEndpoint", EndpointArn=device)
    publish(cloud, topic, "gone")
    assert len(cloud.transact(outbox.read, "000000000000", "us-east-1")) == 1
    assert [e["Message"] for e in envelopes(cloud, dead)] == ["disabled", "gone"]


def test_a_queue_of_another_account_has_to_agree(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    other = cloud.caller(account="222222222222")
    url = cloud.call("sqs", "CreateQueue", other, QueueName="theirs")["QueueUrl"]
    endpoint = "arn:aws:sqs:us-east-1:222222222222:theirs"
    answer = cloud.sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    assert answer["SubscriptionArn"] == "pending confirmation"
    (message,) = cloud.call("sqs", "ReceiveMessage", other, QueueUrl=url)["Messages"]
    cloud.call("sns", "ConfirmSubscription", other, TopicArn=topic, Token=json.loads(message["Body"])["Token"])
    publish(cloud, topic, "agreed")
    (message,) = cloud.call("sqs", "ReceiveMessage", other, QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "agreed"
