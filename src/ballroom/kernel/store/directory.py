"""The data directory: who may use it, which format it has, and where everything lies.

format         the version of the layout below, as a number; written last when a directory is made
lock           locked by the process that uses the directory; holds its number
store.sqlite   the store, with its log beside it (-wal, -shm)
blobs/         see `blob_files`
logs/          the server's own log
tmp/           emptied at each start
root-key       the owner's access key, written by the gateway
reserve        room that is given up when a start finds the disk full, so that the store can be read
seal-key       what secrets in the store are sealed with, see `sealing`
"""

import os
import shutil
from collections.abc import Callable, Mapping
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.store.files import make_folder, sync_path

FORMAT = 1
"""The layout that this release writes. Whoever raises it adds the step that leads there."""

RESERVE_BYTES = 256 << 10
"""The store's index (32 KiB), a few pages of its log, and what the file system needs for names."""

Step = Callable[["DataDirectory"], None]

STEPS: Mapping[int, Step] = {}
"""How to turn a directory of one format into the next, by the older number.

A step is harmless when it is repeated: a crash may come before the new number is written.
"""


class DataDirectory:
    """A data directory that this process has to itself until `close`."""

    def __init__(self, path: Path, *, format: int = FORMAT, steps: Mapping[int, Step] = STEPS) -> None:
        """Open a directory, made if it is not there; an older one is brought to the current format.

        Raises:
            AlreadyRefused: in use, of a newer release, not ours, or not accessible; says which.
        """
        self.path = path
        self._format = format
        try:
            make_folder(path)
            self._lock = _lock(path)
            try:
                self._bring_up_to_date(steps)
                for folder in (self.tmp, self.logs, self.blobs):
                    make_folder(folder)
                self._empty_tmp()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise AlreadyRefused(f"{path} cannot be used as a data directory: {error.strerror}") from error

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.path / "store.sqlite"

    @property
    def blobs(self) -> Path:
        """The folder of the blobs."""
        return self.path / "blobs"

    @property
    def logs(self) -> Path:
        """The folder of the server's own log."""
        return self.path / "logs"

    @property
    def tmp(self) -> Path:
        """A folder for what need not outlive this process."""
        return self.path / "tmp"

    @property
    def root_key(self) -> Path:
        """The owner's access key."""
        return self.path / "root-key"

    def make_room(self) -> None:
        """Give the reserve up if the disk has no other room for what a start needs."""
        there = os.statvfs(self.path)
        if there.f_bavail * there.f_frsize < RESERVE_BYTES:
            self.give_up_reserve()

    def keep_reserve(self) -> None:
        """Take the room that a start on a full disk needs, unless it is there or the disk has none."""
        path = self.path / "reserve"
        try:
            if not path.exists() or path.stat().st_size < RESERVE_BYTES:
                path.write_bytes(os.urandom(RESERVE_BYTES))  # neither a hole nor compressible
                path.chmod(0o600)
                sync_path(path)
        except OSError:
            path.unlink(missing_ok=True)

    def give_up_reserve(self) -> bool:
        """Make room on a full disk; False if there is none to give up."""
        try:
            (self.path / "reserve").unlink()
        except FileNotFoundError:
            return False
        return True

    @property
    def seal_key(self) -> Path:
        """The key that secrets are sealed with, if there is one yet."""
        return self.path / "seal-key"

    def close(self) -> None:
        """Let another process use the directory. Closing twice is harmless."""
        if self._lock >= 0:
            os.close(self._lock)  # which gives the lock back
            self._lock = -1

    def _bring_up_to_date(self, steps: Mapping[int, Step]) -> None:
        found = read_format(self.path)
        if found is None:
            os.chmod(self.path, 0o700)
            write_format(self.path, self._format)
            return
        if found > self._format:
            raise AlreadyRefused(
                f"{self.path} was written by a newer release of Ballroom "
                f"(format {found}; this release reads up to {self._format})."
            )
        for version in range(found, self._format):
            if version not in steps:
                raise AlreadyRefused(f"{self.path} has format {found}, which this release can no longer read.")
            steps[version](self)
            write_format(self.path, version + 1)

    def _empty_tmp(self) -> None:
        for leftover in self.tmp.iterdir():
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def read_format(path: Path) -> int | None:
    """The format of a data directory; None if it is new (nothing in it but a lock and a log).

    Raises:
        AlreadyRefused: there are files in it, but not ours.
    """
    try:
        text = (path / "format").read_text("ascii")
    except FileNotFoundError:
        if set(os.listdir(path)) <= {"lock", "format.new", "logs"}:
            return None
        raise AlreadyRefused(f"{path} is not empty, and not a data directory of Ballroom.") from None
    except UnicodeDecodeError:
        text = ""
    if not text.strip().isdecimal():
        raise AlreadyRefused(f"{path / 'format'} is damaged: it should hold a number.")
    return int(text)


def write_format(path: Path, version: int) -> None:
    """Write the format's number, durably and at once."""
    draft = path / "format.new"
    draft.write_text(f"{version}\n", "ascii")
    draft.chmod(0o600)
    sync_path(draft)
    draft.rename(path / "format")
    sync_path(path)


def _lock(path: Path) -> int:
    """Lock the directory and leave our number there; the lock ends with the process, however it ends."""
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise AlreadyRefused(
                f"{path} is in use by another Ballroom (process {holder or 'unknown'}); "
                "stop that one or choose another data directory."
            ) from None
        number = f"{os.getpid()}\n".encode()
        os.pwrite(descriptor, number, 0)  # over what is there: a full disk has no room for a new block
        os.ftruncate(descriptor, len(number))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
