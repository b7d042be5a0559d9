"""Every change of an item becomes a record of its table's stream, in the change's own commit.

Source: DynamoDB Developer Guide, "Change data capture for DynamoDB Streams", "DynamoDB Streams and TTL".
"""

from __future__ import annotations

import orjson

from ballroom.kernel import Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.resources import Item, Table
from ballroom.services.dynamodb.slices import read_slice
from ballroom.services.dynamodb.streams.rows import (
    KEPT_MS,
    Change,
    Mark,
    StreamPlace,
    Tails,
    changes_of,
    last_stored,
    mark_key,
    number_in,
    place_key,
    place_of,
)
from ballroom.services.dynamodb.streams.waiting import Readers
from ballroom.services.dynamodb.values.attribute_values import size_of_attributes
from ballroom.services.dynamodb.values.comparing import equal
from ballroom.services.dynamodb.writes import ItemChange, new_attributes, observes, old_attributes

_TRIM = "dynamodb.trim-stream"
_HOUR_MS = 3600 * 1000


@observes
def record_change(tx: Tx, change: ItemChange) -> None:
    """Add the record, unless nothing changed or nobody asked."""
    table = change.table.record
    stream = table.stream
    if stream is None or not stream.enabled:
        return
    old, new = change.old, change.new
    if old is not None and new is not None and old.size == new.size and _same(change, old, new):
        return
    attributes = new_attributes(change) if new is not None else old_attributes(change)
    assert attributes is not None
    keys = {name: attributes[name] for name in change.table.schema.names}
    wants_new = stream.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
    wants_old = stream.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
    kept_new = new if wants_new else None
    kept_old = old if wants_old else None
    size = size_of_attributes(keys)
    size += (kept_new.size if kept_new is not None else 0) + (kept_old.size if kept_old is not None else 0)
    row = Change(
        tx.ids.hex(32),
        "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        tx.now_ms,
        orjson.dumps(keys),
        size,
        kept_new.wire if kept_new is not None else None,
        kept_old.wire if kept_old is not None else None,
        change.by,
    )
    number = tx.kernel.state(Tails).next(tx, table.id, stream.label)
    tx.put((*changes_of(table.id, stream.label), number), row)
    tx.after_commit(lambda: Readers.of(tx.kernel).wake(table.id, stream.label))


def _same(change: ItemChange, old: Item, new: Item) -> bool:
    """Whether a write left the item as it was; neither attributes nor the elements of a set have an order."""
    if old.wire == new.wire:
        return True
    before, after = old_attributes(change), new_attributes(change)
    return before is not None and after is not None and equal({"M": before}, {"M": after})


def stream_changed(tx: Tx, before: Table | None, after: Table) -> None:
    """A table was made or updated: keep its stream's place, and trim it from time to time."""
    place = place_of(after)
    if place is None or (before is not None and before.stream == after.stream):
        return
    if place.disabled_ms:
        close(tx, place)
        return
    tx.put(place_key(place.account, place.region, place.table, place.label), place)
    _trim_later(tx, place)


def table_deleted(tx: Tx, table: LiveTable) -> None:
    """Its stream ends, and stays readable for a day."""
    place = place_of(table.record)
    if place is not None and not place.disabled_ms:
        close(tx, place)


def close(tx: Tx, place: StreamPlace) -> None:
    """End a stream: readers that reach its end are told so."""
    last = last_stored(tx, place.table_id, place.label)
    ended = StreamPlace(
        place.account, place.region, place.table, place.table_id, place.label, place.view, place.hash,
        place.range, place.enabled_ms, place.disabled_ms or tx.now_ms, last,
    )  # fmt: skip
    tx.put(place_key(place.account, place.region, place.table, place.label), ended)
    tx.after_commit(lambda: Readers.of(tx.kernel).wake(place.table_id, place.label))


def _trim_later(tx: Tx, place: StreamPlace, due_ms: int | None = None) -> None:
    tx.wake_at(
        tx.now_ms + _HOUR_MS if due_ms is None else due_ms, _TRIM,
        place.account, place.region, place.table, place.label, housekeeping=True,
    )  # fmt: skip


@on_timer(_TRIM)
def trim(tx: Tx, account: str, region: str, table: str, label: str) -> None:
    """Remove a slice of the records that are a day old. Harmless if repeated: what is younger stays."""
    place = tx.get(StreamPlace, place_key(account, region, table, label))
    if place is None:
        return
    low = pack(changes_of(place.table_id, label))
    rows = read_slice(tx, Change, low, low + PREFIX_END)
    old = [key for key, row in rows if row.at_ms <= tx.now_ms - KEPT_MS]
    if old:
        tx.delete_packed(low, old[-1] + b"\0", len(old))
        tx.put(mark_key(place.table_id, label), Mark(number_in(old[-1])))
    if old and len(old) == len(rows):
        _trim_later(tx, place, tx.now_ms)
    elif place.disabled_ms and place.disabled_ms <= tx.now_ms - KEPT_MS:
        tx.delete(place_key(account, region, table, label))
        tx.delete(mark_key(place.table_id, label))
    else:
        _trim_later(tx, place)
