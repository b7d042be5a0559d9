"""`aws-sdk:service:action`: any operation of any service, by the names that the AWS SDKs give them.

Step Functions and EventBridge Scheduler call operations so. The service is its `serviceId` in small letters
(`sfn`, `eventbridge`, `cloudwatchlogs`), the action the operation with a small first letter. Parameters are
the operation's, written with a capital first letter whatever the wire wants.

Source: Step Functions Developer Guide, "AWS SDK service integrations"; EventBridge Scheduler User Guide,
"Using universal targets".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from ballroom.kernel.model import index
from ballroom.kernel.model.service import OperationModel, load_service
from ballroom.kernel.model.shapes import Shape
from ballroom.kernel.registry import registry


class UnknownAction(LookupError):
    """AWS has no such service or operation."""


@cache
def _services() -> dict[str, str]:
    """SDK name -> the name of the service here, for the services that Ballroom has."""
    heads = (index.head(service) for service in registry.services())
    return {sdk_name(head.service_id): head.name for head in heads if head is not None}


def sdk_name(service_id: str) -> str:
    """How the SDKs name a service in `aws-sdk:` resources."""
    return service_id.replace(" ", "").lower()


def find_service(name: str) -> str | None:
    """The service that the SDKs call so, or None if Ballroom does not have it."""
    return _services().get(name.lower())


def is_service_of_aws(name: str) -> bool:
    """Whether AWS has a service that the SDKs call so."""
    return any(sdk_name(head.service_id) == name.lower() for head in index.all_services().values())


def load_action(service: str, action: str) -> OperationModel:
    """The operation that an action names.

    Args:
        service: the SDK's name, of a service that Ballroom has.
        action: the operation's name with a small first letter (`sendMessage`).

    Raises:
        UnknownAction: there is none.
    """
    name = find_service(service)
    if name is None:
        raise UnknownAction(f"{service}:{action}")
    model = load_service(name)
    wanted = action[:1].upper() + action[1:]
    if wanted not in model.raw_operations:
        folded = {known.lower(): known for known in model.raw_operations}
        wanted = folded.get(action.lower(), "")
    if not wanted:
        raise UnknownAction(f"{service}:{action}")
    return model.operation(wanted)


def is_implemented(operation: OperationModel) -> bool:
    """Whether Ballroom has the operation."""
    return (operation.service.name, operation.name) in registry.operations


def to_input(shape: Shape | None, value: Any) -> Any:
    """SDK parameters as the operation's input: members by their own names, values in the kernel's types.

    What does not fit stays as it is, so that the operation's own validation tells what is wrong with it.
    """
    if shape is None:
        return value if isinstance(value, dict) else {}
    convert = _TO_INPUT.get(shape.kind)
    return convert(shape, value) if convert is not None else value


def _structure(shape: Shape, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if shape.is_document:
        return value
    names = _names(shape)
    made: dict[str, Any] = {}
    for key, item in value.items():
        given = str(key)
        name = given if given in shape.members else names.get(_folded(given), given)
        member = shape.members.get(name)
        made[name] = item if member is None or item is None else to_input(member.shape, item)
    return {name: item for name, item in made.items() if item is not None}


def _names(shape: Shape) -> dict[str, str]:
    """First letters folded: the API writes `stateMachineArn` where the SDK takes `StateMachineArn`."""
    return {_folded(name): name for name in shape.members}


def _folded(name: str) -> str:
    return name[:1].lower() + name[1:]


def _list(shape: Shape, value: Any) -> Any:
    return [to_input(shape.element.shape, item) for item in value] if isinstance(value, list) else value


def _map(shape: Shape, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: to_input(shape.value.shape, item) for key, item in value.items()}


def _string(shape: Shape, value: Any) -> Any:
    """What is no text becomes JSON: a message body or a payload may be written as an object."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _blob(shape: Shape, value: Any) -> Any:
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _timestamp(shape: Shape, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return round(value * 1000)
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


_TO_INPUT = {
    "structure": _structure, "list": _list, "map": _map, "string": _string, "blob": _blob,
    "timestamp": _timestamp,
}  # fmt: skip
