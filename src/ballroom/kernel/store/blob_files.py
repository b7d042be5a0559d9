"""Blobs as files: `blobs/ab/abcd...`, named by the SHA-256 of what they hold or by their writer.

A blob is written to `blobs/.incoming/`, synced, renamed, and its folder synced: what has its name is
whole and durable. What a crash left in `.incoming` is removed at the next start.
"""

import os
from asyncio import to_thread
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import BinaryIO

from ballroom.kernel.store.blobs import (
    STREAM_BYTES,
    BlobDraft,
    BlobMissing,
    BlobRef,
    Blobs,
    BlobWriter,
    MemoryBlobs,
    check_name,
)
from ballroom.kernel.store.connection import engine_error
from ballroom.kernel.store.files import make_folder, sync_path

_VECTOR = 512
"""Pieces written by one system call; the system's limit is 1,024."""
_COMPARED = 1 << 20


class FileBlobs(Blobs):
    """Blobs in a folder that this process alone writes to."""

    def __init__(self, root: Path) -> None:
        """Open the folder, made if need be, and sweep what a crash left unfinished."""
        super().__init__()
        self._root = root
        self._incoming = root / ".incoming"
        self._numbers = count()
        self._written_bytes = 0
        make_folder(self._incoming)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def put_bytes(self, data: bytes) -> BlobRef:
        """Store a blob at once: two or three fsyncs, none if it is there already."""
        ref = BlobRef(sha256(data).hexdigest(), len(data))
        draft = self._draft_path()
        with _nothing_left(draft):
            if self._take_existing(ref):
                return ref
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb", buffering=0) as file:
                _write_all(file, data)
                os.fsync(descriptor)
            self._publish(draft, ref)
        return ref

    def writer(self) -> BlobWriter:
        """Start a blob."""
        return _FileWriter(self)

    def draft(self) -> BlobDraft:
        """Start a blob that its writer names."""
        return _FileDraft(self)

    def open(self, ref: BlobRef) -> BinaryIO:
        """The blob's file."""
        try:
            return self._path(ref.sha256).open("rb")
        except FileNotFoundError:
            raise BlobMissing(f"blob {ref.sha256} is missing from {self._root}") from None

    def path(self, ref: BlobRef) -> Path | None:
        """The blob's file."""
        return self._path(ref.sha256)

    def __contains__(self, ref: BlobRef) -> bool:
        """Whether the file is there."""
        return self._path(ref.sha256).exists()

    def names(self) -> Iterator[str]:
        """Every blob, folder by folder."""
        for folder in sorted(os.listdir(self._root)):
            if len(folder) == 2:
                yield from os.listdir(self._root / folder)

    def fork(self, destination: Path | None) -> Blobs:
        """The same blobs in another folder (hard links, where it is on the same device) or in memory."""
        with self.keeping():
            if destination is None:
                copy = MemoryBlobs()
                for name in self.names():
                    copy.release(copy.put_bytes(self._path(name).read_bytes()))
                return copy
            files = FileBlobs(destination)
            for name in self.names():
                files._adopt(self._path(name))
            for folder in destination.iterdir():
                sync_path(folder)
            sync_path(destination)
            return files

    def _adopt(self, file: Path) -> None:
        """Take over a blob's file from another store, without copying it where that is possible."""
        target = self._path(file.name)
        make_folder(target.parent)
        try:
            os.link(file, target)
        except FileExistsError:
            return
        except OSError:  # another device, or a file system without links
            draft = self._draft_path()
            with _nothing_left(draft):
                copyfile(file, draft)
                sync_path(draft)
                os.rename(draft, target)

    def statistics(self) -> dict[str, int]:
        """Blobs in flight, and the bytes written since the start."""
        return {**super().statistics(), "written_bytes": self._written_bytes}

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)[:2] / name

    def _draft_path(self) -> Path:
        return self._incoming / str(next(self._numbers))

    def _take_existing(self, ref: BlobRef) -> bool:
        """Put a blob in flight if it is there; its name may be younger than the last directory sync."""
        path = self._path(ref.sha256)
        with self._lock:
            if not path.exists():
                return False
            self._in_flight[ref.sha256] += 1
        self._settle(ref)
        return True

    def _publish(self, draft: Path, ref: BlobRef) -> None:
        """Give a synced file its name, durably, and put it in flight."""
        path = self._path(ref.sha256)
        make_folder(path.parent)
        with self._lock:
            os.rename(draft, path)
            self._in_flight[ref.sha256] += 1
        self._settle(ref)
        self._written_bytes += ref.size

    def _publish_new(self, draft: Path, ref: BlobRef) -> bool:
        """Like `_publish`, but never over a blob that is there: False if one is."""
        path = self._path(ref.sha256)
        make_folder(path.parent)
        with self._lock:
            if path.exists():
                return False
            os.rename(draft, path)
            self._in_flight[ref.sha256] += 1
        self._settle(ref)
        self._written_bytes += ref.size
        return True

    def _settle(self, ref: BlobRef) -> None:
        """Make the name of a blob durable, or end the hold on it."""
        try:
            sync_path(self._path(ref.sha256).parent)
        except OSError:
            self.release(ref)
            raise

    def _delete(self, name: str) -> int:
        path = self._path(name)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size


class _FileWriter(BlobWriter):
    def __init__(self, blobs: FileBlobs) -> None:
        self._blobs = blobs
        self._draft = blobs._draft_path()
        self._file: BinaryIO | None = None
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._size = 0
        self._hash = sha256()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._pieces.append(bytes(chunk))
        self._gathered += len(chunk)
        if self._gathered >= STREAM_BYTES:
            await to_thread(self._flush)

    async def finish(self) -> BlobRef:
        return await to_thread(self._finish)

    def abort(self) -> None:
        self._pieces = []
        if self._file is not None:
            self._file.close()
            self._file = None
        with suppress(FileNotFoundError):
            self._draft.unlink()

    def _flush(self) -> None:
        with self._aborting():
            pieces, self._pieces, self._gathered = self._pieces, [], 0
            data = b"".join(pieces)
            if self._file is None:
                descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                self._file = open(descriptor, "wb", buffering=0)  # noqa: SIM115 - closed by finish or abort
            _write_all(self._file, data)
            self._hash.update(data)
            self._size += len(data)

    def _finish(self) -> BlobRef:
        self._flush()
        with self._aborting():
            assert self._file is not None
            ref = BlobRef(self._hash.hexdigest(), self._size)
            if self._blobs._take_existing(ref):
                self.abort()
                return ref
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            self._blobs._publish(self._draft, ref)
            return ref

    @contextmanager
    def _aborting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.abort()
            raise engine_error("writing a blob", error) from error
        except BaseException:
            self.abort()
            raise


class _FileDraft(BlobDraft):
    def __init__(self, blobs: FileBlobs) -> None:
        self._blobs = blobs
        self._path = blobs._draft_path()
        self._descriptor = -1
        self._size = 0

    def append(self, pieces: Sequence[bytes | memoryview]) -> None:
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            for at in range(0, len(pieces), _VECTOR):
                self._write(pieces[at : at + _VECTOR])
        except OSError as error:
            raise engine_error("writing a blob", error) from error

    def _write(self, pieces: Sequence[bytes | memoryview]) -> None:
        wanted = sum(map(len, pieces))
        written = os.writev(self._descriptor, pieces)
        self._size += wanted
        if written < wanted:  # the disk is nearly full, or a signal came: go on with the rest
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def keep(self, name: str) -> BlobRef:
        try:
            self.append(())  # an empty blob has no file yet
            ref = BlobRef(name, self._size)
            synced = False
            while not self._takes_place_of(ref):
                if not synced:
                    os.fsync(self._descriptor)
                    synced = True
                if self._blobs._publish_new(self._path, ref):
                    break
                if not self._is_same(ref):
                    # other bytes bear this name: somebody has made them collide
                    ref = BlobRef(self._sha256(), self._size)
            self.drop()
            return ref
        except OSError as error:
            raise engine_error("writing a blob", error) from error

    def drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _takes_place_of(self, ref: BlobRef) -> bool:
        """Whether the same bytes are there already; they are in flight then."""
        if not self._blobs._take_existing(ref):
            return False
        if self._is_same(ref):
            return True
        self._blobs.release(ref)
        return False

    def _is_same(self, ref: BlobRef) -> bool:
        try:
            other = self._blobs.open(ref)
        except BlobMissing:
            return True  # collected meanwhile: the name is free
        with other:
            if os.fstat(other.fileno()).st_size != self._size:
                return False
            at = 0
            while at < self._size:
                piece = os.pread(self._descriptor, _COMPARED, at)
                if piece != other.read(len(piece)):
                    return False
                at += len(piece)
        return True

    def _sha256(self) -> str:
        digest, at = sha256(), 0
        while at < self._size:
            piece = os.pread(self._descriptor, _COMPARED, at)
            digest.update(piece)
            at += len(piece)
        return digest.hexdigest()


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Write everything: an unbuffered write may take less than it was given."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def _nothing_left(draft: Path) -> Iterator[None]:
    """Remove the draft if the block fails; disk errors in the engine's words."""
    try:
        yield
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise engine_error("writing a blob", error) from error
        raise
