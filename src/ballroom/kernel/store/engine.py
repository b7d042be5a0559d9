"""What the kernel asks of a storage engine: ordered bytes, durable batches, snapshots.

No records, no transactions, no waiting: those are the shard's. An engine keeps no log of changes
either. Whoever follows a store keeps the batches that it hands to `apply` (they are numbered by
`sequence`), and starts from a `fork`, whose `last_sequence` says which batch comes next.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

NO_LIMIT = -1
"""The `limit` of a scan that wants every row of its range."""

Write = tuple[bytes, bytes | None]
"""A key and its new value; None deletes it."""

Row = tuple[bytes, bytes]


class EngineError(Exception):
    """The engine could not do what it was asked; the subclass says what still holds."""


class EngineFull(EngineError):
    """No room. The batch left no trace, reads go on, and the next batch may be tried as usual."""


class EngineFailed(EngineError):
    """The disk failed. Whether the batch survives a restart is unknown, and every later one is refused.

    Trying again would be wrong: after a failed fsync the kernel drops the dirty pages, so that the
    next fsync succeeds without them.
    """


class EpochLost(EngineError):
    """Another owner has claimed this store since; the batch left no trace."""


class Engine(Protocol):
    """An ordered map from bytes to bytes with one writer.

    `get` and `scan` belong to one thread (the event loop's) and `apply` to another; `fork` may run in
    a third, at the same time. Every engine passes `tests/kernel/store/store_contract.py`.
    """

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest durable batch, 0 in a new store."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """The committed value of a key."""
        ...

    def scan(self, low: bytes, high: bytes, limit: int, reverse: bool) -> list[Row]:
        """The first `limit` committed rows with `low <= key < high`, from one snapshot.

        `reverse` starts at the high end and goes down. `NO_LIMIT` means all.
        """
        ...

    def prepare(self) -> None:
        """A batch is about to be handed to `apply`: called on the reading thread.

        An engine that keeps a snapshot open from one read to the next lets go of it where the batch needs that.
        """
        ...

    def claim(self) -> int:
        """Become the owner: a new epoch, durable, from which on every earlier one is refused."""
        ...

    def apply(self, writes: Sequence[Write], sequence: int, epoch: int) -> None:
        """Commit a batch as a whole; returns once it is durable. The last write of a key wins.

        `sequence` is above `last_sequence`; `epoch` is what `claim` answered last (0 if nobody ever
        claimed this store).

        Raises:
            EngineFull: no room; try again later.
            EngineFailed: stop acknowledging.
            EpochLost: somebody else owns this store now.
        """
        ...

    def fork(self, destination: Path | None) -> "Engine":
        """An independent copy of what is committed now, while this engine serves.

        At `destination` (a new file, durable once this returns) or in memory. Costs a copy of every
        row; on disk, the engine's log grows by what is written meanwhile.

        Raises:
            FileExistsError: there is something at `destination`.
        """
        ...

    def statistics(self) -> dict[str, int | float | str]:
        """What an operator asks first: sizes, counts and the time that commits took."""
        ...

    def close(self) -> None:
        """Let go of files and threads. Closing twice is harmless."""
        ...


def merged(writes: Iterable[Write]) -> list[Write]:
    """A batch with each key once (its last write), in key order.

    Key order keeps neighbouring rows on the same page while a B-tree is written.
    """
    return sorted(dict(writes).items())
