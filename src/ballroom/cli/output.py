"""How commands speak: to people in lines, to scripts in JSON; errors in one line and an exit code.

Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 no Ballroom is running there.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import click

FAILED, USAGE, NOT_RUNNING = 1, 2, 3


class CommandFailed(click.ClickException):
    """What a user can do something about: one line, no trace."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"ballroom: {self.message}", err=True)


def fail(message: str, exit_code: int = FAILED) -> NoReturn:
    """End the command with a line and an exit code."""
    raise CommandFailed(message, exit_code)


def say(text: str = "", **style: Any) -> None:
    """A line for people, on standard error if standard output is a result for machines."""
    click.secho(text, **style)


def result(value: Any) -> None:
    """A result for machines: one line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()
