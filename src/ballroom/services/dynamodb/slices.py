"""Work on many rows, a slice at a time: short enough that requests come in between, whatever the rows' size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from ballroom.kernel import Record
from ballroom.kernel.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from ballroom.kernel import Kernel, Tx

SLICE_ROWS, SLICE_BYTES = 200, 1 << 20
BACKLOG_BYTES, _LATEST_MS = 4 << 20, 5_000
_FIRST = 3


class _Sized(Protocol):
    @property
    def size(self) -> int: ...


R = TypeVar("R", bound=Record)


def read_slice(
    tx: Tx, kind: type[R], low: bytes, high: bytes, *, reverse: bool = False, rows: int = SLICE_ROWS
) -> list[tuple[bytes, R]]:
    """The next rows of a range of records that have a `size`; none: there are no more.

    Few are read at first, while nothing is known of their size, and then as many as fit.
    """
    found: list[tuple[bytes, R]] = []
    size, wanted = 0, min(rows, _FIRST)
    while True:
        more = tx.scan_items_packed(kind, low, high, limit=wanted, reverse=reverse)
        found += more
        if len(more) < wanted or len(found) >= rows:
            return found
        size += sum(_size(record) for _, record in more)
        fitting = (SLICE_BYTES - size) * len(found) // max(size, 1)
        if fitting <= 0:
            return found
        wanted = min(rows - len(found), fitting)
        if reverse:
            high = more[-1][0]
        else:
            low = more[-1][0] + b"\0"


def _size(record: Record) -> int:
    sized: _Sized = record  # type: ignore[assignment]
    return sized.size + 100


def go_on(tx: Tx, kind: str, *subject: str | int, housekeeping: bool = False) -> None:
    """Run the timer's next slice at once, or as soon as this one is on disk while much waits for the disk.

    Else long work would fill the store's buffer, and requests would be throttled for it. The timer is always
    there, so that the work goes on after a crash; it may come twice, which timers must bear anyway.
    """
    if tx.kernel.shard.waiting_bytes < BACKLOG_BYTES:
        tx.wake_at(tx.now_ms, kind, *subject, housekeeping=housekeeping)
        return
    kernel, due_ms = tx.kernel, tx.now_ms + _LATEST_MS
    tx.wake_at(due_ms, kind, *subject, housekeeping=housekeeping)
    tx.when_durable(lambda: _bring_forward(kernel, due_ms, kind, subject, housekeeping=housekeeping))


def _bring_forward(
    kernel: Kernel, due_ms: int, kind: str, subject: tuple[str | int, ...], *, housekeeping: bool
) -> None:
    def bring(tx: Tx) -> None:
        tx.cancel_wake(due_ms, kind, *subject, housekeeping=housekeeping)
        tx.wake_at(tx.now_ms, kind, *subject, housekeeping=housekeeping)

    try:
        kernel.transact(bring)
    except (Throttled, Unavailable):
        return  # the timer comes a little later
