"""SNS against what AWS answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ballroom.kernel import Caller
from tests.cloud import Cloud
from tests.vectors.recorded import Case, assert_same, cases, needs_recordings

ACCOUNT = "111111111111"
BINARY = {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}
PLACE = "us-east-1"


class Sns:
    """SNS of the recorded account: `sns("Operation", ...)`, `sns.error("Operation", ...)`."""

    def __init__(self, cloud: Cloud, me: Caller) -> None:
        self.cloud, self.me = cloud, me

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.cloud.call("sns", operation, self.me, **request)

    def error(self, operation: str, **request: Any) -> Any:
        return self.cloud.error("sns", operation, self.me, **request)

    def sqs(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.cloud.call("sqs", operation, self.me, **request)

    def topic(self, name: str = "topic", **attributes: str) -> str:
        arn: str = self("CreateTopic", Name=name, **({"Attributes": attributes} if attributes else {}))[
            "TopicArn"
        ]
        return arn

    def fifo(self, **attributes: str) -> str:
        return self.topic("topic.fifo", FifoTopic="true", **attributes)

    def queue(self, name: str = "queue") -> str:
        fifo = {"Attributes": {"FifoQueue": "true"}} if name.endswith(".fifo") else {}
        self.sqs("CreateQueue", QueueName=name, **fifo)
        return f"arn:aws:sqs:{PLACE}:{ACCOUNT}:{name}"

    def subscribe(self, topic: str, protocol: str, endpoint: str, **attributes: str) -> dict[str, Any]:
        given = {"Attributes": attributes} if attributes else {}
        return self("Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, **given)

    def subscribed(self, topic: str, name: str = "queue", **attributes: str) -> str:
        arn: str = self.subscribe(topic, "sqs", self.queue(name), **attributes)["SubscriptionArn"]
        return arn

    def attributes(self, subscription: str) -> dict[str, Any]:
        return self("GetSubscriptionAttributes", SubscriptionArn=subscription)

    def receive(self, name: str = "queue", *, delete: bool = True, **more: Any) -> dict[str, Any]:
        url = f"http://localhost:4566/{ACCOUNT}/{name}"
        answer = self.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, **more)
        for message in answer.get("Messages", ()):
            if delete:
                self.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if message["Body"].startswith('{"Type"'):
                message["Body"] = {**json.loads(message["Body"])}
                message["Body"]["Timestamp"] = "date"
                if "Signature" in message["Body"]:  # the recordings have one placeholder for all of them
                    message["Body"]["Signature"] = "signature"
            for name in ("MD5OfBody", "MD5OfMessageAttributes"):
                if name in message:  # and for these
                    message[name] = "md5"
            for name in message.get("Attributes", {}):
                if name.endswith("Timestamp"):
                    message["Attributes"][name] = int(message["Attributes"][name])
        return answer


Steps = Callable[[Sns], dict[str, Any]]


# -- topics --------------------------------------------------------------------------------------------


def topic_with_attributes(sns: Sns) -> dict[str, Any]:
    topic = sns.fifo(DisplayName="TestTopic", SignatureVersion="2")
    return {
        "get-topic-attrs": sns("GetTopicAttributes", TopicArn=topic),
        "get-attrs-nonexistent-topic": sns.error("GetTopicAttributes", TopicArn=topic.replace("topic", "none")),
        "get-attrs-malformed-topic": sns.error("GetTopicAttributes", TopicArn="test-topic"),
    }


def more_tags(sns: Sns) -> dict[str, Any]:
    sns("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "1"}])
    more = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    return {"exception-duplicate": sns.error("CreateTopic", Name="t", Tags=more)}


def tags_after_deletion(sns: Sns) -> dict[str, Any]:
    topic = sns("CreateTopic", Name="t", Tags=[{"Key": f"k{n}", "Value": f"v{n}"} for n in (1, 2)])["TopicArn"]
    told = {"list-created-tags": sns("ListTagsForResource", ResourceArn=topic)}
    sns("DeleteTopic", TopicArn=topic)
    sns.topic("t")
    return {**told, "list-empty-tags": sns("ListTagsForResource", ResourceArn=topic)}


def new_tags_after_deletion(sns: Sns) -> dict[str, Any]:
    first = sns("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "1"}])
    sns("DeleteTopic", TopicArn=first["TopicArn"])
    return {"topic-0": first, "topic-1": sns("CreateTopic", Name="t", Tags=[{"Key": "b", "Value": "2"}])}


def delete_twice(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    return {
        "delete-topic": sns("DeleteTopic", TopicArn=topic),
        "delete-topic-again": sns("DeleteTopic", TopicArn=topic),
    }


def delivery_policy(sns: Sns) -> dict[str, Any]:
    policy = {"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}}
    topic = sns.fifo(DisplayName="TestTopic", SignatureVersion="2", DeliveryPolicy=json.dumps(policy))

    def change(http: Any) -> dict[str, Any]:
        value = json.dumps({"http": http})
        return sns("SetTopicAttributes", TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=value)

    def told() -> dict[str, Any]:
        return sns("GetTopicAttributes", TopicArn=topic)

    retry = {"minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}
    return {
        "get-topic-attrs": told(),
        "set-topic-attrs": change({"defaultHealthyRetryPolicy": retry}),
        "get-topic-attrs-after-update": told(),
        "set-topic-attrs-none": change({"defaultHealthyRetryPolicy": None}),
        "get-topic-attrs-after-none": told(),
        "set-topic-attrs-full-none": change(None),
        "get-topic-attrs-after-delete": told(),
    }


def names(sns: Sns) -> dict[str, Any]:
    told: dict[str, Any] = {"valid-name-max-length": sns("CreateTopic", Name="a" * 256)}
    fifo = {"FifoTopic": "true"}
    wrong = {"name-too-short": "", "name-too-long": "a" * 257, "name-contains-fifo": "x.fifo"}
    wrong |= {f"name-invalid-char-{n}": f"x{c}" for n, c in enumerate("./?!@% é")}
    told |= {key: sns.error("CreateTopic", Name=name) for key, name in wrong.items()}
    return {**told, "fifo-name-not-contains-fifo": sns.error("CreateTopic", Name="x", Attributes=fifo)}


def fifo_false(sns: Sns) -> dict[str, Any]:
    topic = sns.topic(FifoTopic="false")
    request = {"TopicArn": topic, "AttributeName": "FifoTopic", "AttributeValue": "false"}
    return {
        "get-attrs-standard-topic": sns("GetTopicAttributes", TopicArn=topic),
        "set-fifo-false-after-creation": sns.error("SetTopicAttributes", **request),
    }


def permission_errors(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    request = {"TopicArn": topic, "Label": "l", "AWSAccountId": [ACCOUNT], "ActionName": ["Publish"]}
    sns("AddPermission", **request)
    return {
        "duplicate-label": sns.error("AddPermission", **request),
        "topic-not-found": sns.error("AddPermission", **{**request, "TopicArn": topic + "i"}),
        "invalid-action": sns.error(
            "AddPermission", **{**request, "Label": "m", "ActionName": ["InvalidAction"]}
        ),
    }


def no_topic_of_permission(sns: Sns) -> dict[str, Any]:
    topic = sns.topic() + "i"
    return {"topic-not-found": sns.error("RemovePermission", TopicArn=topic, Label="l")}


# -- publishing ----------------------------------------------------------------------------------------


def wrong_arns(sns: Sns) -> dict[str, Any]:
    wrong = {"invalid-topic-arn": "randomstring", "invalid-topic-arn-1": "randomstring:1", "empty-topic": ""}
    return {key: sns.error("Publish", TopicArn=arn, Message="m") for key, arn in wrong.items()}


def unknown_topic(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    return {
        "success": sns("Publish", TopicArn=topic, Message="m"),
        "error": sns.error("Publish", TopicArn=topic + "i", Message="m"),
    }


def another_region(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    there = Sns(sns.cloud, sns.cloud.caller(account=ACCOUNT, region="us-west-2"))
    entries = [{"Id": "1", "Message": "m"}]
    return {
        "success": sns("Publish", TopicArn=topic, Message="m"),
        "error": there.error("Publish", TopicArn=topic, Message="m"),
        "error-batch": there.error("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries),
    }


def no_target(sns: Sns) -> dict[str, Any]:
    arn = f"arn:aws:sns:{PLACE}:{ACCOUNT}:endpoint/APNS/abcdef/0f7d5971-aa8b-4bd5-b585-0826e9f93a66"
    return {"non-existent-endpoint": sns.error("Publish", TargetArn=arn, Message="m")}


def subjects(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    return {
        "response-without-subject": sns("Publish", TopicArn=topic, Message="m"),
        "response-with-empty-subject": sns.error("Publish", TopicArn=topic, Subject="", Message="m"),
    }


def empty_message(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    return {"empty-msg-error": sns.error("Publish", TopicArn=topic, Message="")}


def too_long(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    attributes = {"k": {"DataType": "String", "StringValue": "x"}}
    return {
        "error": sns.error("Publish", TopicArn=topic, Message="a" * 262_145),
        "error-with-attrs": sns.error(
            "Publish", TopicArn=topic, Message="a" * 262_144, MessageAttributes=attributes
        ),
    }


def structures(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    request = {"TopicArn": topic, "MessageStructure": "json"}
    return {
        "missing-default-key": sns.error("Publish", **request, Message='{"sqs": "m"}'),
        "invalid-json": sns.error("Publish", **request, Message='{"default": "m"} }'),
        "duplicate-json-keys": sns("Publish", **request, Message='{"default": "m", "default": "n"}'),
        "key-is-not-string": sns.error("Publish", **request, Message='{"default": {"a": 1}}'),
    }


def by_target_arn(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    sns("Publish", TopicArn=topic, Message="test-msg-1")
    told = {"receive-topic-arn": sns.receive()}
    sns("Publish", TargetArn=topic, Message="test-msg-2")
    return {**told, "receive-target-arn": sns.receive()}


def before_subscribing(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    first = sns("Publish", TopicArn=topic, Subject="test-subject-before-sub", Message="test_message_before")
    sns.subscribed(topic)
    second = sns("Publish", TopicArn=topic, Subject="test-subject-after-sub", Message="test_message_after")
    return {
        "publish-before-subscribing": first,
        "publish-after-subscribing": second,
        "receive-messages": sns.receive(),
    }


def structure_to_queue(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    request = {"TopicArn": topic, "MessageStructure": "json"}
    texts = {"default": "default field", "sqs": json.dumps({"field": "value"})}
    sns("Publish", **request, Message=json.dumps(texts))
    told = {"get-msg-json-sqs": sns.receive()}
    sns("Publish", **request, Message=json.dumps({"default": "default field"}))
    return {**told, "get-msg-json-default": sns.receive()}


def group_id(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    attributes = {"attr1": {"DataType": "Number", "StringValue": "1"}}
    sns("Publish", TopicArn=topic, Message="test signature value with attributes", MessageAttributes=attributes,
        MessageGroupId="my-group-id-1")  # fmt: skip
    return {"messages": sns.receive(MessageSystemAttributeNames=["All"])}


def fifo_to_standard(*, content_based: bool) -> Steps:
    def steps(sns: Sns) -> dict[str, Any]:
        topic = sns.fifo(ContentBasedDeduplication="true" if content_based else "false")
        sns.subscribed(topic)
        request = {"TopicArn": topic, "Message": "Test", "MessageGroupId": "g"}
        request |= {} if content_based else {"MessageDeduplicationId": "d"}
        sns("Publish", **request)
        told = {"messages": sns.receive(MessageSystemAttributeNames=["All"])}
        sns("Publish", **request)
        return {**told, "dedup-messages": sns.receive()}

    return steps


def topic_level(sns: Sns) -> dict[str, Any]:
    topic = sns.fifo(ContentBasedDeduplication="true")
    sns.subscribed(topic, "queue.fifo")
    request = {"TopicArn": topic, "Message": "Test", "MessageGroupId": "message-group-id-1"}
    sns("Publish", **request)
    told = {"messages": sns.receive("queue.fifo", MessageSystemAttributeNames=["All"])}
    sns("Publish", **request)
    return {**told, "dedup-messages": sns.receive("queue.fifo")}


def batch_errors(sns: Sns) -> dict[str, Any]:
    topic = sns.fifo()

    def error(*entries: dict[str, Any]) -> Any:
        return sns.error("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=list(entries))

    entry = {"Id": "1", "Message": "m"}
    full = {**entry, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    return {
        "no-group-id": error(entry),
        "too-many-msg": error(*({**full, "Id": str(n)} for n in range(11))),
        "same-msg-id": error(full, full),
        "no-dedup-id": error({**entry, "MessageGroupId": "g"}),
        "no-default-key-json": error({**full, "MessageStructure": "json", "Message": "{}"}),
    }


def batch_without_topic(sns: Sns) -> dict[str, Any]:
    entries = [{"Id": "1", "Message": "m"}]
    topic = sns.topic() + "i"
    return {
        "publish-batch-no-topic": sns.error("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    }


def dead_letters(*, raw: bool) -> Steps:
    def steps(sns: Sns) -> dict[str, Any]:
        topic = sns.topic()
        redrive = json.dumps({"deadLetterTargetArn": sns.queue("dead")})
        sns.subscribed(topic, RedrivePolicy=redrive, RawMessageDelivery="true" if raw else "false")
        sns.sqs("DeleteQueue", QueueUrl=f"http://localhost:4566/{ACCOUNT}/queue")
        attributes = {"attr1": {"DataType": "Number", "StringValue": "111"}, "attr2": BINARY}
        message = "test_dlq_after_sqs_endpoint_deleted"
        sns("Publish", TopicArn=topic, Message=message, MessageAttributes=attributes)
        more: dict[str, Any] = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        return {"messages": _readable(sns.receive("dead", **more))}

    return steps


def _readable(answer: dict[str, Any]) -> dict[str, Any]:
    """Bytes as the recordings have them."""
    for message in answer["Messages"]:
        for value in message.get("MessageAttributes", {}).values():
            if "BinaryValue" in value:
                value["BinaryValue"] = repr(value["BinaryValue"])
    return answer


# -- subscriptions -------------------------------------------------------------------------------------


def no_subscription(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    answer = sns.subscribe(topic, "sqs", sns.queue())
    arn = answer["SubscriptionArn"]
    told = {
        "sub": answer,
        "sub-attrs": sns.attributes(arn),
        "subscriptions-for-topic-before-unsub": sns("ListSubscriptionsByTopic", TopicArn=topic),
    }
    sns("Unsubscribe", SubscriptionArn=arn)
    request = {"SubscriptionArn": arn, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    return {
        **told,
        "subscriptions-for-topic-after-unsub": sns("ListSubscriptionsByTopic", TopicArn=topic),
        "sub-not-found": sns.error("SetSubscriptionAttributes", **request),
    }


def idempotency(sns: Sns) -> dict[str, Any]:
    topic, queue = sns.topic(), sns.queue()
    first = sns.subscribe(topic, "sqs", queue, RawMessageDelivery="true")
    return {
        "subscribe": first,
        "get-sub-attrs": sns.attributes(first["SubscriptionArn"]),
        "subscribe-exact-same-raw": sns.subscribe(topic, "sqs", queue, RawMessageDelivery="true"),
        "subscribe-idempotent": sns.subscribe(topic, "sqs", queue, RawMessageDelivery="true"),
        "subscribe-idempotent-no-attributes": sns.subscribe(topic, "sqs", queue),
        "subscribe-idempotent-empty-attributes": sns(
            "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={}
        ),
        "subscribe-missing-attributes": sns.subscribe(topic, "sqs", queue, RawMessageDelivery="true"),
        "subscribe-diff-attributes": sns.error(
            "Subscribe",
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue,
            Attributes={"RawMessageDelivery": "false"},
        ),
    }


def wrong_subscription_arns(sns: Sns) -> dict[str, Any]:
    wrong = ["randomstring", f"arn:aws:sns:{PLACE}:random", f"arn:aws:sns:{PLACE}:{ACCOUNT}:random", ""]
    return {
        f"invalid-unsubscribe-arn-{n}": sns.error("Unsubscribe", SubscriptionArn=arn)
        for n, arn in enumerate(wrong, 1)
    }


def sms(key: str, number: str) -> Steps:
    return lambda sns: {key: sns.subscribe(sns.topic(), "sms", number)}


def wrong_sms(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    wrong = ["+15--551234567", "NAA+15551234567", "+15551234567.", "/+15551234567"]
    return {
        f"subscribe-bad-sms-{number}": sns.error("Subscribe", TopicArn=topic, Protocol="sms", Endpoint=number)
        for number in wrong
    }


def no_attributes(sns: Sns) -> dict[str, Any]:
    arn = f"{sns.topic()}:f3a5a5b4-73a9-4b5c-9a7e-5a7f4d6f9a7f"
    return {"get-sub-attrs-nonexistent": sns.error("GetSubscriptionAttributes", SubscriptionArn=arn)}


def by_topic(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    return {"list-subscriptions-by-topic": sns("ListSubscriptionsByTopic", TopicArn=topic)}


def with_attributes(sns: Sns) -> dict[str, Any]:
    return {
        "subscription-with-attributes": sns.attributes(sns.subscribed(sns.topic(), RawMessageDelivery="true"))
    }


def by_url(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.queue()
    url = f"http://localhost:4566/{ACCOUNT}/queue"
    return {"sub-queue-url": sns.error("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=url)}


def http_pending(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    request = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:9/x"}
    return {
        "topic-arn": {"TopicArn": topic},
        "subscription": sns("Subscribe", **request),
        "subscription-with-arn": sns("Subscribe", **request, ReturnSubscriptionArn=True),
    }


def filter_error(policies: dict[str, Any]) -> Steps:
    def steps(sns: Sns) -> dict[str, Any]:
        topic, queue = sns.topic(), sns.queue()
        told = {}
        for key, policy in policies.items():
            given = {
                "FilterPolicy": policy if isinstance(policy, str) else json.dumps(policy, separators=(",", ":"))
            }
            request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": given}
            told[key] = sns.error("Subscribe", **request)
        return told

    return steps


def negated(operand: Any) -> Any:
    return {"key": [{"anything-but": operand}]}


def number(value: str, name: str = "attr1") -> dict[str, Any]:
    return {name: {"DataType": "Number", "StringValue": value}}


def filtered(sns: Sns) -> dict[str, Any]:
    topic, text = sns.topic(), "This is a test message"
    policy = {"attr1": [{"numeric": [">", 0, "<=", 100]}]}
    arn = sns.subscribed(topic, FilterPolicy=json.dumps(policy))
    told = {"subscription-attributes": sns.attributes(arn), "messages-0": sns.receive()}
    sns("Publish", TopicArn=topic, Message=text, MessageAttributes=number("99"))
    told["messages-1"] = sns.receive(delete=False)
    sns("Publish", TopicArn=topic, Message=text, MessageAttributes=number("111"))
    # the recording sees the first message again: it was not deleted
    told["messages-2"] = told["messages-1"]
    assert sns.receive() == {}
    nullable = {"attr1": [None, {"anything-but": "whatever"}]}
    request = {"AttributeName": "FilterPolicy", "AttributeValue": json.dumps(nullable)}
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, **request)
    told |= {"subscription-attributes-2": sns.attributes(arn), "messages-3": sns.receive()}
    sns("Publish", TopicArn=topic, Message="This the test message for null")
    return {**told, "messages-4": sns.receive()}


def filtered_batch(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    policy = {"attr1": [{"numeric": [">", 0, "<=", 100]}]}
    told: dict[str, Any] = {
        "subscription-attributes-with-filter": sns.attributes(
            sns.subscribed(topic, "filtered", FilterPolicy=json.dumps(policy))
        ),
        "subscription-attributes-no-filter": sns.attributes(sns.subscribed(topic)),
        "messages-no-filter-before-publish": sns.receive(),
        "messages-with-filter-before-publish": sns.receive("filtered"),
    }

    def publish(text: str, value: str) -> None:
        entry = {"Id": "1", "Message": text, "MessageAttributes": number(value)}
        sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[entry])

    publish("This is a test message", "99")
    told["messages-no-filter-after-publish-ok"] = sns.receive()
    told["messages-with-filter-after-publish-ok"] = sns.receive("filtered")
    publish("This is another test message", "111")
    told["messages-no-filter-after-publish-ok-1"] = sns.receive()
    return {**told, "messages-with-filter-after-publish-filtered": sns.receive("filtered")}


def dotted(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    scope = {"FilterPolicyScope": "MessageBody"}
    arn = sns.subscribed(topic, FilterPolicy='{"object.nested": ["string.value"]}', **scope)
    told = {"recv-init": sns.receive()}

    def passed(key: str, *messages: Any) -> None:
        for n, message in enumerate(messages):
            sns("Publish", TopicArn=topic, Message=json.dumps(message))
            told[f"{key}-{n}"] = sns.receive()

    passed("recv-nested-msg", {"object": {"nested": "string.value"}}, {"object.nested": "string.value"})
    request = {"AttributeName": "FilterPolicy", "AttributeValue": '{"object.nested.test": ["string.value"]}'}
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, **request)
    passed(
        "recv-deep-nested-msg", {"object": {"nested": {"test": "string.value"}}},
        {"object.nested.test": "string.value"}, {"object.nested": {"test": "string.value"}},
        {"object": {"nested.test": "string.value"}},
    )  # fmt: skip
    return told


def raw_and_not(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    arn = sns.subscribed(topic, RawMessageDelivery="true")
    told = {"sub-attrs-raw-true": sns.attributes(arn)}
    sns("Publish", TopicArn=topic, Message="Test msg", MessageAttributes=number("99.12"))
    told["message-raw-true"] = sns.receive(MessageAttributeNames=["All"])
    digest = "d302007e9aa062660afc85fd0a482472"
    assert told["message-raw-true"]["Messages"][0]["MD5OfMessageAttributes"] == "md5"
    told["message-raw-true"]["Messages"][0]["MD5OfMessageAttributes"] = digest
    request = {"AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, **request)
    told["sub-attrs-raw-false"] = sns.attributes(arn)
    sns("Publish", TopicArn=topic, Message="Test msg", MessageAttributes=number("100.12"))
    return {**told, "message-raw-false": sns.receive()}


def attributes_kept(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    arn = sns.subscribed(topic, RawMessageDelivery="true")
    text = {"DataType": "String", "StringValue": "an-attribute-value"}
    attributes = {"an-attribute-key": text, "binary-attribute": BINARY}
    request = {"TopicArn": topic, "Message": "text", "MessageAttributes": attributes}
    everything: dict[str, Any] = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    told = {"publish-msg-raw": sns("Publish", **request)}
    told["raw-delivery-msg-attrs"] = _readable(sns.receive(**everything))
    change = {"AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, **change)
    told["publish-msg-json"] = sns("Publish", **request)
    return {**told, "json-delivery-msg-attrs": sns.receive(**everything)}


def function_dead_letters(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    redrive = json.dumps({"deadLetterTargetArn": sns.queue("dead")})
    function = f"arn:aws:lambda:{PLACE}:{ACCOUNT}:function:f"
    arn = sns.subscribe(topic, "lambda", function, RedrivePolicy=redrive)["SubscriptionArn"]
    sns("Publish", TopicArn=topic, Message="test_redrive_policy", MessageAttributes=number("1"))
    return {"subscription-attributes": sns.attributes(arn), "messages": sns.receive("dead")}


def after_failure(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    arn = sns.subscribed(topic)
    told: dict[str, Any] = {"subscriptions-attrs": sns.attributes(arn)}
    sns("Publish", TopicArn=topic, Message="test_dlq_before_sqs_endpoint_deleted")
    told["messages-before-delete"] = sns.receive()
    sns.sqs("DeleteQueue", QueueUrl=f"http://localhost:4566/{ACCOUNT}/queue")
    sns("Publish", TopicArn=topic, Message="lost")
    told["subscriptions"] = sns("ListSubscriptionsByTopic", TopicArn=topic)
    policy = json.dumps({"deadLetterTargetArn": sns.queue("dead")})
    request = {"AttributeName": "RedrivePolicy", "AttributeValue": policy}
    sns("SetSubscriptionAttributes", SubscriptionArn=arn, **request)
    told["subscriptions-attrs-with-redrive"] = sns.attributes(arn)
    for n in range(2):
        sns("Publish", TopicArn=topic, Message=f"test_dlq_after_sqs_endpoint_deleted_{n}")
        told[f"message-{n}-after-delete"] = sns.receive("dead")
    return told


def across_regions(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    there = Sns(sns.cloud, sns.cloud.caller(account=ACCOUNT, region="us-west-2"))
    queue = there.queue().replace(PLACE, "us-west-2")
    request = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
    told = {
        "subscribe-cross-region": there.error("Subscribe", **request),
        "subscribe-same-region": sns("Subscribe", **request),
    }
    sns("Publish", TopicArn=topic, Message="This is a test message", MessageAttributes=number("99.12"))
    return {**told, "messages": there.receive()}


def unicode(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    sns.subscribed(topic)
    sns("Publish", TopicArn=topic, Message='ö§a1"_!?,. £$-')
    return {"received-message": sns.receive()}


def queue_with_filter(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    policy = {"attr1": [{"numeric": [">", 0, "<=", 100]}]}
    arn = sns.subscribed(topic, FilterPolicy=json.dumps(policy))
    sns("Publish", TopicArn=topic, Message="This is a test message", MessageAttributes=number("99.12"))
    return {"subscription-attributes": sns.attributes(arn), "messages": sns.receive()}


def raw_subscription(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    arn = sns.subscribed(topic, RawMessageDelivery="true")
    sns("Publish", TopicArn=topic, Message="This is a test message", MessageAttributes={"store": BINARY})
    received = _readable(sns.receive(MessageAttributeNames=["store"]))
    return {"subscription-attributes": sns.attributes(arn), "messages-response": received}


def too_complex(sns: Sns) -> dict[str, Any]:
    flat = {"$or": [{f"k{n}": list(range(80))} for n in range(2)]}
    nested = {"a": list(range(20)), "$or": [{"b": [1, 2, 3, 4], "$or": [{"c": [1]}, {"d": [1]}]}, {"e": [1]}]}
    return filter_error({"error-complexity-or-flat": flat, "error-complexity-or-nested": nested})(sns)


# -- applications, numbers -----------------------------------------------------------------------------


def application_name(name: str) -> Steps:
    request = {"Name": name, "Platform": "APNS", "Attributes": {}}
    return lambda sns: {"invalid-application-name": sns.error("CreatePlatformApplication", **request)}


APP = f"arn:aws:sns:{PLACE}:{ACCOUNT}:app/APNS/none"
DEVICE = f"arn:aws:sns:{PLACE}:{ACCOUNT}:endpoint/APNS/none/0f7d5971-aa8b-4bd5-b585-0826e9f93a66"


def wrong_numbers(sns: Sns) -> dict[str, Any]:
    return {
        "invalid-number": sns.error("Publish", Message="m", PhoneNumber="+1a234"),
        "wrong-format": sns.error("Publish", Message="m", PhoneNumber="NAA+15551234567"),
        "wrong-endpoint": sns.error(
            "Subscribe", TopicArn=sns.topic(), Protocol="sms", Endpoint="NAA+15551234567"
        ),
    }


def fifo_dead_letters(*, raw: bool) -> Steps:
    def steps(sns: Sns) -> dict[str, Any]:
        topic = sns.fifo(ContentBasedDeduplication="false")
        told: dict[str, Any] = {"topic-attrs": sns("GetTopicAttributes", TopicArn=topic)}
        redrive = json.dumps({"deadLetterTargetArn": sns.queue("dead.fifo")})
        sns.subscribed(
            topic, "queue.fifo", RedrivePolicy=redrive, RawMessageDelivery="true" if raw else "false"
        )
        sns.sqs("DeleteQueue", QueueUrl=f"http://localhost:4566/{ACCOUNT}/queue.fifo")
        more: dict[str, Any] = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        messages: list[tuple[str, dict[str, Any]]] = [
            ("Test Message with two attributes", {**number("109.12", "attr2"), **number("99.12")}),
            ("Test Message with one attribute", number("19.12")),
            ("Test Message without attribute", {}),
        ]
        entries = [
            {
                "Id": str(n), "Message": text, "Subject": "Subject", "MessageGroupId": "complexMessageGroupId",
                "MessageDeduplicationId": f"MessageDeduplicationId-{n}",
                **({"MessageAttributes": attributes} if attributes else {}),
            }
            for n, (text, attributes) in enumerate(messages, 1)
        ]  # fmt: skip
        told["publish-batch-response-fifo"] = sns(
            "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries
        )
        told["batch-messages-in-dlq"] = sns.receive("dead.fifo", **more)
        told["publish-response-fifo"] = sns(
            "Publish", TopicArn=topic, Message="test-message", MessageGroupId="message-group-id-1",
            MessageDeduplicationId="message-deduplication-id-1",
        )  # fmt: skip
        told["messages-in-dlq"] = sns.receive("dead.fifo", **more)
        return told

    return steps


def body_filtered(key: str, policy: dict[str, Any], *others: dict[str, Any]) -> Steps:
    """What was received passes the policy, in the same order; other messages do not."""

    def steps(sns: Sns) -> dict[str, Any]:
        topic = sns.topic()
        scope = {"FilterPolicyScope": "MessageBody", "RawMessageDelivery": "true"}
        sns.subscribed(topic, FilterPolicy=json.dumps(policy), **scope)
        (case,) = (case for case in cases("sns") if STEPS.get(_name(case)) is steps)
        for message in [*others, *(message["Body"] for message in case.answers[key]["Messages"])]:
            sns("Publish", TopicArn=topic, Message=json.dumps(message))
        answer = sns.receive(MessageSystemAttributeNames=["All"])
        for message in answer["Messages"]:
            message["Body"] = json.loads(message["Body"])
        return {key: answer}

    return steps


def in_two_regions(sns: Sns) -> dict[str, Any]:
    there = Sns(sns.cloud, sns.cloud.caller(account=ACCOUNT, region="us-west-1"))
    here_arn, there_arn = sns.topic(), there.topic()
    return {
        "list-primary": sns("ListTopics"),
        "list-secondary": there("ListTopics"),
        "topic-east": sns("GetTopicAttributes", TopicArn=here_arn),
        "topic-west": there("GetTopicAttributes", TopicArn=there_arn),
    }


def data_protection(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    statement = {
        "Sid": "test-statement", "DataDirection": "Inbound", "Principal": ["*"],
        "DataIdentifier": [f"arn:aws:dataprotection:{PLACE}::data-identifier/EmailAddress"],
        "Operation": {"Deny": {}},
    }  # fmt: skip
    policy = {
        "Name": "data_protection_policy", "Description": "Test Policy", "Version": "2021-06-01",
        "Statement": [statement],
    }  # fmt: skip
    before = sns("GetTopicAttributes", TopicArn=topic)
    put = sns("PutDataProtectionPolicy", ResourceArn=topic, DataProtectionPolicy=json.dumps(policy))
    return {
        "get-topic-attributes-before-policy": before,
        "put-data-protection-policy": put,
        "get-data-protection-policy": sns("GetDataProtectionPolicy", ResourceArn=topic),
        "get-topic-attributes-after-policy": sns("GetTopicAttributes", TopicArn=topic),
    }


def second_page(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    for n in range(101):
        sns.subscribe(topic, "sms", f"+1555123{n:04d}")
    first = sns("ListSubscriptionsByTopic", TopicArn=topic)
    token = first["NextToken"]
    return {"list-sub-per-topic-page-2": sns("ListSubscriptionsByTopic", TopicArn=topic, NextToken=token)}


def end_of_nothing(sns: Sns) -> dict[str, Any]:
    topic = sns.topic()
    arn = sns.subscribe(topic, "email", "a@example.com")["SubscriptionArn"]
    sns("DeleteTopic", TopicArn=topic)
    return {"unsubscribe-deleted-topic": sns.error("Unsubscribe", SubscriptionArn=arn)}


STEPS: dict[str, Steps] = {
    "test_create_topic_in_multiple_regions": in_two_regions,
    "test_publish_fifo_messages_to_dlq[True]": fifo_dead_letters(raw=True),
    "test_publish_fifo_messages_to_dlq[False]": fifo_dead_letters(raw=False),
    "test_filter_policy_on_message_body_array_of_object_attributes": body_filtered(
        "messages",
        {
            "Records": {
                "s3": {"object": {"key": [{"prefix": "auto-"}]}},
                "eventName": [{"prefix": "ObjectCreated:"}],
            }
        },
        {"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "auto-1.xml"}}}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "home-1.xml"}}}]},
    ),
    "test_filter_policy_on_message_body_or_attribute": body_filtered(
        "messages-queue",
        {
            "detail": {
                "scope": ["Service"],
                "$or": [{"source": ["aws.cloudwatch"]}, {"type": ["CloudWatch Alarm State Change"]}],
            },
            "$or": [
                {"metricName": ["CPUUtilization", "ReadLatency"]},
                {"namespace": ["AWS/EC2", "AWS/ES"]},
            ],
        },
        {"metricName": "CPUUtilization", "detail": {"scope": "Service"}},
        {"metricName": "Other", "detail": {"scope": "Service", "source": "aws.cloudwatch"}},
    ),
    "test_filter_policy_empty_array_payload": body_filtered(
        "messages-queue", {"detail": {"eventVersion": [""]}}, {"detail": {"eventVersion": []}, "resources": []}
    ),
    "test_data_protection_policy_crud": data_protection,
    "test_list_subscriptions_by_topic_pagination": second_page,
    "test_unsubscribe_from_deleted_topic": end_of_nothing,
    "test_create_topic_with_attributes": topic_with_attributes,
    "test_create_duplicate_topic_with_more_tags": more_tags,
    "test_tags_removed_after_deletion": tags_after_deletion,
    "test_create_topic_after_delete_with_new_tags": new_tags_after_deletion,
    "test_delete_topic_idempotency": delete_twice,
    "test_delete_non_existent_topic": lambda sns: {
        "delete-non-existent-topic": sns("DeleteTopic", TopicArn=f"arn:aws:sns:{PLACE}:{ACCOUNT}:none")
    },
    "test_topic_delivery_policy_crud": delivery_policy,
    "test_create_topic_name_constraints": names,
    "test_topic_get_attributes_with_fifo_false": fifo_false,
    "test_add_permission_errors": permission_errors,
    "test_remove_permission_errors": no_topic_of_permission,
    "test_publish_wrong_arn_format": wrong_arns,
    "test_unknown_topic_publish": unknown_topic,
    "test_topic_publish_another_region": another_region,
    "test_publish_non_existent_target": no_target,
    "test_publish_with_empty_subject": subjects,
    "test_empty_sns_message": empty_message,
    "test_publish_too_long_message": too_long,
    "test_message_structure_json_exc": structures,
    "test_publish_message_by_target_arn": by_target_arn,
    "test_publish_message_before_subscribe_topic": before_subscribing,
    "test_message_structure_json_to_sqs": structure_to_queue,
    "test_publish_message_group_id": group_id,
    "test_fifo_topic_to_regular_sqs[True]": fifo_to_standard(content_based=True),
    "test_fifo_topic_to_regular_sqs[False]": fifo_to_standard(content_based=False),
    "test_publish_to_fifo_topic_deduplication_on_topic_level": topic_level,
    "test_publish_batch_exceptions": batch_errors,
    "test_publish_batch_messages_without_topic": batch_without_topic,
    "test_redrive_policy_sqs_queue_subscription[True]": dead_letters(raw=True),
    "test_redrive_policy_sqs_queue_subscription[False]": dead_letters(raw=False),
    "test_not_found_error_on_set_subscription_attributes": no_subscription,
    "test_subscribe_idempotency": idempotency,
    "test_unsubscribe_wrong_arn_format": wrong_subscription_arns,
    "test_subscribe_sms": sms("subscribe-sms-1", "+15551234567"),
    "test_subscribe_sms_obscure_phone_number": sms("subscribe-sms-2", "+1-555-123-4567"),
    "test_subscribe_invalid_sms": wrong_sms,
    "test_get_subscription_attributes_error_not_exists": no_attributes,
    "test_getting_subscriptions_by_topic": by_topic,
    "test_creating_subscription_with_attributes": with_attributes,
    "test_subscribe_to_sqs_with_queue_url": by_url,
    "test_http_subscription_response": http_pending,
    "test_create_platform_application_invalid_name[too-long]": application_name("a" * 257),
    "test_create_platform_application_invalid_name[empty]": application_name(""),
    "test_create_platform_application_invalid_name[invalid-char]": application_name("@name"),
    "test_get_platform_application_attributes_non_existing_app": lambda sns: {
        "non_existing-application-arn": sns.error(
            "GetPlatformApplicationAttributes", PlatformApplicationArn=APP
        )
    },
    "test_set_platform_application_attributes_invalid_arn": lambda sns: {
        "invalid-application-arn": sns.error(
            "SetPlatformApplicationAttributes", PlatformApplicationArn="invalid", Attributes={"a": "b"}
        )
    },
    "test_set_platform_application_attributes_non_existing_app[dummy-args]": lambda sns: {
        "non_existing-application-arn": sns.error(
            "SetPlatformApplicationAttributes", PlatformApplicationArn=APP, Attributes={"a": "b"}
        )
    },
    "test_set_platform_application_attributes_non_existing_app[no-args]": lambda sns: {
        "non_existing-application-arn": sns.error(
            "SetPlatformApplicationAttributes", PlatformApplicationArn=APP
        )
    },
    "test_get_platform_endpoint_attributes_non_existent_endpoint": lambda sns: {
        "set-platform-endpoint-attributes-non-existent-app": sns.error(
            "GetEndpointAttributes", EndpointArn=DEVICE
        )
    },
    "test_set_platform_endpoint_attributes_non_existent_endpoint": lambda sns: {
        "set-platform-endpoint-attributes-non-existent-app": sns.error(
            "SetEndpointAttributes", EndpointArn=DEVICE, Attributes={"Enabled": "true"}
        )
    },
    "test_publish_wrong_phone_format": wrong_numbers,
    "test_opt_in_invalid_number": lambda sns: {
        "opt-in-non-existing-number": sns.error("OptInPhoneNumber", phoneNumber="+1a234")
    },
    "test_opt_in_non_existing_phone_number": lambda sns: {
        "opt-in-non-existing-number": sns("OptInPhoneNumber", phoneNumber="+15551234567")
    },
    "test_filter_policy": filtered,
    "test_filter_policy_for_batch": filtered_batch,
    "test_filter_policy_on_message_body_dot_attribute": dotted,
    "test_policy_complexity_with_or": too_complex,
    "test_publish_sqs_from_sns": raw_and_not,
    "test_message_attributes_not_missing": attributes_kept,
    "test_redrive_policy_lambda_subscription": function_dead_letters,
    "test_subscription_after_failure_to_deliver": after_failure,
    "test_cross_region_delivery_sqs": across_regions,
    "test_publish_unicode_chars": unicode,
    "test_subscribe_sqs_queue": queue_with_filter,
    "test_attribute_raw_subscribe": raw_subscription,
    "test_validate_policy_exists_operator": filter_error(
        {
            "error-condition-none": {"key": [{"exists": None}]},
            "error-condition-string": {"key": [{"exists": "no"}]},
        }
    ),
    "test_validate_policy_nested_anything_but_operator": filter_error(
        {
            "error-condition-wrong-operator": negated({"wrong-operator": None}),
            "error-condition-anything-but-suffix": negated({"suffix": "test"}),
            "error-condition-anything-but-exists": negated({"exists": False}),
            "error-condition-anything-but-prefix-wrong-type": negated({"prefix": False}),
        }
    ),
}


@pytest.fixture
def sns(cloud: Cloud) -> Sns:
    return Sns(cloud, cloud.caller(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/me"))


def _name(case: Case) -> str:
    return case.name.split("::")[-1]


@needs_recordings
@pytest.mark.parametrize("case", [case for case in cases("sns") if _name(case) in STEPS], ids=str)
def test_recorded_answers(sns: Sns, case: Case) -> None:
    for answer in case.answers.values():
        answer.get("Error", {}).pop("_normalized", None)
    assert_same(case, STEPS[_name(case)](sns))
