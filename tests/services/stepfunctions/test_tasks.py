"""Tasks: integrations within the commit, callbacks, activities, time-outs, retries, catches, redrives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import Context, ServiceError, registry

from .machines import (
    PREFIX,
    bodies,
    chain,
    create,
    describe,
    error,
    events,
    output,
    over,
    passing,
    queue,
    run,
    start,
    status,
    story,
    task,
    wait,
)

ALL = ["States.ALL"]


def asking(url: str, **more: Any) -> dict[str, Any]:
    """A task that asks a queue and waits for the answer."""
    parameters = {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"}
    return task("sqs:sendMessage.waitForTaskToken", parameters, **more)


def test_a_message_is_sent_in_the_commit_of_the_history(cloud: Cloud) -> None:
    url = queue(cloud)
    execution = run(cloud, chain(S=task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": {"a": 1}})))
    result = output(cloud, execution)
    assert bodies(cloud, url) == ['{"a":1}']
    assert list(result) == ["MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]
    assert story(cloud, execution)[2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]


def test_a_failed_effect_leaves_nothing_and_is_told_in_awss_words(cloud: Cloud) -> None:
    url = queue(cloud) + "-none"
    execution = run(cloud, chain(S=task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "x"})))
    name, cause = error(cloud, execution)
    assert name == "SQS.QueueDoesNotExistException"
    assert cause.startswith(
        "The specified queue does not exist. (Service: AmazonSQS; Status Code: 400; "
        "Error Code: QueueDoesNotExist; Request ID: "
    )


def test_any_operation_of_any_service_is_a_task(cloud: Cloud) -> None:
    machine = chain(
        Make=task("aws-sdk:sqs:createQueue", {"QueueName": "made", "Attributes": {"DelaySeconds": "3"}}),
        Ask=task("aws-sdk:sqs:getQueueAttributes", {"QueueUrl.$": "$.QueueUrl", "AttributeNames": ["DelaySeconds"]}),
    )  # fmt: skip
    assert output(cloud, run(cloud, machine)) == {"Attributes": {"DelaySeconds": "3"}}


def test_an_sdk_operation_that_streams_is_handed_to_a_delivery(cloud: Cloud) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    cloud.s3("PutObject", Bucket="b-1", Key="k", Body=b"hello")
    result = output(cloud, run(cloud, chain(G=task("aws-sdk:s3:getObject", {"Bucket": "b-1", "Key": "k"}))))
    assert (result["Body"], result["ContentLength"]) == ("hello", 5)


@pytest.mark.parametrize("size", [100_000, 300_000])
def test_a_large_object_is_read_as_far_as_a_result_may_be_long(cloud: Cloud, size: int) -> None:
    cloud.s3("CreateBucket", Bucket="b-1")
    cloud.s3("PutObject", Bucket="b-1", Key="k", Body=b"x" * size)
    execution = run(cloud, chain(G=task("aws-sdk:s3:getObject", {"Bucket": "b-1", "Key": "k"})))
    if size > 262_144:
        assert error(cloud, execution)[0] == "States.DataLimitExceeded"
    else:
        assert output(cloud, execution)["Body"] == "x" * size


def test_an_sdk_error_has_the_sdks_name(cloud: Cloud) -> None:
    name, cause = error(cloud, run(cloud, chain(G=task("aws-sdk:sqs:getQueueUrl", {"QueueName": "none"}))))
    assert name == "Sqs.QueueDoesNotExistException"
    assert cause.startswith("The specified queue does not exist. (Service: Sqs, Status Code: 400, Request ID: ")
    assert cause.endswith(") (SDK Attempt Count: 1)")


def test_a_table_is_written_and_read(cloud: Cloud) -> None:
    cloud.dynamodb(
        "CreateTable", TableName="cars", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    cloud.clock.advance(minutes=1)
    key, item = {"id": {"S": "1"}}, {"id": {"S": "1"}, "doors": {"N": "5"}}
    machine = chain(
        Put=task("dynamodb:putItem", {"TableName": "cars", "Item": item}),
        Get=task("dynamodb:getItem", {"TableName": "cars", "Key": key}, OutputPath="$.Item"),
    )
    assert output(cloud, run(cloud, machine)) == item
    query = {
        "TableName": "cars",
        "KeyConditionExpression": "id = :i",
        "ExpressionAttributeValues": {":i": {"S": "1"}},
    }
    found = output(cloud, run(cloud, chain(Q=task("aws-sdk:dynamodb:query", query)), name="query"))
    assert found == {"Count": 1, "Items": [item], "ScannedCount": 1}
    missing = chain(P=task("dynamodb:putItem", {"TableName": "none", "Item": item}))
    assert error(cloud, run(cloud, missing, name="missing"))[0] == "DynamoDB.ResourceNotFoundException"


def test_a_callback_lets_the_task_go_on_once(cloud: Cloud) -> None:
    url = queue(cloud)
    execution = run(cloud, chain(A=asking(url)))
    (token,) = bodies(cloud, url)
    cloud.stepfunctions("SendTaskSuccess", taskToken=token, output='{"yes": true}')
    assert output(cloud, execution) == {"yes": True}
    refused = cloud.error("stepfunctions", "SendTaskSuccess", taskToken=token, output="1")
    assert repr(refused) == "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'"


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "kwE=", "é", "a" * 2000])
def test_a_token_of_somebody_else_is_refused(cloud: Cloud, token: str) -> None:
    refused = cloud.error("stepfunctions", "SendTaskHeartbeat", taskToken=token)
    assert repr(refused) in (
        "InvalidToken: Invalid Token: 'Invalid token'",
        f"ValidationException: {refused.text}",  # longer than tokens may be
    )


def test_an_answer_that_is_no_json_is_refused(cloud: Cloud) -> None:
    url = queue(cloud)
    execution = run(cloud, chain(A=asking(url)))
    (token,) = bodies(cloud, url)
    assert cloud.error("stepfunctions", "SendTaskSuccess", taskToken=token, output="{").shape == "InvalidOutput"
    assert status(cloud, execution) == "RUNNING"


def test_heartbeats_keep_a_task_alive(cloud: Cloud) -> None:
    url = queue(cloud)
    execution = run(cloud, chain(A=asking(url, HeartbeatSeconds=10, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "C"}]), C=passing()))  # fmt: skip
    (token,) = bodies(cloud, url)
    for _ in range(5):
        cloud.clock.advance(seconds=9)
        cloud.stepfunctions("SendTaskHeartbeat", taskToken=token)
    cloud.clock.advance(seconds=9)
    assert status(cloud, execution) == "RUNNING"
    cloud.clock.advance(seconds=1)
    assert output(cloud, execution)["Error"] == "States.Timeout"
    assert cloud.error("stepfunctions", "SendTaskHeartbeat", taskToken=token).shape == "TaskTimedOut"


def test_a_task_is_retried_with_back_off(cloud: Cloud) -> None:
    retry = [{"ErrorEquals": ALL, "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0}]
    machine = chain(G=task("aws-sdk:sqs:getQueueUrl", {"QueueName": "late"}, Retry=retry))
    execution = run(cloud, machine)
    cloud.clock.advance(seconds=2 + 4)
    cloud.sqs("CreateQueue", QueueName="late")
    cloud.clock.advance(seconds=7)
    assert status(cloud, execution) == "RUNNING"
    cloud.clock.advance(seconds=1)
    assert status(cloud, execution) == "SUCCEEDED"
    assert story(cloud, execution).count("TaskScheduled") == 4


def test_an_activity_is_done_by_a_worker_who_waited(cloud: Cloud) -> None:
    arn = cloud.stepfunctions("CreateActivity", name="work")["activityArn"]
    waiting = cloud.start("stepfunctions", "GetActivityTask", activityArn=arn, workerName="w")
    execution = run(cloud, chain(A={"Type": "Task", "Resource": arn, "HeartbeatSeconds": 30}), {"n": 1})
    given = cloud.run(waiting)
    assert json.loads(given["input"]) == {"n": 1}
    cloud.stepfunctions("SendTaskFailure", taskToken=given["taskToken"], error="No", cause="because")
    assert error(cloud, execution) == ("No", "because")
    assert [event.get("activityStartedEventDetails") for event in events(cloud, execution)][3] == {
        "workerName": "w"
    }


def test_a_worker_without_work_is_answered_after_a_minute(cloud: Cloud) -> None:
    arn = cloud.stepfunctions("CreateActivity", name="work")["activityArn"]
    waiting = cloud.start("stepfunctions", "GetActivityTask", activityArn=arn)
    cloud.clock.advance(seconds=60)
    assert cloud.run(waiting) == {}


def test_a_parent_waits_for_its_nested_execution(cloud: Cloud) -> None:
    create(cloud, chain(W=wait(3600), A=passing(Result={"n": 2})), "child")
    parameters = {"StateMachineArn": f"{PREFIX}:stateMachine:child", "Input": {"a": 1}, "Name": "nested"}
    execution = run(cloud, chain(N=task("states:startExecution.sync:2", parameters)))
    assert status(cloud, execution) == "RUNNING"
    cloud.clock.advance(hours=1)
    result = output(cloud, execution)
    assert (result["Status"], result["Output"], result["Input"]) == ("SUCCEEDED", {"n": 2}, {"a": 1})


def test_the_failure_of_a_nested_execution_is_its_parents(cloud: Cloud) -> None:
    create(cloud, chain(F={"Type": "Fail", "Error": "E", "Cause": "c"}), "child")
    parameters = {"StateMachineArn": f"{PREFIX}:stateMachine:child"}
    name, cause = error(cloud, run(cloud, chain(N=task("states:startExecution.sync", parameters))))
    assert name == "States.TaskFailed"
    assert {"Error": "E", "Cause": "c", "Status": "FAILED"}.items() <= json.loads(cause).items()


@pytest.mark.parametrize("end", ["stopped", "timed out"])
def test_a_parent_that_ends_stops_its_nested_execution(cloud: Cloud, end: str) -> None:
    child = create(cloud, chain(W=wait(3600)), "child")
    nested = task("states:startExecution.sync", {"StateMachineArn": child}, TimeoutSeconds=60)
    execution = run(cloud, chain(N=nested))
    if end == "stopped":
        cloud.stepfunctions("StopExecution", executionArn=execution)
    cloud.clock.advance(seconds=60)
    (listed,) = cloud.stepfunctions("ListExecutions", stateMachineArn=child)["executions"]
    assert (status(cloud, execution), listed["status"]) == (
        "ABORTED" if end == "stopped" else "FAILED", "ABORTED"
    )  # fmt: skip


def test_machines_that_start_themselves_do_not_stop_the_server(cloud: Cloud) -> None:
    arn = f"{PREFIX}:stateMachine:m"
    loop = chain(
        W=wait(1),
        N=task("states:startExecution", {"StateMachineArn": arn, "Input": {"n.$": "States.MathAdd($.n, 1)"}}),
    )
    start(cloud, create(cloud, loop), {"n": 0})
    cloud.clock.advance(seconds=50)
    assert len(cloud.stepfunctions("ListExecutions", stateMachineArn=arn)["executions"]) == 51


class Functions:
    """Stands in for Lambda: answers or fails as told, and remembers request ids."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[dict[str, Any] | ServiceError] = []
        self.requests: list[str] = []
        operation = type(registry.operations["lambda", "Invoke"])
        stand_in = operation("lambda", "Invoke", self._invoke, True, False, lambda request: None)
        monkeypatch.setitem(registry.operations, ("lambda", "Invoke"), stand_in)

    async def _invoke(self, ctx: Context, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(ctx.caller.request_id)
        answer = self.answers.pop(0)
        if isinstance(answer, ServiceError):
            raise answer
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", **answer}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


INVOKE = task("lambda:invoke", {"FunctionName": "f", "Payload.$": "$"})
ARN = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}
RAISED = b'{"errorMessage": "no", "errorType": "Broken"}'


@pytest.mark.parametrize(
    ("state", "answer", "expected"),
    [
        (ARN, {"FunctionError": "Unhandled", "Payload": RAISED}, ("Broken", RAISED.decode())),
        (
            INVOKE, {"FunctionError": "Unhandled", "Payload": RAISED},
            ("Broken", '{"errorMessage":"no","errorType":"Broken"}'),
        ),
        (
            INVOKE, {"FunctionError": "Unhandled", "Payload": b'{"errorMessage": "x Task timed out after 3.00 seconds"}'},
            ("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type. "
             'Returned payload: {"errorMessage":"x Task timed out after 3.00 seconds"}'),
        ),
    ],
)  # fmt: skip
def test_an_error_of_a_function_is_the_tasks(
    cloud: Cloud, functions: Functions, state: dict[str, Any], answer: dict[str, Any], expected: tuple[str, str]
) -> None:
    functions.answers = [answer]
    assert error(cloud, run(cloud, chain(F=dict(state)))) == expected


def test_an_error_of_lambda_itself_is_named_so(cloud: Cloud, functions: Functions) -> None:
    functions.answers = [ServiceError.of("TooManyRequestsException", "Rate exceeded", status=429)]
    name, cause = error(cloud, run(cloud, chain(F=dict(INVOKE))))
    assert name == "Lambda.TooManyRequestsException"
    assert cause.startswith("Rate exceeded (Service: Lambda, Status Code: 429, Request ID: ")


def test_every_try_of_a_function_has_a_request_id_of_its_own(cloud: Cloud, functions: Functions) -> None:
    functions.answers = [{"FunctionError": "Unhandled", "Payload": RAISED}, {"Payload": b'{"n": 1}'}]
    execution = run(cloud, chain(F=INVOKE | {"Retry": [{"ErrorEquals": ALL}]}))
    cloud.clock.advance(seconds=2)
    assert output(cloud, execution)["Payload"] == {"n": 1}
    assert len(set(functions.requests)) == 2


def test_a_result_that_is_too_large_fails_the_task(cloud: Cloud, functions: Functions) -> None:
    functions.answers = [{"Payload": b'"' + b"x" * 300_000 + b'"'}]
    name, _ = error(cloud, run(cloud, chain(F=dict(ARN))))
    assert name == "States.DataLimitExceeded"


def test_a_redrive_does_again_only_what_had_not_succeeded(cloud: Cloud) -> None:
    url = queue(cloud, "sent")
    sends = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "once"})
    looks = task("aws-sdk:sqs:getQueueUrl", {"QueueName.$": "$"})
    machine = chain(
        P={"Type": "Parallel", "Branches": [chain(S=sends), chain(M=over(("L", looks)))], "OutputPath": "$[1]"}
    )
    execution = run(cloud, machine, ["sent", "late"])
    assert status(cloud, execution) == "FAILED"
    assert describe(cloud, execution)["redriveStatus"] == "REDRIVABLE"
    cloud.sqs("CreateQueue", QueueName="late")
    cloud.clock.advance(days=3)
    cloud.stepfunctions("RedriveExecution", executionArn=execution)
    cloud.clock.settle()
    assert [one["QueueUrl"].rpartition("/")[2] for one in output(cloud, execution)] == ["sent", "late"]
    assert describe(cloud, execution)["redriveCount"] == 1
    assert bodies(cloud, url) == ["once"]
    assert (
        cloud.error("stepfunctions", "RedriveExecution", executionArn=execution).shape
        == "ExecutionNotRedrivable"
    )


def test_a_failing_branch_aborts_its_siblings(cloud: Cloud) -> None:
    branches = [chain(W=wait(100)), chain(B=wait(1), F={"Type": "Fail", "Error": "E"})]
    machine = chain(
        P={"Type": "Parallel", "Branches": branches, "Catch": [{"ErrorEquals": ALL, "Next": "C"}]}, C=passing()
    )
    execution = run(cloud, machine)
    cloud.clock.advance(seconds=1)
    assert output(cloud, execution) == {"Error": "E", "Cause": ""}
    assert "WaitStateAborted" in story(cloud, execution)
    cloud.clock.advance(seconds=200)
    assert story(cloud, execution)[-1] == "ExecutionSucceeded"
