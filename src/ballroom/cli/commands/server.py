"""Commands that run a server: serve, start, stop, status."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ballroom.cli import process
from ballroom.cli import settings as server_settings
from ballroom.cli.commands.options import connection_options, json_option
from ballroom.cli.connection import Connection, endpoint_of
from ballroom.cli.output import NOT_RUNNING, fail, result, say
from ballroom.kernel.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def _click_option(option: server_settings.Option) -> Callable[[F], F]:
    more: dict[str, Any] = {"help": option.help, "default": None}
    if option.default:
        more["help"] += f"  [default: {option.default}]"
    names = [option.flag, option.name]
    if option.name == "data_dir":
        names.insert(1, "--data-dir")
    match option.name:
        case "memory" | "private_addresses":
            more["is_flag"] = True
        case "local_code":
            names[0] = "--local-code/--no-local-code"
        case "allowed_origins" | "allowed_hosts" | "quotas":
            more |= {"multiple": True, "metavar": option.metavar}
        case "store_vfs":
            more["hidden"] = True
        case _ if option.choices:
            more["type"] = click.Choice(option.choices)
        case _:
            more["metavar"] = option.metavar
    return click.option(*names, **more)


def server_options(command: F) -> F:
    """Every setting as a flag; each also has a variable BALLROOM_<NAME> and a line in the file."""
    config = click.option(
        "--config", type=Path, metavar="FILE", help="The configuration file.  [default: ballroom.toml, if any]"
    )
    command = config(command)
    for option in reversed(server_settings.OPTIONS):
        command = _click_option(option)(command)
    return command


def read_settings(given: dict[str, Any]) -> Settings:
    """The server's settings, from the flags of the command line and everything below them."""
    flags = {name: value for name, value in given.items() if name != "config"}
    for name in ("allowed_origins", "allowed_hosts", "quotas"):
        flags[name] = list(flags[name]) or None
    return server_settings.load(flags, config=given["config"])


def as_arguments(given: dict[str, Any]) -> list[str]:
    """The command line that gives `given` again."""
    flags = {option.name: option.flag for option in server_settings.OPTIONS} | {"config": "--config"}
    arguments: list[str] = []
    for name, value in given.items():
        if value is None or value == ():
            continue
        if isinstance(value, bool):
            arguments.append(flags[name] if value else "--no-" + flags[name].removeprefix("--"))
        else:
            for one in value if isinstance(value, tuple) else (value,):
                arguments += [flags[name], str(one)]
    return arguments


@click.command("serve")
@server_options
@click.option("--until-eof", is_flag=True, help="Stop also when standard input ends: with whoever holds it.")
def serve_command(until_eof: bool, **given: Any) -> None:
    """Run the server in the foreground, until SIGTERM or Ctrl-C. One line says when it is ready.

    Each flag also has a variable (--log-level: BALLROOM_LOG_LEVEL) and a line in the configuration file
    (log_level = "debug"); flags win over variables, variables over the file.

    The first signal lets what is under way finish, within the drain time; a second one ends it at once.
    Neither loses anything that was acknowledged. The server's own log goes to standard error.
    """
    from ballroom.cli.serve import serve

    serve(read_settings(given), until_eof=until_eof)


@click.command("start")
@server_options
@json_option
def start_command(as_json: bool, **given: Any) -> None:
    """Start the server in the background, and return once it serves.

    Takes the flags of serve. Its log goes to logs/server.log in the data directory.
    """
    settings = read_settings(given)
    if settings.port:
        connection = Connection(endpoint_of(settings))
        if connection.find_health() is not None:
            fail(f"a Ballroom already answers at {connection.endpoint}.")
    log = log_file_of(settings)
    pid, endpoint, data = process.start_detached(as_arguments(given), log)
    if as_json:
        result({"endpoint": endpoint, "pid": pid, "data": data, "log": str(log)})
    else:
        say(f"Ballroom is ready at {endpoint} (process {pid}, data: {data}, log: {log})")


def log_file_of(settings: Settings) -> Path:
    """Where a server in the background writes its log."""
    if settings.data_dir is not None:
        return settings.data_dir.absolute() / "logs" / "server.log"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "ballroom" / "server.log"


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
        say(f"Stopped process {pid}; what was acknowledged is kept, unless it ran in memory.")


@click.command("status")
@json_option
@connection_options
def status_command(connection: Connection, as_json: bool) -> None:
    """Say whether a server runs, since when, and what it is doing. The exit code is 3 if none runs."""
    health = connection.find_health()
    if health is None:
        fail(f"no Ballroom answers at {connection.endpoint}.", NOT_RUNNING)
    status = connection.page("GET", "/_ballroom/status")
    if as_json:
        result({"endpoint": connection.endpoint, **health, **status})
        return
    say(
        f"Ballroom {health.get('version')} at {connection.endpoint}, process {health.get('pid')}, "
        f"up for {_span(health.get('uptimeSeconds', 0))}"
    )
    say(f"services: {', '.join(health.get('services', {}))}")
    _print_tree({k: v for k, v in status.items() if k not in health}, "")


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _print_tree(value: dict[str, Any], indent: str) -> None:
    for name, entry in value.items():
        if isinstance(entry, dict):
            if entry:
                say(f"{indent}{name}:")
                _print_tree(entry, indent + "  ")
        else:
            say(f"{indent}{name}: {entry}")
