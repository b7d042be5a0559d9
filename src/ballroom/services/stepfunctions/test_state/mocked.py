"""Mocked results, checked against the model of the API that they stand for.

STRICT asks for all required fields and checks what is there, PRESENT only checks, NONE does neither; fields
that the model does not know are left alone. Names are as Step Functions writes them: with a capital letter.
Source: API Reference, MockInput; texts recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ballroom.kernel.model import load_service
from ballroom.kernel.model.data import ModelMissing
from ballroom.kernel.model.service import UnknownOperation
from ballroom.kernel.model.shapes import Shape
from ballroom.services.stepfunctions.language.machine import Json, Resource

Mode = Literal["STRICT", "PRESENT", "NONE"]

MAX_DEPTH = 64
_SERVICES = {
    "states": "stepfunctions",
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "elasticloadbalancingv2": "elbv2",
    "cognitoidentityprovider": "cognito-idp",
}
_FREE_FIELDS = {("lambda", "invoke"): {"Payload"}}
"""What an optimised integration gives as JSON where the API has bytes or text."""


class BadMock(Exception):
    """A mocked result is not what the API answers; the message is AWS's."""


def output_shape(resource: Resource) -> Shape | None:
    """The shape that a resource's result has, or None where it may be anything."""
    if resource.kind not in ("optimised", "aws-sdk") or resource.pattern == "waitForTaskToken":
        return None
    service = _SERVICES.get(resource.service, resource.service)
    action = resource.action
    if resource.pattern.startswith("sync"):
        if (resource.service, resource.action) != ("states", "startExecution"):
            return None
        action = "DescribeExecution"
    try:
        return load_service(service).operation(action[:1].upper() + action[1:]).output
    except (ModelMissing, UnknownOperation):
        return None


def check_mock(resource: Resource, result: Json, mode: Mode) -> None:
    """Check a mocked result.

    Raises:
        BadMock: a required field is missing, or a field has not the type or the size of the model.
    """
    if mode == "NONE":
        return
    shape = output_shape(resource)
    if shape is None:
        return
    free = _FREE_FIELDS.get((resource.service, resource.action), set())
    if resource.pattern.startswith("sync"):
        free = {"Input", "Output"}
    if not isinstance(result, dict):
        raise BadMock("Mocked result must be a JSON object.")
    _structure(shape, result, mode == "STRICT", frozenset(free), 0)


def _refuse(what: str) -> BadMock:
    return BadMock(f"Mock result schema validation error: {what}")


def _structure(shape: Shape, value: dict[str, Json], strict: bool, free: frozenset[str], depth: int) -> None:
    names = {name[:1].upper() + name[1:]: member for name, member in shape.members.items()}
    if strict:
        required = {name[:1].upper() + name[1:] for name in shape.required}
        for name in names:
            if name in required and name not in value:
                raise _refuse(f"Required field '{name}' is missing")
    for name, member in names.items():
        if name in value and name not in free:
            _value(member.shape, value[name], name, strict, depth + 1)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS: dict[str, tuple[str, Callable[[Json], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "timestamp": ("a string", lambda value: isinstance(value, str)),
    "blob": ("a string", lambda value: isinstance(value, str)),
    "integer": ("a number", _is_number),
    "long": ("a number", _is_number),
    "float": ("a number", _is_number),
    "double": ("a number", _is_number),
    "boolean": ("a boolean", lambda value: isinstance(value, bool)),
    "list": ("an array", lambda value: isinstance(value, list)),
    "map": ("an object", lambda value: isinstance(value, dict)),
    "structure": ("an object", lambda value: isinstance(value, dict)),
}


def _value(shape: Shape, value: Json, name: str, strict: bool, depth: int) -> None:
    """One field: its type, then its bounds, then what is inside."""
    if depth > MAX_DEPTH or shape.is_document or value is None:
        return
    wanted, fits = _KINDS[shape.kind]
    if not fits(value):
        raise _refuse(f"Field '{name}' must be {wanted}")
    if shape.kind == "structure":
        _structure(shape, value, strict, frozenset(), depth)
    elif shape.kind == "list":
        _size(shape, len(value), name)
        for item in value:
            _value(shape.element.shape, item, name, strict, depth + 1)
    elif shape.kind == "map":
        _size(shape, len(value), name)
        for item in value.values():
            _value(shape.value.shape, item, name, strict, depth + 1)
    elif isinstance(value, str):
        _text(shape, value, name)
    elif _is_number(value):
        _number(shape, value, name)


def _text(shape: Shape, value: str, name: str) -> None:
    allowed = shape.traits.get("enum")
    if allowed and value not in allowed:
        raise _refuse(f"Field '{name}' is not an expected value")
    if shape.kind in ("string", "blob"):
        _size(shape, len(value), name)


def _size(shape: Shape, size: int, name: str) -> None:
    low, high = shape.traits.get("min"), shape.traits.get("max")
    if low is not None and size < low:
        raise _refuse(f"Field '{name}' is smaller than the minimum length")
    if high is not None and size > high:
        raise _refuse(f"Field '{name}' exceeds the maximum length")


def _number(shape: Shape, value: float, name: str) -> None:
    low, high = shape.traits.get("min"), shape.traits.get("max")
    if low is not None and value < low:
        raise _refuse(f"Field '{name}' is less than the minimum value")
    if high is not None and value > high:
        raise _refuse(f"Field '{name}' exceeds the maximum value")
