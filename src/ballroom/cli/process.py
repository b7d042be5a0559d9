"""Starting and stopping the server's process."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ballroom.cli.connection import Connection
from ballroom.cli.output import fail
from ballroom.kernel.settings import Settings

START_LIMIT_S = 30.0
LOG_BYTES = 10 << 20
"""A log file larger than this is put aside at the next start."""
_READY = re.compile(r"Ballroom is ready at (\S+) \(data: (.*)\)")


def ready_line(settings: Settings) -> str:
    """What `serve` prints once it serves; scripts may read it."""
    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    where = "in memory" if settings.data_dir is None else str(settings.data_dir)
    return f"Ballroom is ready at {scheme}://{host}:{settings.port} (data: {where})"


def read_ready_line(text: str) -> tuple[str, str] | None:
    """The endpoint on this machine and the place of the data, if `text` holds the line."""
    match = _READY.search(text)
    if match is None:
        return None
    endpoint = match[1].replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return endpoint, match[2]


def command_to_serve(arguments: list[str]) -> list[str]:
    """The command line of `ballroom serve`, run by this interpreter."""
    return [sys.executable, "-m", "ballroom.cli", "serve", *arguments]


class TiedServer:
    """A server that ends with this process, however this process ends.

    It reads from a pipe whose other end only we hold: when we are gone, even by kill -9, the pipe ends and
    the server stops in order. Its session is its own, so that Ctrl-C reaches us, not it.
    """

    def __init__(self, arguments: list[str]) -> None:
        """Start it; returns once it serves. Ends the command if it does not: it has then said why."""
        self.process = subprocess.Popen(
            command_to_serve(["--until-eof", *arguments]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        overdue = threading.Timer(START_LIMIT_S, self.process.kill)
        overdue.start()
        try:
            ready = read_ready_line(self.process.stdout.readline())
        except BaseException:
            self.end()
            raise
        finally:
            overdue.cancel()
        if ready is None:
            sys.exit(self.process.wait() or 1)
        self.endpoint, self.data = ready

    @property
    def has_ended(self) -> bool:
        """Whether it has gone by itself."""
        return self.process.poll() is not None

    def end(self) -> None:
        """Stop it in order, for as long as it drains; a second Ctrl-C cuts that short (nothing is lost)."""
        self.process.terminate()
        try:
            self.process.wait()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


def start_detached(arguments: list[str], log: Path) -> tuple[int, str, str]:
    """Start a server that outlives this command; its process id, endpoint and place of data once it serves."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(log.name + ".1"))
        sink = log.open("ab")
    except OSError as error:
        fail(f"{log} cannot be written: {error.strerror}")
    with sink:
        began = sink.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command_to_serve(arguments),
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = _read_from(log, began)
        ready = read_ready_line(said)
        if ready is not None and not ended:
            return process.pid, *ready
        if ended:
            lines = [line.removeprefix("ballroom: ") for line in said.strip().splitlines()]
            fail(lines[-1] if lines else f"the server ended with status {process.returncode}; see {log}")
        time.sleep(0.01)
    process.terminate()
    fail(f"the server did not serve within {START_LIMIT_S:.0f} s; see {log}")


def _read_from(log: Path, began: int) -> str:
    with log.open("rb") as file:
        file.seek(began)
        return file.read().decode("utf-8", "replace")


def stop(connection: Connection, timeout_s: float) -> int | None:
    """Stop the server gracefully; its process id, or None if none runs."""
    health = connection.find_health()
    if health is None:
        return None
    pid = health.get("pid")
    if not isinstance(pid, int) or not _is_a_ballroom(pid):
        fail(
            f"the server at {connection.endpoint} is no process of this machine (a container?); "
            "stop it where it runs."
        )
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        fail(f"the server (process {pid}) belongs to another user.")
    except ProcessLookupError:
        return pid  # it has just gone by itself
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return pid
        time.sleep(0.01)
    fail(f"the server (process {pid}) is still running after {timeout_s:g} s.")


def _is_a_ballroom(pid: int) -> bool:
    """Whether that process here is a Ballroom: a container's ids mean other processes outside."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if Path("/proc/self").exists():
            return False
        asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        words = asked.stdout
    return b"ballroom" in words


def is_alive(pid: int) -> bool:
    """Whether the process is there and not just waiting for its parent to look."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return not Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].lstrip().startswith(b"Z")
    except OSError:  # no /proc, or gone meanwhile: the next look tells
        return True
