"""What a schedule may invoke: templated targets by their ARN, and any operation as a universal target.

Pure: a target and its input become a call; nobody is called here.

Source: EventBridge Scheduler User Guide, "Using templated targets", "Using universal targets".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from ballroom.kernel import NotImplementedHere, sdk
from ballroom.kernel.arn import Arn, find_arn

from .errors import Invalid

SDK = "aws-sdk:"
_READING = re.compile(
    "get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|"
    "batchDescribe|batchRead|transactGet|adminGet|adminList|testMigration|retrieve|testConnection|"
    "translateDocument|isAuthorized|invokeModel"
)
"""Beginnings of actions that universal targets refuse."""
_ELSEWHERE = {
    "codebuild": "CodeBuild", "codepipeline": "CodePipeline", "ecs": "ECS", "firehose": "Firehose",
    "inspector": "Inspector", "kinesis": "Kinesis", "sagemaker": "SageMaker",
}  # fmt: skip
_PARAMETERS = {
    "EcsParameters": "ecs", "EventBridgeParameters": "events", "KinesisParameters": "kinesis",
    "SageMakerPipelineParameters": "sagemaker", "SqsParameters": "sqs",
}  # fmt: skip


Call = tuple[str, str, dict[str, Any]]
"""The service, the operation, its input."""


class Invocation(NamedTuple):
    """A call: the service, the operation, its input, and whose resource it is for."""

    service: str
    operation: str
    input: dict[str, Any]
    account: str
    region: str


def check_target(target: dict[str, Any]) -> None:
    """Refuse a target that could never be invoked.

    Raises:
        Invalid: AWS would refuse it too.
        NotImplementedHere: Ballroom lacks the service.
    """
    arn = find_arn(target["Arn"])
    if arn is None:
        raise Invalid("Provided Arn is not in correct format.")
    for refused in ("EventBridgePutEventsV2Parameters", "EventBridgePutRawEventsParameters"):
        if refused in target:
            raise NotImplementedHere(f"Ballroom does not implement {refused} of EventBridge Scheduler yet.")
    if arn.service == "scheduler" and arn.resource.startswith(SDK):
        _check_universal(target, arn)
    elif arn.service in _ELSEWHERE:
        raise NotImplementedHere(
            f"Ballroom does not implement {_ELSEWHERE[arn.service]} targets of schedules yet."
        )
    elif arn.service not in _TEMPLATED:
        raise Invalid(f"{target['Arn']} is not a supported target.")
    else:
        _check_templated(target, arn)
    for name, service in _PARAMETERS.items():
        if name in target and arn.service != service:
            raise Invalid(f"{name} is not supported for target {target['Arn']}.")


def _check_templated(target: dict[str, Any], arn: Arn) -> None:
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and not _group_of(target):
        raise Invalid("SqsParameters with a MessageGroupId is required for FIFO queues.")
    if arn.service == "events" and "EventBridgeParameters" not in target:
        raise Invalid("EventBridgeParameters is required for EventBridge targets.")
    if arn.service in ("lambda", "states", "events") and "Input" in target:
        _json(target["Input"])


def _check_universal(target: dict[str, Any], arn: Arn) -> None:
    parts = arn.resource.split(":")
    if len(parts) != 3 or not all(parts):
        raise Invalid("Provided Arn is not in correct format.")
    _, service, action = parts
    if _READING.match(action):
        raise Invalid(f"{action} is not a supported API action for universal targets.")
    if sdk.find_service(service) is None:
        if sdk.is_service_of_aws(service):
            raise NotImplementedHere(f"Ballroom does not implement {service} yet: {target['Arn']}")
        raise Invalid(f"{service} is not a supported service for a target.")
    try:
        operation = sdk.load_action(service, action)
    except sdk.UnknownAction:
        raise Invalid(f"{action} is not a supported API action for service {service}.") from None
    if not sdk.is_implemented(operation):
        raise NotImplementedHere(f"Ballroom does not implement {service}:{operation.name} yet: {target['Arn']}")
    if "Input" in target and not isinstance(_json(target["Input"]), dict):
        raise Invalid("Input of a universal target must be a JSON object.")


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as wrong:
        raise Invalid(f"Invalid RequestJson provided. Reason: {wrong}") from None


def invocation_of(
    target: dict[str, Any], text: str, execution_id: str, schedule_account: str, region: str
) -> Invocation:
    """The call that invokes a target.

    Args:
        target: checked.
        text: its input, context attributes filled in.
        execution_id: of this moment; the same over all attempts.
        schedule_account: whose schedule it is (universal targets name no account).
        region: the schedule's.

    Raises:
        Invalid: what was filled in made the JSON invalid.
    """
    arn = find_arn(target["Arn"])
    assert arn is not None
    if arn.service == "scheduler":
        _, service, action = arn.resource.split(":")
        operation = sdk.load_action(service, action)
        fitted = sdk.to_input(operation.input, _json(text or "{}"))
        return Invocation(operation.service.name, operation.name, fitted, schedule_account, region)
    service, operation_name, request = _TEMPLATED[arn.service](target, arn, text, execution_id)
    return Invocation(service, operation_name, request, arn.account or schedule_account, arn.region or region)


def _group_of(target: dict[str, Any]) -> str | None:
    group: str | None = target.get("SqsParameters", {}).get("MessageGroupId")
    return group


def _to_queue(target: dict[str, Any], arn: Arn, text: str, execution_id: str) -> Call:
    request: dict[str, Any] = {"QueueUrl": target["Arn"], "MessageBody": text}
    group = _group_of(target)
    if group:
        request["MessageGroupId"] = group
    if arn.resource.endswith(".fifo"):
        request["MessageDeduplicationId"] = execution_id
    return "sqs", "SendMessage", request


def _to_topic(target: dict[str, Any], arn: Arn, text: str, execution_id: str) -> Call:
    return "sns", "Publish", {"TopicArn": target["Arn"], "Message": text}


def _to_function(target: dict[str, Any], arn: Arn, text: str, execution_id: str) -> Call:
    return (
        "lambda",
        "InvokeLater",
        {"FunctionName": target["Arn"], "Payload": text.encode(), "RequestId": execution_id},
    )


def _to_machine(target: dict[str, Any], arn: Arn, text: str, execution_id: str) -> Call:
    request = {"stateMachineArn": target["Arn"], "input": text, "name": execution_id}
    return "stepfunctions", "StartExecution", request


def _to_bus(target: dict[str, Any], arn: Arn, text: str, execution_id: str) -> Call:
    parameters = target["EventBridgeParameters"]
    entry = {
        "EventBusName": target["Arn"],
        "DetailType": parameters["DetailType"],
        "Source": parameters["Source"],
        "Detail": text,
    }
    return "events", "PutEvents", {"Entries": [entry]}


_TEMPLATED: dict[str, Callable[[dict[str, Any], Arn, str, str], Call]] = {
    "events": _to_bus, "lambda": _to_function, "sns": _to_topic, "sqs": _to_queue, "states": _to_machine,
}  # fmt: skip
