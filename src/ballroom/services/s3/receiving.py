"""Bodies on their way in: hashed, checked against what the sender said, and durable before any row is.

A small body is checked where it stands and goes into the store with its row. A large one is hashed and written
to a draft in threads, while it comes. Nothing is named, and so nothing visible, before all of it has come and
was right.

A blob's name is made of what is computed anyway (MD5 for the entity tag, CRC64NVME, the size): SHA-256
would cost a third of the CPU time of storing 8 MB. Blobs compare the bytes where a name is taken.

Source: S3 User Guide, "Checking object integrity for data uploads".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from ballroom.kernel import BlobRef, BytesStream, ByteStream, EngineError, Kernel, Unavailable, in_thread
from ballroom.services.s3 import checksums
from ballroom.services.s3.checksum_request import Announced, verified
from ballroom.services.s3.errors import BadDigest, IncompleteBody, RequestTimeout, Sha256Mismatch
from ballroom.services.s3.resources import Checksum

SMALL = 64 << 10
"""Contents up to this size live in the store: one commit instead of three file syncs."""


class Received(msgspec.Struct):
    """A content that has come in whole: small bytes, or a blob that is held until a row links it."""

    size: int
    md5: str
    checksum: Checksum
    crc64: str
    """CRC64NVME, base64: what an object of parts needs where no checksum was asked for."""
    data: bytes | None = None
    blob: BlobRef | None = None


@contextmanager
def given_up_unless_kept(kernel: Kernel, received: Received) -> Iterator[None]:
    """Around what makes a received content somebody's: if it fails, the blob is held no longer."""
    try:
        yield
    except BaseException:
        if received.blob is not None:
            kernel.blobs.release(received.blob)
        raise


def as_stream(request: dict[str, Any]) -> ByteStream:
    """The request's body; calls from within bring bytes."""
    body = request.get("Body", b"")
    return BytesStream(body) if isinstance(body, bytes) else body


def receive_whole(data: bytes, stream: ByteStream, request: dict[str, Any], announced: Announced) -> Received:
    """Check a body that is at hand.

    Raises:
        ServiceError: it is not what a length or checksum says.
    """
    _check_length(len(data), request)
    md5 = hashlib.md5(data, usedforsecurity=False)
    crc64 = checksums.crc64(data)
    _check_md5(md5.digest(), announced)
    algorithm = announced.algorithm
    if algorithm == "CRC64NVME":
        value = crc64
    else:
        hashed = checksums.new(algorithm)
        hashed.update(data)
        value = checksums.encode(hashed.digest())
    checksum = verified(announced, value, stream.trailers())
    return Received(len(data), md5.hexdigest(), checksum, crc64, data)


async def receive(
    kernel: Kernel, stream: ByteStream, request: dict[str, Any], announced: Announced
) -> Received:
    """Take in a body of any size.

    Raises:
        ServiceError: it is not what a length or checksum says, or ended early.
    """
    intake = _Intake(kernel, announced, stream.take_sha256())
    received: Received | None = None
    try:
        await stream.drain(intake.take)
        received = await in_thread(intake.finish, request, stream.trailers())
        return received
    except ConnectionError as gone:
        raise RequestTimeout from gone
    except EngineError as error:
        raise Unavailable(f"The object could not be stored: {error}") from error
    finally:
        if received is None:
            intake.give_up()


class _Intake:
    """One large body being hashed and written, in whichever thread is free."""

    def __init__(self, kernel: Kernel, announced: Announced, sha256: str) -> None:
        self._blobs = kernel.blobs
        self._draft = kernel.blobs.draft()
        self._kept: BlobRef | None = None
        self._announced, self._sha256 = announced, sha256
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc64 = checksums.new("CRC64NVME")
        self._hashes: dict[str, checksums.Hash] = {"MD5": self._md5, "CRC64NVME": self._crc64}
        for name in (announced.algorithm, "SHA256" if sha256 else announced.algorithm):
            if name not in self._hashes:
                self._hashes[name] = checksums.new(name)

    def take(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Hash and write the next pieces."""
        self._size += sum(map(len, pieces))
        for digest in self._hashes.values():
            for piece in pieces:
                digest.update(piece)
        self._draft.append(pieces)

    def finish(self, request: dict[str, Any], trailers: dict[str, str]) -> Received:
        """All has come: it is checked, and kept."""
        _check_length(self._size, request)
        if self._sha256 and (computed := self._hashes["SHA256"].digest().hex()) != self._sha256:
            raise Sha256Mismatch(ClientComputedContentSHA256=self._sha256, S3ComputedContentSHA256=computed)
        _check_md5(self._md5.digest(), self._announced)
        checksum = verified(
            self._announced, checksums.encode(self._hashes[self._announced.algorithm].digest()), trailers
        )
        md5, crc64 = self._md5.hexdigest(), self._crc64.digest()
        self._kept = self._draft.keep(f"{md5}{crc64.hex()}{self._size:016x}")
        return Received(self._size, md5, checksum, checksums.encode(crc64), blob=self._kept)

    def give_up(self) -> None:
        """Nobody wants it: what was wrong, or broke off, or came too late."""
        if self._kept is None:
            self._draft.drop()
        else:
            self._blobs.release(self._kept)


def _check_length(size: int, request: dict[str, Any]) -> None:
    announced = request.get("ContentLength")
    if announced is not None and size != announced:
        raise IncompleteBody(NumberBytesExpected=str(announced), NumberBytesProvided=str(size))


def _check_md5(computed: bytes, announced: Announced) -> None:
    wanted = announced.md5
    if wanted is not None and wanted != computed:
        raise BadDigest(
            # in answers to PutObject the one is in hexadecimal digits, the other in base64
            ExpectedDigest=checksums.encode(wanted) if announced.is_part else wanted.hex(),
            CalculatedDigest=checksums.encode(computed),
        )
