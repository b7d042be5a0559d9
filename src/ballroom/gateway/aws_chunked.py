"""Bodies in AWS's own chunks (`aws-chunked`): framing, a signature for each chunk, trailing checksums.

Source: Amazon S3 API Reference, "Signature calculations for the authorization header: transferring a
payload in multiple chunks", and "... including trailing headers".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from hmac import compare_digest

from ballroom.gateway.sigv4 import EMPTY_SHA256, Scope, Signer
from ballroom.kernel.errors import ServiceError
from ballroom.kernel.http import ByteStream, Sink
from ballroom.kernel.turns import in_thread

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = frozenset({SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER})

_LONGEST_LINE = 4096
_SMALLEST_CHUNK = 8192
_MOST_TRAILERS = 64
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_SIZE, _DATA, _AFTER_DATA, _TRAILERS, _DONE = range(5)
_ENDLESS = 10**18
"""Longer than anything is, and still a number to all."""
_NOT_THE_LENGTH = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class IncompleteBody(ServiceError):
    """Fewer or more bytes than announced."""

    shape = "IncompleteBody"
    text = "The request body terminated unexpectedly"
    status = 400


class InvalidChunkSize(ServiceError):
    """Only the last chunk may be tiny."""

    shape = "InvalidChunkSizeError"
    text = "Only the last chunk is allowed to have a size less than 8192 bytes"
    status = 400


class MissingContentLength(ServiceError):
    """S3 is told how long a body is before it comes."""

    shape = "MissingContentLength"
    text = "You must provide the Content-Length HTTP header."
    status = 411


class UnknownLength(ServiceError):
    """Nor does S3 take HTTP's own chunks, save around those of AWS."""

    shape = "NotImplemented"
    text = "A header you provided implies functionality that is not implemented"
    status = 501


class BrokenChunk(ServiceError):
    """The chunks are not framed as they must be."""

    shape = "InvalidRequest"
    text = "The body is not framed as aws-chunked."
    status = 400


class ChunkSignatureMismatch(ServiceError):
    """A chunk's signature is not the one calculated for it."""

    shape = "SignatureDoesNotMatch"
    text = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    status = 403


def decoded_length(headers: Mapping[str, str]) -> int | None:
    """How long a body is without its chunks, as its sender says; None: nothing that is a number."""
    told = headers.get("x-amz-decoded-content-length", "")
    if not (told.isascii() and told.isdigit()):
        return None
    return int(told) if len(told) < len(str(_ENDLESS)) else _ENDLESS


def check_length(headers: Mapping[str, str]) -> None:
    """Refuses a body for S3 of which nobody says how long it is.

    Raises:
        MissingContentLength, UnknownLength.
    """
    if headers.get("x-amz-content-sha256") in KINDS:
        if decoded_length(headers) is None:
            raise MissingContentLength
    elif "content-length" not in headers:
        if "transfer-encoding" in headers:
            raise UnknownLength(Header="Transfer-Encoding")
        raise MissingContentLength


class ChunkSigner:
    """Checks the chain of chunk signatures that begins with the request's own."""

    def __init__(self, signer: Signer, timestamp: str, scope: Scope, seed: str) -> None:
        self._sign = signer.sign
        self._head = f"{timestamp}\n{scope.text}\n"
        self._previous = seed

    def check_chunk(self, data_sha256: str, signature: str) -> None:
        """Raises ChunkSignatureMismatch."""
        self._check(
            f"AWS4-HMAC-SHA256-PAYLOAD\n{self._head}{self._previous}\n{EMPTY_SHA256}\n{data_sha256}", signature
        )

    def check_trailer(self, trailers: bytes, signature: str) -> None:
        """Raises ChunkSignatureMismatch."""
        hashed = hashlib.sha256(trailers).hexdigest()
        self._check(f"AWS4-HMAC-SHA256-TRAILER\n{self._head}{self._previous}\n{hashed}", signature)

    def _check(self, to_sign: str, signature: str) -> None:
        expected = self._sign(to_sign)
        if not compare_digest(expected, signature):
            raise ChunkSignatureMismatch
        self._previous = expected


class ChunkDecoder:
    """Takes the framing off, piece by piece; no chunk is held as a whole.

    What a chunk's signature covers is handed out before the signature is checked: a reader must not
    rely on anything until the end has been reached.
    """

    def __init__(self, kind: str, signer: ChunkSigner | None, decoded_length: int | None) -> None:
        self._signed = kind != UNSIGNED_TRAILER
        self._signer = signer
        self._trailer_signed = kind == SIGNED_TRAILER
        self._expected = decoded_length
        self._total = 0
        self._state = _SIZE
        self._held = b""
        self._left = 0
        self._size = _SMALLEST_CHUNK
        """Of the chunk before; nothing stands before the first."""
        self._signature = ""
        self._hash = hashlib.sha256()
        self._trailer_lines: list[bytes] = []
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """The payload in the next bytes of the body.

        Raises:
            ServiceError: the framing or a signature is wrong.
        """
        return b"".join(self.pieces(memoryview(data)))

    def pieces(self, data: memoryview) -> list[memoryview]:
        """The same where it stands, without a copy.

        Raises:
            ServiceError: the framing or a signature is wrong.
        """
        found = []
        at = 0
        while at < len(data) and self._state != _DONE:
            if self._state == _DATA:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                self._total += len(piece)
                if self._signer is not None:
                    self._hash.update(piece)
                found.append(piece)
                if self._left == 0:
                    self._end_chunk()
                    self._state = _AFTER_DATA
                continue
            held = self._held
            line, ended, _ = (held + bytes(data[at : at + _LONGEST_LINE + 2])).partition(b"\r\n")
            if len(line) - (not ended and line.endswith(b"\r")) > _LONGEST_LINE:
                raise BrokenChunk
            if not ended:
                self._held = line
                break
            at += len(line) + 2 - len(held)
            self._held = b""
            self._take_line(line)
        if self._expected is not None and self._total > self._expected:
            raise self._another_length()
        return found

    def finish(self) -> None:
        """The body has ended.

        Raises:
            IncompleteBody: but its last chunk has not come.
        """
        if self._state == _TRAILERS and not self._held and not self._trailer_signed:
            self._state = _DONE  # some clients leave out the last line end
        if self._state != _DONE:
            raise IncompleteBody
        if self._expected is not None and self._total != self._expected:
            raise self._another_length()

    def _another_length(self) -> IncompleteBody:
        return IncompleteBody(
            _NOT_THE_LENGTH, NumberBytesExpected=str(self._expected), NumberBytesProvided=str(self._total)
        )

    def _take_line(self, line: bytes) -> None:
        if self._state == _AFTER_DATA:
            if line:
                raise BrokenChunk
            self._state = _SIZE
        elif self._state == _SIZE:
            match = _SIZE_LINE.fullmatch(line)
            if match is None or (self._signed and match[2] is None):
                raise BrokenChunk
            before, self._left = self._size, int(match[1], 16)
            self._signature = (match[2] or b"").decode()
            if self._left:
                if before < _SMALLEST_CHUNK:
                    raise InvalidChunkSize(BadChunkSize=str(before))
                self._size = self._left
                self._state = _DATA
                return
            self._end_chunk()
            self._state = _TRAILERS
        else:
            self._take_trailer(line)

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            if self._trailer_signed and self._trailer_lines and self._signer is not None:
                raise ChunkSignatureMismatch  # the signature of the trailers never came
            self._state = _DONE
            return
        name, colon, value = line.partition(b":")
        if not colon or len(self.trailers) >= _MOST_TRAILERS:
            raise BrokenChunk
        name, value = name.strip().lower(), value.strip()
        if name == b"x-amz-trailer-signature":
            if self._signer is not None:
                self._signer.check_trailer(b"".join(self._trailer_lines), value.decode("latin-1"))
            self._trailer_lines = []
            return
        self._trailer_lines.append(name + b":" + value + b"\n")
        self.trailers[name.decode("latin-1")] = value.decode("latin-1")

    def _end_chunk(self) -> None:
        if self._signer is not None and self._signed:
            self._signer.check_chunk(self._hash.hexdigest(), self._signature)
            self._hash = hashlib.sha256()


class DecodedStream(ByteStream):
    """The payload of an aws-chunked stream."""

    def __init__(
        self, inner: ByteStream, decoder: ChunkDecoder, length: int | None, announced: str = ""
    ) -> None:
        self.length = length
        self._announced = announced
        self._inner = inner
        self._decoder = decoder
        self._ready = b""
        self._ended = False

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes; empty at the end, which is reached only if everything was right.

        Raises:
            ServiceError: framing, length or a signature is wrong.
        """
        while not self._ready and not self._ended:
            raw = await self._inner.read(limit)
            if raw:
                self._ready = self._decoder.feed(raw)
            else:
                self._decoder.finish()
                self._ended = True
        piece, self._ready = self._ready[:limit], self._ready[limit:]
        return piece

    async def gather(self, enough: int) -> list[bytes]:
        """The next pieces of the payload.

        Raises:
            ServiceError: framing, length or a signature is wrong.
        """
        pieces = [self._ready] if self._ready else []
        self._ready = b""
        while not pieces and not self._ended:
            raw = await self._inner.gather(enough)
            if raw:
                pieces = [piece for part in raw if (piece := self._decoder.feed(part))]
            else:
                self._decoder.finish()
                self._ended = True
        return pieces

    async def drain(self, sink: Sink) -> None:
        """Hand the payload to `sink`, in threads.

        Raises:
            ServiceError: framing, length or a signature is wrong.
        """

        def take(raw: Sequence[bytes | memoryview]) -> None:
            pieces = [piece for part in raw for piece in self._decoder.pieces(memoryview(part))]
            if pieces:
                sink(pieces)

        if self._ready:
            before, self._ready = self._ready, b""
            await in_thread(sink, [before])
        await self._inner.drain(take)
        self._decoder.finish()
        self._ended = True

    def whole(self) -> bytes | None:
        """All of the payload, if it has come already.

        Raises:
            ServiceError: framing, length or a signature is wrong.
        """
        raw = self._inner.whole()
        if raw is None:
            return None
        payload = self._decoder.feed(raw)
        self._decoder.finish()
        self._ended = True
        return payload

    def trailers(self) -> dict[str, str]:
        """The trailing checksums, known once the stream has ended."""
        return self._decoder.trailers

    def announced_trailers(self) -> tuple[str, ...]:
        """What `x-amz-trailer` says."""
        return tuple(name for name in map(str.strip, self._announced.lower().split(",")) if name)


class CheckedStream(ByteStream):
    """A stream whose SHA-256 was signed beforehand: its end is reached only if it was this one."""

    def __init__(self, inner: ByteStream, sha256: str) -> None:
        self.length = inner.length
        self._inner = inner
        self._expected = sha256
        self._hash = hashlib.sha256()

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes; empty at the end.

        Raises:
            ContentSha256Mismatch: the body is not the one that was signed.
        """
        piece = await self._inner.read(limit)
        if not self._expected:
            return piece
        if piece:
            self._hash.update(piece)
        else:
            check_sha256(self._hash.hexdigest(), self._expected)
        return piece

    async def gather(self, enough: int) -> list[bytes]:
        """The next pieces; not checked here if somebody else has taken that over.

        Raises:
            ContentSha256Mismatch: the body is not the one that was signed.
        """
        if self._expected:
            return await super().gather(enough)
        return await self._inner.gather(enough)

    async def drain(self, sink: Sink) -> None:
        """Hand all that is to come to `sink`; not checked here if somebody else has taken that over.

        Raises:
            ContentSha256Mismatch: the body is not the one that was signed.
        """
        if self._expected:
            await super().drain(sink)
        else:
            await self._inner.drain(sink)

    def whole(self) -> bytes | None:
        """All of it, if it has come already.

        Raises:
            ContentSha256Mismatch: the body is not the one that was signed.
        """
        data = self._inner.whole()
        if data is not None and self._expected:
            check_sha256(hashlib.sha256(data).hexdigest(), self._expected)
        return data

    def take_sha256(self) -> str:
        """What it must be; this stream checks it no longer."""
        expected, self._expected = self._expected, ""
        return expected

    def trailers(self) -> dict[str, str]:
        """The trailing headers of the stream below."""
        return self._inner.trailers()


class ContentSha256Mismatch(ServiceError):
    """The body's hash is not the one in `x-amz-content-sha256`."""

    shape = "XAmzContentSHA256Mismatch"
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    status = 400


def check_sha256(computed: str, expected: str) -> None:
    """Raises ContentSha256Mismatch."""
    if computed != expected:
        raise ContentSha256Mismatch(ClientComputedContentSHA256=expected, S3ComputedContentSHA256=computed)
