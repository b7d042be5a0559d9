"""Aliases: names for versions, with weights between two of them."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.lambda_ import describe
from ballroom.services.lambda_.access import target
from ballroom.services.lambda_.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.pages import page_of
from ballroom.services.lambda_.resources import Alias, find_alias, find_version, key, load_function


@operation("CreateAlias")
def create_alias(tx: Tx, request: Request) -> Response:
    """Name a version.

    Raises:
        ResourceConflict: the function has an alias of that name.

    Source: Lambda API Reference, CreateAlias.
    """
    at = _function(tx, request, "lambda:CreateAlias")
    _check_version(tx, at, request["FunctionVersion"])
    name = request["Name"]
    if find_alias(tx, at, name) is not None:
        raise ResourceConflict(f"Alias already exists: {at.arn}:{name}")
    alias = Alias(
        name=name, number=request["FunctionVersion"], revision_id=tx.ids.uuid(),
        description=request.get("Description"),
        weights=_checked_weights(tx, at, request["FunctionVersion"], request.get("RoutingConfig")),
    )  # fmt: skip
    tx.put(key(at, "alias", name), alias)
    return describe.alias(at, alias)


@operation("GetAlias")
def get_alias(tx: Tx, request: Request) -> Response:
    """One alias.

    Source: Lambda API Reference, GetAlias.
    """
    at = _function(tx, request, "lambda:GetAlias")
    return describe.alias(at, _load(tx, at, request["Name"]))


@operation("UpdateAlias")
def update_alias(tx: Tx, request: Request) -> Response:
    """Point an alias at another version, or change its weights or description.

    Source: Lambda API Reference, UpdateAlias.
    """
    at = _function(tx, request, "lambda:UpdateAlias")
    alias = _load(tx, at, request["Name"])
    if request.get("RevisionId") not in (None, "", alias.revision_id):
        raise PreconditionFailed()
    changes: dict[str, Any] = {}
    if "FunctionVersion" in request:
        _check_version(tx, at, request["FunctionVersion"])
        changes["number"] = request["FunctionVersion"]
    if "Description" in request:
        changes["description"] = request["Description"]
    if "RoutingConfig" in request:
        number = changes.get("number", alias.number)
        changes["weights"] = _checked_weights(tx, at, number, request["RoutingConfig"])
    alias = msgspec.structs.replace(alias, revision_id=tx.ids.uuid(), **changes)
    tx.put(key(at, "alias", alias.name), alias)
    return describe.alias(at, alias)


@operation("DeleteAlias")
def delete_alias(tx: Tx, request: Request) -> Response:
    """Remove an alias; one that does not exist is no error.

    Source: Lambda API Reference, DeleteAlias.
    """
    at = _function(tx, request, "lambda:DeleteAlias")
    tx.delete(key(at, "alias", request["Name"]))
    for kind in ("policy", "async"):
        tx.delete(key(at, kind, request["Name"]))
    return {}


@operation("ListAliases")
def list_aliases(tx: Tx, request: Request) -> Response:
    """The aliases of a function by name, or those of one version.

    Source: Lambda API Reference, ListAliases.
    """
    at = _function(tx, request, "lambda:ListAliases")
    rows = tx.scan_prefix(Alias, key(at, "alias"))
    if "FunctionVersion" in request:
        number = request["FunctionVersion"]
        rows = [alias for alias in rows if number == alias.number or number in alias.weights]
    chosen, marker = page_of(rows, request, limit=10_000, id_of=lambda a: a.name)
    return {"Aliases": [describe.alias(at, alias) for alias in chosen]} | marker


def _function(tx: Tx, request: Request, action: str) -> FunctionName:
    at = target(tx, request, action).at(None)
    load_function(tx, at)
    return at


def _load(tx: Tx, at: FunctionName, name: str) -> Alias:
    alias = find_alias(tx, at, name)
    if alias is None:
        raise ResourceNotFound(f"Cannot find alias arn: {at.arn}:{name}")
    return alias


def _check_version(tx: Tx, at: FunctionName, number: str) -> None:
    if find_version(tx, at, number) is None:
        raise ResourceNotFound(f"Function not found: {at.arn}:{number}")


def _checked_weights(
    tx: Tx, at: FunctionName, number: str, routing: dict[str, Any] | None
) -> dict[str, float]:
    """One further version at most, with a share from 0 to 1; $LATEST cannot share.

    Source: Developer Guide, "Implement Lambda canary deployments using a weighted alias".
    """
    weights: dict[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if not weights:
        return {}
    if len(weights) > 1:
        raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    (other,) = weights
    if number == LATEST:
        raise InvalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")
    if other == number:
        raise InvalidParameterValue(
            f"Invalid function version {number}. Function version {number} is already included in routing "
            "configuration."
        )
    if other == LATEST:
        raise InvalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")
    _check_version(tx, at, other)
    return dict(weights)
