"""AWS::CloudFormation types, custom resources, and CDK's marker.

Source: CloudFormation User Guide, "AWS::CloudFormation::Stack", "Custom resources", "Wait conditions".
"""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel import Context, Request, Response, operation
from ballroom.kernel.arn import find_arn

from ..template.values import as_text, is_scalar
from .base import Attributes, Call, Failure, Name, Pending, Target, register, tag_list

RESPONSE_LIMIT_MS = 3_600_000


# -- nested stacks -----------------------------------------------------------------------------------


async def _create_nested(call: Call, nested: Target) -> Attributes | None:
    answer = await call(
        "cloudformation", "StartNested", Parent=nested.stack_id, Request=_request(nested, nested.name)
    )
    nested.physical_id = answer["StackId"]
    if nested.get("TimeoutInMinutes"):
        nested.deadline_ms = nested.now_ms + int(nested.properties["TimeoutInMinutes"]) * 60_000
    raise Pending


def _request(nested: Target, name: str) -> dict[str, Any]:
    parameters = nested.get("Parameters") or {}
    return {
        "StackName": name,
        "TemplateURL": nested.properties["TemplateURL"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": _joined(value)} for key, value in parameters.items()
        ],
        "Tags": tag_list({key: value for key, value in nested.tags.items() if not key.startswith("aws:")})
        or [],
        "NotificationARNs": nested.get("NotificationARNs") or [],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }


def _joined(value: Any) -> str:
    return ",".join(as_text(item) for item in value) if isinstance(value, list) else as_text(value)


async def _poll_nested(call: Call, nested: Target) -> Attributes | None:
    stack = (await call("cloudformation", "DescribeStacks", StackName=nested.physical_id))["Stacks"][0]
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise Pending
    if nested.deleting and status != "DELETE_COMPLETE":
        raise Failure(
            f"Embedded stack {nested.physical_id} was not successfully deleted: "
            f"{stack.get('StackStatusReason', status)}"
        )
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return {f"Outputs.{out['OutputKey']}": out["OutputValue"] for out in stack.get("Outputs", ())}
    if status == "DELETE_COMPLETE":
        return {}
    verb = {"CREATE": "created", "ROLLB": "created", "DELETE": "deleted"}.get(status[:6], "updated")
    if status.startswith("ROLLBACK"):
        verb = "created"
    reason = await _first_failure(call, nested) or stack.get("StackStatusReason") or status
    raise Failure(f"Embedded stack {nested.physical_id} was not successfully {verb}: {reason}")


async def _first_failure(call: Call, nested: Target) -> str:
    events = (await call("cloudformation", "DescribeStackEvents", StackName=nested.physical_id))["StackEvents"]
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in events
        if event["ResourceType"] == "AWS::CloudFormation::Stack"
        and event["PhysicalResourceId"] == nested.physical_id
    ]
    return next((reason for reason in reasons if reason.startswith("The following resource(s) failed")), "")


async def _update_nested(call: Call, nested: Target) -> Attributes | None:
    request = _request(nested, nested.physical_id)
    answer = await call("cloudformation", "UpdateNested", Request=request)
    if answer["Changed"]:
        raise Pending
    return await _poll_nested(call, nested)


async def _delete_nested(call: Call, nested: Target) -> None:
    if not nested.physical_id.startswith("arn:"):
        return  # its creation was refused
    await call("cloudformation", "DeleteStack", StackName=nested.physical_id)
    stack = (await call("cloudformation", "DescribeStacks", StackName=nested.physical_id))["Stacks"][0]
    if stack["StackStatus"] != "DELETE_COMPLETE":
        if stack["StackStatus"] != "DELETE_IN_PROGRESS":
            raise Failure(
                f"Embedded stack {nested.physical_id} was not successfully deleted: "
                f"{stack.get('StackStatusReason')}"
            )
        raise Pending


@operation("StartNested", internal=True)
async def start_nested(ctx: Context, request: Request) -> Response:
    """Create a stack within another. Its name is the same over all attempts: a repeat finds it."""
    from ..operations.stacks import start_stack
    from ..resources import find_stack, load_stack

    wanted = request["Request"]
    parent = ctx.transact(load_stack, request["Parent"])
    existing = ctx.transact(find_stack, wanted["StackName"])
    if existing is not None and existing.parent_id == parent.id:
        return {"StackId": existing.id}
    return {"StackId": (await start_stack(ctx, wanted, parent=parent)).id}


@operation("UpdateNested", internal=True)
async def update_nested_stack(ctx: Context, request: Request) -> Response:
    """Update a nested stack; whether there was anything to update."""
    from ..operations.stacks import change_stack

    return {"Changed": await change_stack(ctx, request["Request"]) is not None}


register(
    "AWS::CloudFormation::Stack",
    properties="NotificationARNs Parameters Tags TimeoutInMinutes",
    required="TemplateURL",
    open_attributes=True,
    identifier=("StackId",),
    name=Name("", limit=128),
    create=_create_nested,
    update=_update_nested,
    delete=_delete_nested,
    poll=_poll_nested,
)


# -- wait conditions ---------------------------------------------------------------------------------


async def _create_handle(call: Call, handle: Target) -> Attributes | None:
    handle.physical_id = handle.signal_url
    return {}


async def _forget(call: Call, target: Target) -> None:
    return None


register(
    "AWS::CloudFormation::WaitConditionHandle",
    taggable=False,
    signals=True,
    create=_create_handle,
    delete=_forget,
)


async def _begin_waiting(call: Call, condition: Target) -> Attributes | None:
    condition.physical_id = (
        f"{condition.stack_id.replace(':stack/', ':waitCondition/', 1)}/{condition.logical_id}"
    )
    timeout = condition.get("Timeout")
    seconds = float(timeout) if timeout is not None else 43_200.0
    condition.deadline_ms = condition.now_ms + int(seconds * 1000)
    return await _poll_condition(call, condition)


async def _poll_condition(call: Call, condition: Target) -> Attributes | None:
    handle = condition.get("Handle")
    if handle is None:
        raise Failure("WaitCondition requires a Handle; resource signals are not supported")
    reports = (await call("cloudformation", "ReadReports", Url=handle))["Reports"]
    latest = {as_text(report.get("UniqueId", "")): report for report in reports}
    failed = next((report for report in latest.values() if report.get("Status") != "SUCCESS"), None)
    if failed is not None:
        raise Failure(
            f"WaitCondition received failed message: '{failed.get('Reason', '')}' for uniqueId: "
            f"{failed.get('UniqueId', '')}"
        )
    count = int(condition.get("Count", 1))
    if len(latest) >= count:
        return {"Data": json.dumps({key: as_text(report.get("Data", "")) for key, report in latest.items()})}
    if condition.deadline_ms is not None and condition.now_ms >= condition.deadline_ms:
        raise Failure(f"WaitCondition timed out. Received {len(latest)} conditions when expecting {count}")
    raise Pending


register(
    "AWS::CloudFormation::WaitCondition",
    create_only="Count Handle Timeout",
    attributes="Data",
    taggable=False,
    create=_begin_waiting,
    poll=_poll_condition,
    delete=_forget,
)


# -- custom resources --------------------------------------------------------------------------------


async def _create_custom(call: Call, custom: Target) -> Attributes | None:
    await _ask(call, custom, "Create")
    raise Pending


async def _update_custom(call: Call, custom: Target) -> Attributes | None:
    await _ask(call, custom, "Update")
    raise Pending


async def _delete_custom(call: Call, custom: Target) -> None:
    await _ask(call, custom, "Delete")
    raise Pending


async def _ask(call: Call, custom: Target, request_type: str) -> None:
    """Invoke the function behind the resource; it reports to the response URL."""
    service = as_text(custom.properties["ServiceToken"])
    arn = find_arn(service)
    if arn is None or arn.service != "lambda":
        raise Failure(f"Ballroom supports only Lambda functions as ServiceToken, not {service}")
    seconds = int(custom.get("ServiceTimeout", RESPONSE_LIMIT_MS // 1000))
    if not 1 <= seconds <= 3600:
        raise Failure("ServiceTimeout must be between 1 and 3600 seconds")
    custom.deadline_ms = custom.now_ms + seconds * 1000
    event: dict[str, Any] = {
        "RequestType": request_type,
        "ServiceToken": service,
        "ResponseURL": custom.signal_url,
        "StackId": custom.stack_id,
        "RequestId": custom.token,
        "LogicalResourceId": custom.logical_id,
        "ResourceType": custom.type,
        "ResourceProperties": _texts(custom.properties),
    }
    if request_type != "Create":
        event["PhysicalResourceId"] = custom.physical_id
    if request_type == "Update":
        event["OldResourceProperties"] = _texts(custom.previous)
    await call(
        "lambda", "Invoke", FunctionName=service, InvocationType="Event", Payload=json.dumps(event).encode()
    )


async def _poll_custom(call: Call, custom: Target) -> Attributes | None:
    report = next((report for report in custom.reports if report.get("RequestId") == custom.token), None)
    if report is None:
        if custom.deadline_ms is not None and custom.now_ms >= custom.deadline_ms:
            raise Failure(
                "CloudFormation did not receive a response from your Custom Resource. Please check your "
                "logs for "
                f"requestId [{custom.token}]. If you are using the Python cfn-response module, you may "
                "need to update "
                "your Lambda function code so that CloudFormation can attach the updated version."
            )
        raise Pending
    physical_id = report.get("PhysicalResourceId")
    if report.get("Status") != "SUCCESS":
        if isinstance(physical_id, str):
            custom.physical_id = physical_id  # what a failed creation left is deleted by this
        raise Failure(
            f"Received response status [{report.get('Status')}] from custom resource. Message returned: "
            f"{report.get('Reason', '')} (RequestId: {custom.token})"
        )
    if not isinstance(physical_id, str) or not physical_id:
        raise Failure("Invalid PhysicalResourceId")
    custom.physical_id = physical_id
    data = report.get("Data") or {}
    return (
        {name: value if not is_scalar(value) else as_text(value) for name, value in data.items()}
        if isinstance(data, dict)
        else {}
    )


def _texts(value: Any) -> Any:
    """Scalars as text, as AWS hands properties to functions."""
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return as_text(value) if is_scalar(value) else value


register(
    "AWS::CloudFormation::CustomResource",
    properties="ServiceTimeout",
    required="ServiceToken",
    create_only="",
    open_attributes=True,
    open_properties=True,
    taggable=False,
    signals=True,
    replaces=lambda before, after: before.get("ServiceToken") != after.get("ServiceToken"),
    create=_create_custom,
    update=_update_custom,
    delete=_delete_custom,
    poll=_poll_custom,
)


# -- CDK ---------------------------------------------------------------------------------------------


async def _nothing(call: Call, target: Target) -> Attributes | None:
    return {}


register(
    "AWS::CDK::Metadata",
    properties="Analytics Modules",
    taggable=False,
    create=_nothing,
    update=_nothing,
    delete=_forget,
)
