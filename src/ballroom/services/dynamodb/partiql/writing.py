"""Writes that statements state: the item API's writes, with a condition for what WHERE says beyond the key.

Source: DynamoDB Developer Guide, "PartiQL insert statements", "PartiQL update statements", "PartiQL delete
statements".
"""

from __future__ import annotations

from typing import Any

from ballroom.services.dynamodb.changing import MOST_ITEM_BYTES, Check, Delete, Put, UpdateOne
from ballroom.services.dynamodb.errors import DuplicateItem, Invalid
from ballroom.services.dynamodb.expressions.updates import Update
from ballroom.services.dynamodb.live import LiveTable
from ballroom.services.dynamodb.partiql.compiling import NOT_ONE_KEY, bind, plan, steps
from ballroom.services.dynamodb.partiql.statements import Statement
from ballroom.services.dynamodb.requests import Test
from ballroom.services.dynamodb.resources import Item
from ballroom.services.dynamodb.values.attribute_values import Attributes, size_of_attributes, take

StatementWrite = Put | Delete | UpdateOne


class Insert(Put):
    """INSERT: only where there is no item with that key."""

    def __init__(self, statement: Statement, request: dict[str, Any]) -> None:
        self.return_old_on_failure = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        self.key: Attributes = {}
        given = request.get("Parameters") or []
        bind(statement, given)
        assert statement.value is not None
        value = statement.value([take(one) for one in given])
        if "M" not in value:
            raise Invalid("The VALUE of an INSERT must be an item")
        self.item = dict(value["M"])
        self.size = size_of_attributes(self.item)
        if self.size > MOST_ITEM_BYTES:
            raise Invalid("Item size has exceeded the maximum allowed size")
        self.condition = _refuse_duplicates


def _refuse_duplicates(item: Attributes) -> bool:
    if item:
        raise DuplicateItem
    return True


class _Keyed:
    """What the writes with a WHERE have in common."""

    condition: Test | None
    key: Attributes

    def prepare(self, statement: Statement, request: dict[str, Any]) -> None:
        """Bind the parameters."""
        self.return_old_on_failure = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        self.statement = statement
        self.values = bind(statement, request.get("Parameters"))
        self.key, self.condition = {}, None
        if statement.where is None:
            raise Invalid(NOT_ONE_KEY)

    def find_key(self, table: LiveTable) -> None:
        """The key and the condition, once the table is known."""
        found = plan(self.statement, table.schema)
        self.key = found.key(table.schema, self.values)
        self.condition = self.only_if(found.test(self.values))

    def only_if(self, test: Test | None) -> Test | None:
        """The condition, from what WHERE says beyond the key."""
        return test


class UpdateStatement(_Keyed, UpdateOne):
    """UPDATE: only of an item that is there."""

    def __init__(self, statement: Statement, request: dict[str, Any]) -> None:
        self.prepare(statement, request)
        self._update = Update(steps(statement), self.values)
        self._table: LiveTable | None = None

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        self.find_key(table)
        super().bind(table)

    def only_if(self, test: Test | None) -> Test | None:
        """The item is there."""
        return lambda item: bool(item) and (test is None or test(item))


class DeleteStatement(_Keyed, Delete):
    """DELETE: it need not be there."""

    def __init__(self, statement: Statement, request: dict[str, Any]) -> None:
        self.prepare(statement, request)

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        self.find_key(table)
        super().bind(table)

    def only_if(self, test: Test | None) -> Test | None:
        """The condition is about an item that is there."""
        return None if test is None else lambda item: not item or test(item)


class Exists(_Keyed, Check):
    """EXISTS(SELECT ...): a transaction is carried out only if there is such an item."""

    def __init__(self, statement: Statement, request: dict[str, Any]) -> None:
        self.prepare(statement, request)

    def bind(self, table: LiveTable) -> None:
        """See `Write`."""
        self.find_key(table)
        super().bind(table)

    def only_if(self, test: Test | None) -> Test | None:
        """The item is there."""
        return lambda item: bool(item) and (test is None or test(item))


_WRITES: dict[str, Any] = {
    "INSERT": Insert, "UPDATE": UpdateStatement, "DELETE": DeleteStatement, "EXISTS": Exists,
}  # fmt: skip


def write_of(statement: Statement, request: dict[str, Any]) -> StatementWrite:
    """The write that a statement states, for the parameters of a request.

    Raises:
        Invalid: it breaks a rule.
    """
    write: StatementWrite = _WRITES[statement.kind](statement, request)
    return write


def returned(
    statement: Statement, write: StatementWrite, old: Item | None, new: Item | None
) -> Item | Attributes:
    """What RETURNING asks for; empty: nothing."""
    if statement.returning is None:
        return {}
    which, when = statement.returning.split()
    item = new if when == "NEW" else old
    if item is None:
        return {}
    if which == "MODIFIED" and isinstance(write, UpdateOne):
        return write.touched(item, new=when == "NEW")
    return item
