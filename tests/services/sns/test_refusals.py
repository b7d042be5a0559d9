"""What AWS refuses, with its code and text where they are known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sns.helpers import a_topic, arn_of, subscribe

TOPIC = arn_of("sns", "t")
LARGE = {"AttributeName": "MaximumMessageSize", "AttributeValue": "262145"}


@pytest.mark.parametrize(
    "arn",
    [
        "arn:other:sns:us-east-1:000000000000:t", "arn:aws-cn:sns:us-east-1:000000000000:t",
        "arn:aws:sns:us-east-1::t", "arn:aws:sns:us-east-1:0:t", "arn:aws:sns::000000000000:t",
    ],
)  # fmt: skip
def test_an_arn_that_names_nothing_touches_nothing(cloud: Cloud, arn: str) -> None:
    topic = a_topic(cloud)
    subscription = subscribe(cloud, topic, "sqs", arn_of("sqs", "q"))
    for operation in ("DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic"):
        assert cloud.error("sns", operation, TopicArn=arn).text == "Invalid parameter: TopicArn"
    wrong = subscription.replace(topic, arn)
    error = cloud.error("sns", "Unsubscribe", SubscriptionArn=wrong)
    assert error.text == "Invalid parameter: SubscriptionId"
    (listed,) = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == subscription


@pytest.mark.parametrize("parameter", ["Label", "AWSAccountId", "ActionName"])
def test_a_permission_is_for_somebody_to_do_something(cloud: Cloud, parameter: str) -> None:
    request: dict[str, Any] = {"Label": "l", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}
    request[parameter] = "" if parameter == "Label" else []
    error = cloud.error("sns", "AddPermission", TopicArn=a_topic(cloud), **request)
    assert error.text == f"Invalid parameter: {parameter} Reason: no value for required parameter"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("HTTPSuccessFeedbackSampleRate", "101", "HTTPSuccessFeedbackSampleRate"),
        ("SQSSuccessFeedbackSampleRate", "many", "SQSSuccessFeedbackSampleRate"),
        ("LambdaFailureFeedbackRoleArn", "a role", "LambdaFailureFeedbackRoleArn"),
        ("LambdaFailureFeedbackRoleArn", "arn:aws:iam::000000000000:user/u", "LambdaFailureFeedbackRoleArn"),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}',
         "DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be specified"),
    ],
)  # fmt: skip
def test_an_attribute_of_a_topic_is_refused(cloud: Cloud, name: str, value: str, text: str) -> None:
    request = {"TopicArn": a_topic(cloud), "AttributeName": name, "AttributeValue": value}
    assert cloud.error("sns", "SetTopicAttributes", **request).text == f"Invalid parameter: {text}"


def test_fifo_topics_are_not_traced(cloud: Cloud) -> None:
    topic = a_topic(cloud, "t.fifo")
    request = {"TopicArn": topic, "AttributeName": "TracingConfig", "AttributeValue": "Active"}
    assert cloud.error("sns", "SetTopicAttributes", **request).text == "Invalid parameter: AttributeName"
    given = {"FifoTopic": "true", "TracingConfig": "Active"}
    error = cloud.error("sns", "CreateTopic", Name="u.fifo", Attributes=given)
    assert error.text == "Invalid parameter: Attributes Reason: Unknown attribute TracingConfig"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RedrivePolicy", {"deadLetterTargetArn": arn_of("sqs", "d"), "maxReceiveCount": 5},
         "RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown."),
        ("DeliveryPolicy", {"healthyRetryPolicy": {"numRetries": 5}},
         "DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be specified"),
    ],
)  # fmt: skip
def test_an_attribute_of_a_subscription_is_refused(
    cloud: Cloud, name: str, value: dict[str, Any], text: str
) -> None:
    arn = subscribe(cloud, a_topic(cloud), "http", "http://127.0.0.1:1/")
    request = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": json.dumps(value)}
    assert cloud.error("sns", "SetSubscriptionAttributes", **request).text == f"Invalid parameter: {text}"


def test_large_messages_are_for_queues_and_functions(cloud: Cloud) -> None:
    topic = a_topic(cloud, MaximumMessageSize="1048576")
    request = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/"}
    assert cloud.error("sns", "Subscribe", **request).text.startswith("Invalid parameter: Protocol Reason: ")
    for n in range(100):
        subscribe(cloud, topic, "sqs", arn_of("sqs", f"q{n}"))
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn_of("sqs", "one-more")}
    assert cloud.error("sns", "Subscribe", **request).shape == "SubscriptionLimitExceededException"


@pytest.mark.parametrize(("protocol", "number"), [("sms", 1), ("sqs", 101)])
def test_a_topic_with_other_subscriptions_takes_no_large_messages(
    cloud: Cloud, protocol: str, number: int
) -> None:
    topic = a_topic(cloud)
    for n in range(number):
        endpoint = arn_of("sqs", f"q{n}") if protocol == "sqs" else f"+1555123{n:04d}"
        subscribe(cloud, topic, protocol, endpoint)
    error = cloud.error("sns", "SetTopicAttributes", TopicArn=topic, **LARGE)
    assert error.text.startswith("Invalid parameter: Attributes Reason: MaximumMessageSize above 262144")
    cloud.sns("SetTopicAttributes", TopicArn=topic, **{**LARGE, "AttributeValue": "262144"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MonthlySpendLimit", "much"), ("MonthlySpendLimit", ""), ("DeliveryStatusSuccessSamplingRate", "101"),
        ("DeliveryStatusSuccessSamplingRate", "-1"), ("DefaultSMSType", "Urgent"), ("DefaultSenderID", "too long a name"),
    ],
)  # fmt: skip
def test_sms_attributes_are_checked(cloud: Cloud, name: str, value: str) -> None:
    error = cloud.error("sns", "SetSMSAttributes", attributes={name: value})
    assert error.text.startswith(f"Invalid parameter: {name} Reason: ")


def test_a_device_is_enabled_however_that_is_written(cloud: Cloud) -> None:
    request = {"Name": "a", "Platform": "GCM", "Attributes": {"PlatformCredential": "secret"}}
    application = cloud.sns("CreatePlatformApplication", **request)["PlatformApplicationArn"]
    request = {"PlatformApplicationArn": application, "Token": "t", "Attributes": {"Enabled": "TRUE"}}
    device = cloud.sns("CreatePlatformEndpoint", **request)["EndpointArn"]
    assert cloud.sns("GetEndpointAttributes", EndpointArn=device)["Attributes"]["Enabled"] == "true"
    cloud.sns("Publish", TargetArn=device, Message="m")
    cloud.sns("SetEndpointAttributes", EndpointArn=device, Attributes={"Enabled": "False"})
    assert cloud.error("sns", "Publish", TargetArn=device, Message="m").text == "Endpoint is disabled"
    error = cloud.error("sns", "Publish", TargetArn=application, Message="m")
    assert error.text == "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"
