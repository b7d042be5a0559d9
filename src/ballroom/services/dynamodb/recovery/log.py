"""What each change of an item overwrote: with it, a copy of a table can be taken back to an earlier moment.

| key | record | read by |
|---|---|---|
| `dynamodb-data`, table id, `log`, number | Undo | copies, from the end backwards; trimmed by age |

It is written while point-in-time recovery is enabled, or a copy is being made, by an observer of the one write
path. A number is the time in milliseconds, and a count within it, so that a moment is a place in the log.
Enabling costs nothing, however large the table is: there is no first copy.
"""

from __future__ import annotations

from ballroom.kernel import Kernel, Key, Record, Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, pack, unpack
from ballroom.services.dynamodb.resources import Table, data_prefix, table_key
from ballroom.services.dynamodb.slices import SLICE_ROWS, go_on, read_slice
from ballroom.services.dynamodb.writes import ItemChange, observes

_TRIM = "dynamodb.trim-log"
_HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_COUNT_BITS = 12


class Undo(Record, frozen=True):
    """One change: the row of the item, without what all rows of the table begin with, and what it held."""

    row: bytes
    wire: bytes | None
    """The item before; None: there was none."""
    size: int


class Numbers:
    """Derived memory: the number of the last entry of each table's log."""

    def __init__(self, kernel: Kernel) -> None:
        self._last: dict[str, int] = {}

    def next(self, tx: Tx, table_id: str) -> int:
        """The number of a new entry: never less than the time says, nor than one given before."""
        last = self._last.get(table_id)
        if last is None:
            rows = tx.scan_prefix_items(Undo, log_prefix(table_id), limit=1, reverse=True)
            last = int(rows[0][0][-1]) if rows else 0
        number = self._last[table_id] = max(last + 1, place_of(tx.now_ms))
        return number


def log_prefix(table_id: str) -> Key:
    """The prefix of a table's log."""
    return (*data_prefix(table_id), "log")


def place_of(at_ms: int) -> int:
    """The first number of a moment."""
    return at_ms << _COUNT_BITS


def time_of(number: int) -> int:
    """When the entry of a number was written."""
    return number >> _COUNT_BITS


def place_in(row: bytes) -> int:
    """The number of the entry in a row of the store."""
    return int(unpack(row)[-1])


@observes
def note(tx: Tx, change: ItemChange) -> None:
    """Keep what a change overwrites, if anybody may want it back."""
    table = change.table.record
    if not table.backups_since_ms and not table.copies:
        return
    old, new = change.old, change.new
    if old is not None and new is not None and old.wire == new.wire:
        return
    row = pack(change.key)[len(pack(change.table.prefix)) :]
    entry = Undo(row, None, 0) if old is None else Undo(row, old.wire, old.size)
    number = tx.kernel.state(Numbers).next(tx, table.id)
    tx.put((*change.table.log_prefix, number), entry)


def trim_later(tx: Tx, table: Table, due_ms: int | None = None) -> None:
    """Remove what nobody can want back any more."""
    tx.wake_at(
        tx.now_ms if due_ms is None else due_ms,
        _TRIM, table.account, table.region, table.name, table.id, housekeeping=True,
    )  # fmt: skip


@on_timer(_TRIM)
def trim(tx: Tx, account: str, region: str, name: str, table_id: str) -> None:
    """Remove a slice. Harmless if repeated; while a copy is being made nothing goes."""
    table = tx.get(Table, table_key(account, region, name))
    if table is None or table.id != table_id:
        return
    if not table.copies and _remove_slice(tx, table):
        go_on(tx, _TRIM, account, region, name, table_id, housekeeping=True)
    elif table.backups_since_ms:
        # at whole hours, so that however often recovery is switched there is one timer
        trim_later(tx, table, (tx.now_ms // _HOUR_MS + 1) * _HOUR_MS)


def _remove_slice(tx: Tx, table: Table) -> bool:
    """Whether there may be more."""
    prefix = log_prefix(table.id)
    high = pack(prefix) + PREFIX_END
    if table.backups_since_ms:
        high = pack((*prefix, place_of(earliest_ms(table, tx.now_ms))))
    rows = read_slice(tx, Undo, pack(prefix), high)
    if rows:
        tx.delete_packed(rows[0][0], rows[-1][0] + b"\0", SLICE_ROWS)
    return bool(rows)


def earliest_ms(table: Table, now_ms: int) -> int:
    """From when on every moment of the table is known, to the second."""
    since = max(table.backups_since_ms, now_ms - table.recovery_days * DAY_MS)
    return since // 1000 * 1000
