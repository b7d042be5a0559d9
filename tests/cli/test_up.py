"""up: from a template to a served application, and back, whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from ballroom.cli.process import is_alive
from tests.cli.conftest import TEMPLATE
from tests.cli.runner import Background, Cli, until


def fetch(url: str) -> dict[str, object]:
    """GET a URL below localhost, which is loopback though not every resolver knows."""
    host = url.removeprefix("http://").partition("/")[0]
    request = urllib.request.Request(f"http://127.0.0.1:{host.rpartition(':')[2]}/", headers={"host": host})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def begin(cli: Cli, *words: str) -> tuple[Background, str]:
    up = cli.begin("up", *words)
    url = up.output("Url")
    return up, url


def server_of(cli: Cli) -> int:
    pid: int = cli("status", "--json").json["pid"]
    return pid


def test_up_starts_deploys_serves_follows_and_stops_at_ctrl_c(cli: Cli, app: Path) -> None:
    up, url = begin(cli, "app")
    assert up.lines[0] == f"Started a Ballroom at {cli.endpoint} (data: {cli.data}).\n"
    assert "CREATE_COMPLETE      AWS::Lambda::Function" in up.text
    assert f"app is deployed and served at {cli.endpoint}." in up.text
    assert fetch(url)["word"] == "hello"
    assert "speaker said hello" in up.wait_for("said hello")
    (app / "src" / "app.py").write_text("def handler(event, context):\n    return {'word': 'changed'}\n")
    assert fetch(url) == {"word": "changed"}, "without a deployment"
    server = server_of(cli)
    assert up.signal(signal.SIGINT) == 0
    assert up.lines[-1] == "Stopping.\n"
    assert not is_alive(server)


def test_up_again_goes_on_with_the_data_and_updates_what_changed(cli: Cli, app: Path) -> None:
    up, first = begin(cli, "app")
    cli.client("sqs").create_queue(QueueName="kept")
    up.signal(signal.SIGTERM)
    (app / "template.yaml").write_text(TEMPLATE.replace("Default: hello", "Default: updated"))
    up, second = begin(cli, "app/template.yaml", "-p", "Word=updated")
    assert second == first
    assert "UPDATE_COMPLETE      AWS::Lambda::Function" in up.text
    assert "AWS::IAM::Role" not in up.text, "what has not changed is left alone"
    assert fetch(second)["word"] == "updated"
    assert len(cli.client("sqs").list_queues()["QueueUrls"]) == 1
    assert up.signal(signal.SIGTERM) == 0


@pytest.mark.usefixtures("app")
def test_being_told_twice_at_once_is_being_told(cli: Cli) -> None:
    up, _ = begin(cli, "app", "--memory")
    server = server_of(cli)
    os.kill(up.process.pid, signal.SIGTERM)
    assert up.signal(signal.SIGTERM) == 0
    assert "Traceback" not in up.text
    until(lambda: not is_alive(server))


@pytest.mark.usefixtures("app")
def test_a_server_that_up_started_does_not_outlive_it_even_after_kill_9(cli: Cli) -> None:
    up, _ = begin(cli, "app")
    server = server_of(cli)
    up.kill()
    until(lambda: not is_alive(server))
    cli.serve()  # the directory is free again


@pytest.mark.usefixtures("app")
def test_a_server_that_was_there_before_stays(cli: Cli) -> None:
    server = cli.serve("--memory")
    up, _ = begin(cli, "app")
    assert up.lines[0] == f"Using the Ballroom at {cli.endpoint}.\n"
    assert up.signal(signal.SIGINT) == 0
    assert server.process.poll() is None
    assert "with data of its own" in cli("up", "app", "--memory", code=1).err


@pytest.mark.usefixtures("app")
def test_a_server_that_goes_away_ends_up_with_a_line(cli: Cli) -> None:
    up, _ = begin(cli, "app", "--memory")
    os.kill(server_of(cli), signal.SIGKILL)
    assert up.wait() == 1
    assert up.lines[-1] == "ballroom: the server has ended by itself.\n"


@pytest.mark.usefixtures("app")
def test_without_following_the_server_goes_on_in_the_background(cli: Cli) -> None:
    done = cli("up", "app", "--no-follow")
    try:
        assert "app is deployed" in done.out
        assert "Logs follow" not in done.out
        assert is_alive(server_of(cli))
    finally:
        cli("stop")


def test_a_template_that_fails_ends_up_and_its_server(cli: Cli) -> None:
    (cli.cwd / "template.yaml").write_text(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 99999999}}}"
    )
    failed = cli("up", code=1)
    assert "VisibilityTimeout" in failed.err
    assert "ROLLBACK_COMPLETE" in failed.out
    cli("status", code=3)


def test_up_without_a_template_starts_no_server(cli: Cli) -> None:
    assert "holds none of template.yaml" in cli("up", code=1).err
    assert cli("up", "gone", code=1).err == "ballroom: gone does not exist.\n"
    assert not cli.data.exists()


@pytest.mark.usefixtures("app")
def test_up_says_why_its_server_does_not_start(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "format").write_text("999\n")
    failed = cli("up", "app", code=1)
    assert failed.err.startswith(f"ballroom: {cli.data} was written by a newer release")
    assert failed.err.count("\n") == 1


@pytest.mark.usefixtures("app")
def test_up_starts_no_server_for_another_machine(cli: Cli) -> None:
    refused = cli("up", "app", "--endpoint", "http://198.51.100.1:9", code=3)
    assert "which is not on this machine" in refused.err
