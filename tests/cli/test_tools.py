"""env, exec, doctor, and the help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from ballroom.cli.main import COMMANDS
from ballroom.cli.output import EXIT_CODES
from tests.cli.runner import COMMAND, Cli


def test_env_is_read_by_a_shell(served: Cli) -> None:
    script = f'eval "$({" ".join(COMMAND)} env)"; echo "$AWS_ENDPOINT_URL $AWS_REGION $AWS_DISABLE_HOST_PREFIX_INJECTION"'
    ran = subprocess.run(
        ["sh", "-c", script], env=served.environment, cwd=served.cwd, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{served.endpoint} us-east-1 true\n"


def test_env_names_the_region_that_was_asked_for(cli: Cli) -> None:
    variables = cli("env", "--json", "--region", "eu-west-1").json
    assert (variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("test", "test")


def test_keys_of_the_environment_are_used_only_where_they_are_meant(cli: Cli) -> None:
    real = {"AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL", "AWS_SECRET_ACCESS_KEY": "real"}
    assert cli("env", "--json", **real).json["AWS_ACCESS_KEY_ID"] == "test"
    named = cli("env", "--json", AWS_ENDPOINT_URL=cli.endpoint, AWS_SESSION_TOKEN="t", **real).json
    assert (named["AWS_ACCESS_KEY_ID"], named["AWS_SESSION_TOKEN"]) == (real["AWS_ACCESS_KEY_ID"], "t")
    account = {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "x"}
    assert cli("env", "--json", **account).json["AWS_ACCESS_KEY_ID"] == "123456789012"


SHOW = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]])); sys.exit(7)"


def test_exec_runs_a_command_with_the_variables_and_returns_its_exit_code(cli: Cli) -> None:
    words = ("exec", "--", sys.executable, "-c", SHOW, "--json", "a b")
    environment, given = cli(*words, code=7, AWS_PROFILE="work", AWS_SESSION_TOKEN="old").json
    assert environment["AWS_ENDPOINT_URL"] == cli.endpoint
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert given == ["--json", "a b"]


def test_exec_points_the_aws_cli_here(served: Cli) -> None:
    aws = Path(sys.executable).parent / "aws"
    answer = served("exec", "--", aws, "sts", "get-caller-identity", "--output", "json")
    assert json.loads(answer.out)["Account"] == "000000000000"


def test_exec_of_a_command_that_does_not_exist(cli: Cli) -> None:
    assert (
        cli("exec", "--", "no-such-program", code=127).err
        == "ballroom: there is no command 'no-such-program'.\n"
    )
    assert "Missing argument" in cli("exec", code=2).err


def test_doctor_looks_at_the_machine_and_the_server(served: Cli) -> None:
    findings = {f["subject"]: f for f in served("doctor", "--json").json}
    for subject in ("python", "sqlite", "event loop", "data directory", "disk", "isolation of functions", "uv"):
        assert findings[subject]["level"] in ("ok", "note")
        assert findings[subject]["text"]
    assert findings["server"]["level"] == "ok"
    assert "isolation of functions" in served("doctor").out


def test_doctor_finds_a_problem(cli: Cli) -> None:
    (cli.home / "file").write_text("")
    found = cli("doctor", "--json", code=1, BALLROOM_DATA_DIR=str(cli.home / "file" / "below")).json
    assert [f["subject"] for f in found if f["level"] == "problem"] == ["data directory"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_says_what_each_command_does(command: str) -> None:
    from click.testing import CliRunner

    from ballroom.cli.main import cli as group

    shown = CliRunner().invoke(group, [*([command] if command else []), "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 5
    assert all(len(line) <= 100 for line in shown.output.splitlines())
    for line in shown.output.splitlines():  # every option says what it does
        if line.startswith("  --"):
            assert len(line.split("  ")) > 2 or len(line) > 30


def test_the_page_of_the_command_line_knows_every_command_and_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    for command in COMMANDS:
        assert f"`ballroom {command}" in page, command
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in page, (code, meaning)


def test_version() -> None:
    from ballroom import __version__

    shown = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True, env=os.environ)
    assert __version__ in shown.stdout


def test_trace_shows_where_an_event_went(served: Cli) -> None:
    events = boto3.client(
        "events", endpoint_url=served.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/traced"
    events.put_rule(Name="traced", EventPattern='{"source": ["trace.test"]}')
    events.put_targets(Rule="traced", Targets=[{"Id": "t", "Arn": group}])
    entry = {"Source": "trace.test", "DetailType": "x", "Detail": "{}"}
    event_id = events.put_events(Entries=[entry])["Entries"][0]["EventId"]
    shown = served("trace", event_id).out.splitlines()
    assert shown[0].startswith("events PutEvents: ok")
    assert f"  events Event trace.test x on default: ok ({event_id})" in shown
    assert any(f"rule/traced -> {group}: ok" in line for line in shown)
    assert served("trace", event_id, "--json").json["id"] == event_id
    assert "Nothing is known of unknown" in served("trace", "unknown", code=1).err
