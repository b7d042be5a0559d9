"""Versions: publish, list, delete."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..arns import parse_machine, parse_unqualified
from ..errors import ConflictException, InvalidArn
from ..paging import page_of
from ..resources import (
    Alias,
    Version,
    alias_key,
    find_machine,
    load_machine,
    machine_key,
    version_key,
)
from ..versioning import publish


@operation("PublishStateMachineVersion")
def publish_state_machine_version(tx: Tx, request: Request) -> Response:
    """Publish the current revision of a state machine.

    Source: API Reference, PublishStateMachineVersion.
    """
    machine = load_machine(tx, parse_unqualified(request["stateMachineArn"]), asked=request["stateMachineArn"])
    current, wanted = machine.settings.revision or "INITIAL", request.get("revisionId")
    if wanted is not None and wanted != current:
        raise ConflictException(
            f"Failed to publish the State Machine version for revision {wanted}. "
            f"The current State Machine revision is {current}."
        )
    version = publish(tx, machine, request.get("description", ""))
    return {"creationDate": version.created_ms, "stateMachineVersionArn": f"{machine.arn}:{version.number}"}


@operation("ListStateMachineVersions")
def list_state_machine_versions(tx: Tx, request: Request) -> Response:
    """The versions of a state machine, newest first.

    Source: API Reference, ListStateMachineVersions.
    """
    ref = parse_machine(request["stateMachineArn"])
    machine = load_machine(tx, ref, asked=request["stateMachineArn"])
    versions, token = page_of(tx, Version, version_key(ref, 0)[:-1], request, 100, reverse=True)
    response: Response = {
        "stateMachineVersions": [
            {"stateMachineVersionArn": f"{machine.arn}:{one.number}", "creationDate": one.created_ms}
            for one in versions
        ]
    }
    if token:
        response["nextToken"] = token
    return response


@operation("DeleteStateMachineVersion")
def delete_state_machine_version(tx: Tx, request: Request) -> Response:
    """Delete a version that no alias refers to; harmless if repeated.

    Source: API Reference, DeleteStateMachineVersion.
    """
    ref = parse_machine(request["stateMachineVersionArn"])
    if not ref.version:
        raise InvalidArn(f"Invalid ARN: {request['stateMachineVersionArn']}")
    if tx.get(Version, version_key(ref, ref.version)) is None:
        return {}
    aliases = tx.scan_prefix(Alias, alias_key(ref, "")[:-1])
    using = [one.name for one in aliases if any(version == ref.version for version, _ in one.routes)]
    if using:
        raise ConflictException(
            "Version to be deleted must not be referenced by an alias. "
            f"Current list of aliases referencing this version: [{', '.join(using)}]"
        )
    tx.delete(version_key(ref, ref.version))
    machine = find_machine(tx, ref)
    if machine is not None:
        tx.put(machine_key(ref), replace(machine, versions=machine.versions - 1))
    return {}
