"""How commands speak: to people in lines, to scripts in JSON; errors in one line and an exit code.

Exit codes: see `EXIT_CODES`; docs/cli.md lists them, and a test compares.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import click

FAILED, USAGE, NOT_RUNNING, NO_COMMAND, INTERRUPTED = 1, 2, 3, 127, 130
EXIT_CODES = {
    0: "done",
    FAILED: "it failed, or was refused; the last line on standard error says why",
    USAGE: "wrong usage: an unknown flag, a setting or an argument that cannot be used",
    NOT_RUNNING: "no Ballroom answers there",
    NO_COMMAND: "exec: there is no such command (otherwise the command's own exit code)",
    INTERRUPTED: "interrupted by Ctrl-C before it was done",
}


class CommandFailed(click.ClickException):
    """What a user can do something about: one line, no trace."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code

    def show(self, file: Any = None) -> None:
        """Print the line."""
        complain(self.message)


def complain(text: str) -> None:
    """A line about what went wrong."""
    click.echo(f"ballroom: {text}", err=True)


def fail(message: str, exit_code: int = FAILED) -> NoReturn:
    """End the command with a line and an exit code."""
    raise CommandFailed(message, exit_code)


def say(text: str = "", *, err: bool = False, **style: Any) -> None:
    """A line for people."""
    click.secho(text, err=err, **style)
    (sys.stderr if err else sys.stdout).flush()


def result(value: Any) -> None:
    """A result for machines: one line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()
