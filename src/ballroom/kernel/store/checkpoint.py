"""Copying the log into the main file, beside the commits instead of in one of them.

SQLite's automatic checkpoint runs inside the commit that crosses the limit, and on a slow disk that
one waits for thousands of random writes. Here a second connection does the bulk in its own thread;
the log can only start over once all of it is copied, so the writer copies the little that was added
meanwhile. SQLite syncs the main file only in that last step, so the thread syncs it first. The slowest of
2,000 commits of 10 random rows took 35 ms with the automatic checkpoint, 20 ms without that sync, 6 ms
with it (`benchmarks/store.py`, 300,000 rows).
"""

import os
from collections.abc import Callable
from threading import Thread

import apsw

from ballroom.kernel.store.engine import EngineFailed

_START_PAGES = 1000  # 8 MB of log
_GOOD_ENOUGH_PAGES = 100  # what the writer may be left with: about as much as a large batch
_MOST_ROUNDS = 8  # each round copies what was added during the one before


class Checkpointer:
    """Keeps one store's log short. All methods but the thread's are called on the writer's thread."""

    def __init__(self, writer: apsw.Connection, connect: Callable[[], apsw.Connection], main_file: int) -> None:
        """Take over from SQLite's automatic checkpoint.

        `connect` opens one more connection; `main_file` is a descriptor of the main file, which must
        stay open as long as any connection (closing it would drop their locks: POSIX's rule).
        """
        self._writer = writer
        self._main_file = main_file
        self._connect = connect
        self._connection: apsw.Connection | None = None
        self._thread: Thread | None = None
        self._error: apsw.Error | OSError | None = None
        self._pages = 0
        self._start_at = _START_PAGES
        self.count = 0
        self.full = False
        self.finishing = False
        """All but the end of the log is copied; it starts over with the next commit, if nobody reads it."""
        writer.set_wal_hook(self._committed)

    @property
    def log_pages(self) -> int:
        """The length of the log after the last commit."""
        return self._pages

    def before_commit(self) -> None:
        """Finish a checkpoint that the thread has brought near its end.

        Raises:
            apsw.Error, EngineFailed: copying failed; the main file can't be trusted to be on disk.
        """
        if self._thread is None or self._thread.is_alive():
            return
        self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        try:
            if isinstance(error, OSError):
                # whatever the reason, ENOSPC included: SQLite counts those pages as copied
                raise EngineFailed(f"syncing the store: {error}") from error
            if error:
                raise error
            self._writer.wal_checkpoint()
            self.full = False
        except apsw.BusyError:
            pass  # as in `_copy`
        except apsw.FullError:
            self.full = True  # the log still holds everything; the next round may find room
        self.count += 1

    def after_commit(self) -> None:
        """Start a checkpoint if the log has become long."""
        if self._thread is None:
            self.finishing = False
        if self._pages < self._start_at or self._thread is not None:
            return
        self._start_at = self._pages + _START_PAGES
        self._thread = Thread(target=self._copy, name="ballroom-checkpoint", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for a checkpoint under way, and close its connection."""
        if self._thread is not None:
            self._thread.join()
        if self._connection is not None:
            self._connection.close()

    def _committed(self, _: apsw.Connection, __: str, pages: int) -> int:
        if pages < self._pages:
            self._start_at = _START_PAGES  # the log has started over
        self._pages = pages
        return apsw.SQLITE_OK

    def _copy(self) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            for _ in range(_MOST_ROUNDS):
                _, copied = self._connection.wal_checkpoint()
                os.fsync(self._main_file)
                if self._pages - copied <= _GOOD_ENOUGH_PAGES:
                    return
        except apsw.BusyError:
            # Somebody else is at it (a person with the sqlite3 shell), or the writer has just started the
            # log over: nothing was copied, nothing is lost, and the next round comes.
            return
        except (apsw.Error, OSError) as error:
            self._error = error
        finally:
            self.finishing = True
