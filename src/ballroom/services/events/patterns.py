"""Patterns and events as users hand them in: compiled, checked, compared."""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel.matcher import InvalidPattern, Pattern, compile_pattern
from ballroom.services.events.errors import InvalidEventPattern, ValidationException

_MANDATORY = ("id", "detail-type", "source", "account", "time", "region")


def checked_pattern(text: str) -> Pattern:
    """The compiled pattern.

    Raises:
        InvalidEventPattern: AWS would refuse it.
    """
    try:
        return compile_pattern(text)
    except InvalidPattern as wrong:
        raise InvalidEventPattern(str(wrong)) from None


def matches(pattern: str, event: str) -> bool:
    """Whether an event matches.

    Raises:
        InvalidEventPattern: the pattern is wrong.
        ValidationException: the event is no JSON object, or lacks what every event has.
    """
    compiled = checked_pattern(pattern)
    return compiled.matches(_event(event))


def _event(text: str) -> dict[str, Any]:
    try:
        event = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        event = None
    if not isinstance(event, dict) or any(name not in event for name in _MANDATORY):
        raise ValidationException("Parameter Event is not valid.")
    return event
