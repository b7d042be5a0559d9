"""Blobs: durable before they are referred to, stored once, never collected too early."""

import asyncio
import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.blobs import STREAM_BYTES, BlobMissing, BlobRef, Blobs, MemoryBlobs
from ballroom.kernel.store.engine import EngineFailed, EngineFull


@pytest.fixture(params=["files", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs() if request.param == "memory" else FileBlobs(tmp_path / "blobs")


def write(blobs: Blobs, *pieces: bytes) -> BlobRef:
    async def run() -> BlobRef:
        writer = blobs.writer()
        for piece in pieces:
            await writer.write(piece)
        return await writer.finish()

    return asyncio.run(run())


def collect(blobs: Blobs, *referenced: BlobRef) -> int:
    async def durable() -> None:
        pass

    names = {ref.sha256 for ref in referenced}
    return asyncio.run(blobs.collect(names.__contains__, durable))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_is_named_by_its_hash_and_comes_back(blobs: Blobs) -> None:
    ref = blobs.put_bytes(b"hello")
    assert ref == BlobRef(sha256(b"hello").hexdigest(), 5)
    assert blobs.read(ref) == b"hello"
    assert ref in blobs


@pytest.mark.parametrize("size", [0, 1, STREAM_BYTES - 1, STREAM_BYTES, 3 * STREAM_BYTES + 7])
def test_written_in_pieces_it_is_the_same_blob(blobs: Blobs, size: int) -> None:
    data = os.urandom(size)
    pieces = [data[i : i + 100_000] for i in range(0, size, 100_000)]
    assert write(blobs, *pieces) == blobs.put_bytes(data)
    assert list(blobs.names()) == [sha256(data).hexdigest()]


def test_a_range_is_read_alone(blobs: Blobs) -> None:
    ref = blobs.put_bytes(b"0123456789")
    assert blobs.read(ref, 3, 6) == b"345"
    assert blobs.read(ref, 8) == b"89"
    assert blobs.read(ref, 8, 100) == b"89"
    assert blobs.read(ref, 6, 3) == b""


def test_a_stream_goes_on_although_the_blob_is_removed(blobs: Blobs) -> None:
    data = os.urandom(3 * STREAM_BYTES)
    ref = blobs.put_bytes(data)
    blobs.release(ref)

    async def run() -> bytes:
        received = b""
        async for piece in blobs.stream(ref, 5):
            received += piece
            blobs.remove(ref.sha256)
        return received

    assert asyncio.run(run()) == data[5:]
    assert ref not in blobs


def test_a_missing_blob_is_named(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match="0000"):
        blobs.read(BlobRef("0" * 64, 1))


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_a_name_that_is_no_hash_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a blob"):
        FileBlobs(tmp_path / "blobs").open(BlobRef(name, 1))


def test_a_blob_that_is_not_finished_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    async def run() -> None:
        with blobs.writer() as writer:
            await writer.write(b"x" * (STREAM_BYTES + 1))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(run())
    assert list(blobs.names()) == []
    assert files_below(tmp_path) == []


def test_a_finished_blob_outlives_its_writer(blobs: Blobs) -> None:
    async def run() -> BlobRef:
        with blobs.writer() as writer:
            await writer.write(b"data")
            return await writer.finish()

    assert blobs.read(asyncio.run(run())) == b"data"


def test_collection_removes_what_nothing_refers_to(blobs: Blobs) -> None:
    kept, gone = blobs.put_bytes(b"kept"), blobs.put_bytes(b"gone")
    blobs.release(kept)
    blobs.release(gone)
    assert collect(blobs, kept) == 4
    assert (kept in blobs, gone in blobs) == (True, False)


def test_collection_spares_what_is_in_flight(blobs: Blobs) -> None:
    first = blobs.put_bytes(b"same")
    blobs.put_bytes(b"same")
    blobs.release(first)
    assert collect(blobs) == 0
    assert first in blobs
    blobs.release(first)
    assert collect(blobs) == 4


def test_collection_spares_what_is_put_again_while_it_waits_for_the_disk(blobs: Blobs) -> None:
    ref = blobs.put_bytes(b"again")
    blobs.release(ref)

    async def durable() -> None:
        blobs.put_bytes(b"again")

    assert asyncio.run(blobs.collect(lambda _: False, durable)) == 0
    assert ref in blobs


def test_nothing_is_removed_before_the_removal_of_its_row_is_durable(blobs: Blobs) -> None:
    ref = blobs.put_bytes(b"row removed, not yet durably")
    blobs.release(ref)

    async def failing() -> None:
        raise EngineFailed("the commit was lost")

    with pytest.raises(EngineFailed):
        asyncio.run(blobs.collect(lambda _: False, failing))
    assert ref in blobs


def test_nothing_is_removed_while_somebody_keeps_all(blobs: Blobs) -> None:
    ref = blobs.put_bytes(b"in a backup")
    blobs.release(ref)
    with blobs.keeping():
        assert collect(blobs) == 0
    assert collect(blobs) == ref.size


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_fork_outlives_the_removal_in_its_origin(blobs: Blobs, tmp_path: Path, in_memory: bool) -> None:
    ref = blobs.put_bytes(b"shared")
    fork = blobs.fork(None if in_memory else tmp_path / "fork")
    blobs.release(ref)
    collect(blobs)
    assert ref not in blobs
    assert fork.read(ref) == b"shared"
    assert collect(fork) == ref.size


def test_a_crash_leaves_no_half_blob_and_its_leftovers_are_swept(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    whole = blobs.put_bytes(b"whole")

    unfinished = blobs.writer()
    asyncio.run(unfinished.write(b"x" * STREAM_BYTES))
    assert len(files_below(tmp_path / ".incoming")) == 1
    again = FileBlobs(tmp_path)
    assert files_below(tmp_path / ".incoming") == []
    assert list(again.names()) == [whole.sha256]
    unfinished.abort()


@pytest.mark.parametrize(("code", "expected"), [(errno.ENOSPC, EngineFull), (errno.EIO, EngineFailed)])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_disk_that_takes_no_blob_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: type[Exception], streamed: bool
) -> None:
    blobs = FileBlobs(tmp_path)
    put = (lambda data: write(blobs, data)) if streamed else blobs.put_bytes

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(expected, match="writing a blob"):
            put(b"no room for this")
    assert files_below(tmp_path) == []
    assert collect(blobs) == 0
    assert blobs.read(put(b"no room for this")) == b"no room for this"


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    path = blobs.path(blobs.put_bytes(b"secret"))
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


CONTENTS = [b"", b"a", b"b" * 1000, b"c" * (STREAM_BYTES + 1)]
actions = st.lists(
    st.tuples(
        st.sampled_from(["put", "write", "refer", "release", "unrefer", "collect"]), st.sampled_from(CONTENTS)
    ),
    max_size=25,
)


@given(actions=actions)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_exactly_what_is_needed_survives_every_collection(
    actions: list[tuple[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for blobs in (MemoryBlobs(), FileBlobs(tmp_path_factory.mktemp("blobs"))):
        held: dict[bytes, int] = dict.fromkeys(CONTENTS, 0)
        referenced: set[bytes] = set()
        there: set[bytes] = set()
        for action, data in actions:
            ref = BlobRef(sha256(data).hexdigest(), len(data))
            if action in ("put", "write"):
                assert (blobs.put_bytes(data) if action == "put" else write(blobs, data)) == ref
                held[data] += 1
                there.add(data)
            elif action == "refer" and held[data]:
                referenced.add(data)
            elif action == "release" and held[data]:
                blobs.release(ref)
                held[data] -= 1
            elif action == "unrefer":
                referenced.discard(data)
            elif action == "collect":
                collect(blobs, *(BlobRef(sha256(d).hexdigest(), len(d)) for d in referenced))
                there = {d for d in there if held[d] or d in referenced}
            assert sorted(blobs.names()) == sorted(sha256(d).hexdigest() for d in there)
        for data in there:
            assert blobs.read(BlobRef(sha256(data).hexdigest(), len(data))) == data
