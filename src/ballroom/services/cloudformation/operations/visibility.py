"""What stacks there are, and what they export."""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation

from ..engine.activity import Activity
from ..errors import ValidationError
from ..resources import Export, Import, Stack, key, load_stack, uuid_of
from ..template.parameters import HIDDEN
from .paging import page_of

_DELETED_HIDES = ("EnableTerminationProtection", "Outputs")


@operation("DescribeStacks")
def describe_stacks(tx: Tx, request: Request) -> Response | Waiting:
    """One stack, also a deleted one by its id, or all live ones.

    Asked from outside about a stack that is being driven, it waits for up to a second: most are done by then,
    and clients would ask again only after 5 to 30.

    Source: CloudFormation API Reference, DescribeStacks; recorded cases test_stacks.
    """
    name = request.get("StackName")
    if name:
        stack = load_stack(tx, name)
        activity = tx.kernel.state(Activity)
        if tx.caller.source == "wire" and activity.is_busy(stack.uuid):
            return Waiting(lambda ctx: _at_rest(ctx, activity, stack.id))
        return {"Stacks": [stack_to_wire(stack)]}
    live = [stack for stack in _newest_first(tx) if not stack.is_deleted]
    shown, token = page_of(live, request, 100)
    return {"Stacks": [stack_to_wire(stack) for stack in shown]} | token


async def _at_rest(ctx: Context, activity: Activity, stack_id: str) -> Response:
    await activity.rest(uuid_of(stack_id))
    return {"Stacks": [stack_to_wire(ctx.transact(load_stack, stack_id))]}


def _newest_first(tx: Tx) -> list[Stack]:
    stacks = tx.scan_prefix(Stack, key(tx, "stack"))
    return sorted(stacks, key=lambda stack: (stack.created_ms, stack.id), reverse=True)


def stack_to_wire(stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    desired = stack.desired
    wire: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id,
        "Description": desired.description,
        "Parameters": parameters_to_wire(desired.parameters, desired.fetched, desired.hidden) or None,
        "CreationTime": stack.created_ms,
        "DeletionTime": stack.deleted_ms,
        "LastUpdatedTime": stack.updated_ms,
        "RollbackConfiguration": json.loads(desired.rollback_configuration),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": desired.notification_arns,
        "TimeoutInMinutes": stack.timeout_minutes,
        "Capabilities": desired.capabilities or None,
        "Outputs": [_output(output) for output in stack.outputs] or None,
        "RoleARN": desired.role_arn,
        "Tags": [{"Key": name, "Value": text} for name, text in desired.tags.items()],
        "EnableTerminationProtection": stack.protected,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    if stack.is_deleted:
        wire |= dict.fromkeys(_DELETED_HIDES)
    return {name: value for name, value in wire.items() if value is not None}


def parameters_to_wire(
    parameters: dict[str, str], fetched: dict[str, str], hidden: list[str]
) -> list[dict[str, str]]:
    """Parameters with their values; those with NoEcho as stars."""
    shown = []
    for name, text in parameters.items():
        entry = {"ParameterKey": name, "ParameterValue": HIDDEN if name in hidden else text}
        if name in fetched:
            entry["ResolvedValue"] = fetched[name]
        shown.append(entry)
    return shown


def _output(output: Any) -> dict[str, Any]:
    wire = {
        "OutputKey": output.key,
        "OutputValue": output.value,
        "Description": output.description,
        "ExportName": output.export,
    }
    return {name: value for name, value in wire.items() if value is not None}


@operation("ListStacks")
def list_stacks(tx: Tx, request: Request) -> Response:
    """Every stack, deleted ones too, newest first.

    Source: CloudFormation API Reference, ListStacks; recorded case test_list_stacks.
    """
    wanted = set(request.get("StackStatusFilter", []))
    stacks = [stack for stack in _newest_first(tx) if not wanted or stack.status in wanted]
    shown, token = page_of(stacks, request, 100)
    return {"StackSummaries": [_summary(stack) for stack in shown]} | token


def _summary(stack: Stack) -> dict[str, Any]:
    wire = {
        "StackId": stack.id,
        "StackName": stack.name,
        "TemplateDescription": stack.desired.description,
        "CreationTime": stack.created_ms,
        "LastUpdatedTime": stack.updated_ms,
        "DeletionTime": stack.deleted_ms,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    return {name: value for name, value in wire.items() if value is not None}


@operation("ListExports")
def list_exports(tx: Tx, request: Request) -> Response:
    """What the stacks of this account and region export.

    Source: CloudFormation API Reference, ListExports.
    """
    shown, token = page_of(tx.scan_prefix(Export, key(tx, "export")), request, 100)
    return {
        "Exports": [
            {"ExportingStackId": found.stack_id, "Name": found.name, "Value": found.value} for found in shown
        ]
    } | token


@operation("ListImports")
def list_imports(tx: Tx, request: Request) -> Response:
    """The stacks that use an export.

    Raises:
        ValidationError: nobody does.

    Source: CloudFormation API Reference, ListImports.
    """
    name = request["ExportName"]
    users = sorted(found.stack_name for found in tx.scan_prefix(Import, key(tx, "import", name)))
    if not users:
        raise ValidationError(f"Export '{name}' is not imported by any stack.")
    shown, token = page_of(users, request, 100)
    return {"Imports": shown} | token
