"""Topic policies: what they allow to other accounts, and deny to everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import ACCOUNT, Cloud
from tests.services.sns.helpers import a_queue, a_topic, arn_of, envelopes, publish, subscribe, subscribed_queue

from ballroom.kernel import Caller, ServiceError
from ballroom.kernel.model import load_service

OTHER = "222222222222"


def stranger(cloud: Cloud, **more: Any) -> Caller:
    return cloud.caller(account=OTHER, **more)


def a_user(cloud: Cloud, name: str = "ann") -> Caller:
    return cloud.caller(arn=f"arn:aws:iam::{ACCOUNT}:user/{name}")


def let(cloud: Cloud, topic: str, *statements: dict[str, Any]) -> None:
    """The topic's policy is these statements."""
    policy = {"Version": "2012-10-17", "Statement": [{"Resource": topic, **one} for one in statements]}
    cloud.sns("SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))


def allow(principal: Any, action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def deny(principal: Any, action: Any, **more: Any) -> dict[str, Any]:
    return {**allow(principal, action, **more), "Effect": "Deny"}


def requests_to(topic: str) -> dict[str, dict[str, Any]]:
    """A request of each operation that a policy is asked about."""
    return {
        "AddPermission": {"Label": "l", "AWSAccountId": [OTHER], "ActionName": ["Publish"]},
        "RemovePermission": {"Label": "l"},
        "GetTopicAttributes": {},
        "SetTopicAttributes": {"AttributeName": "DisplayName", "AttributeValue": "mine"},
        "ListSubscriptionsByTopic": {},
        "Publish": {"Message": "m"},
        "PublishBatch": {"PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]},
        "Subscribe": {"Protocol": "sms", "Endpoint": "+15551234567"},
        "GetDataProtectionPolicy": {},
        "PutDataProtectionPolicy": {"DataProtectionPolicy": ""},
        "ListTagsForResource": {},
        "TagResource": {"Tags": [{"Key": "k", "Value": "v"}]},
        "UntagResource": {"TagKeys": ["k"]},
        "DeleteTopic": {},
    }


def named(topic: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    by_resource = operation.endswith(("DataProtectionPolicy", "Resource"))
    return {"ResourceArn" if by_resource else "TopicArn": topic, **request}


def assert_refused(error: ServiceError, caller: Caller, action: str, topic: str, why: str) -> None:
    shape = load_service("sns").error(error.shape)
    assert shape is not None
    assert (shape.code, shape.status) == ("AuthorizationError", 403)
    assert (
        error.text
        == f"User: {caller.arn} is not authorized to perform: SNS:{action} on resource: {topic} {why}"
    )


@pytest.mark.parametrize("operation", requests_to(""))
def test_another_account_needs_to_be_allowed(cloud: Cloud, operation: str) -> None:
    topic, caller = a_topic(cloud), stranger(cloud)
    action = operation.removesuffix("Batch")
    request = named(topic, operation, requests_to(topic)[operation])
    error = cloud.error("sns", operation, caller, **request)
    why = f"because no resource-based policy allows the SNS:{action} action"
    assert_refused(error, caller, action, topic, why)
    if operation in ("TagResource", "UntagResource"):
        return  # no policy can speak of them
    let(cloud, topic, allow({"AWS": OTHER}, f"sns:{action}"))
    cloud.call("sns", operation, caller, **request)


@pytest.mark.parametrize(
    "principal", ["*", {"AWS": "*"}, {"AWS": [OTHER]}, {"AWS": f"arn:aws:iam::{OTHER}:root"}], ids=str
)
def test_a_policy_names_whom_it_allows(cloud: Cloud, principal: Any) -> None:
    topic = a_topic(cloud)
    let(cloud, topic, allow(principal, ["SNS:Publish"]))
    cloud.call("sns", "Publish", stranger(cloud), TopicArn=topic, Message="m")
    cloud.error("sns", "GetTopicAttributes", stranger(cloud), TopicArn=topic)
    if principal not in ("*", {"AWS": "*"}):
        third = cloud.caller(account="333333333333")
        assert cloud.error("sns", "Publish", third, TopicArn=topic, Message="m")


def test_the_default_policy_is_for_the_topics_own_account(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    default = cloud.sns("GetTopicAttributes", TopicArn=topic)["Attributes"]["Policy"]
    cloud.sns("SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=default)
    assert cloud.error("sns", "Publish", stranger(cloud), TopicArn=topic, Message="m")
    publish(cloud, topic)


def test_permissions_are_taken_away_again(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    cloud.sns("AddPermission", TopicArn=topic, Label="l", AWSAccountId=[OTHER], ActionName=["Publish"])
    cloud.call("sns", "Publish", stranger(cloud), TopicArn=topic, Message="m")
    cloud.sns("RemovePermission", TopicArn=topic, Label="l")
    assert cloud.error("sns", "Publish", stranger(cloud), TopicArn=topic, Message="m")


def test_a_permission_may_be_to_receive_which_is_no_operation(cloud: Cloud) -> None:
    request = {"Label": "l", "AWSAccountId": [OTHER], "ActionName": ["Subscribe", "Receive"]}
    cloud.sns("AddPermission", TopicArn=a_topic(cloud), **request)


def test_a_condition_limits_who_may_subscribe(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    condition = {
        "StringEquals": {"sns:Protocol": "https"},
        "StringLike": {"SNS:Endpoint": "https://*.example.com/*"},
    }
    let(cloud, topic, allow("*", "sns:Subscribe", Condition=condition))
    request = {"TopicArn": topic, "Protocol": "https"}
    cloud.call("sns", "Subscribe", stranger(cloud), **request, Endpoint="https://a.example.com/x")
    assert cloud.error("sns", "Subscribe", stranger(cloud), **request, Endpoint="https://example.org/x")
    phone = {"Protocol": "sms", "Endpoint": "+15551234567"}
    assert cloud.error("sns", "Subscribe", stranger(cloud), TopicArn=topic, **phone)


def test_the_own_account_may_do_what_is_not_denied(cloud: Cloud) -> None:
    topic, ann, bob = a_topic(cloud), a_user(cloud), a_user(cloud, "bob")
    let(cloud, topic, deny({"AWS": ann.arn}, "sns:Publish"), allow({"AWS": OTHER}, "sns:Publish"))
    error = cloud.error("sns", "Publish", ann, TopicArn=topic, Message="m")
    assert_refused(error, ann, "Publish", topic, "with an explicit deny in a resource-based policy")
    cloud.call("sns", "Publish", bob, TopicArn=topic, Message="m")
    cloud.call("sns", "GetTopicAttributes", ann, TopicArn=topic)


def test_nobody_locks_himself_out(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    let(cloud, topic, deny("*", ["sns:Publish", "sns:SetTopicAttributes", "sns:DeleteTopic"]))
    assert cloud.error("sns", "Publish", TopicArn=topic, Message="m")
    assert cloud.error("sns", "DeleteTopic", TopicArn=topic)
    change = {"TopicArn": topic, "AttributeName": "Policy"}
    assert cloud.error("sns", "SetTopicAttributes", a_user(cloud), **change)
    cloud.sns("SetTopicAttributes", **change)  # the account's root gets at the policy
    publish(cloud, topic)


def test_services_that_act_for_somebody_are_let_in(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    url = subscribed_queue(cloud, topic)
    let(cloud, topic, deny("*", "sns:Publish", Condition={"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}))
    caller = cloud.caller(source="s3.amazonaws.com")
    cloud.call("sns", "Publish", caller, TopicArn=topic, Message="m")
    assert [e["Message"] for e in envelopes(cloud, url)] == ["m"]


def test_only_owners_look_into_a_subscription(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    let(cloud, topic, allow({"AWS": OTHER}, "sns:Subscribe"))
    mine = subscribe(cloud, topic, "sqs", arn_of("sqs", "q"))
    url = cloud.call("sqs", "CreateQueue", stranger(cloud), QueueName="theirs")["QueueUrl"]
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{OTHER}:theirs"}
    theirs = cloud.call("sns", "Subscribe", stranger(cloud), **request)["SubscriptionArn"]
    change = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    for caller in (stranger(cloud), cloud.caller()):  # the topic's owner is one too
        cloud.call("sns", "GetSubscriptionAttributes", caller, SubscriptionArn=theirs)
        cloud.call("sns", "SetSubscriptionAttributes", caller, SubscriptionArn=theirs, **change)
    for operation, more in (("GetSubscriptionAttributes", {}), ("SetSubscriptionAttributes", change)):
        error = cloud.error("sns", operation, stranger(cloud), SubscriptionArn=mine, **more)
        assert error.shape == "AuthorizationErrorException"
    publish(cloud, topic, "raw")
    (message,) = cloud.call("sqs", "ReceiveMessage", stranger(cloud), QueueUrl=url)["Messages"]
    assert message["Body"] == "raw"


def test_an_unsubscription_that_is_guarded_is_for_owners(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    a_queue(cloud)
    answer = cloud.sns("Subscribe", TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert answer["SubscriptionArn"] == "pending confirmation"
    from ballroom.services.sns import outbox

    (sent,) = cloud.transact(outbox.read, ACCOUNT, "us-east-1")
    token = sent.confirm_url.rsplit("=", 1)[1]
    arn = cloud.sns("ConfirmSubscription", TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")[
        "SubscriptionArn"
    ]
    nobody = cloud.caller(anonymous=True)
    for caller in (nobody, stranger(cloud)):
        error = cloud.error("sns", "Unsubscribe", caller, SubscriptionArn=arn)
        assert error.shape == "AuthorizationErrorException"
    cloud.sns("Unsubscribe", SubscriptionArn=arn)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ({"Action": "sns:CreateTopic"}, "Policy statement action out of service scope!"),
        ({"Action": "sns:Unsub*"}, "Policy statement action out of service scope!"),
        ({"Action": ["sns:Publish", "sqs:SendMessage"]}, "Policy statement action out of service scope!"),
        ({"Effect": "Maybe"}, "Policy Error: null"),
        ({"Principal": "somebody"}, "Policy Error: null"),
        ({"Condition": {"StringAlmostEquals": {"a": "b"}}}, "Policy Error: null"),
        ({"Principle": "*"}, "Policy Error: null"),
    ],
    ids=str,
)
def test_a_policy_is_checked(cloud: Cloud, statement: dict[str, Any], text: str) -> None:
    topic = a_topic(cloud)
    policy = {"Statement": [{**allow("*", "sns:Publish"), "Resource": topic, **statement}]}
    request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": json.dumps(policy)}
    assert cloud.error("sns", "SetTopicAttributes", **request).text == f"Invalid parameter: {text}"


def test_a_policys_size_is_limited(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    statement = {**allow("*", "sns:Publish"), "Resource": topic}
    for statements in ([statement] * 101, [{**statement, "Sid": "s" * 30 * 1024}]):
        policy = json.dumps({"Statement": statements})
        request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
        error = cloud.error("sns", "SetTopicAttributes", **request)
        assert error.text.startswith("Invalid parameter: Policy Reason: must ")
    request = {"TopicArn": topic, "AWSAccountId": [OTHER], "ActionName": ["Publish"]}
    for n in range(99):  # the default policy has a statement too
        cloud.sns("AddPermission", Label=str(n), **request)
    error = cloud.error("sns", "AddPermission", Label="one more", **request)
    assert error.text == "Invalid parameter: Policy Reason: must have at most 100 statements"


def test_a_policy_without_principal_allows_nobody(cloud: Cloud) -> None:
    topic = a_topic(cloud)
    policy = json.dumps({"Statement": {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}})
    request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
    assert cloud.error("sns", "SetTopicAttributes", **request).text == "Invalid parameter: Policy Error: null"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetPlatformApplicationAttributes", {}),
        ("SetPlatformApplicationAttributes", {"Attributes": {}}),
        ("CreatePlatformEndpoint", {"Token": "theirs"}),
        ("ListEndpointsByPlatformApplication", {}),
        ("DeletePlatformApplication", {}),
        ("GetEndpointAttributes", {}),
        ("SetEndpointAttributes", {"Attributes": {"Enabled": "false"}}),
        ("DeleteEndpoint", {}),
        ("Publish", {"Message": "m"}),
    ],
)
def test_applications_and_devices_are_their_own_accounts_business(
    cloud: Cloud, operation: str, request_: dict[str, Any]
) -> None:
    attributes = {"PlatformCredential": "key"}
    app = cloud.sns("CreatePlatformApplication", Name="app", Platform="GCM", Attributes=attributes)[
        "PlatformApplicationArn"
    ]
    device = cloud.sns("CreatePlatformEndpoint", PlatformApplicationArn=app, Token="t")["EndpointArn"]
    of_app = "Platform" in operation
    name = "PlatformApplicationArn" if of_app else "TargetArn" if operation == "Publish" else "EndpointArn"
    asked = {name: app if of_app else device, **request_}
    caller = stranger(cloud)
    why = f"because no resource-based policy allows the SNS:{operation} action"
    assert_refused(cloud.error("sns", operation, caller, **asked), caller, operation, asked[name], why)
    assert cloud.sns("GetEndpointAttributes", EndpointArn=device)["Attributes"]["Enabled"] == "true"
    cloud.sns(operation, **asked)
