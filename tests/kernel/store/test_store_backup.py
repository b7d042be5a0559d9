"""Backups are made while the store is in use; a restore trusts nothing in an archive."""

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.store.backup import Manifest, backup, restore
from ballroom.kernel.store.blob_files import FileBlobs
from ballroom.kernel.store.blobs import BlobRef, MemoryBlobs
from ballroom.kernel.store.directory import FORMAT, DataDirectory
from ballroom.kernel.store.engine import NO_LIMIT, Engine, EngineFailed
from ballroom.kernel.store.memory import MemoryEngine
from ballroom.kernel.store.sqlite import SqliteEngine
from tests.kernel.store.store_contract import END

FIXTURES = Path(__file__).parent / "fixtures"


class Server:
    """A data directory in use."""

    def __init__(self, path: Path) -> None:
        self.directory = DataDirectory(path)
        self.engine = SqliteEngine(self.directory.store)
        self.blobs = FileBlobs(self.directory.blobs)
        self.epoch = self.engine.claim()

    def close(self) -> None:
        self.engine.close()
        self.directory.close()

    def store(self, key: bytes, data: bytes) -> BlobRef:
        ref = self.blobs.put_bytes(data)
        self.engine.apply([(key, msgspec.json.encode(ref))], self.engine.last_sequence + 1, self.epoch)
        self.blobs.release(ref)
        return ref


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server
    server.close()


def refs_in(engine: Engine) -> dict[bytes, BlobRef]:
    rows = engine.scan(b"", END, NO_LIMIT, False)
    return {key: msgspec.json.decode(value, type=BlobRef) for key, value in rows}


@pytest.mark.parametrize("name", ["all.tar", "all.tar.gz"])
def test_a_backup_brings_everything_back(server: Server, tmp_path: Path, name: str) -> None:
    refs = {b"%d" % i: server.store(b"%d" % i, b"content %d" % i * 1000) for i in range(20)}
    server.directory.root_key.write_text("secret")
    manifest = backup(server.directory, server.engine, server.blobs, tmp_path / name)
    assert manifest == Manifest(FORMAT, 20, 20)
    server.store(b"later", b"not in the backup")
    assert restore(tmp_path / name, tmp_path / "restored") == manifest
    restored = Server(tmp_path / "restored")
    assert refs_in(restored.engine) == refs
    assert restored.blobs.read(refs[b"7"]) == b"content 7" * 1000
    assert restored.directory.root_key.read_text() == "secret"
    restored.store(b"later", b"and it works")
    restored.close()


def named_otherwise(server: Server, data: bytes) -> BlobRef:
    """A blob that has its name from its writer, as objects of S3 have."""
    draft = server.blobs.draft()
    draft.append([data])
    ref = draft.keep(f"{len(data):064x}")
    server.engine.apply([(b"named", msgspec.json.encode(ref))], server.engine.last_sequence + 1, server.epoch)
    server.blobs.release(ref)
    return ref


def test_blobs_that_their_writers_named_are_brought_back(server: Server, tmp_path: Path) -> None:
    ref = named_otherwise(server, b"an object")
    server.store(b"other", b"other")
    backup(server.directory, server.engine, server.blobs, tmp_path / "all.tar")
    restore(tmp_path / "all.tar", tmp_path / "restored")
    restored = Server(tmp_path / "restored")
    assert restored.blobs.read(ref) == b"an object"
    restored.close()


def test_damage_to_a_blob_that_its_writer_named_is_noticed(server: Server, tmp_path: Path) -> None:
    ref = named_otherwise(server, b"an object")
    backup(server.directory, server.engine, server.blobs, tmp_path / "all.tar")
    whole = (tmp_path / "all.tar").read_bytes()
    assert whole.count(b"an object") == 1
    (tmp_path / "all.tar").write_bytes(whole.replace(b"an object", b"an 0bject"))
    with pytest.raises(AlreadyRefused, match=f"{ref.sha256} is not what its name says"):
        restore(tmp_path / "all.tar", tmp_path / "restored")
    assert not (tmp_path / "restored").exists() or not os.listdir(tmp_path / "restored")


def test_an_archive_is_for_its_owner_only_and_nothing_else_is_left(server: Server, tmp_path: Path) -> None:
    server.store(b"a", b"a")
    (tmp_path / "out").mkdir()
    backup(server.directory, server.engine, server.blobs, tmp_path / "out" / "all.tar.gz")
    assert os.listdir(tmp_path / "out") == ["all.tar.gz"]
    assert (tmp_path / "out" / "all.tar.gz").stat().st_mode & 0o077 == 0
    restore(tmp_path / "out" / "all.tar.gz", tmp_path / "restored")
    for path in (tmp_path / "restored").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_backup_under_way_sees_one_moment_while_blobs_come_and_go(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as writer:
        done = writer.submit(churn, server, 60)
        archives = []
        while not done.done() or not archives:
            archives.append(tmp_path / f"{len(archives)}.tar")
            backup(server.directory, server.engine, server.blobs, archives[-1])
        done.result()
    for number, archive in enumerate(archives):
        restored_path = tmp_path / f"restored-{number}"
        manifest = restore(archive, restored_path)
        restored = Server(restored_path)
        refs = refs_in(restored.engine)
        assert len(refs) == min(manifest.sequence, 1)
        for ref in refs.values():
            assert restored.blobs.read(ref) == b"%06d" % manifest.sequence * 500
        restored.close()


def churn(server: Server, rounds: int) -> None:
    """One row that refers to a new blob each time; the one before is removed at once."""
    previous: BlobRef | None = None
    for sequence in range(1, rounds + 1):
        ref = server.store(b"row", b"%06d" % sequence * 500)
        if previous is not None:
            server.blobs.remove(previous.sha256)
        previous = ref


def test_a_server_without_a_disk_can_be_backed_up(tmp_path: Path) -> None:
    engine, blobs = MemoryEngine(), MemoryBlobs()
    ref = blobs.put_bytes(b"was in memory")
    engine.apply([(b"a", msgspec.json.encode(ref))], 1, 0)
    backup(None, engine, blobs, tmp_path / "all.tar")
    restore(tmp_path / "all.tar", tmp_path / "restored")
    restored = Server(tmp_path / "restored")
    assert refs_in(restored.engine) == {b"a": ref}
    assert restored.blobs.read(ref) == b"was in memory"
    restored.close()


def test_a_backup_never_overwrites(server: Server, tmp_path: Path) -> None:
    (tmp_path / "all.tar").write_text("precious")
    with pytest.raises(AlreadyRefused, match="never overwrites"):
        backup(server.directory, server.engine, server.blobs, tmp_path / "all.tar")
    assert (tmp_path / "all.tar").read_text() == "precious"


def test_a_backup_to_nowhere_says_so(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="nowhere"):
        backup(server.directory, server.engine, server.blobs, tmp_path / "nowhere" / "all.tar")


def test_a_restore_never_overwrites(server: Server, tmp_path: Path) -> None:
    backup(server.directory, server.engine, server.blobs, tmp_path / "all.tar")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("precious")
    for target in (tmp_path / "full", tmp_path / "full" / "file", tmp_path / "data"):
        with pytest.raises(AlreadyRefused, match="never overwrites"):
            restore(tmp_path / "all.tar", target)
    assert (tmp_path / "full" / "file").read_text() == "precious"


# -- archives that are not what they should be -----------------------------------------------------------


@pytest.fixture
def good(server: Server, tmp_path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a sound archive."""
    server.store(b"a", b"blob content")
    backup(server.directory, server.engine, server.blobs, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar") as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def archive_of(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def link(name: str, target: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


@pytest.mark.parametrize(
    "added",
    [
        file("../outside"),
        file("/tmp/outside"),
        file("blobs/../../outside"),
        file("blobs/ab/" + "cd" * 32),
        file("format", b"1"),
        file("store.sqlite-wal"),
        file("logs/x"),
        link("blobs", "/etc", tarfile.SYMTYPE),
        link("root-key", "/etc/passwd", tarfile.SYMTYPE),
        link("root-key", "store.sqlite", tarfile.LNKTYPE),
        link("tmp", "", tarfile.DIRTYPE),
        link("root-key", "", tarfile.CHRTYPE),
        link("root-key", "", tarfile.FIFOTYPE),
        file("blobs/ab/" + "ab" * 32, b"not what the name says"),
        file("store.sqlite", b"twice"),
    ],
    ids=lambda added: f"{added[0].name[:20]}:{added[0].type.decode()}",
)
def test_what_no_backup_holds_is_refused_and_nothing_is_left(
    good: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path, added: tuple[tarfile.TarInfo, bytes]
) -> None:
    archive = archive_of(tmp_path / "bad.tar", [*good, added])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AlreadyRefused) as refusal:
        restore(archive, tmp_path / "restored")
    assert "\n" not in str(refusal.value)
    assert not any((tmp_path / "restored").iterdir())
    assert sorted(p for p in tmp_path.iterdir() if p.name != "restored") == before


def test_each_missing_part_is_noticed(good: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path) -> None:
    for left_out in range(len(good)):
        archive = archive_of(tmp_path / f"bad-{left_out}.tar", good[:left_out] + good[left_out + 1 :])
        with pytest.raises(AlreadyRefused, match=r"incomplete|not a backup"):
            restore(archive, tmp_path / "restored")


def test_a_blob_that_is_not_what_its_name_says_is_noticed(
    good: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    changed = [
        (member, content.replace(b"blob", b"BLOB") if member.name.startswith("blobs/") else content)
        for member, content in good
    ]
    with pytest.raises(AlreadyRefused, match="not what its name says"):
        restore(archive_of(tmp_path / "bad.tar", changed), tmp_path / "restored")


def test_a_newer_archive_is_refused_in_one_line(
    good: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    newer = file("manifest.json", msgspec.json.encode(Manifest(FORMAT + 1, 1, 1)))
    archive = archive_of(tmp_path / "newer.tar", [newer, *good[1:]])
    with pytest.raises(AlreadyRefused, match=f"newer release of Ballroom .format {FORMAT + 1};"):
        restore(archive, tmp_path / "restored")


def test_a_store_that_is_damaged_inside_is_noticed(
    good: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    damaged = [
        (member, content[:4096] + b"\x99" * 4096 + content[8192:] if member.name == "store.sqlite" else content)
        for member, content in good
    ]
    with pytest.raises(AlreadyRefused, match="damaged"):
        restore(archive_of(tmp_path / "bad.tar", damaged), tmp_path / "restored")
    assert not any((tmp_path / "restored").iterdir())


@pytest.mark.parametrize("cut", [0, 1, 100, 600, 3000])
@pytest.mark.parametrize("gzipped", [True, False])
def test_noise_and_torn_archives_are_refused(server: Server, tmp_path: Path, cut: int, gzipped: bool) -> None:
    server.store(b"a", os.urandom(20_000))
    name = "all.tar.gz" if gzipped else "all.tar"
    backup(server.directory, server.engine, server.blobs, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for torn in (content[:cut], content[cut + 100 :], content[:-20_000] if not gzipped else content[:-100]):
        (tmp_path / "torn").write_bytes(torn)
        with pytest.raises(AlreadyRefused):
            restore(tmp_path / "torn", tmp_path / "restored")
        assert not (tmp_path / "restored").exists() or not any((tmp_path / "restored").iterdir())


def test_a_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlreadyRefused, match="No such file"):
        restore(tmp_path / "nothing.tar", tmp_path / "restored")


# -- older formats ---------------------------------------------------------------------------------------


def test_a_directory_of_format_1_opens(tmp_path: Path) -> None:
    """The fixture was written by the first release; it stays as it is, whatever FORMAT becomes."""
    with gzip.open(FIXTURES / "format-1.tar.gz") as file, tarfile.open(fileobj=file) as archive:
        assert msgspec.json.decode(archive.extractfile("manifest.json").read())["format"] == 1  # type: ignore[union-attr]
    restore(FIXTURES / "format-1.tar.gz", tmp_path / "data")
    server = Server(tmp_path / "data")
    ref = refs_in(server.engine)[b"greeting"]
    assert server.blobs.read(ref) == b"hello from format 1"
    assert server.engine.last_sequence == 42
    server.close()
