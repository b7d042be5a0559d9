"""The one way in which an item changes: row, indexes, counts, collection size and whoever observes changes.

PutItem, UpdateItem, DeleteItem, batches, transactions, PartiQL, imports and expiry all end here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import orjson

from ballroom.services.dynamodb.capacity import Consumed, write_units
from ballroom.services.dynamodb.errors import Invalid, ItemCollectionSizeLimitExceeded
from ballroom.services.dynamodb.keys import (
    MOST_PARTITION_BYTES,
    MOST_SORT_BYTES,
    check_index_value,
    check_partition_size,
    check_sort_size,
    encode,
    may_be_key,
)
from ballroom.services.dynamodb.live import LiveIndex, LiveTable
from ballroom.services.dynamodb.resources import Collection, Counts, Item
from ballroom.services.dynamodb.values.attribute_values import Attributes, size_of_attributes

if TYPE_CHECKING:
    from ballroom.kernel import Key, Tx

MOST_COLLECTION_BYTES = 10 << 30
_NONE = Counts()
_WHAT = {"S": "string", "B": "binary"}
_UPDATED_KEY = "The update expression attempted to update the secondary index key"


class ItemChange(msgspec.Struct, gc=False):
    """What a write did to an item: at least one of `old` and `new` is there."""

    table: LiveTable
    primary: tuple[bytes, ...]
    """The encoded key."""
    key: Key
    """The item's row."""
    old: Item | None
    new: Item | None
    by: str = ""
    """The service that did it on its own behalf (`dynamodb.amazonaws.com` for an expiry)."""
    old_attributes: Attributes | None = None
    new_attributes: Attributes | None = None


Observer = Callable[["Tx", ItemChange], None]
OBSERVERS: list[Observer] = []
"""Told of every change within its transaction: streams, change logs, expiry."""


def observes(observer: Observer) -> Observer:
    """Register a function `fn(tx, change)` that sees every change of an item in the change's transaction."""
    OBSERVERS.append(observer)
    return observer


def check_item_keys(table: LiveTable, item: Attributes) -> None:
    """Raise if an attribute that an index has as its key cannot be one.

    Raises:
        Invalid: it has the wrong type, is empty, or too large.
    """
    for index in table.indexes:
        for name, kind in index.checked:
            value = item.get(name)
            if value is not None:
                check_index_value(index.name, name, kind, value)


def check_updated_keys(table: LiveTable, item: Attributes) -> None:
    """The same of an item as an update leaves it, in the words that updates have for it.

    Raises:
        Invalid: an index's key has the wrong type, is empty, or too large.
    """
    for index in table.indexes:
        for name, kind in index.checked:
            value = item.get(name)
            if value is None:
                continue
            if kind not in value:
                raise Invalid(f"{_UPDATED_KEY} to unsupported type")
            if not value[kind]:
                raise Invalid(
                    "One or more parameter values are not valid. The update expression attempted to update a "
                    "secondary index key to a value that is not supported. The AttributeValue for a key "
                    f"attribute cannot contain an empty {_WHAT[kind]} value."
                )
            most = MOST_PARTITION_BYTES if name == index.schema.hash else MOST_SORT_BYTES
            if len(encode(kind, value[kind])) > most:
                raise Invalid(f"{_UPDATED_KEY} beyond allowed size limits")


def apply_change(tx: Tx, change: ItemChange, consumed: Consumed) -> None:
    """Write an item as it is after the change, with everything that follows from it."""
    table, old, new = change.table, change.old, change.new
    old_size = old.size if old is not None else 0
    new_size = new.size if new is not None else 0
    consumed.write += write_units(max(old_size, new_size))
    if old is None and new is None:
        return
    if new is None:
        tx.delete(change.key)
    else:
        tx.put(change.key, new)
    by_index: dict[int, tuple[int, int]] | None = None
    local_bytes = 0
    if table.indexes:
        by_index = {}
        for index in table.indexes:
            items, size = _change_index(tx, index, change, consumed)
            if items or size:
                by_index[index.record.id] = (items, size)
                local_bytes += 0 if index.record.is_global else size
    items = (new is not None) - (old is not None)
    if items or new_size != old_size or by_index:
        _count(tx, table, items, new_size - old_size, by_index)
    if table.locals:
        _collect(tx, table, change.primary[0], new_size - old_size + local_bytes)
    for observer in OBSERVERS:
        observer(tx, change)


def old_attributes(change: ItemChange) -> Attributes | None:
    """The item before, decoded once."""
    if change.old_attributes is None and change.old is not None:
        change.old_attributes = change.old.attributes
    return change.old_attributes


def new_attributes(change: ItemChange) -> Attributes | None:
    """The item after, decoded once."""
    if change.new_attributes is None and change.new is not None:
        change.new_attributes = change.new.attributes
    return change.new_attributes


def _change_index(tx: Tx, index: LiveIndex, change: ItemChange, consumed: Consumed) -> tuple[int, int]:
    """How many items and bytes the index gained."""
    before, after = old_attributes(change), new_attributes(change)
    old_own = index.schema.find(before) if before is not None else None
    if (
        old_own is not None
        and not (index.record.filled and may_be_key(old_own))
        and tx.get(Item, index.key(old_own, change.primary)) is None
    ):
        old_own = None  # the fill has not come to it yet, or has left it out
    new_own = index.schema.find(after) if after is not None else None
    if old_own is None and new_own is None:
        return 0, 0
    old_kept = index.project(before) if old_own is not None and before is not None else None
    new_kept = index.project(after) if new_own is not None and after is not None else None
    if new_own is not None:
        check_partition_size(new_own[0])
        if len(new_own) > 1:
            check_sort_size(new_own[1])
    if old_own == new_own and old_kept == new_kept:
        return 0, 0
    old_size = size_of_attributes(old_kept) if old_kept is not None else 0
    new_size = size_of_attributes(new_kept) if new_kept is not None else 0
    units = 0.0
    if old_own is not None and old_own != new_own:
        tx.delete(index.key(old_own, change.primary))
        units += write_units(old_size)
    if new_own is not None:
        tx.put(index.key(new_own, change.primary), Item(orjson.dumps(new_kept), new_size))
        units += write_units(max(new_size, old_size if old_own == new_own else 0))
    consumed.index(index, write=units)
    return (new_own is not None) - (old_own is not None), new_size - old_size


def add_to_index(tx: Tx, index: LiveIndex, primary: tuple[bytes, ...], item: Item) -> tuple[int, int]:
    """Add an item that was there before the index; the items and bytes that the index gained.

    Harmless if it is there already: a write may have come first. Items whose attributes cannot be a key of
    the index are left out.
    """
    attributes = item.attributes
    own = index.schema.find(attributes)
    if own is None or not may_be_key(own):
        return 0, 0
    key = index.key(own, primary)
    if tx.get(Item, key) is not None:
        return 0, 0
    kept = index.project(attributes)
    size = size_of_attributes(kept)
    tx.put(key, Item(orjson.dumps(kept), size))
    return 1, size


def count_index(tx: Tx, table: LiveTable, index_id: int, items: int, size: int) -> None:
    """Add to the counts of an index."""
    _count(tx, table, 0, 0, {index_id: (items, size)})


def _count(
    tx: Tx, table: LiveTable, items: int, size: int, by_index: dict[int, tuple[int, int]] | None
) -> None:
    counts = tx.get(Counts, table.counts_key) or _NONE
    indexes = counts.indexes
    if by_index:
        indexes = dict(indexes)
        for index_id, (more, larger) in by_index.items():
            had, bytes_had = indexes.get(index_id, (0, 0))
            indexes[index_id] = (had + more, bytes_had + larger)
    tx.put(table.counts_key, Counts(counts.items + items, counts.bytes + size, indexes))


def collection_size(tx: Tx, table: LiveTable, encoded: bytes) -> int:
    """Bytes of a partition of a table with local indexes."""
    found = tx.get(Collection, table.collection_key(encoded))
    return found.bytes if found is not None else 0


def _collect(tx: Tx, table: LiveTable, encoded: bytes, larger: int) -> None:
    if not larger:
        return
    size = collection_size(tx, table, encoded) + larger
    if larger > 0 and size > MOST_COLLECTION_BYTES:
        raise ItemCollectionSizeLimitExceeded
    key = table.collection_key(encoded)
    if size <= 0:
        tx.delete(key)
    else:
        tx.put(key, Collection(size))
