"""Blobs: large values as content-addressed pieces beside the store, which holds only references.

The order that keeps them safe: a blob is durable before a row refers to it, and removed only after the
row's removal is durable. In between, `put_bytes` and `finish` register it as *in flight*, so that
collection leaves it alone until `release`; a hold that is never released ends with the process.

Here: what a blob store does, and the one in memory. On disk: `blob_files`.
"""

import io
import re
from abc import ABC, abstractmethod
from asyncio import to_thread
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

import msgspec

STREAM_BYTES = 256 << 10
"""How much a writer gathers, and a stream hands out, at a time."""

_COLLECTED_AT_ONCE = 256  # references looked up in one turn of the loop: about 1 ms
_NAME = re.compile(r"[0-9a-f]{64}")


class BlobRef(msgspec.Struct, frozen=True, array_like=True):
    """What a record keeps of a blob."""

    sha256: str
    """The blob's name: the SHA-256 of its bytes, or what `BlobDraft.keep` was given."""
    size: int


class BlobMissing(Exception):
    """A row refers to a blob that is not there: the data directory was damaged from outside."""


class BlobWriter(ABC):
    """One blob being written, in pieces: a context manager that aborts unless `finish` was reached."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    @abstractmethod
    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append a piece; hashing and writing happen in a thread.

        Raises:
            EngineFull: no room; the writer has aborted itself.
        """

    @abstractmethod
    async def finish(self) -> BlobRef:
        """Make the blob durable. It is in flight until `release`.

        Raises:
            EngineFull: no room; the writer has aborted itself.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind. Harmless after `finish`."""


class BlobDraft(ABC):
    """A blob being written by somebody who hashes its bytes anyway, so that they are not hashed twice.

    Every method may block: call it in a thread, one call at a time.
    """

    @abstractmethod
    def append(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write some more.

        Raises:
            EngineFull: no room; drop the draft.
        """

    @abstractmethod
    def keep(self, name: str) -> BlobRef:
        """Make the blob durable, stored once however often its bytes come. It is in flight until `release`.

        `name` is 64 hexadecimal digits that depend on the bytes alone. They need not withstand an attacker:
        where the name is taken, the bytes are compared, and other bytes get their SHA-256 as their name.

        Raises:
            EngineFull: no room; drop the draft.
        """

    @abstractmethod
    def drop(self) -> None:
        """Leave nothing behind. Harmless after `keep`."""


class Blobs(ABC):
    """A blob store. Methods without `async` may block for as long as the blob's size takes."""

    def __init__(self) -> None:
        """Start with nothing in flight."""
        self._in_flight: Counter[str] = Counter()
        self._keepers = 0
        self._lock = Lock()  # between "nobody needs it" and its removal nobody may start to

    # -- writing -------------------------------------------------------------------------------------

    @abstractmethod
    def put_bytes(self, data: bytes) -> BlobRef:
        """Store a small blob at once, durably; it is in flight until `release`.

        Raises:
            EngineFull: no room.
        """

    @abstractmethod
    def writer(self) -> BlobWriter:
        """Start a blob of unknown size."""

    @abstractmethod
    def draft(self) -> BlobDraft:
        """Start a blob of unknown size, whose writer names it."""

    def hold(self, ref: BlobRef) -> None:
        """Put a blob that a row refers to in flight, so that it stays while it is read; until `release`."""
        with self._lock:
            self._in_flight[ref.sha256] += 1

    def release(self, ref: BlobRef) -> None:
        """End one hold: a committed row refers to the blob now, or nobody ever will."""
        with self._lock:
            self._in_flight[ref.sha256] -= 1
            if self._in_flight[ref.sha256] <= 0:
                del self._in_flight[ref.sha256]

    # -- reading -------------------------------------------------------------------------------------

    @abstractmethod
    def open(self, ref: BlobRef) -> BinaryIO:
        """A file to read from, positioned at the start.

        Raises:
            BlobMissing: it is not there.
        """

    @abstractmethod
    def path(self, ref: BlobRef) -> Path | None:
        """Where the blob lies, if it lies on disk. Read it only, and while a row refers to it."""

    @abstractmethod
    def __contains__(self, ref: BlobRef) -> bool:
        """Whether the blob is there."""

    def read(self, ref: BlobRef, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes from `start` up to, not including, `stop`; all of them by default."""
        with self.open(ref) as file:
            file.seek(start)
            return file.read(ref.size - start if stop is None else max(0, stop - start))

    async def stream(self, ref: BlobRef, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The same bytes in pieces, read in a thread. A removal meanwhile does not disturb it."""
        left = (ref.size if stop is None else min(stop, ref.size)) - start
        with self.open(ref) as file:
            file.seek(start)
            while left > 0:
                piece = await to_thread(file.read, min(left, STREAM_BYTES))
                if not piece:
                    raise BlobMissing(f"blob {ref.sha256} is shorter than its {ref.size} bytes")
                left -= len(piece)
                yield piece

    # -- removing ------------------------------------------------------------------------------------

    @abstractmethod
    def names(self) -> Iterator[str]:
        """The SHA-256 of every blob that is there. Those added or removed meanwhile may be missed."""

    @abstractmethod
    def _delete(self, name: str) -> int: ...

    def remove(self, name: str) -> int:
        """Remove a blob that no row refers to, durably so; returns the bytes that this freed.

        Does nothing while it is in flight, or while somebody keeps all blobs.
        """
        with self._lock:
            if self._keepers or name in self._in_flight:
                return 0
            return self._delete(name)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Nothing is removed within this block: a backup or a fork is being made."""
        with self._lock:
            self._keepers += 1
        try:
            yield
        finally:
            with self._lock:
                self._keepers -= 1

    async def collect(self, referenced: Callable[[str], bool], durable: Callable[[], Awaitable[object]]) -> int:
        """Remove what no row refers to; returns the bytes that this freed.

        `referenced` is asked on the caller's thread, in small slices; `durable` waits until what it
        has seen is on disk. A blob without a reference can get one only by being put again, which
        puts it in flight: so nothing is removed that is about to be needed.
        """
        names = self.names()
        freed = 0
        while some := await to_thread(lambda: list(islice(names, _COLLECTED_AT_ONCE))):
            garbage = [name for name in some if not referenced(name)]
            if not garbage:
                continue
            await durable()
            for name in garbage:
                if not referenced(name):
                    freed += await to_thread(self.remove, name)
        return freed

    @abstractmethod
    def fork(self, destination: Path | None) -> "Blobs":
        """An independent store with the same blobs: in the new folder `destination`, or in memory."""

    def statistics(self) -> dict[str, int]:
        """Blobs in flight."""
        return {"in_flight": self._in_flight.total()}


def check_name(name: str) -> str:
    """The name, if it is a SHA-256 in lowercase hexadecimal digits (it becomes part of a path)."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not the name of a blob")
    return name


class MemoryBlobs(Blobs):
    """Blobs in a dictionary, for tests and `--memory`."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._blobs: dict[str, bytes] = {}

    def put_bytes(self, data: bytes) -> BlobRef:
        """Keep a blob."""
        ref = BlobRef(sha256(data).hexdigest(), len(data))
        with self._lock:
            self._in_flight[ref.sha256] += 1
            self._blobs.setdefault(ref.sha256, bytes(data))
        return ref

    def writer(self) -> BlobWriter:
        """Start a blob."""
        return _MemoryWriter(self)

    def draft(self) -> BlobDraft:
        """Start a blob that its writer names."""
        return _MemoryDraft(self)

    def open(self, ref: BlobRef) -> BinaryIO:
        """A file over the bytes."""
        try:
            return io.BytesIO(self._blobs[ref.sha256])
        except KeyError:
            raise BlobMissing(f"blob {ref.sha256} is missing") from None

    def path(self, ref: BlobRef) -> Path | None:
        """None: nothing lies on disk."""
        return None

    def __contains__(self, ref: BlobRef) -> bool:
        """Whether the blob is there."""
        return ref.sha256 in self._blobs

    def names(self) -> Iterator[str]:
        """Every blob."""
        return iter(list(self._blobs))

    def _delete(self, name: str) -> int:
        return len(self._blobs.pop(name, b""))

    def fork(self, destination: Path | None) -> Blobs:
        """A copy, in memory or in a folder."""
        if destination is None:
            copy = MemoryBlobs()
            copy._blobs = self._blobs.copy()
            return copy
        # imported only here, so that a memory kernel starts without it
        from ballroom.kernel.store.blob_files import FileBlobs

        files = FileBlobs(destination)
        for data in list(self._blobs.values()):
            files.release(files.put_bytes(data))
        return files

    def statistics(self) -> dict[str, int]:
        """Blobs, their bytes, and those in flight."""
        sizes = [len(data) for data in self._blobs.values()]
        return {**super().statistics(), "blobs": len(sizes), "size_bytes": sum(sizes)}


class _MemoryWriter(BlobWriter):
    def __init__(self, blobs: MemoryBlobs) -> None:
        self._blobs = blobs
        self._data = bytearray()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._data += chunk

    async def finish(self) -> BlobRef:
        return self._blobs.put_bytes(bytes(self._data))

    def abort(self) -> None:
        self._data.clear()


class _MemoryDraft(BlobDraft):
    def __init__(self, blobs: MemoryBlobs) -> None:
        self._store = blobs
        self._data = bytearray()

    def append(self, pieces: Sequence[bytes | memoryview]) -> None:
        for piece in pieces:
            self._data += piece

    def keep(self, name: str) -> BlobRef:
        data = bytes(self._data)
        blobs = self._store
        with blobs._lock:
            taken = blobs._blobs.setdefault(check_name(name), data)
            if taken == data:
                blobs._in_flight[name] += 1
                return BlobRef(name, len(data))
        return blobs.put_bytes(data)

    def drop(self) -> None:
        self._data.clear()
