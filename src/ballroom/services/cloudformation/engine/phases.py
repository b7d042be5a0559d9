"""The phases of a stack operation: how each begins, and what follows when its steps are done.

    create:  apply -> done | undo | stay as it failed | delete
    update:  apply -> clean-up -> done,  or  apply -> restore -> clean-up
    delete:  delete -> done

Source: CloudFormation User Guide, "Stack failure options", "Understand stack creation events", "Continue
rolling back an update"; recorded cases.
"""

from __future__ import annotations

from ballroom.kernel import Tx

from ..errors import ValidationError
from ..graph import Graph, reverse
from ..resource_types.base import Failure, find_type
from ..resources import (
    Garbage,
    Import,
    Operation,
    Output,
    Resource,
    Stack,
    Step,
    key,
    replace,
    resources_of,
)
from ..template.references import uses_of
from . import policy, values
from .events import set_status
from .exports import compute_outputs, forget_old_imports, graph_of, publish
from .removing import add_garbage
from .work import Scope

ENDED = ("done", "failed", "skipped")


def put_steps(tx: Tx, stack: Stack, steps: list[Step]) -> None:
    """Replace the steps of the phase before."""
    for old in tx.scan_prefix(Step, key(tx, "step", stack.uuid)):
        tx.delete(key(tx, "step", stack.uuid, old.logical_id))
    for step in steps:
        tx.put(key(tx, "step", stack.uuid, step.logical_id), step)


def put_operation(tx: Tx, stack: Stack, operation: Operation) -> Operation:
    """Store the operation."""
    tx.put(key(tx, "operation", stack.uuid), operation)
    return operation


def begin_apply(tx: Tx, stack: Stack, operation: Operation) -> None:
    """Make the steps that bring the stack to its template."""
    graph = graph_of(tx, stack)
    put_steps(tx, stack, [Step(name, "apply", needs) for name, needs in graph.items()])
    reason = _attribute_problem(tx, stack) or _forbidden_removal(tx, stack, graph)
    put_operation(tx, stack, replace(operation, phase="apply", reason=reason))


def _attribute_problem(tx: Tx, stack: Stack) -> str:
    """Attributes that a type does not have are found before anything is made, as AWS does."""
    template = values.template_of(tx, stack.desired)
    places = [
        (f"/Resources/{name}/Properties", (resource.get("Properties") or {}).items())
        for name, resource in template["Resources"].items()
    ] + [(f"/Outputs/{name}", output.items()) for name, output in template.get("Outputs", {}).items()]
    for place, members in places:
        for member, expression in members:
            for resource, attribute in uses_of(expression).attributes:
                kind = template["Resources"].get(resource, {}).get("Type", "")
                entry = find_type(kind)
                if entry is None or entry.open_attributes or not attribute:
                    continue
                if attribute not in entry.attributes and attribute.split(".")[0] not in entry.attributes:
                    return (
                        f"[Error] {place}/{member}/Fn::GetAtt: Resource type {kind} does not support attribute "
                        f"{{{attribute}}}."
                    )
    return ""


def _forbidden_removal(tx: Tx, stack: Stack, graph: Graph) -> str:
    rules = stack.policy_during_update or stack.policy
    for name, resource in resources_of(tx, stack).items() if rules else ():
        if name not in graph and (refusal := policy.denied(rules, "Update:Delete", name, resource.type)):
            return refusal
    return ""


def begin_delete(tx: Tx, stack: Stack, operation: Operation, phase: str) -> None:
    """Make the steps that delete every resource, dependents first."""
    scope = Scope.of(tx, stack, operation)
    for resource in list(scope.resources.values()):
        before = resource.before
        if before is not None and before.kind == "replaced" and before.physical_id != resource.physical_id:
            add_garbage(scope, _as_before(resource), policy="Delete", forget=False)
    needs = reverse({name: resource.needs for name, resource in scope.resources.items()})
    steps = [Step(name, "delete", others) for name, others in needs.items()]
    for number, garbage in garbage_of(tx, stack):
        steps.append(Step(f"{garbage.logical_id}#{number}", "collect", [garbage.logical_id], garbage=number))
    put_steps(tx, stack, steps)
    put_operation(tx, stack, replace(operation, phase=phase, reason=""))


# -- what follows ------------------------------------------------------------------------------------


def settle(tx: Tx, stack: Stack, operation: Operation) -> bool:
    """Every step has ended: go on to the next phase. False if the operation has ended with it."""
    steps = tx.scan_prefix(Step, key(tx, "step", stack.uuid))
    if operation.phase == "apply":
        return _applied(tx, stack, operation, steps)
    failed = sorted(step.logical_id for step in steps if step.state == "failed")
    if operation.phase == "restore":
        return _restored(tx, stack, operation, failed)
    if operation.phase == "clean-up":
        return _cleaned(tx, stack, operation, failed)
    reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]. " if failed else ""
    if operation.phase == "undo":
        stack = set_status(tx, stack, "ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", reason,
                           deleted_ms=tx.now_ms, change_set_id=None)  # fmt: skip
    else:
        stack = _deleted(tx, stack, reason)
    end(tx, stack)
    return False


def _applied(tx: Tx, stack: Stack, operation: Operation, steps: list[Step]) -> bool:
    reason = _failures(operation, steps)
    outputs: list[Output] = []
    if not reason:
        try:
            outputs = compute_outputs(tx, stack)
            publish(tx, stack, outputs)
        except (ValidationError, Failure) as problem:
            reason = f"{problem}."
            reason = reason.removesuffix("..") + ("." if reason.endswith("..") else "")
    if reason:
        return _apply_failed(tx, stack, operation, reason)
    forget_old_imports(tx, stack)
    if operation.kind == "create":
        stack = set_status(tx, stack, "CREATE_COMPLETE", outputs=outputs)
        end(tx, stack)
        return False
    stack = set_status(tx, stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", outputs=outputs)
    scope = Scope.of(tx, stack, operation)
    wanted = graph_of(tx, stack)
    for resource in list(scope.resources.values()):
        if resource.logical_id not in wanted:
            add_garbage(scope, resource, policy=resource.deletion_policy, forget=True)
        elif resource.before is not None:
            if resource.before.kind == "replaced":
                old = _as_before(resource)
                add_garbage(scope, old, policy=resource.before.replace_policy, forget=False)
            scope.put(replace(resource, before=None))
    _begin_clean_up(tx, stack, operation)
    return True


def _as_before(resource: Resource) -> Resource:
    before = resource.before
    assert before is not None
    return replace(
        resource, physical_id=before.physical_id, name=before.name, properties=before.properties,
        attributes=before.attributes, needs=before.needs,
    )  # fmt: skip


def _failures(operation: Operation, steps: list[Step]) -> str:
    if operation.reason:
        return operation.reason
    made = sorted(s.logical_id for s in steps if s.state == "failed" and s.kind == "create")
    changed = sorted(s.logical_id for s in steps if s.state == "failed" and s.kind != "create")
    parts = []
    if made:
        parts.append(f"The following resource(s) failed to create: [{', '.join(made)}].")
    if changed:
        parts.append(f"The following resource(s) failed to update: [{', '.join(changed)}].")
    return " ".join(parts)


def _apply_failed(tx: Tx, stack: Stack, operation: Operation, reason: str) -> bool:
    tx.put(key(tx, "operation", stack.uuid), operation)
    if operation.kind == "create":
        if stack.on_failure == "DO_NOTHING" or stack.disable_rollback:
            stack = set_status(tx, stack, "CREATE_FAILED", reason)
            end(tx, stack)
            return False
        if stack.on_failure == "DELETE":
            if stack.status != "DELETE_IN_PROGRESS":  # else its deletion was asked for while it was created
                stack = set_status(tx, stack, "DELETE_IN_PROGRESS", f"{reason} Delete requested by user.")
            begin_delete(tx, stack, operation, "delete")
            return True
        stack = set_status(
            tx, stack, "ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.", updated_ms=tx.now_ms
        )
        begin_delete(tx, stack, operation, "undo")
        return True
    if stack.disable_rollback and not operation.cancelled:
        stack = set_status(tx, stack, "UPDATE_FAILED", reason)
        end(tx, stack)
        return False
    stack = set_status(tx, stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
    begin_restore(tx, stack, operation)
    return True


def begin_restore(tx: Tx, stack: Stack, operation: Operation) -> None:
    """Make the steps that bring every touched resource back."""
    touched = {name: res for name, res in resources_of(tx, stack).items() if res.before is not None}
    graph = {
        name: [other for other in resource.before.needs if other in touched] if resource.before else []
        for name, resource in touched.items()
    }
    put_steps(tx, stack, [Step(name, "restore", needs) for name, needs in graph.items()])
    put_operation(tx, stack, replace(operation, phase="restore", reason="", rolled_back=True))


def _restored(tx: Tx, stack: Stack, operation: Operation, failed: list[str]) -> bool:
    if failed:
        stack = set_status(
            tx,
            stack,
            "UPDATE_ROLLBACK_FAILED",
            f"The following resource(s) failed to update: [{', '.join(failed)}]. ",
        )
        put_steps(tx, stack, [])
        put_operation(tx, stack, replace(operation, phase="stuck", reason=""))
        tell_parent(tx, stack)
        return False
    before = operation.before
    assert before is not None
    abandoned, stack = stack.desired.template, replace(stack, desired=before)
    stack = set_status(tx, stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", change_set_id=None)
    _forget_template(tx, stack, abandoned)
    forget_old_imports(tx, stack)
    scope = Scope.of(tx, stack, operation)
    for resource in list(scope.resources.values()):
        if resource.before is not None and resource.before.kind == "created":
            add_garbage(scope, resource, policy="Delete", forget=True)
    _begin_clean_up(tx, stack, operation)
    return True


def _begin_clean_up(tx: Tx, stack: Stack, operation: Operation) -> None:
    rows = garbage_of(tx, stack)
    steps = []
    for number, garbage in rows:
        users = [
            f"{other.logical_id}#{n}" for n, other in rows if garbage.logical_id in other.needs and n != number
        ]
        steps.append(Step(f"{garbage.logical_id}#{number}", "collect", users, garbage=number))
    put_steps(tx, stack, _without_cycles(steps))
    put_operation(tx, stack, replace(operation, phase="clean-up", reason=""))


def garbage_of(tx: Tx, stack: Stack) -> list[tuple[int, Garbage]]:
    """What an update left over, with its numbers."""
    return [
        (int(row[-1]), garbage)
        for row, garbage in tx.scan_prefix_items(Garbage, key(tx, "garbage", stack.uuid))
    ]


def _without_cycles(steps: list[Step]) -> list[Step]:
    """Old and new resources may need each other's names: then the order does not matter."""
    waiting = {step.logical_id: set(step.needs) for step in steps}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
    return [replace(step, needs=[]) if step.logical_id in waiting else step for step in steps]


def _cleaned(tx: Tx, stack: Stack, operation: Operation, failed: list[str]) -> bool:
    if operation.rolled_back:
        stack = set_status(tx, stack, "UPDATE_ROLLBACK_COMPLETE")
    else:
        reason = "Update successful. One or more resources could not be deleted." if failed else ""
        stack = set_status(tx, stack, "UPDATE_COMPLETE", reason)
        if operation.before is not None:
            _forget_template(tx, stack, operation.before.template)
    end(tx, stack)
    return False


def _deleted(tx: Tx, stack: Stack, reason: str) -> Stack:
    if reason:
        return set_status(tx, stack, "DELETE_FAILED", reason)
    for output in stack.outputs:
        if output.export is not None:
            tx.delete(key(tx, "export", output.export))
    for row, _ in tx.scan_prefix_items(Import, key(tx, "import")):
        if row[-1] == stack.uuid:
            tx.delete(row)
    return set_status(tx, stack, "DELETE_COMPLETE", deleted_ms=tx.now_ms, outputs=[], change_set_id=None)


def end(tx: Tx, stack: Stack) -> None:
    """The operation is over."""
    operation = tx.get(Operation, key(tx, "operation", stack.uuid))
    put_steps(tx, stack, [])
    tx.delete(key(tx, "operation", stack.uuid))
    if operation is not None and operation.deadline_ms is not None:
        tx.cancel_wake(operation.deadline_ms, "cloudformation.wake", tx.account, tx.region, stack.uuid)
    if stack.policy_during_update is not None:
        tx.put(key(tx, "stack", stack.uuid), replace(stack, policy_during_update=None))
    tell_parent(tx, stack)


def tell_parent(tx: Tx, stack: Stack) -> None:
    """A nested stack's parent waits for it."""
    from .drive import wake

    if stack.parent_id is not None:
        wake(tx, stack.parent_id.rsplit("/", 1)[1])


def _forget_template(tx: Tx, stack: Stack, template_id: str) -> None:
    if template_id != stack.desired.template:
        tx.delete(key(tx, "template", template_id))
