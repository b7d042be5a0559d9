"""`ballroom up`: from a template to a served application, in one command."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

from ballroom.cli.commands.apps import deploy_application, show_outputs
from ballroom.cli.commands.server import host_and_port
from ballroom.cli.connection import Connection
from ballroom.cli.logs import LogFollower, groups_of
from ballroom.cli.output import fail, say
from ballroom.cli.process import START_LIMIT_S, command_to_serve, start_detached
from ballroom.cli.settings import default_data_dir

STOP_LIMIT_S = 30.0


class _Stop(BaseException):
    """SIGTERM or Ctrl-C."""


def up(
    connection: Connection,
    template: Path,
    stack: str | None,
    parameters: dict[str, str],
    *,
    data: Path | None,
    memory: bool,
    follow: bool,
) -> None:
    """Start a server if none runs, deploy, print URLs, follow the logs until told to stop."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stop

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server: subprocess.Popen[bytes] | None = None
    try:
        if connection.find_health() is None:
            server = _start(connection, data, memory=memory, detached=not follow)
        else:
            say(f"Using the Ballroom at {connection.endpoint}.")
        name, outputs = deploy_application(connection, template, stack, parameters)
        say(f"\n{name} is deployed and served at {connection.endpoint}.")
        show_outputs(outputs)
        if not follow:
            return
        say("\nLogs follow; Ctrl-C ends.\n")
        LogFollower(connection, lambda: groups_of(connection, name), since_ms=2_000).run(follow=True)
    except _Stop:
        say("\nStopping.")
    finally:
        if server is not None:
            _end(server)


def _start(
    connection: Connection, data: Path | None, *, memory: bool, detached: bool
) -> subprocess.Popen[bytes] | None:
    host, port = host_and_port(connection.endpoint)
    where = (
        None if memory else (data or Path(os.environ.get("BALLROOM_DATA_DIR") or default_data_dir())).resolve()
    )
    arguments = ["--host", host, "--port", str(port), "--region", connection.region]
    arguments += ["--memory"] if where is None else ["--data", str(where)]
    if detached:
        start_detached(connection, where, arguments)
        say(f"Started a Ballroom at {connection.endpoint} ({where or 'in memory'}).")
        return None
    # a session of its own: Ctrl-C reaches this command, which then stops the server in order
    server = subprocess.Popen(
        command_to_serve([*arguments, "--log-level", "warning"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + START_LIMIT_S
    while connection.find_health() is None:
        if server.poll() is not None:
            fail(f"the server ended at once with status {server.returncode}.")
        if time.monotonic() > deadline:
            server.terminate()
            fail(f"the server did not answer within {START_LIMIT_S:.0f} s.")
        time.sleep(0.02)
    say(f"Started a Ballroom at {connection.endpoint} ({where or 'in memory'}).")
    return server


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
