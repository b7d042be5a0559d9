"""What CloudWatch Logs stores.

Groups and streams have numbers besides their names, which make event keys short and let a deleted
group's events be removed later, even if the name has been taken again.

| key, after ("logs", account, region) | record | read by |
| --- | --- | --- |
| ("number",) | Counter | the next free number |
| ("group", name) | LogGroup | everything that names a group |
| ("size", group) | Size | storedBytes; a row of its own, so that putting events rewrites few bytes |
| ("stream", group, name) | LogStream | everything that names a stream |
| ("recent", group, last event, stream name) | Recent | streams by their last event: order, and following |
| ("event", group, stream, timestamp, sequence) | Event | reads of one stream are one range |
| ("metric-filter" / "subscription", group name, filter name) | MetricFilter, SubscriptionFilter | |
| ("resource-policy" / "destination" / "query-definition" / "delivery-..." , name) | ... | |
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import make_arn

from .errors import InvalidParameter, LogGroupNotFound, LogStreamNotFound

DAY_MS = 24 * 3600 * 1000


class Counter(Record, frozen=True):
    """The last number given to a group or stream of this account and region."""

    last: int


class LogGroup(Record, frozen=True):
    """A log group. `retention` counts how often its retention was set: timers of earlier ones are void."""

    name: str
    number: int
    created_ms: int
    group_class: str = "STANDARD"
    kms_key: str = ""
    retention_days: int = 0
    retention: int = 0
    protected: bool = False
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    metric_filters: int = 0
    subscriptions: int = 0


class Size(Record, frozen=True):
    """How many bytes of events a group holds, as AWS counts them (26 for each event besides its text)."""

    stored: int


class LogStream(Record, frozen=True):
    """A log stream; times are those of its events, -1 while it has none."""

    name: str
    number: int
    created_ms: int
    first_ms: int = -1
    last_ms: int = -1
    ingested_ms: int = -1
    sequence: int = 0


class Recent(Record, frozen=True):
    """A stream in the order of last events."""

    name: str


class Event(Record, frozen=True):
    """One log event; its timestamp is in its key."""

    message: str
    ingested_ms: int


class MetricFilter(Record, frozen=True):
    """What a log group counts as a metric. `transformations` is as the request gave it."""

    name: str
    group: str
    pattern: str
    created_ms: int
    transformations: list[dict[str, object]]
    on_transformed: bool = False


class SubscriptionFilter(Record, frozen=True):
    """Where a log group sends the events that match."""

    name: str
    group: str
    pattern: str
    created_ms: int
    destination: str
    role: str = ""
    distribution: str = "ByLogStream"
    on_transformed: bool = False


def key(tx: Tx, *parts: str | int) -> Key:
    """A key of the caller's account and region."""
    return ("logs", tx.account, tx.region, *parts)


def group_arn(tx: Tx, name: str) -> str:
    """A log group's ARN, without the `:*` that older operations add."""
    return make_arn("logs", tx.region, tx.account, f"log-group:{name}")


def next_number(tx: Tx) -> int:
    """A number that no group or stream of this account and region has had."""
    counter = tx.get(Counter, key(tx, "number"))
    number = counter.last + 1 if counter is not None else 1
    tx.put(key(tx, "number"), Counter(number))
    return number


def find_group(tx: Tx, name: str) -> LogGroup | None:
    """The log group of that name."""
    return tx.get(LogGroup, key(tx, "group", name))


def load_group(tx: Tx, name: str) -> LogGroup:
    """The log group of that name.

    Raises:
        LogGroupNotFound: there is none.
    """
    group = find_group(tx, name)
    if group is None:
        raise LogGroupNotFound()
    return group


def put_group(tx: Tx, group: LogGroup) -> None:
    """Store a log group."""
    tx.put(key(tx, "group", group.name), group)


def name_of(identifier: str) -> str:
    """The group's name in an identifier: a name, or an ARN with or without `:*`."""
    _, marker, name = identifier.partition(":log-group:")
    return name.removesuffix(":*") if marker else identifier


def load_identified(tx: Tx, request: dict[str, object]) -> LogGroup:
    """The group that a request names, by name or by identifier.

    Raises:
        InvalidParameter: neither is given, or both.
        LogGroupNotFound: there is none.
    """
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise InvalidParameter("Exactly one of logGroupName or logGroupIdentifier must be specified.")
    return load_group(tx, str(name) if name is not None else name_of(str(identifier)))


def load_stream(tx: Tx, group: LogGroup, name: str) -> LogStream:
    """A group's stream of that name.

    Raises:
        LogStreamNotFound: there is none.
    """
    stream = tx.get(LogStream, key(tx, "stream", group.number, name))
    if stream is None:
        raise LogStreamNotFound()
    return stream


def oldest_ms(group: LogGroup, now_ms: int) -> int:
    """Events before this time have passed the group's retention: gone, even where rows still lie."""
    return now_ms - group.retention_days * DAY_MS if group.retention_days else 0
