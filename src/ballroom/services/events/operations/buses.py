"""Event buses: create, describe, update, list, delete."""

from __future__ import annotations

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.events.errors import (
    ResourceAlreadyExists,
    ResourceNotFound,
    ValidationException,
)
from ballroom.services.events.live import Buses
from ballroom.services.events.names import DEFAULT, BusName, bus_of
from ballroom.services.events.paging import page_of
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import (
    Bus,
    PartnerSource,
    Rule,
    find_bus,
    key,
    load_bus,
    put_bus,
)
from ballroom.services.events.tagging import read_tags


@operation("CreateEventBus")
def create_event_bus(tx: Tx, request: Request) -> Response:
    """Create a custom bus, or the bus of a partner's event source.

    Raises:
        ResourceAlreadyExists: the name is taken.
        LimitExceeded: there are as many as the quota allows.

    Source: EventBridge API Reference, CreateEventBus.
    """
    name, source = request["Name"], request.get("EventSourceName")
    at = BusName(tx.account, tx.region, name)
    if name == DEFAULT or tx.get(Bus, key(at, "bus", name)) is not None:
        raise ResourceAlreadyExists(f"Event bus {name} already exists.")
    if source is None and ("/" in name or name.startswith("aws.")):
        raise ValidationException("Event bus name must not contain '/'." if "/" in name else _RESERVED)
    if source is not None:
        _join_source(tx, at, source)
    check_quota(tx.kernel, "events.buses", len(tx.scan_prefix(Bus, key(tx, "bus"))) + 1)
    put_bus(
        tx,
        at,
        Bus(
            name, tx.now_ms, tx.now_ms, request.get("Description") or "",
            request.get("KmsKeyIdentifier") or "", request.get("DeadLetterConfig"), request.get("LogConfig"),
            [],
            read_tags(request.get("Tags"), tx.caller.source), source or "",
        ),
    )  # fmt: skip
    return {"EventBusArn": at.arn, **_settings(load_bus(tx, at))}


_RESERVED = "Event bus name starting with 'aws.' is not valid."


def _join_source(tx: Tx, at: BusName, source: str) -> None:
    found = tx.get(PartnerSource, key(at, "source", source))
    if found is None:
        raise ResourceNotFound(f"Event source {source} does not exist.")
    if at.name != source:
        raise ValidationException("The name of a partner event bus must be the name of its event source.")
    tx.put(
        key(at, "source", source),
        PartnerSource(found.name, found.creator, found.created_ms, "ACTIVE", None),
    )


def _settings(bus: Bus) -> Response:
    shown = {
        "Description": bus.description or None, "KmsKeyIdentifier": bus.kms_key or None,
        "DeadLetterConfig": bus.dead_letter, "LogConfig": bus.log_config,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


def _described(tx: Tx, at: BusName, bus: Bus) -> Response:
    answer: Response = {
        "Name": bus.name, "Arn": at.arn, "CreationTime": bus.created_ms, "LastModifiedTime": bus.modified_ms,
    }  # fmt: skip
    if bus.description:
        answer["Description"] = bus.description
    if bus.statements:
        answer["Policy"] = orjson.dumps({"Version": "2012-10-17", "Statement": bus.statements}).decode()
    return answer


@operation("DescribeEventBus")
def describe_event_bus(tx: Tx, request: Request) -> Response:
    """A bus with its settings and policy.

    Source: EventBridge API Reference, DescribeEventBus.
    """
    at = bus_of(tx, request.get("Name"))
    bus = load_bus(tx, at)
    return {**_described(tx, at, bus), **_settings(bus)}


@operation("UpdateEventBus")
def update_event_bus(tx: Tx, request: Request) -> Response:
    """Change a bus's settings; what is left out stays.

    Source: EventBridge API Reference, UpdateEventBus.
    """
    at = bus_of(tx, request.get("Name"))
    bus = load_bus(tx, at)
    bus = put_bus(
        tx, at, bus,
        description=request.get("Description", bus.description),
        kms_key=request.get("KmsKeyIdentifier", bus.kms_key),
        dead_letter=request.get("DeadLetterConfig", bus.dead_letter),
        log_config=request.get("LogConfig", bus.log_config),
        modified_ms=tx.now_ms,
    )  # fmt: skip
    return {"Arn": at.arn, "Name": at.name, **_settings(bus)}


@operation("DeleteEventBus")
def delete_event_bus(tx: Tx, request: Request) -> Response:
    """Delete a bus that has no rules; one that does not exist is deleted already.

    Raises:
        ValidationException: it is the default bus, or has rules.

    Source: EventBridge API Reference, DeleteEventBus; recorded answers.
    """
    at = bus_of(tx, request["Name"])
    if at.name == DEFAULT:
        raise ValidationException("Cannot delete event bus default.")
    if find_bus(tx, at) is None:
        return {}
    if tx.scan_prefix(Rule, key(at, "rule", at.name), limit=1):
        raise ValidationException(f"Cannot delete event bus {at.name}. It has rules.")
    tx.delete(key(at, "bus", at.name))
    tx.after_commit(lambda: Buses.of(tx.kernel).forget(at))
    return {}


@operation("WatchBus", internal=True)
def watch_bus(tx: Tx, request: Request) -> Response:
    """For schema discoverers: `schemas:Observe` is to see the events of `Bus` (an ARN), if `Watched`."""
    at = bus_of(tx, request["Bus"])
    bus = find_bus(tx, at)
    if bus is not None:
        watched = request["Watched"]
        put_bus(tx, at, bus, watched=watched)
        live = Buses.of(tx.kernel).known(at)
        if live is not None:
            tx.after_commit(lambda: setattr(live, "watched", watched))
    return {}


@operation("ListEventBuses")
def list_event_buses(tx: Tx, request: Request) -> Response:
    """The account's buses by name.

    Source: EventBridge API Reference, ListEventBuses.
    """
    prefix = request.get("NamePrefix") or ""
    buses = {bus.name: bus for bus in tx.scan_prefix(Bus, key(tx, "bus"))}
    default = find_bus(tx, bus_of(tx, None))
    assert default is not None
    buses.setdefault(DEFAULT, default)
    chosen = [bus for name, bus in sorted(buses.items()) if name.startswith(prefix)]
    page, token = page_of(chosen, request, name=lambda bus: bus.name)
    described = [_described(tx, BusName(tx.account, tx.region, bus.name), bus) for bus in page]
    return {"EventBuses": described, **token}
