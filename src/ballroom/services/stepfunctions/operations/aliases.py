"""Aliases: names for one or two versions, between which starts are divided.

Source: Developer Guide, "State machine aliases in Step Functions workflows".
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..arns import MachineRef, parse_alias, parse_machine
from ..errors import ConflictException, Invalid, InvalidArn, ResourceNotFound, ServiceQuotaExceeded
from ..paging import page_of
from ..resources import Alias, Version, alias_key, load_machine, version_key

MOST_ALIASES = 100


def _routes(tx: Tx, given: list[dict[str, Any]]) -> tuple[MachineRef, list[tuple[int, int]]]:
    refs = [parse_machine(one["stateMachineVersionArn"]) for one in given]
    for ref, one in zip(refs, given, strict=True):
        if not ref.version:
            raise InvalidArn(f"Invalid ARN: {one['stateMachineVersionArn']}")
    if len({ref.name for ref in refs}) > 1:
        raise Invalid("Routing configuration must reference versions of the same state machine.")
    if len({ref.version for ref in refs}) < len(refs):
        raise Invalid("Routing configuration must contain distinct state machine version ARNs.")
    if sum(one["weight"] for one in given) != 100:
        raise Invalid("Sum of routing configuration weights must equal 100.")
    for ref in refs:
        if tx.get(Version, version_key(ref, ref.version)) is None:
            raise ResourceNotFound
    return refs[0], [(ref.version, one["weight"]) for ref, one in zip(refs, given, strict=True)]


def _arn(ref: MachineRef, name: str) -> str:
    return f"{ref.arn}:{name}"


@operation("CreateStateMachineAlias")
def create_state_machine_alias(tx: Tx, request: Request) -> Response:
    """Create an alias; asking again for the very same answers with the one that is there.

    Source: API Reference, CreateStateMachineAlias.
    """
    ref, routes = _routes(tx, request["routingConfiguration"])
    description, key = request.get("description", ""), alias_key(ref, request["name"])
    found = tx.get(Alias, key)
    if found is not None:
        if (found.description, found.routes) != (description, routes):
            raise ConflictException(
                "Failed to create alias because an alias with the same name and a different routing "
                "configuration already exists."
            )
    else:
        if len(tx.scan_prefix(Alias, key[:-1], limit=MOST_ALIASES)) >= MOST_ALIASES:
            raise ServiceQuotaExceeded(f"The maximum number of aliases ({MOST_ALIASES}) has been reached.")
        found = Alias(request["name"], description, tx.now_ms, tx.now_ms, routes)
        tx.put(key, found)
    return {"stateMachineAliasArn": _arn(ref, found.name), "creationDate": found.created_ms}


@operation("UpdateStateMachineAlias")
def update_state_machine_alias(tx: Tx, request: Request) -> Response:
    """Change an alias's description or routes; starts from now on follow them.

    Source: API Reference, UpdateStateMachineAlias.
    """
    ref = parse_alias(request["stateMachineAliasArn"])
    found = _load(tx, ref)
    if "description" not in request and "routingConfiguration" not in request:
        raise Invalid("Either the description or the routingConfiguration must be specified.")
    if "description" in request:
        found = replace(found, description=request["description"])
    if "routingConfiguration" in request:
        of, routes = _routes(tx, request["routingConfiguration"])
        if of.name != ref.name:
            raise Invalid("Routing configuration must reference versions of the alias's state machine.")
        found = replace(found, routes=routes)
    tx.put(alias_key(ref, found.name), replace(found, updated_ms=tx.now_ms))
    return {"updateDate": tx.now_ms}


def _load(tx: Tx, ref: MachineRef) -> Alias:
    found = tx.get(Alias, alias_key(ref, ref.alias))
    if found is None:
        raise ResourceNotFound
    return found


@operation("DescribeStateMachineAlias")
def describe_state_machine_alias(tx: Tx, request: Request) -> Response:
    """What an alias is.

    Source: API Reference, DescribeStateMachineAlias.
    """
    ref = parse_alias(request["stateMachineAliasArn"])
    found = _load(tx, ref)
    described: Response = {
        "stateMachineAliasArn": _arn(ref, found.name), "name": found.name,
        "routingConfiguration": [
            {"stateMachineVersionArn": f"{ref.arn}:{version}", "weight": weight}
            for version, weight in found.routes
        ],
        "creationDate": found.created_ms, "updateDate": found.updated_ms,
    }  # fmt: skip
    if found.description:
        described["description"] = found.description
    return described


@operation("ListStateMachineAliases")
def list_state_machine_aliases(tx: Tx, request: Request) -> Response:
    """The aliases of a state machine, or those that refer to one version.

    Source: API Reference, ListStateMachineAliases.
    """
    ref = parse_machine(request["stateMachineArn"])
    load_machine(tx, ref, asked=request["stateMachineArn"])
    prefix = alias_key(ref, "")[:-1]
    if ref.version:
        # at most 100 aliases: those of a version are picked from all
        every = tx.scan_prefix(Alias, prefix)
        aliases, token = [a for a in every if any(v == ref.version for v, _ in a.routes)], None
    else:
        aliases, token = page_of(tx, Alias, prefix, request, 100)
    response: Response = {
        "stateMachineAliases": [
            {"stateMachineAliasArn": _arn(ref, one.name), "creationDate": one.created_ms} for one in aliases
        ]
    }
    if token:
        response["nextToken"] = token
    return response


@operation("DeleteStateMachineAlias")
def delete_state_machine_alias(tx: Tx, request: Request) -> Response:
    """Delete an alias; harmless if repeated.

    Source: API Reference, DeleteStateMachineAlias.
    """
    ref = parse_alias(request["stateMachineAliasArn"])
    if tx.get(Alias, alias_key(ref, ref.alias)) is not None:
        tx.delete(alias_key(ref, ref.alias))
    return {}
