"""Pipes: their life, and what goes through them, on real queues and the virtual clock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import registry
from ballroom.kernel.registry import Operation

ROLE = "arn:aws:iam::000000000000:role/pipe"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:pipes"


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def queue(cloud: Cloud, name: str, **attributes: str) -> str:
    return str(cloud.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"])


def pipe(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    request = {"Name": "p", "Source": arn("in"), "Target": arn("out"), "RoleArn": ROLE, **settings}
    made: dict[str, Any] = cloud.pipes("CreatePipe", **request)
    cloud.clock.settle()
    return made


def send(cloud: Cloud, url: str, *bodies: Any, **more: Any) -> None:
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        cloud.sqs("SendMessage", QueueUrl=url, MessageBody=text, **more)
    cloud.clock.settle()


def take(cloud: Cloud, url: str) -> list[str]:
    bodies: list[str] = []
    while found := cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in found]
    return bodies


def left(cloud: Cloud, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = cloud.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())


@contextlib.contextmanager
def function(answers: Callable[[list[Any]], Any]) -> Iterator[list[list[Any]]]:
    """Lambda's Invoke, played by a test; the batches that it was given."""
    batches: list[list[Any]] = []

    async def invoke(ctx: Any, request: dict[str, Any]) -> dict[str, Any]:
        batches.append(json.loads(request["Payload"]))
        try:
            return {"StatusCode": 200, "Payload": json.dumps(answers(batches[-1])).encode()}
        except ZeroDivisionError as error:
            told = {"errorMessage": str(error), "errorType": "ZeroDivisionError"}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": json.dumps(told).encode()}

    before = registry.operations["lambda", "Invoke"]
    registry.operations["lambda", "Invoke"] = Operation("lambda", "Invoke", invoke, True, False)
    try:
        yield batches
    finally:
        registry.operations["lambda", "Invoke"] = before


def test_a_pipe_reads_back_and_runs(cloud: Cloud) -> None:
    queue(cloud, "in")
    made = cloud.pipes(
        "CreatePipe", Name="p", Source=arn("in"), Target=arn("out"), RoleArn=ROLE, Description="d", Tags={"a": "b"}
    )
    now = cloud.clock.now_ms
    states = {"CreationTime": now, "LastModifiedTime": now, "DesiredState": "RUNNING"}
    name = {"Name": "p", "Arn": "arn:aws:pipes:us-east-1:000000000000:pipe/p"}
    assert made == {**name, **states, "CurrentState": "CREATING"}
    cloud.clock.settle()
    assert cloud.pipes("DescribePipe", Name="p") == {
        **name, **states, "CurrentState": "RUNNING", "StateReason": "USER_INITIATED", "Source": arn("in"), "Target": arn("out"), "RoleArn": ROLE,
        "Description": "d", "Tags": {"a": "b"},
    }  # fmt: skip
    error = cloud.error(
        "pipes", "CreatePipe", Name="p", Source=arn("in"), Target=arn("out"), RoleArn=ROLE
    )
    assert (error.shape, error.text) == ("ConflictException", "Pipe p already exists.")


def test_messages_go_from_queue_to_queue(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud)
    send(cloud, source, "hello")
    [body] = take(cloud, target)
    record = json.loads(body)
    assert (record["body"], record["eventSource"], record["eventSourceARN"]) == ("hello", "aws:sqs", arn("in"))
    assert left(cloud, source) == 0


def test_a_filter_looks_into_json_bodies_and_drops_the_rest(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pattern = json.dumps({"body": {"price": [{"numeric": [">", 100]}]}})
    pipe(
        cloud, SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
        TargetParameters={"InputTemplate": "<$.body.name>"},
    )  # fmt: skip
    send(cloud, source, {"name": "a", "price": 99}, {"name": "b", "price": 101}, "no JSON")
    assert take(cloud, target) == ["b"]
    assert left(cloud, source) == 0


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"who": <$.body.name>, "n": <$.body.n>}', '{"who":"Ada","n":[1,2]}'),
        ('{"text": "<$.body.name> has <$.body.n>"}', '{"text":"Ada has [1,2]"}'),
        ('"Hello, <$.body.name>"', "Hello, Ada"),
        ("<$.body.n[1]>", "2"),
        ('{"from": "<aws.pipes.pipe-name>", "of": "<aws.pipes.source-arn>"}', f'{{"from":"p","of":"{arn("in")}"}}'),
        ('{"nothing": "<$.body.absent>"}', '{"nothing":""}'),
        ("plain text", "plain text"),
    ],
)
def test_an_input_template_shapes_what_the_target_gets(cloud: Cloud, template: str, expected: str) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud, TargetParameters={"InputTemplate": template})
    send(cloud, source, {"name": "Ada", "n": [1, 2]})
    assert take(cloud, target) == [expected]


def test_a_fifo_target_takes_its_group_from_the_event(cloud: Cloud) -> None:
    source = queue(cloud, "in")
    target = queue(cloud, "out.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    pipe(
        cloud, Target=arn("out.fifo"),
        TargetParameters={"SqsQueueParameters": {"MessageGroupId": "$.body.customer"}, "InputTemplate": "<$.body.n>"},
    )  # fmt: skip
    send(cloud, source, *({"customer": "ada", "n": n} for n in range(3)))
    messages = cloud.sqs(
        "ReceiveMessage", QueueUrl=target, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert [m["Attributes"]["MessageGroupId"] for m in messages] == ["ada"] * 3
    assert sorted(m["Body"] for m in messages) == ["0", "1", "2"]


def test_an_enrichment_changes_what_goes_on(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    with function(lambda events: [{"twice": 2 * event["n"]} for event in events]) as batches:
        pipe(cloud, Enrichment=FUNCTION, EnrichmentParameters={"InputTemplate": '{"n": <$.body>}'})
        send(cloud, source, "21")
        assert batches == [[{"n": "21"}]]
    assert take(cloud, target) == ['{"twice":"2121"}']


def test_an_enrichment_that_answers_nothing_ends_the_matter(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    with function(lambda events: []):
        pipe(cloud, Enrichment=FUNCTION)
        send(cloud, source, "x")
    assert (take(cloud, target), left(cloud, source)) == ([], 0)


def test_what_a_function_reports_as_failed_comes_back(cloud: Cloud) -> None:
    source = queue(cloud, "in", VisibilityTimeout="30")
    tries: list[str] = []

    def work(events: list[Any]) -> Any:
        tries.extend(event["body"] for event in events)
        failed = [e["messageId"] for e in events if e["body"] == "bad" and tries.count("bad") < 3]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    with function(work):
        pipe(cloud, Target=FUNCTION)
        send(cloud, source, "good", "bad")
        assert sorted(tries) == ["bad", "good"]
        cloud.clock.advance(minutes=5)
    assert sorted(tries) == ["bad", "bad", "bad", "good"]
    assert left(cloud, source) == 0


def test_a_target_that_fails_leaves_the_message_to_its_queue(cloud: Cloud) -> None:
    dead = queue(cloud, "dead")
    policy = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 2})
    source = queue(cloud, "in", VisibilityTimeout="30", RedrivePolicy=policy)
    with function(lambda events: 1 // 0) as batches:
        pipe(cloud, Target=FUNCTION)
        send(cloud, source, "x")
        cloud.clock.advance(minutes=5)
    assert len(batches) == 2
    assert take(cloud, dead) == ["x"]


def test_a_stopped_pipe_takes_nothing_until_it_is_started(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud, DesiredState="STOPPED", TargetParameters={"InputTemplate": "<$.body>"})
    assert cloud.pipes("DescribePipe", Name="p")["CurrentState"] == "STOPPED"
    send(cloud, source, "x")
    assert take(cloud, target) == []
    assert cloud.pipes("StartPipe", Name="p")["CurrentState"] == "STARTING"
    cloud.clock.settle()
    assert take(cloud, target) == ["x"]
    cloud.pipes("StopPipe", Name="p")
    cloud.clock.settle()
    send(cloud, source, "y")
    assert take(cloud, target) == []


def test_an_update_takes_effect(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud)
    cloud.pipes("UpdatePipe", Name="p", RoleArn=ROLE, TargetParameters={"InputTemplate": "new <$.body>"})
    cloud.clock.settle()
    send(cloud, source, "x")
    assert take(cloud, target) == ["new x"]


def test_a_deleted_pipe_is_gone(cloud: Cloud) -> None:
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud)
    assert cloud.pipes("DeletePipe", Name="p")["CurrentState"] == "DELETING"
    cloud.clock.settle()
    assert cloud.error("pipes", "DescribePipe", Name="p").text == "Pipe p does not exist."
    send(cloud, source, "x")
    assert take(cloud, target) == []


def test_a_restart_goes_on_with_what_waits(durable_cloud: Cloud) -> None:
    cloud = durable_cloud
    source, target = queue(cloud, "in"), queue(cloud, "out")
    pipe(cloud, DesiredState="STOPPED", TargetParameters={"InputTemplate": "<$.body>"})
    send(cloud, source, "x")
    cloud.pipes("StartPipe", Name="p")
    cloud.reopen()
    cloud.clock.advance(seconds=31)  # it may have been on its way
    assert take(cloud, target) == ["x"]


def test_the_log_tells_what_happened_at_its_level(cloud: Cloud) -> None:
    source = queue(cloud, "in")
    queue(cloud, "out")
    pipe(
        cloud,
        LogConfiguration={
            "Level": "INFO", "IncludeExecutionData": ["ALL"],
            "CloudwatchLogsLogDestination": {"LogGroupArn": GROUP},
        },
    )  # fmt: skip
    send(cloud, source, "x")
    events = cloud.logs("FilterLogEvents", logGroupName="pipes")["events"]
    lines = [json.loads(event["message"]) for event in events]
    assert [line["messageType"] for line in lines] == [
        "ExecutionStarted", "TargetStageEntered", "TargetStageExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert json.loads(lines[0]["payload"])[0]["body"] == "x"


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"Source": "arn:aws:s3:::bucket"}, "ValidationException"),
        ({"Source": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "NotImplemented"),
        ({"Source": "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/x"}, "ValidationException"),
        ({"Target": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}, "NotImplemented"),
        ({"Target": arn("out.fifo")}, "ValidationException"),
        ({"Enrichment": arn("out")}, "ValidationException"),
        ({"TargetParameters": {"InputTemplate": "<nothing>"}}, "ValidationException"),
        ({"TargetParameters": {"LambdaFunctionParameters": {}}}, "ValidationException"),
        ({"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}}, "ValidationException"),
        ({"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}}, "ValidationException"),
    ],
)
def test_a_pipe_that_could_never_run_is_refused(cloud: Cloud, settings: dict[str, Any], shape: str) -> None:
    request = {"Name": "p", "Source": arn("in"), "Target": arn("out"), "RoleArn": ROLE, **settings}
    assert cloud.error("pipes", "CreatePipe", **request).shape == shape


def test_pipes_are_listed_in_pages(cloud: Cloud) -> None:
    queue(cloud, "in")
    for name in ("b", "a", "c"):
        pipe(cloud, Name=name, DesiredState="STOPPED" if name == "c" else "RUNNING")
    first = cloud.pipes("ListPipes", Limit=2)
    assert [p["Name"] for p in first["Pipes"]] == ["a", "b"]
    assert [p["Name"] for p in cloud.pipes("ListPipes", NextToken=first["NextToken"])["Pipes"]] == ["c"]
    assert [p["Name"] for p in cloud.pipes("ListPipes", CurrentState="STOPPED")["Pipes"]] == ["c"]
    assert cloud.pipes("ListPipes", SourcePrefix=arn("other"))["Pipes"] == []
    assert cloud.error("pipes", "ListPipes", NextToken="junk").shape == "ValidationException"


def test_tags_are_added_and_removed(cloud: Cloud) -> None:
    made = pipe(cloud)["Arn"]
    cloud.pipes("TagResource", resourceArn=made, tags={"a": "1", "b": "2"})
    cloud.pipes("UntagResource", resourceArn=made, tagKeys=["a"])
    assert cloud.pipes("ListTagsForResource", resourceArn=made) == {"tags": {"b": "2"}}
