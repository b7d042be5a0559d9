"""Tables as operations use them: the record with what follows from it, made once per version of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel.keys import Key, Packed, pack
from ballroom.services.dynamodb.errors import Invalid, ResourceInUse, ResourceNotFound
from ballroom.services.dynamodb.keys import Schema, hash_of
from ballroom.services.dynamodb.names import table_address, table_arn
from ballroom.services.dynamodb.resources import Index, Table, counts_key, table_key
from ballroom.services.dynamodb.values.attribute_values import Attributes

if TYPE_CHECKING:
    from ballroom.kernel import Kernel, Tx


class LiveIndex:
    """One index of a live table."""

    __slots__ = ("_prefix", "checked", "kept", "name", "record", "schema", "table")

    def __init__(self, table: LiveTable, record: Index) -> None:
        types = table.record.types
        self.table, self.record, self.name = table, record, record.name
        self.schema = Schema(types, record.hash, record.range)
        self._prefix = Packed(pack(("dynamodb-data", table.record.id, "index", record.id)))
        self.kept: frozenset[str] | None = None
        """The attributes that the index projects; None: all."""
        if record.projection != "ALL":
            self.kept = frozenset((*table.schema.names, *self.schema.names, *record.include))
        self.checked = [pair for pair in self.schema.typed if pair[0] not in table.schema.names]
        """The attributes of its key that are not the table's, and must have the right type where present."""

    @property
    def prefix(self) -> Key:
        """The prefix of all rows."""
        return (self._prefix,)

    def project(self, item: Attributes) -> Attributes:
        """What the index keeps of an item."""
        if self.kept is None:
            return item
        kept = self.kept
        return {name: value for name, value in item.items() if name in kept}

    def key(self, own: tuple[bytes, ...], primary: tuple[bytes, ...]) -> Key:
        """The row of an item: the index's key, then the table's, which makes it unique."""
        return (self._prefix, hash_of(own[0]), *own, *primary)

    def partition(self, encoded: bytes) -> Key:
        """The prefix of the items with one partition key."""
        return (self._prefix, hash_of(encoded), encoded)


class LiveTable:
    """A table with its compiled schema. Immutable; a changed record makes a new one."""

    __slots__ = (
        "_collections", "_items", "arn", "by_name", "counts_key", "dimensions", "indexes", "locals",
        "log_prefix", "record", "schema",
    )  # fmt: skip

    def __init__(self, record: Table) -> None:
        self.record = record
        self.arn = table_arn(record.account, record.region, record.name)
        self.dimensions = (("TableName", record.name),)
        self.schema = Schema(record.types, record.hash, record.range)
        self._items = Packed(pack(("dynamodb-data", record.id, "item")))
        self._collections = Packed(pack(("dynamodb-data", record.id, "collection")))
        self.log_prefix: Key = (Packed(pack(("dynamodb-data", record.id, "log"))),)
        self.counts_key: Key = (Packed(pack(counts_key(record.id))),)
        self.indexes = [LiveIndex(self, index) for index in record.indexes]
        self.by_name = {index.name: index for index in self.indexes}
        self.locals = [index for index in self.indexes if not index.record.is_global]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.record.name

    @property
    def prefix(self) -> Key:
        """The prefix of all items."""
        return (self._items,)

    def key(self, primary: tuple[bytes, ...]) -> Key:
        """The row of an item, by its encoded key; packed, since a write looks and then puts."""
        return (Packed(pack((self._items, hash_of(primary[0]), *primary))),)

    def partition(self, encoded: bytes) -> Key:
        """The prefix of the items with one partition key."""
        return (self._items, hash_of(encoded), encoded)

    def collection_key(self, encoded: bytes) -> Key:
        """The size of a partition."""
        return (self._collections, hash_of(encoded), encoded)

    def index(self, name: str) -> LiveIndex:
        """An index that can be read.

        Raises:
            Invalid: there is none of that name, or it is still being filled.
        """
        found = self.by_name.get(name)
        if found is None:
            raise Invalid(f"The table does not have the specified index: {name}")
        if not found.record.filled:
            raise Invalid(f"Cannot read from backfilling global secondary index: {name}")
        return found


_REMEMBERED = 10_000


class LiveTables:
    """Derived memory: the live tables in use."""

    def __init__(self, kernel: Kernel) -> None:
        self._known: dict[str, LiveTable] = {}
        self._keys: dict[tuple[str, str, str], Key] = {}

    def key(self, account: str, region: str, given: str) -> Key | None:
        """The key of the table that a name or ARN means, packed; None: another account's or region's.

        Raises:
            Invalid: it is neither a name nor an ARN.
        """
        found = self._keys.get((account, region, given))
        if found is not None:
            return found
        address = table_address(given, account, region)
        if address[0] != account or address[1] != region:
            return None  # policies of other accounts are not evaluated yet, so that nothing is shared
        if len(self._keys) > _REMEMBERED:
            self._keys.clear()
        found = self._keys[account, region, given] = (Packed(pack(table_key(*address))),)
        return found

    def of(self, record: Table) -> LiveTable:
        """The live table of a record."""
        known = self._known.get(record.id)
        if known is None or (known.record is not record and known.record != record):
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            known = self._known[record.id] = LiveTable(record)
        return known


def find_table(tx: Tx, given: str) -> LiveTable | None:
    """The table that a name or ARN means, or None.

    Raises:
        Invalid: it is neither a name nor an ARN.
    """
    tables = tx.kernel.state(LiveTables)
    caller = tx.caller
    key = tables.key(caller.account, caller.region, given)
    record = tx.get(Table, key) if key is not None else None
    return None if record is None else tables.of(record)


def load_table(tx: Tx, given: str, *, named: bool = False) -> LiveTable:
    """The table that a name or ARN means.

    Raises:
        ResourceNotFound: there is none; the text names it for the operations on tables.
    """
    found = find_table(tx, given)
    if found is None or (found.record.building and not named):
        raise ResourceNotFound.table(given.rpartition("/")[2]) if named else ResourceNotFound
    return found


def check_built(live: LiveTable) -> None:
    """Raise if a table is still being filled by a restore or an import."""
    if live.record.building:
        raise ResourceInUse(
            f"Attempt to change a resource which is still in use: Table is being created: {live.name}"
        )


def save_table(tx: Tx, record: Table) -> LiveTable:
    """Store a new or changed table."""
    tx.put(table_key(record.account, record.region, record.name), record)
    return LiveTable(record)
