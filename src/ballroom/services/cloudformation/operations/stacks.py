"""Creating, updating and deleting stacks."""

from __future__ import annotations

import re
from typing import Any

from ballroom.kernel import Context, Request, Response, ServiceError, Tx, operation

from .. import actions
from ..engine import values
from ..engine.policy import check_policy
from ..errors import AlreadyExists, ValidationError
from ..fetch import read_object, template_text
from ..resources import (
    Desired,
    Event,
    Stack,
    find_stack,
    key,
    load_live,
    load_stack,
    replace,
    save_stack,
)
from ..submit import Prepared, desired_of, prepare, previous_text

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*\Z")
_NAME_PATTERN = "[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
POLICY_LIMIT = 16_384


def check_name(name: str) -> None:
    """Refuse what cannot be a stack's name.

    Source: recorded case test_stack_name_creation.
    """
    if not _NAME.match(name):
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must "
            f"satisfy regular expression pattern: {_NAME_PATTERN}"
        )
    if len(name) > 128:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must "
            "have length less than or equal to 128"
        )


def check_role(tx: Tx, request: Request) -> None:
    """The role that the stack is to be handled with must exist. Calls are made for the caller all the same."""
    arn = request.get("RoleARN")
    if arn is None:
        return
    try:
        tx.call("iam", "GetRole", {"RoleName": arn.rsplit("/", 1)[-1]})
    except ServiceError:
        raise ValidationError(f"Role {arn} is invalid or cannot be assumed") from None


def check_tags(request: Request) -> None:
    """Refuse tags that AWS keeps for itself, and repeated ones."""
    keys = [tag["Key"] for tag in request.get("Tags", [])]
    for name in keys:
        if name.lower().startswith("aws:"):
            raise ValidationError(f"aws: prefixed tag key names are not allowed for external use. [{name}]")
    if len(set(keys)) != len(keys):
        raise ValidationError("Tag keys must be unique.")


async def policy_text(ctx: Context, request: Request, body: str, url: str) -> str | None:
    """A stack policy from the request, checked; None if there is none."""
    if request.get(body) and request.get(url):
        raise ValidationError(f"You cannot specify both {url} and {body}")
    text = request.get(body)
    if request.get(url):
        text = await read_object(ctx, request[url], POLICY_LIMIT)
    return check_policy(text) if text else None


async def start_stack(ctx: Context, request: Request, *, parent: Stack | None = None) -> Stack:
    """Create a stack, for a client or for the stack that it is nested in."""
    name = request["StackName"]
    check_name(name)
    check_tags(request)
    on_failure = _on_failure(request)
    repeated = ctx.transact(_repeated, name, request.get("ClientRequestToken"))
    if repeated is not None:
        return repeated
    text = await template_text(ctx, request)
    policy = await policy_text(ctx, request, "StackPolicyBody", "StackPolicyURL")
    stack_id = ctx.transact(actions.new_stack_id, name)
    names = values.names_of(
        stack_id, name, ctx.caller.account, ctx.caller.region,
        Desired("", notification_arns=list(request.get("NotificationARNs", []))),
    )  # fmt: skip
    prepared = await prepare(ctx, request, names, text)
    if prepared.refusal is not None:
        raise prepared.refusal

    def create(tx: Tx) -> Stack:
        if find_stack(tx, name) is not None:
            raise AlreadyExists(f"Stack [{name}] already exists")
        check_role(tx, request)
        stack = Stack(
            stack_id, name, tx.now_ms, "CREATE_IN_PROGRESS", desired_of(tx, prepared, request, None),
            on_failure=on_failure, disable_rollback=request.get("DisableRollback", False),
            timeout_minutes=request.get("TimeoutInMinutes"), policy=policy,
            protected=request.get("EnableTerminationProtection", False),
            parent_id=parent.id if parent else None,
            root_id=(parent.root_id or parent.id) if parent else None,
            retain_except_on_create=request.get("RetainExceptOnCreate", False),
        )  # fmt: skip
        save_stack(tx, stack)
        return actions.begin_create(tx, stack, request.get("ClientRequestToken"))

    return ctx.transact(create)


def _on_failure(request: Request) -> str:
    if "OnFailure" in request and "DisableRollback" in request:
        raise ValidationError("Specify either DisableRollback or OnFailure, but not both.")
    return str(request.get("OnFailure", "ROLLBACK"))


def _repeated(tx: Tx, name: str, token: str | None) -> Stack | None:
    """The stack that the same request has created already.

    Raises:
        AlreadyExists: another request has.
    """
    stack = find_stack(tx, name)
    if stack is None:
        return None
    first = tx.scan_prefix(Event, key(tx, "event", stack.uuid), limit=1)
    if token is not None and first and first[0].token == token:
        return stack
    raise AlreadyExists(f"Stack [{name}] already exists")


@operation("CreateStack")
async def create_stack(ctx: Context, request: Request) -> Response:
    """Begin to create a stack from a template.

    Raises:
        AlreadyExists: a live stack has the name.
        ValidationError: the template or its parameters are refused; nothing is created then.
        InsufficientCapabilities: the template needs more than is acknowledged.

    Source: CloudFormation API Reference, CreateStack.
    """
    return {"StackId": (await start_stack(ctx, request)).id}


async def change_stack(ctx: Context, request: Request) -> Stack | None:
    """Update a stack; None if there is nothing to update."""
    check_tags(request)
    stack = ctx.transact(_updatable, request["StackName"], request.get("ClientRequestToken"))
    if isinstance(stack, str):
        return ctx.transact(load_stack, stack)
    text = await template_text(ctx, request, ctx.transact(previous_text, stack))
    policy = await policy_text(ctx, request, "StackPolicyBody", "StackPolicyURL")
    during = await policy_text(ctx, request, "StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL")
    names = values.names_of(
        stack.id, stack.name, ctx.caller.account, ctx.caller.region,
        replace(stack.desired, notification_arns=request.get("NotificationARNs",
        stack.desired.notification_arns)),
    )  # fmt: skip
    prepared = await prepare(ctx, request, names, text, stack)
    if prepared.refusal is not None:
        raise prepared.refusal
    return ctx.transact(_update, request, prepared, policy, during)


def _updatable(tx: Tx, name: str, token: str | None) -> Stack | str:
    stack = find_stack(tx, name)
    if stack is None or stack.is_deleted:
        raise ValidationError(f"Stack [{name}] does not exist")
    if token is not None and stack.status == "UPDATE_IN_PROGRESS":
        last = tx.scan_prefix(Event, key(tx, "event", stack.uuid), limit=1, reverse=True)
        if last and last[0].token == token:
            return stack.id
    actions.check_updatable(stack)
    return stack


def _update(
    tx: Tx, request: Request, prepared: Prepared, policy: str | None, during: str | None
) -> Stack | None:
    stack = _updatable(tx, request["StackName"], None)
    assert isinstance(stack, Stack)
    check_role(tx, request)
    desired = desired_of(tx, prepared, request, stack)
    actions.check_types_kept(tx, stack, desired)
    retrying = stack.status.endswith("_FAILED")
    if not retrying and actions.is_same(tx, stack, desired, actions.compare(tx, stack, desired)):
        tx.delete(key(tx, "template", desired.template))
        return None
    changes: dict[str, Any] = {"policy_during_update": during, "change_set_id": None}
    if policy is not None:
        changes["policy"] = policy
    if "DisableRollback" in request:
        changes["disable_rollback"] = request["DisableRollback"]
    if "RetainExceptOnCreate" in request:
        changes["retain_except_on_create"] = request["RetainExceptOnCreate"]
    return actions.begin_update(tx, stack, desired, request.get("ClientRequestToken"), **changes)


@operation("UpdateStack")
async def update_stack(ctx: Context, request: Request) -> Response:
    """Begin to bring a stack to another template, other parameters or tags.

    Raises:
        ValidationError: there is nothing to update ("No updates are to be performed."), or see CreateStack.

    Source: CloudFormation API Reference, UpdateStack.
    """
    stack = await change_stack(ctx, request)
    if stack is None:
        raise ValidationError(actions.NO_UPDATES)
    return {"StackId": stack.id}


@operation("DeleteStack")
def delete_stack(tx: Tx, request: Request) -> Response:
    """Begin to delete a stack; one that does not exist is deleted already.

    Source: CloudFormation API Reference, DeleteStack.
    """
    stack = find_stack(tx, request["StackName"])
    if stack is not None and not stack.is_deleted:
        actions.begin_delete(tx, stack, request)
    return {}


@operation("CancelUpdateStack")
def cancel_update_stack(tx: Tx, request: Request) -> Response:
    """Stop an update and roll it back.

    Source: CloudFormation API Reference, CancelUpdateStack.
    """
    actions.cancel_update(tx, load_live(tx, request["StackName"]), request.get("ClientRequestToken"))
    return {}


@operation("ContinueUpdateRollback")
def continue_update_rollback(tx: Tx, request: Request) -> Response:
    """Try a rollback that failed again, skipping resources that cannot go back.

    Source: CloudFormation API Reference, ContinueUpdateRollback.
    """
    stack = load_live(tx, request["StackName"])
    skip = request.get("ResourcesToSkip", [])
    actions.continue_rollback(tx, stack, skip, request.get("ClientRequestToken"))
    return {}


@operation("UpdateTerminationProtection")
def update_termination_protection(tx: Tx, request: Request) -> Response:
    """Protect a stack from deletion, or no longer.

    Source: CloudFormation API Reference, UpdateTerminationProtection.
    """
    stack = load_live(tx, request["StackName"])
    if stack.parent_id is not None:
        raise ValidationError("Termination protection cannot be changed for nested stacks")
    stack = save_stack(tx, replace(stack, protected=request["EnableTerminationProtection"]))
    return {"StackId": stack.id}


__all__ = ["change_stack", "start_stack"]
