from __future__ import annotations

import json

import pytest
from tests.cloud import Cloud
from tests.services.sqs.helpers import a_queue, arn, attributes, bodies, counts, receive, redrive, send

URL = "http://localhost:4566/000000000000/q"


def test_the_url_names_account_and_queue(cloud: Cloud) -> None:
    assert a_queue(cloud) == URL
    assert cloud.sqs("GetQueueUrl", QueueName="q") == {"QueueUrl": URL}


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com/000000000000/q",
        "http://127.0.0.1:4566/000000000000/q",
        "http://queue.example/queue/us-east-1/000000000000/q",
        "/000000000000/q",
    ],
)
def test_any_host_will_do(cloud: Cloud, url: str) -> None:
    a_queue(cloud, holding=["hi"])
    assert bodies(receive(cloud, url)) == ["hi"]


@pytest.mark.parametrize(
    "url", ["", "q", "http://localhost:4566/q", "http://[broken/000000000000/q", "http://x/abc/q"]
)
def test_what_is_no_queue_url_is_refused(cloud: Cloud, url: str) -> None:
    assert cloud.error("sqs", "GetQueueAttributes", QueueUrl=url).shape == "InvalidAddress"


def test_accounts_and_regions_are_apart(cloud: Cloud) -> None:
    a_queue(cloud, holding=["hi"])
    elsewhere = cloud.caller(region="eu-west-1")
    assert cloud.error("sqs", "GetQueueUrl", elsewhere, QueueName="q").shape == "QueueDoesNotExist"
    other = cloud.caller(account="111111111111")
    assert cloud.sqs("ListQueues", other) == {}
    owner = {"QueueName": "q", "QueueOwnerAWSAccountId": "000000000000"}
    assert cloud.sqs("GetQueueUrl", other, **owner)["QueueUrl"] == URL


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 81, "q.fifo", "é"])
def test_a_bad_name_is_refused(cloud: Cloud, name: str) -> None:
    error = cloud.error("sqs", "CreateQueue", QueueName=name)
    assert error.shape == "InvalidParameterValueException"
    assert error.text == "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


@pytest.mark.parametrize("name", ["q", "x" * 76 + ".fifo", "a b.fifo", ".fifo"])
def test_the_name_of_a_fifo_queue_ends_so(cloud: Cloud, name: str) -> None:
    error = cloud.error("sqs", "CreateQueue", QueueName=name, Attributes={"FifoQueue": "true"})
    assert error.shape == "InvalidParameterValueException"
    assert "must end with .fifo suffix and be 1 to 80 in length." in error.text


def test_creating_again_answers_the_same_url(cloud: Cloud) -> None:
    a_queue(cloud, VisibilityTimeout=20)
    assert a_queue(cloud, VisibilityTimeout=20) == URL
    assert a_queue(cloud) == URL
    assert a_queue(cloud, DelaySeconds=0) == URL  # the default


def test_creating_again_with_another_value_is_refused(cloud: Cloud) -> None:
    a_queue(cloud, VisibilityTimeout=20)
    error = cloud.error("sqs", "CreateQueue", QueueName="q", Attributes={"VisibilityTimeout": "21"})
    assert error.shape == "QueueNameExists"
    assert error.text == (
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout"
    )


def test_a_deleted_queue_is_gone_and_its_name_is_free_after_a_minute(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["old"])
    cloud.sqs("DeleteQueue", QueueUrl=url)
    assert cloud.error("sqs", "SendMessage", QueueUrl=url, MessageBody="x").shape == "QueueDoesNotExist"
    cloud.clock.advance(ms=59_999)
    error = cloud.error("sqs", "CreateQueue", QueueName="q")
    assert error.shape == "QueueDeletedRecently"
    cloud.clock.advance(ms=1)
    assert receive(cloud, a_queue(cloud)) == []


def test_deleting_a_queue_that_is_not_there_is_refused(cloud: Cloud) -> None:
    assert cloud.error("sqs", "DeleteQueue", QueueUrl=URL).shape == "QueueDoesNotExist"


def test_queues_are_listed_by_prefix_and_in_pages(cloud: Cloud) -> None:
    for name in ("b", "ab", "a", "abc", "aé"[:1] + "-x"):
        a_queue(cloud, name)

    def names(answer: dict[str, list[str]]) -> list[str]:
        return [url.rpartition("/")[2] for url in answer.get("QueueUrls", [])]

    assert names(cloud.sqs("ListQueues")) == ["a", "a-x", "ab", "abc", "b"]
    assert names(cloud.sqs("ListQueues", QueueNamePrefix="ab")) == ["ab", "abc"]
    assert cloud.sqs("ListQueues", QueueNamePrefix="zzz") == {}
    seen, token = [], {}
    while True:
        page = cloud.sqs("ListQueues", MaxResults=2, QueueNamePrefix="a", **token)
        seen.append(names(page))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == [["a", "a-x"], ["ab", "abc"]]
    assert cloud.error("sqs", "ListQueues", MaxResults=1001).shape == "InvalidParameterValueException"
    assert cloud.error("sqs", "ListQueues", NextToken="é").shape == "InvalidParameterValueException"


def test_a_purge_deletes_everything_once_a_minute(cloud: Cloud) -> None:
    url = a_queue(cloud, holding=["a", "b"])
    in_flight = receive(cloud, url, 1)
    send(cloud, url, "c", DelaySeconds=5)
    cloud.sqs("PurgeQueue", QueueUrl=url)
    assert counts(cloud, url) == (0, 0, 0)
    cloud.clock.advance(seconds=31)
    assert receive(cloud, url) == []
    error = cloud.error("sqs", "PurgeQueue", QueueUrl=url)
    assert (error.shape, error.status) == ("PurgeQueueInProgress", 403)
    assert error.text == "Only one PurgeQueue operation on q is allowed every 60 seconds."
    cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=in_flight[0]["ReceiptHandle"])
    send(cloud, url, "d")
    assert bodies(receive(cloud, url)) == ["d"]
    cloud.clock.advance(seconds=29)
    cloud.sqs("PurgeQueue", QueueUrl=url)
    assert counts(cloud, url) == (0, 0, 0)


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_rows_of_purged_and_deleted_queues_leave_the_disk(cloud: Cloud, name: str) -> None:
    url = a_queue(cloud, name, holding=[str(n) for n in range(450)])
    receive(cloud, url)
    cloud.sqs("PurgeQueue", QueueUrl=url)
    send(cloud, url, "x")
    cloud.sqs("DeleteQueue", QueueUrl=url)
    cloud.clock.advance(minutes=2)
    from ballroom.kernel.keys import prefix_range
    from ballroom.services.sqs.housekeeping import Anything

    low, high = prefix_range(("sqs-data",))
    assert cloud.kernel.rows(Anything, low, high, None) == []


def test_tags_are_added_overwritten_and_removed(cloud: Cloud) -> None:
    url = cloud.sqs("CreateQueue", QueueName="q", tags={"a": "1"})["QueueUrl"]
    cloud.sqs("TagQueue", QueueUrl=url, Tags={"a": "2", "b": ""})
    assert cloud.sqs("ListQueueTags", QueueUrl=url) == {"Tags": {"a": "2", "b": ""}}
    cloud.sqs("UntagQueue", QueueUrl=url, TagKeys=["a", "c"])
    assert cloud.sqs("ListQueueTags", QueueUrl=url) == {"Tags": {"b": ""}}
    many = {str(n): "" for n in range(51)}
    assert "Too many tags" in cloud.error("sqs", "TagQueue", QueueUrl=url, Tags=many).text


def test_permissions_make_a_policy(cloud: Cloud) -> None:
    url = a_queue(cloud)

    def allow(label: str, *accounts: str, actions: tuple[str, ...] = ("ReceiveMessage",)) -> None:
        cloud.sqs(
            "AddPermission", QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions)
        )

    allow("one", "111111111111", "222222222222")
    allow("two", "111111111111", actions=("SendMessage", "*"))
    policy = json.loads(attributes(cloud, url, "Policy")["Policy"])
    assert policy == {
        "Version": "2008-10-17",
        "Id": f"{arn('q')}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Action": "SQS:ReceiveMessage",
                "Resource": arn("q"),
                "Principal": {
                    "AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"],
                },
            },
            {
                "Sid": "two",
                "Effect": "Allow",
                "Action": ["SQS:SendMessage", "SQS:*"],
                "Resource": arn("q"),
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            },
        ],
    }
    cloud.sqs("RemovePermission", QueueUrl=url, Label="one")
    cloud.sqs("RemovePermission", QueueUrl=url, Label="two")
    assert attributes(cloud, url, "Policy") == {}
    error = cloud.error("sqs", "RemovePermission", QueueUrl=url, Label="two")
    assert error.text == "Value two for parameter Label is invalid. Reason: can't find label."


@pytest.mark.parametrize(
    ("label", "account", "actions"),
    [
        ("a b", "111111111111", ["SendMessage"]),
        ("l", "1", ["SendMessage"]),
        ("l", "111111111111", ["Nonsense"]),
        ("l", "111111111111", []),
        ("l", "111111111111", ["SendMessage"] * 8),
    ],
)
def test_a_permission_that_breaks_a_rule_is_refused(
    cloud: Cloud, label: str, account: str, actions: list[str]
) -> None:
    error = cloud.error(
        "sqs", "AddPermission", QueueUrl=a_queue(cloud), Label=label, AWSAccountIds=[account], Actions=actions
    )
    assert error.status in (400, 403)


def test_the_sources_of_a_dead_letter_queue_are_listed(cloud: Cloud) -> None:
    dead = a_queue(cloud, "dead")
    for name in ("a", "b", "c"):
        a_queue(cloud, name, RedrivePolicy=redrive("dead"))
    cloud.sqs("SetQueueAttributes", QueueUrl=URL[:-1] + "b", Attributes={"RedrivePolicy": ""})
    answer = cloud.sqs("ListDeadLetterSourceQueues", QueueUrl=dead)
    assert answer == {"queueUrls": [URL[:-1] + "a", URL[:-1] + "c"]}
    page = cloud.sqs("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=1)
    assert page["queueUrls"] == [URL[:-1] + "a"]
    page = cloud.sqs("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=1, NextToken=page["NextToken"])
    assert page == {"queueUrls": [URL[:-1] + "c"]}
    cloud.sqs("DeleteQueue", QueueUrl=URL[:-1] + "a")
    assert cloud.sqs("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": [URL[:-1] + "c"]}
