"""Starting and stopping a server in the background."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ballroom.cli.connection import Connection
from ballroom.cli.output import fail

START_LIMIT_S = 20.0


def command_to_serve(arguments: list[str]) -> list[str]:
    """The command line of `ballroom serve`, run by this interpreter."""
    return [sys.executable, "-m", "ballroom.cli", "serve", *arguments]


def start_detached(connection: Connection, data_dir: Path | None, arguments: list[str]) -> dict[str, object]:
    """Start a server that outlives this command; its health page once it answers."""
    folder = (data_dir or Path.home() / ".cache" / "ballroom") / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("ab") as sink:
        began = sink.tell()
        process = subprocess.Popen(
            command_to_serve(arguments),
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    return _wait_until_ready(connection, process, log, began)


def _wait_until_ready(
    connection: Connection, process: subprocess.Popen[bytes], log: Path, began: int
) -> dict[str, object]:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        health = connection.find_health()
        if health is not None:
            return health
        if process.poll() is not None:
            with log.open("rb") as file:
                file.seek(began)
                said = file.read().decode("utf-8", "replace").strip()
            lines = [line.removeprefix("ballroom: ") for line in said.splitlines()]
            fail(lines[-1] if lines else f"the server ended with status {process.returncode}; see {log}")
        time.sleep(0.02)
    process.terminate()
    fail(f"the server did not answer within {START_LIMIT_S:.0f} s; see {log}")


def stop(connection: Connection, timeout_s: float) -> int | None:
    """Stop the server gracefully; its process id, or None if none runs."""
    health = connection.find_health()
    if health is None:
        return None
    pid = health.get("pid")
    if not isinstance(pid, int):
        fail(f"the server at {connection.endpoint} does not tell its process id.")
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        fail(f"the server at {connection.endpoint} is no process of this machine.")
    except PermissionError:
        fail(f"the server (process {pid}) belongs to another user.")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if connection.find_health(0.5) is None and not _alive(pid):
            return pid
        time.sleep(0.02)
    fail(f"the server (process {pid}) is still running after {timeout_s:.0f} s.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # a zombie whose parent has not looked yet has stopped
        return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1][:3]
    except (OSError, IndexError):
        return True
