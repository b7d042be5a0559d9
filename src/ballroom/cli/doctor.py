"""What this machine allows, and what is missing: the findings behind `ballroom doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ballroom import __version__
from ballroom.cli.connection import Connection, own_settings
from ballroom.cli.settings import default_data_dir
from ballroom.runtime.runtimes import find_node

LITTLE_SPACE_BYTES = 1 << 30
SLOW_FSYNC_MS = 20.0


@dataclass
class Finding:
    """One thing that was looked at. `level` is `ok`, `note` (works, but ...) or `problem`."""

    subject: str
    level: str
    text: str


def examine(connection: Connection) -> list[Finding]:
    """Look at the machine and at the server."""
    return [
        _python(),
        _sqlite(),
        _loop(),
        *_data(own_settings().data_dir or default_data_dir()),
        *_isolation(),
        _node(),
        _uv(),
        _server(connection),
    ]


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, Ballroom {__version__}"
    return Finding("python", "ok" if sys.version_info >= (3, 11) else "problem", text)


def _sqlite() -> Finding:
    import apsw

    return Finding("sqlite", "ok", f"{apsw.sqlite_lib_version()} (its own, through apsw {apsw.apsw_version()})")


def _loop() -> Finding:
    try:
        from importlib.metadata import version

        import uvloop  # noqa: F401 - whether it works here is the question
    except ImportError:
        return Finding(
            "event loop", "note", "asyncio's own, since there is no uvloop here: slower, not less correct"
        )
    return Finding("event loop", "ok", f"uvloop {version('uvloop')}")


def _data(path: Path) -> list[Finding]:
    existing = path
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [
            Finding("data directory", "problem", f"{existing} cannot be written; choose another with --data")
        ]
    free = shutil.disk_usage(existing).free
    level = "ok" if free > LITTLE_SPACE_BYTES else "note"
    return [Finding("data directory", level, f"{path}, {free / 1e9:.1f} GB free"), _disk(existing)]


def _disk(folder: Path) -> Finding:
    times = []
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".ballroom-doctor-") as probe:
            for _ in range(5):
                probe.write(b"x" * 4096)
                probe.flush()
                began = time.perf_counter()
                os.fsync(probe.fileno())
                times.append(1000 * (time.perf_counter() - began))
    except OSError as error:
        return Finding("disk", "problem", f"{folder} cannot be written: {error.strerror}")
    fsync_ms = sorted(times)[2]
    text = f"fsync takes {fsync_ms:.2f} ms there: what a lone durable request waits for"
    return Finding("disk", "ok" if fsync_ms < SLOW_FSYNC_MS else "note", text)


def _isolation() -> list[Finding]:
    from ballroom.runtime import isolation_report

    report = isolation_report()
    return [Finding("isolation of functions", "ok" if report.level == "isolated" else "note", report.summary)]


def _node() -> Finding:
    node = find_node()
    if node is None:
        return Finding("node", "note", "not found: nodejs functions are refused until it is on the PATH")
    return Finding("node", "ok", node)


def _uv() -> Finding:
    from uv import find_uv_bin

    try:
        return Finding("uv", "ok", find_uv_bin())
    except FileNotFoundError:
        return Finding(
            "uv", "problem", "the uv package has no program: functions' requirements cannot be installed"
        )


def _server(connection: Connection) -> Finding:
    health = connection.find_health()
    if health is None:
        return Finding("server", "note", f"none answers at {connection.endpoint}; 'ballroom start' starts one")
    return Finding("server", "ok", f"version {health.get('version')} answers at {connection.endpoint}")
