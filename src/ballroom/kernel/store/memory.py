"""The engine without a disk, for tests and `--memory`: gone when the process ends."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from threading import Lock

from ballroom.kernel.store.engine import Engine, EngineFailed, EpochLost, Row, Write
from ballroom.kernel.store.sorted_keys import SortedKeys


class MemoryEngine:
    """A dictionary with its keys in order; what it holds counts as durable at once."""

    def __init__(self, rows: Iterable[Row] = (), *, sequence: int = 0, epoch: int = 0) -> None:
        """Start from `rows`, as they were after the batch `sequence` under the epoch `epoch`."""
        self._rows = dict(rows)
        self._keys = SortedKeys(self._rows)
        self._sequence = sequence
        self._epoch = epoch
        self._commits = 0
        self._closed = False
        self._lock = Lock()  # the writer's thread changes what the loop's thread scans

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest batch."""
        return self._sequence

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        return self._rows.get(key)

    def scan(self, low: bytes, high: bytes, limit: int, reverse: bool) -> list[Row]:
        """Up to `limit` rows with `low <= key < high`, in the direction asked for."""
        rows = self._rows
        with self._lock:
            keys = self._keys.descending(low, high) if reverse else self._keys.ascending(low, high)
            return [(key, rows[key]) for key in (keys if limit < 0 else islice(keys, limit))]

    def prepare(self) -> None:
        """Nothing to let go of."""

    def claim(self) -> int:
        """Take the next epoch."""
        with self._lock:
            self._check_open()
            self._epoch += 1
            return self._epoch

    def apply(self, writes: Sequence[Write], sequence: int, epoch: int) -> None:
        """Make a batch visible as a whole."""
        with self._lock:
            self._check_open()
            if epoch != self._epoch:
                raise EpochLost(f"epoch {epoch} was followed by epoch {self._epoch}")
            if sequence <= self._sequence:
                raise ValueError(f"batch {sequence} comes after batch {self._sequence}")
            rows, keys = self._rows, self._keys
            for key, value in writes:
                if value is None:
                    if rows.pop(key, None) is not None:
                        keys.discard(key)
                else:
                    if key not in rows:
                        keys.add(key)
                    rows[key] = value
            self._sequence = sequence
            self._commits += 1

    def fork(self, destination: Path | None) -> Engine:
        """A copy in memory, or on disk (which makes a `--memory` state durable)."""
        with self._lock:
            rows, sequence, epoch = self._rows.copy(), self._sequence, self._epoch
        if destination is None:
            return MemoryEngine(rows.items(), sequence=sequence, epoch=epoch)
        # imported only here, so that a memory kernel starts without SQLite
        from ballroom.kernel.store.sqlite import SqliteEngine

        if destination.exists():
            raise FileExistsError(f"{destination} exists")
        copy = SqliteEngine(destination)
        if rows or sequence:
            copy.load(rows.items(), sequence=sequence, epoch=epoch)
        return copy

    def statistics(self) -> dict[str, int | float | str]:
        """Rows and batches."""
        return {
            "engine": "memory",
            "rows": len(self._rows),
            "sequence": self._sequence,
            "commits": self._commits,
        }

    def close(self) -> None:
        """Refuse further batches, as a closed file would."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise EngineFailed("the store is closed")
