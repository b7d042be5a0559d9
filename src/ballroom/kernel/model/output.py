"""Checking answers against the output shape: used by tests and in debug mode, never on the hot path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ballroom.kernel.model import limits
from ballroom.kernel.model.errors import SerializationFailed
from ballroom.kernel.model.shapes import Shape

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel


def check_output(operation: OperationModel, output: object) -> list[str]:
    """What is wrong with an operation's answer, one line each; empty when all is well.

    Finds members that the model lacks, wrong types, members that are None or required and absent, and
    enum values that the model does not know.
    """
    if operation.output is None:
        return [] if output in ({}, None) else [f"{operation.name} answers nothing, but was given {output!r}"]
    return list(_problems(operation.output, output, operation.name))


def unknown_members(shape: Shape | None, value: object) -> list[str]:
    """Members that the model lacks, in an input made inside Ballroom: they would be dropped in silence."""
    problems = _problems(shape, value, "input") if shape is not None else ()
    return [problem for problem in problems if problem.endswith("is not in the model")]


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    try:
        limits.check_type(shape, value)
    except SerializationFailed:
        yield f"{path} should be {shape.kind}, is {type(value).__name__}"
        return
    if shape.is_document:
        return
    if shape.kind == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.kind == "list":
        for position, item in enumerate(value):
            yield from _problems(shape.element.shape, item, f"{path}[{position}]")
    elif shape.kind == "map":
        for key, item in value.items():
            yield from _problems(shape.key.shape, key, f"{path} key {key!r}")
            yield from _problems(shape.value.shape, item, f"{path}[{key!r}]")
    elif "enum" in shape.traits and value not in shape.traits["enum"]:
        yield f"{path} has {value!r}, which the enum {shape.name} lacks"


def _structure_problems(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in value.keys() - shape.members.keys():
        yield f"{path}.{name} is not in the model"
    for name, member in shape.members.items():
        if name not in value:
            if name in shape.required:
                yield f"{path}.{name} is required and absent"
        elif value[name] is None:
            yield f"{path}.{name} is None; an absent member has no key"
        elif not limits.is_opaque(member) and not (member is shape.payload and member.shape.kind == "blob"):
            yield from _problems(member.shape, value[name], f"{path}.{name}")
