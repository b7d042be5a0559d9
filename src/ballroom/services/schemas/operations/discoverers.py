"""Discoverers: what infers schemas of a bus's events."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.schemas.errors import BadRequest, Conflict, NotFound
from ballroom.services.schemas.paging import page_of
from ballroom.services.schemas.resources import (
    DISCOVERED,
    Discoverer,
    DiscovererLink,
    SchemaRegistry,
    discoverer_arn,
    key,
)


def _load(tx: Tx, discoverer_id: str) -> Discoverer:
    found = tx.get(Discoverer, key(tx, "discoverer", discoverer_id))
    if found is None:
        raise NotFound(f"Discoverer with id {discoverer_id} does not exist.")
    return found


def _answer(tx: Tx, discoverer: Discoverer) -> Response:
    answer: dict[str, Any] = {
        "DiscovererId": discoverer.id, "DiscovererArn": discoverer_arn(tx, discoverer.id),
        "SourceArn": discoverer.source_arn, "State": discoverer.state, "Description": discoverer.description,
        "CrossAccount": discoverer.cross_account, "Tags": discoverer.tags,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


def _save(tx: Tx, discoverer: Discoverer) -> Discoverer:
    tx.put(key(tx, "discoverer", discoverer.id), discoverer)
    watch = {"Bus": discoverer.source_arn, "Watched": discoverer.state == "STARTED"}
    tx.call("events", "WatchBus", watch)
    return discoverer


@operation("CreateDiscoverer")
def create_discoverer(tx: Tx, request: Request) -> Response:
    """Watch a bus from now on.

    Raises:
        Conflict: the bus is watched already.
        BadRequest: the ARN is no bus's, of this account and region.

    Source: Schemas API Reference, Discoverers.
    """
    bus = request["SourceArn"]
    prefix = f":events:{tx.region}:{tx.account}:event-bus/"
    if prefix not in bus:
        raise BadRequest("SourceArn must be the ARN of an event bus of this account and region.")
    if tx.get(DiscovererLink, key(tx, "discoverer-of", bus)) is not None:
        raise Conflict(f"Discoverer with source ARN {bus} already exists.")
    name = bus.partition(":event-bus/")[2]
    tx.call("events", "DescribeEventBus", {"Name": name})
    discoverer = Discoverer(
        f"events-event-bus-{name}", bus, "STARTED", request.get("Description"),
        request.get("CrossAccount", True), request.get("Tags") or {},
    )  # fmt: skip
    tx.put(key(tx, "discoverer-of", bus), DiscovererLink(discoverer.id))
    if tx.get(SchemaRegistry, key(tx, "registry", DISCOVERED)) is None:
        tx.put(key(tx, "registry", DISCOVERED), SchemaRegistry(DISCOVERED))
    return _answer(tx, _save(tx, discoverer))


@operation("DescribeDiscoverer")
def describe_discoverer(tx: Tx, request: Request) -> Response:
    """A discoverer.

    Source: Schemas API Reference, Discoverers.
    """
    return _answer(tx, _load(tx, request["DiscovererId"]))


@operation("UpdateDiscoverer")
def update_discoverer(tx: Tx, request: Request) -> Response:
    """Change a discoverer.

    Source: Schemas API Reference, Discoverers.
    """
    before = _load(tx, request["DiscovererId"])
    changed = msgspec.structs.replace(
        before, description=request.get("Description", before.description),
        cross_account=request.get("CrossAccount", before.cross_account),
    )  # fmt: skip
    return _answer(tx, _save(tx, changed))


@operation("StartDiscoverer")
def start_discoverer(tx: Tx, request: Request) -> Response:
    """Watch again.

    Source: Schemas API Reference, Discoverers.
    """
    return _set_state(tx, request["DiscovererId"], "STARTED")


@operation("StopDiscoverer")
def stop_discoverer(tx: Tx, request: Request) -> Response:
    """Watch no more; schemas stay.

    Source: Schemas API Reference, Discoverers.
    """
    return _set_state(tx, request["DiscovererId"], "STOPPED")


def _set_state(tx: Tx, discoverer_id: str, state: str) -> Response:
    _save(tx, msgspec.structs.replace(_load(tx, discoverer_id), state=state))
    return {"DiscovererId": discoverer_id, "State": state}


@operation("DeleteDiscoverer")
def delete_discoverer(tx: Tx, request: Request) -> Response:
    """Delete a discoverer; schemas stay.

    Source: Schemas API Reference, Discoverers.
    """
    discoverer = _load(tx, request["DiscovererId"])
    _save(tx, msgspec.structs.replace(discoverer, state="STOPPED"))
    tx.delete(key(tx, "discoverer", discoverer.id))
    tx.delete(key(tx, "discoverer-of", discoverer.source_arn))
    return {}


@operation("ListDiscoverers")
def list_discoverers(tx: Tx, request: Request) -> Response:
    """The account's discoverers by id.

    Source: Schemas API Reference, Discoverers.
    """
    prefix, source = request.get("DiscovererIdPrefix") or "", request.get("SourceArnPrefix") or ""
    found = [
        discoverer
        for discoverer in tx.scan_prefix(Discoverer, key(tx, "discoverer"))
        if discoverer.id.startswith(prefix) and discoverer.source_arn.startswith(source)
    ]
    page, token = page_of(found, request, lambda discoverer: discoverer.id)
    shown = [{k: v for k, v in _answer(tx, one).items() if k != "Description"} for one in page]
    return {"Discoverers": shown, **token}
