"""Filter criteria of event source mappings: which records a function wants to see.

The language is the kernel's matcher; here are the limits of a mapping and what of a record filters see.

Source: Developer Guide, "Control which events Lambda sends to your function".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ballroom.kernel.matcher import LAMBDA, InvalidPattern
from ballroom.kernel.matcher import compile_pattern as compile_event_pattern
from ballroom.services.lambda_.errors import InvalidParameterValue

Matcher = Callable[[Any], bool]


class BadPattern(InvalidParameterValue):
    """The pattern breaks the language of event filtering."""

    text = "Invalid filter pattern definition."


def compile_filters(patterns: list[str]) -> Matcher | None:
    """One test for all filters of a mapping (any may match); None when there are none."""
    if not patterns:
        return None
    compiled = [compile_pattern(pattern) for pattern in patterns]
    return lambda event: any(matches(event) for matches in compiled)


def compile_pattern(text: str) -> Matcher:
    """The test that a pattern, given as JSON, stands for."""
    try:
        return compile_event_pattern(text, LAMBDA).matches
    except InvalidPattern as error:
        raise BadPattern() from error


def filterable(record: dict[str, Any]) -> dict[str, Any]:
    """A queue record as filters see it: the body parsed when it is JSON."""
    body: Any = record["body"]
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = body
    return {**record, "body": parsed}
