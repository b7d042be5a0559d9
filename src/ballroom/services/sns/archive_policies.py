"""ArchivePolicy of a FIFO topic and ReplayPolicy of a subscription to one: what they may say. Pure.

Source: Developer Guide, "Message archiving for FIFO topic owners", "Message replay for FIFO topic subscribers".
"""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import orjson

from ballroom.services.sns.errors import InvalidParameter

_DAYS = (1, 365)


class ReplayRange(msgspec.Struct, frozen=True):
    """Which archived messages are replayed: those of `start_ms` and later, up to `end_ms` if there is one."""

    start_ms: int
    end_ms: int | None


def _parsed(text: str, what: str, members: tuple[str, ...]) -> dict[str, Any]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidParameter.of(f"{what}: failed to parse JSON.") from None
    if not isinstance(policy, dict):
        raise InvalidParameter.of(f"{what}: failed to parse JSON.")
    for name in policy:
        if name not in members:
            raise InvalidParameter.of(f"{what}: invalid JSON. Attribute {name} is unknown.")
    return policy


def retention_days(text: str, parameter: str = "ArchivePolicy") -> int:
    """For how many days messages are archived; 0: they are not.

    Raises:
        InvalidParameter: it is no archive policy.
    """
    policy = _parsed(text, parameter, ("MessageRetentionPeriod",))
    if not policy:
        return 0
    value = policy["MessageRetentionPeriod"]
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 3:
        value = int(value)
    if type(value) is not int or not _DAYS[0] <= value <= _DAYS[1]:
        least, most = _DAYS
        raise InvalidParameter.of(f"{parameter}: MessageRetentionPeriod must be between {least} and {most}")
    return value


def replay_range(text: str, parameter: str = "ReplayPolicy") -> ReplayRange:
    """What a replay policy asks for.

    Raises:
        InvalidParameter: it is no replay policy.
    """
    policy = _parsed(text, parameter, ("PointType", "StartingPoint", "EndingPoint"))
    if policy.get("PointType") != "Timestamp":
        raise InvalidParameter.of(f"{parameter}: PointType must be Timestamp")
    start_ms = _moment(policy, "StartingPoint", parameter)
    end_ms = _moment(policy, "EndingPoint", parameter) if policy.get("EndingPoint") is not None else None
    if end_ms is not None and end_ms <= start_ms:
        raise InvalidParameter.of(f"{parameter}: EndingPoint must be later than StartingPoint")
    return ReplayRange(start_ms, end_ms)


def _moment(policy: dict[str, Any], name: str, parameter: str) -> int:
    value = policy.get(name)
    refused = InvalidParameter.of(f"{parameter}: {name} must be a timestamp such as 2023-10-25T00:00:00.000Z")
    if not isinstance(value, str) or "T" not in value:
        raise refused
    try:
        found = datetime.datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=datetime.UTC)
        return round(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise refused from None
