"""A page of a Query or Scan: up to 1 MB or `Limit` items are read, and then filtered and projected.

Source: DynamoDB Developer Guide, "Paginating table query results"; API Reference, Query.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ballroom.services.dynamodb.answers import wire, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units
from ballroom.services.dynamodb.live import LiveIndex
from ballroom.services.dynamodb.ranges import Range, Source, key_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes

if TYPE_CHECKING:
    from ballroom.kernel import Tx

PAGE_BYTES = 1 << 20
_AT_ONCE = 100


class Page:
    """What was read: items within the page's limits, and whether there may be more."""

    __slots__ = ("items", "more", "size")

    def __init__(self, items: list[Item], size: int, *, more: bool) -> None:
        self.items, self.size, self.more = items, size, more


def read_page(tx: Tx, rows: Range, limit: int | None, *, reverse: bool = False) -> Page:
    """The next items of a range. A page that `limit` ends may be followed by nothing, as on AWS."""
    low, high = rows
    items: list[Item] = []
    size = 0
    wanted = limit if limit is not None else PAGE_BYTES
    chunk = min(wanted, _AT_ONCE)
    while low < high:
        found = tx.scan_items_packed(Item, low, high, limit=chunk, reverse=reverse)
        for _, item in found:
            if items and size + item.size > PAGE_BYTES:
                return Page(items, size, more=True)
            items.append(item)
            size += item.size
        if limit is not None and len(items) >= limit:
            return Page(items, size, more=True)
        if len(found) < chunk:
            break
        last = found[-1][0]
        if reverse:
            high = last
        else:
            low = last + b"\0"
        chunk = min(wanted - len(items), _AT_ONCE * 10)
    return Page(items, size, more=False)


class Shape:
    """How the items of a page are answered."""

    __slots__ = ("apply", "count_only", "fetch", "test")

    def __init__(
        self,
        test: Callable[[Attributes], bool] | None,
        apply: Callable[[Attributes], Attributes] | None,
        *,
        count_only: bool,
        fetch: bool,
    ) -> None:
        self.test, self.apply = test, apply
        self.count_only = count_only
        self.fetch = fetch
        """Whether a local index lacks attributes that are asked for: they are read from the table."""


def answer_page(
    tx: Tx, source: Source, page: Page, shape: Shape, consumed: Consumed, *, consistent: bool
) -> dict[str, Any]:
    """Items, counts and the key to go on behind."""
    items = page.items
    units = read_units(page.size, consistent=consistent)
    if isinstance(source, LiveIndex):
        consumed.index(source, read=units)
        if shape.fetch:
            items = _fetched(tx, source, items, consumed, consistent=consistent)
    else:
        consumed.read += units
    answer: dict[str, Any] = {}
    if shape.test is None and shape.apply is None:
        count = len(items)
        if not shape.count_only:
            answer["Items"] = [wire(item) for item in items]
    else:
        count, found = _selected(items, shape)
        if not shape.count_only:
            answer["Items"] = found
    answer["Count"] = count
    answer["ScannedCount"] = len(page.items)
    if page.more:
        answer["LastEvaluatedKey"] = wire_of(key_of(source, page.items[-1].attributes))
    return answer


def _selected(items: list[Item], shape: Shape) -> tuple[int, list[Any]]:
    found: list[Any] = []
    count = 0
    test, apply = shape.test, shape.apply
    for item in items:
        attributes = item.attributes
        if test is not None and not test(attributes):
            continue
        count += 1
        if not shape.count_only:
            found.append(wire(item) if apply is None else wire_of(apply(attributes)))
    return count, found


def _fetched(
    tx: Tx, index: LiveIndex, items: list[Item], consumed: Consumed, *, consistent: bool
) -> list[Item]:
    """The whole items that rows of a local index stand for; each is read from the table."""
    table = index.table
    whole = []
    for item in items:
        found = tx.get(Item, table.key(table.schema.of_key(table.schema.of_attributes(item.attributes))))
        if found is not None:
            consumed.read += read_units(found.size, consistent=consistent)
            whole.append(found)
    return whole


__all__ = ["PAGE_BYTES", "Page", "Shape", "answer_page", "read_page"]
