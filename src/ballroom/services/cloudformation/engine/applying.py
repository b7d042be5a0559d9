"""Steps that bring a resource to what the template says; `perform` carries them out.

What a step will make is named and recorded before it is made. See `calls` for how making it and recording
that it is made become one commit.
"""

from __future__ import annotations

from typing import Any

from ..errors import ValidationError
from ..resource_types.base import Failure, ResourceType, check_properties, find_type, own_tags
from ..resources import (
    Before,
    Resource,
    Stack,
    Step,
    from_json,
    replace,
    to_json,
)
from ..template.evaluate import Evaluator
from ..template.references import uses_of
from ..template.shape import depends_on
from . import naming, policy, values
from .events import note_resource, shown_properties
from .work import Scope, Work, back_to, work_of

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
CUSTOM_NAME = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} "
    "and update "
    "the stack again."
)


def begin_apply(scope: Scope, step: Step) -> Work | None:
    """Bring one resource to what the template says: create, update, replace or keep it."""
    tx, name = scope.tx, step.logical_id
    definition = values.template_of(tx, scope.stack.desired)["Resources"][name]
    entry = find_type(definition["Type"])
    assert entry is not None
    old = scope.resources.get(name)
    exists = old is not None and bool(old.physical_id)
    resource = old or Resource(name, definition["Type"], "", tx.now_ms, created_by=scope.operation.id)
    try:
        evaluator = scope.evaluator()
        resource = _described(resource, definition, evaluator)
        properties = values.resolve_dynamic(tx, evaluator.value(definition.get("Properties") or {}))
        shown = shown_properties(properties)
        if scope.stack.desired.hidden:
            shown = shown_properties(scope.evaluator(hide=True).value(definition.get("Properties") or {}))
        tags = _tags(scope.stack, entry, name, properties)
    except (ValidationError, Failure) as error:
        status = "UPDATE" if exists else "CREATE"
        failed = scope.put(
            replace(resource, status=f"{status}_FAILED", updated_ms=tx.now_ms, reason=str(error))
        )
        note_resource(tx, scope.stack, failed, reason=str(error))
        scope.save(replace(step, state="failed", kind=status.lower(), reason=str(error)))
        return None
    if not exists:
        return _start_create(scope, step, entry, resource, properties, shown, tags)
    assert old is not None
    kind = _compare(entry, old, properties, tags)
    if kind == "keep" and old.metadata != resource.metadata:
        kind = "update"
    if kind == "keep":
        scope.put(resource)
        scope.save(replace(step, state="done", kind="keep"))
        return None
    refusal = policy.denied(
        scope.stack.policy_during_update or scope.stack.policy,
        "Update:Replace" if kind == "replace" else "Update:Modify",
        name,
        resource.type,
    )
    if refusal is not None:
        _refuse(scope, step, resource, kind, refusal, shown)
        return None
    if kind == "replace":
        return _start_replace(scope, step, entry, old, resource, properties, shown, tags)
    before = _before(old, "updated")
    resource = replace(resource, status="UPDATE_IN_PROGRESS", updated_ms=tx.now_ms, reason="", before=before)
    note_resource(tx, scope.stack, scope.put(resource), properties=shown)
    token = tx.ids.uuid()
    step = scope.save(
        replace(step, state="running", kind="update", token=token, name=old.name, physical_id=old.physical_id,
                properties=to_json(properties), tags=tags)
    )  # fmt: skip
    return work_of(scope, step, entry, resource)


def _described(resource: Resource, definition: dict[str, Any], evaluator: Evaluator) -> Resource:
    """The resource with what the template says about it besides its properties."""
    metadata = definition.get("Metadata")
    uses = uses_of([definition.get("Properties"), metadata], evaluator.condition)
    known = evaluator._template["Resources"]
    needs = {other for other in uses.names if other in known} | {other for other, _ in uses.attributes}
    deletion = evaluator.value(definition.get("DeletionPolicy") or "Delete")
    return replace(
        resource,
        type=definition["Type"],
        metadata=to_json(evaluator.value(metadata)) if metadata else "",
        description=definition.get("Description"),
        deletion_policy=deletion,
        replace_policy=evaluator.value(definition.get("UpdateReplacePolicy") or "Delete"),
        needs=sorted(needs | set(depends_on(definition))),
    )


def _tags(stack: Stack, entry: ResourceType, logical_id: str, properties: dict[str, Any]) -> dict[str, str]:
    """Every tag of a resource: the stack's, its own, and those by which AWS marks what a stack owns."""
    if not entry.taggable:
        return {}
    return {
        **stack.desired.tags,
        **own_tags(properties),
        "aws:cloudformation:stack-name": stack.name,
        "aws:cloudformation:logical-id": logical_id,
        "aws:cloudformation:stack-id": stack.id,
    }


def _compare(entry: ResourceType, old: Resource, properties: dict[str, Any], tags: dict[str, str]) -> str:
    before = from_json(old.properties)
    if before == properties and old.tags == tags:
        return "update" if old.status == "UPDATE_FAILED" and entry.update is not None else "keep"
    changed = {name for name in before.keys() | properties.keys() if before.get(name) != properties.get(name)}
    if changed & entry.create_only or entry.replaces(before, properties):
        return "replace"
    if not changed and not entry.taggable:
        return "keep"
    return "update" if entry.update is not None else "replace"


def _before(old: Resource, kind: str) -> Before:
    if old.before is not None:
        return old.before  # a second change within one update goes back to the first state
    return Before(
        kind, old.physical_id, old.name, old.properties, old.attributes, old.metadata, old.deletion_policy,
        old.replace_policy, old.needs, old.tags,
    )  # fmt: skip


def _refuse(scope: Scope, step: Step, resource: Resource, kind: str, reason: str, shown: str | None) -> None:
    status = "CREATE_FAILED" if kind == "create" else "UPDATE_FAILED"
    failed = scope.put(replace(resource, status=status, updated_ms=scope.tx.now_ms, reason=reason))
    note_resource(scope.tx, scope.stack, failed, reason=reason, properties=shown)
    scope.save(replace(step, state="failed", kind=kind, reason=reason))


def _start_create(
    scope: Scope, step: Step, entry: ResourceType, resource: Resource, properties: dict[str, Any], shown: str,
    tags: dict[str, str],
) -> Work | None:  # fmt: skip
    tx = scope.tx
    before = Before("created") if scope.operation.kind == "update" else None
    resource = replace(
        resource, status="CREATE_IN_PROGRESS", updated_ms=tx.now_ms, reason="", before=before, physical_id="",
        attributes="{}", created_by=scope.operation.id,
    )  # fmt: skip
    try:
        check_properties(entry, properties)
    except Failure as failure:
        scope.put(resource)
        note_resource(tx, scope.stack, resource, properties=shown)
        _refuse(scope, step, resource, "create", str(failure), shown)
        return None
    given = naming.given_name(entry, properties)
    name = given or naming.make_name(entry, scope.stack.name, step.logical_id, properties, tx.ids)
    resource = replace(resource, name=name, properties=to_json(properties), tags=tags)
    note_resource(tx, scope.stack, scope.put(resource), properties=shown)
    step = scope.save(
        replace(step, state="running", kind="create", token=tx.ids.uuid(), name=name, physical_id="",
                properties=to_json(properties), tags=tags)
    )  # fmt: skip
    return work_of(scope, step, entry, resource)


def _start_replace(
    scope: Scope, step: Step, entry: ResourceType, old: Resource, resource: Resource,
    properties: dict[str, Any], shown: str, tags: dict[str, str],
) -> Work | None:  # fmt: skip
    tx = scope.tx
    resource = replace(resource, status="UPDATE_IN_PROGRESS", updated_ms=tx.now_ms, reason="",
                       before=_before(old, "replaced"))  # fmt: skip
    note_resource(tx, scope.stack, scope.put(resource), reason=REPLACING, properties=shown)
    try:
        check_properties(entry, properties)
        given = naming.given_name(entry, properties)
        if given is not None and given == old.name:
            raise Failure(CUSTOM_NAME.format(name=given))
    except Failure as failure:
        scope.put(old)
        _refuse(scope, step, replace(resource, before=None), "update", str(failure), shown)
        return None
    name = given or naming.make_name(entry, scope.stack.name, step.logical_id, properties, tx.ids)
    step = scope.save(
        replace(step, state="running", kind="replace", token=tx.ids.uuid(), name=name, physical_id="",
                properties=to_json(properties), tags=tags)
    )  # fmt: skip
    return work_of(scope, step, entry, resource)


def restart_as_replace(scope: Scope, step: Step) -> Work | None:
    """A provider found that its update needs a new resource."""
    resource = scope.resources[step.logical_id]
    entry = find_type(resource.type)
    assert entry is not None
    old = back_to(resource)
    properties = from_json(step.properties)
    return _start_replace(
        scope, step, entry, old, resource, properties, shown_properties(properties), step.tags
    )
