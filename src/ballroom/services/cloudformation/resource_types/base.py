"""What a resource type says about itself, and what its provider is given.

A type is one entry: its properties (which are required, which only a replacement can change), the attributes
that `Fn::GetAtt` gives, how its name is made, and the calls that create, read, update and delete it. Those are
the public operations that any client calls. Nothing here knows how stacks are driven: see `engine`.

Source: CloudFormation User Guide, "Resource and property types reference".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ballroom.kernel import ServiceError

from ..template.values import as_text

Properties = dict[str, Any]
Attributes = dict[str, Any]


class Failure(Exception):
    """The resource cannot be made, changed or removed. The text is the event's reason."""


class Replace(Exception):
    """Raised by an update: only a new resource can have these properties."""


class Call(Protocol):
    """Carries out a public operation, joined to the step's transaction where it can be.

    Members that are None are left out; values are fitted to the operation's model (`"5"` becomes 5, a policy
    object its JSON text).
    """

    async def __call__(self, service: str, operation: str, /, **members: Any) -> dict[str, Any]: ...


@dataclass(slots=True)
class Target:
    """The resource that a provider works on."""

    type: str
    logical_id: str
    stack_id: str
    stack_name: str
    account: str
    region: str
    partition: str
    properties: Properties
    name: str
    """The name that was recorded for it before it was created: given by the template, or generated."""
    physical_id: str
    """What `Ref` gives. Empty while it is created; the provider sets it where it is not the name."""
    token: str
    """The same over all attempts at this step."""
    tags: dict[str, str] = field(default_factory=dict)
    """The stack's tags, the resource's own and the system's."""
    previous: Properties = field(default_factory=dict)
    previous_tags: dict[str, str] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    signal_url: str = ""
    """Where an outside party may report (wait conditions, custom resources)."""
    reports: list[dict[str, Any]] = field(default_factory=list)
    """What was reported."""
    deadline_ms: int | None = None
    """Set by a provider that waits: when it is too late."""
    now_ms: int = 0
    deleting: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """A property's value."""
        return self.properties.get(name, default)

    def pick(self, *names: str) -> Properties:
        """Those of the properties that are there."""
        return {name: self.properties[name] for name in names if name in self.properties}

    def changed(self, *names: str) -> bool:
        """Whether an update changes any of these properties."""
        return any(self.properties.get(name) != self.previous.get(name) for name in names)

    def changes(self, *names: str) -> Properties:
        """Those of the properties that an update changes, with their new values."""
        return {name: self.properties[name] for name in names if name in self.properties and self.changed(name)}


class Pending(Exception):
    """Raised by a provider: it has begun and something else must happen first. `poll` is asked again."""

    def __init__(self, attributes: Attributes | None = None) -> None:
        self.attributes = attributes or {}
        super().__init__("pending")


Create = Callable[[Call, Target], Awaitable[Attributes | None]]
Read = Callable[[Call, Target], Awaitable[Attributes]]
Delete = Callable[[Call, Target], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Name:
    """How a resource without a name of its own is named: `<stack>-<logical id>-<12 letters>`."""

    property: str
    limit: int = 255
    lower: bool = False
    prefix: str = ""
    """Instead of the stack's name."""
    suffix: Callable[[Properties], str] = lambda properties: ""
    """What the name must end in (`.fifo`)."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type."""

    type: str
    create: Create
    delete: Delete
    properties: frozenset[str]
    read: Read | None = None
    """Gives the attributes; a "not found" error says that it does not exist."""
    update: Create | None = None
    """None: every change replaces the resource."""
    poll: Create | None = None
    """For a provider that raised `Pending`: asked when something was reported or time has come."""
    required: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    open_attributes: bool = False
    """Attributes that no schema lists (custom resources, outputs of nested stacks)."""
    open_properties: bool = False
    """Properties that no schema lists (custom resources)."""
    name: Name | None = None
    identifier: tuple[str, ...] = ()
    """The properties that identify it, for GetTemplateSummary."""
    capability: Callable[[Properties], str | None] = lambda properties: None
    """The capability that the template must be granted to contain it."""
    taggable: bool = True
    """Whether the stack's tags are given to it."""
    replaces: Callable[[Properties, Properties], bool] = lambda before, after: False
    """Changes that replace it although no create-only property changes."""
    signals: bool = False
    """Whether it gets a URL for reports."""

    @property
    def all_properties(self) -> frozenset[str]:
        """Every property that a template may set."""
        return self.properties | self.required | self.create_only


REGISTRY: dict[str, ResourceType] = {}
"""Every supported type by its name."""


def register(
    type: str,
    *,
    create: Create,
    delete: Delete,
    properties: str = "",
    required: str = "",
    create_only: str = "",
    attributes: str = "",
    **rest: Any,
) -> ResourceType:
    """Add a type. Names are given as one text, separated by blanks."""
    entry = ResourceType(
        type=type,
        create=create,
        delete=delete,
        properties=frozenset(properties.split()),
        required=frozenset(required.split()),
        create_only=frozenset(create_only.split()),
        attributes=frozenset(attributes.split()),
        **rest,
    )
    REGISTRY[type] = entry
    return entry


def find_type(name: str) -> ResourceType | None:
    """The entry of a type; `Custom::Anything` is a custom resource."""
    if name.startswith("Custom::"):
        return REGISTRY["AWS::CloudFormation::CustomResource"]
    return REGISTRY.get(name)


def check_properties(entry: ResourceType, properties: Properties) -> None:
    """Refuse properties that the type does not have, or lacks.

    Raises:
        Failure: with AWS's text.
    """
    unknown = [name for name in properties if name not in entry.all_properties]
    if unknown and not entry.open_properties:
        raise Failure(f"Encountered unsupported property {unknown[0]}")
    missing = [name for name in sorted(entry.required) if name not in properties]
    if missing:
        listed = ", ".join(f"The property {{/{name}}} is required" for name in missing)
        raise Failure(f"Property validation failure: [{listed}]")


MISSING_CODES = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "ActivityDoesNotExist",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchCORSConfiguration",
        "NoSuchEntity",
        "NoSuchEntityException",
        "NoSuchTagSet",
        "NotFoundException",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
EXISTS_CODES = frozenset(
    {
        "ActivityAlreadyExists",
        "AlreadyExistsException",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "EntityAlreadyExists",
        "EntityAlreadyExistsException",
        "ParameterAlreadyExists",
        "QueueAlreadyExists",
        "QueueNameExists",
        "RepositoryAlreadyExistsException",
        "ResourceAlreadyExistsException",
        "ResourceConflictException",
        "ResourceInUseException",
        "StateMachineAlreadyExists",
    }
)


def is_missing(error: ServiceError) -> bool:
    """Whether the error says that the resource does not exist."""
    return error.shape in MISSING_CODES


def handler_code(error: ServiceError) -> str:
    """The code that CloudFormation gives a service's error in its events."""
    if is_missing(error):
        return "NotFound"
    if error.shape in EXISTS_CODES:
        return "AlreadyExists"
    if "Throttl" in error.shape:
        return "Throttling"
    if "AccessDenied" in error.shape or error.status == 403:
        return "AccessDenied"
    if "Limit" in error.shape:
        return "ServiceLimitExceeded"
    return "GeneralServiceException" if error.status is not None and error.status >= 500 else "InvalidRequest"


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]] | None:
    """Tags as the list that most services take; None (left out) if there are none."""
    return [{key: name, value: text} for name, text in tags.items()] or None


def own_tags(properties: Properties) -> dict[str, str]:
    """The resource's own `Tags`, given as a list or as a map."""
    tags = properties.get("Tags") or {}
    if isinstance(tags, dict):
        return {name: as_text(value) for name, value in tags.items()}
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and "Key" in tag for tag in tags):
        raise Failure("Properties validation failed: every Tags member must have a Key and a Value")
    return {as_text(tag["Key"]): as_text(tag.get("Value", "")) for tag in tags}


def tag_changes(target: Target) -> tuple[dict[str, str], list[str]]:
    """What an update adds or changes, and the keys that it removes."""
    added = {name: text for name, text in target.tags.items() if target.previous_tags.get(name) != text}
    return added, [name for name in target.previous_tags if name not in target.tags]
