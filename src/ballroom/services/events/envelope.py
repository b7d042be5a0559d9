"""Events as EventBridge shapes them, and what an entry of PutEvents must fulfil.

Source: EventBridge API Reference, PutEvents; User Guide, "Events in Amazon EventBridge"; recorded answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ballroom.services.events.transform import iso_seconds

if TYPE_CHECKING:
    from ballroom.kernel import Request

Event = dict[str, Any]
_TIME_BYTES = 14
_DEEPEST = 200
"""Levels of nesting in a detail; JSON writers give up a little later."""
_LATEST_MS = 253_402_300_800_000
"""The end of the year 9999."""


class Problem(NamedTuple):
    """Why an entry is not accepted."""

    code: str
    text: str


def _missing(name: str) -> Problem:
    return Problem(
        "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    )


_NO_SOURCE, _NO_TYPE, _NO_DETAIL = _missing("Source"), _missing("DetailType"), _missing("Detail")
_MALFORMED = Problem("MalformedDetail", "Detail is malformed.")
_NO_TIME = Problem("InvalidArgument", "Parameter Time is not valid.")
_RESERVED = Problem("NotAuthorizedForSource", "Not authorized for the source.")


def size_of_entry(entry: Request) -> int:
    """The bytes that an entry counts for.

    Source: EventBridge User Guide, "Calculating Amazon EventBridge PutEvents event entry size".
    """
    size = _TIME_BYTES if entry.get("Time") is not None else 0
    for name in ("Source", "DetailType", "Detail"):
        size += _bytes(entry.get(name) or "")
    return size + sum(_bytes(resource) for resource in entry.get("Resources") or ())


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def check_entry(entry: Request) -> Problem | dict[str, Any]:
    """The entry's detail, or what is wrong with the entry."""
    source = entry.get("Source")
    if not source:
        return _NO_SOURCE
    if not entry.get("DetailType"):
        return _NO_TYPE
    detail = entry.get("Detail")
    if not detail:
        return _NO_DETAIL
    try:
        parsed = orjson.loads(detail)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return _MALFORMED
    if parsed.__class__ is not dict or _is_too_deep(detail, parsed):
        return _MALFORMED
    time_ms = entry.get("Time")
    if time_ms is not None and not 0 <= time_ms < _LATEST_MS:
        return _NO_TIME
    if source.startswith("aws.") or source == "aws":
        return _RESERVED
    return parsed


def _is_too_deep(text: str, value: Any) -> bool:
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False  # nearly always: counting costs next to nothing
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def make_event(
    event_id: str, detail_type: str, source: str, account: str, time_ms: int, region: str,
    resources: list[str], detail: Any,
) -> Event:
    """An event's envelope, its members in AWS's order."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": iso_seconds(time_ms),
        "region": region,
        "resources": resources,
        "detail": detail,
    }  # fmt: skip


def to_json(event: Event) -> bytes:
    """The event's JSON, compact."""
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:  # deeper than 254 levels: what one of our own services tells of
        return json.dumps(event, separators=(",", ":")).encode()
