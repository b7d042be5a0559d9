"""Begins what is done to stacks, each in one transaction: creating, updating, deleting. The engine goes on."""

from __future__ import annotations

from ballroom.kernel import Request, Tx
from ballroom.kernel.arn import make_arn

from .changes import Comparison, Side
from .engine import exports, phases, values
from .engine.drive import wake
from .engine.events import set_status
from .errors import ValidationError
from .graph import dependencies
from .resources import (
    Desired,
    Export,
    Operation,
    Stack,
    key,
    replace,
    resources_of,
    to_json,
)
from .template.evaluate import Evaluator

UPDATABLE = ("CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE")
USER = "User Initiated"
NO_UPDATES = "No updates are to be performed."


def new_stack_id(tx: Tx, name: str) -> str:
    """The id of a stack to be."""
    return make_arn("cloudformation", tx.region, tx.account, f"stack/{name}/{tx.ids.uuid()}")


def new_operation(tx: Tx, kind: str, token: str | None, **more: object) -> Operation:
    """An operation for the caller."""
    caller = tx.caller
    who = [caller.account, caller.region, caller.arn, caller.user_id, caller.request_id]
    return Operation(tx.ids.uuid(), kind, "apply", who, token, **more)  # type: ignore[arg-type]


def begin_create(tx: Tx, stack: Stack, token: str | None) -> Stack:
    """Start to create the stack's resources. The stack is new, or was only reviewed."""
    operation = new_operation(tx, "create", token)
    if stack.timeout_minutes is not None:
        deadline = tx.now_ms + stack.timeout_minutes * 60_000
        operation = replace(operation, deadline_ms=deadline)
        tx.wake_at(deadline, "cloudformation.wake", tx.account, tx.region, stack.uuid)
    phases.put_operation(tx, stack, operation)
    stack = set_status(tx, stack, "CREATE_IN_PROGRESS", USER)
    phases.begin_apply(tx, stack, operation)
    wake(tx, stack.uuid)
    return stack


def check_updatable(stack: Stack) -> None:
    """Refuse an update of a stack that something is done to, or that never came to be."""
    if stack.status not in UPDATABLE:
        raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def compare(tx: Tx, stack: Stack, desired: Desired) -> Comparison:
    """What bringing the stack to `desired` would change."""
    template = values.template_of(tx, desired)
    names = values.names_of(stack.id, stack.name, tx.account, tx.region, desired)
    found = values.parameter_values(template, desired)

    def exported(name: str) -> str:
        export = tx.get(Export, key(tx, "export", name))
        if export is None:
            raise ValidationError(f"No export named {name} found.")
        return export.value

    graph = dependencies(template, Evaluator(template, found, names, import_value=exported).conditions())
    before = None
    if stack.status != "REVIEW_IN_PROGRESS":
        old = values.template_of(tx, stack.desired)
        texts = stack.desired.parameters | stack.desired.fetched
        before = Side(old, values.parameter_values(old, stack.desired), texts, stack.desired.tags)
    after = Side(template, found, desired.parameters | desired.fetched, desired.tags, frozenset(desired.hidden))
    return Comparison(before, after, graph, resources_of(tx, stack), names, exported)


def is_same(tx: Tx, stack: Stack, desired: Desired, comparison: Comparison) -> bool:
    """Whether an update would do nothing at all."""
    if not comparison.is_empty:
        return False
    before, after = values.template_of(tx, stack.desired), values.template_of(tx, desired)
    if stack.desired.tags != desired.tags or stack.desired.notification_arns != desired.notification_arns:
        return False
    outputs = [
        to_json(
            [
                template.get("Outputs"),
                template.get("Mappings") if "FindInMap" in str(template.get("Outputs")) else None,
            ]
        )
        for template in (before, after)
    ]
    if outputs[0] != outputs[1]:
        return False
    if after.get("Outputs") and stack.desired.parameters != desired.parameters:
        changed = replace(stack, desired=desired)
        return exports.compute_outputs(tx, changed) == stack.outputs
    return True


def check_types_kept(tx: Tx, stack: Stack, desired: Desired) -> None:
    """A logical id keeps its type."""
    template = values.template_of(tx, desired)
    changed = sorted(
        name
        for name, resource in resources_of(tx, stack).items()
        if resource.physical_id
        and template["Resources"].get(name, {}).get("Type", resource.type) != resource.type
    )
    if changed:
        raise ValidationError(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            "following "
            f"resources: [{', '.join(changed)}]"
        )


def begin_update(tx: Tx, stack: Stack, desired: Desired, token: str | None, **changes: object) -> Stack:
    """Start to bring the stack to `desired`."""
    operation = new_operation(tx, "update", token, before=stack.desired, previous_status=stack.status)
    phases.put_operation(tx, stack, operation)
    stack = set_status(
        tx,
        replace(stack, desired=desired),
        "UPDATE_IN_PROGRESS",
        "",
        shown=USER,
        updated_ms=tx.now_ms,
        **changes,
    )
    phases.begin_apply(tx, stack, operation)
    wake(tx, stack.uuid)
    return stack


def begin_delete(tx: Tx, stack: Stack, request: Request) -> None:
    """Start to delete the stack, unless that is forbidden.

    Raises:
        ValidationError: protected, or busy with something else.
    """
    if stack.protected:
        raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    retain = request.get("RetainResources", [])
    if retain and stack.status != "DELETE_FAILED":
        raise ValidationError(
            f"Invalid operation on stack [{stack.id}]. RetainResources can only be specified when the "
            "stack is in the "
            "DELETE_FAILED state"
        )
    if stack.status == "DELETE_IN_PROGRESS":
        return
    operation = tx.get(Operation, key(tx, "operation", stack.uuid))
    token = request.get("ClientRequestToken")
    if operation is not None and operation.phase != "stuck":
        if stack.status != "CREATE_IN_PROGRESS":
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
        # What is being made ends first, so that nothing is left behind; then everything goes.
        phases.put_operation(tx, stack, replace(operation, reason="Stack deletion requested.", token=token))
        set_status(tx, stack, "DELETE_IN_PROGRESS", USER, on_failure="DELETE", disable_rollback=False)
        wake(tx, stack.uuid)
        return
    for output in stack.outputs:
        if output.export is not None and (users := exports.importers(tx, output.export)):
            others = exports.join_names(users)
            reason = f"Delete canceled. Cannot delete export {output.export} as it is in use by {others}."
            set_status(tx, stack, stack.status, reason)
            phases.tell_parent(tx, stack)
            return
    unknown = [name for name in retain if name not in resources_of(tx, stack)]
    if unknown:
        raise ValidationError(f"Resources {unknown} do not exist in stack {stack.name}")
    operation = new_operation(tx, "delete", token, retain=retain, previous_status=stack.status)
    phases.put_operation(tx, stack, operation)
    stack = set_status(tx, stack, "DELETE_IN_PROGRESS", USER)
    phases.begin_delete(tx, stack, operation, "delete")
    wake(tx, stack.uuid)


def cancel_update(tx: Tx, stack: Stack, token: str | None) -> None:
    """Stop an update and go back."""
    operation = tx.get(Operation, key(tx, "operation", stack.uuid))
    if stack.status != "UPDATE_IN_PROGRESS" or operation is None or operation.phase != "apply":
        raise ValidationError("CancelUpdateStack cannot be called from current stack status")
    operation = replace(operation, reason=USER, cancelled=True, token=token or operation.token)
    phases.put_operation(tx, stack, operation)
    wake(tx, stack.uuid)


def continue_rollback(tx: Tx, stack: Stack, skip: list[str], token: str | None) -> None:
    """Try again to go back, leaving out what cannot."""
    operation = tx.get(Operation, key(tx, "operation", stack.uuid))
    if stack.status != "UPDATE_ROLLBACK_FAILED" or operation is None:
        raise ValidationError(
            f"Stack:{stack.id} is in {stack.status} state and can not continue update rollback."
        )
    resources = resources_of(tx, stack)
    for name in skip:
        if name not in resources or resources[name].status != "UPDATE_FAILED":
            raise ValidationError(f"Specify only resources in UPDATE_FAILED state to skip: [{name}] is not")
    stack = set_status(tx, stack, "UPDATE_ROLLBACK_IN_PROGRESS", USER)
    operation = replace(operation, skip=skip, token=token)
    phases.put_operation(tx, stack, operation)
    phases.begin_restore(tx, stack, operation)
    wake(tx, stack.uuid)
