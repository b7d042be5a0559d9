"""What a request consumes, in AWS's units, and how it is told and counted.

A read unit is 4 KB strongly consistent, half for an eventually consistent read, double in a transaction; a
write unit is 1 KB, double in a transaction. An index's writes count for the index.

Source: DynamoDB Developer Guide, "DynamoDB read and write operations"; API Reference, ConsumedCapacity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ballroom.kernel.metrics import Dimensions

if TYPE_CHECKING:
    from ballroom.kernel import Tx
    from ballroom.services.dynamodb.live import LiveIndex, LiveTable

READ_BYTES, WRITE_BYTES = 4096, 1024


def read_units(size: int, *, consistent: bool = False, transaction: bool = False) -> float:
    """Units of reading so many bytes (an absent item costs as much as the smallest)."""
    units = max(1, (size + READ_BYTES - 1) // READ_BYTES)
    if transaction:
        return 2.0 * units
    return float(units) if consistent else units * 0.5


def write_units(size: int) -> float:
    """Units of writing so many bytes, the larger of before and after."""
    return float(max(1, (size + WRITE_BYTES - 1) // WRITE_BYTES))


class Consumed:
    """What one request consumes of one table."""

    __slots__ = ("indexes", "read", "table", "write")

    def __init__(self, table: LiveTable) -> None:
        self.table = table
        self.read = 0.0
        """Of the table itself."""
        self.write = 0.0
        self.indexes: dict[str, list[float]] = {}
        """Read and write units by index."""

    def index(self, index: LiveIndex, *, read: float = 0.0, write: float = 0.0) -> None:
        """Count for an index."""
        units = self.indexes.get(index.name)
        if units is None:
            self.indexes[index.name] = [read, write]
        else:
            units[0] += read
            units[1] += write

    def double(self) -> None:
        """A transaction's writes cost twice: to prepare and to commit. Indexes follow once."""
        self.write *= 2

    def told(self, how: str, *, transaction: bool = False, write: bool = False) -> dict[str, Any]:
        """The ConsumedCapacity of an answer; `how` is TOTAL or INDEXES.

        Transactions tell reads and writes apart as well.
        """

        def units(read: float, written: float) -> dict[str, float]:
            told = {"CapacityUnits": read + written}
            if transaction:
                told["WriteCapacityUnits" if write else "ReadCapacityUnits"] = written if write else read
            return told

        read = self.read + sum(units[0] for units in self.indexes.values())
        written = self.write + sum(units[1] for units in self.indexes.values())
        answer: dict[str, Any] = {"TableName": self.table.name, **units(read, written)}
        if how == "INDEXES":
            answer["Table"] = units(self.read, self.write)
            for is_global, member in ((False, "LocalSecondaryIndexes"), (True, "GlobalSecondaryIndexes")):
                told = {
                    name: units(*both)
                    for name, both in self.indexes.items()
                    if self.table.by_name[name].record.is_global is is_global
                }
                if told:
                    answer[member] = told
        return answer

    def count(self, tx: Tx) -> None:
        """Count for CloudWatch; a transaction that fails counts nothing."""
        record = self.table.record
        metrics = tx.kernel.metrics
        where = (record.account, record.region, "AWS/DynamoDB")
        dimensions = self.table.dimensions
        if self.read:
            metrics.count(*where, "ConsumedReadCapacityUnits", dimensions, self.read)
        if self.write:
            metrics.count(*where, "ConsumedWriteCapacityUnits", dimensions, self.write)
        for name, (read, written) in self.indexes.items():
            of_index: Dimensions = (*dimensions, ("GlobalSecondaryIndexName", name))
            if not self.table.by_name[name].record.is_global:
                of_index = dimensions
            if read:
                metrics.count(*where, "ConsumedReadCapacityUnits", of_index, read)
            if written:
                metrics.count(*where, "ConsumedWriteCapacityUnits", of_index, written)


def told_or_nothing(consumed: Consumed, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its ConsumedCapacity, if the request asks for it."""
    how = request.get("ReturnConsumedCapacity")
    if how is not None and how != "NONE":
        answer["ConsumedCapacity"] = consumed.told(how)
    return answer
