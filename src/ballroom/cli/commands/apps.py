"""Commands about applications: stacks, their functions and their logs."""

from __future__ import annotations

import base64
import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from ballroom.cli.commands.options import connection_options, json_option
from ballroom.cli.connection import Connection
from ballroom.cli.output import fail, result, say


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{pair!r} is no NAME=VALUE", param_hint="--parameter")
        found[name] = value
    return found


_COLOURS = {"COMPLETE": "green", "FAILED": "red"}


def show_event(event: dict[str, Any]) -> None:
    """One line of a stack's progress."""
    status = event["ResourceStatus"]
    reason = event.get("ResourceStatusReason", "")
    colour = _COLOURS.get(status.rpartition("_")[2])
    if "ROLLBACK" in status:
        colour = "yellow"
    line = (
        f"  {click.style(f'{status:<20}', fg=colour)} {event['ResourceType']:<32} {event['LogicalResourceId']}"
    )
    say(f"{line}  {reason}" if reason else line)


def show_outputs(outputs: dict[str, str]) -> None:
    """The outputs of a stack, URLs made to be clicked."""
    if not outputs:
        return
    say()
    width = max(map(len, outputs))
    for name, value in outputs.items():
        say(f"  {name:<{width}}  " + click.style(value, fg="cyan", underline=value.startswith("http")))


def require_template(given: Path) -> Path:
    """The template file that a file or directory means; ends the command if there is none."""
    from ballroom.cli.build import BuildFailed, find_template

    try:
        return find_template(given)
    except BuildFailed as failed:
        fail(str(failed))


def deploy_application(
    connection: Connection,
    template: Path,
    stack: str | None,
    parameters: dict[str, str],
    *,
    quiet: bool = False,
) -> tuple[str, dict[str, str]]:
    """Build and deploy with progress; the stack's name and outputs. Ends the command if it fails."""
    from ballroom.cli.build import BuildFailed
    from ballroom.cli.deploy import DeployFailed, deploy, stack_name_for

    path = require_template(template)
    try:
        name = stack or stack_name_for(path)
        outputs = deploy(
            connection, path, name, parameters,
            progress=(lambda event: None) if quiet else show_event,
            say=(lambda line: None) if quiet else say,
        )  # fmt: skip
    except (BuildFailed, DeployFailed) as failed:
        fail(str(failed))
    return name, outputs


@click.command("up")
@click.argument("template", type=Path, default=Path("."))
@click.option("--stack", metavar="NAME", help="The stack's name.  [default: the folder's]")
@click.option("--parameter", "-p", multiple=True, metavar="NAME=VALUE", help="A template parameter; repeat it.")
@click.option("--data", type=Path, metavar="DIR", help="The data directory, if the server has to be started.")
@click.option("--memory", is_flag=True, help="Keep everything in memory, if the server has to be started.")
@click.option(
    "--no-follow", is_flag=True, help="Return once it is deployed; the server goes on in the background."
)
@connection_options
def up_command(
    connection: Connection,
    template: Path,
    stack: str | None,
    parameter: tuple[str, ...],
    data: Path | None,
    memory: bool,
    no_follow: bool,
) -> None:
    """Deploy the application in TEMPLATE (a file, or a directory that holds one), and serve it.

    Starts the server if none runs, installs requirements, creates or updates the stack, prints outputs and
    URLs, and follows the logs until Ctrl-C. Code is used in place: a changed file takes effect on the next
    invocation. A server that `up` started ends with it; the data stays.
    """
    from ballroom.cli.up import up

    up(connection, template, stack, _parameters(parameter), data=data, memory=memory, follow=not no_follow)


@click.command("deploy")
@click.argument("template", type=Path, default=Path("."))
@click.option("--stack", metavar="NAME", help="The stack's name.  [default: the folder's]")
@click.option("--parameter", "-p", multiple=True, metavar="NAME=VALUE", help="A template parameter; repeat it.")
@json_option
@connection_options
def deploy_command(
    connection: Connection, template: Path, stack: str | None, parameter: tuple[str, ...], as_json: bool
) -> None:
    """Create or update a stack from TEMPLATE (a file, or a directory that holds one), and wait for it."""
    connection.require_server()
    name, outputs = deploy_application(connection, template, stack, _parameters(parameter), quiet=as_json)
    if as_json:
        result({"stack": name, "outputs": outputs})
        return
    say(f"{name} is deployed.")
    show_outputs(outputs)


@click.command("destroy")
@click.argument("stack")
@json_option
@connection_options
def destroy_command(connection: Connection, stack: str, as_json: bool) -> None:
    """Delete STACK (a name, or the directory that it was deployed from) and everything in it."""
    from ballroom.cli.deploy import DeployFailed, Deployment, stack_name_for

    connection.require_server()
    name = stack
    if Path(stack).is_dir():
        name = stack_name_for(Path(stack) / "template.yaml")
    deployment = Deployment(connection, name, (lambda event: None) if as_json else show_event)
    try:
        existed = deployment.delete()
    except DeployFailed as failed:
        fail(str(failed))
    if not existed:
        fail(f"there is no stack {name}.")
    if as_json:
        result({"deleted": name})
    else:
        say(f"{name} is deleted.")


@click.command("invoke")
@click.argument("function")
@click.option("--payload", "-d", help="The event: JSON, or @FILE, or - for standard input.  [default: {}]")
@click.option("--async", "asynchronous", is_flag=True, help="Return at once; the function runs afterwards.")
@click.option("--qualifier", metavar="VERSION|ALIAS", help="The version or alias to invoke.")
@click.option(
    "--logs", "with_logs", is_flag=True, help="Print the end of the invocation's log on standard error."
)
@json_option
@connection_options
def invoke_command(
    connection: Connection,
    function: str,
    payload: str | None,
    asynchronous: bool,
    qualifier: str | None,
    with_logs: bool,
    as_json: bool,
) -> None:
    """Invoke FUNCTION and print what it answers; the exit code is 1 if it failed.

    FUNCTION is a name or ARN, or a logical id of a deployed stack written STACK/LOGICAL-ID.
    """
    connection.require_server()
    request: dict[str, Any] = {
        "FunctionName": resolve_function(connection, function),
        "Payload": _payload(payload),
        "InvocationType": "Event" if asynchronous else "RequestResponse",
    }
    if qualifier:
        request["Qualifier"] = qualifier
    if with_logs and not asynchronous:
        request["LogType"] = "Tail"
    answer = connection.client("lambda").invoke(**request)
    body = answer["Payload"].read().decode("utf-8", "replace")
    failed = "FunctionError" in answer
    if with_logs and answer.get("LogResult"):
        click.echo(base64.b64decode(answer["LogResult"]).decode("utf-8", "replace").rstrip(), err=True)
    if as_json:
        result({"status": answer["StatusCode"], "error": answer.get("FunctionError"), "payload": body})
    elif body:
        say(body)
    if failed:
        sys.exit(1)


def _payload(given: str | None) -> bytes:
    if given is None:
        return b"{}"
    if given == "-":
        return sys.stdin.buffer.read()
    if given.startswith("@"):
        try:
            return Path(given[1:]).read_bytes()
        except OSError as error:
            fail(f"{given[1:]} cannot be read: {error.strerror}")
    return given.encode()


@click.command("logs")
@click.argument("name", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on printing what is logged, until Ctrl-C.")
@click.option(
    "--since", default="1h", show_default=True, metavar="TIME", help="How far back: 30s, 10m, 2h, 1d."
)
@click.option("--filter", "pattern", default="", metavar="PATTERN", help="A CloudWatch Logs filter pattern.")
@json_option
@connection_options
def logs_command(
    connection: Connection, name: str | None, follow: bool, since: str, pattern: str, as_json: bool
) -> None:
    """Print the logs of NAME (a stack or a function; without it: of every function)."""
    from ballroom.cli.logs import LogFollower, groups_of, parse_since

    connection.require_server()
    follower = LogFollower(
        connection, lambda: groups_of(connection, name), pattern=pattern, as_json=as_json,
        since_ms=parse_since(since),
    )  # fmt: skip
    if not groups_of(connection, name) and name and not follow:
        fail(f"there is no stack, function or log group {name}.")
    with contextlib.suppress(KeyboardInterrupt):
        follower.run(follow=follow)


def resolve_function(connection: Connection, function: str) -> str:
    """A function's name from `STACK/LOGICAL-ID`; anything else is taken as it is."""
    stack, slash, logical = function.partition("/")
    if not slash:
        return function
    found = connection.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=logical
    )
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name
