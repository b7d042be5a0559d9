"""One resource's part in a phase: begun in one transaction, carried out, recorded in the next.

What a step will make is named and recorded before it is made. See `calls` for how making it and recording
that it is made become one commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ballroom.kernel import Caller, Tx
from ballroom.kernel.arn import partition_of

from ..errors import ValidationError
from ..resource_types.base import Failure, ResourceType, Target, check_properties, find_type, own_tags
from ..resources import (
    Before,
    Garbage,
    Operation,
    Resource,
    SignalPlace,
    Stack,
    Step,
    from_json,
    key,
    put_resource,
    replace,
    resources_of,
    to_json,
)
from ..template.evaluate import Evaluator
from ..template.references import uses_of
from ..template.shape import depends_on
from . import naming, policy, values
from .events import note_resource, shown_properties

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
CUSTOM_NAME = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} "
    "and update "
    "the stack again."
)


@dataclass(slots=True)
class Work:
    """Something to be carried out: what the provider needs, and what it is for."""

    stack_id: str
    step: Step
    entry: ResourceType
    mode: str
    """`create`, `update`, `delete` or `poll`."""
    target: Target
    explicit_name: bool = False
    adopt: bool = False


@dataclass(slots=True)
class Scope:
    """What the steps of one drive share within a transaction."""

    tx: Tx
    stack: Stack
    operation: Operation
    resources: dict[str, Resource] = field(default_factory=dict)

    @classmethod
    def of(cls, tx: Tx, stack: Stack, operation: Operation) -> Scope:
        return cls(tx, stack, operation, resources_of(tx, stack))

    def save(self, step: Step) -> Step:
        self.tx.put(key(self.tx, "step", self.stack.uuid, step.logical_id), step)
        return step

    def put(self, resource: Resource) -> Resource:
        self.resources[resource.logical_id] = resource
        return put_resource(self.tx, self.stack, resource)

    def evaluator(self, *, hide: bool = False) -> Evaluator:
        return values.evaluator(self.tx, self.stack, self.stack.desired, self.resources, hide=hide)


def begin(scope: Scope, step: Step) -> Work | None:
    """Start a step whose needs are met; None if there is nothing to be carried out."""
    if step.action == "apply":
        return _begin_apply(scope, step)
    if step.action == "restore":
        return _begin_restore(scope, step)
    if step.action == "delete":
        return _begin_delete(scope, step)
    return _begin_collect(scope, step)


# -- applying the template ---------------------------------------------------------------------------


def _begin_apply(scope: Scope, step: Step) -> Work | None:
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
    scope: Scope, step: Step, entry: ResourceType, old: Resource, resource: Resource, properties: dict[str,
    Any],
    shown: str, tags: dict[str, str],
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


def back_to(resource: Resource) -> Resource:
    """The resource as it stood before the update under way."""
    before = resource.before
    assert before is not None
    return replace(
        resource, physical_id=before.physical_id, name=before.name, properties=before.properties,
        attributes=before.attributes, metadata=before.metadata, deletion_policy=before.deletion_policy,
        replace_policy=before.replace_policy, needs=before.needs, tags=before.tags, before=None,
    )  # fmt: skip


# -- going back, deleting ----------------------------------------------------------------------------


def _begin_restore(scope: Scope, step: Step) -> Work | None:
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


def _begin_delete(scope: Scope, step: Step) -> Work | None:
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


def _begin_collect(scope: Scope, step: Step) -> Work | None:
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


# -- what the provider is given ----------------------------------------------------------------------


def work_of(scope: Scope, step: Step, entry: ResourceType, resource: Resource, mode: str = "") -> Work:
    """The provider's view of a step that runs or waits."""
    tx, stack = scope.tx, scope.stack
    mode = mode or {"replace": "create"}.get(step.kind, step.kind)
    properties = from_json(step.properties)
    previous: dict[str, Any] = {}
    previous_tags: dict[str, str] = {}
    if step.kind == "update" and resource.before is not None:
        if step.action == "restore":  # from what the failed update left, to what was before it
            previous, previous_tags = from_json(resource.properties), resource.tags
        else:
            previous, previous_tags = from_json(resource.before.properties), resource.before.tags
    signal_url = ""
    reports: list[dict[str, Any]] = []
    if entry.signals:
        place_key = ("cfn", "signal", step.token)
        place = tx.get(SignalPlace, place_key)
        if place is None:
            place = SignalPlace(tx.account, tx.region, stack.id, step.logical_id)
            tx.put(place_key, place)
        reports = [from_json(text) for text in place.reports]
        signal_url = f"{tx.kernel.settings.base_url}/_ballroom/cloudformation/{step.token}"
    target = Target(
        type=resource.type, logical_id=resource.logical_id, stack_id=stack.id, stack_name=stack.name,
        account=tx.account, region=tx.region, partition=partition_of(tx.region), properties=properties,
        name=step.name, physical_id=step.physical_id, token=step.token, tags=step.tags, previous=previous,
        previous_tags=previous_tags, attributes=from_json(resource.attributes), signal_url=signal_url,
        reports=reports, deadline_ms=step.deadline_ms, now_ms=tx.now_ms, deleting=step.kind == "delete",
    )  # fmt: skip
    return Work(
        stack.id, step, entry, mode, target,
        explicit_name=naming.given_name(entry, properties) is not None, adopt=step.adopt,
    )  # fmt: skip


def operation_caller(operation: Operation) -> Caller:
    """For whom the operation's calls are made."""
    account, region, arn, user_id, request_id = operation.caller
    return Caller(
        account=account, region=region, arn=arn, user_id=user_id, access_key_id="", request_id=request_id,
        source="cloudformation.amazonaws.com",
    )  # fmt: skip
