"""What happens to many items at a time, in slices: filling a new index, removing what a deletion leaves.

A slice is short, so that requests come in between; a timer that is due at once goes on with the next.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.dynamodb.live import LiveTables, save_table
from ballroom.services.dynamodb.resources import (
    Counts,
    Hold,
    Item,
    Table,
    Token,
    data_prefix,
    hold_prefix,
    table_key,
    token_key,
)
from ballroom.services.dynamodb.slices import go_on, read_slice
from ballroom.services.dynamodb.writes import add_to_index, count_index

SLICE = 200
_FILL, _COLLECT, _DROP, _TOKEN = "dynamodb.fill", "dynamodb.collect", "dynamodb.drop-index", "dynamodb.token"


def fill_later(tx: Tx, table: Table, index_id: int) -> None:
    """Add the items that are there to a new index."""
    tx.wake_at(tx.now_ms, _FILL, table.account, table.region, table.name, index_id, "")


@on_timer(_FILL)
def fill_index(tx: Tx, account: str, region: str, name: str, index_id: int, after: str) -> None:
    """Add the next slice; `after` is the row reached, in hex. Repeating is harmless: rows stay as they are."""
    record = tx.get(Table, table_key(account, region, name))
    live = tx.kernel.state(LiveTables).of(record) if record is not None else None
    index = next((one for one in live.indexes if one.record.id == index_id), None) if live is not None else None
    if record is None or live is None or index is None or index.record.filled:
        return
    low, reached = pack(live.prefix), bytes.fromhex(after)
    if reached and not reached.startswith(low):
        return  # it was for a table of that name that is gone
    rows = read_slice(tx, Item, reached + b"\0" if reached else low, low + PREFIX_END)
    items = size = 0
    for _, item in rows:
        primary = live.schema.of_key(live.schema.of_attributes(item.attributes))
        more, larger = add_to_index(tx, index, primary, item)
        items, size = items + more, size + larger
    if items:
        count_index(tx, live, index_id, items, size)
    if rows:
        go_on(tx, _FILL, account, region, name, index_id, rows[-1][0].hex())
        return
    indexes = tuple(
        msgspec.structs.replace(one, filled=True) if one.id == index_id else one for one in record.indexes
    )
    save_table(tx, msgspec.structs.replace(record, indexes=indexes))


def drop_index_later(tx: Tx, table_id: str, index_id: int) -> None:
    """Remove the rows of an index that is gone."""
    tx.wake_at(tx.now_ms, _DROP, table_id, index_id, housekeeping=True)


@on_timer(_DROP)
def drop_index(tx: Tx, table_id: str, index_id: int) -> None:
    """Remove the next slice; harmless if repeated, since index ids are never given twice."""
    low = pack((*data_prefix(table_id), "index", index_id))
    if tx.delete_packed(low, low + PREFIX_END, SLICE) == SLICE:
        drop_index_later(tx, table_id, index_id)


def collect_later(tx: Tx, table_id: str) -> None:
    """Remove everything of a table that is gone."""
    tx.wake_at(tx.now_ms, _COLLECT, table_id, housekeeping=True)


@on_timer(_COLLECT)
def collect(tx: Tx, table_id: str) -> None:
    """Remove the next slice; harmless if repeated, since table ids are never given twice.

    What a backup still holds stays; whoever lets it go begins anew.
    """
    if tx.scan_prefix(Hold, hold_prefix(table_id), limit=1):
        return
    low = pack(data_prefix(table_id))
    if tx.delete_packed(low, low + PREFIX_END, SLICE) == SLICE:
        collect_later(tx, table_id)


def forget_token_later(tx: Tx, account: str, region: str, token: str, due_ms: int) -> None:
    """Remove a transaction's token once it has expired."""
    tx.wake_at(due_ms, _TOKEN, account, region, token, housekeeping=True)


@on_timer(_TOKEN)
def forget_token(tx: Tx, account: str, region: str, token: str) -> None:
    """Remove it, unless it was used anew meanwhile."""
    found = tx.get(Token, token_key(account, region, token))
    if found is not None and found.expires_ms <= tx.now_ms:
        tx.delete(token_key(account, region, token))


def counts_of(tx: Tx, counts_key: tuple[str | int | bytes, ...]) -> Counts:
    """A table's counts."""
    return tx.get(Counts, counts_key) or Counts()
