"""API destinations: HTTP endpoints that events are sent to."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn, make_arn
from ballroom.kernel.outbound import OutboundRefused, take_apart
from ballroom.services.events.errors import (
    ResourceAlreadyExists,
    ResourceNotFound,
    ValidationException,
)
from ballroom.services.events.paging import page_of
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import ApiDestination, Connection, key

DEFAULT_RATE = 300


def _load(tx: Tx, name: str) -> ApiDestination:
    found = tx.get(ApiDestination, key(tx, "api-destination", name))
    if found is None:
        raise ResourceNotFound(f"An api-destination '{name}' does not exist.")
    return found


def _connection(tx: Tx, arn: str) -> Connection | None:
    parsed = find_arn(arn)
    if parsed is None:
        return None
    parts = parsed.resource.split("/")
    found = tx.get(Connection, key(tx, "connection", parts[1])) if len(parts) == 3 else None
    return found if found is not None and found.id == parts[2] else None


def _check(tx: Tx, connection_arn: str, endpoint: str) -> None:
    if _connection(tx, connection_arn) is None:
        raise ResourceNotFound(f"Connection '{connection_arn}' does not exist.")
    try:
        scheme, *_ = take_apart(endpoint.replace("*", "x"))
    except OutboundRefused as refused:
        raise ValidationException(f"Parameter InvocationEndpoint is not valid. Reason: {refused}.") from None
    if scheme != "https" and not tx.kernel.settings.private_addresses:
        raise ValidationException(
            "Parameter InvocationEndpoint is not valid. Reason: the endpoint must use https."
        )


def _state(tx: Tx, destination: ApiDestination) -> str:
    connection = _connection(tx, destination.connection_arn)
    return "ACTIVE" if connection is not None and connection.state == "AUTHORIZED" else "INACTIVE"


def _answer(tx: Tx, destination: ApiDestination) -> Response:
    return {
        "ApiDestinationArn": make_arn(
            "events", tx.region, tx.account, f"api-destination/{destination.name}/{destination.id}"
        ),
        "ApiDestinationState": _state(tx, destination),
        "CreationTime": destination.created_ms,
        "LastModifiedTime": destination.modified_ms,
    }


@operation("CreateApiDestination")
def create_api_destination(tx: Tx, request: Request) -> Response:
    """Create an API destination.

    Raises:
        ResourceAlreadyExists, ResourceNotFound (the connection), LimitExceeded
        ValidationException: the endpoint is no https URL.

    Source: EventBridge API Reference, CreateApiDestination.
    """
    name = request["Name"]
    if tx.get(ApiDestination, key(tx, "api-destination", name)) is not None:
        raise ResourceAlreadyExists(f"An api-destination '{name}' already exists.")
    _check(tx, request["ConnectionArn"], request["InvocationEndpoint"])
    count = len(tx.scan_prefix(ApiDestination, key(tx, "api-destination"))) + 1
    check_quota(tx.kernel, "events.api-destinations", count)
    destination = ApiDestination(
        name, tx.ids.uuid(), request["ConnectionArn"], request["InvocationEndpoint"], request["HttpMethod"],
        tx.now_ms, tx.now_ms, request.get("InvocationRateLimitPerSecond") or DEFAULT_RATE,
        request.get("Description"),
    )  # fmt: skip
    tx.put(key(tx, "api-destination", name), destination)
    return _answer(tx, destination)


@operation("UpdateApiDestination")
def update_api_destination(tx: Tx, request: Request) -> Response:
    """Change an API destination; what is left out stays.

    Source: EventBridge API Reference, UpdateApiDestination.
    """
    before = _load(tx, request["Name"])
    destination = msgspec.structs.replace(
        before,
        connection_arn=request.get("ConnectionArn", before.connection_arn),
        endpoint=request.get("InvocationEndpoint", before.endpoint),
        method=request.get("HttpMethod", before.method),
        rate=request.get("InvocationRateLimitPerSecond", before.rate),
        description=request.get("Description", before.description),
        modified_ms=tx.now_ms,
    )
    _check(tx, destination.connection_arn, destination.endpoint)
    tx.put(key(tx, "api-destination", destination.name), destination)
    return _answer(tx, destination)


def _shown(tx: Tx, destination: ApiDestination) -> dict[str, Any]:
    return {
        **_answer(tx, destination), "Name": destination.name, "ConnectionArn": destination.connection_arn,
        "InvocationEndpoint": destination.endpoint, "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.rate,
    }  # fmt: skip


@operation("DescribeApiDestination")
def describe_api_destination(tx: Tx, request: Request) -> Response:
    """An API destination.

    Source: EventBridge API Reference, DescribeApiDestination.
    """
    destination = _load(tx, request["Name"])
    about = {"Description": destination.description} if destination.description is not None else {}
    return {**_shown(tx, destination), **about}


@operation("ListApiDestinations")
def list_api_destinations(tx: Tx, request: Request) -> Response:
    """The API destinations whose name has a prefix, of one connection or all.

    Source: EventBridge API Reference, ListApiDestinations.
    """
    prefix, connection = request.get("NamePrefix") or "", request.get("ConnectionArn")
    found = [
        destination
        for destination in tx.scan_prefix(ApiDestination, key(tx, "api-destination"))
        if destination.name.startswith(prefix) and connection in (None, destination.connection_arn)
    ]
    page, token = page_of(found, request, name=lambda destination: destination.name)
    return {"ApiDestinations": [_shown(tx, destination) for destination in page], **token}


@operation("DeleteApiDestination")
def delete_api_destination(tx: Tx, request: Request) -> Response:
    """Delete an API destination.

    Source: EventBridge API Reference, DeleteApiDestination.
    """
    destination = _load(tx, request["Name"])
    tx.delete(key(tx, "api-destination", destination.name))
    return {}
