"""deploy, destroy, invoke, logs: an application in a running Ballroom."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cli.conftest import write_app
from tests.cli.runner import Cli, until


def test_deploy_shows_each_resource_then_outputs(served: Cli) -> None:
    write_app(served.cwd / "shown")
    said = served("deploy", "shown", "--stack", "shown", "-p", "Word=hi").out
    for line in ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::CloudFormation::Stack", "CREATE_COMPLETE"):
        assert line in said
    assert said.index("CREATE_IN_PROGRESS   AWS::Lambda::Function") < said.index("shown is deployed.")
    assert "  Name  speaker" in said
    served("destroy", "shown")


@pytest.mark.usefixtures("served_app")
def test_an_unchanged_stack_is_left_alone(served: Cli) -> None:
    again = served("deploy", "app", "--json").json
    assert again["stack"] == "app"
    assert again["outputs"]["Name"] == "speaker"
    assert again["outputs"]["Url"].endswith(f".localhost:{served.port}/")


@pytest.mark.usefixtures("served_app")
def test_invoke_prints_the_answer_and_its_exit_code_tells_failure(served: Cli) -> None:
    answer = served("invoke", "speaker", "--payload", '{"a": "ü"}')
    assert json.loads(answer.out) == {"word": "hello", "event": {"a": "ü"}}
    failed = served("invoke", "speaker", "-d", '{"fail": 1}', code=1)
    assert json.loads(failed.out)["errorMessage"] == "asked to fail"
    as_json = served("invoke", "speaker", "-d", '{"fail": 1}', "--json", code=1).json
    assert (as_json["status"], as_json["error"]) == (200, "Unhandled")


@pytest.mark.usefixtures("served_app")
def test_invoke_takes_a_logical_id_a_file_standard_input_and_shows_the_log(served: Cli) -> None:
    (served.cwd / "event.json").write_text('{"from": "file"}')
    assert '"from": "file"' in served("invoke", "app/Speaker", "-d", "@event.json").out
    piped = served("invoke", "speaker", "-d", "-", "--logs", input='{"from": "pipe"}')
    assert '"from": "pipe"' in piped.out
    assert "said hello" in piped.err
    assert "REPORT RequestId" in piped.err
    accepted = served("invoke", "speaker", "--async", "--json").json
    assert accepted == {"status": 202, "error": None, "payload": ""}


@pytest.mark.usefixtures("served_app")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["invoke", "nobody"], "Function not found"),
        (["invoke", "app/Nobody"], "Resource Nobody does not exist"),
        (["invoke", "nothing/Nobody"], "nothing"),
        (["invoke", "speaker", "--qualifier", "7"], "Function not found"),
        (["invoke", "speaker", "-d", "@gone.json"], "gone.json"),
        (["invoke", "speaker", "-d", "{"], "Could not parse request body into json"),
        (["logs", "nobody"], "there is no stack, function or log group nobody."),
        (["destroy", "nobody"], "there is no stack nobody."),
        (["deploy", "gone"], "gone does not exist."),
        (["deploy", "."], "holds none of template.yaml, template.yml, template.json."),
        (["deploy", "app", "-p", "Nope=1"], "Nope"),
        (["deploy", "app", "--stack", "not a name"], "not a name"),
    ],
)
def test_what_a_user_got_wrong_is_said_in_one_line(served: Cli, words: list[str], text: str) -> None:
    refused = served(*words, code=1)
    assert refused.err.startswith("ballroom: ")
    assert text.lower() in refused.err.lower()


@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "app", "-p", "Word"],
        ["logs", "--since", "yesterday"],
        ["invoke"],
        ["nonsense"],
        ["status", "--endpoint", "localhost"],
        ["clock", "--advance", "soon"],
        ["deploy", "--nope"],
    ],
)
def test_wrong_usage_has_an_exit_code_of_its_own(served: Cli, words: list[str]) -> None:
    assert served(*words, code=2).out == ""


TEMPLATES = {
    "no yaml": ("{]", "template"),
    "tabs": ("Resources:\n\tA: 1", "template"),
    "binary": (b"\x80\x81", "cannot be read"),
    "not a mapping": ("- a\n- b", "template format error"),
    "empty": ("", "template"),
    "no resources": ("Description: nothing", "resource"),
    "unknown type": ("Resources: {A: {Type: AWS::Moon::Base}}", "AWS::Moon::Base"),
    "missing reference": ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}}", "B"),
    "bad property": ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}", "Colour"),
    "no code": (
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {A: {Type: AWS::Serverless::Function, Properties: "
        "{Handler: a.b, Runtime: python3.12, CodeUri: nowhere}}}",
        "A: nowhere does not exist",
    ),
    "refused setting": (
        "Resources: {A: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 99999999}}}", "VisibilityTimeout",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_that_cannot_be_deployed_is_refused_with_its_reason(served: Cli, case: str) -> None:
    content, text = TEMPLATES[case]
    folder = served.cwd / case.replace(" ", "-")
    folder.mkdir()
    path = folder / "template.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused = served("deploy", folder, code=1)
    assert "ballroom: " in refused.err
    assert text.lower() in refused.err.lower()


def test_an_unreadable_template_is_refused(served: Cli) -> None:
    folder = served.cwd / "folder-as-file"
    (folder / "template.yaml").mkdir(parents=True)
    assert "holds none of" in served("deploy", folder, code=1).err


def test_a_stack_that_failed_can_be_deployed_again(served: Cli) -> None:
    folder = served.cwd / "again"
    folder.mkdir()
    template = folder / "template.yaml"
    template.write_text("Resources: {A: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 99999999}}}")
    assert "VisibilityTimeout" in served("deploy", "again", code=1).err
    template.write_text("Resources: {A: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 9}}}")
    served("deploy", "again")
    assert served("destroy", "again", "--json").json == {"deleted": "again"}


def test_parameters_stay_until_they_are_told_anew(served: Cli) -> None:
    folder = served.cwd / "kept"
    folder.mkdir()
    (folder / "template.yaml").write_text(
        "Parameters: {S: {Type: String, Default: default}}\n"
        "Resources: {Q: {Type: AWS::SQS::Queue}}\nOutputs: {S: {Value: !Ref S}}"
    )
    assert served("deploy", "kept", "-p", "S=told", "--json").json["outputs"]["S"] == "told"
    text = (folder / "template.yaml").read_text()
    (folder / "template.yaml").write_text(text + "\nDescription: changed")
    assert served("deploy", "kept", "--json").json["outputs"]["S"] == "told"
    served("destroy", served.cwd / "kept")


def test_a_template_too_long_for_a_request_goes_through_a_bucket(served: Cli) -> None:
    folder = served.cwd / "long"
    folder.mkdir()
    queues = {f"Q{n}": {"Type": "AWS::SQS::Queue", "Metadata": {"why": "x" * 20_000}} for n in range(3)}
    (folder / "template.json").write_text(json.dumps({"Resources": queues}))
    assert served("deploy", "long", "--json").json == {"stack": "long", "outputs": {}}


@pytest.mark.usefixtures("served_app")
def test_logs_of_a_stack_of_a_function_and_of_all(served: Cli) -> None:
    served("invoke", "speaker", "-d", '{"n": 1}')
    until(lambda: "said hello" in served("logs", "app").out)
    lines = served("logs", "speaker", "--filter", "said", "--json").out.splitlines()
    event = json.loads(lines[0])
    assert (event["group"], event["message"].rstrip("\n")) == ("/aws/lambda/speaker", "said hello")
    assert "said hello" in served("logs").out


@pytest.mark.usefixtures("served_app")
def test_logs_follow_until_ctrl_c(served: Cli) -> None:
    import signal

    following = served.begin("logs", "-f", "app", "--since", "1s")
    time.sleep(0.1)
    served("invoke", "speaker", "-d", '{"fail": true}', code=1)
    following.wait_for("asked to fail")
    assert following.signal(signal.SIGINT) == 0


def test_a_changed_file_takes_effect_without_a_deployment(served: Cli, served_app: Path) -> None:
    url = served("deploy", "app", "--json").json["outputs"]["Url"]
    assert json.loads(_get(url))["word"] == "hello"
    source = served_app / "src" / "app.py"
    changed = source.read_text().replace('{"word": os', '{"new": True, "word": os')
    source.write_text(changed)
    assert json.loads(_get(url))["new"] is True


def _get(url: str) -> str:
    """Names below localhost are loopback, but not every resolver knows."""
    host, _, _ = url.removeprefix("http://").partition("/")
    request = urllib.request.Request(f"http://127.0.0.1:{host.rpartition(':')[2]}/", headers={"host": host})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def test_without_a_server_every_command_says_so(cli: Cli) -> None:
    for words in (
        ["status"], ["stop"], ["deploy", "."], ["destroy", "x"], ["invoke", "x"], ["logs"], ["reset", "--yes"],
        ["backup", "b.tar"], ["clock"],
    ):  # fmt: skip
        assert cli(*words, code=3).err.startswith(f"ballroom: no Ballroom answers at {cli.endpoint}")


def test_a_closed_pipe_ends_quietly(served: Cli) -> None:
    import subprocess

    from tests.cli.runner import COMMAND

    # the reader is gone before a word is written, so the pipe is closed in each run
    script = f"set -o pipefail; (sleep 0.3; {' '.join(COMMAND)} status) | true"
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=served.cwd,
        env=served.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
