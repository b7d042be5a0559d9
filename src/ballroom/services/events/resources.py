"""What EventBridge stores, under which keys, and how it is loaded.

| key (after "events", account, region) | record         | read by                                          |
|---------------------------------------|----------------|--------------------------------------------------|
| "bus", name                           | Bus            | every operation on a bus; ListEventBuses scans   |
| "rule", bus, name                     | Rule           | rule operations; loading a bus's index           |
| "target", bus, rule, id               | Target         | target operations; loading a bus's index         |
| "by-target", bus, arn, rule, id       | TargetLink     | ListRuleNamesByTarget                            |
| "archive", name                       | Archive        | archive operations, StartReplay                  |
| "archive-of", bus, name               | ArchiveLink    | loading a bus's index                            |
| "archived", archive id, ms, event id  | ArchivedEvent  | replays, retention                               |
| "archive-count", archive id           | ArchiveCount   | DescribeArchive                                  |
| "replay", name                        | Replay         | replay operations                                |
| "connection", name                    | Connection     | connection operations, API destinations          |
| "api-destination", name               | ApiDestination | its operations, deliveries                       |
| "destination-of", connection, name    | NameLink       | DeleteConnection                                 |
| "source", name                        | PartnerSource  | partner event source operations                  |

The default bus of an account has no row until something about it is set.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.services.events.errors import BusNotFound, RuleNotFound
from ballroom.services.events.names import DEFAULT, BusName

Spec = dict[str, Any]
NO_TAGS: dict[str, str] = msgspec.field(default_factory=dict)


class Bus(Record, frozen=True, array_like=True):
    """An event bus."""

    name: str
    created_ms: int
    modified_ms: int
    description: str = ""
    kms_key: str = ""
    dead_letter: Spec | None = None
    log_config: Spec | None = None
    statements: list[Spec] = msgspec.field(default_factory=list)
    """Of its resource policy."""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    source: str = ""
    """Of a partner bus."""
    watched: bool = False
    """Whether a schema discoverer wants to see its events."""


class Rule(Record, frozen=True, array_like=True):
    """A rule; a pattern, a schedule or both say when it is triggered."""

    bus: str
    name: str
    created_ms: int
    state: str = "ENABLED"
    pattern: str | None = None
    schedule: str | None = None
    description: str = ""
    role_arn: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    anchor_ms: int = 0
    """What a rate is counted from."""
    due_ms: int | None = None
    """When its schedule fires next: the timer that counts."""

    @property
    def enabled(self) -> bool:
        """Whether it is triggered at all."""
        return self.state != "DISABLED"


class Target(Record, frozen=True, array_like=True):
    """A target of a rule, as it was given."""

    rule: str
    id: str
    spec: Spec


class TargetLink(Record, frozen=True, array_like=True):
    """Marks that a rule has a target of this ARN."""

    rule: str


class NameLink(Record, frozen=True, array_like=True):
    """Marks that something of this name belongs to what the key names."""

    name: str


class Archive(Record, frozen=True, array_like=True):
    """What of a bus is kept, and for how long."""

    name: str
    id: str
    source_arn: str
    created_ms: int
    pattern: str | None = None
    description: str | None = None
    retention_days: int = 0
    kms_key: str = ""


class ArchivedEvent(Record, frozen=True, array_like=True):
    """One event of an archive: its JSON as it was matched."""

    at_ms: int
    id: str
    event: bytes


class ArchiveCount(Record, frozen=True, array_like=True):
    """How much an archive holds."""

    events: int = 0
    size: int = 0


class Replay(Record, frozen=True, array_like=True):
    """Archived events being sent to their bus again."""

    name: str
    archive_arn: str
    destination: str
    start_ms: int
    end_ms: int
    started_ms: int
    state: str = "STARTING"
    filters: list[str] = msgspec.field(default_factory=list)
    description: str | None = None
    ended_ms: int | None = None
    last_ms: int | None = None
    last_id: str = ""
    reason: str = ""
    run: int = 0
    """Tells the deliveries of one run from those of an earlier replay of the name."""


class Connection(Record, frozen=True, array_like=True):
    """How to authorise requests to API destinations. What is secret in it is sealed."""

    name: str
    id: str
    secret_id: str
    kind: str
    shown: Spec
    """The authorisation parameters without what is secret."""
    sealed: bytes
    created_ms: int
    modified_ms: int
    authorized_ms: int | None
    state: str = "AUTHORIZED"
    reason: str = ""
    description: str | None = None
    kms_key: str = ""
    connectivity: Spec | None = None


class ApiDestination(Record, frozen=True, array_like=True):
    """An HTTP endpoint that events are sent to."""

    name: str
    id: str
    connection_arn: str
    endpoint: str
    method: str
    created_ms: int
    modified_ms: int
    rate: int = 300
    description: str | None = None


class PartnerSource(Record, frozen=True, array_like=True):
    """A partner's event source, as the partner (`creator`) made it for this account."""

    name: str
    creator: str
    created_ms: int
    state: str = "PENDING"
    expires_ms: int | None = None


def key(at: BusName | Tx, kind: str, *rest: str | int) -> Key:
    """The key of something in an account and region."""
    return ("events", at.account, at.region, kind, *rest)


def find_bus(tx: Tx, at: BusName) -> Bus | None:
    """The bus; every account has a default one."""
    bus = tx.get(Bus, key(at, "bus", at.name))
    if bus is None and at.name == DEFAULT:
        began = tx.kernel.started_ms
        return Bus(DEFAULT, began, began)
    return bus


def load_bus(tx: Tx, at: BusName) -> Bus:
    """The bus.

    Raises:
        BusNotFound: there is none.
    """
    bus = find_bus(tx, at)
    if bus is None:
        raise BusNotFound(at.name)
    return bus


def put_bus(tx: Tx, at: BusName, bus: Bus, **changes: Any) -> Bus:
    """Store a bus, changed."""
    bus = msgspec.structs.replace(bus, **changes) if changes else bus
    tx.put(key(at, "bus", at.name), bus)
    return bus


def find_rule(tx: Tx, at: BusName, name: str) -> Rule | None:
    """A rule of a bus."""
    return tx.get(Rule, key(at, "rule", at.name, name))


def load_rule(tx: Tx, at: BusName, name: str) -> Rule:
    """A rule of a bus that exists.

    Raises:
        BusNotFound, RuleNotFound: one of them does not.
    """
    rule = find_rule(tx, at, name)
    if rule is None:
        load_bus(tx, at)
        raise RuleNotFound(name, at.name)
    return rule


def targets_of(tx: Tx, at: BusName, rule: str) -> list[Target]:
    """All targets of a rule, by id."""
    return tx.scan_prefix(Target, key(at, "target", at.name, rule))
