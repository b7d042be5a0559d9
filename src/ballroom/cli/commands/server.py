"""Commands about the server and its data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from ballroom.cli import process
from ballroom.cli import settings as server_settings
from ballroom.cli.commands.options import connection_options, json_option
from ballroom.cli.connection import Connection
from ballroom.cli.output import NOT_RUNNING, fail, result, say

F = TypeVar("F", bound=Callable[..., Any])

_FLAGS: list[tuple[str, dict[str, Any]]] = [
    ("--host", {"help": "The address to listen on.  [default: 127.0.0.1]"}),
    ("--port", {"type": int, "help": "The port; 0 takes a free one.  [default: 4566]"}),
    ("--data", {"type": Path, "metavar": "DIR", "help": "The data directory.  [default: the user's]"}),
    ("--memory", {"is_flag": True, "default": None, "help": "Keep everything in memory, nothing on disk."}),
    ("--public-url", {"metavar": "URL", "help": "What appears in queue URLs, function URLs and outputs."}),
    ("--region", {"help": "The region of clients that name none.  [default: us-east-1]"}),
    ("--account", {"help": "The account of clients whose key tells none.  [default: 000000000000]"}),
    ("--clock", {"type": click.Choice(["real", "virtual"]), "help": "Real time, or one that can be moved."}),
    ("--auth", {"type": click.Choice(["open", "soft", "enforce"]),
                "help": "Whose requests are accepted.  [default: open on loopback, enforce beyond]"}),
    ("--tls-cert", {"type": Path, "metavar": "FILE", "help": "Serve TLS with this certificate chain."}),
    ("--tls-key", {"type": Path, "metavar": "FILE", "help": "The certificate's private key."}),
    ("--allowed-origins", {"multiple": True, "metavar": "ORIGIN", "help": "Web pages that may call the API."}),
    ("--allowed-hosts", {"multiple": True, "metavar": "HOST", "help": "Further host names of this server."}),
    ("--max-body-bytes", {"type": int, "help": "The largest body that is held in memory.  [default: 64 MiB]"}),
    ("--drain-s", {"type": float, "help": "How long a graceful stop may take, in seconds.  [default: 10]"}),
    ("--isolation", {"help": "The isolation that functions need at least.  [default: auto]"}),
    ("--local-code/--no-local-code", {"default": None,
                                      "help": "Whether functions may use directories of this machine in place."}),
    ("--seed", {"type": int, "help": "Make ids and chance repeatable."}),
    ("--log-level", {"type": click.Choice(["debug", "info", "warning", "error"]), "help": "[default: info]"}),
    ("--config", {"type": Path, "metavar": "FILE", "help": "A configuration file.  [default: ballroom.toml]"}),
]  # fmt: skip


def server_options(command: F) -> F:
    """Every flag of the server; each also has a variable BALLROOM_<NAME> and a line in the file."""
    for flag, options in reversed(_FLAGS):
        command = click.option(flag, **options)(command)
    return command


def read_settings(given: dict[str, Any]) -> Any:
    """The server's settings from the flags of the command line."""
    flags = dict(given)
    config = flags.pop("config", None)
    flags["data_dir"] = flags.pop("data", None)
    for name in ("allowed_origins", "allowed_hosts"):
        flags[name] = list(flags[name]) or None
    return server_settings.load(flags, config=config)


def as_arguments(given: dict[str, Any]) -> list[str]:
    """The command line that gives `given` again."""
    arguments: list[str] = []
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value == ():
            continue
        if name == "local_code":
            arguments.append(flag if value else "--no-local-code")
        elif value is True:
            arguments.append(flag)
        elif isinstance(value, tuple):
            for one in value:
                arguments += [flag, str(one)]
        else:
            arguments += [flag, str(value.resolve()) if isinstance(value, Path) else str(value)]
    return arguments


def endpoint_of(settings: Any) -> str:
    """Where a server with these settings answers on this machine."""
    scheme = "https" if settings.tls_cert else "http"
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


@click.command("serve")
@server_options
def serve_command(**given: Any) -> None:
    """Run the server in the foreground, until SIGTERM or Ctrl-C. One line says when it is ready.

    Each flag also has a variable (--log-level: BALLROOM_LOG_LEVEL) and a line in the configuration file
    (log_level = "debug"); flags win over variables, variables over the file.
    """
    from ballroom.cli.serve import serve

    serve(read_settings(given))


@click.command("start")
@server_options
@json_option
def start_command(as_json: bool, **given: Any) -> None:
    """Start the server in the background, and return once it answers."""
    settings = read_settings(given)
    connection = Connection(endpoint_of(settings))
    if connection.find_health() is not None:
        fail(f"a server already answers at {connection.endpoint}.")
    health = process.start_detached(connection, settings.data_dir, as_arguments(given))
    if as_json:
        result({"endpoint": connection.endpoint, **health})
    else:
        say(f"Ballroom is ready at {connection.endpoint} (process {health.get('pid')})")


@click.command("stop")
@click.option("--timeout", default=30.0, show_default=True, help="How long to wait, in seconds.")
@json_option
@connection_options
def stop_command(connection: Connection, timeout: float, as_json: bool) -> None:
    """Stop the server gracefully: it finishes what is under way, within its drain time."""
    pid = process.stop(connection, timeout)
    if pid is None:
        fail(f"no Ballroom answers at {connection.endpoint}.", NOT_RUNNING)
    if as_json:
        result({"stopped": pid})
    else:
        say(f"Stopped process {pid}; what was acknowledged is on disk.")


@click.command("status")
@json_option
@connection_options
def status_command(connection: Connection, as_json: bool) -> None:
    """Say whether a server runs, since when, and what it is doing."""
    health = connection.find_health()
    if health is None:
        fail(f"no Ballroom answers at {connection.endpoint}.", NOT_RUNNING)
    status = connection.page("GET", "/_ballroom/status")
    if as_json:
        result({"endpoint": connection.endpoint, **health, **status})
        return
    say(f"Ballroom {health.get('version')} at {connection.endpoint}, process {health.get('pid')}")
    _print_tree({k: v for k, v in status.items() if k not in health}, "  ")


def _print_tree(value: dict[str, Any], indent: str) -> None:
    for name, entry in value.items():
        if isinstance(entry, dict):
            if entry:
                say(f"{indent}{name}:")
                _print_tree(entry, indent + "  ")
        else:
            say(f"{indent}{name}: {entry}")


@click.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options
def reset_command(connection: Connection, yes: bool) -> None:
    """Delete everything that the running server holds: functions, queues, stacks, data."""
    if not yes:
        click.confirm(f"Delete everything in the Ballroom at {connection.endpoint}?", abort=True)
    connection.page("POST", "/_ballroom/reset", {}, timeout_s=120)
    say("Everything is gone.")


@click.command("backup")
@click.argument("file", type=Path)
@json_option
@connection_options
def backup_command(connection: Connection, file: Path, as_json: bool) -> None:
    """Write an archive of all data to FILE (.tar or .tar.gz), while the server goes on.

    FILE is a path on the server's machine. The archive holds keys and data: keep it to yourself.
    """
    answer = connection.page("POST", "/_ballroom/backup", {"path": str(file.resolve())}, timeout_s=3600)
    if as_json:
        result(answer)
    else:
        say(f"Wrote {answer['path']} ({answer['blobs']} blobs).")


@click.command("restore")
@click.argument("file", type=Path)
@click.option("--data", type=Path, metavar="DIR", help="The data directory to make.  [default: the user's]")
@click.option("--replace", is_flag=True, help="Replace what the directory holds.")
def restore_command(file: Path, data: Path | None, replace: bool) -> None:
    """Make a data directory from the archive FILE. No server may be using the directory."""
    from ballroom.kernel.store.backup import restore

    target = data or server_settings.default_data_dir()
    if replace and target.exists():
        from ballroom.kernel.store.directory import DataDirectory

        DataDirectory(target).close()  # refuses if it is in use, or is not ours
        shutil.rmtree(target)
    restore(file, target)
    say(f"Restored {target}; start it with: ballroom serve --data {target}")


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Where an endpoint URL leads."""
    parts = urlsplit(endpoint)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
