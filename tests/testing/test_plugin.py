"""The fixture `ballroom`, as a project that tests with it sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from ballroom.testing import BallroomServer, BuildFailed, DeployFailed


def test_plain_clients_talk_to_it(ballroom: BallroomServer) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == ballroom.endpoint
    url = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert url.startswith(f"http://localhost:{ballroom.settings.port}/")
    assert ballroom.client("sqs").list_queues()["QueueUrls"] == [url]


def test_each_test_has_a_ballroom_of_its_own(ballroom: BallroomServer) -> None:
    assert "QueueUrls" not in ballroom.client("sqs").list_queues()
    assert ballroom.settings.data_dir is None
    with BallroomServer() as other:
        assert other.settings.port != ballroom.settings.port
        other.client("sqs").create_queue(QueueName="elsewhere")
        assert "QueueUrls" not in ballroom.client("sqs").list_queues()


def test_a_month_passes_in_no_time(ballroom: BallroomServer) -> None:
    sqs = ballroom.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="soon", DelaySeconds=900)
    before, real = ballroom.clock.now_ms, time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    ballroom.clock.advance(minutes=15)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "soon"
    assert ballroom.clock.advance(days=30) == ballroom.clock.now_ms == before + 30 * 86_400_000 + 900_000
    assert "Messages" not in sqs.receive_message(QueueUrl=url), "retention is over"
    assert time.monotonic() - real < 60


def test_time_stands_still_until_it_is_moved(ballroom: BallroomServer) -> None:
    now = ballroom.clock.now_ms
    time.sleep(0.01)
    assert ballroom.clock.now_ms == now
    ballroom.clock.run_with_real_time()
    deadline = time.monotonic() + 10
    while ballroom.clock.now_ms == now:
        assert time.monotonic() < deadline
    ballroom.clock.freeze()
    now = ballroom.clock.now_ms
    time.sleep(0.01)
    assert ballroom.clock.now_ms == now


def test_a_long_poll_ends_at_once_when_the_clock_skips(ballroom: BallroomServer) -> None:
    sqs = ballroom.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    before = ballroom.clock.now_ms
    ballroom.clock.auto_skip()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert ballroom.clock.now_ms == before + 20_000


def test_accounts_and_regions_are_separate(ballroom: BallroomServer) -> None:
    ballroom.client("sqs").create_queue(QueueName="here")
    assert "QueueUrls" not in ballroom.client("sqs", account="123456789012").list_queues()
    assert "QueueUrls" not in ballroom.client("sqs", region="eu-west-1").list_queues()


TEMPLATE = {
    "Parameters": {"Wait": {"Type": "Number", "Default": 5}},
    "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Wait"}}}},
    "Outputs": {"Url": {"Value": {"Ref": "Q"}}},
}


@pytest.mark.parametrize("form", ["dict", "text", "file", "folder"])
def test_a_template_is_deployed_in_whatever_form_it_comes(
    ballroom: BallroomServer, form: str, tmp_path: Path
) -> None:
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    forms = {
        "dict": TEMPLATE, "text": json.dumps(TEMPLATE, indent=1), "file": tmp_path / "template.json",
        "folder": str(tmp_path),
    }  # fmt: skip
    url = ballroom.deploy(forms[form], parameters={"Wait": "7"})["Url"]  # type: ignore[arg-type]
    attributes = ballroom.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"] == {"DelaySeconds": "7"}
    again = ballroom.deploy(forms[form], parameters={"Wait": "8"})  # type: ignore[arg-type]
    assert again == {"Url": url}, "an update"


def test_a_deployment_that_fails_says_why(ballroom: BallroomServer) -> None:
    broken = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}}}
    with pytest.raises(DeployFailed, match="DelaySeconds"):
        ballroom.deploy(broken)
    with pytest.raises(BuildFailed, match=r"^nowhere does not exist\.$"):
        ballroom.deploy("nowhere")


def test_a_backup_is_an_archive(ballroom: BallroomServer, tmp_path: Path) -> None:
    ballroom.client("sqs").create_queue(QueueName="q")
    assert ballroom.backup(tmp_path / "b.tar")["sequence"] > 0
    assert (tmp_path / "b.tar").stat().st_size > 1000


def test_other_runners_use_a_context_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    before = dict(os.environ)
    with BallroomServer(data_dir=tmp_path / "data", region="eu-west-1", clock="real") as server:
        assert dict(os.environ) == before
        with server.as_environment():
            assert "AWS_PROFILE" not in os.environ
            url = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        assert dict(os.environ) == before
    with BallroomServer(data_dir=tmp_path / "data", region="eu-west-1") as server:
        assert server.client("sqs").list_queues()["QueueUrls"][0].endswith("/q")
    assert url.endswith("/000000000000/q")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    from ballroom.kernel.errors import AlreadyRefused

    with BallroomServer(data_dir=tmp_path), pytest.raises(AlreadyRefused, match="is in use"):
        BallroomServer(data_dir=tmp_path).start()


OUTSIDER = """
import os, sys

def test_before(request):
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["AWS_PROFILE"] == "work"
    assert not [name for name in sys.modules if name.startswith("ballroom.") and "testing" not in name]

def test_with_it(ballroom):
    import boto3
    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
    ballroom.clock.advance(days=30)

def test_after():
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["AWS_PROFILE"] == "work"
"""


def test_a_project_that_only_installed_it_has_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_outsider.py").write_text(OUTSIDER)
    foreign = ("AWS_", "PYTEST_", "BALLROOM_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist", "."],
        cwd=tmp_path, env={**environment, "AWS_PROFILE": "work"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "3 passed" in ran.stdout, ran.stdout + ran.stderr
