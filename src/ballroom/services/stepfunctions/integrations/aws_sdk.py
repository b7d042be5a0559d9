"""`aws-sdk:*`: every operation of every service that Ballroom has, from its model.

Names of parameters and results begin with a capital letter, whatever the service's own are; blobs are text,
timestamps are ISO 8601.

A crash: operations carried out within the commit happen exactly once; those that wait or stream (S3's
GetObject) are begun by a delivery and may be repeated.

Source: Developer Guide, "Learning to use AWS service SDK integrations"; AWS SDK for Java 2.x, names of
services and exceptions.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from ballroom.kernel import ServiceError, registry
from ballroom.kernel.model import load_service
from ballroom.kernel.model.data import ModelMissing
from ballroom.kernel.model.service import ServiceModel, UnknownOperation
from ballroom.kernel.model.shapes import Shape

from ..engine.execution import time_text
from ..language.machine import Resource
from .base import Call, Told, status_of
from .outcomes import Done, TaskFailure

_OTHER_NAMES = {
    "sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events",
    "elasticloadbalancingv2": "elbv2", "cognitoidentityprovider": "cognito-idp",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def service_named(name: str) -> str:
    """The service that an SDK integration's name (`sfn`, `dynamodb`) means, as Ballroom calls it."""
    return _OTHER_NAMES.get(name, name)


@cache
def model_of(name: str) -> ServiceModel | None:
    """The model of the service that a resource names, or None."""
    try:
        return load_service(service_named(name))
    except ModelMissing:
        return None


@cache
def client_name(service: str) -> str:
    """What AWS's SDK for Java 2.x calls a service: `Sfn`, `DynamoDb`, `SecretsManager`."""
    id = str(load_service(service).metadata.get("serviceId", service))
    return "".join(word[:1].upper() + word[1:].lower() for word in _WORDS.findall(id))


def exception_name(shape: str) -> str:
    """What AWS's SDK for Java 2.x calls an error."""
    if shape.endswith("Fault"):
        shape = shape.removesuffix("Fault")
    elif shape.endswith("Exception"):
        return shape
    return f"{shape}Exception"


def operation_named(resource: Resource) -> str:
    """`getObject` -> `GetObject`."""
    return resource.action[:1].upper() + resource.action[1:]


def refusal_of_sdk(resource: Resource) -> str:
    """Why an SDK resource cannot be used here; empty: it can.

    What AWS does not have either is refused in AWS's words; the rest says that Ballroom lacks it.
    """
    model = model_of(resource.service)
    if model is None:
        return f"The resource provided {resource.arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."  # noqa: E501 - AWS's text
    try:
        model.operation(operation_named(resource))
    except UnknownOperation:
        return f"The resource provided {resource.arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."  # noqa: E501 - AWS's text
    return ""


class AwsSdk:
    """An operation of a service, generated from its model."""

    def call(self, resource: Resource, given: Any, text: str, told: Told) -> Call:
        """See `Integration`."""
        service, name = service_named(resource.service), operation_named(resource)
        if (service, name) not in registry.operations:
            client = client_name(service)
            raise TaskFailure(
                f"{client}.{client}Exception",
                f"Ballroom does not implement {service}:{name} (Service: {client}, Status Code: 501, "
                f"Request ID: {told.request_id})",
            )
        return Call(service, name, request_of(load_service(service).operation(name).input, given or {}))

    def done(self, resource: Resource, answer: Any, told: Told) -> Done:
        """See `Integration`."""
        shape = load_service(service_named(resource.service)).operation(operation_named(resource)).output
        return Done(rendered(shape, answer) if shape is not None else {})

    def failure(self, resource: Resource, error: ServiceError, told: Told) -> TaskFailure:
        """See `Integration`."""
        service = service_named(resource.service)
        model, client = load_service(service), client_name(service)
        modelled = model.error(error.shape)
        name = exception_name(modelled.name) if modelled is not None else f"{client}Exception"
        if (
            modelled is not None
            and modelled.name == "ValidationException"
            and modelled not in _errors(resource)
        ):
            name = f"{client}Exception"
        return TaskFailure(
            f"{client}.{name}",
            f"{error.text} (Service: {client}, Status Code: {status_of(service, error)}, "
            f"Request ID: {told.request_id}) (SDK Attempt Count: 1)",
        )


def _errors(resource: Resource) -> tuple[Shape, ...]:
    return load_service(service_named(resource.service)).operation(operation_named(resource)).errors


# -- values in and out -------------------------------------------------------------------------------


def request_of(shape: Shape | None, given: Any) -> dict[str, Any]:
    """An operation's input from a task's arguments."""
    if shape is None or not isinstance(given, dict):
        return {}
    value = _in(shape, given)
    assert isinstance(value, dict)
    return value


def _in(shape: Shape, value: Any) -> Any:
    kind = shape.kind
    if value is None or shape.is_document:
        return value
    if kind == "structure" and isinstance(value, dict):
        found = {}
        by_name = _members(shape)
        for name, part in value.items():
            member = by_name.get(name) or by_name.get(name[:1].lower() + name[1:])
            if member is not None and part is not None:
                found[member] = _in(shape.members[member].shape, part)
            elif member is None:
                found[name] = part
        return found
    if kind == "list" and isinstance(value, list):
        return [_in(shape.element.shape, part) for part in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _in(shape.value.shape, part) for name, part in value.items()}
    if kind == "string" and not isinstance(value, str):
        return orjson.dumps(value).decode()
    if kind == "blob":
        return value.encode() if isinstance(value, str) else orjson.dumps(value)
    if kind == "timestamp" and isinstance(value, str):
        return _moment(value)
    if kind == "timestamp" and isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * 1000)
    return value


def _members(shape: Shape) -> dict[str, str]:
    """Members by the names that tasks may give them: as they are, or with a capital letter."""
    names: dict[str, str] = {}
    for name in shape.members:
        names[name] = name
        names.setdefault(name[:1].upper() + name[1:], name)
    return names


def _moment(text: str) -> Any:
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


@cache
def _shown_members(shape: Shape) -> tuple[tuple[str, str], ...]:
    """The members of a structure as results show them: by name, a streamed body last (recorded)."""
    body = shape.traits.get("payload")
    names = sorted(shape.members, key=lambda name: (name == body, name[:1].upper() + name[1:]))
    return tuple((name[:1].upper() + name[1:], name) for name in names)


def rendered(shape: Shape, value: Any) -> Any:
    """An answer as a task's result shows it."""
    kind = shape.kind
    if value is None or shape.is_document:
        return value
    if kind == "structure" and isinstance(value, dict):
        return {
            shown: rendered(shape.members[name].shape, value[name])
            for shown, name in _shown_members(shape)
            if value.get(name) is not None
        }
    if kind == "list" and isinstance(value, list):
        return [rendered(shape.element.shape, part) for part in value]
    if kind == "map" and isinstance(value, dict):
        return {name: rendered(shape.value.shape, part) for name, part in value.items()}
    if kind == "timestamp" and isinstance(value, int):
        return time_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
