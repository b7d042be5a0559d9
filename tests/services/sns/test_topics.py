from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.sns.helpers import a_topic, arn_of, publish, subscribe, subscribed_queue

from ballroom.services.sns.errors import InvalidParameter

PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["sns:*", "SNS:Receive"], "Resource": "*"}],
}


def attributes(cloud: Cloud, topic: str) -> dict[str, Any]:
    told: dict[str, Any] = cloud.sns("GetTopicAttributes", TopicArn=topic)["Attributes"]
    return told


def test_a_topic_is_created_once(cloud: Cloud) -> None:
    assert a_topic(cloud, "t", DisplayName="d") == a_topic(cloud, "t", DisplayName="d") == a_topic(cloud, "t")
    error = cloud.error("sns", "CreateTopic", Name="t", Attributes={"DisplayName": "other"})
    assert error.text == "Invalid parameter: Attributes Reason: Topic already exists with different attributes"


@pytest.mark.parametrize(
    ("name", "value", "fifo", "accepted"),
    [
        ("DisplayName", "d", False, True),
        ("DisplayName", "d" * 101, False, False),
        ("SignatureVersion", "2", False, True),
        ("SignatureVersion", "3", False, False),
        ("TracingConfig", "Active", False, True),
        ("TracingConfig", "Sometimes", False, False),
        ("MaximumMessageSize", "1048576", False, True),
        ("MaximumMessageSize", "1048577", False, False),
        ("MaximumMessageSize", "many", False, False),
        ("KmsMasterKeyId", "alias/aws/sns", False, True),
        ("LambdaFailureFeedbackRoleArn", "arn:aws:iam::0:role/r", False, True),
        ("ContentBasedDeduplication", "true", True, True),
        ("ContentBasedDeduplication", "true", False, False),
        ("FifoThroughputScope", "MessageGroup", True, True),
        ("FifoThroughputScope", "Everything", True, False),
        ("Policy", json.dumps(PUBLIC), False, True),
        ("Policy", '{"Version": "2012-10-17", "Statement": []}', False, False),
        ("Policy", "no json", False, False),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}', False, False),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 30}}}', False, False),
        ("DeliveryPolicy", '{"http": {"unknown": 1}}', False, False),
        ("DeliveryPolicy", "[]", False, False),
        ("Colour", "red", False, False),
    ],
    ids=str,
)
def test_attributes_are_checked_and_told(
    cloud: Cloud, name: str, value: str, fifo: bool, accepted: bool
) -> None:
    topic = a_topic(cloud, "t.fifo" if fifo else "t")
    request = {"TopicArn": topic, "AttributeName": name, "AttributeValue": value}
    if accepted:
        cloud.sns("SetTopicAttributes", **request)
        assert attributes(cloud, topic)[name] == value
    else:
        assert cloud.error("sns", "SetTopicAttributes", **request).text.startswith("Invalid parameter: ")


def test_what_is_not_there_yet_is_refused_by_name(cloud: Cloud) -> None:
    endpoint = "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"
    error = cloud.error("sns", "Subscribe", TopicArn=a_topic(cloud), Protocol="firehose", Endpoint=endpoint)
    assert "Firehose" in error.text


def test_permissions_edit_the_policy(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    account = ["111111111111", "222222222222"]
    cloud.sns(
        "AddPermission", TopicArn=topic, Label="l", AWSAccountId=account, ActionName=["Publish", "Subscribe"]
    )
    added = json.loads(attributes(cloud, topic)["Policy"])["Statement"][1]
    assert added["Action"] == ["SNS:Publish", "SNS:Subscribe"]
    assert added["Principal"] == {"AWS": [f"arn:aws:iam::{a}:root" for a in account]}
    cloud.sns("RemovePermission", TopicArn=topic, Label="l")
    cloud.sns("RemovePermission", TopicArn=topic, Label="never there")
    assert len(json.loads(attributes(cloud, topic)["Policy"])["Statement"]) == 1


def test_lists_go_on_where_they_stopped(cloud: Cloud) -> None:
    topics = {a_topic(cloud, f"t{n}") for n in range(120)}
    first = cloud.sns("ListTopics")
    rest = cloud.sns("ListTopics", NextToken=first["NextToken"])
    assert "NextToken" not in rest
    listed = [t["TopicArn"] for page in (first, rest) for t in page["Topics"]]
    assert len(listed) == 120
    assert set(listed) == topics
    topic = a_topic(cloud, "t0")
    arns = {subscribe(cloud, topic, "sms", f"+1555000{n:04d}") for n in range(101)}
    for operation, request in (("ListSubscriptionsByTopic", {"TopicArn": topic}), ("ListSubscriptions", {})):
        first = cloud.sns(operation, **request)
        rest = cloud.sns(operation, **request, NextToken=first["NextToken"])
        assert {s["SubscriptionArn"] for page in (first, rest) for s in page["Subscriptions"]} == arns
    for token in ("x", "!!", "WzEsMl0="):
        error = cloud.error("sns", "ListTopics", NextToken=token)
        assert (
            error.text.startswith("Invalid parameter: NextToken") or error.shape == "InvalidParameterException"
        )


def test_a_deleted_topic_takes_its_subscriptions_along(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    for n in range(250):
        subscribe(cloud, topic, "sms", f"+1555000{n:04d}")
    cloud.sns("DeleteTopic", TopicArn=topic)
    cloud.clock.settle()
    assert cloud.sns("ListSubscriptions")["Subscriptions"] == []
    a_topic(cloud)
    assert attributes(cloud, topic)["SubscriptionsConfirmed"] == "0"


def test_counts_of_subscriptions_are_told(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    arn = subscribe(cloud, topic, "sms", "+15550000000")
    subscribe(cloud, topic, "sms", "+15550000001")
    subscribe(cloud, topic, "email", "a@example.com")
    cloud.sns("Unsubscribe", SubscriptionArn=arn)
    told = attributes(cloud, topic)
    assert [told[f"Subscriptions{s}"] for s in ("Confirmed", "Pending", "Deleted")] == ["1", "1", "1"]


def test_tags_are_limited(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(51)]
    assert cloud.error("sns", "TagResource", ResourceArn=topic, Tags=tags).shape == "TagLimitExceededException"
    cloud.sns("TagResource", ResourceArn=topic, Tags=tags[:50])
    cloud.sns("UntagResource", ResourceArn=topic, TagKeys=["k1", "none"])
    assert len(cloud.sns("ListTagsForResource", ResourceArn=topic)["Tags"]) == 49


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"RawMessageDelivery": "maybe"}, "Attributes Reason: RawMessageDelivery: Invalid value [maybe]"),
        ({"FilterPolicy": "no json"}, "Attributes Reason: FilterPolicy: Unrecognized token 'no'"),
        ({"FilterPolicy": '{"a": {"b": ["c"]}}'}, "does not support nested filter policy"),
        ({"FilterPolicyScope": "Everything"}, "FilterPolicyScope: Invalid value [Everything]"),
        ({"RedrivePolicy": "{"}, "RedrivePolicy: failed to parse JSON."),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "x"}'}, "deadLetterTargetArn is an invalid arn"),
        ({"Colour": "red"}, "Attributes"),
    ],
    ids=str,
)
def test_a_subscriptions_attributes_are_checked(cloud: Cloud, given: dict[str, str], text: str) -> None:
    request = {"TopicArn": a_topic(cloud), "Protocol": "sqs", "Endpoint": arn_of("sqs", "q")}
    error = cloud.error("sns", "Subscribe", **request, Attributes=given)
    assert error.text.startswith("Invalid parameter: ")
    assert text in error.text


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("ftp", "ftp://x"), ("http", "https://example.com"), ("https", "http://example.com"), ("http", "http://"),
        ("email", "nobody"), ("sqs", "queue"), ("sqs", "arn:aws:sqs:us-east-1:000000000000:q.fifo"),
        ("lambda", "arn:aws:sqs:us-east-1:000000000000:q"), ("application", "arn:aws:sns:us-east-1:0:endpoint/A/b/c"),
        ("sms", "call me"), ("sms", ""),
    ],
)  # fmt: skip
def test_an_endpoint_must_fit_its_protocol(cloud: Cloud, protocol: str, endpoint: str) -> None:
    request = {"TopicArn": a_topic(cloud), "Protocol": protocol, "Endpoint": endpoint}
    assert cloud.error("sns", "Subscribe", **request).shape == "InvalidParameterException"


def test_devices_are_stored_and_published_to(cloud: Cloud) -> None:
    application = cloud.sns(
        "CreatePlatformApplication", Name="a", Platform="GCM", Attributes={"PlatformCredential": "secret"}
    )["PlatformApplicationArn"]
    request = {"PlatformApplicationArn": application, "Token": "t", "CustomUserData": "u"}
    device = cloud.sns("CreatePlatformEndpoint", **request)["EndpointArn"]
    assert cloud.sns("CreatePlatformEndpoint", **request)["EndpointArn"] == device
    other = {**request, "CustomUserData": "v"}
    assert "already exists with the same Token" in cloud.error("sns", "CreatePlatformEndpoint", **other).text
    told = cloud.sns("GetPlatformApplicationAttributes", PlatformApplicationArn=application)["Attributes"]
    assert told == {"Enabled": "true"}
    cloud.sns("Publish", TargetArn=device, Message="hi")
    cloud.sns("SetEndpointAttributes", EndpointArn=device, Attributes={"Enabled": "false"})
    assert cloud.error("sns", "Publish", TargetArn=device, Message="hi").shape == "EndpointDisabledException"
    listed = cloud.sns("ListEndpointsByPlatformApplication", PlatformApplicationArn=application)["Endpoints"]
    assert [endpoint["EndpointArn"] for endpoint in listed] == [device]
    cloud.sns("DeletePlatformApplication", PlatformApplicationArn=application)
    assert cloud.sns("ListPlatformApplications")["PlatformApplications"] == []
    assert cloud.error("sns", "GetEndpointAttributes", EndpointArn=device).shape == "NotFoundException"


def test_an_application_of_the_same_name_begins_anew(cloud: Cloud) -> None:
    request = {"Name": "a", "Platform": "GCM", "Attributes": {"PlatformCredential": "secret"}}
    application = cloud.sns("CreatePlatformApplication", **request)["PlatformApplicationArn"]

    def a_device(token: str) -> str:
        arn: str = cloud.sns("CreatePlatformEndpoint", PlatformApplicationArn=application, Token=token)[
            "EndpointArn"
        ]
        return arn

    old = [a_device(f"t{n}") for n in range(450)]
    cloud.sns("DeletePlatformApplication", PlatformApplicationArn=application)
    for device in (old[0], old[-1]):  # at once, though some rows are removed a little later
        assert cloud.error("sns", "GetEndpointAttributes", EndpointArn=device).shape == "NotFoundException"
    cloud.sns("CreatePlatformApplication", **request)
    new = {a_device(f"t{n}") for n in range(20)}
    cloud.clock.settle()
    listed = cloud.sns("ListEndpointsByPlatformApplication", PlatformApplicationArn=application)
    assert {endpoint["EndpointArn"] for endpoint in listed["Endpoints"]} == new
    assert new.isdisjoint(old)
    assert {a_device(f"t{n}") for n in range(20)} == new
    cloud.sns("CreatePlatformApplication", **request)  # again: its devices stay
    assert a_device("t0") in new


def test_the_sandbox_verifies_by_what_is_in_the_outbox(cloud: Cloud) -> None:
    from ballroom.services.sns import outbox

    cloud.sns("CreateSMSSandboxPhoneNumber", PhoneNumber="+15551234567")
    (sent,) = cloud.transact(outbox.read, "000000000000", "us-east-1")
    password = sent.text.rsplit(" ", 1)[1]
    wrong = "00000" if password != "00000" else "11111"
    request = {"PhoneNumber": "+15551234567"}
    error = cloud.error("sns", "VerifySMSSandboxPhoneNumber", **request, OneTimePassword=wrong)
    assert error.shape == "VerificationException"
    cloud.sns("VerifySMSSandboxPhoneNumber", **request, OneTimePassword=password)
    listed = cloud.sns("ListSMSSandboxPhoneNumbers")["PhoneNumbers"]
    assert listed == [{"PhoneNumber": "+15551234567", "Status": "Verified"}]


def test_garbage_is_answered_not_suffered(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    subscribed_queue(cloud, topic, FilterPolicy='{"a": ["b"]}', FilterPolicyScope="MessageBody")
    for message in ("[" * 5000, "{" * 5000, '{"a": ' + "9" * 5000 + "}", "\x00", "\ud800", "{}" * 1000):
        with contextlib.suppress(InvalidParameter):
            publish(cloud, topic, message)
