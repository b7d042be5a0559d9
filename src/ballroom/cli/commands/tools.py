"""Commands that help around a Ballroom: environment, clock, doctor."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import Any
from urllib.parse import quote

import click

from ballroom.cli.commands.options import connection_options, json_option
from ballroom.cli.connection import Connection
from ballroom.cli.output import fail, result, say

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@click.command("env")
@json_option
@connection_options
def env_command(connection: Connection, as_json: bool) -> None:
    """Print the variables that point AWS clients to Ballroom; use it as: eval "$(ballroom env)"."""
    variables = connection.environment()
    if as_json:
        result(variables)
        return
    for name, value in variables.items():
        say(f"export {name}={shlex.quote(value)}")


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@connection_options
def exec_command(connection: Connection, command: tuple[str, ...]) -> None:
    """Run COMMAND with the variables that point AWS clients to Ballroom; its exit code is ours."""
    program = shutil.which(command[0])
    if program is None:
        fail(f"there is no command {command[0]!r}.", 127)
    foreign = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment |= connection.environment()
    arguments = list(command)
    if os.path.basename(program) in ("aws", "aws.exe") and not any(
        argument.startswith("--endpoint-url") for argument in arguments
    ):
        # version 1 of the AWS CLI sends sqs commands to AWS whatever AWS_ENDPOINT_URL says; it obeys the flag
        arguments[1:1] = ["--endpoint-url", connection.endpoint]
    if sys.platform == "win32":
        sys.exit(subprocess.run([program, *arguments[1:]], env=environment, check=False).returncode)
    os.execve(program, arguments, environment)


@click.command("clock")
@click.option("--advance", metavar="TIME", help="Go forward: 30d, 12h, 5m, 10s, 250ms.")
@click.option("--freeze/--run", "frozen", default=None, help="Stop the clock, or let it run with real time.")
@click.option("--auto-skip/--no-auto-skip", default=None, help="Jump to what is due next when nothing is busy.")
@json_option
@connection_options
def clock_command(
    connection: Connection, advance: str | None, frozen: bool | None, auto_skip: bool | None, as_json: bool
) -> None:
    """Show the clock, or move it (the server must run with --clock virtual)."""
    change: dict[str, Any] = {}
    if advance is not None:
        change["advanceMs"] = _duration_ms(advance)
    if frozen is not None:
        change["frozen"] = frozen
    if auto_skip is not None:
        change["autoSkip"] = auto_skip
    if change:
        state = connection.page("POST", "/_ballroom/clock", change, timeout_s=3600)
    else:
        state = connection.page("GET", "/_ballroom/clock")
    if as_json:
        result(state)
        return
    for name, value in state.items():
        say(f"{name}: {value}")


def _duration_ms(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text.strip())
    if match is None:
        raise click.BadParameter(
            f"{text!r} is no time; write 30d, 12h, 5m, 10s or 250ms", param_hint="--advance"
        )
    return round(float(match[1]) * _UNITS_MS[match[2]])


@click.command("doctor")
@json_option
@connection_options
def doctor_command(connection: Connection, as_json: bool) -> None:
    """Say what this machine allows, which isolation functions get, and what is missing."""
    from ballroom.cli.doctor import examine

    findings = examine(connection)
    if as_json:
        result([finding.__dict__ for finding in findings])
    else:
        marks = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "problem": ("FAIL", "red")}
        for finding in findings:
            mark, colour = marks[finding.level]
            click.echo(click.style(mark, fg=colour) + f"  {finding.subject}: {finding.text}")
    if any(finding.level == "problem" for finding in findings):
        sys.exit(1)


@click.command("trace")
@click.argument("id")
@json_option
@connection_options
def trace_command(connection: Connection, id: str, as_json: bool) -> None:
    """Show what led to ID, where it went and what it caused.

    ID is the id of an event (as PutEvents answers it), of a request, or of a delivery. The server remembers
    some thousands of steps since it was started.
    """
    story = connection.page("GET", f"/_ballroom/trace/{quote(id, safe='')}")
    if as_json:
        result(story)
        return
    for depth, span in enumerate(story["causes"]):
        say("  " * depth + _told(span))
    _tell_all(story["spans"], len(story["causes"]))
    if story["cut"]:
        say("There is more; this is what can be read.")


def _tell_all(spans: list[dict[str, Any]], depth: int) -> None:
    for span in spans:
        say("  " * depth + _told(span))
        _tell_all(span.get("caused", []), depth + 1)


def _told(span: dict[str, Any]) -> str:
    took = f", {span['end_ms'] - span['start_ms']} ms" if span["end_ms"] > span["start_ms"] else ""
    about = f" {span['subject']}" if span["subject"] else ""
    return f"{span['service']} {span['operation']}{about}: {span['outcome']}{took} ({span['id']})"


@click.command("outbox")
@json_option
@connection_options
def outbox_command(connection: Connection, as_json: bool) -> None:
    """Show what people would have been sent: mail, text messages and pushes, the newest first."""
    found = connection.page("GET", "/_ballroom/outbox")
    if as_json:
        result(found)
        return
    for message in found["messages"]:
        subject = f"  {message['subject']}" if message.get("subject") else ""
        say(f"{message['time']}  {message['protocol']} to {message['to']}{subject}")
        for line in message["text"].splitlines():
            say(f"    {line}")
