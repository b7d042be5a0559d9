"""TestState over the whole service: what is not mocked is done for real."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.kernel import ServiceError

ROLE = "arn:aws:iam::000000000000:role/states"


def tried(cloud: Cloud, state: dict[str, Any], **request: Any) -> Any:
    return cloud.call("stepfunctions", "TestState", definition=json.dumps(state), **request)


def sending(url: str, **fields: Any) -> dict[str, Any]:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$.text"},
        "ResultSelector": {"id.$": "$.MessageId"},
        "Next": "After",
    }
    return {**task, **fields}


def test_a_task_is_done_for_real(cloud: Cloud) -> None:
    url = cloud.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    got = tried(cloud, sending(url), input='{"text": "hello"}', roleArn=ROLE, inspectionLevel="DEBUG")
    (message,) = cloud.sqs("ReceiveMessage", QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    assert (got["status"], got["nextState"]) == ("SUCCEEDED", "After")
    assert json.loads(got["output"]) == {"id": message["MessageId"]}
    assert json.loads(got["inspectionData"]["afterParameters"]) == {"QueueUrl": url, "MessageBody": "hello"}
    assert json.loads(got["inspectionData"]["result"])["MessageId"] == message["MessageId"]


def test_a_task_that_fails_is_caught(cloud: Cloud) -> None:
    nowhere = "http://sqs.us-east-1.localhost/000000000000/nowhere"
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Rescue", "ResultPath": "$.why"}]
    got = tried(cloud, sending(nowhere, Catch=catch), input='{"text": "hello"}', roleArn=ROLE)
    assert (got["status"], got["nextState"]) == ("CAUGHT_ERROR", "Rescue")
    assert got["error"].startswith("SQS.")
    assert json.loads(got["output"])["why"] == {"Error": got["error"], "Cause": got["cause"]}
    assert tried(cloud, sending(nowhere), input='{"text": "x"}', roleArn=ROLE)["status"] == "FAILED"


def test_what_is_mocked_is_not_done(cloud: Cloud) -> None:
    url = cloud.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    mock = {"result": json.dumps({"MessageId": "1", "MD5OfMessageBody": "m"})}
    got = tried(cloud, sending(url), input='{"text": "hello"}', mock=mock)
    assert json.loads(got["output"]) == {"id": "1"}
    assert "Messages" not in cloud.sqs("ReceiveMessage", QueueUrl=url)


@pytest.mark.parametrize(
    ("state", "request_", "shape", "text"),
    [
        ({"Type": "Pass"}, {}, "InvalidDefinition", "at /States/StateName'"),
        (
            {"Type": "Pass", "End": True},
            {"input": "{"},
            "InvalidExecutionInput",
            "Invalid State Machine Execution",
        ),
        (
            {"Type": "Pass", "End": True},
            {"mock": {"result": "{}"}},
            "ValidationException",
            "'Pass' is not supported",
        ),
        (sending("u"), {}, "ValidationException", "RoleArn must be specified"),
        (
            sending("u", Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken"),
            {"roleArn": ROLE},
            "ValidationException",
            "'.waitForTaskToken' service integration pattern is not supported",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused(
    cloud: Cloud, state: dict[str, Any], request_: dict[str, Any], shape: str, text: str
) -> None:
    with pytest.raises(ServiceError) as refused:
        tried(cloud, state, **{"input": '{"text": "t"}', **request_})
    assert refused.value.shape == shape
    assert text in refused.value.text


def test_plain_states_need_no_role(cloud: Cloud) -> None:
    body = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}], "Default": "C"}
    assert tried(cloud, body, input='{"a": null}')["nextState"] == "B"
    wait = {"Type": "Wait", "Seconds": 86_400, "End": True}
    assert tried(cloud, wait, input='{"a": 1}')["output"] == '{"a": 1}'
