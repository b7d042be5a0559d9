"""What a failing or full disk does to the store: nothing is acknowledged that is not on it."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event, current_thread
from threading import enumerate as enumerate_threads

import apsw
import pytest

from ballroom.kernel.store import sqlite
from ballroom.kernel.store.connection import check_library
from ballroom.kernel.store.engine import NO_LIMIT, EngineFailed, EngineFull
from ballroom.kernel.store.sqlite import SqliteEngine
from tests.kernel.store.store_contract import END
from tests.kernel.store.store_faults import Disk

numbers = count()


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk(f"faulty-{next(numbers)}")
    yield disk
    disk.unregister()


@pytest.fixture
def engine(disk: Disk, tmp_path: Path) -> Iterator[SqliteEngine]:
    engine = SqliteEngine(tmp_path / "store.sqlite", vfs=disk.name)
    engine.apply([(b"a", b"1")], 1, 0)
    yield engine
    disk.full = disk.fsync_fails = disk.writes_fail = False
    engine.close()


def test_a_batch_is_acknowledged_after_its_fsync_and_read_only_then(engine: SqliteEngine, disk: Disk) -> None:
    with ThreadPoolExecutor(1) as writer:
        with disk.held_back():
            applied = writer.submit(engine.apply, [(b"a", b"2")], 2, 0)
            assert disk.syncing.wait(10)
            assert not applied.done()
            assert engine.get(b"a") == b"1"
            assert engine.last_sequence == 1
        applied.result()
    assert engine.get(b"a") == b"2"


def test_a_commit_costs_one_fsync(engine: SqliteEngine, disk: Disk) -> None:
    engine.apply([(b"x", b"1")], 2, 0)
    before = disk.syncs
    for sequence in range(3, 23):
        engine.apply([(b"x%d" % sequence, b"1" * 200)] * 10, sequence, 0)
    assert disk.syncs - before == 20


def test_after_a_failed_fsync_nothing_is_acknowledged_and_reads_go_on(engine: SqliteEngine, disk: Disk) -> None:
    disk.fsync_fails = True
    with pytest.raises(EngineFailed, match="fsync failed"):
        engine.apply([(b"a", b"2"), (b"b", b"2")], 2, 0)
    disk.fsync_fails = False  # as on Linux, where the next fsync succeeds without the lost pages
    for _ in range(2):
        with pytest.raises(EngineFailed, match="fsync failed"):
            engine.apply([(b"c", b"3")], 3, 0)
    with pytest.raises(EngineFailed, match="fsync failed"):
        engine.claim()
    assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
    assert engine.last_sequence == 1
    assert "fsync failed" in str(engine.statistics()["failure"])


def test_a_store_whose_disk_failed_opens_again_with_all_that_was_acknowledged(
    engine: SqliteEngine, disk: Disk, tmp_path: Path
) -> None:
    disk.fsync_fails = True
    with pytest.raises(EngineFailed):
        engine.apply([(b"b", b"2")], 2, 0)
    engine.close()  # it must not fail a second time, nor copy the log
    disk.fsync_fails = False
    again = SqliteEngine(tmp_path / "store.sqlite")
    assert again.get(b"a") == b"1"
    again.close()


def test_a_store_rewrites_the_log_it_finds_before_adding_to_it(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "store.sqlite"
    engine = SqliteEngine(path)
    engine.apply([(b"a", b"1" * 9000)], 1, 0)
    copies = {name: (tmp_path / name).read_bytes() for name in ("store.sqlite", "store.sqlite-wal")}
    engine.close()
    for name, content in copies.items():  # what a killed process leaves
        (tmp_path / name).write_bytes(content)
    engine = SqliteEngine(path, vfs=disk.name)
    assert disk.syncs >= 1
    assert (tmp_path / "store.sqlite-wal").stat().st_size == 0
    assert engine.get(b"a") == b"1" * 9000
    engine.close()


def test_a_write_error_ends_the_acknowledgements(engine: SqliteEngine, disk: Disk) -> None:
    disk.writes_fail = True
    with pytest.raises(EngineFailed):
        engine.apply([(b"b", b"2")], 2, 0)
    disk.writes_fail = False
    with pytest.raises(EngineFailed):
        engine.apply([(b"b", b"2")], 2, 0)


def test_a_full_disk_refuses_the_batch_and_recovers_when_there_is_room(
    engine: SqliteEngine, disk: Disk
) -> None:
    large = [(b"k%d" % i, b"v" * 3000) for i in range(3000)]  # more than the cache: written before commit
    for batch in ([(b"a", b"2")], large):
        disk.full = True
        for _ in range(2):
            with pytest.raises(EngineFull, match="no space left on the device"):
                engine.apply(batch, 2, 0)
            assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
            assert engine.last_sequence == 1
        disk.full = False
    engine.apply([(b"a", b"3")], 2, 0)
    assert engine.get(b"a") == b"3"
    assert engine.statistics()["failure"] == ""


def test_a_start_on_a_full_disk_reads_and_writes_once_there_is_room(
    engine: SqliteEngine, disk: Disk, tmp_path: Path
) -> None:
    killed = tmp_path / "killed.sqlite"  # its log is not yet in its main file
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"store.sqlite{end}", f"{killed}{end}")
    disk.full = True
    started = SqliteEngine(killed, vfs=disk.name)
    assert started.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
    for _ in range(2):
        with pytest.raises(EngineFull):
            started.claim()
        with pytest.raises(EngineFull):
            started.apply([(b"a", b"2")], 2, 0)
    disk.full = False
    started.apply([(b"a", b"3")], 2, started.claim())
    assert started.get(b"a") == b"3"
    started.close()


@pytest.mark.parametrize("writes", [0, 1, 7, 500, 2000])
def test_a_disk_that_fills_up_within_a_batch_keeps_none_of_it(
    engine: SqliteEngine, disk: Disk, writes: int
) -> None:
    disk.writes_until_full = writes
    with pytest.raises(EngineFull):
        engine.apply([(b"k%d" % i, b"v" * 3000) for i in range(3000)], 2, 0)
    assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1")]
    disk.full, disk.writes_until_full = False, None
    engine.apply([(b"b", b"2")], 2, 0)
    assert engine.scan(b"", END, NO_LIMIT, False) == [(b"a", b"1"), (b"b", b"2")]


def test_a_full_disk_under_the_checkpoint_costs_nothing(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 20)
    engine = SqliteEngine(tmp_path / "store.sqlite", vfs=disk.name)
    written = 0
    for sequence in range(1, 200):
        disk.full = sequence % 7 == 0
        try:
            engine.apply([(b"k%04d" % sequence, b"v" * 2000)] * 3, engine.last_sequence + 1, 0)
            written += 1
        except EngineFull:
            assert disk.full
    assert len(engine.scan(b"", END, NO_LIMIT, False)) == written
    assert written >= 170
    engine.close()


def test_a_checkpoint_that_fails_ends_the_acknowledgements(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 20)
    engine = SqliteEngine(tmp_path / "store.sqlite", vfs=disk.name)
    original = disk.before_sync
    monkeypatch.setattr(disk, "before_sync", lambda: _fail_in_the_checkpointer(original))

    def write_much() -> None:
        for sequence in range(1, 1000):
            engine.apply([(b"k%04d" % sequence, b"v" * 2000)], sequence, 0)

    with pytest.raises(EngineFailed, match="fsync failed"):
        write_much()
    with pytest.raises(EngineFailed):
        engine.apply([], 2000, 0)
    engine.close()


def test_no_room_at_the_checkpoints_fsync_ends_the_acknowledgements_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 20)
    engine = SqliteEngine(tmp_path / "store.sqlite")

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write_much() -> None:
        for sequence in range(1, 1000):
            engine.apply([(b"k%04d" % sequence, b"v" * 2000)], sequence, 0)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(EngineFailed, match="syncing the store"):
            write_much()
    with pytest.raises(EngineFailed, match="syncing the store"):
        engine.apply([], 2000, 0)
    engine.close()


def _fail_in_the_checkpointer(otherwise: Callable[[], None]) -> None:
    if current_thread().name == "ballroom-checkpoint":
        raise apsw.IOError("fsync failed")
    otherwise()


def test_the_log_stays_short_however_much_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 100)
    engine = SqliteEngine(tmp_path / "store.sqlite")
    longest = 0
    for sequence in range(1, 1500):
        engine.prepare()
        engine.apply([(b"k%d" % (sequence % 50 * 20 + i), b"v" * 1000) for i in range(20)], sequence, 0)
        engine.get(b"k1")
        engine.scan(b"k", b"l", 3, False)  # a second read: from now on the reader keeps its snapshot
        longest = max(longest, int(engine.statistics()["log_bytes"]))
    assert int(engine.statistics()["checkpoints"]) > 3
    assert longest < 16 << 20  # of more than 30 MB written
    engine.close()


def test_a_checkpoint_that_somebody_else_runs_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 20)
    engine = SqliteEngine(tmp_path / "store.sqlite")

    def apply(times: int) -> None:
        for _ in range(times):
            engine.apply([(b"k", b"v" * 3000)], engine.last_sequence + 1, 0)

    # SQLite's lock of whoever runs a checkpoint: byte 121 of the log's index
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX, 1, 121); "
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "store.sqlite-shm")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        apply(200)
        assert int(engine.statistics()["log_bytes"]) > 200 * 4096
        holder.communicate()
    for _ in range(100):
        apply(20)
        if int(engine.statistics()["log_bytes"]) < 100 * 4096:
            break
    else:
        pytest.fail("the log never started over")
    engine.close()


def test_the_log_starts_over_although_commits_arrive_during_each_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.kernel.store.checkpoint._START_PAGES", 100)
    syncing, go = Event(), Event()

    def fsync(_: int) -> None:
        syncing.set()
        go.wait(10)

    def apply(times: int) -> None:
        for _ in range(times):
            engine.apply([(b"k", b"v" * 3000)], engine.last_sequence + 1, 0)

    engine = SqliteEngine(tmp_path / "store.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        for _ in range(5):
            apply(100)
            assert syncing.wait(10)
            apply(1)  # the thread has copied everything but this
            go.set()
            for thread in enumerate_threads():
                if thread.name == "ballroom-checkpoint":
                    thread.join()
            apply(2)
            assert int(engine.statistics()["log_bytes"]) < 20 * 4096
            syncing.clear()
            go.clear()
    engine.close()


def test_a_fork_sees_one_moment_although_batches_overtake_it(
    engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_pages = sqlite._copy_pages

    def overtaken(source: apsw.Connection, destination: Path) -> None:
        engine.apply([(b"a", b"2")], 2, 0)
        copy_pages(source, destination)

    monkeypatch.setattr(sqlite, "_copy_pages", overtaken)
    fork = engine.fork(tmp_path / "fork")
    assert (fork.last_sequence, fork.get(b"a")) == (1, b"1")
    fork.close()


def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = apsw.Connection(str(tmp_path / "foreign"))
    foreign.execute("create table t (x); insert into t values (1)")
    foreign.close()
    with pytest.raises(EngineFailed, match="not a Ballroom store"):
        SqliteEngine(tmp_path / "foreign")
    (tmp_path / "noise").write_bytes(b"\x17 no database " * 1000)
    with pytest.raises(EngineFailed, match="NotADB"):
        SqliteEngine(tmp_path / "noise")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="nowhere"):
        SqliteEngine(tmp_path / "nowhere" / "store.sqlite")


@pytest.mark.parametrize("version", ["3.7.0", "3.44.0", "3.51.2"])
def test_a_sqlite_that_corrupts_stores_is_refused(version: str) -> None:
    with pytest.raises(EngineFailed, match=rf"SQLite {version} can corrupt"):
        check_library(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.52.0", "4.0.0"])
def test_a_sound_sqlite_is_accepted(version: str) -> None:
    check_library(version)


def test_a_read_that_met_a_bad_sector_spoils_no_later_one(engine: SqliteEngine) -> None:
    assert [engine.get(b"a") for _ in range(3)] == [b"1"] * 3
    engine._query("rollback")  # what SQLite does then: the snapshot is gone
    assert engine.get(b"a") == b"1"
    engine.prepare()
    engine.apply([(b"a", b"2")], 2, 0)
    engine.prepare()
    assert [engine.get(b"a") for _ in range(3)] == [b"2"] * 3
