"""Resource policies of buses: stored, shown, and without effect until policies are evaluated."""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import partition_of
from ballroom.services.events.errors import PolicyTooLong, ResourceNotFound, ValidationException
from ballroom.services.events.names import BusName, bus_of
from ballroom.services.events.resources import load_bus, put_bus

MOST_CHARACTERS = 10_240


@operation("PutPermission")
def put_permission(tx: Tx, request: Request) -> Response:
    """Add a statement to a bus's policy, replace the one of its id, or replace the whole policy.

    Source: EventBridge API Reference, PutPermission; recorded answers.
    """
    at = bus_of(tx, request.get("EventBusName"))
    bus = load_bus(tx, at)
    if request.get("Policy") is not None:
        statements = _statements(request["Policy"])
    else:
        for name in ("Action", "Principal", "StatementId"):
            if request.get(name) is None:
                raise ValidationException(f"Parameter {name} must be specified.")
        if request["Action"] != "events:PutEvents":
            raise ValidationException("Provided value in parameter 'action' is not supported.")
        statements = [s for s in bus.statements if s.get("Sid") != request["StatementId"]]
        statements.append(_statement(at, request))
    if len(orjson.dumps(statements)) > MOST_CHARACTERS:
        raise PolicyTooLong()
    put_bus(tx, at, bus, statements=statements, modified_ms=tx.now_ms)
    return {}


def _statement(at: BusName, request: Request) -> dict[str, Any]:
    principal: Any = request["Principal"]
    if principal != "*":
        principal = {"AWS": f"arn:{partition_of(at.region)}:iam::{principal}:root"}
    statement = {
        "Sid": request["StatementId"], "Effect": "Allow", "Principal": principal,
        "Action": request["Action"], "Resource": at.arn,
    }  # fmt: skip
    condition = request.get("Condition")
    if condition is not None:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _statements(policy: str) -> list[dict[str, Any]]:
    try:
        document = orjson.loads(policy)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise ValidationException("Parameter Policy is not valid. Reason: the policy is malformed.")
    return statements


@operation("RemovePermission")
def remove_permission(tx: Tx, request: Request) -> Response:
    """Remove a statement, or all of them.

    Raises:
        ResourceNotFound: there is no such bus or statement.

    Source: EventBridge API Reference, RemovePermission; recorded answers.
    """
    at = bus_of(tx, request.get("EventBusName"))
    bus = load_bus(tx, at)
    left: list[dict[str, Any]] = []
    if not request.get("RemoveAllPermissions"):
        left = [s for s in bus.statements if s.get("Sid") != request.get("StatementId")]
        if len(left) == len(bus.statements):
            raise ResourceNotFound("Statement with the provided id does not exist.")
    put_bus(tx, at, bus, statements=left, modified_ms=tx.now_ms)
    return {}
