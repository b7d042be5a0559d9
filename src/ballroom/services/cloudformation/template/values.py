"""Words that the stages share: what is absent, what is not known yet, and how values become text."""

from __future__ import annotations

from typing import Any

Json = Any


class _NoValue:
    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Any = _NoValue()
"""`AWS::NoValue`: removes the property or list entry that it is the value of."""

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"


class Deferred:
    """A value that cannot be known yet: the expression that will give it."""

    __slots__ = ("expression",)

    def __init__(self, expression: Json) -> None:
        self.expression = expression

    def __repr__(self) -> str:
        return f"Deferred({self.expression!r})"


def is_deferred(value: Json) -> bool:
    """Whether anything within `value` is not known yet."""
    if isinstance(value, Deferred):
        return True
    if isinstance(value, dict):
        return any(is_deferred(item) for item in value.values())
    return isinstance(value, list) and any(is_deferred(item) for item in value)


def undefer(value: Json, stand_in: str | None = None) -> Json:
    """`value` with each unknown replaced by its expression, or by `stand_in`."""
    if isinstance(value, Deferred):
        return value.expression if stand_in is None else stand_in
    if isinstance(value, dict):
        return {key: undefer(item, stand_in) for key, item in value.items()}
    return [undefer(item, stand_in) for item in value] if isinstance(value, list) else value


def as_text(value: Json) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value)) if "e" not in repr(value) else repr(value)
    return str(value)


def is_scalar(value: Json) -> bool:
    """Whether `value` can stand within a string."""
    return isinstance(value, str | int | float)
