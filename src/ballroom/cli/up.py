"""`ballroom up`: from a template to a served application, in one command."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from ballroom.cli.commands.apps import deploy_application, require_template, show_outputs
from ballroom.cli.connection import Connection
from ballroom.cli.logs import LogFollower, groups_of
from ballroom.cli.output import INTERRUPTED, NOT_RUNNING, fail, say
from ballroom.cli.process import TiedServer, start_detached


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

    told = ending = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if ending or not told:  # `timeout` and make may both tell: the second comes between two lines of ours
            told = True
            raise _Stop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server: TiedServer | None = None
    deployed = False
    path = require_template(template)
    try:
        server = _find_or_start(connection, data, memory=memory, tied=follow)
        name, outputs = deploy_application(connection, path, stack, parameters)
        deployed = True
        say(f"\n{name} is deployed and served at {connection.endpoint}.")
        show_outputs(outputs)
        if follow:
            say("\nLogs follow; Ctrl-C ends.\n")
            _follow(connection, name, server)
    except _Stop:
        say("\nStopping.")
        if not deployed:
            sys.exit(INTERRUPTED)
    finally:
        if server is not None:
            with contextlib.suppress(_Stop):  # told once more: it has been cut short
                ending = True
                server.end()
            ending = False


def _follow(connection: Connection, name: str, server: TiedServer | None) -> None:
    from botocore.exceptions import ConnectionError as NoAnswer

    try:
        LogFollower(connection, lambda: groups_of(connection, name), since_ms=2_000).run(follow=True)
    except NoAnswer:
        if server is not None and server.has_ended:
            fail("the server has ended by itself.")
        fail(f"the Ballroom at {connection.endpoint} has gone.", NOT_RUNNING)


def _find_or_start(connection: Connection, data: Path | None, *, memory: bool, tied: bool) -> TiedServer | None:
    if connection.find_health() is not None:
        if data is not None or memory:
            fail(
                f"a Ballroom already answers at {connection.endpoint}, with data of its own; stop it, or name "
                "another port with --endpoint."
            )
        say(f"Using the Ballroom at {connection.endpoint}.")
        return None
    if not connection.is_local:
        fail(f"no Ballroom answers at {connection.endpoint}, which is not on this machine.", NOT_RUNNING)
    arguments = _arguments(connection, data, memory=memory)
    if tied:
        server = TiedServer([*arguments, "--log-level", "warning"])
        say(f"Started a Ballroom at {connection.endpoint} (data: {server.data}).")
        return server
    pid, _, where = start_detached(arguments, _log_file(arguments))
    say(f"Started a Ballroom at {connection.endpoint} (process {pid}, data: {where}).")
    return None


def _arguments(connection: Connection, data: Path | None, *, memory: bool) -> list[str]:
    """Host and port are the endpoint's; the rest comes from variables and the file, as for `serve`."""
    parts = urlsplit(connection.endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    arguments = ["--host", parts.hostname or "127.0.0.1", "--port", str(port)]
    if memory:
        arguments.append("--memory")
    if data is not None:
        arguments += ["--data", str(data.absolute())]
    return arguments


def _log_file(arguments: list[str]) -> Path:
    from ballroom.cli.commands.server import log_file_of, read_settings, serve_command

    given: dict[str, Any] = dict(serve_command.make_context("serve", list(arguments)).params)
    given.pop("until_eof")
    return log_file_of(read_settings(given))
