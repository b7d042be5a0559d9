"""What has happened to a stack."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation

from ..errors import ValidationError
from ..resources import Event, Stack, find_stack, key
from .paging import page_of


@operation("DescribeStackEvents")
def describe_stack_events(tx: Tx, request: Request) -> Response:
    """The stack's history, newest first.

    Source: CloudFormation API Reference, DescribeStackEvents; recorded case test_describe_stack_events_errors.
    """
    name = request.get("StackName")
    if not name:
        raise ValidationError("Stack name must be specified")
    stack = find_stack(tx, name)
    if stack is None:
        raise ValidationError(f"Stack [{name}] does not exist")
    events = tx.scan_prefix(Event, key(tx, "event", stack.uuid), reverse=True)
    shown, token = page_of(events, request, 100)
    return {"StackEvents": [_to_wire(stack, event) for event in shown]} | token


def _to_wire(stack: Stack, event: Event) -> dict[str, Any]:
    wire = {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": event.stack_name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        # tools sort by it: the moment that no other event of the stack has
        "Timestamp": event.moment_ms or event.timestamp_ms,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    }
    return {name: value for name, value in wire.items() if value is not None}
