"""Copying a table as it was at one moment, in slices, while writes go on.

First every item is copied as it is when its slice comes. Then the log is gone through from its end back to the
moment, and what each change overwrote is put in its place. So however writes fell among the slices, what
remains are the items of that moment; the memory needed is a slice's, and the table need not stand still.

| key | record | read by |
|---|---|---|
| `dynamodb-copy`, id | Copy | its timer, slice by slice |

A copy of changes (an incremental export) has a row for each item that changed in a window, before and after.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import field
from msgspec.structs import replace

from ballroom.kernel import Key, Record, Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, Packed, pack
from ballroom.services.dynamodb.housekeeping import collect_later
from ballroom.services.dynamodb.live import LiveTable, save_table
from ballroom.services.dynamodb.recovery.log import (
    Numbers,
    Undo,
    log_prefix,
    place_in,
    trim_later,
)
from ballroom.services.dynamodb.resources import Hold, Item, Table, data_prefix, hold_prefix, table_key
from ballroom.services.dynamodb.slices import go_on, read_slice

_STEP = "dynamodb.copy"
COPY, UNDO, DONE = "copy", "undo", "done"


class Copy(Record, frozen=True):
    """A copy under way."""

    id: str
    kind: str
    """`backup`, `restore` or `export`: who goes on when it is done."""
    subject: str
    """The ARN of what it is for."""
    account: str
    region: str
    source_name: str
    source_id: str
    target_id: str
    moment: int
    """The number in the log from which on changes are undone; 0: there is no log, the source stands still."""
    window: int = 0
    """Of a copy of changes: the number from which on changes count."""
    phase: str = COPY
    cursor: bytes = b""
    """The row reached, in the store."""
    items: int = 0
    size: int = 0
    indexed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Items and bytes by index, while the indexes of a restored table are made."""


class Changed(Record, frozen=True):
    """An item that changed within a window: as it was before, and as it was at the end."""

    old: bytes | None
    new: bytes | None
    number: int
    """Of its last change within the window."""
    size: int


Finisher = Callable[["Tx", Copy], "Copy | None"]
FINISHERS: dict[str, Finisher] = {}
"""What goes on with a copy that is done: a slice each time; None: that is finished too."""


def finishes(kind: str) -> Callable[[Finisher], Finisher]:
    """Register what goes on with copies of a kind."""

    def register(finisher: Finisher) -> Finisher:
        FINISHERS[kind] = finisher
        return finisher

    return register


def copy_key(copy_id: str) -> Key:
    """One row for each copy under way."""
    return ("dynamodb-copy", copy_id)


def begin(
    tx: Tx, kind: str, subject: str, source: LiveTable, *, moment: int | None = None, window: int = 0
) -> Copy:
    """Begin to copy a table as it is now, or was at an earlier moment that its log reaches back to."""
    table = source.record
    number = tx.kernel.state(Numbers).next(tx, table.id)
    save_table(tx, replace(table, copies=table.copies + 1))
    return _begin(
        tx, kind, subject, table, table.id, min(moment, number) if moment is not None else number, window
    )


def begin_still(tx: Tx, kind: str, subject: str, table: Table, data_id: str) -> Copy:
    """Begin to copy data that nothing changes: a backup's."""
    return _begin(tx, kind, subject, table, data_id, 0, 0)


def _begin(tx: Tx, kind: str, subject: str, table: Table, data_id: str, moment: int, window: int) -> Copy:
    copy = Copy(
        tx.ids.uuid(), kind, subject, table.account, table.region, table.name, data_id, tx.ids.uuid(), moment,
        window,
    )  # fmt: skip
    hold(tx, data_id, copy.id)
    _go_on(tx, copy)
    return copy


def hold(tx: Tx, data_id: str, who: str) -> None:
    """Keep data from being collected."""
    tx.put((*hold_prefix(data_id), who), Hold())


def release(tx: Tx, data_id: str, who: str) -> None:
    """Let data go; call `collect_later` if nothing else needs it."""
    tx.delete((*hold_prefix(data_id), who))


def _go_on(tx: Tx, copy: Copy) -> None:
    tx.put(copy_key(copy.id), copy)
    go_on(tx, _STEP, copy.id)


@on_timer(_STEP)
def step(tx: Tx, copy_id: str) -> None:
    """Do the next slice; repeating goes on where the last one ended."""
    copy = tx.get(Copy, copy_key(copy_id))
    if copy is None:
        return
    following = _PHASES[copy.phase](tx, copy) if copy.phase != DONE else FINISHERS[copy.kind](tx, copy)
    if following is not None:
        _go_on(tx, following)
        return
    tx.delete(copy_key(copy_id))
    _let_go(tx, copy)


def _let_go(tx: Tx, copy: Copy) -> None:
    """The source is not needed any more."""
    release(tx, copy.source_id, copy.id)
    table = tx.get(Table, table_key(copy.account, copy.region, copy.source_name))
    if table is None or table.id != copy.source_id:
        if copy.moment:
            collect_later(tx, copy.source_id)
        return
    table = replace(table, copies=table.copies - 1)
    save_table(tx, table)
    if not table.copies and not table.backups_since_ms:
        trim_later(tx, table)


def items_of(data_id: str) -> bytes:
    """What all rows of a table's items begin with."""
    return pack((*data_prefix(data_id), "item"))


def _copy(tx: Tx, copy: Copy) -> Copy:
    """Copy the next items as they are."""
    if copy.window:
        return _find_changed(tx, copy)
    low, target = items_of(copy.source_id), items_of(copy.target_id)
    rows = read_slice(tx, Item, copy.cursor + b"\0" if copy.cursor else low, low + PREFIX_END)
    if not rows:
        return _copied(tx, copy)
    for row, item in rows:
        tx.put((Packed(target + row[len(low) :]),), item)
    return replace(
        copy,
        cursor=rows[-1][0],
        items=copy.items + len(rows),
        size=copy.size + sum(item.size for _, item in rows),
    )


def _copied(tx: Tx, copy: Copy) -> Copy:
    """All is copied: from here the log is gone through backwards."""
    if not copy.moment:
        return replace(copy, phase=DONE, cursor=b"")
    end = tx.kernel.state(Numbers).next(tx, copy.source_id)
    return replace(copy, phase=UNDO, cursor=pack((*log_prefix(copy.source_id), end)))


def _undo(tx: Tx, copy: Copy) -> Copy:
    """Take back the changes before the row reached."""
    low = pack((*log_prefix(copy.source_id), copy.moment))
    rows = read_slice(tx, Undo, low, copy.cursor, reverse=True) if low < copy.cursor else []
    if not rows:
        return replace(copy, phase=DONE, cursor=b"")
    target = items_of(copy.target_id)
    items, size = copy.items, copy.size
    for _, entry in rows:
        key = (Packed(target + entry.row),)
        if copy.window:
            changed = tx.get(Changed, key)
            if changed is not None:
                tx.put(key, replace(changed, new=entry.wire))
            continue
        there = tx.get(Item, key)
        if there is not None:
            items, size = items - 1, size - there.size
        if entry.wire is None:
            tx.delete(key)
        else:
            tx.put(key, Item(entry.wire, entry.size))
            items, size = items + 1, size + entry.size
    return replace(copy, cursor=rows[-1][0], items=items, size=size)


def _find_changed(tx: Tx, copy: Copy) -> Copy:
    """Note the items that the next changes of the window are of; the first of each says how it was before."""
    prefix = log_prefix(copy.source_id)
    low, high = pack((*prefix, copy.window)), pack((*prefix, copy.moment))
    rows = read_slice(tx, Undo, copy.cursor + b"\0" if copy.cursor else low, high)
    if not rows:
        return _copied(tx, copy)
    target, source = items_of(copy.target_id), items_of(copy.source_id)
    items = copy.items
    for row, entry in rows:
        key, number = (Packed(target + entry.row),), place_in(row)
        changed = tx.get(Changed, key)
        if changed is None:
            now = tx.get(Item, (Packed(source + entry.row),))
            size = max(entry.size, now.size if now is not None else 0)
            tx.put(key, Changed(entry.wire, now.wire if now is not None else None, number, size))
            items += 1
        else:
            tx.put(key, replace(changed, number=number))
    return replace(copy, cursor=rows[-1][0], items=items)


_PHASES = {COPY: _copy, UNDO: _undo}
