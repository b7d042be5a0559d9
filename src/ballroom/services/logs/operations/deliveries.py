"""Log deliveries: a source paired with a destination, stored and read back."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.logs.errors import Conflict, ResourceNotFound
from ballroom.services.logs.operations.delivery_ends import DELIVERY, DESTINATION, SOURCE, load_end
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import key
from ballroom.services.logs.stored import (
    Stored,
    drop_stored,
    find_stored,
    list_stored,
    put_stored,
    stored_arn,
)

_SETTINGS = ("recordFields", "fieldDelimiter", "s3DeliveryConfiguration")


def _show(tx: Tx, stored: Stored) -> dict[str, Any]:
    shown = {"id": stored.name, "arn": stored_arn(tx, stored), **stored.settings}
    return {**shown, "tags": stored.tags} if stored.tags else shown


def _load(tx: Tx, delivery_id: str) -> Stored:
    found = find_stored(tx, DELIVERY, delivery_id)
    if found is None:
        raise ResourceNotFound("Requested Delivery does not exist in this account.")
    return found


@operation("CreateDelivery")
def create_delivery(tx: Tx, request: Request) -> Response:
    """Pair a source with a destination; once for each pair.

    Source: CloudWatch Logs API Reference, CreateDelivery.
    """
    source = load_end(tx, SOURCE, request["deliverySourceName"])
    arn = find_arn(request["deliveryDestinationArn"])
    kind, _, name = arn.resource.partition(":") if arn is not None else ("", "", "")
    destination = load_end(tx, DESTINATION, name if kind == DESTINATION else "")
    for other in list_stored(tx, DELIVERY):
        if (
            other.settings["deliverySourceName"] == source.name
            and other.settings["deliveryDestinationArn"] == request["deliveryDestinationArn"]
        ):
            raise Conflict("Delivery already exists.")
    settings: dict[str, object] = {
        "deliverySourceName": source.name, "deliveryDestinationArn": request["deliveryDestinationArn"],
        "deliveryDestinationType": destination.settings["deliveryDestinationType"],
        **{member: request[member] for member in _SETTINGS if member in request},
    }
    stored = Stored(DELIVERY, tx.ids.lower(16), tx.now_ms, settings, request.get("tags", {}))
    put_stored(tx, stored)
    return {"delivery": _show(tx, stored)}


@operation("GetDelivery")
def get_delivery(tx: Tx, request: Request) -> Response:
    """A delivery.

    Source: CloudWatch Logs API Reference, GetDelivery.
    """
    return {"delivery": _show(tx, _load(tx, request["id"]))}


@operation("DescribeDeliveries")
def describe_deliveries(tx: Tx, request: Request) -> Response:
    """Deliveries by id.

    Source: CloudWatch Logs API Reference, DescribeDeliveries.
    """
    wanted = request.get("deliverySourceNames")
    return page(
        tx, request, "deliveries", Stored, key(tx, "stored", DELIVERY), lambda stored: _show(tx, stored),
        keep=lambda stored: wanted is None or stored.settings["deliverySourceName"] in wanted,
    )


@operation("UpdateDeliveryConfiguration")
def update_delivery_configuration(tx: Tx, request: Request) -> Response:
    """Change a delivery's fields and form.

    Source: CloudWatch Logs API Reference, UpdateDeliveryConfiguration.
    """
    stored = _load(tx, request["id"])
    changes = {member: request[member] for member in _SETTINGS if member in request}
    put_stored(tx, replace(stored, settings={**stored.settings, **changes}))
    return {}


@operation("DeleteDelivery")
def delete_delivery(tx: Tx, request: Request) -> Response:
    """Delete a delivery; its source and destination stay.

    Source: CloudWatch Logs API Reference, DeleteDelivery.
    """
    drop_stored(tx, _load(tx, request["id"]))
    return {}
