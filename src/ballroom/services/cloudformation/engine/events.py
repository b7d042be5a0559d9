"""A stack's history, and its status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ballroom.kernel import Tx

from ..resources import Event, Operation, Resource, Stack, key, replace, save_stack, to_json
from ..template.values import as_text, is_scalar

STACK_TYPE = "AWS::CloudFormation::Stack"


def set_status(
    tx: Tx, stack: Stack, status: str, reason: str = "", *, shown: str | None = None, **changes: Any
) -> Stack:
    """Give the stack a status and tell of it.

    Args:
        tx: the transaction.
        stack: as it stands.
        status: the new status.
        reason: the stack's and the event's reason.
        shown: the event's reason where it differs.
        changes: other fields of the stack.
    """
    stack = save_stack(tx, replace(stack, status=status, reason=reason, **changes))
    _tell(
        tx, stack, "CloudFormation Stack Status Change",
        {"stack-id": stack.id, "status-details": {"status": status, "status-reason": reason}},
    )  # fmt: skip
    note(tx, stack, stack.name, stack.id, STACK_TYPE, status, reason if shown is None else shown)
    return stack


def note_resource(
    tx: Tx, stack: Stack, resource: Resource, *, reason: str = "", properties: str | None = None
) -> None:
    """Tell of a resource's status as it now stands."""
    note(
        tx, stack, resource.logical_id, resource.physical_id, resource.type, resource.status, reason, properties
    )
    _tell(
        tx, stack, "CloudFormation Resource Status Change",
        {
            "stack-id": stack.id, "logical-resource-id": resource.logical_id,
            "physical-resource-id": resource.physical_id,
            "status-details": {"status": resource.status, "status-reason": reason},
            "resource-type": resource.type,
        },
    )  # fmt: skip


def _tell(tx: Tx, stack: Stack, kind: str, detail: dict[str, Any]) -> None:
    """Emit an event on the account's default bus; nothing but two look-ups if no rule is there.

    Source: CloudFormation User Guide, "CloudFormation events detail reference".
    """
    entry = {
        "Source": "aws.cloudformation", "DetailType": kind, "Detail": {**detail, "client-request-token": ""},
        "Resources": [stack.id],
    }  # fmt: skip
    tx.call("events", "EmitEvents", {"Entries": [entry]})


def note(
    tx: Tx,
    stack: Stack,
    logical_id: str,
    physical_id: str,
    type: str,
    status: str,
    reason: str = "",
    properties: str | None = None,
) -> None:
    """Add an event. Ids of resource events name the moment; they never repeat within a stack."""
    last = tx.scan_prefix_items(Event, key(tx, "event", stack.uuid), limit=1, reverse=True)
    sequence, moment = 0, tx.now_ms
    if last:
        (*_, previous), event = last[0]
        assert isinstance(previous, int)
        sequence, moment = previous + 1, max(moment, event.moment_ms + 1)
    if type == STACK_TYPE and physical_id == stack.id:
        event_id = tx.ids.uuid()
    elif properties is None and status.startswith("DELETE"):
        event_id = f"{logical_id}-{tx.ids.uuid()}"
    else:
        event_id = f"{logical_id}-{status}-{_iso(moment)}"
    operation = tx.get(Operation, key(tx, "operation", stack.uuid))
    tx.put(
        key(tx, "event", stack.uuid, sequence),
        Event(
            event_id, stack.name, logical_id, physical_id, type, tx.now_ms, status, reason, properties,
            operation.token if operation is not None else None, moment,
        ),
    )  # fmt: skip


def _iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def shown_properties(properties: Any) -> str:
    """Properties as events show them: scalars as text, as AWS's do."""
    return to_json(_as_texts(properties))


def _as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_texts(item) for item in value]
    return as_text(value) if is_scalar(value) else value
