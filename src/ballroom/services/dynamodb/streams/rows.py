"""What streams store.

| key | record | read by |
|---|---|---|
| `dynamodb`, account, region, `stream`, table name, label | StreamPlace | ListStreams, readers |
| `dynamodb-stream`, table id, label, number | Change | GetRecords; housekeeping removes what is a day old |

A stream has one shard, so its order is the table's. A record's number counts up within its stream; its sequence
number is that number after a constant, since AWS's have at least 21 digits. Streams stay readable for a day
after they were disabled or their table was deleted, as on AWS.
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Kernel, Key, Record, Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.keys import unpack
from ballroom.services.dynamodb.errors import ResourceNotFound
from ballroom.services.dynamodb.names import table_arn
from ballroom.services.dynamodb.resources import Table

KEPT_MS = 24 * 3600 * 1000
FIRST_SEQUENCE = 10**20
SHARD = "shardId-00000000000000000000-00000001"


class StreamPlace(Record, frozen=True):
    """A stream, after its table may be gone."""

    account: str
    region: str
    table: str
    table_id: str
    label: str
    view: str
    hash: str
    range: str | None
    enabled_ms: int
    disabled_ms: int = 0
    """0: it is enabled."""
    last: int = 0
    """The number of its last record, known once it is disabled."""

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return f"{table_arn(self.account, self.region, self.table)}/stream/{self.label}"


class Change(Record, frozen=True):
    """One change of an item: the images that the stream's view wants, as the JSON of the wire."""

    id: str
    name: str
    """INSERT, MODIFY or REMOVE."""
    at_ms: int
    keys: bytes
    size: int
    new: bytes | None = None
    old: bytes | None = None
    by: str = ""
    """The service that made it on its own behalf."""


def place_key(account: str, region: str, table: str, label: str) -> Key:
    """Labels are times, so a table's streams are in order."""
    return ("dynamodb", account, region, "stream", table, label)


def changes_of(table_id: str, label: str) -> Key:
    """The prefix of a stream's records."""
    return ("dynamodb-stream", table_id, label)


def place_of(table: Table) -> StreamPlace | None:
    """The place of the stream that a table has, or had last."""
    stream = table.stream
    if stream is None:
        return None
    return StreamPlace(
        table.account, table.region, table.name, table.id, stream.label, stream.view, table.hash, table.range,
        stream.enabled_ms, stream.disabled_ms,
    )  # fmt: skip


def load_place(tx: Tx, arn: str) -> StreamPlace:
    """The stream of that ARN.

    Raises:
        ResourceNotFound: there is none.
    """
    parsed = find_arn(arn)
    parts = parsed.resource.split("/") if parsed is not None else []
    if parsed is None or parsed.service != "dynamodb" or len(parts) != 4 or parts[::2] != ["table", "stream"]:
        raise ResourceNotFound(f"Requested resource not found: Stream: {arn} not found")
    place = None
    if (parsed.account, parsed.region) == (tx.account, tx.region):
        place = tx.get(StreamPlace, place_key(tx.account, tx.region, parts[1], parts[3]))
    if place is None:
        raise ResourceNotFound(f"Requested resource not found: Stream: {arn} not found")
    return place


class Tails:
    """Derived memory: the number of each stream's last record."""

    def __init__(self, kernel: Kernel) -> None:
        self._last: dict[tuple[str, str], int] = {}

    def last(self, tx: Tx, place: StreamPlace) -> int:
        """The number of the last record; 0: none yet."""
        if place.last:
            return place.last
        key = (place.table_id, place.label)
        known = self._last.get(key)
        if known is None:
            known = self._last[key] = last_stored(tx, *key)
        return known

    def next(self, tx: Tx, table_id: str, label: str) -> int:
        """The number of a new record."""
        key = (table_id, label)
        if key not in self._last:
            self.last(tx, StreamPlace("", "", "", table_id, label, "", "", None, 0))
        self._last[key] += 1
        return self._last[key]


def last_stored(tx: Tx, table_id: str, label: str) -> int:
    """The number of the last record that there is or was; numbers of writes that were taken back are not."""
    rows = tx.scan_prefix_items(Change, changes_of(table_id, label), limit=1, reverse=True)
    mark = tx.get(Mark, mark_key(table_id, label))
    return max(int(rows[0][0][-1]) if rows else 0, mark.removed if mark is not None else 0)


class Mark(Record, frozen=True):
    """How far a stream has been trimmed."""

    removed: int


def mark_key(table_id: str, label: str) -> Key:
    """One row for each stream that was ever trimmed."""
    return ("dynamodb-stream-mark", table_id, label)


def number_in(row: bytes) -> int:
    """The number of the record in a row of the store."""
    return int(unpack(row)[-1])


def sequence_of(number: int) -> str:
    """A record's sequence number."""
    return str(FIRST_SEQUENCE + number)


def number_of(sequence: str) -> int:
    """The number that a sequence number stands for; negative for one of another stream."""
    return int(sequence) - FIRST_SEQUENCE if sequence.isascii() and sequence.isdigit() else -1


class Iterator(msgspec.Struct, array_like=True, frozen=True):
    """A place in a stream: what a shard iterator holds."""

    arn: str
    after: int
    """The number of the record that it stands behind."""
    made_ms: int
