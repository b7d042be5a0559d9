"""A disk that fails on demand: an SQLite VFS between the engine and the file system, for tests only."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import apsw


class Disk(apsw.VFS):
    """Pass this VFS's name to an engine, then set what shall go wrong."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.full = False
        self.writes_until_full: int | None = None
        self.fsync_fails = False
        self.writes_fail = False
        self.syncs = 0
        self.syncing = Event()
        """Set once an fsync has been asked for."""
        self._go = Event()
        self._go.set()
        super().__init__(name, "")

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Every fsync waits until the block ends."""
        self.syncing.clear()
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def before_sync(self) -> None:
        self.syncs += 1
        self.syncing.set()
        self._go.wait()
        if self.fsync_fails:
            raise apsw.IOError("fsync failed")

    def before_write(self) -> None:
        if self.writes_until_full is not None:
            self.writes_until_full -= 1
            self.full = self.full or self.writes_until_full < 0
        if self.full:
            raise apsw.FullError("no space left")
        if self.writes_fail:
            raise apsw.IOError("write failed")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.before_sync()
        super().xSync(flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._disk.before_write()
        super().xWrite(data, offset)
