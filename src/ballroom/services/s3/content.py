"""Bytes on their way in and out: hashed, checked, kept as blobs or small bodies, read by range.

What is received is durable before its row is written. A content of at most 64 KB goes into the store, in
a row of its own, so that listing objects never reads it: one commit instead of three file syncs.

Source: S3 User Guide, "Checking object integrity".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ballroom.kernel import BlobRef, BytesStream, ByteStream, Kernel, Tx
from ballroom.services.s3.errors import BadDigest, IncompleteBody, InvalidDigest, InvalidRange
from ballroom.services.s3.resources import Body, Content

SMALL = 64 << 10
_CHUNK = 256 << 10
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
VERIFIED = ("ChecksumCRC32", "ChecksumSHA1", "ChecksumSHA256", "ChecksumSHA512", "ChecksumMD5")
KEPT = ("ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumXXHASH64", "ChecksumXXHASH3", "ChecksumXXHASH128")
"""Checksums that are kept and answered without being verified: no fast implementation is at hand."""
_HASHES = {"ChecksumSHA1": "sha1", "ChecksumSHA256": "sha256", "ChecksumSHA512": "sha512", "ChecksumMD5": "md5"}


class Received(msgspec.Struct):
    """A content that has come in whole: small bytes, or a blob that is held until a row links it."""

    size: int
    md5: str
    checksums: dict[str, str]
    data: bytes | None = None
    blob: BlobRef | None = None


async def receive(kernel: Kernel, request: dict[str, Any]) -> Received:
    """Take in a request's Body, verifying Content-MD5, length and checksums.

    Raises:
        BadDigest: it is not what a checksum says.
        IncompleteBody: it ended early.
    """
    body = request.get("Body", b"")
    stream: ByteStream = BytesStream(body) if isinstance(body, bytes) else body
    wanted_md5 = _wanted_md5(request.get("ContentMD5"))
    digests = Digests(request)
    first = bytearray()
    writer = None
    size = 0
    try:
        while chunk := await stream.read(_CHUNK):
            size += len(chunk)
            digests.update(chunk)
            if writer is None:
                first += chunk
                if len(first) > SMALL:
                    writer = kernel.blobs.writer()
                    await writer.write(bytes(first))
            else:
                await writer.write(chunk)
        announced = request.get("ContentLength")
        if announced is not None and size != announced:
            raise IncompleteBody()
        if wanted_md5 is not None and digests.md5.digest() != wanted_md5:
            raise BadDigest()
        checksums = digests.verified(request, stream.trailers())
        blob = await writer.finish() if writer is not None else None
    except BaseException:
        if writer is not None:
            writer.abort()
        raise
    data = bytes(first) if writer is None else None
    return Received(size, digests.md5.hexdigest(), checksums, data, blob)


class Digests:
    """The hashes that a request asks for, and MD5 for the entity tag."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        asked = request.get("ChecksumAlgorithm", "")
        self._wanted = {n for n in VERIFIED if n in request or n == f"Checksum{asked.upper()}"}
        self._crc32 = 0
        self._hashes = {n: hashlib.new(_HASHES[n], usedforsecurity=False) for n in _HASHES if n in self._wanted}
        self._any_trailer = not asked

    def update(self, chunk: bytes) -> None:
        """More of the content."""
        self.md5.update(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)
        for digest in self._hashes.values():
            digest.update(chunk)

    def verified(self, request: dict[str, Any], trailers: dict[str, str]) -> dict[str, str]:
        """The checksums to keep, once those that were sent are right."""
        sent = {name: request[name] for name in (*VERIFIED, *KEPT) if name in request}
        for name in (*VERIFIED, *KEPT):
            trailer = trailers.get("x-amz-checksum-" + name.removeprefix("Checksum").lower())
            if trailer is not None:
                sent[name] = trailer
        kept = {}
        for name, value in sent.items():
            computed = self._computed(name)
            if computed is not None and computed != value:
                what = name.removeprefix("Checksum")
                raise BadDigest(f"The {what} you specified did not match the calculated checksum.")
            kept[name] = value
        for name in self._wanted:
            computed = self._computed(name)
            if computed is not None:
                kept.setdefault(name, computed)
        return kept

    def _computed(self, name: str) -> str | None:
        if name == "ChecksumCRC32":
            return base64.b64encode(self._crc32.to_bytes(4, "big")).decode()
        digest = self._hashes.get(name)
        return None if digest is None else base64.b64encode(digest.digest()).decode()


def _wanted_md5(told: str | None) -> bytes | None:
    if told is None:
        return None
    try:
        wanted = base64.b64decode(told, validate=True)
    except binascii.Error as error:
        raise InvalidDigest() from error
    if len(wanted) != 16:
        raise InvalidDigest()
    return wanted


def store(tx: Tx, received: Received) -> Content:
    """Keeps a received content in this transaction."""
    if received.blob is not None:
        tx.link_blob(received.blob)
        return Content(received.size, pieces=[received.blob])
    body_id = tx.ids.hex(32)
    tx.put(("s3", "body", body_id), Body(received.data or b""))
    return Content(received.size, body_id=body_id)


def copied(tx: Tx, content: Content) -> Content:
    """The same bytes for another row: blobs are shared, a small body is copied."""
    for piece in content.pieces:
        tx.link_blob(piece)
    if not content.body_id:
        return content
    body = tx.get(Body, ("s3", "body", content.body_id))
    assert body is not None, "a small body goes only with its row"
    body_id = tx.ids.hex(32)
    tx.put(("s3", "body", body_id), body)
    return Content(content.size, body_id=body_id)


def discard(tx: Tx, content: Content) -> None:
    """No row refers to the content any more."""
    for piece in content.pieces:
        tx.unlink_blob(piece)
    if content.body_id:
        tx.delete(("s3", "body", content.body_id))


def small_body(tx: Tx, content: Content) -> bytes | None:
    """The bytes of a small content; None for one in pieces."""
    if not content.body_id:
        return b"" if not content.pieces else None
    body = tx.get(Body, ("s3", "body", content.body_id))
    return body.data if body is not None else b""


async def read_pieces(kernel: Kernel, content: Content, start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes of a content in pieces, from `start` up to `stop`."""
    offset = 0
    for piece in content.pieces:
        low, high = max(start - offset, 0), min(stop - offset, piece.size)
        offset += piece.size
        if low < high:
            async for chunk in kernel.blobs.stream(piece, low, high):
                yield chunk


def range_of(text: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last that a Range header asks for; None for all of it.

    A form that S3 does not know is ignored, as HTTP demands.
    """
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        if length == 0:
            raise InvalidRange(ActualObjectSize=str(size), RangeRequested=text)
        return size - length, size
    first = int(match[1])
    if match[2] and int(match[2]) < first:
        return None
    if first >= size:
        raise InvalidRange(ActualObjectSize=str(size), RangeRequested=text)
    return first, min(int(match[2]) + 1, size) if match[2] else size
