"""The `ballroom` command: its groups of commands, loaded only when one of them is used."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from ballroom import __version__
from ballroom.cli.output import FAILED, INTERRUPTED, USAGE, complain

COMMANDS = {
    # name: (module under ballroom.cli.commands, the line that --help shows)
    "up": ("apps", "Deploy an application, serve it and follow its logs, until Ctrl-C."),
    "deploy": ("apps", "Create or update a stack from a template."),
    "destroy": ("apps", "Delete a stack and everything in it."),
    "invoke": ("apps", "Invoke a function and print its answer."),
    "logs": ("apps", "Print the logs of a stack or function; -f follows them."),
    "serve": ("server", "Run the server in the foreground, until SIGTERM."),
    "start": ("server", "Start the server in the background."),
    "stop": ("server", "Stop the server gracefully."),
    "status": ("server", "Say whether a server runs, and what it holds."),
    "reset": ("data", "Delete everything the server holds."),
    "backup": ("data", "Write an archive of the data, while it is in use."),
    "restore": ("data", "Make a data directory from an archive."),
    "env": ("tools", "Print the variables that point AWS clients to Ballroom."),
    "exec": ("tools", "Run a command with those variables."),
    "clock": ("tools", "Show, freeze, advance or skip the virtual clock."),
    "trace": ("tools", "Show where an event or a request went and what it caused."),
    "outbox": ("tools", "Show the mail and text messages that people would have been sent."),
    "doctor": ("tools", "Say what this machine allows and what is missing."),
}


class OutputClosed(Exception):
    """Whoever read our output has seen enough."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, so that help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ballroom.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a closed pipe is told apart before click answers it with exit code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as closed:
            raise OutputClosed from closed

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ballroom")
def cli() -> None:
    """Ballroom: the serverless cloud you own.

    Runs serverless applications written for AWS, unmodified, on this machine.

    Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 no Ballroom is running there, 130 interrupted.
    """


def main() -> None:
    """Run the command line; user errors end in one line and an exit code, never in a trace."""
    sys.exit(_run())


def _run() -> int:
    from ballroom.cli.settings import WrongSetting
    from ballroom.kernel.errors import AlreadyRefused

    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        return INTERRUPTED
    except AlreadyRefused as refused:
        complain(" ".join(str(refused).split()))
        return USAGE if isinstance(refused, WrongSetting) else FAILED
    except (BrokenPipeError, OutputClosed):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as failure:
        if failure.filename is None and type(failure).__module__ == "builtins":
            raise
        complain(f"{failure.filename}: {failure.strerror}" if failure.filename else str(failure))
        return FAILED
    except Exception as failure:
        if not _is_user_error(failure):
            raise
        complain(_words_of(failure))
        return FAILED


def _is_user_error(failure: Exception) -> bool:
    """What AWS's client libraries raise about an answer or a connection: the text says it all."""
    return type(failure).__module__.partition(".")[0] in ("botocore", "boto3")


def _words_of(failure: Exception) -> str:
    response: Any = getattr(failure, "response", None)
    if not isinstance(response, dict) or "Error" not in response:
        return str(failure)
    error = response["Error"]
    return f"{error.get('Message') or failure} ({error.get('Code')})"
