"""SNS over HTTP: boto3, links that are followed, and the certificate."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import urlencode

import boto3
import pytest
from botocore.exceptions import ClientError

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
        server.clock.advance(seconds=1)  # the mail is a delivery of its own
        (newest, _) = json.loads(fetched(f"{server.endpoint}/_ballroom/outbox"))["messages"]
        assert newest["text"].startswith("by path")
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


def test_boto3_archives_and_replays() -> None:
    with BallroomServer() as server:
        sns, sqs = server.client("sns"), server.client("sqs")
        attributes = {"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod": "30"}'}
        topic = sns.create_topic(Name="t.fifo", Attributes=attributes)["TopicArn"]
        told = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        for n in range(3):
            sns.publish(TopicArn=topic, Message=str(n), MessageGroupId="g", MessageDeduplicationId=str(n))
        queue = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        policy = {"PointType": "Timestamp", "StartingPoint": told["BeginningArchiveTime"]}
        arn = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q.fifo",
            Attributes={"ReplayPolicy": json.dumps(policy)},
        )["SubscriptionArn"]  # fmt: skip
        server.clock.advance(seconds=1)
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert (shown["ReplayStatus"], json.loads(shown["ReplayPolicy"])) == ("Completed", policy)
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        envelopes = [json.loads(message["Body"]) for message in messages]
        assert [(e["Message"], e["Replayed"]) for e in envelopes] == [(str(n), True) for n in range(3)]
        with pytest.raises(sns.exceptions.InvalidStateException) as refused:
            sns.delete_topic(TopicArn=topic)
        assert refused.value.response["Error"] == {
            "Type": "Sender", "Code": "InvalidState",
            "Message": "Invalid state: Cannot delete a topic with an ArchivePolicy",
        }  # fmt: skip


def test_boto3_is_told_of_limits_and_of_who_may_not() -> None:
    with BallroomServer(quotas={"sns.topics": 1}) as server:
        sns, stranger = server.client("sns"), server.client("sns", account="222222222222")
        topic = sns.create_topic(Name="t")["TopicArn"]
        with pytest.raises(sns.exceptions.TopicLimitExceededException) as exceeded:
            sns.create_topic(Name="u")
        assert exceeded.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        with pytest.raises(stranger.exceptions.AuthorizationErrorException) as refused:
            stranger.publish(TopicArn=topic, Message="m")
        assert refused.value.response["Error"]["Code"] == "AuthorizationError"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        sns.add_permission(TopicArn=topic, Label="l", AWSAccountId=["222222222222"], ActionName=["Publish"])
        assert stranger.publish(TopicArn=topic, Message="m")["MessageId"]
        with pytest.raises(ClientError, match=r"no resource-based policy allows the SNS:Subscribe action"):
            stranger.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15551234567")
