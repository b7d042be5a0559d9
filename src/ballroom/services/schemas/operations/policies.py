"""Policies of registries: stored, shown, and without effect until policies are evaluated."""

from __future__ import annotations

import msgspec
import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.schemas.errors import BadRequest, NotFound, PreconditionFailed
from ballroom.services.schemas.resources import DISCOVERED, SchemaRegistry, key, load_registry


def _registry(tx: Tx, request: Request) -> SchemaRegistry:
    return load_registry(tx, request.get("RegistryName") or DISCOVERED)


@operation("PutResourcePolicy")
def put_resource_policy(tx: Tx, request: Request) -> Response:
    """Give a registry its policy.

    Source: Schemas API Reference, Policy.
    """
    registry = _registry(tx, request)
    if request.get("RevisionId") not in (None, registry.policy_revision):
        raise PreconditionFailed("The policy has another revision id.")
    try:
        document = orjson.loads(request["Policy"])
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        document = None
    if not isinstance(document, dict):
        raise BadRequest("The policy is no JSON object.")
    registry = msgspec.structs.replace(registry, policy=request["Policy"], policy_revision=tx.ids.uuid())
    tx.put(key(tx, "registry", registry.name), registry)
    return {"Policy": registry.policy, "RevisionId": registry.policy_revision}


@operation("GetResourcePolicy")
def get_resource_policy(tx: Tx, request: Request) -> Response:
    """A registry's policy.

    Source: Schemas API Reference, Policy.
    """
    registry = _registry(tx, request)
    if not registry.policy:
        raise NotFound(f"Registry with name {registry.name} has no policy.")
    return {"Policy": registry.policy, "RevisionId": registry.policy_revision}


@operation("DeleteResourcePolicy")
def delete_resource_policy(tx: Tx, request: Request) -> Response:
    """Take a registry's policy away.

    Source: Schemas API Reference, Policy.
    """
    registry = msgspec.structs.replace(_registry(tx, request), policy="", policy_revision="")
    tx.put(key(tx, "registry", registry.name), registry)
    return {}
