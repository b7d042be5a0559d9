"""Everything gone: the store emptied while the server goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballroom.kernel.keys import pack
from ballroom.kernel.tx import CLOCK_KEY, Tx

if TYPE_CHECKING:
    from ballroom.kernel.kernel import Kernel

_AT_ONCE = 2_000  # rows in one transaction: about 5 ms of the loop
_ABOVE_ALL_KEYS = b"\xff" * 9


async def reset(kernel: Kernel) -> int:
    """Delete every row, durably, and forget what memory was derived from them; the number of rows.

    A virtual clock stays where it is. The kernel's own rows (timers, deliveries, keys) sort last and go
    first, so that nothing fires for what has gone; a request that comes in between finds less and less.
    """
    total = 0
    while (deleted := kernel.transact(_delete_some)) > 0:
        total += deleted
        await kernel.shard.flush()
    kernel.forget()
    await kernel.shard.flush()
    await kernel.collect_blobs()
    return total


def _delete_some(tx: Tx) -> int:
    shard, clock = tx.kernel.shard, pack(CLOCK_KEY)
    rows = [r for r in shard.scan(b"", _ABOVE_ALL_KEYS, _AT_ONCE + 1, reverse=True) if r.key != clock]
    for row in rows:
        shard.write(row.key, None, None)
    return len(rows)
