from __future__ import annotations

import json

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, attributes, redrive


def both(url: str) -> list[tuple[str, dict[str, str]]]:
    """The two operations that set attributes, on a new and on an old queue."""
    return [("CreateQueue", {"QueueName": "new"}), ("SetQueueAttributes", {"QueueUrl": url})]


def test_a_new_queue_has_the_defaults(cloud: Cloud) -> None:
    told = attributes(cloud, a_queue(cloud))
    seconds = str(cloud.clock.now_ms // 1000)
    assert told == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "CreatedTimestamp": seconds,
        "DelaySeconds": "0",
        "LastModifiedTimestamp": seconds,
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": arn("q"),
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_a_fifo_queue_tells_four_more(cloud: Cloud) -> None:
    url = cloud.sqs("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    names = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
    assert attributes(cloud, url, *names) == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    assert set(names) <= attributes(cloud, url).keys()


def test_only_what_is_asked_for_is_told(cloud: Cloud) -> None:
    url = a_queue(cloud)
    assert cloud.sqs("GetQueueAttributes", QueueUrl=url) == {}
    assert attributes(cloud, url, "Policy") == {}
    assert attributes(cloud, url, "DelaySeconds", "Policy") == {"DelaySeconds": "0"}


def test_a_change_is_told_and_dated(cloud: Cloud) -> None:
    url = a_queue(cloud)
    created = cloud.clock.now_ms // 1000
    cloud.clock.advance(seconds=5)
    given = {
        "VisibilityTimeout": "69",
        "MaximumMessageSize": "2048",
        "DelaySeconds": "420",
        "MessageRetentionPeriod": "60",
        "ReceiveMessageWaitTimeSeconds": "20",
    }
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes=given)
    told = attributes(cloud, url)
    assert told.items() >= given.items()
    assert told["CreatedTimestamp"] == str(created)
    assert told["LastModifiedTimestamp"] == str(created + 5)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("VisibilityTimeout", ["-1", "43201", "", "x", "1.5"]),
        ("DelaySeconds", ["-1", "901"]),
        ("MaximumMessageSize", ["1023", "1048577"]),
        ("MessageRetentionPeriod", ["59", "1209601"]),
        ("ReceiveMessageWaitTimeSeconds", ["-1", "21"]),
        ("KmsDataKeyReusePeriodSeconds", ["59", "86401"]),
        ("SqsManagedSseEnabled", ["", "maybe"]),
        ("Policy", ["{", "[]", '{"Statement": [{}]}']),
    ],
)
def test_a_value_out_of_range_is_refused(cloud: Cloud, name: str, values: list[str]) -> None:
    url = a_queue(cloud)
    for value in values:
        for operation, more in both(url):
            error = cloud.error("sqs", operation, Attributes={name: value}, **more)
            assert (error.shape, error.text) == (
                "InvalidAttributeValue",
                f"Invalid value for the parameter {name}.",
            )


@pytest.mark.parametrize("name", ["Nonsense", "QueueArn", "ApproximateNumberOfMessages", "All"])
def test_an_attribute_that_cannot_be_set_is_refused(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud)
    error = cloud.error("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={name: "1"})
    assert (error.shape, error.text) == ("InvalidAttributeName", f"Unknown Attribute {name}.")
    if name == "Nonsense":
        error = cloud.error("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=[name])
        assert error.text == f"Unknown Attribute {name}."


def test_the_kind_of_a_queue_stays(cloud: Cloud) -> None:
    url = a_queue(cloud, "q.fifo")
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"FifoQueue": "true"})
    error = cloud.error("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"FifoQueue": "false"})
    assert error.text == (
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    )


def test_one_encryption_turns_the_other_off(cloud: Cloud) -> None:
    url = a_queue(cloud)
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")

    def change(**given: str) -> dict[str, str]:
        cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes=given)
        return attributes(cloud, url, *names)

    assert change(KmsMasterKeyId="key") == {
        "KmsMasterKeyId": "key",
        "KmsDataKeyReusePeriodSeconds": "300",
        "SqsManagedSseEnabled": "false",
    }
    assert change(SqsManagedSseEnabled="true") == {"SqsManagedSseEnabled": "true"}
    assert change(SqsManagedSseEnabled="false") == {"SqsManagedSseEnabled": "false"}
    error = cloud.error(
        "sqs",
        "SetQueueAttributes",
        QueueUrl=url,
        Attributes={"KmsMasterKeyId": "key", "SqsManagedSseEnabled": "true"},
    )
    assert error.shape == "InvalidAttributeValue"


def test_a_redrive_policy_is_told_in_aws_form(cloud: Cloud) -> None:
    a_queue(cloud, "dead")
    policy = json.dumps({"maxReceiveCount": "7", "deadLetterTargetArn": arn("dead")})
    url = a_queue(cloud, RedrivePolicy=policy)
    told = attributes(cloud, url, "RedrivePolicy")["RedrivePolicy"]
    assert told == f'{{"deadLetterTargetArn":"{arn("dead")}","maxReceiveCount":7}}'
    assert a_queue(cloud, RedrivePolicy=policy) == url
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert attributes(cloud, url, "RedrivePolicy") == {}


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("{", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        ("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"maxReceiveCount": 1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        ('{"maxReceiveCount": 1, "deadLetterTargetArn": "dummy"}', "Invalid value for deadLetterTargetArn."),
        (redrive("missing"), "Dead letter target does not exist."),
        (redrive("dead.fifo"), "Dead-letter queue must be same type of queue as the source."),
        (
            redrive("dead", 0),
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            redrive("dead", 1001),
            "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
        ),
    ],
)
def test_a_redrive_policy_that_cannot_work_is_refused(cloud: Cloud, policy: str, reason: str) -> None:
    a_queue(cloud, "dead")
    a_queue(cloud, "dead.fifo")
    url = a_queue(cloud)
    for operation, more in both(url):
        error = cloud.error("sqs", operation, Attributes={"RedrivePolicy": policy}, **more)
        assert error.shape == "InvalidParameterValueException"
        assert error.text == f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [arn("q")]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [arn("other")]}, False),
    ],
)
def test_a_redrive_allow_policy_says_who_may(cloud: Cloud, allow: dict[str, object], allowed: bool) -> None:
    a_queue(cloud, "dead", RedriveAllowPolicy=json.dumps(allow))
    url = a_queue(cloud)
    given = {"QueueUrl": url, "Attributes": {"RedrivePolicy": redrive("dead")}}
    if allowed:
        cloud.sqs("SetQueueAttributes", **given)
    else:
        assert "permission" in cloud.error("sqs", "SetQueueAttributes", **given).text


@pytest.mark.parametrize(
    "allow",
    [
        "{",
        "{}",
        '{"redrivePermission": "some"}',
        '{"redrivePermission": "byQueue"}',
        '{"redrivePermission": "denyAll", "sourceQueueArns": []}',
        '{"redrivePermission": "denyAll", "x": 1}',
        json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["nonsense"]}),
        json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn("q")] * 11}),
    ],
)
def test_a_redrive_allow_policy_that_is_none_is_refused(cloud: Cloud, allow: str) -> None:
    error = cloud.error("sqs", "CreateQueue", QueueName="dead", Attributes={"RedriveAllowPolicy": allow})
    assert error.text.startswith(f"Value {allow} for parameter RedriveAllowPolicy is invalid. Reason: ")
