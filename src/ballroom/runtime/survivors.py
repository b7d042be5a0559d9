"""Which processes are ours, on disk: after a crash of the server the next one ends what is left of them.

Normally nothing is left: zygotes die when the control socket ends and environments with their zygote. This
is the second line, for a stopped or wedged process. A pid alone proves nothing (they are reused), so each is
recorded with its start time, and on Linux with the mark that every descendant inherits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

MARK = "BALLROOM_RUNTIME"
"""Environment variable that names the work folder, in zygotes and all that they fork."""


class Survivors:
    """The record of one work folder. Cheap: one small file per process, no fsync (a reboot ends them too)."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir
        self._folder = work_dir / "processes"

    def open(self) -> None:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def add(self, pid: int) -> None:
        """Remember a process that is ours."""
        with contextlib.suppress(OSError):
            fd = os.open(self._folder / str(pid), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(fd, start_time(pid).encode())
            finally:
                os.close(fd)

    def remove(self, pid: int) -> None:
        """It has ended."""
        with contextlib.suppress(OSError):
            os.unlink(self._folder / str(pid))

    def sweep(self) -> int:
        """Kill what an earlier server left behind, process groups included; how many there were.

        Call it before the first invocation: afterwards nothing of the earlier server runs.
        """
        victims: set[int] = set()
        if self._folder.is_dir():
            for entry in self._folder.iterdir():
                with contextlib.suppress(ValueError, OSError):
                    pid = int(entry.name)
                    recorded = entry.read_text()
                    if recorded and recorded == start_time(pid):
                        victims.add(pid)
                with contextlib.suppress(OSError):
                    entry.unlink()
        victims |= _marked(f"{MARK}={self._work_dir}".encode())
        for pid in victims:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return len(victims)


def start_time(pid: int) -> str:
    """What tells this process from a later one with the same pid; empty where it cannot be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _marked(mark: bytes) -> set[int]:
    if not sys.platform.startswith("linux"):
        return set()
    found: set[int] = set()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            variables = Path(f"/proc/{name}/environ").read_bytes()
            if mark in variables.split(b"\0"):
                found.add(int(name))
    return found
