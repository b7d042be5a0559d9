"""A set of byte keys that is read in order: short lists, so that an insertion moves little memory.

Keys are put in order when somebody reads: most rows of a commit come and go between two scans.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import chain

_CHUNK = 1024  # a chunk is split at twice this: about 1 µs for an insertion at 1 million keys


class SortedKeys:
    """Keys in order; finding, and removing what has been put in order, cost about a microsecond at any size."""

    __slots__ = ("_chunks", "_lasts", "_new")

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        """Start from some keys, in any order, each at most once."""
        self._new: set[bytes] = set()
        """Not in order yet."""
        self._fill(keys)

    def _fill(self, keys: Iterable[bytes]) -> None:
        ordered = sorted(keys)
        self._chunks = [ordered[i : i + _CHUNK] for i in range(0, len(ordered), _CHUNK)]
        self._lasts = [chunk[-1] for chunk in self._chunks]

    def add(self, key: bytes) -> None:
        """Add a key that is not yet in the set (the caller knows: it has the values)."""
        self._new.add(key)

    def _order(self) -> None:
        """Put the new keys in order: one by one, or all anew where that is quicker."""
        new, self._new = self._new, set()
        if len(new) > _CHUNK and len(new) * 4 > sum(map(len, self._chunks)):
            self._fill(chain(new, *self._chunks))
            return
        for key in sorted(new):
            self._insert(key)

    def _insert(self, key: bytes) -> None:
        chunks, lasts = self._chunks, self._lasts
        at = bisect_left(lasts, key)
        if at == len(lasts):
            if not lasts:
                chunks.append([key])
                lasts.append(key)
                return
            at -= 1
            chunks[at].append(key)
            lasts[at] = key
        else:
            insort(chunks[at], key)
        chunk = chunks[at]
        if len(chunk) > 2 * _CHUNK:
            chunks.insert(at + 1, chunk[_CHUNK:])
            del chunk[_CHUNK:]
            lasts.insert(at, chunk[-1])

    def discard(self, key: bytes) -> None:
        """Remove a key if it is there."""
        if key in self._new:
            self._new.remove(key)
            return
        at = bisect_left(self._lasts, key)
        if at == len(self._lasts):
            return
        chunk = self._chunks[at]
        index = bisect_left(chunk, key)
        if chunk[index] != key:
            return
        del chunk[index]
        if chunk:
            self._lasts[at] = chunk[-1]
        else:
            del self._chunks[at], self._lasts[at]

    def discard_all(self, keys: Iterable[bytes]) -> None:
        """Remove keys, each if it is there."""
        if self._new:
            keys = set(keys)
            new, self._new = self._new, self._new - keys
            keys -= new
        for key in keys:
            self.discard(key)

    def ascending(self, low: bytes, high: bytes) -> Iterator[bytes]:
        """The keys with `low <= key < high`, upwards. The set must not change meanwhile."""
        if self._new:
            self._order()
        at = bisect_left(self._lasts, low)
        index = bisect_left(self._chunks[at], low) if at < len(self._chunks) else 0
        while at < len(self._chunks):
            chunk = self._chunks[at]
            if self._lasts[at] < high:
                yield from chunk[index:] if index else chunk
            else:
                yield from chunk[index : bisect_left(chunk, high)]
                return
            at += 1
            index = 0

    def descending(self, low: bytes, high: bytes) -> Iterator[bytes]:
        """The keys with `low <= key < high`, downwards. The set must not change meanwhile."""
        if self._new:
            self._order()
        at = bisect_left(self._lasts, high)
        if at < len(self._chunks):
            yield from self._downwards(at, low, bisect_left(self._chunks[at], high))
        for earlier in range(at - 1, -1, -1):
            if self._lasts[earlier] < low:
                return
            yield from self._downwards(earlier, low, len(self._chunks[earlier]))

    def _downwards(self, at: int, low: bytes, stop: int) -> Iterator[bytes]:
        chunk = self._chunks[at]
        yield from reversed(chunk[bisect_left(chunk, low) : stop])

    def __len__(self) -> int:
        return sum(map(len, self._chunks)) + len(self._new)
