"""State machines: create, update, describe, list, delete; and the check of a definition alone."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..arns import MachineRef, check_name, own_machine, parse_machine, parse_unqualified
from ..definitions import check_definition, compiled, store_definition
from ..deleting import delete_machine
from ..errors import (
    Invalid,
    MissingRequiredParameter,
    StateMachineAlreadyExists,
    StateMachineDoesNotExist,
)
from ..paging import page_of
from ..resources import (
    Machine,
    Settings,
    Version,
    find_machine,
    load_machine,
    machine_key,
    version_key,
)
from ..settings import encryption_of, logging_of, tags_of
from ..versioning import publish


@operation("CreateStateMachine")
def create_state_machine(tx: Tx, request: Request) -> Response:
    """Create a state machine; asking again for the very same answers with the one that is there.

    Raises:
        InvalidDefinitionRefused: the definition breaks the language's rules.
        StateMachineAlreadyExists: one of that name differs.

    Source: API Reference, CreateStateMachine.
    """
    check_name(request["name"])
    kind = request.get("type", "STANDARD")
    ref = own_machine(tx, request["name"])
    if request.get("versionDescription") and not request.get("publish"):
        raise Invalid("Version description can only be set when publish is true")
    check_definition(request["definition"], kind)
    logging, tracing = logging_of(tx, request.get("loggingConfiguration")), _tracing(request)
    encryption, tags = encryption_of(request.get("encryptionConfiguration")), tags_of(request.get("tags"))
    existing = find_machine(tx, ref)
    if existing is not None:
        return _created_before(tx, existing, request, kind, (logging, tracing, encryption))
    settings = Settings(
        store_definition(tx, request["definition"], kind), request["roleArn"], logging, tracing, encryption
    )
    machine = Machine(
        ref.account, ref.region, ref.name, kind, tx.now_ms, tx.now_ms, settings, tags, generation=tx.now_ms
    )
    tx.put(machine_key(ref), machine)
    response: Response = {"stateMachineArn": machine.arn, "creationDate": machine.created_ms}
    if request.get("publish"):
        version = publish(tx, machine, request.get("versionDescription", ""))
        response["stateMachineVersionArn"] = f"{machine.arn}:{version.number}"
    return response


def _created_before(
    tx: Tx, machine: Machine, request: Request, kind: str, given: tuple[dict[str, Any], bool, dict[str, Any]]
) -> Response:
    settings = machine.settings
    same = (
        machine.type == kind
        and compiled(tx.kernel, settings.definition).text == request["definition"]
        and (settings.logging, settings.tracing, settings.encryption) == given
    )
    if not same:
        raise StateMachineAlreadyExists(machine.arn)
    response: Response = {"stateMachineArn": machine.arn, "creationDate": machine.created_ms}
    if request.get("publish"):
        version = publish(tx, machine, request.get("versionDescription", ""))
        response["stateMachineVersionArn"] = f"{machine.arn}:{version.number}"
    return response


def _tracing(request: Request) -> bool:
    return bool(request.get("tracingConfiguration", {}).get("enabled", False))


@operation("UpdateStateMachine")
def update_state_machine(tx: Tx, request: Request) -> Response:
    """Change a state machine; executions under way go on with what they began with.

    Source: API Reference, UpdateStateMachine.
    """
    ref = parse_unqualified(request["stateMachineArn"])
    machine = load_machine(tx, ref, asked=request["stateMachineArn"])
    changes = (
        "definition",
        "roleArn",
        "loggingConfiguration",
        "tracingConfiguration",
        "encryptionConfiguration",
    )
    if not any(name in request for name in changes):
        raise MissingRequiredParameter
    if request.get("versionDescription") and not request.get("publish"):
        raise Invalid("Version description can only be set when publish is true")
    settings = replace(machine.settings, revision=tx.ids.uuid())
    if "definition" in request:
        check_definition(request["definition"], machine.type)
        settings = replace(settings, definition=store_definition(tx, request["definition"], machine.type))
    if "roleArn" in request:
        settings = replace(settings, role=request["roleArn"])
    if "loggingConfiguration" in request:
        settings = replace(settings, logging=logging_of(tx, request["loggingConfiguration"]))
    if "tracingConfiguration" in request:
        settings = replace(settings, tracing=_tracing(request))
    if "encryptionConfiguration" in request:
        settings = replace(settings, encryption=encryption_of(request["encryptionConfiguration"]))
    machine = replace(machine, settings=settings, updated_ms=tx.now_ms)
    tx.put(machine_key(ref), machine)
    response: Response = {"updateDate": tx.now_ms, "revisionId": settings.revision}
    if request.get("publish"):
        version = publish(tx, machine, request.get("versionDescription", ""))
        response["stateMachineVersionArn"] = f"{machine.arn}:{version.number}"
    return response


@operation("DescribeStateMachine")
def describe_state_machine(tx: Tx, request: Request) -> Response:
    """What a state machine, or one of its versions, is.

    Source: API Reference, DescribeStateMachine.
    """
    asked = request["stateMachineArn"]
    ref = parse_machine(asked)
    if ref.alias:
        raise StateMachineDoesNotExist(asked)
    machine = load_machine(tx, ref, asked=asked)
    described = {
        "stateMachineArn": ref.qualified, "name": machine.name, "status": "ACTIVE", "type": machine.type,
        "creationDate": machine.created_ms,
    }  # fmt: skip
    settings = machine.settings
    if ref.version:
        version = tx.get(Version, version_key(ref, ref.version))
        if version is None:
            raise StateMachineDoesNotExist(asked)
        settings = version.settings
        described["creationDate"] = version.created_ms
        if version.description:
            described["description"] = version.description
    if ref.label:
        described["label"] = ref.label
    described |= settings_as_described(tx, settings, request.get("includedData") != "METADATA_ONLY")
    return described


def settings_as_described(tx: Tx, settings: Settings, with_definition: bool = True) -> Response:
    """A revision's settings as DescribeStateMachine and DescribeStateMachineForExecution tell them."""
    described: Response = {
        "roleArn": settings.role,
        "loggingConfiguration": settings.logging,
        "tracingConfiguration": {"enabled": settings.tracing},
    }
    found = compiled(tx.kernel, settings.definition)
    described["definition"] = found.text if with_definition else ""
    if found.machine.variable_references and with_definition:
        described["variableReferences"] = found.machine.variable_references
    if settings.encryption:
        described["encryptionConfiguration"] = settings.encryption
    if settings.revision:
        described["revisionId"] = settings.revision
    return described


@operation("ListStateMachines")
def list_state_machines(tx: Tx, request: Request) -> Response:
    """The state machines of an account and region, by name.

    Source: API Reference, ListStateMachines.
    """
    prefix = machine_key(MachineRef(tx.account, tx.region, ""))[:-1]
    machines, token = page_of(tx, Machine, prefix, request, 100)
    response: Response = {
        "stateMachines": [
            {"stateMachineArn": one.arn, "name": one.name, "type": one.type, "creationDate": one.created_ms}
            for one in machines
        ]
    }
    if token:
        response["nextToken"] = token
    return response


@operation("DeleteStateMachine")
def delete_state_machine(tx: Tx, request: Request) -> Response:
    """Delete a state machine with its versions and aliases; what still runs is aborted. Harmless if repeated.

    Source: API Reference, DeleteStateMachine.
    """
    machine = find_machine(tx, parse_unqualified(request["stateMachineArn"]))
    if machine is not None:
        delete_machine(tx, machine)
    return {}
