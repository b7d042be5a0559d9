"""Explaining what is wrong with a value: the slow half of validation, run only on values that fail.

The fast half (`validation`) says yes or no; this one walks the value again and words each broken
constraint as AWS does. Both must agree; a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ballroom.kernel.errors import ServiceError
from ballroom.kernel.model import limits
from ballroom.kernel.model.shapes import Member, Shape
from ballroom.kernel.model.styles import ValidationStyle

if TYPE_CHECKING:
    from ballroom.kernel.model.service import OperationModel

NULL_TEXT = "Member must not be null"


@dataclass(frozen=True)
class Violation:
    """One broken constraint.

    `path` holds member names, map keys and list positions (from 1); `value` is None where something
    required is missing; `constraint` is AWS's text for it. `check` names the kind of constraint.
    """

    path: tuple[str | int, ...]
    value: Any
    constraint: str
    check: str
    shape: Shape | None
    is_sensitive: bool = False


def find_violations(shape: Shape, value: object, style: ValidationStyle) -> list[Violation]:
    """All broken constraints of a structure, in the order of its members.

    Raises:
        SerializationFailed: something has the wrong type.
    """
    if style.check_types is not None:
        style.check_types(shape, value)
    return list(_Walk(style).inside(shape, value, (), sensitive=False))


def explain(operation: OperationModel, violations: Sequence[Violation], style: ValidationStyle) -> ServiceError:
    """The error that AWS answers for these violations."""
    if style.error is not None:
        return style.error(operation, violations)
    many = "s" if len(violations) > 1 else ""
    details = "; ".join(_sentence(operation, violation, style) for violation in violations)
    return ServiceError.of(
        style.code, f"{len(violations)} validation error{many} detected: {details}", status=400
    )


class _Walk:
    """Goes through a value; a list or map of scalars is told of as a whole, as AWS does."""

    def __init__(self, style: ValidationStyle) -> None:
        self.style = style

    def inside(
        self, shape: Shape, value: object, path: tuple[str | int, ...], *, sensitive: bool
    ) -> Iterator[Violation]:
        """The violations of a value: its own, then those of what it contains."""
        limits.check_type(shape, value)
        for check, text in self.broken(shape, value):
            yield Violation(path, value, text, check, shape, sensitive)
        if shape.is_document:
            return
        if shape.kind == "structure":
            assert isinstance(value, dict)
            yield from self._members(shape, value, path)
        elif shape.kind == "list":
            assert isinstance(value, list)
            yield from self._elements(shape, value, path, sensitive=sensitive)
        elif shape.kind == "map":
            assert isinstance(value, dict)
            yield from self._entries(shape, value, path, sensitive=sensitive)

    def broken(self, shape: Shape, value: Any) -> list[tuple[str, str]]:
        """The constraints of the shape itself that a value of the right type breaks."""
        return [
            (check, text) for check, text, holds in limits.constraints(shape, self.style) if not holds(value)
        ]

    def _members(self, shape: Shape, value: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Violation]:
        for name, member in shape.members.items():
            if (shape.name, name) in self.style.exempt or limits.is_opaque(member):
                continue
            inner = value.get(name)
            if inner is not None:
                yield from self.inside(member.shape, inner, (*path, name), sensitive=member.is_sensitive)
            elif name in shape.required and "required" in self.style.checks:
                yield Violation((*path, name), None, NULL_TEXT, "required", None)

    def _elements(
        self, shape: Shape, value: list[Any], path: tuple[str | int, ...], *, sensitive: bool
    ) -> Iterator[Violation]:
        element = shape.element
        if element.shape.is_scalar:
            yield from self._summary(shape, element, value, value, path, "Member", sensitive=sensitive)
            return
        for position, inner in enumerate(value, 1):
            below = (*path, position, "member")
            if inner is not None:
                yield from self.inside(element.shape, inner, below, sensitive=element.is_sensitive)
            elif not shape.traits.get("sparse"):
                yield Violation(below, None, NULL_TEXT, "required", None)

    def _entries(
        self, shape: Shape, value: dict[str, Any], path: tuple[str | int, ...], *, sensitive: bool
    ) -> Iterator[Violation]:
        inner = shape.value
        keys, items = list(value), list(value.values())
        yield from self._summary(shape, shape.key, keys, value, path, "Map keys", sensitive=sensitive)
        yield from self._summary(shape, inner, items, value, path, "Map value", sensitive=sensitive)
        if not inner.shape.is_scalar:
            for key, item in value.items():
                if item is not None:
                    for found in self.inside(
                        inner.shape, item, (*path, key, "member"), sensitive=inner.is_sensitive
                    ):
                        if found.path != (*path, key, "member"):  # its own constraints stand in the summary
                            yield found

    def _summary(
        self,
        collection: Shape,
        member: Member,
        items: Sequence[Any],
        whole: object,
        path: tuple[str | int, ...],
        who: str,
        *,
        sensitive: bool,
    ) -> Iterator[Violation]:
        """One sentence about all elements: "Member must satisfy constraint: [...]" lists every constraint."""
        allows_null = bool(collection.traits.get("sparse"))
        failed = False
        for item in items:
            if item is None:
                failed = failed or not allows_null
                continue
            limits.check_type(member.shape, item)
            failed = failed or bool(self.broken(member.shape, item))
        if not failed:
            return
        texts = [text for _, text, _ in limits.constraints(member.shape, self.style)]
        if self.style.null_in_collections or not texts:
            texts.append(NULL_TEXT)
        text = f"{who} must satisfy constraint: [{', '.join(texts)}]"
        yield Violation(path, whole, text, "element", member.shape, sensitive or member.is_sensitive)


def _sentence(operation: OperationModel, violation: Violation, style: ValidationStyle) -> str:
    if violation.value is None:
        value = "Value null"
    elif violation.is_sensitive:
        value = "Value"
    else:
        value = f"Value '{java_text(violation.value, violation.shape, operation, style)}'"
    path = _path(operation, violation.path, style)
    return f"{value} at '{path}' failed to satisfy constraint: {violation.constraint}"


def _path(operation: OperationModel, path: tuple[str | int, ...], style: ValidationStyle) -> str:
    """`targets.1.member.id`: members start in lower case; positions and map keys stand as they are."""
    parts: list[str] = []
    shape = operation.input
    for part in path:
        if shape is not None and shape.kind == "structure" and isinstance(part, str):
            parts.append(lower_first(part))
            member = shape.members.get(part)
            shape = member.shape if member else None
        else:
            parts.append(str(part))
            if part == "member" and shape is not None:
                shape = shape.element.shape if shape.kind == "list" else shape.value.shape
    if style.body_prefix and operation.input is not None:
        first = operation.input.members.get(str(path[0])) if path else None
        if first is not None and first.location is None:
            parts.insert(0, f"{lower_first(operation.name)}Input")
    return ".".join(parts)


def lower_first(name: str) -> str:
    """Java's field name for a member."""
    return name[:1].lower() + name[1:]


def java_text(value: Any, shape: Shape | None, operation: OperationModel, style: ValidationStyle) -> str:
    """A value as Java prints it, which is how it stands in AWS's texts."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if shape is not None and shape.kind == "timestamp" and isinstance(value, int):
        return _java_date(value)
    if isinstance(value, list):
        inner = shape.element.shape if shape is not None and shape.kind == "list" else None
        return f"[{', '.join(java_text(item, inner, operation, style) for item in value)}]"
    if isinstance(value, dict):
        return _java_mapping(value, shape, operation, style)
    return str(value)


def _java_mapping(
    value: dict[str, Any], shape: Shape | None, operation: OperationModel, style: ValidationStyle
) -> str:
    if shape is None or shape.kind != "structure":
        inner = shape.value.shape if shape is not None and shape.kind == "map" else None
        pairs = (f"{key}={java_text(item, inner, operation, style)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    fields = []
    for name in style.field_order.get(shape.name, shape.members):
        member = shape.members.get(name)
        text = java_text(value.get(name), member.shape if member else None, operation, style)
        fields.append(f"{lower_first(name)}={text}")
    return f"{shape.name}({', '.join(fields)})"


def _java_date(value: int) -> str:
    try:
        return datetime.fromtimestamp(value // 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    except (OverflowError, ValueError, OSError):
        return str(value)
