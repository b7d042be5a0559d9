"""The engine on disk: one SQLite file in WAL mode, one writer, one reader, a checkpointer beside them.

How a commit becomes durable: the writer appends the changed pages to the log (`-wal`), syncs it, and
only then publishes it to readers. So what `get` and `scan` see is on disk.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from ballroom.kernel.store.batch import BatchWriter
from ballroom.kernel.store.checkpoint import Checkpointer
from ballroom.kernel.store.connection import connect, engine_error, translated
from ballroom.kernel.store.engine import Engine, EngineFailed, Row, Write, merged
from ballroom.kernel.store.files import sync_path
from ballroom.kernel.store.memory import MemoryEngine

_SCHEMA = """
    create table kv (k blob primary key, v blob not null) strict, without rowid;
    create table owner (sequence integer not null, epoch integer not null) strict;
    insert into owner values (0, 0);
"""
_APPLICATION_ID = 0x42414C4C  # "BALL", in the file's header

_GET = "select v from kv where k = ?"
_UP = "select k, v from kv where k >= ? and k < ? order by k limit ?"
_DOWN = "select k, v from kv where k >= ? and k < ? order by k desc limit ?"

# A connection drops its cache whenever the other one has committed: a large one would be filled in vain,
# and the operating system's cache serves them both.
_CACHE_KB = 4096
_LOG_LIMIT_BYTES = 32 << 20
_FORK_PAGES = 500  # copied at a time: 4 MB

# A row of more than a quarter of a page overflows into a page of its own, and ordinary messages, items and
# events have 1 to 2 KB. A commit of 32 rows of 1,150 bytes writes 47 pages of SQLite's usual 4 KB (28 µs of CPU
# a row), 16 of 8 KB (12 µs), 11 of 16 KB (15 µs). Small rows at random keys pay for it: 10 % more CPU a commit.
_PAGE_BYTES = 8192


class SqliteEngine:
    """An engine in a file, which is made if it is not there."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open the store in `path`.

        `vfs` names a registered SQLite VFS; tests use one that fails on demand.

        Raises:
            EngineFailed: it cannot be opened; the message says why.
            EngineFull: there is no room to open it.
        """
        self._path = path
        self._vfs = vfs
        self._failure: str | None = None
        self._closed = False
        self._settled = False
        self._commits = self._rows_written = 0
        self._snapshot = False
        """Whether the reader keeps its snapshot from one read to the next."""
        self._stale = True
        """A batch was committed since the last read."""
        self._read_before = False
        self._starting_over = False
        """A batch is under way with which the log can start over."""
        self._commit_s = self._slowest_commit_s = 0.0
        with translated(f"opening {path}"):
            self._writer = self._connect()
            _prepare(self._writer, path)
            with suppress(apsw.FullError):  # it can be read; the first commit tries again
                self._settle()
            self._batches = BatchWriter(self._writer)
            self._sequence = int(self._writer.execute("select sequence from owner").get)
            self._reader = self._connect()
            self._reader.execute("pragma query_only = on")
            self._page_bytes = int(self._reader.execute("pragma page_size").get)
            self._main_file = os.open(path, os.O_RDONLY)
        self._checkpointer = Checkpointer(self._writer, self._connect, self._main_file)
        self._query = self._reader.cursor().execute

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest durable batch."""
        return self._sequence

    def get(self, key: bytes) -> bytes | None:
        """The committed value of a key."""
        if self._stale or not self._snapshot:
            self._before_read()
        try:
            value: bytes | None = self._query(_GET, (key,)).get
        except apsw.Error as error:
            raise engine_error(f"reading {self._path}", error) from error
        return value

    def scan(self, low: bytes, high: bytes, limit: int, reverse: bool) -> list[Row]:
        """Up to `limit` committed rows with `low <= key < high`, in the direction asked for."""
        if self._stale or not self._snapshot:
            self._before_read()
        try:
            rows: list[Any] = self._query(_DOWN if reverse else _UP, (low, high, limit)).fetchall()
        except apsw.Error as error:
            raise engine_error(f"reading {self._path}", error) from error
        return rows

    def prepare(self) -> None:
        """Let go of a snapshot that is old, or that keeps the log from starting over."""
        self._starting_over = self._checkpointer.finishing
        if self._snapshot and (self._stale or self._starting_over):
            self._let_go()

    def _before_read(self) -> None:
        """Keep a snapshot from the second read after a commit on.

        A lone read costs two locks of the file, and pages read anew: 4.9 µs for a get, 1.0 within a snapshot;
        34 and 16 µs for a scan of 20 rows of 1 KB. An open snapshot keeps the log from starting over, so none
        is opened while that may happen.
        """
        if self._stale:
            self._let_go()
            self._stale = self._read_before = self._starting_over = False
        if self._read_before and self._settled and not self._starting_over:
            with translated(f"reading {self._path}"):
                self._query("begin")
            self._snapshot = True
        self._read_before = True

    def _let_go(self) -> None:
        if self._snapshot:
            if self._reader.in_transaction:  # SQLite has ended it itself where a read met a bad sector
                with translated(f"reading {self._path}"):
                    self._query("rollback")
            self._snapshot = False

    def _settle(self) -> None:
        """Copy the log that an earlier process left into the main file, and empty it.

        It may be in the page cache only (its last fsync may have failed), and what is appended to it would be
        lost with it. So nothing is added before this has succeeded.
        """
        self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        sync_path(self._path.parent)
        self._settled = True

    def claim(self) -> int:
        """Take the next epoch, durably. Called before the first batch, or on the writer's thread."""
        with self._committing("claiming"):
            return int(self._writer.execute("update owner set epoch = epoch + 1 returning epoch").get)

    def apply(self, writes: Sequence[Write], sequence: int, epoch: int) -> None:
        """Commit a batch; returns once the log is synced."""
        if sequence <= self._sequence:
            raise ValueError(f"batch {sequence} comes after batch {self._sequence}")
        started = time.perf_counter()
        batch = merged(writes)
        with self._committing("writing"):
            self._batches.write(batch, sequence, epoch)
        self._sequence = sequence
        self._stale = True
        took = time.perf_counter() - started
        self._commits += 1
        self._rows_written += len(batch)
        self._commit_s += took
        self._slowest_commit_s = max(self._slowest_commit_s, took)
        self._checkpointer.after_commit()

    def load(self, rows: Iterable[Row], *, sequence: int, epoch: int) -> None:
        """Fill a new store with rows, as they were after the batch `sequence` under `epoch`."""
        with self._committing("filling"):
            self._writer.execute("begin immediate; update owner set sequence = ?, epoch = ?", (sequence, epoch))
            self._writer.executemany("insert into kv (k, v) values (?, ?)", sorted(rows))
            self._writer.execute("commit")
        self._sequence = sequence

    def fork(self, destination: Path | None) -> Engine:
        """A copy of one snapshot; may run in any thread."""
        if destination is not None and destination.exists():
            raise FileExistsError(f"{destination} exists")
        with translated(f"copying {self._path}"), closing(self._connect()) as source:
            source.execute("begin")
            # From its first read on this connection sees one snapshot: the copy needs no second start
            # however much is written meanwhile, and the log can't be reset until it is done.
            sequence, epoch = source.execute("select sequence, epoch from owner").get
            if destination is None:
                return MemoryEngine(source.execute("select k, v from kv"), sequence=sequence, epoch=epoch)
            try:
                _copy_pages(source, destination)
            except BaseException:
                destination.unlink(missing_ok=True)
                raise
        return SqliteEngine(destination, vfs=self._vfs)

    def check(self) -> None:
        """Read the whole file and verify its structure: seconds per gigabyte.

        Raises:
            EngineFailed: it is damaged; the message says where.
        """
        with translated(f"checking {self._path}"):
            found = self._reader.execute("pragma quick_check(1)").get
        if found != "ok":
            raise EngineFailed(f"{self._path} is damaged: {found}")

    def statistics(self) -> dict[str, int | float | str]:
        """Sizes, counts, and how long commits took."""
        return {
            "engine": "sqlite",
            "path": str(self._path),
            "size_bytes": self._path.stat().st_size,
            "log_bytes": self._checkpointer.log_pages * self._page_bytes,
            "sequence": self._sequence,
            "commits": self._commits,
            "rows_written": self._rows_written,
            "mean_commit_ms": round(1000 * self._commit_s / max(1, self._commits), 3),
            "slowest_commit_ms": round(1000 * self._slowest_commit_s, 3),
            "checkpoints": self._checkpointer.count,
            "checkpoint_waits_for_room": int(self._checkpointer.full),
            "failure": self._failure or "",
        }

    def close(self) -> None:
        """Copy the log into the main file and close it; a failed engine leaves both as they are."""
        if self._closed:
            return
        self._closed = True
        self._checkpointer.close()
        for connection in (self._reader, self._writer):
            if self._failure:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()
        os.close(self._main_file)  # last: closing any descriptor of the file drops SQLite's locks on it

    def _connect(self) -> apsw.Connection:
        return connect(self._path, self._vfs, cache_kb=_CACHE_KB)

    @contextmanager
    def _committing(self, doing: str) -> Iterator[None]:
        """The block commits, or leaves no trace; a disk that fails ends the engine."""
        if self._closed:
            raise EngineFailed("the store is closed")
        if self._failure:
            raise EngineFailed(self._failure)
        try:
            if not self._settled:
                self._settle()
            if not self._snapshot:
                self._checkpointer.before_commit()
            yield
        except EngineFailed as error:
            self._failure = str(error)
            raise
        except apsw.Error as error:
            meaning = engine_error(f"{doing} {self._path}", error)
            if isinstance(meaning, EngineFailed):
                self._failure = str(meaning)
            raise meaning from error
        finally:
            if self._writer.in_transaction:  # SQLite rolls some failed transactions back itself
                with suppress(apsw.Error):  # the first error is the one to report
                    self._writer.execute("rollback")


def _prepare(writer: apsw.Connection, path: Path) -> None:
    """Turn on the log, and make the tables in a new file; a file keeps the page size it was made with."""
    writer.execute(f"pragma page_size = {_PAGE_BYTES}")
    writer.execute("pragma journal_mode = wal")
    writer.execute(f"pragma journal_size_limit = {_LOG_LIMIT_BYTES}")
    application = writer.execute("pragma application_id").get
    if application == _APPLICATION_ID:
        return
    if application or writer.execute("select count(*) from sqlite_schema").get:
        raise EngineFailed(f"{path} is an SQLite file, but not a Ballroom store")
    with writer:
        writer.execute(_SCHEMA)
        writer.execute(f"pragma application_id = {_APPLICATION_ID}")


def _copy_pages(source: apsw.Connection, destination: Path) -> None:
    with (
        closing(connect(destination, None, cache_kb=_CACHE_KB)) as target,
        target.backup("main", source, "main") as backup,
    ):
        while not backup.done:
            backup.step(_FORK_PAGES)
