"""The items of an object, piece by piece as its bytes come: JSON, JSON lines, CSV, packed with gzip or not.

Pure. Nothing but a JSON document is held whole.

Source: Developer Guide, "ItemReader (Map)".
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import orjson

MOST_BYTES = 64 << 20
"""What a JSON document may have here: it is parsed in memory."""
MOST_LINE = 1 << 20
"""What a line, or a row with line breaks in quotes, may have: more than any item may."""
MOST_HEADER = 10 << 10
_UNPACKED_AT_ONCE = 1 << 18
csv.field_size_limit(MOST_LINE)
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


class ReaderFailed(Exception):
    """The items cannot be read; the text is the cause."""


class Format(Protocol):
    """Reads the items of one object. Both raise ReaderFailed."""

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The items that a further piece completes."""

    def end(self) -> Iterator[Any]:
        """The items that the end completes."""


def format_of(config: dict[str, Any]) -> Format:
    """Reads what a ReaderConfig says.

    Raises:
        ReaderFailed: Ballroom does not read that.
    """
    kind = config.get("InputType", "JSON")
    if kind == "JSON":
        return Document(config.get("ItemsPointer"))
    if kind == "JSONL":
        return JsonLines()
    if kind == "CSV":
        return Table(config)
    raise ReaderFailed(f"Ballroom does not read items of the type {kind}.")


class Unpacked:
    """Bytes, unpacked if they begin as gzip does."""

    def __init__(self) -> None:
        self._begun = False
        self._packed: Any = None
        self._head = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What a further piece holds.

        Raises:
            ReaderFailed: it is no gzip after all.
        """
        if not self._begun:
            self._head += piece
            if len(self._head) < 2:
                return
            self._begun, piece = True, self._head
            if piece[:2] == b"\x1f\x8b":
                self._packed = zlib.decompressobj(31)
        if self._packed is None:
            yield piece
            return
        try:
            yield from self._unpack(piece)
        except zlib.error as wrong:
            raise ReaderFailed(f"The object cannot be unpacked: {wrong}") from wrong

    def _unpack(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            yield self._packed.decompress(piece, _UNPACKED_AT_ONCE)
            piece = self._packed.unconsumed_tail
            if self._packed.eof:  # another member may follow
                piece = self._packed.unused_data
                self._packed = zlib.decompressobj(31)

    def end(self) -> bytes:
        """What was too short to tell."""
        return b"" if self._begun else self._head


class _Lines:
    """Bytes cut into lines, their ends included."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MOST_LINE:
            raise ReaderFailed(f"The object has a line of more than {MOST_LINE} bytes.")
        return [line + b"\n" for line in lines]

    def end(self) -> list[bytes]:
        return [self._rest] if self._rest else []


class Document:
    """A JSON document: an array, or what an ItemsPointer refers to in it."""

    def __init__(self, pointer: str | None) -> None:
        self._pointer = pointer
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Nothing yet."""
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > MOST_BYTES:
            raise ReaderFailed(f"The JSON document is larger than {MOST_BYTES} bytes.")
        return iter(())

    def end(self) -> Iterator[Any]:
        """All of its items; blocks for as long as parsing it takes."""
        content = b"".join(self._parts)
        self._parts = []
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError as wrong:
            raise ReaderFailed(f"The object is no JSON: {wrong}") from wrong
        return iter(_items_of(_pointed(value, self._pointer)))


def _pointed(value: Any, pointer: str | None) -> Any:
    """RFC 6901."""
    for part in (pointer or "").split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise ReaderFailed(f"The ItemsPointer '{pointer}' does not refer to anything.")
    return value


def _items_of(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ReaderFailed("Attempting to map over non-iterable node.")


class JsonLines:
    """A JSON value a line; empty lines are none."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The items of complete lines."""
        return self._parsed(self._lines.feed(piece))

    def end(self) -> Iterator[Any]:
        """The item of a last line without an end."""
        return self._parsed(self._lines.end())

    def _parsed(self, lines: list[bytes]) -> Iterator[Any]:
        for line in lines:
            self._number += 1
            if line.strip():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as wrong:
                    raise ReaderFailed(f"Line {self._number} is no JSON: {wrong}") from wrong


class Table:
    """CSV: an object of strings a row, its columns named by the first row or by the definition.

    Columns beyond the headers are left out, missing ones are empty.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._delimiter = _DELIMITERS[config.get("CSVDelimiter", "COMMA")]
        given = config.get("CSVHeaderLocation", "FIRST_ROW") == "GIVEN"
        self._headers: list[str] | None = list(config.get("CSVHeaders") or []) if given else None
        self._lines = _Lines()
        self._open: list[str] = []
        """The lines of a row that is not complete, ..."""
        self._size = 0
        """... and their length."""
        self._first = True

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The items of complete rows."""
        return self._parsed(self._rows(self._lines.feed(piece)))

    def end(self) -> Iterator[Any]:
        """The item of a last row without an end."""
        rows = self._rows(self._lines.end())
        return self._parsed([*rows, "".join(self._open)] if self._open else rows)

    def _rows(self, lines: list[bytes]) -> list[str]:
        """Rows as text: lines, joined where a quoted field goes on in the next."""
        rows = []
        for line in lines:
            try:
                text = line.decode()
            except UnicodeDecodeError as wrong:
                raise ReaderFailed(f"The object is not UTF-8 text: {wrong}") from wrong
            if self._first:
                self._first, text = False, text.removeprefix("\ufeff")
            goes_on = self._goes_on(text)
            if goes_on or self._open:
                self._open.append(text)
                self._size += len(text)
                if self._size > MOST_LINE:
                    raise ReaderFailed(f"The object has a row of more than {MOST_LINE} characters.")
            if goes_on:
                continue
            rows.append("".join(self._open) if self._open else text)
            self._open, self._size = [], 0
        return rows

    def _goes_on(self, line: str) -> bool:
        """Whether a quoted field is open where the line ends."""
        if '"' not in line:
            return bool(self._open)
        begun = '"' + line if self._open else line
        try:
            list(csv.reader([begun], delimiter=self._delimiter, strict=True))
        except csv.Error as wrong:
            return "unexpected end of data" in str(wrong)
        return False

    def _parsed(self, rows: list[str]) -> Iterator[Any]:
        try:
            for row in csv.reader(rows, delimiter=self._delimiter):
                if not row:
                    continue
                if self._headers is None:
                    self._headers = row
                    if sum(map(len, row)) > MOST_HEADER:
                        raise ReaderFailed(f"The header is larger than {MOST_HEADER} bytes.")
                    continue
                padded = row + [""] * (len(self._headers) - len(row))
                yield dict(sorted(zip(self._headers, padded, strict=False)))
        except csv.Error as wrong:
            raise ReaderFailed(f"The object is no CSV: {wrong}") from wrong
