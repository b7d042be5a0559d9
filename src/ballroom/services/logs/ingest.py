"""Taking events in: the rules of a batch, its rows, and what counts or forwards what comes in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Tx

from . import forwarding, metrics
from .errors import InvalidParameter
from .resources import DAY_MS, Event, LogGroup, LogStream, Recent, Size, key

MOST_BYTES = 1_048_576
EVENT_OVERHEAD = 26
_TOO_OLD_MS = 14 * DAY_MS
_TOO_NEW_MS = 2 * 3600 * 1000

LogEvents = list[dict[str, Any]]


@dataclass(slots=True)
class Accepted:
    """The part of a batch that is stored, and why the rest is not."""

    events: LogEvents
    rejected: dict[str, int]


def check_batch(events: LogEvents) -> int:
    """The batch's size as AWS counts it.

    Raises:
        InvalidParameter: it is too large, too long in time, or not in order.

    Source: CloudWatch Logs API Reference, PutLogEvents.
    """
    size = 0
    before = -1
    for event in events:
        timestamp = event["timestamp"]
        if timestamp < before:
            raise InvalidParameter(
                "Log events in a single PutLogEvents request must be in chronological order."
            )
        before = timestamp
        message = event["message"]
        length = len(message) if message.isascii() else len(message.encode("utf-8", "surrogatepass"))
        if length + EVENT_OVERHEAD > MOST_BYTES:
            raise InvalidParameter(
                f"Log event too large: {length + EVENT_OVERHEAD} bytes exceeds limit of {MOST_BYTES}"
            )
        size += length + EVENT_OVERHEAD
    if size > MOST_BYTES:
        raise InvalidParameter(f"Upload too large: {size} bytes exceeds limit of {MOST_BYTES}")
    if events[-1]["timestamp"] - events[0]["timestamp"] > DAY_MS:
        raise InvalidParameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return size


def accept(events: LogEvents, group: LogGroup, now_ms: int) -> Accepted:
    """Split a batch in order into what is stored and what is too old, expired or too new."""
    times = [event["timestamp"] for event in events]
    rejected: dict[str, int] = {}
    first, end = 0, len(events)
    too_old = bisect_left(times, now_ms - _TOO_OLD_MS)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = first = too_old
    if group.retention_days:
        expired = bisect_left(times, now_ms - group.retention_days * DAY_MS)
        if expired:
            rejected["expiredLogEventEndIndex"] = expired
            first = max(first, expired)
    too_new = bisect_right(times, now_ms + _TOO_NEW_MS)
    if too_new < end:
        rejected["tooNewLogEventStartIndex"] = end = too_new
    return Accepted(events[first:end], rejected)


def append(tx: Tx, group: LogGroup, stream: LogStream, events: LogEvents, size: int) -> LogStream:
    """Store events (in order of time) at the end of a stream; the stream as it is now."""
    now = tx.now_ms
    sequence = stream.sequence
    prefix = key(tx, "event", group.number, stream.number)
    for event in events:
        sequence += 1
        tx.put((*prefix, event["timestamp"], sequence), Event(event["message"], now))
    first, last = events[0]["timestamp"], events[-1]["timestamp"]
    changed = replace(
        stream,
        first_ms=first if stream.first_ms < 0 else min(stream.first_ms, first),
        last_ms=max(stream.last_ms, last), ingested_ms=now, sequence=sequence,
    )
    tx.put(key(tx, "stream", group.number, stream.name), changed)
    if changed.last_ms != stream.last_ms:
        if stream.last_ms >= 0:
            tx.delete(key(tx, "recent", group.number, stream.last_ms, stream.name))
        tx.put(key(tx, "recent", group.number, changed.last_ms, stream.name), Recent(stream.name))
    add_size(tx, group.number, size)
    tx.kernel.metrics.count(
        tx.account, tx.region, "AWS/Logs", "IncomingLogEvents", (("LogGroupName", group.name),), len(events)
    )
    tx.kernel.metrics.count(
        tx.account, tx.region, "AWS/Logs", "IncomingBytes", (("LogGroupName", group.name),), size
    )
    if group.metric_filters:
        metrics.count_matches(tx, group, events)
    if group.subscriptions:
        forwarding.forward(tx, group, stream, events, stream.sequence)
    return changed


def add_size(tx: Tx, group: int, change: int) -> None:
    """Let a group's size grow or shrink."""
    size = tx.get(Size, key(tx, "size", group))
    tx.put(key(tx, "size", group), Size(max(0, (size.stored if size is not None else 0) + change)))


def event_id(timestamp: int, stream: int, sequence: int) -> str:
    """An event's id: 56 digits, in the order of a search's results."""
    return f"{timestamp:014d}{stream:021d}{sequence:021d}"
