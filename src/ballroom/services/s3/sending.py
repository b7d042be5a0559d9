"""Bodies on their way out: blobs read in pieces as fast as the client takes them, and held meanwhile."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from ballroom.kernel import BlobRef, ByteStream, FileBody, FileSpan, Kernel

PIECE = 512 << 10


class Segment(NamedTuple):
    """Bytes of a blob from `start` up to `stop`, or bytes at hand."""

    blob: BlobRef | None
    start: int
    stop: int
    data: bytes = b""


class Segments(FileBody):
    """Segments one after the other, as an answer's body. Blobs stay until it is closed or forgotten."""

    def __init__(self, kernel: Kernel, segments: list[Segment]) -> None:
        self.length = sum(segment.stop - segment.start for segment in segments)
        self._kernel = kernel
        self._segments = segments
        self._held = [segment.blob for segment in segments if segment.blob is not None]
        for blob in self._held:
            kernel.blobs.hold(blob)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for segment in self._segments:
                if segment.blob is None:
                    yield segment.data
                    continue
                async for piece in _pieces(self._kernel, segment.blob, segment.start, segment.stop):
                    yield piece
        finally:
            await self.aclose()

    def spans(self) -> Iterator[FileSpan | bytes]:
        """The same as files, for a server that sends them without reading them."""
        blobs = self._kernel.blobs
        for segment in self._segments:
            if segment.blob is None:
                yield segment.data
            elif blobs.path(segment.blob) is None:
                yield blobs.read(segment.blob, segment.start, segment.stop)
            else:
                yield FileSpan(blobs.open(segment.blob), segment.start, segment.stop)

    async def aclose(self) -> None:
        """Nobody reads on."""
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for blob in held:
            self._kernel.blobs.release(blob)

    def __del__(self) -> None:
        self._release()


async def _pieces(kernel: Kernel, blob: BlobRef, start: int, stop: int) -> AsyncIterator[bytes]:
    with kernel.blobs.open(blob) as file:
        file.seek(start)
        left = stop - start
        while left > 0:
            piece = await to_thread(file.read, min(left, PIECE))
            if not piece:
                raise OSError(f"blob {blob.sha256} is shorter than its {blob.size} bytes")
            left -= len(piece)
            yield piece


class SegmentStream(ByteStream):
    """Segments as a body that comes in: the source of a copied part."""

    def __init__(self, segments: Segments) -> None:
        self.length = segments.length
        self._pieces = aiter(segments)

    async def read(self, limit: int = 65536) -> bytes:
        """The next piece; they have the size that blobs are read in."""
        return await anext(self._pieces, b"")
