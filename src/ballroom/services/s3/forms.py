"""`multipart/form-data` read while it comes: small fields first, then one file of any size.

Source: RFC 7578; S3 API Reference, "POST Object" (fields behind the file are ignored; 20 KB before it).
"""

from __future__ import annotations

import re

from ballroom.kernel import ByteStream
from ballroom.services.s3.errors import S3Error, named

MOST_BYTES = 20 << 10
"""Of all fields before the file."""
_READ = 256 << 10
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,]{1,70}))', re.IGNORECASE)
_PARAMETER = re.compile(rb'([A-Za-z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\r\n]*))')


def malformed() -> S3Error:
    """The body is no form."""
    return named(
        "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."
    )


class Form:
    """A form on its way in. `read_fields` first; then `file` is the stream of the file's bytes."""

    def __init__(self, stream: ByteStream, content_type: str) -> None:
        found = _BOUNDARY.search(content_type)
        if found is None:
            raise malformed()
        self._stream = stream
        self._delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
        self._buffer = b""
        self._ended = False
        self.fields: dict[str, str] = {}
        """By their names in lower case."""
        self.filename: str | None = None
        """None: the file came as a field of its own, without a name."""
        self.file: FilePart | None = None

    async def read_fields(self) -> None:
        """Read up to the file, or to the end if there is none.

        Raises:
            S3Error: MalformedPOSTRequest, or more than 20 KB of fields.
        """
        if not await self._skip_to(self._delimiter):
            raise malformed()
        used = 0
        while await self._begins_part():
            head = await self._until(b"\r\n\r\n", MOST_BYTES)
            name, filename = _disposition(head)
            if name == "file":
                self.filename = filename
                self.file = FilePart(self)
                return
            value = await self._until(b"\r\n" + self._delimiter, MOST_BYTES)
            used += len(value)
            if used > MOST_BYTES:
                raise _too_long()
            self.fields[name] = value.decode("utf-8", "replace")

    async def _begins_part(self) -> bool:
        """Behind a delimiter: a line end and a part, or two dashes and the end."""
        while len(self._buffer) < 2 and await self._more():
            pass
        mark, self._buffer = self._buffer[:2], self._buffer[2:]
        if mark == b"\r\n":
            return True
        if mark == b"--":
            return False
        raise malformed()

    async def _skip_to(self, mark: bytes) -> bool:
        seen = 0
        while (at := self._buffer.find(mark)) < 0:
            seen += len(self._buffer)
            self._buffer = self._buffer[-len(mark) :]
            if seen > MOST_BYTES or not await self._more():
                return False
        self._buffer = self._buffer[at + len(mark) :]
        return True

    async def _until(self, mark: bytes, limit: int) -> bytes:
        """What stands before `mark`, which is taken away too."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            if len(self._buffer) > limit + len(mark):
                raise _too_long()
            start = max(len(self._buffer) - len(mark), 0)
            if not await self._more():
                raise malformed()
        if at > limit:
            raise _too_long()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    async def _more(self) -> bool:
        piece = b"" if self._ended else await self._stream.read(_READ)
        self._ended = not piece
        self._buffer += piece
        return bool(piece)

    async def read_file(self, limit: int) -> bytes:
        """Up to `limit` bytes of the file; empty at its end."""
        mark = b"\r\n" + self._delimiter
        while True:
            at = self._buffer.find(mark)
            if at == 0:
                return b""
            # what might be the beginning of the mark stays
            ready = at if at > 0 else len(self._buffer) - len(mark) + 1
            if ready > 0:
                taken = min(ready, limit)
                piece, self._buffer = self._buffer[:taken], self._buffer[taken:]
                return piece
            if not await self._more():
                raise malformed()

    async def drain(self) -> None:
        """Read what comes behind the file, and forget it."""
        self._buffer = b""
        while not self._ended:
            await self._more()
            self._buffer = b""


class FilePart(ByteStream):
    """The file's bytes; `size` counts those that were read."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.size = 0
        self.most: int | None = None
        """Beyond this many bytes nothing is handed on, only counted."""
        self._ahead = b""

    async def whole_if_small(self, limit: int) -> bytes | None:
        """All of the file, if it has at most `limit` bytes; else None, and `read` begins at its beginning."""
        pieces: list[bytes] = []
        gathered = 0
        while gathered <= limit:
            piece = await self.read()
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            gathered += len(piece)
        self._ahead = b"".join(pieces)
        return None

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes; empty at the end."""
        if self._ahead:
            piece, self._ahead = self._ahead[:limit], self._ahead[limit:]
            return piece
        while piece := await self._form.read_file(limit):
            self.size += len(piece)
            if self.most is None or self.size <= self.most:
                return piece
        return b""


def _disposition(head: bytes) -> tuple[str, str | None]:
    """The names of a part and its file, from its headers."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() != b"content-disposition":
            continue
        found = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(value)}
        if b"name" not in found:
            break
        filename = found.get(b"filename")
        return _text(found[b"name"]).lower(), None if filename is None else _text(filename)
    raise malformed()


def _text(raw: bytes) -> str:
    return raw.replace(b'\\"', b'"').replace(b"%22", b'"').decode("utf-8", "replace")


def _too_long() -> S3Error:
    return named(
        "MaxPostPreDataLengthExceeded",
        "Your POST request fields preceding the upload file was too large.",
    )
