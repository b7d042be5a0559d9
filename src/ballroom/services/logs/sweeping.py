"""Removing events: those past their group's retention, and those of deleted groups and streams.

All of it is housekeeping, done in slices by timers, so it never delays a request nor makes a virtual
clock jump. What has passed its retention is already invisible to reads before its rows go.
"""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Tx, on_timer, service_caller

from .ingest import EVENT_OVERHEAD, add_size
from .resources import Event, LogGroup, LogStream, Recent, Size, find_group, key, oldest_ms

RETENTION_EVERY_MS = 6 * 3600 * 1000
_ROWS = 500
_STREAMS = 100


def start_retention(tx: Tx, group: LogGroup) -> None:
    """Begin to remove what passes the group's retention; timers of an earlier setting are void."""
    tx.wake_at(
        tx.now_ms, "logs.retention", tx.account, tx.region, group.name, group.retention, "", housekeeping=True
    )


@on_timer("logs.retention")
def remove_expired(tx: Tx, account: str, region: str, name: str, retention: int, after: str) -> None:
    """Remove expired events of up to 100 streams, from the stream behind `after`, then go on later.

    Harmless if late or repeated: it removes only what is expired now, and an outdated setting ends it.
    """
    tx.caller = service_caller(account, region, "logs.amazonaws.com")
    group = find_group(tx, name)
    if group is None or group.retention != retention or not group.retention_days:
        return
    cutoff = oldest_ms(group, tx.now_ms)
    prefix = key(tx, "stream", group.number)
    streams = tx.scan_prefix(LogStream, prefix, after=(*prefix, after) if after else None, limit=_STREAMS)
    more, done, budget = len(streams) == _STREAMS, after, _ROWS
    for stream in streams:
        if 0 <= stream.first_ms < cutoff:
            budget -= _remove_before(tx, group, stream, cutoff, budget)
        if budget <= 0:
            more = True  # this stream may hold more: look at it again
            break
        done = stream.name
    due, place = (tx.now_ms, done) if more else (tx.now_ms + RETENTION_EVERY_MS, "")
    tx.wake_at(due, "logs.retention", account, region, name, retention, place, housekeeping=True)


def _remove_before(tx: Tx, group: LogGroup, stream: LogStream, cutoff: int, limit: int) -> int:
    """Remove a stream's events before a time, up to a number; how many were removed."""
    prefix = key(tx, "event", group.number, stream.number)
    rows = tx.scan_items(Event, prefix, (*prefix, cutoff), limit=limit)
    freed = 0
    for row_key, event in rows:
        tx.delete(row_key)
        freed += len(event.message.encode("utf-8", "surrogatepass")) + EVENT_OVERHEAD
    if rows:
        add_size(tx, group.number, -freed)
        left = tx.scan_prefix_items(Event, prefix, limit=1)
        first = left[0][0][-2] if left else -1
        assert isinstance(first, int)
        changed = replace(stream, first_ms=first) if left else replace(stream, first_ms=-1, last_ms=-1)
        if not left:
            tx.delete(key(tx, "recent", group.number, stream.last_ms, stream.name))
        tx.put(key(tx, "stream", group.number, stream.name), changed)
    return len(rows)


def drop_stream(tx: Tx, group: int, stream: LogStream) -> None:
    """Delete a stream's rows; its events go in the background."""
    tx.delete(key(tx, "stream", group, stream.name))
    if stream.last_ms >= 0:
        tx.delete(key(tx, "recent", group, stream.last_ms, stream.name))
    _drop_later(tx, group, stream.number)


def drop_group(tx: Tx, group: int) -> None:
    """Let a deleted group's streams and events go in the background: they are out of reach already."""
    _drop_later(tx, group, 0)


def _drop_later(tx: Tx, group: int, stream: int) -> None:
    tx.wake_at(tx.now_ms, "logs.drop", tx.account, tx.region, group, stream, housekeeping=True)


@on_timer("logs.drop")
def remove_dropped(tx: Tx, account: str, region: str, group: int, stream: int) -> None:
    """Remove up to 500 rows of a deleted stream (0: of a deleted group), then go on.

    Harmless if late or repeated: numbers are never used again.
    """
    tx.caller = service_caller(account, region, "logs.amazonaws.com")
    prefix = key(tx, "event", group, stream) if stream else key(tx, "event", group)
    rows = tx.scan_prefix_items(Event, prefix, limit=_ROWS)
    freed = 0
    for row_key, event in rows:
        tx.delete(row_key)
        freed += len(event.message.encode("utf-8", "surrogatepass")) + EVENT_OVERHEAD
    more = len(rows) == _ROWS
    if stream and freed and tx.get(Size, key(tx, "size", group)) is not None:
        add_size(tx, group, -freed)
    if not stream and not more:
        more = _drop_streams(tx, group)
    if more:
        tx.wake_at(tx.now_ms, "logs.drop", account, region, group, stream, housekeeping=True)


def _drop_streams(tx: Tx, group: int) -> bool:
    """Remove up to 500 of a deleted group's streams; whether there may be more."""
    streams = tx.scan_prefix_items(LogStream, key(tx, "stream", group), limit=_ROWS)
    recent = tx.scan_prefix_items(Recent, key(tx, "recent", group), limit=_ROWS)
    for row_key, _ in [*streams, *recent]:
        tx.delete(row_key)
    tx.delete(key(tx, "size", group))
    return _ROWS in (len(streams), len(recent))
