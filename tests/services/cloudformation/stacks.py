"""Helpers: stacks in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def thing(value: Any = "x", *needs: str, **properties: Any) -> dict[str, Any]:
    """A flaky thing."""
    made: dict[str, Any] = {"Type": "Test::Flaky::Thing", "Properties": {"Value": value, **properties}}
    return {**made, "DependsOn": list(needs)} if needs else made


def template(**resources: Any) -> str:
    """A template of these resources."""
    return json.dumps({"Resources": resources})


def create(cloud: Cloud, body: str, name: str = "s", **request: Any) -> str:
    """Create a stack and let it come to rest."""
    made = cloud.cloudformation("CreateStack", StackName=name, TemplateBody=body, **request)
    cloud.clock.settle()
    return str(made["StackId"])


def update(cloud: Cloud, body: str, name: str = "s", **request: Any) -> None:
    """Update a stack and let it come to rest."""
    cloud.cloudformation("UpdateStack", StackName=name, TemplateBody=body, **request)
    cloud.clock.settle()


def delete(cloud: Cloud, name: str = "s", **request: Any) -> None:
    """Delete a stack and let it come to rest."""
    cloud.cloudformation("DeleteStack", StackName=name, **request)
    cloud.clock.settle()


def stack(cloud: Cloud, name: str = "s") -> dict[str, Any]:
    """What DescribeStacks says."""
    found: dict[str, Any] = cloud.cloudformation("DescribeStacks", StackName=name)["Stacks"][0]
    return found


def status(cloud: Cloud, name: str = "s") -> str:
    """The stack's status."""
    return str(stack(cloud, name)["StackStatus"])


def outputs(cloud: Cloud, name: str = "s") -> dict[str, str]:
    """The stack's outputs."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack(cloud, name).get("Outputs", ())}


def story(cloud: Cloud, name: str = "s") -> list[str]:
    """The stack's events, oldest first: `A CREATE_COMPLETE`."""
    events = cloud.cloudformation("DescribeStackEvents", StackName=name)["StackEvents"]
    return [f"{event['LogicalResourceId']} {event['ResourceStatus']}" for event in reversed(events)]


def reasons(cloud: Cloud, name: str = "s") -> list[str]:
    """The reasons that the events give, oldest first, without the ordinary ones."""
    events = cloud.cloudformation("DescribeStackEvents", StackName=name)["StackEvents"]
    ordinary = ("User Initiated", "Resource creation Initiated")
    return [
        event["ResourceStatusReason"]
        for event in reversed(events)
        if event.get("ResourceStatusReason") and event["ResourceStatusReason"] not in ordinary
    ]
