"""Lines of files, and the items that they state: DynamoDB JSON and CSV.

Source: DynamoDB Developer Guide, "Amazon S3 import formats for DynamoDB".
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson

LONGEST_LINE = 2 << 20
"""An item of 400 KB, however it is escaped."""
_STEP = 1 << 20
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch


class BadLine(Exception):
    """A line states no item; the text says why."""


class BadFile(Exception):
    """A file cannot be read."""


Reader = Callable[[str], dict[str, Any] | None]
"""Makes an item of a line; None: the line is none, such as a header."""


class Lines:
    """Takes a file as it comes, gives its lines; what is larger than a line is not kept."""

    def __init__(self, *, packed: bool) -> None:
        self._packed = packed
        self._unpacker = zlib.decompressobj(31) if packed else None
        self._rest = bytearray()
        self._skips = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that end in the next bytes, without their ends.

        Raises:
            BadFile: it is not packed as it should be.
        """
        for part in self._unpacked(data):
            yield from self._split(part)

    def end(self) -> Iterator[str]:
        """The last line, if it has no end.

        Raises:
            BadFile: the file breaks off.
        """
        if self._unpacker is not None and not self._unpacker.eof:
            raise BadFile("The file is not a complete GZIP file")
        if self._rest or self._skips:
            yield self._text(bytes(self._rest))

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        if self._unpacker is None:
            yield data
            return
        part = b""
        while data or len(part) == _STEP:
            if self._unpacker.eof:  # files that were packed apart and put together
                self._unpacker = zlib.decompressobj(31)
            try:
                part = self._unpacker.decompress(data, _STEP)
            except zlib.error:
                raise BadFile("The file is not a GZIP file") from None
            yield part
            data = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail

    def _split(self, part: bytes) -> Iterator[str]:
        at = 0
        while (stop := part.find(b"\n", at)) >= 0:
            self._keep(part[at:stop])
            line, self._rest = bytes(self._rest), bytearray()
            yield self._text(line)
            self._skips = False
            at = stop + 1
        self._keep(part[at:])

    def _keep(self, part: bytes) -> None:
        if len(self._rest) + len(part) > LONGEST_LINE:
            self._skips = True
            self._rest.clear()
        elif not self._skips:
            self._rest += part

    def _text(self, line: bytes) -> str:
        """A line; one that is too long, or is not UTF-8, is a text that states no item."""
        if self._skips:
            return "\0"
        return line.removesuffix(b"\r").decode("utf-8", "replace")


def json_item(line: str) -> dict[str, Any] | None:
    """The item of a line `{"Item": {...}}`, as a request would bring it.

    Raises:
        BadLine: it states none.
    """
    if not line.strip():
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadLine("The line is not valid JSON") from None
    item = found.get("Item") if isinstance(found, dict) else None
    if not isinstance(item, dict):
        raise BadLine("The line has no Item")
    for value in item.values():
        _check(value, 0)
    return item


def _check(value: Any, depth: int) -> None:
    """Raise unless it has the form of an attribute value; its rules are checked where it is written."""
    if not isinstance(value, dict) or len(value) != 1 or depth > 40:
        raise BadLine("An attribute has no value of exactly one type")
    ((kind, inner),) = value.items()
    if kind == "M" and isinstance(inner, dict):
        for one in inner.values():
            _check(one, depth + 1)
    elif kind == "L" and isinstance(inner, list):
        for one in inner:
            _check(one, depth + 1)
    elif kind in _SCALARS and isinstance(inner, _SCALARS[kind]):
        if kind == "B" and not _BASE64(str(inner)):
            raise BadLine("A binary value is not valid base64")
    elif kind in ("SS", "NS", "BS") and isinstance(inner, list):
        for one in inner:
            _check({kind[0]: one}, depth)
    else:
        raise BadLine(f"An attribute has no valid value of type {kind}")


_SCALARS: dict[str, type] = {"S": str, "N": str, "B": str, "BOOL": bool, "NULL": bool}


class Csv:
    """Makes items of the lines of one CSV file: keys have their types, everything else is a string."""

    def __init__(self, delimiter: str, header: list[str] | None, types: dict[str, str]) -> None:
        self._delimiter, self._types = delimiter, types
        self.header = header
        """None until the first line has been seen."""

    def __call__(self, line: str) -> dict[str, Any] | None:
        """See `Reader`."""
        if not line.strip():
            return None
        try:
            rows = list(csv.reader([line], delimiter=self._delimiter, strict=True))
        except csv.Error:
            raise BadLine("The line is not valid CSV") from None
        (values,) = rows
        if self.header is None:
            self.header = [name.removeprefix("\ufeff") for name in values]
            if len(set(self.header)) != len(self.header) or not all(self.header):
                raise BadFile("The header names a column twice, or not at all")
            return None
        if len(values) != len(self.header):
            raise BadLine(f"The line has {len(values)} columns, and the header {len(self.header)}")
        item = {}
        for name, text in zip(self.header, values, strict=True):
            kind = self._types.get(name, "S")
            if kind == "B" and not _BASE64(text):
                raise BadLine("A binary value is not valid base64")
            item[name] = {kind: text}
        return item
