"""Putting a data directory in the place of another, so that a failure leaves the old one untouched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ballroom.kernel.errors import AlreadyRefused
from ballroom.kernel.store.directory import DataDirectory
from ballroom.kernel.store.files import sync_path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new path beside `path` to make a data directory at; it takes the place of `path` at the end.

    The old directory stays locked until it is out of the way, and is removed last: if the process dies
    between the two renames, it lies complete under `<path>.replaced`.

    Raises:
        AlreadyRefused: `path` is in use or not a data directory; or a folder cannot be moved.
    """
    draft, aside = (path.with_name(f"{path.name}.{word}") for word in ("restoring", "replaced"))
    if aside.exists():
        raise AlreadyRefused(
            f"{aside} is what an interrupted replacement left of {path}; move it back, or remove it."
        )
    old = DataDirectory(path) if path.exists() else None
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a replacement that was interrupted
        yield draft
        try:
            if old is not None:
                path.rename(aside)
            draft.rename(path)
            sync_path(path.parent)
        except OSError as error:
            raise AlreadyRefused(f"{path} cannot be replaced: {error.strerror}") from error
    finally:
        if old is not None:
            old.close()
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(aside, ignore_errors=True)
