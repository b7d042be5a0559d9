"""Connections to SQLite, set up for a store, and its errors in the engine's words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ballroom.kernel.store.engine import EngineError, EngineFailed, EngineFull

_OLDEST_SQLITE = (3, 51, 3)
_BUSY_MS = 10_000  # nobody else writes; a person with the sqlite3 shell may, for a moment


def connect(path: Path, vfs: str | None, *, cache_kb: int) -> apsw.Connection:
    """A connection to the store in `path`, which is made if need be.

    Raises:
        EngineFailed: the SQLite in use is one that corrupts stores.
    """
    check_library(apsw.sqlite_lib_version())
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.set_busy_timeout(_BUSY_MS)
    for pragma in (
        "synchronous = full",
        "fullfsync = on",  # macOS: fsync alone stops at the drive's cache; elsewhere without effect
        "checkpoint_fullfsync = on",
        f"cache_size = -{cache_kb}",
        "trusted_schema = off",  # a restored file may come from anywhere
        "mmap_size = 0",  # a bad sector under a mapped page would kill the process instead of failing a read
    ):
        connection.execute(f"pragma {pragma}")
    return connection


def check_library(version: str) -> None:
    """Refuse a SQLite older than 3.51.3: from 3.7.0 on, such may lose commits when the log is reset.

    Source: sqlite.org/wal.html, "The WAL-reset bug".
    """
    numbers = tuple(int(part) for part in version.split("."))
    if numbers < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        raise EngineFailed(
            f"SQLite {version} can corrupt a store in WAL mode; Ballroom needs {oldest} or newer. "
            "Install apsw from PyPI, which brings its own SQLite."
        )


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn SQLite's errors into `EngineFull` (no room, nothing harmed) and `EngineFailed` (the rest)."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise engine_error(doing, error) from error


def engine_error(doing: str, error: apsw.Error | OSError) -> EngineError:
    """What an error of SQLite or of the operating system means for the store."""
    if isinstance(error, OSError):
        no_room = error.errno in (errno.ENOSPC, errno.EDQUOT)
    else:
        # A write refused for lack of room is SQLITE_FULL; room for the log's index is the other case.
        # An fsync that fails so is no such case: what it was to save may be gone.
        no_room = isinstance(error, apsw.FullError) or (
            getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
        )
    if no_room:
        return EngineFull(f"{doing}: no space left on the device")
    return EngineFailed(f"{doing}: {type(error).__name__}: {error}")
