"""Change sets: what an update would do, before it is done."""

from __future__ import annotations

import json
from typing import Any

from ballroom.kernel import Context, Request, Response, ServiceError, Tx, operation
from ballroom.kernel.arn import make_arn

from .. import actions
from ..engine import values
from ..engine.events import set_status
from ..errors import (
    AlreadyExists,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    ValidationError,
)
from ..fetch import template_text
from ..resources import (
    ChangeSet,
    Desired,
    Stack,
    find_stack,
    key,
    replace,
    save_stack,
    uuid_of,
)
from ..submit import Prepared, desired_of, prepare, previous_text
from .paging import page_of
from .stacks import check_name, check_role, check_tags
from .visibility import parameters_to_wire

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


@operation("CreateChangeSet")
async def create_change_set(ctx: Context, request: Request) -> Response:
    """Work out what a stack's creation or update would do. It is complete when this answers.

    Raises:
        ValidationError: the template or its parameters are refused.
        AlreadyExists: the stack has a change set of that name.

    Source: CloudFormation API Reference, CreateChangeSet; recorded cases test_changesets, test_change_set_*.
    """
    kind = request.get("ChangeSetType", "UPDATE")
    if kind == "IMPORT" or request.get("ResourcesToImport"):
        raise ValidationError("Ballroom does not support change sets of type IMPORT")
    # ImportExistingResources is taken without effect, since the CDK sends it to bootstrap: a resource that
    # exists already fails its creation, as it does without
    if request.get("DeploymentMode"):
        raise ValidationError("Ballroom does not support DeploymentMode in change sets")
    check_tags(request)
    stack = ctx.transact(_stack_for, request, kind)
    previous = None
    if request.get("UsePreviousTemplate") and stack.status != "REVIEW_IN_PROGRESS":
        previous = ctx.transact(previous_text, stack)
    text = await template_text(ctx, request, previous)
    names = values.names_of(
        stack.id, stack.name, ctx.caller.account, ctx.caller.region,
        replace(stack.desired, notification_arns=request.get("NotificationARNs",
        stack.desired.notification_arns)),
    )  # fmt: skip
    # a stack under review has the parameters of its first change set, as DescribeStacks shows
    existing = stack if stack.desired.template else None
    try:
        prepared = await prepare(ctx, request, names, text, existing)
    except ValidationError as refusal:
        if not refusal.text.startswith("Transform "):
            raise
        return ctx.transact(_store_failed, request, kind, stack, text, refusal.text)
    if prepared.refusal is not None:
        return ctx.transact(_store_failed, request, kind, stack, text, prepared.refusal.text)
    return ctx.transact(_store, request, kind, stack, prepared)


def _stack_for(tx: Tx, request: Request, kind: str) -> Stack:
    """The stack that it is for; a stack to be, which is not stored yet, if the change set creates one."""
    name = request["StackName"]
    stack = find_stack(tx, name)
    if stack is not None and stack.is_deleted:
        stack = None
    if kind == "CREATE":
        if stack is None:
            check_name(name)
            stack_id = actions.new_stack_id(tx, name)
            stack = Stack(stack_id, name, tx.now_ms, "REVIEW_IN_PROGRESS", Desired(""))
        elif stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet "
                f"[{request['ChangeSetName']}]."
            )
    elif stack is None:
        raise ValidationError(f"Stack [{name}] does not exist")
    elif stack.status != "REVIEW_IN_PROGRESS":
        actions.check_updatable(stack)
    if tx.get(ChangeSet, key(tx, "change-set", stack.uuid, request["ChangeSetName"])) is not None:
        raise AlreadyExists(f"ChangeSet {request['ChangeSetName']} already exists for stack {stack.name}")
    return stack


def _store_stack(tx: Tx, request: Request, kind: str, stack: Stack, desired: Desired) -> Stack:
    again = _stack_for(tx, request, kind)
    if again.status == "REVIEW_IN_PROGRESS" and find_stack(tx, stack.name) is None:
        stack = replace(stack, desired=desired)
        save_stack(tx, stack)
        return set_status(tx, stack, "REVIEW_IN_PROGRESS", actions.USER)
    return again if again.status != "REVIEW_IN_PROGRESS" or again.id != stack.id else stack


def _new(tx: Tx, request: Request, kind: str, stack: Stack, desired: Desired, **fields: Any) -> ChangeSet:
    name = request["ChangeSetName"]
    return ChangeSet(
        id=make_arn("cloudformation", tx.region, tx.account, f"changeSet/{name}/{tx.ids.uuid()}"),
        name=name, stack_id=stack.id, created_ms=tx.now_ms, desired=desired, kind=kind,
        description=request.get("Description"), include_nested=request.get("IncludeNestedStacks", False),
        on_failure=request.get("OnStackFailure"), token=request.get("ClientToken"), **fields,
    )  # fmt: skip


def _store(tx: Tx, request: Request, kind: str, stack: Stack, prepared: Prepared) -> Response:
    check_role(tx, request)
    before = stack if stack.status != "REVIEW_IN_PROGRESS" else None
    desired = desired_of(tx, prepared, request, before)
    stack = _store_stack(tx, request, kind, stack, replace(desired, template=desired.template))
    if before is not None:
        actions.check_types_kept(tx, stack, desired)
    comparison = actions.compare(tx, stack, desired)
    status: dict[str, Any] = {"status": "CREATE_COMPLETE", "execution_status": "AVAILABLE"}
    if before is not None and actions.is_same(tx, stack, desired, comparison):
        status = {"status": "FAILED", "execution_status": "UNAVAILABLE", "reason": NO_CHANGES}
    change_set = _new(
        tx, request, kind, stack, desired, changes=json.dumps(comparison.detailed),
        plain_changes=json.dumps(comparison.plain), **status,
    )  # fmt: skip
    return _put(tx, stack, change_set)


def _store_failed(tx: Tx, request: Request, kind: str, stack: Stack, text: str, reason: str) -> Response:
    """A change set whose template's transforms fail: it is there, and says why."""
    desired = Desired("", tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
                      capabilities=list(request.get("Capabilities", [])))  # fmt: skip
    stack = _store_stack(tx, request, kind, stack, desired)
    return _put(
        tx, stack,
        _new(tx, request, kind, stack, desired, status="FAILED", execution_status="UNAVAILABLE", reason=reason),
    )  # fmt: skip


def _put(tx: Tx, stack: Stack, change_set: ChangeSet) -> Response:
    tx.put(key(tx, "change-set", stack.uuid, change_set.name), change_set)
    return {"Id": change_set.id, "StackId": stack.id}


def load_change_set(tx: Tx, request: Request) -> tuple[Stack, ChangeSet]:
    """The change set that a request names, by its id or by names.

    Raises:
        ValidationError: the stack's name is missing, or there is no such stack.
        ChangeSetNotFound: there is no such change set.
    """
    name = request["ChangeSetName"]
    if name.startswith("arn:"):
        for _, found in tx.scan_prefix_items(ChangeSet, key(tx, "change-set")):
            if found.id == name:
                stack = tx.get(Stack, key(tx, "stack", uuid_of(found.stack_id)))
                assert stack is not None
                return stack, found
        raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
    if not request.get("StackName"):
        raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = find_stack(tx, request["StackName"])
    if stack is None:
        raise _missing(request["StackName"])
    change_set = tx.get(ChangeSet, key(tx, "change-set", stack.uuid, name))
    if change_set is None:
        raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
    return stack, change_set


def _missing(name: str) -> ServiceError:
    return ValidationError(f"Stack [{name}] does not exist")


@operation("DescribeChangeSet")
def describe_change_set(tx: Tx, request: Request) -> Response:
    """A change set and its changes.

    Source: CloudFormation API Reference, DescribeChangeSet.
    """
    stack, change_set = load_change_set(tx, request)
    desired = change_set.desired
    text = change_set.changes if request.get("IncludePropertyValues") else change_set.plain_changes
    shown, token = page_of(json.loads(text), {**request, "MaxResults": 200}, 200)
    wire: dict[str, Any] = {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description,
        "Parameters": parameters_to_wire(desired.parameters, desired.fetched, desired.hidden) or None,
        "CreationTime": change_set.created_ms,
        "ExecutionStatus": change_set.execution_status,
        "Status": change_set.status,
        "StatusReason": change_set.reason or None,
        "NotificationARNs": desired.notification_arns,
        "RollbackConfiguration": json.loads(desired.rollback_configuration),
        "Capabilities": desired.capabilities,
        "Tags": [{"Key": name, "Value": value} for name, value in desired.tags.items()] or None,
        "Changes": shown,
        "IncludeNestedStacks": change_set.include_nested,
        "OnStackFailure": change_set.on_failure,
    }
    return {name: value for name, value in wire.items() if value is not None} | token


@operation("ListChangeSets")
def list_change_sets(tx: Tx, request: Request) -> Response:
    """A stack's change sets.

    Source: CloudFormation API Reference, ListChangeSets.
    """
    stack = find_stack(tx, request["StackName"])
    if stack is None:
        raise _missing(request["StackName"])
    found = tx.scan_prefix(ChangeSet, key(tx, "change-set", stack.uuid))
    shown, token = page_of(found, request, 100)
    return {"Summaries": [_summary(stack, change_set) for change_set in shown]} | token


def _summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    wire = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": change_set.execution_status,
        "Status": change_set.status,
        "StatusReason": change_set.reason or None,
        "CreationTime": change_set.created_ms,
        "Description": change_set.description,
        "IncludeNestedStacks": change_set.include_nested,
    }
    return {name: value for name, value in wire.items() if value is not None}


@operation("ExecuteChangeSet")
def execute_change_set(tx: Tx, request: Request) -> Response:
    """Begin what a change set proposes. The stack's other change sets go: they were about what it was.

    Source: CloudFormation API Reference, ExecuteChangeSet.
    """
    stack, change_set = load_change_set(tx, request)
    if change_set.execution_status != "AVAILABLE":
        raise InvalidChangeSetStatus(
            f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}]"
        )
    if request.get("DisableRollback") and change_set.on_failure:
        raise ValidationError("Specify either DisableRollback or OnStackFailure, but not both.")
    token = request.get("ClientRequestToken")
    disable = request.get("DisableRollback", change_set.on_failure == "DO_NOTHING")
    for other in tx.scan_prefix(ChangeSet, key(tx, "change-set", stack.uuid)):
        tx.delete(key(tx, "change-set", stack.uuid, other.name))
        if other.id != change_set.id and other.desired.template:
            tx.delete(key(tx, "template", other.desired.template))
    if stack.status == "REVIEW_IN_PROGRESS":
        stack = replace(
            stack, desired=change_set.desired, change_set_id=change_set.id, updated_ms=tx.now_ms,
            disable_rollback=disable,
            on_failure="DELETE" if change_set.on_failure == "DELETE" else "ROLLBACK",
            retain_except_on_create=request.get("RetainExceptOnCreate", False),
        )  # fmt: skip
        actions.begin_create(tx, save_stack(tx, stack), token)
        return {}
    actions.check_updatable(stack)
    actions.begin_update(
        tx, stack, change_set.desired, token, change_set_id=change_set.id, disable_rollback=disable
    )
    return {}


@operation("DeleteChangeSet")
def delete_change_set(tx: Tx, request: Request) -> Response:
    """Forget a change set; one that does not exist is forgotten already.

    Source: CloudFormation API Reference, DeleteChangeSet.
    """
    name = request["ChangeSetName"]
    if (
        not name.startswith("arn:")
        and request.get("StackName")
        and find_stack(tx, request["StackName"]) is None
    ):
        raise _missing(request["StackName"])
    try:
        stack, change_set = load_change_set(tx, request)
    except ChangeSetNotFound:
        return {}
    tx.delete(key(tx, "change-set", stack.uuid, change_set.name))
    if change_set.desired.template and change_set.desired.template != stack.desired.template:
        tx.delete(key(tx, "template", change_set.desired.template))
    return {}
