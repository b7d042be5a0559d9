"""A page of a Query or Scan: up to 1 MB or `Limit` items are read, filtered and projected, in slices.

A page of small items has tens of thousands: each slice is a transaction of its own, and other requests run in
between. AWS promises no more, since a Scan sees items at different moments.

Source: DynamoDB Developer Guide, "Paginating table query results"; API Reference, Query.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ballroom.kernel import Context, Response, Tx, Waiting, next_turn
from ballroom.services.dynamodb.answers import wire_list, wire_of
from ballroom.services.dynamodb.capacity import Consumed, read_units
from ballroom.services.dynamodb.live import LiveIndex
from ballroom.services.dynamodb.ranges import Range, Source, key_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes

PAGE_BYTES = 1 << 20
SLICE_ROWS = 300
_FIRST = 24
"""Rows read at first, while nothing is known of their size."""


class Shape:
    """How the items of a page are answered."""

    __slots__ = ("apply", "as_stored", "count_only", "fetch", "test")

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
        self.as_stored = test is None and apply is None and not count_only and not fetch
        """Whether all items are answered, as they are."""


class PageRead:
    """One page, as far as it has been read. A page that `limit` ends may be followed by nothing, as on AWS."""

    def __init__(
        self,
        source: Source,
        rows: Range,
        shape: Shape,
        consumed: Consumed,
        *,
        limit: int | None = None,
        reverse: bool = False,
        consistent: bool = False,
    ) -> None:
        self._source, self._shape, self.consumed = source, shape, consumed
        self._low, self._high = rows
        self._limit, self._reverse, self._consistent = limit, reverse, consistent
        self._scanned = self._size = self._counted = 0
        self._found: list[bytes] = []
        self._last: Item | None = None
        self._more = False

    def step(self, tx: Tx) -> bool:
        """Read a slice; whether the page is complete."""
        if not self._read_slice(tx):
            return False
        units = read_units(self._size, consistent=self._consistent)
        if isinstance(self._source, LiveIndex):
            self.consumed.index(self._source, read=units)
        else:
            self.consumed.read += units
        self.consumed.count(tx)
        return True

    def answer(self) -> dict[str, Any]:
        """Items, counts and the key to go on behind."""
        count = self._counted if self._shape.count_only else len(self._found)
        answer: dict[str, Any] = {"Count": count, "ScannedCount": self._scanned}
        if not self._shape.count_only:
            answer["Items"] = wire_list(self._found)
        if self._more and self._last is not None:
            answer["LastEvaluatedKey"] = wire_of(key_of(self._source, self._last.attributes))
        return answer

    def _read_slice(self, tx: Tx) -> bool:
        left = SLICE_ROWS
        as_stored, found = self._shape.as_stored, self._found
        while self._low < self._high:
            chunk = self._chunk(left)
            rows = tx.scan_items_packed(Item, self._low, self._high, limit=chunk, reverse=self._reverse)
            for _, item in rows:
                size = self._size + item.size
                if size > PAGE_BYTES and self._scanned:
                    self._more = True
                    return True
                self._scanned += 1
                self._size = size
                self._last = item
                if as_stored:
                    found.append(item.wire)
                else:
                    self._take(tx, item)
            if self._limit is not None and self._scanned >= self._limit:
                self._more = True
                return True
            if len(rows) < chunk:
                return True
            if self._reverse:
                self._high = rows[-1][0]
            else:
                self._low = rows[-1][0] + b"\0"
            left -= len(rows)
            if left <= 0:
                return False
        return True

    def _chunk(self, left: int) -> int:
        """How many rows to read at once: not many more than fit on the page, as far as is known."""
        if self._scanned:
            fitting = (PAGE_BYTES - self._size) * self._scanned // (self._size or 1) + 1
        else:
            fitting = _FIRST
        wanted = left if self._limit is None else self._limit - self._scanned
        return max(1, min(wanted, left, fitting))

    def _take(self, tx: Tx, item: Item) -> None:
        shape = self._shape
        if shape.fetch and isinstance(self._source, LiveIndex):
            whole = self._fetched(tx, self._source, item)
            if whole is None:
                return
            item = whole
        json = item.wire
        if shape.test is not None or shape.apply is not None:
            attributes = item.attributes
            if shape.test is not None and not shape.test(attributes):
                return
            if shape.apply is not None and not shape.count_only:
                json = orjson.dumps(shape.apply(attributes))
        if shape.count_only:
            self._counted += 1
        else:
            self._found.append(json)

    def _fetched(self, tx: Tx, index: LiveIndex, item: Item) -> Item | None:
        """The whole item that a row of a local index stands for, read from the table."""
        table = index.table
        whole = tx.get(Item, table.key(table.schema.of_key(table.schema.of_attributes(item.attributes))))
        if whole is not None:
            self.consumed.read += read_units(whole.size, consistent=self._consistent)
        return whole


def run(tx: Tx, page: PageRead, finish: Callable[[dict[str, Any]], Response]) -> Response | Waiting:
    """Read a page: at once where one slice is enough, as it nearly always is."""
    if page.step(tx):
        return finish(page.answer())

    async def go_on(ctx: Context) -> Response:
        while True:
            await next_turn()
            if ctx.transact(page.step):
                return finish(page.answer())

    return Waiting(go_on)
