"""Single writes, as PutItem, DeleteItem, UpdateItem, batches and transactions have them in common.

A `Write` is made from a request, which checks whatever does not need the table; `bind` checks it against
the table, and `carry_out` looks at the item, the condition, and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson

from ballroom.services.dynamodb import legacy
from ballroom.services.dynamodb.capacity import Consumed, write_units
from ballroom.services.dynamodb.errors import ConditionalCheckFailed, Invalid, TooDeep
from ballroom.services.dynamodb.expressions.paths import projection
from ballroom.services.dynamodb.expressions.updates import Update, check_keys, update
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.requests import Test, condition_of, environment_of
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import (
    DEEPEST,
    Attributes,
    Value,
    give_attributes,
    size_of_attributes,
    take_attributes,
)
from ballroom.services.dynamodb.writes import (
    ItemChange,
    apply_change,
    check_item_keys,
    check_updated_keys,
    collection_size,
)

if TYPE_CHECKING:
    from ballroom.kernel import Tx

MOST_ITEM_BYTES = 400 * 1024
_GIGABYTE = 1 << 30


class Write(Protocol):
    """One write of one item."""

    condition: Test | None
    return_old_on_failure: bool
    key: Attributes
    """The key attributes, once bound."""
    primary: tuple[bytes, ...]
    """The encoded key, once bound."""

    def bind(self, table: LiveTable) -> None:
        """Check against the table.

        Raises:
            Invalid: it does not fit.
        """
        ...

    def result(self, old: Item | None, attributes: Attributes | None) -> tuple[Item | None, Attributes | None]:
        """The item after the write, and its attributes where they are at hand."""
        ...


class _Base:
    condition: Test | None
    primary: tuple[bytes, ...] = ()

    def __init__(self, request: dict[str, Any]) -> None:
        self.return_old_on_failure = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        self.key: Attributes = {}


class Put(_Base):
    """Put an item."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(request)
        self.item = take_attributes(request["Item"])
        self.size = size_of_attributes(self.item)
        if self.size > MOST_ITEM_BYTES:
            raise Invalid("Item size has exceeded the maximum allowed size")
        environment = environment_of(request, "ConditionExpression")
        self.condition = condition_of(request, environment)
        environment.check_all_used()

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        self.primary = table.schema.of_item(self.item)
        self.key = table.schema.of_attributes(self.item)
        if table.indexes:
            check_item_keys(table, self.item)

    def result(self, old: Item | None, attributes: Attributes | None) -> tuple[Item | None, Attributes | None]:
        """See `Write`."""
        return Item(orjson.dumps(self.item), self.size), self.item


class Delete(_Base):
    """Delete an item."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(request)
        self.key = take_attributes(request["Key"])
        environment = environment_of(request, "ConditionExpression")
        self.condition = condition_of(request, environment)
        environment.check_all_used()

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        self.primary = table.schema.of_key(self.key)

    def result(self, old: Item | None, attributes: Attributes | None) -> tuple[Item | None, Attributes | None]:
        """See `Write`."""
        return None, None


class Check(Delete):
    """The ConditionCheck of a transaction: writes nothing."""


class UpdateOne(_Base):
    """Update an item."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(request)
        self.key = take_attributes(request["Key"])
        environment = environment_of(request, "UpdateExpression", "ConditionExpression")
        self._update: Update | legacy.AttributeUpdates | None = None
        text = request.get("UpdateExpression")
        if text is not None:
            self._update = update(text, environment)
        elif request.get("AttributeUpdates") is not None:
            self._update = legacy.AttributeUpdates(request["AttributeUpdates"])
        self.condition = condition_of(request, environment)
        environment.check_all_used()
        self._table: LiveTable | None = None

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        if self._update is not None:
            check_keys(table.schema.names, self._update.paths)
        self.primary = table.schema.of_key(self.key)
        self._table = table

    def result(self, old: Item | None, attributes: Attributes | None) -> tuple[Item | None, Attributes | None]:
        """See `Write`."""
        if old is None and isinstance(self._update, legacy.AttributeUpdates) and self._update.only_deletes:
            return None, None
        item = dict(self.key) if old is None else old.attributes
        if self._update is not None:
            self._update.apply(item)
        assert self._table is not None
        if self._table.indexes:
            check_updated_keys(self._table, item)
        size = size_of_attributes(item)
        if size > MOST_ITEM_BYTES:
            raise Invalid("Item size to update has exceeded the maximum allowed size")
        if self._update is not None and any(len(path) > 1 for path in self._update.paths):
            _check_depth(item)
        return Item(orjson.dumps(item), size), item

    def touched(self, item: Item, *, new: bool) -> Attributes:
        """Those parts of an item that the update is about; of a new item, without what it removed.

        Where an element of a list was removed another one stands now, which was not updated.
        """
        if self._update is None:
            return {}
        paths = self._update.written if new and isinstance(self._update, Update) else self._update.paths
        return projection(paths)(item.attributes)


def _check_depth(item: Attributes) -> None:
    stack: list[tuple[Value, int]] = [(value, 0) for value in item.values()]
    while stack:
        value, depth = stack.pop()
        inner: Any = value["L"] if "L" in value else value["M"].values() if "M" in value else ()
        if inner and depth >= DEEPEST:
            raise TooDeep
        stack.extend((one, depth + 1) for one in inner)


def carry_out(
    tx: Tx, table: LiveTable, write: Write, consumed: Consumed, *, counted: bool = True
) -> ItemChange:
    """Write, if the condition holds. A failed condition costs a write too, which is counted here.

    Raises:
        ConditionalCheckFailed: it does not.
        Invalid: the write does not fit the item.
    """
    key = table.key(write.primary)
    old = tx.get(Item, key)
    attributes: Attributes | None = None
    if write.condition is not None:
        attributes = old.attributes if old is not None else {}
        if not write.condition(attributes):
            if counted:
                consumed.write += write_units(old.size if old is not None else 0)
                consumed.count(tx)
            shown = give_attributes(attributes) if write.return_old_on_failure and attributes else None
            raise ConditionalCheckFailed(shown)
    new, new_attributes = write.result(old, attributes)
    change = ItemChange(table, write.primary, key, old, new, "", attributes or None, new_attributes)
    if isinstance(write, Check):
        consumed.write += write_units(old.size if old is not None else 0)
    else:
        apply_change(tx, change, consumed)
    return change


def collection_metrics(tx: Tx, table: LiveTable, key: Attributes, encoded: bytes) -> dict[str, Any] | None:
    """ItemCollectionMetrics of a table with local indexes; None for others."""
    if not table.locals:
        return None
    size = collection_size(tx, table, encoded)
    low = float(int(size / _GIGABYTE))
    name = table.schema.hash
    return {
        "ItemCollectionKey": give_attributes({name: key[name]}),
        "SizeEstimateRangeGB": [low, low + 1.0],
    }
