"""Both ends of log deliveries from AWS services: sources and destinations, stored and read back.

Nothing is delivered: the services that could be sources are not here.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.logs.errors import Conflict, ResourceNotFound
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

DESTINATION, SOURCE, DELIVERY = "delivery-destination", "delivery-source", "delivery"
_TYPES = {"s3": "S3", "logs": "CWL", "firehose": "FH", "xray": "XRAY"}
_SOURCES = {
    "bedrock", "bedrock-agentcore", "cloudfront", "codewhisperer", "deadline", "elasticache", "events",
    "ivschat", "mediapackagev2", "mediatailor", "msk", "networkmanager", "pcs", "pipes", "q", "qbusiness",
    "rds", "route53resolver", "ses", "states", "transfer", "verified-access", "vpc-lattice", "wisdom",
    "workmail",
}  # fmt: skip
_POLICY = "policy"


def load_end(tx: Tx, kind: str, name: str) -> Stored:
    """A delivery's source or destination.

    Raises:
        ResourceNotFound: AWS's text.
    """
    found = find_stored(tx, kind, name)
    if found is None:
        what = "Destination" if kind == DESTINATION else "Source"
        raise ResourceNotFound(f"Requested Delivery {what} does not exist in this account.")
    return found


def show_end(tx: Tx, stored: Stored) -> dict[str, Any]:
    """A delivery's source or destination, without the policy."""
    settings = {name: value for name, value in stored.settings.items() if name != _POLICY}
    shown = {"name": stored.name, "arn": stored_arn(tx, stored), **settings}
    return {**shown, "tags": stored.tags} if stored.tags else shown


@operation("PutDeliveryDestination")
def put_delivery_destination(tx: Tx, request: Request) -> Response:
    """Create a delivery destination, or change it.

    Source: CloudWatch Logs API Reference, PutDeliveryDestination; recorded cases.
    """
    before = find_stored(tx, DESTINATION, request["name"])
    settings = dict(before.settings) if before is not None else {}
    for member in ("outputFormat", "deliveryDestinationConfiguration", "roleArn"):
        if member in request:
            settings[member] = request[member]
    configuration = request.get("deliveryDestinationConfiguration", {})
    arn = find_arn(configuration.get("destinationResourceArn", ""))
    given = request.get("deliveryDestinationType")
    settings["deliveryDestinationType"] = given or _TYPES.get(arn.service if arn else "", "XRAY")
    tags = request.get("tags", before.tags if before is not None else {})
    created = before.created_ms if before is not None else tx.now_ms
    stored = Stored(DESTINATION, request["name"], created, settings, tags)
    put_stored(tx, stored)
    return {"deliveryDestination": show_end(tx, stored)}


@operation("GetDeliveryDestination")
def get_delivery_destination(tx: Tx, request: Request) -> Response:
    """A delivery destination.

    Source: CloudWatch Logs API Reference, GetDeliveryDestination.
    """
    return {"deliveryDestination": show_end(tx, load_end(tx, DESTINATION, request["name"]))}


@operation("DescribeDeliveryDestinations")
def describe_delivery_destinations(tx: Tx, request: Request) -> Response:
    """Delivery destinations by name.

    Source: CloudWatch Logs API Reference, DescribeDeliveryDestinations.
    """
    return page(
        tx, request, "deliveryDestinations", Stored, key(tx, "stored", DESTINATION),
        lambda stored: show_end(tx, stored),
        keep=lambda stored: stored.name in request.get("names", [stored.name]),
    )


@operation("DeleteDeliveryDestination")
def delete_delivery_destination(tx: Tx, request: Request) -> Response:
    """Delete a delivery destination that no delivery uses.

    Source: CloudWatch Logs API Reference, DeleteDeliveryDestination.
    """
    stored = load_end(tx, DESTINATION, request["name"])
    arn = stored_arn(tx, stored)
    _refuse_used(tx, "deliveryDestinationArn", arn, "Destination")
    drop_stored(tx, stored)
    return {}


def _refuse_used(tx: Tx, member: str, value: str, what: str) -> None:
    if any(delivery.settings[member] == value for delivery in list_stored(tx, DELIVERY)):
        raise Conflict(f"Delivery {what} is used by a delivery. Delete the delivery first.")


@operation("PutDeliveryDestinationPolicy")
def put_delivery_destination_policy(tx: Tx, request: Request) -> Response:
    """Set who may deliver to a destination.

    Source: CloudWatch Logs API Reference, PutDeliveryDestinationPolicy; recorded case.
    """
    stored = load_end(tx, DESTINATION, request["deliveryDestinationName"])
    policy = request["deliveryDestinationPolicy"]
    put_stored(tx, replace(stored, settings={**stored.settings, _POLICY: policy}))
    return {"policy": {"deliveryDestinationPolicy": policy}}


@operation("GetDeliveryDestinationPolicy")
def get_delivery_destination_policy(tx: Tx, request: Request) -> Response:
    """Who may deliver to a destination, if that was set.

    Source: CloudWatch Logs API Reference, GetDeliveryDestinationPolicy; recorded case.
    """
    stored = load_end(tx, DESTINATION, request["deliveryDestinationName"])
    if _POLICY not in stored.settings:
        return {"policy": {}}
    return {"policy": {"deliveryDestinationPolicy": stored.settings[_POLICY]}}


@operation("DeleteDeliveryDestinationPolicy")
def delete_delivery_destination_policy(tx: Tx, request: Request) -> Response:
    """Forget who may deliver to a destination.

    Source: CloudWatch Logs API Reference, DeleteDeliveryDestinationPolicy.
    """
    stored = load_end(tx, DESTINATION, request["deliveryDestinationName"])
    settings = {name: value for name, value in stored.settings.items() if name != _POLICY}
    put_stored(tx, replace(stored, settings=settings))
    return {}


@operation("PutDeliverySource")
def put_delivery_source(tx: Tx, request: Request) -> Response:
    """Create a delivery source, or change it.

    Raises:
        ResourceNotFound: the resource is of no service that delivers logs.

    Source: CloudWatch Logs API Reference, PutDeliverySource; recorded case.
    """
    arn = find_arn(request["resourceArn"])
    if arn is None or arn.service not in _SOURCES:
        raise ResourceNotFound("Cannot access provided service.")
    before = find_stored(tx, SOURCE, request["name"])
    settings: dict[str, object] = {
        "resourceArns": [request["resourceArn"]], "service": arn.service, "logType": request["logType"],
    }
    if "deliverySourceConfiguration" in request:
        settings["deliverySourceConfiguration"] = request["deliverySourceConfiguration"]
    if before is not None and before.settings["resourceArns"] != settings["resourceArns"]:
        raise Conflict("Update to existing Delivery Source with new ResourceId is not allowed.")
    tags = request.get("tags", before.tags if before is not None else {})
    stored = Stored(SOURCE, request["name"], before.created_ms if before else tx.now_ms, settings, tags)
    put_stored(tx, stored)
    return {"deliverySource": show_end(tx, stored)}


@operation("GetDeliverySource")
def get_delivery_source(tx: Tx, request: Request) -> Response:
    """A delivery source.

    Source: CloudWatch Logs API Reference, GetDeliverySource.
    """
    return {"deliverySource": show_end(tx, load_end(tx, SOURCE, request["name"]))}


@operation("DescribeDeliverySources")
def describe_delivery_sources(tx: Tx, request: Request) -> Response:
    """Delivery sources by name.

    Source: CloudWatch Logs API Reference, DescribeDeliverySources.
    """
    return page(
        tx, request, "deliverySources", Stored, key(tx, "stored", SOURCE), lambda stored: show_end(tx, stored)
    )


@operation("DeleteDeliverySource")
def delete_delivery_source(tx: Tx, request: Request) -> Response:
    """Delete a delivery source that no delivery uses.

    Source: CloudWatch Logs API Reference, DeleteDeliverySource.
    """
    stored = load_end(tx, SOURCE, request["name"])
    _refuse_used(tx, "deliverySourceName", stored.name, "Source")
    drop_stored(tx, stored)
    return {}
