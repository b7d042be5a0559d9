"""Caches of what texts compile to, bounded by how much text they hold.

A definition may have a mebibyte and an expression a quarter of one: a bound on their number would be none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class TextCache(Generic[T]):
    """What `make(text)` gave, for the texts used last; together they have at most `most` characters.

    `make`'s errors are not kept. `key` tells apart what else the result depends on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._made: OrderedDict[tuple[str, Hashable], T] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str, make: Callable[[], T], key: Hashable = None) -> T:
        """What the text was made to, made now if need be."""
        found = self._made.get((text, key))
        if found is not None:
            return found
        made = make()
        if len(text) * 2 > self._most:
            return made
        with self._lock:
            if (text, key) not in self._made:
                self._made[(text, key)] = made
                self._held += len(text)
            while self._held > self._most:
                (old, _), _ = self._made.popitem(last=False)
                self._held -= len(old)
        return made

    def __len__(self) -> int:
        return len(self._made)
