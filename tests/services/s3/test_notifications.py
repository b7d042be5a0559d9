"""Events: to whom, in which order, in whose commit, and what a configuration must be."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Request, Response, Tx, registry
from ballroom.kernel.registry import Operation

ARN = "arn:aws:sqs:us-east-1:000000000000:q"


def a_bucket(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="shelf")


def a_queue(cloud: Cloud, name: str = "q") -> str:
    url = cloud.sqs("CreateQueue", QueueName=name)["QueueUrl"]
    statement = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}},
    }  # fmt: skip
    cloud.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    return str(url)


def notify(cloud: Cloud, *rules: dict[str, Any], **more: Any) -> None:
    filled = [{"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"], **rule} for rule in rules]
    wanted = {"QueueConfigurations": filled} if filled else {}
    cloud.s3("PutBucketNotificationConfiguration", Bucket="shelf", NotificationConfiguration=wanted | more)


def received(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while batch := cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            found += json.loads(message["Body"]).get("Records", [message["Body"]])
            cloud.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_queue_gets_a_test_message_and_then_events_in_order(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(cloud, {"Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]})
    (test,) = received(cloud, url)
    assert json.loads(test)["Event"] == "s3:TestEvent"
    assert json.loads(test)["Bucket"] == "shelf"
    for _ in range(3):
        cloud.s3("PutObject", Bucket="shelf", Key="a b/ü", Body=b"text")
    cloud.s3("CopyObject", Bucket="shelf", Key="copy", CopySource="shelf/a%20b/%C3%BC")
    cloud.s3("DeleteObject", Bucket="shelf", Key="a b/ü")
    cloud.s3("DeleteObject", Bucket="shelf", Key="never was")
    records = received(cloud, url)
    assert [r["eventName"] for r in records] == [
        *["ObjectCreated:Put"] * 3, "ObjectCreated:Copy", "ObjectRemoved:Delete",
    ]  # fmt: skip
    assert records[0]["s3"]["object"]["key"] == "a+b/%C3%BC"
    assert records[0]["s3"]["object"]["size"] == 4
    sequencers = [r["s3"]["object"]["sequencer"] for r in records]
    assert sequencers == sorted(set(sequencers))


def test_completed_uploads_and_forms_have_events_of_their_own(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(cloud, {"Events": ["s3:ObjectCreated:CompleteMultipartUpload"]})
    begun = cloud.s3("CreateMultipartUpload", Bucket="shelf", Key="k")
    at = {"Bucket": "shelf", "Key": "k", "UploadId": begun["UploadId"]}
    part = cloud.s3("UploadPart", PartNumber=1, Body=b"text", **at)
    cloud.s3("CompleteMultipartUpload", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}, **at)
    cloud.s3("PutObject", Bucket="shelf", Key="other", Body=b"x")
    events = [r["eventName"] for r in received(cloud, url)[1:]]
    assert events == ["ObjectCreated:CompleteMultipartUpload"]


def test_filters_choose_by_both_ends_of_a_key(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    ends = [{"Name": "prefix", "Value": "in/"}, {"Name": "SUFFIX", "Value": ".txt"}]
    notify(cloud, {"Filter": {"Key": {"FilterRules": ends}}})
    for key in ("in/a.txt", "in/a.jpg", "out/a.txt", "in/"):
        cloud.s3("PutObject", Bucket="shelf", Key=key, Body=b"")
    assert [r["s3"]["object"]["key"] for r in received(cloud, url)[1:]] == ["in/a.txt"]


def test_an_event_and_its_object_are_one_commit(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(cloud, {})
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text")
    cloud.reopen()
    assert len(received(cloud, url)) == 2


def test_a_write_that_fails_tells_nobody(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(cloud, {})
    cloud.error("s3", "PutObject", Bucket="shelf", Key="k", Body=b"x", IfMatch='"no"')
    assert len(received(cloud, url)) == 1


def test_a_queue_that_is_gone_holds_nothing_up(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(cloud, {})
    cloud.sqs("DeleteQueue", QueueUrl=url)
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text")
    assert cloud.s3("HeadObject", Bucket="shelf", Key="k")["ContentLength"] == 4


class Taken:
    """A service that keeps what it is handed."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Request]] = []
        self.refusing = 0

    def __call__(self, tx: Tx, request: Request) -> Response:
        self.requests.append((tx.caller.source, request))
        return {}


@pytest.fixture
def bus() -> Iterator[Taken]:
    """An event bus in the place of EventBridge."""
    taken, place = Taken(), ("events", "EmitEvents")
    before = registry.operations.get(place)
    registry.operations[place] = Operation("events", "EmitEvents", taken, False, True)
    yield taken
    if before is None:
        del registry.operations[place]
    else:
        registry.operations[place] = before


def test_the_bus_is_told_of_everything(cloud: Cloud, bus: Taken) -> None:
    a_bucket(cloud)
    notify(cloud, EventBridgeConfiguration={})
    cloud.s3("PutObject", Bucket="shelf", Key="a b", Body=b"text")
    cloud.s3("PutObjectTagging", Bucket="shelf", Key="a b", Tagging={"TagSet": [{"Key": "t", "Value": "1"}]})
    cloud.s3("DeleteObject", Bucket="shelf", Key="a b")
    sources = {source for source, _ in bus.requests}
    entries = [request["Entries"][0] for _, request in bus.requests]
    assert sources == {"s3.amazonaws.com"}
    assert [e["DetailType"] for e in entries] == ["Object Created", "Object Tags Added", "Object Deleted"]
    created, _, deleted = (e["Detail"] for e in entries)
    assert created["object"]["key"] == "a b"
    assert (created["reason"], created["requester"]) == ("PutObject", "000000000000")
    assert (deleted["reason"], deleted["deletion-type"]) == ("DeleteObject", "Permanently Deleted")
    assert entries[0]["Resources"] == ["arn:aws:s3:::shelf"]


def test_without_a_bus_events_for_it_are_kept_out(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(registry.operations, ("events", "EmitEvents"), raising=False)
    a_bucket(cloud)
    notify(cloud, EventBridgeConfiguration={})
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text")
    shown = cloud.s3("GetBucketNotificationConfiguration", Bucket="shelf")
    assert shown == {"EventBridgeConfiguration": {}}


def test_a_function_is_invoked_once_its_policy_lets_s3_in(cloud: Cloud) -> None:
    a_bucket(cloud)
    role = cloud.iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                "Principal": {"Service": "lambda.amazonaws.com"}}],
    }))["Role"]["Arn"]  # fmt: skip
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    print(event['Records'][0]['eventName'])\n")
    function = cloud.lambda_(
        "CreateFunction", FunctionName="f", Runtime="python3.11", Role=role, Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]  # fmt: skip
    rule = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    wanted = {"NotificationConfiguration": {"LambdaFunctionConfigurations": [rule]}, "Bucket": "shelf"}
    error = cloud.error("s3", "PutBucketNotificationConfiguration", **wanted)
    assert error.fields == {
        "ArgumentName1": function, "ArgumentValue1": f"Not authorized to invoke function [{function}]",
    }  # fmt: skip
    cloud.lambda_(
        "AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::shelf", SourceAccount="000000000000",
    )  # fmt: skip
    cloud.s3("PutBucketNotificationConfiguration", **wanted)
    before = registry.operations["lambda", "InvokeLater"]
    taken = Taken()
    registry.operations["lambda", "InvokeLater"] = Operation("lambda", "InvokeLater", taken, False, True)
    try:
        cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text")
    finally:
        registry.operations["lambda", "InvokeLater"] = before
    ((_, request),) = taken.requests
    assert request["FunctionName"] == function
    assert json.loads(request["Payload"])["Records"][0]["eventName"] == "ObjectCreated:Put"


def test_a_destination_that_cannot_take_an_event_now_gets_it_later(cloud: Cloud, bus: Taken) -> None:
    """A bus that has to wait cannot join the object's commit."""
    a_bucket(cloud)
    notify(cloud, EventBridgeConfiguration={})

    async def slow(ctx: Any, request: Request) -> Response:
        bus.requests.append((ctx.caller.source, request))
        return {}

    registry.operations["events", "EmitEvents"] = Operation("events", "EmitEvents", slow, True, True)
    cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"text")
    cloud.clock.settle()
    assert [r["Entries"][0]["Detail"]["object"]["key"] for _, r in bus.requests] == ["k"]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([{"Events": ["s3:Nothing"]}], "A specified event is not supported for notifications"),
        ([{"QueueArn": "arn:aws:sns:us-east-1:000000000000:t"}], "The ARN is not well formed"),
        ([{}, {}], "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
        ([{"Events": ["s3:ObjectCreated:Put"]}, {}],
         "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
        ([{"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}]}}},
          {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "ab"}]}}}],
         "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
         "overlapping for the same event type."),
        ([{"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}, {"Name": "Prefix", "Value": "b"}]}}}],
         "Cannot specify more than one prefix rule in a filter."),
        ([{"QueueArn": "arn:aws:sqs:us-east-1:000000000000:none"}],
         "Unable to validate the following destination configurations"),
        ([{"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:q"}],
         "Unable to validate the following destination configurations"),
    ],
)  # fmt: skip
def test_configurations_that_s3_would_not_take(cloud: Cloud, rules: list[dict[str, Any]], text: str) -> None:
    a_bucket(cloud)
    a_queue(cloud)
    filled = [{"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"], **rule} for rule in rules]
    error = cloud.error(
        "s3", "PutBucketNotificationConfiguration", Bucket="shelf",
        NotificationConfiguration={"QueueConfigurations": filled},
    )  # fmt: skip
    assert (error.shape, error.text) == ("InvalidArgument", text)
    assert cloud.s3("GetBucketNotificationConfiguration", Bucket="shelf") == {}


def test_rules_that_do_not_meet_may_share_events(cloud: Cloud) -> None:
    a_bucket(cloud)
    url = a_queue(cloud)
    notify(
        cloud,
        {"Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}}},
        {"Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".png"}]}}},
        {"Events": ["s3:ObjectRemoved:*"]},
    )
    for key in ("a.jpg", "b.png", "c.gif"):
        cloud.s3("PutObject", Bucket="shelf", Key=key, Body=b"")
    assert len(received(cloud, url)) == 3
