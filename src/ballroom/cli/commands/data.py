"""Commands about the data as a whole: reset, backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from ballroom.cli.commands.options import connection_options, json_option
from ballroom.cli.connection import Connection, own_settings
from ballroom.cli.output import result, say
from ballroom.cli.settings import default_data_dir


@click.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@connection_options
def reset_command(connection: Connection, yes: bool, as_json: bool) -> None:
    """Delete everything that the running server holds: functions, queues, stacks, data."""
    connection.require_server()
    if not yes:
        click.confirm(f"Delete everything in the Ballroom at {connection.endpoint}?", abort=True, err=True)
    answer = connection.page("POST", "/_ballroom/reset", {}, timeout_s=600)
    if as_json:
        result(answer)
    else:
        say("Everything is gone.")


@click.command("backup")
@click.argument("file", type=Path)
@json_option
@connection_options
def backup_command(connection: Connection, file: Path, as_json: bool) -> None:
    """Write an archive of all data to FILE (.tar or .tar.gz), while the server goes on.

    FILE is a path on the server's machine that does not exist. The archive holds keys and data: keep it to
    yourself.
    """
    body = {"path": str(file.absolute())}
    answer = connection.page("POST", "/_ballroom/backup", body, timeout_s=3600)
    if as_json:
        result(answer)
    else:
        say(f"Wrote {answer['path']} ({answer['blobs']} blobs).")


@click.command("restore")
@click.argument("file", type=Path)
@click.option(
    "--data",
    "--data-dir",
    "data",
    type=Path,
    metavar="DIR",
    help="The data directory to make.  [default: the one that serve would use]",
)
@click.option("--replace", is_flag=True, help="Replace what the directory holds.")
@json_option
def restore_command(file: Path, data: Path | None, replace: bool, as_json: bool) -> None:
    """Make a data directory from the archive FILE. No server may be using the directory.

    The archive is checked first: if it is damaged, what the directory holds stays.
    """
    from ballroom.kernel.store.backup import restore
    from ballroom.kernel.store.replacing import replacing

    target = (data or own_settings().data_dir or default_data_dir()).absolute()
    if replace:
        with replacing(target) as draft:
            manifest = restore(file, draft)
    else:
        manifest = restore(file, target)
    if as_json:
        result({"data": str(target), "sequence": manifest.sequence, "blobs": manifest.blobs})
    else:
        say(f"Restored {target}; start it with: ballroom serve --data {target}")
