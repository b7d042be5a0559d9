"""Registries."""

from __future__ import annotations

import re

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.schemas.errors import BadRequest, Conflict, Forbidden
from ballroom.services.schemas.paging import page_of
from ballroom.services.schemas.resources import Schema, SchemaRegistry, key, load_registry, registry_arn
from ballroom.services.schemas.storing import delete_schema

_NAME = re.compile(r"[0-9A-Za-z_.\-@]{1,64}")


def check_own(name: str) -> None:
    """Refuses AWS's own registries.

    Raises:
        Forbidden: the name begins with `aws.`.
    """
    if name.startswith("aws."):
        raise Forbidden(f"The registry {name} is managed by AWS.")


def _answer(tx: Tx, registry: SchemaRegistry) -> Response:
    answer = {
        "RegistryName": registry.name, "RegistryArn": registry_arn(tx, registry.name),
        "Description": registry.description, "Tags": registry.tags,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


@operation("CreateRegistry")
def create_registry(tx: Tx, request: Request) -> Response:
    """Create a registry.

    Source: Schemas API Reference, Registries.
    """
    name = request["RegistryName"]
    check_own(name)
    if _NAME.fullmatch(name) is None:
        raise BadRequest(f"Invalid registry name: {name}")
    if tx.get(SchemaRegistry, key(tx, "registry", name)) is not None:
        raise Conflict(f"Registry with name {name} already exists.")
    registry = SchemaRegistry(name, request.get("Description"), request.get("Tags") or {})
    tx.put(key(tx, "registry", name), registry)
    return _answer(tx, registry)


@operation("DescribeRegistry")
def describe_registry(tx: Tx, request: Request) -> Response:
    """A registry.

    Source: Schemas API Reference, Registries.
    """
    return _answer(tx, load_registry(tx, request["RegistryName"]))


@operation("UpdateRegistry")
def update_registry(tx: Tx, request: Request) -> Response:
    """Change a registry's description.

    Source: Schemas API Reference, Registries.
    """
    registry = load_registry(tx, request["RegistryName"])
    registry = msgspec.structs.replace(registry, description=request.get("Description", registry.description))
    tx.put(key(tx, "registry", registry.name), registry)
    return _answer(tx, registry)


@operation("DeleteRegistry")
def delete_registry(tx: Tx, request: Request) -> Response:
    """Delete a registry with all its schemas.

    Source: Schemas API Reference, Registries.
    """
    registry = load_registry(tx, request["RegistryName"])
    for schema in tx.scan_prefix(Schema, key(tx, "schema", registry.name)):
        delete_schema(tx, schema)
    tx.delete(key(tx, "registry", registry.name))
    return {}


@operation("ListRegistries")
def list_registries(tx: Tx, request: Request) -> Response:
    """The account's registries by name; AWS's own are not there.

    Source: Schemas API Reference, Registries.
    """
    scope, prefix = request.get("Scope"), request.get("RegistryNamePrefix") or ""
    if scope not in (None, "LOCAL", "AWS", "Local"):
        raise BadRequest("Scope must be LOCAL or AWS.")
    found = [] if scope == "AWS" else tx.scan_prefix(SchemaRegistry, key(tx, "registry"))
    chosen = [registry for registry in found if registry.name.startswith(prefix)]
    page, token = page_of(chosen, request, lambda registry: registry.name)
    shown = [{"RegistryName": r.name, "RegistryArn": registry_arn(tx, r.name), "Tags": r.tags} for r in page]
    return {"Registries": shown, **token}
