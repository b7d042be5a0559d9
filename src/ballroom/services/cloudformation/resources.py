"""What is stored, and under which keys.

| key | record | read by |
| --- | --- | --- |
| ("cfn", account, region, "stack", id) | Stack | everything |
| ("cfn", account, region, "live", name) | Live | finding the stack that has a name now |
| ("cfn", account, region, "template", id) | StoredTemplate | planning, GetTemplate |
| ("cfn", account, region, "resource", stack, logical id) | Resource | steps, DescribeStackResources |
| ("cfn", account, region, "garbage", stack, sequence) | Garbage | the clean-up after an update |
| ("cfn", account, region, "operation", stack) | Operation | the engine |
| ("cfn", account, region, "step", stack, logical id) | Step | the engine |
| ("cfn", account, region, "event", stack, sequence) | Event | DescribeStackEvents |
| ("cfn", account, region, "change-set", stack, name) | ChangeSet | change set operations |
| ("cfn", account, region, "export", name) | Export | Fn::ImportValue, ListExports |
| ("cfn", account, region, "import", export, stack) | Import | ListImports, protection of exports |
| ("cfn", "signal", token) | SignalPlace | the pages that wait conditions and custom resources report to |

A stack's deletion leaves its Stack and Event rows, as AWS keeps them for 90 days.
JSON values (properties, attributes) are stored as JSON text: msgpack would not keep them apart from records.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx

from .errors import stack_missing

replace = msgspec.structs.replace


class Output(Record, frozen=True):
    """One output of a stack."""

    key: str
    value: str
    description: str | None = None
    export: str | None = None


class Desired(Record, frozen=True):
    """What a stack shall be: everything that an update replaces and its rollback brings back."""

    template: str
    """Id of the stored template."""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    """What each parameter was given, as text."""
    fetched: dict[str, str] = msgspec.field(default_factory=dict)
    """Values that came from Systems Manager, by parameter."""
    hidden: list[str] = msgspec.field(default_factory=list)
    """Parameters with NoEcho."""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    capabilities: list[str] = msgspec.field(default_factory=list)
    description: str | None = None
    notification_arns: list[str] = msgspec.field(default_factory=list)
    role_arn: str | None = None
    rollback_configuration: str = "{}"


class Stack(Record, frozen=True):
    """A stack, live or deleted."""

    id: str
    """The whole stack id: an ARN."""
    name: str
    created_ms: int
    status: str
    desired: Desired
    reason: str = ""
    updated_ms: int | None = None
    deleted_ms: int | None = None
    outputs: list[Output] = msgspec.field(default_factory=list)
    change_set_id: str | None = None
    on_failure: str = "ROLLBACK"
    disable_rollback: bool = False
    timeout_minutes: int | None = None
    protected: bool = False
    policy: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    policy_during_update: str | None = None
    retain_except_on_create: bool = False

    @property
    def uuid(self) -> str:
        """The part of the id by which rows are found."""
        return self.id.rsplit("/", 1)[1]

    @property
    def is_deleted(self) -> bool:
        """Whether the stack is only remembered."""
        return self.status == "DELETE_COMPLETE"


class Live(Record, frozen=True):
    """Which stack has a name."""

    uuid: str


class StoredTemplate(Record, frozen=True):
    """A template: as given, and as JSON after its transforms."""

    original: str
    processed: str
    is_transformed: bool = False


class Resource(Record, frozen=True):
    """A resource of a stack, as it stands."""

    logical_id: str
    type: str
    status: str
    updated_ms: int
    physical_id: str = ""
    name: str = ""
    """The name under which it was created, where the physical id is something else (a queue's URL)."""
    reason: str = ""
    properties: str = "{}"
    """JSON: as resolved when it was last created or updated."""
    attributes: str = "{}"
    """JSON: what Fn::GetAtt gives."""
    metadata: str = ""
    description: str | None = None
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    needs: list[str] = msgspec.field(default_factory=list)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    """Stack tags and system tags that it was given."""
    before: Before | None = None
    """How it stood before the update under way."""
    created_by: str = ""
    """The operation that created it."""


class Before(Record, frozen=True):
    """What an update's rollback goes back to."""

    kind: str
    """`updated`, `replaced` or `created`."""
    physical_id: str = ""
    name: str = ""
    properties: str = "{}"
    attributes: str = "{}"
    metadata: str = ""
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    needs: list[str] = msgspec.field(default_factory=list)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    restored: bool = False


class Garbage(Record, frozen=True):
    """Something that an update left over: deleted once the update (or its rollback) stands."""

    logical_id: str
    type: str
    physical_id: str
    name: str
    properties: str
    attributes: str
    policy: str = "Delete"
    needs: list[str] = msgspec.field(default_factory=list)
    forget: bool = False
    """The logical resource itself goes too."""


class Step(Record, frozen=True):
    """One resource's part in the phase under way."""

    logical_id: str
    action: str
    """`apply`, `restore`, `delete` or `collect`."""
    needs: list[str]
    state: str = "pending"
    """`pending`, `running`, `waiting`, `done`, `failed` or `skipped`."""
    kind: str = ""
    """What applying turned out to be: `create`, `update`, `replace` or `keep`."""
    token: str = ""
    name: str = ""
    physical_id: str = ""
    properties: str = "{}"
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    deadline_ms: int | None = None
    reason: str = ""
    garbage: int = -1
    adopt: bool = False
    """It was being created when the server stopped: what exists under its name is ours."""


class Operation(Record, frozen=True):
    """What is being done to a stack."""

    id: str
    kind: str
    """`create`, `update` or `delete`."""
    phase: str
    """`apply`, `rollback`, `clean-up` or `delete`."""
    caller: list[str]
    """Account, region, ARN, user id and request id of whom it is done for."""
    token: str | None = None
    before: Desired | None = None
    previous_status: str = ""
    reason: str = ""
    """Why the phase stops early."""
    cancelled: bool = False
    rolled_back: bool = False
    retain: list[str] = msgspec.field(default_factory=list)
    skip: list[str] = msgspec.field(default_factory=list)
    deadline_ms: int | None = None


class Event(Record, frozen=True):
    """One line of a stack's history."""

    id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    timestamp_ms: int
    status: str
    reason: str = ""
    properties: str | None = None
    token: str | None = None
    moment_ms: int = 0
    """The moment in its id: rises with every event, also while a virtual clock stands."""


class ChangeSet(Record, frozen=True):
    """A proposed change."""

    id: str
    name: str
    stack_id: str
    created_ms: int
    status: str
    execution_status: str
    desired: Desired
    kind: str
    """`CREATE` or `UPDATE`."""
    changes: str = "[]"
    """JSON, with property values."""
    plain_changes: str = "[]"
    reason: str = ""
    description: str | None = None
    include_nested: bool = False
    on_failure: str | None = None
    token: str | None = None


class Export(Record, frozen=True):
    """A value that other stacks may import."""

    name: str
    value: str
    stack_id: str


class Import(Record, frozen=True):
    """A stack that uses an export."""

    stack_id: str
    stack_name: str


class SignalPlace(Record, frozen=True):
    """Whom a report to a page is for, and what has been reported."""

    account: str
    region: str
    stack_id: str
    logical_id: str
    reports: list[str] = msgspec.field(default_factory=list)
    """JSON texts."""


def key(tx: Tx, *parts: str | int) -> Key:
    """A key of the caller's account and region."""
    return ("cfn", tx.account, tx.region, *parts)


def uuid_of(stack_id: str) -> str:
    """The part of a stack id by which rows are found."""
    return stack_id.rsplit("/", 1)[-1]


def find_stack(tx: Tx, name: str) -> Stack | None:
    """The stack of that id (deleted or not), or the live one of that name."""
    if name.startswith("arn:"):
        parts = name.split(":")
        if len(parts) != 6 or not parts[5].startswith("stack/"):
            return None
        stack = tx.get(Stack, ("cfn", parts[4], parts[3], "stack", uuid_of(name)))
        return stack if stack is not None and stack.id == name and parts[4] == tx.account else None
    live = tx.get(Live, key(tx, "live", name))
    return tx.get(Stack, key(tx, "stack", live.uuid)) if live is not None else None


def load_stack(tx: Tx, name: str) -> Stack:
    """Like `find_stack`.

    Raises:
        ValidationError: there is none.
    """
    stack = find_stack(tx, name)
    if stack is None:
        raise stack_missing(name)
    return stack


def load_live(tx: Tx, name: str) -> Stack:
    """A stack that is not deleted."""
    stack = load_stack(tx, name)
    if stack.is_deleted:
        raise stack_missing(name)
    return stack


def save_stack(tx: Tx, stack: Stack) -> Stack:
    """Store it; the name is given up when it is deleted."""
    tx.put(key(tx, "stack", stack.uuid), stack)
    live = tx.get(Live, key(tx, "live", stack.name))
    if stack.is_deleted:
        if live is not None and live.uuid == stack.uuid:
            tx.delete(key(tx, "live", stack.name))
    elif live is None or live.uuid != stack.uuid:
        tx.put(key(tx, "live", stack.name), Live(stack.uuid))
    return stack


def load_template(tx: Tx, template_id: str) -> StoredTemplate:
    """A stored template."""
    stored = tx.get(StoredTemplate, key(tx, "template", template_id))
    if stored is None:
        raise LookupError(f"template {template_id} is gone")
    return stored


def resources_of(tx: Tx, stack: Stack) -> dict[str, Resource]:
    """The stack's resources by logical id."""
    found = tx.scan_prefix(Resource, key(tx, "resource", stack.uuid))
    return {resource.logical_id: resource for resource in found}


def put_resource(tx: Tx, stack: Stack, resource: Resource) -> Resource:
    """Store a resource."""
    tx.put(key(tx, "resource", stack.uuid, resource.logical_id), resource)
    return resource


def to_json(value: Any) -> str:
    """A value as stored."""
    return msgspec.json.encode(value).decode()


def from_json(text: str) -> Any:
    """A stored value."""
    return msgspec.json.decode(text)
