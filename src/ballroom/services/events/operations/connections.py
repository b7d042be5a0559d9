"""Connections: how requests to API destinations are authorised."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.kernel.arn import make_arn
from ballroom.services.events import secrets
from ballroom.services.events.authorizing import authorize_later
from ballroom.services.events.errors import ResourceAlreadyExists, ResourceNotFound
from ballroom.services.events.paging import page_of
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import Connection, key

replace = msgspec.structs.replace


def connection_arn(tx: Tx, connection: Connection) -> str:
    """The ARN of a connection of the caller's account."""
    return make_arn("events", tx.region, tx.account, f"connection/{connection.name}/{connection.id}")


def _load(tx: Tx, name: str) -> Connection:
    found = tx.get(Connection, key(tx, "connection", name))
    if found is None:
        raise ResourceNotFound(f"Connection '{name}' does not exist.")
    return found


def _refuse_private(request: Request) -> None:
    auth = request.get("AuthParameters") or {}
    if request.get("InvocationConnectivityParameters") or auth.get("ConnectivityParameters"):
        raise NotImplementedHere("Ballroom does not support connections to private resources (VPC Lattice).")


def _answer(tx: Tx, connection: Connection) -> Response:
    answer = {
        "ConnectionArn": connection_arn(tx, connection), "ConnectionState": connection.state,
        "CreationTime": connection.created_ms, "LastModifiedTime": connection.modified_ms,
    }  # fmt: skip
    return answer


@operation("CreateConnection")
def create_connection(tx: Tx, request: Request) -> Response:
    """Create a connection. Its secrets are sealed at once, and no answer ever tells them.

    Raises:
        ResourceAlreadyExists, LimitExceeded, ValidationException

    Source: EventBridge API Reference, CreateConnection; recorded answers.
    """
    name, kind, given = request["Name"], request["AuthorizationType"], request["AuthParameters"]
    if tx.get(Connection, key(tx, "connection", name)) is not None:
        raise ResourceAlreadyExists(f"Connection {name} already exists.")
    _refuse_private(request)
    secrets.check_kind(kind, given)
    check_quota(tx.kernel, "events.connections", len(tx.scan_prefix(Connection, key(tx, "connection"))) + 1)
    connection = Connection(
        name, tx.ids.uuid(), f"{tx.ids.uuid()}-{tx.ids.secret(6)}", kind, secrets.shown_parameters(given), b"",
        tx.now_ms, tx.now_ms, tx.now_ms, _first_state(kind), "", request.get("Description"),
        request.get("KmsKeyIdentifier") or "",
    )  # fmt: skip
    return _answer(tx, _save(tx, connection, given))


def _first_state(kind: str) -> str:
    return "AUTHORIZING" if kind == "OAUTH_CLIENT_CREDENTIALS" else "AUTHORIZED"


def _save(tx: Tx, connection: Connection, parameters: dict[str, Any]) -> Connection:
    sealed = secrets.seal(tx, connection_arn(tx, connection), parameters)
    connection = replace(connection, sealed=sealed)
    tx.put(key(tx, "connection", connection.name), connection)
    if connection.state == "AUTHORIZING":
        authorize_later(tx, connection)
    return connection


@operation("UpdateConnection")
def update_connection(tx: Tx, request: Request) -> Response:
    """Change a connection; secrets that are left out stay.

    Source: EventBridge API Reference, UpdateConnection.
    """
    connection = _load(tx, request["Name"])
    _refuse_private(request)
    kind = request.get("AuthorizationType") or connection.kind
    parameters = secrets.unseal(tx, connection_arn(tx, connection), connection.sealed)
    parameters = secrets.merged(parameters, request.get("AuthParameters") or {})
    secrets.check_kind(kind, parameters)
    others = ("BasicAuthParameters", "OAuthParameters", "ApiKeyAuthParameters")
    parameters = {
        name: value for name, value in parameters.items()
        if name not in others or name == secrets.needed(kind)
    }  # fmt: skip
    connection = replace(
        connection, kind=kind, shown=secrets.shown_parameters(parameters), state=_first_state(kind), reason="",
        description=request.get("Description", connection.description), modified_ms=tx.now_ms,
        authorized_ms=tx.now_ms, kms_key=request.get("KmsKeyIdentifier", connection.kms_key),
    )  # fmt: skip
    connection = _save(tx, connection, parameters)
    return {**_answer(tx, connection), "LastAuthorizedTime": connection.authorized_ms}


@operation("DescribeConnection")
def describe_connection(tx: Tx, request: Request) -> Response:
    """A connection without its secrets.

    Source: EventBridge API Reference, DescribeConnection; recorded answers.
    """
    connection = _load(tx, request["Name"])
    secret = f"secret:events!connection/{connection.name}/{connection.secret_id}"
    answer = {
        **_answer(tx, connection), "Name": connection.name, "Description": connection.description,
        "StateReason": connection.reason or None, "AuthorizationType": connection.kind,
        "SecretArn": make_arn("secretsmanager", tx.region, tx.account, secret),
        "KmsKeyIdentifier": connection.kms_key or None, "AuthParameters": connection.shown,
        "LastAuthorizedTime": connection.authorized_ms,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


@operation("ListConnections")
def list_connections(tx: Tx, request: Request) -> Response:
    """The connections whose name has a prefix, of one state or all.

    Source: EventBridge API Reference, ListConnections.
    """
    prefix, state = request.get("NamePrefix") or "", request.get("ConnectionState")
    found = [
        connection
        for connection in tx.scan_prefix(Connection, key(tx, "connection"))
        if connection.name.startswith(prefix) and state in (None, connection.state)
    ]
    page, token = page_of(found, request, name=lambda connection: connection.name)
    return {"Connections": [_listed(tx, connection) for connection in page], **token}


def _listed(tx: Tx, connection: Connection) -> dict[str, Any]:
    listed = {
        **_answer(tx, connection), "Name": connection.name, "StateReason": connection.reason or None,
        "AuthorizationType": connection.kind, "LastAuthorizedTime": connection.authorized_ms,
    }  # fmt: skip
    return {name: value for name, value in listed.items() if value is not None}


@operation("DeauthorizeConnection")
def deauthorize_connection(tx: Tx, request: Request) -> Response:
    """Forget a connection's secrets.

    Source: EventBridge API Reference, DeauthorizeConnection.
    """
    connection = _load(tx, request["Name"])
    connection = replace(connection, state="DEAUTHORIZED", sealed=b"", modified_ms=tx.now_ms)
    tx.put(key(tx, "connection", connection.name), connection)
    return {**_answer(tx, connection), "ConnectionState": "DEAUTHORIZING"}


@operation("DeleteConnection")
def delete_connection(tx: Tx, request: Request) -> Response:
    """Delete a connection; API destinations that use it become inactive.

    Source: EventBridge API Reference, DeleteConnection.
    """
    connection = _load(tx, request["Name"])
    tx.delete(key(tx, "connection", connection.name))
    return {**_answer(tx, connection), "ConnectionState": "DELETING"}
