"""SNS over HTTP: boto3, links that are followed, and the certificate."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import urlencode

import boto3

from ballroom.testing import BallroomServer


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        body: bytes = response.read()
        return body


def test_links_in_messages_can_be_followed_without_a_signature() -> None:
    with BallroomServer() as server:
        sns, sqs = server.client("sns"), server.client("sqs")
        topic = sns.create_topic(Name="t")["TopicArn"]
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q")
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
        (asked,) = json.loads(fetched(f"{server.endpoint}/_ballroom/outbox"))["messages"]
        assert b"<SubscriptionArn>" in fetched(asked["confirmUrl"])
        form = urlencode({"Action": "Publish", "Message": "by path", "TopicArn": topic})
        assert b"<MessageId>" in urllib.request.urlopen(f"{server.endpoint}/?{form}", data=b"").read()
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        envelope = json.loads(message["Body"])
        assert envelope["Message"] == "by path"
        assert fetched(envelope["SigningCertURL"]).startswith(b"-----BEGIN CERTIFICATE-----")
        assert json.loads(fetched(f"{server.endpoint}/_ballroom/outbox"))["messages"][0]["text"].startswith(
            "by path"
        )
        fetched(envelope["UnsubscribeURL"])
        assert [s["Protocol"] for s in sns.list_subscriptions()["Subscriptions"]] == ["email"]


def test_boto3_publishes_a_batch_with_binary_attributes() -> None:
    with BallroomServer() as server:
        sns: boto3.client = server.client("sns")
        sqs = server.client("sqs")
        topic = sns.create_topic(Name="t")["TopicArn"]
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q",
            Attributes={"RawMessageDelivery": "true"},
        )  # fmt: skip
        attributes = {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
        entries = [{"Id": "1", "Message": "m", "MessageAttributes": attributes}]
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        assert [entry["Id"] for entry in answer["Successful"]] == ["1"]
        (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
        assert message["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\xff"
