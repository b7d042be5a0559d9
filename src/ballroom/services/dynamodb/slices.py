"""Work on many rows, a slice at a time: short enough that requests come in between, whatever the rows' size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from ballroom.kernel import Record

if TYPE_CHECKING:
    from ballroom.kernel import Tx

SLICE_ROWS, SLICE_BYTES = 200, 1 << 20
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
