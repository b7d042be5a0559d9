"""Helpers: state machines and what becomes of their executions, in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud

ROLE = "arn:aws:iam::000000000000:role/states"
PREFIX = "arn:aws:states:us-east-1:000000000000"


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    """A definition whose states follow one another in the order given."""
    names = list(states)
    for name, following in zip(names, [*names[1:], None], strict=True):
        if states[name]["Type"] in ("Succeed", "Fail", "Choice"):
            continue
        if "Next" not in states[name] and "End" not in states[name]:
            states[name] |= {"Next": following} if following else {"End": True}
    return {"StartAt": names[0], "States": states}


def passing(**more: Any) -> dict[str, Any]:
    return {"Type": "Pass", **more}


def wait(seconds: int, **more: Any) -> dict[str, Any]:
    return {"Type": "Wait", "Seconds": seconds, **more}


def task(resource: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    given = {} if parameters is None else {"Parameters": parameters}
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", **given, **more}


def over(*states: tuple[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A Map whose processor is a chain."""
    return {"Type": "Map", "ItemProcessor": chain(**dict(states)), **more}


def create(cloud: Cloud, definition: dict[str, Any], name: str = "m", **more: Any) -> str:
    arn: str = cloud.stepfunctions(
        "CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE, **more
    )["stateMachineArn"]
    return arn


def start(cloud: Cloud, arn: str, input: Any = None, **more: Any) -> str:
    given = {} if input is None else {"input": json.dumps(input)}
    execution: str = cloud.stepfunctions("StartExecution", stateMachineArn=arn, **given, **more)["executionArn"]
    return execution


def run(cloud: Cloud, definition: dict[str, Any], input: Any = None, name: str = "m") -> str:
    """Create a machine, start it and let what is under way settle; the execution."""
    execution = start(cloud, create(cloud, definition, name), input)
    cloud.clock.settle()
    return execution


def describe(cloud: Cloud, execution: str) -> dict[str, Any]:
    return cloud.stepfunctions("DescribeExecution", executionArn=execution)


def status(cloud: Cloud, execution: str) -> str:
    return str(describe(cloud, execution)["status"])


def output(cloud: Cloud, execution: str) -> Any:
    described = describe(cloud, execution)
    assert described["status"] == "SUCCEEDED", described
    return json.loads(described["output"])


def error(cloud: Cloud, execution: str) -> tuple[Any, Any]:
    described = describe(cloud, execution)
    assert described["status"] == "FAILED", described
    return described.get("error"), described.get("cause")


def events(cloud: Cloud, execution: str, **more: Any) -> list[dict[str, Any]]:
    answer = cloud.stepfunctions("GetExecutionHistory", executionArn=execution, maxResults=1000, **more)
    found: list[dict[str, Any]] = answer["events"]
    return found


def story(cloud: Cloud, execution: str) -> list[str]:
    """The types of an execution's events."""
    return [event["type"] for event in events(cloud, execution)]


def queue(cloud: Cloud, name: str = "q") -> str:
    url: str = cloud.sqs("CreateQueue", QueueName=name)["QueueUrl"]
    return url


def bodies(cloud: Cloud, url: str) -> list[str]:
    """The messages of a queue, each hidden for a while."""
    found = []
    while messages := cloud.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return sorted(found)
