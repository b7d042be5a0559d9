"""Expired items are deleted, by the clock, on the service's own behalf.

| key | record | read by |
|---|---|---|
| `dynamodb-data`, table id, `expiry`, since when, due, row of the item | Due | the timer: those due |

The rows of a table that lets items expire stand in the order in which they do, so that deleting costs what
expires and nothing else. Their first is always waited for by a timer. A row is a hint: what decides is the item
as it is when its time has come.

Source: DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB", "DynamoDB Streams and Time to Live".
"""

from __future__ import annotations

from ballroom.kernel import Kernel, Key, Record, Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, Packed, pack
from ballroom.services.dynamodb.capacity import Consumed
from ballroom.services.dynamodb.expiry.times import due_ms, expires_ms, is_due
from ballroom.services.dynamodb.live import LiveTable, LiveTables
from ballroom.services.dynamodb.operations.settings import TTL_CHANGED
from ballroom.services.dynamodb.resources import Item, Table, TimeToLive, data_prefix, table_key
from ballroom.services.dynamodb.slices import SLICE_BYTES, go_on, read_slice
from ballroom.services.dynamodb.writes import (
    ItemChange,
    apply_change,
    new_attributes,
    observes,
    old_attributes,
)

SERVICE = "dynamodb.amazonaws.com"
_EXPIRE, _FILL, _DROP = "dynamodb.expire", "dynamodb.fill-expiry", "dynamodb.drop-expiry"
_AT_ONCE, _DROPPED_AT_ONCE = 50, 500


class Due(Record, frozen=True):
    """An item may have expired by the time that stands in the key."""


class Waiting:
    """Derived memory: until when each table's timer waits, at the latest; absent: not known yet."""

    def __init__(self, kernel: Kernel) -> None:
        self.until_ms: dict[tuple[str, int], int] = {}


def due_prefix(table_id: str, ttl: TimeToLive) -> Key:
    """A table that lets items expire anew begins with no rows."""
    return (*data_prefix(table_id), "expiry", ttl.changed_ms)


@observes
def follow(tx: Tx, change: ItemChange) -> None:
    """Keep the row of an item whose time has changed."""
    ttl = change.table.record.ttl
    if ttl is None or not ttl.enabled:
        return
    before = expires_ms(old_attributes(change), ttl.attribute)
    after = expires_ms(new_attributes(change), ttl.attribute)
    if before == after:
        return
    row = pack(change.key)
    prefix = due_prefix(change.table.record.id, ttl)
    if before is not None and before > tx.now_ms:
        tx.delete((*prefix, before, row))
    if after is not None:
        _add(tx, change.table.record, ttl, after, row)


def _add(tx: Tx, table: Table, ttl: TimeToLive, expires: int, row: bytes) -> None:
    due = due_ms(expires, tx.now_ms)
    if due is None:
        return
    tx.put((*due_prefix(table.id, ttl), due, row), Due())
    waiting = tx.kernel.state(Waiting).until_ms.get((table.id, ttl.changed_ms))
    if waiting is None or due < waiting:
        _wake(tx, table, ttl, due)


def _wake(tx: Tx, table: Table, ttl: TimeToLive, due: int) -> None:
    """Wait for a row; an earlier timer that is left over finds nothing and does no harm."""
    tx.wake_at(
        due, _EXPIRE, table.account, table.region, table.name, table.id, ttl.changed_ms, housekeeping=True
    )
    until, key = tx.kernel.state(Waiting).until_ms, (table.id, ttl.changed_ms)
    tx.after_commit(lambda: until.__setitem__(key, due))


def _load(tx: Tx, account: str, region: str, name: str, table_id: str, since_ms: int) -> LiveTable | None:
    """The table, if it is still the same and lets items expire since then."""
    record = tx.get(Table, table_key(account, region, name))
    if record is None or record.id != table_id or record.ttl is None:
        return None
    if not record.ttl.enabled or record.ttl.changed_ms != since_ms:
        return None
    return tx.kernel.state(LiveTables).of(record)


@on_timer(_EXPIRE)
def expire(tx: Tx, account: str, region: str, name: str, table_id: str, since_ms: int) -> None:
    """Delete the next items that are due. Harmless if late or repeated: an item is looked at before it goes."""
    table = _load(tx, account, region, name, table_id, since_ms)
    if table is None or table.record.ttl is None:
        return
    prefix = due_prefix(table_id, table.record.ttl)
    rows = tx.scan_items(Due, prefix, (*prefix, tx.now_ms + 1), limit=_AT_ONCE)
    deleted = size = 0
    for key, _ in rows:
        row = key[-1]
        assert isinstance(row, bytes)
        item = _delete(tx, table, table.record.ttl, row)
        tx.delete(key)
        if item is not None:
            deleted, size = deleted + 1, size + item.size
        if size > SLICE_BYTES:
            break
    if deleted:
        tx.kernel.metrics.count(
            account, region, "AWS/DynamoDB", "TimeToLiveDeletedItemCount", table.dimensions, deleted
        )
    following = tx.scan_prefix_items(Due, prefix, limit=1)
    if not following:
        tx.kernel.state(Waiting).until_ms.pop((table_id, since_ms), None)
        return
    due = following[0][0][-2]
    assert isinstance(due, int)
    if due <= tx.now_ms:
        go_on(tx, _EXPIRE, account, region, name, table_id, since_ms, housekeeping=True)
    else:
        _wake(tx, table.record, table.record.ttl, due)


def _delete(tx: Tx, table: LiveTable, ttl: TimeToLive, row: bytes) -> Item | None:
    """Delete an item if it is there and has still expired, and give it; it costs no capacity."""
    item = tx.get(Item, (Packed(row),))
    if item is None:
        return None
    attributes = item.attributes
    if not is_due(expires_ms(attributes, ttl.attribute), tx.now_ms):
        return None
    primary = table.schema.of_key(table.schema.of_attributes(attributes))
    change = ItemChange(table, primary, (Packed(row),), item, None, SERVICE, attributes)
    apply_change(tx, change, Consumed(table))
    return item


def switched(tx: Tx, before: LiveTable, after: LiveTable) -> None:
    """Expiry was switched on or off: look at the items that are there, or forget what was kept of them."""
    old, new = before.record.ttl, after.record.ttl
    if old is not None and old.enabled:
        tx.wake_at(tx.now_ms, _DROP, after.record.id, old.changed_ms, housekeeping=True)
    if new is not None and new.enabled:
        _fill_later(tx, after.record, new, b"")


def _fill_later(tx: Tx, table: Table, ttl: TimeToLive, after: bytes) -> None:
    go_on(tx, _FILL, table.account, table.region, table.name, table.id, ttl.changed_ms, after.hex())


@on_timer(_FILL)
def fill(tx: Tx, account: str, region: str, name: str, table_id: str, since_ms: int, after: str) -> None:
    """Add rows for a slice of the items that were there; repeating adds the same rows."""
    table = _load(tx, account, region, name, table_id, since_ms)
    if table is None or table.record.ttl is None:
        return
    ttl = table.record.ttl
    low = pack(table.prefix)
    rows = read_slice(tx, Item, bytes.fromhex(after) + b"\0" if after else low, low + PREFIX_END)
    for row, item in rows:
        expires = expires_ms(item.attributes, ttl.attribute)
        if expires is not None:
            _add(tx, table.record, ttl, expires, row)
    if rows:
        _fill_later(tx, table.record, ttl, rows[-1][0])


@on_timer(_DROP)
def drop(tx: Tx, table_id: str, since_ms: int) -> None:
    """Remove a slice of the rows of an expiry that was switched off; harmless if repeated."""
    low = pack((*data_prefix(table_id), "expiry", since_ms))
    if tx.delete_packed(low, low + PREFIX_END, _DROPPED_AT_ONCE) == _DROPPED_AT_ONCE:
        tx.wake_at(tx.now_ms, _DROP, table_id, since_ms, housekeeping=True)


TTL_CHANGED.append(switched)
