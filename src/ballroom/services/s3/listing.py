"""Reading keys in order: cursors that skip what is rolled up, so that a page costs what it shows.

A cursor reads rows in batches. At a common prefix it jumps behind all keys that begin with it: a page of
1,000 prefixes is 1,000 short scans where each holds many keys, and a few long ones where each holds a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from ballroom.kernel import Tx
from ballroom.kernel.keys import pack
from ballroom.services.s3.resources import Bucket, ObjectVersion, Upload

_LARGEST_BATCH = 256
_DENSE = 4
"""A batch of which a fourth of the rows is used was worth reading: reading a row costs a tenth of a scan."""
_LONGEST_WAIT = 64
_END = b"\xff"
"""Behind packed text without its end, it sorts behind every text that begins so: UTF-8 has no such byte."""

R = TypeVar("R", ObjectVersion, Upload)


class Cursor(Generic[R]):
    """The rows of one table of a bucket whose keys begin with a prefix, from `low` on."""

    def __init__(self, tx: Tx, kind: type[R], table: str, bucket: Bucket, prefix: str, *low: str | int) -> None:
        self._tx = tx
        self._kind: type[R] = kind
        self._root = pack(("s3", table, bucket.id))
        self._high = self._behind(prefix)
        self._low = self._root + pack(low or (prefix,))
        self._rows: list[tuple[bytes, R]] = []
        self._at = 0
        self._used = 0
        """How many rows of the batch stood for themselves or for a prefix."""
        self._batch = _LARGEST_BATCH
        self._patience = 1
        self._wait = 0
        """How many single rows to read before trying more at once again."""
        self._exhausted = False

    def _behind(self, prefix: str) -> bytes:
        """Where the keys that begin with `prefix` end."""
        return self._root + pack((prefix,))[:-1] + _END

    def peek(self) -> R | None:
        """The next row; None at the end."""
        if self._at < len(self._rows):
            return self._rows[self._at][1]
        if self._exhausted:
            return None
        if self._rows:
            self._size_batch()
        rows = self._tx.scan_items_packed(self._kind, self._low, self._high, limit=self._batch)
        self._exhausted = len(rows) < self._batch
        self._rows, self._at, self._used = rows, 0, 0
        if not rows:
            return None
        self._low = rows[-1][0] + b"\0"  # the first key behind it
        return rows[0][1]

    def _size_batch(self) -> None:
        """Read more at once while most of it is used, else row by row; try again less and less often."""
        if self._used * _DENSE < len(self._rows):
            self._batch = 1
            self._wait = self._patience = min(self._patience * 2, _LONGEST_WAIT)
        elif self._wait:
            self._wait -= 1
        else:
            self._batch = min(self._batch * 4, _LARGEST_BATCH)

    def advance(self) -> None:
        """Go on to the next row."""
        self._at += 1
        self._used += 1

    def seek_behind(self, prefix: str) -> None:
        """Go on behind all keys that begin with `prefix`."""
        rows, at = self._rows, self._at
        while at < len(rows) and rows[at][1].key.startswith(prefix):
            at += 1
        if at > self._at:
            self._at = at
            self._used += 1
        if at == len(rows) and not self._exhausted:
            self._low = max(self._low, self._behind(prefix))


def rolled_up(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that stands for a key in a list; None: the key stands for itself."""
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


class Line(NamedTuple):
    """One line of a list: a version or upload, or a prefix that stands for many."""

    name: str
    version: ObjectVersion | None = None
    latest: bool = True
    upload: Upload | None = None


def objects(tx: Tx, bucket: Bucket, prefix: str, delimiter: str, after: str) -> Iterator[Line]:
    """Current objects and rolled-up prefixes behind `after`."""
    low = max(prefix, after)
    cursor = Cursor(tx, ObjectVersion, "object", bucket, prefix, low)
    while (version := cursor.peek()) is not None:
        if version.key <= after:
            cursor.advance()
            continue
        name = rolled_up(version.key, prefix, delimiter)
        if name is None:
            yield Line(version.key, version)
            cursor.advance()
            continue
        if not after.startswith(name):
            yield Line(name)
        cursor.seek_behind(name)


def versions(
    tx: Tx, bucket: Bucket, prefix: str, delimiter: str, key_marker: str, after_sequence: int | None
) -> Iterator[Line]:
    """Versions and delete markers by key, newest first, behind a key or behind one version of it.

    `after_sequence`: the sequence of the version of `key_marker` to go on behind; None: behind all of them.
    """
    low = max(prefix, key_marker)
    current = Cursor(tx, ObjectVersion, "object", bucket, prefix, low)
    if after_sequence is not None and key_marker >= prefix:
        # sequences are stored negated: newer ones come first
        older = Cursor(tx, ObjectVersion, "older", bucket, prefix, key_marker, -after_sequence + 1)
    else:
        older = Cursor(tx, ObjectVersion, "older", bucket, prefix, low)
    seen = key_marker if after_sequence is not None else ""
    while True:
        first, second = current.peek(), older.peek()
        if first is None and second is None:
            return
        is_current = first is not None and (second is None or first.key <= second.key)
        version = first if is_current else second
        assert version is not None
        cursor = current if is_current else older
        done = version.key < key_marker or (
            version.key == key_marker and (is_current or after_sequence is None)
        )
        if done:
            cursor.advance()
            continue
        name = rolled_up(version.key, prefix, delimiter)
        if name is not None:
            if not key_marker.startswith(name):
                yield Line(name)
            current.seek_behind(name)
            older.seek_behind(name)
            continue
        yield Line(version.key, version, version.key != seen)
        seen = version.key
        cursor.advance()


def uploads(
    tx: Tx, bucket: Bucket, prefix: str, delimiter: str, key_marker: str, id_marker: str
) -> Iterator[Line]:
    """Multipart uploads by key and age, behind a key or behind one upload for it."""
    low = max(prefix, key_marker)
    cursor = Cursor(tx, Upload, "upload", bucket, prefix, low)
    while (upload := cursor.peek()) is not None:
        if upload.key < key_marker or (upload.key == key_marker and (not id_marker or upload.id <= id_marker)):
            cursor.advance()
            continue
        name = rolled_up(upload.key, prefix, delimiter)
        if name is None:
            yield Line(upload.key, upload=upload)
            cursor.advance()
            continue
        if not key_marker.startswith(name):
            yield Line(name)
        cursor.seek_behind(name)


def page(lines: Iterator[Line], limit: int) -> tuple[list[Line], bool]:
    """Up to `limit` lines, and whether there are more."""
    shown: list[Line] = []
    if limit == 0:
        return shown, False
    for line in lines:
        if len(shown) == limit:
            return shown, True
        shown.append(line)
    return shown, False
