"""What a Python function finds when it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ARN, Stage


def test_an_event_comes_back_from_an_echo_handler(stage: Stage) -> None:
    echo = stage.function("def handler(event, context): return event")
    for event in ({"a": [1, None, "ü"]}, "text", 3, None):
        assert stage.answer(echo, event) == event


def test_the_context_says_who_is_running_for_whom(stage: Stage) -> None:
    spec = stage.function(
        """
        def handler(event, context):
            return {
                "id": context.aws_request_id, "arn": context.invoked_function_arn,
                "name": context.function_name, "version": context.function_version,
                "memory": context.memory_limit_in_mb, "group": context.log_group_name,
                "custom": context.client_context.custom, "left": context.get_remaining_time_in_millis(),
            }
        """,
        memory_mb=256,
        version="7",
        timeout_ms=5000,
    )
    answer = stage.answer(
        spec, arn=f"{ARN}:live", request_id="the-request", client_context=json.dumps({"custom": {"foo": "bar"}})
    )
    assert 0 < answer.pop("left") <= 5000
    assert answer == {
        "id": "the-request",
        "arn": f"{ARN}:live",
        "name": "f",
        "version": "7",
        "memory": "256",
        "group": "/aws/lambda/f",
        "custom": {"foo": "bar"},
    }


def test_the_variables_are_the_functions_own_and_those_aws_defines(stage: Stage) -> None:
    spec = stage.function(
        "import os\ndef handler(event, context): return dict(os.environ)",
        env={"TEST_KEY": "TEST_VAL", "AWS_LAMBDA_FUNCTION_NAME": "forged"},
        region="eu-west-1",
    )
    variables = stage.answer(spec, trace="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    expected = {
        "TEST_KEY": "TEST_VAL",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "main.handler",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
    }
    assert variables | expected == variables
    assert variables["AWS_LAMBDA_LOG_STREAM_NAME"].split("/")[-1].startswith("[$LATEST]")


def test_nothing_of_the_server_leaks_into_a_function(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "x")
    spec = stage.function(
        """
        import importlib.util, os
        def handler(event, context):
            return [[n for n in event if importlib.util.find_spec(n)], "A_SECRET_OF_THE_SERVER" in os.environ]
        """
    )
    assert stage.answer(spec, ["apsw", "msgspec", "pytest", "ballroom", "uvloop", "boto3"]) == [
        ["boto3"],
        False,
    ]


def test_an_environment_has_credentials_of_its_own(make_stage) -> None:
    stage = make_stage(
        credentials_for=lambda environment_id, spec: {
            "AWS_ACCESS_KEY_ID": f"key-{environment_id}",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
    )
    spec = stage.function(
        """
        import boto3, os
        client = boto3.client("sqs")
        def handler(event, context):
            return [client._request_signer._credentials.access_key, os.environ["BALLROOM_ENVIRONMENT"]]
        """
    )
    key, environment = stage.answer(spec)
    assert key == f"key-{environment}"
    stage.runtime.forget(spec.key)
    assert stage.ended == [environment]


def test_module_state_lives_from_one_invocation_to_the_next(stage: Stage) -> None:
    spec = stage.function("seen = []\ndef handler(event, context): seen.append(event); return seen")
    stage.invoke(spec, 1)
    assert stage.answer(spec, 2) == [1, 2]


def test_a_library_in_the_package_wins_over_the_preloaded_one(stage: Stage) -> None:
    spec = stage.function(
        "import boto3, six, calendar\ndef handler(e, c): return [boto3.ours, six.__name__, calendar.ours]"
    )
    for name in ("boto3", "calendar"):
        (spec.code_dir / f"{name}.py").write_text("ours = True")
    assert stage.answer(spec) == [True, "six", True]


def test_a_later_layer_wins_and_the_package_wins_over_layers(stage: Stage, tmp_path: Path) -> None:
    spec = stage.function("import own, shared, low\ndef handler(e, c): return [own.n, shared.n, low.n]")
    layers = []
    for number, modules in enumerate((("own", "shared", "low"), ("own", "shared"))):
        layer = tmp_path / f"layer{number}"
        (layer / "python").mkdir(parents=True)
        for module in modules:
            (layer / "python" / f"{module}.py").write_text(f"n = {number}")
        layers.append(layer)
    (spec.code_dir / "own.py").write_text("n = 'package'")
    spec = stage.function(handler="main.handler", code_dir=spec.code_dir, layers=tuple(layers))
    assert stage.answer(spec) == ["package", 1, 0]


def test_two_environments_have_different_random_numbers(stage: Stage) -> None:
    code = "import random, uuid\ndef handler(e, c): return [random.random(), str(uuid.uuid4())]"
    one, two = stage.answer(stage.function(code)), stage.answer(stage.function(code))
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_each_environment_has_a_folder_for_temporary_files_that_goes_with_it(stage: Stage) -> None:
    code = """
    import os, tempfile
    def handler(event, context):
        with open(os.path.join(tempfile.gettempdir(), event), "w") as file:
            file.write("x")
        return os.listdir(tempfile.gettempdir())
    """
    one, two = stage.function(code), stage.function(code)
    assert stage.answer(one, "a") == ["a"]
    assert sorted(stage.answer(one, "b")) == ["a", "b"]
    assert stage.answer(two, "c") == ["c"]


def test_payloads_of_six_megabytes_go_both_ways(stage: Stage) -> None:
    echo = stage.function("def handler(event, context): return event", memory_mb=512)
    event = "x" * (6 * 1024 * 1024 - 2)
    assert stage.answer(echo, event) == event


def test_bytes_are_returned_as_they_are(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): return b'\\xff\\x00'")
    assert stage.invoke(spec).payload == b"\xff\x00"


def test_decimals_and_odd_text_are_written_as_the_bootstrap_of_aws_does(stage: Stage) -> None:
    spec = stage.function("import decimal\ndef handler(e, c): return {'n': decimal.Decimal('1.10'), 't': 'ü'}")
    assert stage.invoke(spec).payload == b'{"n": 1.10, "t": "\\u00fc"}'
    newer = stage.function("def handler(e, c): return 'ü'", runtime="python3.12")
    assert stage.invoke(newer).payload == '"ü"'.encode()


def test_a_server_without_the_interpreter_says_so_and_runs_its_own(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.runtime.runtimes._candidates", lambda wanted: [])
    spec = stage.function(
        "import sys\ndef handler(e, c): return list(sys.version_info[:2])", runtime="python3.9"
    )
    assert stage.answer(spec) != [3, 9]
    assert "no python3.9 on this machine: its functions run on our own Python" in stage.runtime.notices
