"""Steps that take back: going back to what was, deleting, and clearing away what an update left over."""

from __future__ import annotations

from ..resource_types.base import find_type
from ..resources import Garbage, Resource, Step, from_json, key, replace
from .events import note_resource, shown_properties
from .work import Scope, Work, back_to, work_of


def begin_restore(scope: Scope, step: Step) -> Work | None:
    """Bring a resource back to how it stood before the update under way."""
    tx, resource = scope.tx, scope.resources[step.logical_id]
    before = resource.before
    assert before is not None
    entry = find_type(resource.type)
    assert entry is not None
    if before.kind == "created" or step.logical_id in scope.operation.skip:
        if before.kind != "created":
            kept = scope.put(replace(resource, status="UPDATE_COMPLETE", updated_ms=tx.now_ms, before=None))
            note_resource(tx, scope.stack, kept, reason="Resource was skipped by ResourcesToSkip")
        scope.save(replace(step, state="done", kind="keep"))
        return None
    started = scope.put(replace(resource, status="UPDATE_IN_PROGRESS", updated_ms=tx.now_ms, reason=""))
    note_resource(tx, scope.stack, started, properties=shown_properties(from_json(before.properties)))
    if before.kind == "replaced":
        restored = scope.put(
            replace(back_to(resource), status="UPDATE_COMPLETE", updated_ms=tx.now_ms, reason="")
        )
        note_resource(tx, scope.stack, restored, properties=shown_properties(from_json(before.properties)))
        if resource.physical_id and resource.physical_id != before.physical_id:
            add_garbage(scope, resource, policy="Delete", forget=False)
        scope.save(replace(step, state="done", kind="keep"))
        return None
    step = scope.save(
        replace(step, state="running", kind="update", token=tx.ids.uuid(), name=before.name,
                physical_id=before.physical_id, properties=before.properties, tags=before.tags)
    )  # fmt: skip
    return work_of(scope, step, entry, started)


def add_garbage(scope: Scope, resource: Resource, *, policy: str, forget: bool) -> None:
    """Something that must go once the update, or its rollback, stands."""
    tx = scope.tx
    last = tx.scan_prefix_items(Garbage, key(tx, "garbage", scope.stack.uuid), limit=1, reverse=True)
    number = int(last[0][0][-1]) + 1 if last else 0
    tx.put(
        key(tx, "garbage", scope.stack.uuid, number),
        Garbage(
            resource.logical_id, resource.type, resource.physical_id, resource.name, resource.properties,
            resource.attributes, policy, resource.needs, forget,
        ),
    )  # fmt: skip


def begin_delete(scope: Scope, step: Step) -> Work | None:
    """Delete one of the stack's resources, or leave it as its policy says."""
    tx, resource = scope.tx, scope.resources[step.logical_id]
    if resource.status == "DELETE_COMPLETE":
        scope.save(replace(step, state="done"))
        return None
    shown = shown_properties(from_json(resource.properties))
    retained = resource.deletion_policy == "Retain" or (
        resource.deletion_policy == "RetainExceptOnCreate" and scope.operation.kind == "delete"
    )
    if scope.stack.retain_except_on_create and scope.operation.kind == "create":
        retained = False
    if (retained and resource.physical_id) or step.logical_id in scope.operation.retain:
        kept = scope.put(replace(resource, status="DELETE_SKIPPED", updated_ms=tx.now_ms, reason=""))
        note_resource(tx, scope.stack, kept, properties=shown)
        scope.save(replace(step, state="done"))
        return None
    if not resource.physical_id:  # it was never made
        gone = scope.put(replace(resource, status="DELETE_COMPLETE", updated_ms=tx.now_ms, reason=""))
        note_resource(tx, scope.stack, gone, properties=shown)
        scope.save(replace(step, state="done"))
        return None
    started = scope.put(replace(resource, status="DELETE_IN_PROGRESS", updated_ms=tx.now_ms, reason=""))
    note_resource(tx, scope.stack, started, properties=shown)
    entry = find_type(resource.type)
    assert entry is not None
    step = scope.save(
        replace(step, state="running", kind="delete", token=tx.ids.uuid(), name=resource.name,
                physical_id=resource.physical_id, properties=resource.properties)
    )  # fmt: skip
    return work_of(scope, step, entry, resource)


def begin_collect(scope: Scope, step: Step) -> Work | None:
    """Clear away something that an update left over."""
    tx = scope.tx
    garbage = tx.get(Garbage, key(tx, "garbage", scope.stack.uuid, step.garbage))
    assert garbage is not None
    ghost = ghost_of(garbage, tx.now_ms)
    if garbage.policy in ("Retain", "RetainExceptOnCreate") and garbage.physical_id:
        note_resource(tx, scope.stack, replace(ghost, status="DELETE_SKIPPED"))
        forget_garbage(scope, step, garbage)
        return None
    if not garbage.physical_id:
        if garbage.forget:
            note_resource(tx, scope.stack, replace(ghost, status="DELETE_COMPLETE"))
        forget_garbage(scope, step, garbage)
        return None
    note_resource(tx, scope.stack, replace(ghost, status="DELETE_IN_PROGRESS"))
    entry = find_type(garbage.type)
    assert entry is not None
    step = scope.save(
        replace(step, state="running", kind="delete", token=tx.ids.uuid(), name=garbage.name,
                physical_id=garbage.physical_id, properties=garbage.properties)
    )  # fmt: skip
    return work_of(scope, step, entry, ghost)


def ghost_of(garbage: Garbage, now_ms: int) -> Resource:
    """The garbage as a resource, for its events."""
    return Resource(
        garbage.logical_id, garbage.type, "", now_ms, garbage.physical_id, garbage.name,
        properties=garbage.properties, attributes=garbage.attributes,
    )  # fmt: skip


def forget_garbage(scope: Scope, step: Step, garbage: Garbage) -> None:
    """It is gone (or left alone): so are its rows."""
    tx = scope.tx
    tx.delete(key(tx, "garbage", scope.stack.uuid, step.garbage))
    if garbage.forget:
        scope.resources.pop(garbage.logical_id, None)
        tx.delete(key(tx, "resource", scope.stack.uuid, garbage.logical_id))
    scope.save(replace(step, state="done"))
