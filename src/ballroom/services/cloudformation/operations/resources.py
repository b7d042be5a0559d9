"""The resources of a stack."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Request, Response, Tx, operation

from ..errors import ValidationError
from ..resources import Resource, Stack, find_stack, key, resources_of
from .paging import page_of

_DRIFT = {"StackResourceDriftStatus": "NOT_CHECKED"}


def _stack(tx: Tx, name: str) -> Stack:
    stack = find_stack(tx, name)
    if stack is None:
        raise ValidationError(f"Stack '{name}' does not exist")
    return stack


@operation("DescribeStackResource")
def describe_stack_resource(tx: Tx, request: Request) -> Response:
    """One resource, with its metadata.

    Source: CloudFormation API Reference, DescribeStackResource; recorded case test_resources.
    """
    stack = _stack(tx, request["StackName"])
    resource = resources_of(tx, stack).get(request["LogicalResourceId"])
    if resource is None:
        raise ValidationError(f"Resource {request['LogicalResourceId']} does not exist for stack {stack.name}")
    wire = {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "LastUpdatedTimestamp": resource.updated_ms,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "Description": resource.description,
        "Metadata": resource.metadata or "{}",
        "DriftInformation": _DRIFT,
    }
    return {"StackResourceDetail": {name: value for name, value in wire.items() if value is not None}}


@operation("DescribeStackResources")
def describe_stack_resources(tx: Tx, request: Request) -> Response:
    """The resources of a stack, or those of the stack that a physical resource belongs to.

    Source: CloudFormation API Reference, DescribeStackResources.
    """
    name, physical_id = request.get("StackName"), request.get("PhysicalResourceId")
    if (name is None) == (physical_id is None):
        raise ValidationError("You must specify either StackName or PhysicalResourceId, but not both")
    if name is not None:
        stack = find_stack(tx, name)
        if stack is None:
            raise ValidationError(f"Stack with id {name} does not exist")
    else:
        stack = _owner(tx, str(physical_id))
    wanted = request.get("LogicalResourceId")
    return {
        "StackResources": [
            {"StackName": stack.name, "StackId": stack.id, **_to_wire(resource, "Timestamp")}
            for resource in resources_of(tx, stack).values()
            if wanted is None or resource.logical_id == wanted
        ]
    }


def _owner(tx: Tx, physical_id: str) -> Stack:
    for row, resource in tx.scan_prefix_items(Resource, key(tx, "resource")):
        if resource.physical_id == physical_id and resource.status != "DELETE_COMPLETE":
            stack = tx.get(Stack, key(tx, "stack", str(row[4])))
            if stack is not None and not stack.is_deleted:
                return stack
    raise ValidationError(f"Stack for {physical_id} does not exist")


@operation("ListStackResources")
def list_stack_resources(tx: Tx, request: Request) -> Response:
    """A stack's resources, a page at a time.

    Source: CloudFormation API Reference, ListStackResources.
    """
    stack = find_stack(tx, request["StackName"])
    if stack is None:
        raise ValidationError(f"Stack with id {request['StackName']} does not exist")
    shown, token = page_of(list(resources_of(tx, stack).values()), request, 100)
    return {"StackResourceSummaries": [_to_wire(r, "LastUpdatedTimestamp") for r in shown]} | token


def _to_wire(resource: Resource, time_name: str) -> dict[str, Any]:
    wire = {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        time_name: resource.updated_ms,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "Description": resource.description if time_name == "Timestamp" else None,
        "DriftInformation": _DRIFT,
    }
    return {name: value for name, value in wire.items() if value is not None}
