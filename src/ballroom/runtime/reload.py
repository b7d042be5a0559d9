"""Notices that code used in place has changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

_SKIPPED = frozenset(
    {"__pycache__", ".git", ".hg", ".venv", "venv", ".mypy_cache", ".pytest_cache", ".aws-sam"}
)
_SHALLOW = frozenset({"node_modules", "site-packages"})
_MOST_FILES = 5000
_SHARE = 20  # a scan that took 1 ms is repeated after 20 ms at the earliest
_LONGEST_WAIT_S = 2.0


class ChangeWatch:
    """Looks at the files of one folder when asked, and not more often than it can afford.

    Bounded: 5,000 files; of `node_modules` and `site-packages` only the entries, not what is inside them.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._seen = self._scan()

    def changed(self) -> bool:
        """Whether anything changed since the last call that said so."""
        if time.monotonic() < self._not_before:
            return False
        before, self._seen = self._seen, self._scan()
        return before != self._seen

    def _scan(self) -> int:
        started = time.monotonic()
        found: list[tuple[str, int, int, int]] = []
        for folder in self._folders:
            _collect(str(folder), found, deep=True)
        spent = time.monotonic() - started
        self._not_before = started + spent + min(_SHARE * spent, _LONGEST_WAIT_S)
        found.sort()
        return hash(tuple(found))


def _collect(folder: str, found: list[tuple[str, int, int, int]], *, deep: bool) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if len(found) >= _MOST_FILES:
            return
        name = entry.name
        if name in _SKIPPED or name.endswith(".pyc"):
            continue
        try:
            status = entry.stat()
            is_folder = entry.is_dir()
        except OSError:
            continue
        if is_folder:
            if deep:
                _collect(entry.path, found, deep=name not in _SHALLOW)
            else:
                found.append((entry.path, 0, status.st_ino, 0))
        else:
            found.append((entry.path, status.st_mtime_ns, status.st_ino, status.st_size))
