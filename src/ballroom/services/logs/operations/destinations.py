"""Destinations for other accounts' subscriptions: stored and read back."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.logs.errors import ResourceNotFound
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import key
from ballroom.services.logs.stored import Stored, drop_stored, find_stored, put_stored, stored_arn

_KIND = "destination"


def _show(tx: Tx, stored: Stored) -> dict[str, Any]:
    return {
        "destinationName": stored.name, **stored.settings, "arn": stored_arn(tx, stored),
        "creationTime": stored.created_ms,
    }


def _load(tx: Tx, name: str) -> Stored:
    found = find_stored(tx, _KIND, name)
    if found is None:
        raise ResourceNotFound("The specified destination does not exist.")
    return found


@operation("PutDestination")
def put_destination(tx: Tx, request: Request) -> Response:
    """Create a destination, or change its target and role.

    Source: CloudWatch Logs API Reference, PutDestination.
    """
    before = find_stored(tx, _KIND, request["destinationName"])
    settings = {
        **(before.settings if before else {}), "targetArn": request["targetArn"], "roleArn": request["roleArn"],
    }
    tags = request.get("tags", {}) if before is None else before.tags
    created = tx.now_ms if before is None else before.created_ms
    stored = Stored(_KIND, request["destinationName"], created, settings, tags)
    put_stored(tx, stored)
    return {"destination": _show(tx, stored)}


@operation("PutDestinationPolicy")
def put_destination_policy(tx: Tx, request: Request) -> Response:
    """Set who may subscribe to a destination.

    Source: CloudWatch Logs API Reference, PutDestinationPolicy.
    """
    stored = _load(tx, request["destinationName"])
    put_stored(tx, replace(stored, settings={**stored.settings, "accessPolicy": request["accessPolicy"]}))
    return {}


@operation("DescribeDestinations")
def describe_destinations(tx: Tx, request: Request) -> Response:
    """Destinations by name.

    Source: CloudWatch Logs API Reference, DescribeDestinations.
    """
    return page(
        tx, request, "destinations", Stored, key(tx, "stored", _KIND), lambda stored: _show(tx, stored),
        begins=request.get("DestinationNamePrefix", ""),
    )


@operation("DeleteDestination")
def delete_destination(tx: Tx, request: Request) -> Response:
    """Delete a destination.

    Source: CloudWatch Logs API Reference, DeleteDestination.
    """
    drop_stored(tx, _load(tx, request["destinationName"]))
    return {}
