"""What a step works on: the stack as it stands in a transaction, and what a provider is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ballroom.kernel import Caller, Tx
from ballroom.kernel.arn import partition_of

from ..resource_types.base import ResourceType, Target
from ..resources import (
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
)
from ..template.evaluate import Evaluator
from . import naming, values


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


def back_to(resource: Resource) -> Resource:
    """The resource as it stood before the update under way."""
    before = resource.before
    assert before is not None
    return replace(
        resource, physical_id=before.physical_id, name=before.name, properties=before.properties,
        attributes=before.attributes, metadata=before.metadata, deletion_policy=before.deletion_policy,
        replace_policy=before.replace_policy, needs=before.needs, tags=before.tags, before=None,
    )  # fmt: skip


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
