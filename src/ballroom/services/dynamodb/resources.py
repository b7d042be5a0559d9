"""What DynamoDB stores, and under which keys.

| key | record | read by |
|---|---|---|
| `dynamodb`, account, region, `table`, name | Table | every operation; ListTables by prefix |
| `dynamodb`, account, region, `token`, token | Token | TransactWriteItems, for ten minutes |
| `dynamodb-hold`, table id, who | Hold | the collection of a deleted table, which spares what is held |
| `dynamodb-data`, table id, `count` | Counts | every write that changes sizes; DescribeTable |
| `dynamodb-data`, table id, `item`, hash, partition key, sort key | Item | GetItem, Query, Scan |
| ..., `index`, index id, hash, index keys, table keys | Item | Query and Scan of an index: what it projects |
| ..., `collection`, hash, partition key | Collection | tables with local indexes: the 10 GB limit |

Rows of items begin with the table's own random id, so that a table made again under the same name is empty
at once, and deleted rows are collected later. `hash` is 56 bits of the partition key's hash: a Scan goes
through the table in its order, and each segment of a parallel Scan is a range of it. Within a partition rows
are in the order of the sort key (`keys.py`), so that every Query is one range.

An index row holds the item as the index projects it, and is written in the same transaction as the item.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ballroom.kernel import Key, Record
from ballroom.services.dynamodb.values.attribute_values import Attributes


class Index(Record, frozen=True):
    """A secondary index of a table."""

    id: int
    """Never given twice within a table."""
    name: str
    is_global: bool
    hash: str
    range: str | None
    projection: str
    """ALL, KEYS_ONLY or INCLUDE."""
    include: tuple[str, ...] = ()
    read_units: int = 0
    write_units: int = 0
    filled: bool = True
    """False while the items that were there before it are still being added."""
    on_demand: dict[str, Any] | None = None
    warm: dict[str, Any] | None = None
    increased_ms: int = 0
    decreased_ms: int = 0


class Stream(Record, frozen=True):
    """The stream that a table writes to now, or wrote to last."""

    label: str
    """The time it was enabled, in ISO 8601."""
    view: str
    """KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."""
    enabled: bool
    enabled_ms: int = 0
    disabled_ms: int = 0


class TimeToLive(Record, frozen=True):
    """By which attribute items expire."""

    attribute: str
    enabled: bool
    changed_ms: int = 0


class Table(Record, frozen=True):
    """A table: its schema and its settings, not its items."""

    account: str
    region: str
    name: str
    id: str
    """A UUID that AWS calls TableId; rows of items begin with it."""
    created_ms: int
    types: dict[str, str]
    """The types of all key attributes: S, N or B."""
    hash: str
    range: str | None
    indexes: tuple[Index, ...] = ()
    next_index: int = 1
    billing: str = "PROVISIONED"
    on_demand_since_ms: int = 0
    """When it became PAY_PER_REQUEST for the last time; 0: never."""
    read_units: int = 0
    write_units: int = 0
    increased_ms: int = 0
    decreased_ms: int = 0
    stream: Stream | None = None
    ttl: TimeToLive | None = None
    protected: bool = False
    """Deletion protection."""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    """What is stored and read back: TableClass, SSE, OnDemandThroughput, WarmThroughput, ... by AWS's names."""
    backups_since_ms: int = 0
    """When point-in-time recovery was enabled; 0: it is not."""
    restored: dict[str, Any] | None = None
    """RestoreSummary of a restored table."""
    recovery_days: int = 35
    """How far back point-in-time recovery goes."""
    copies: int = 0
    """How many backups, restores and exports are being made of it: its changes are logged meanwhile."""
    building: bool = False
    """Whether it is still being filled by a restore or an import: described, but not there for its items."""


class Counts(Record, frozen=True):
    """Exact counts of a table; written with the items, so that nothing is counted at the start."""

    items: int = 0
    bytes: int = 0
    indexes: dict[int, tuple[int, int]] = msgspec.field(default_factory=dict)
    """Items and bytes by index id."""


class Item(Record, frozen=True):
    """An item, or what an index projects of it."""

    wire: bytes
    """Its attributes as the JSON of DynamoDB's wire: what GetItem answers."""
    size: int
    """Bytes as AWS counts them."""

    @property
    def attributes(self) -> Attributes:
        """Decoded anew each time: the caller may change it."""
        found: Attributes = orjson.loads(self.wire)
        return found


class Collection(Record, frozen=True):
    """Size of one partition's items with their projections into local indexes."""

    bytes: int


class Token(Record, frozen=True):
    """A ClientRequestToken of TransactWriteItems that was carried out."""

    digest: bytes
    expires_ms: int
    sizes: tuple[int, ...] = ()
    """Of the items, in the order of the request: a repeat costs their reading."""


class Hold(Record, frozen=True):
    """The data of a table is needed after the table may have gone."""


def table_key(account: str, region: str, name: str) -> Key:
    """Names sort, so that ListTables pages through a prefix."""
    return ("dynamodb", account, region, "table", name)


def tables_prefix(account: str, region: str) -> Key:
    """All tables of an account in a region."""
    return ("dynamodb", account, region, "table")


def token_key(account: str, region: str, token: str) -> Key:
    """Looked up by the token."""
    return ("dynamodb", account, region, "token", token)


def hold_prefix(table_id: str) -> Key:
    """Whatever needs the data of a table."""
    return ("dynamodb-hold", table_id)


def counts_key(table_id: str) -> Key:
    """One row a table."""
    return ("dynamodb-data", table_id, "count")


def data_prefix(table_id: str) -> Key:
    """Everything that goes with the table's items."""
    return ("dynamodb-data", table_id)
