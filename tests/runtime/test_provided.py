"""Custom runtimes on the HTTP Runtime API, and exec wrappers."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ballroom.runtime import FunctionSpec

from .conftest import ARN, Stage
from .test_errors import recorded, without_ids

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="provided runtimes run Linux programs"
)

CLIENT = """#!{python} -IS
import http.client, json, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/" + path, body)
    answer = api.getresponse()
    return answer, answer.read()
{start}
while True:
    head, body = call("GET", "invocation/next")
    id = head.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
{body}
"""
ECHO = 'call("POST", f"invocation/{id}/response", json.dumps([event, dict(head.headers)]))'


def provided(stage: Stage, body: str = ECHO, start: str = "", **spec: Any) -> FunctionSpec:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    code = CLIENT.format(python=Path(sys.executable).resolve(), body=indented, start=start)
    function = stage.function(code, file="bootstrap", runtime="provided.al2023", **{"memory_mb": 256, **spec})
    (function.code_dir / "bootstrap").chmod(0o755)
    return function


def test_a_bootstrap_takes_invocations_and_answers(stage: Stage) -> None:
    spec = provided(stage)
    for number in range(3):
        event, headers = stage.answer(
            spec, number, request_id=f"r-{number}", trace="Root=1", client_context="{}"
        )
        assert event == number
        assert headers["Lambda-Runtime-Aws-Request-Id"] == f"r-{number}"
        assert headers["Lambda-Runtime-Invoked-Function-Arn"] == ARN
        assert headers["Lambda-Runtime-Trace-Id"] == "Root=1"
        assert headers["Lambda-Runtime-Client-Context"] == "{}"
        assert int(headers["Lambda-Runtime-Deadline-Ms"]) > 0
    assert len({batch.stream for batch in stage.logs}) == 1


def test_an_error_it_reports_is_the_answer(stage: Stage) -> None:
    document = {"errorMessage": "no", "errorType": "Mine"}
    spec = provided(stage, f'call("POST", f"invocation/{{id}}/error", {json.dumps(json.dumps(document))})')
    assert [stage.error(spec) for _ in range(2)] == [document] * 2


def test_an_error_of_its_initialisation_is_the_answer(stage: Stage) -> None:
    start = """call("POST", "init/error", '{"errorMessage": "no", "errorType": "Start"}')\nsys.exit(1)"""
    assert stage.error(provided(stage, start=start)) == {"errorMessage": "no", "errorType": "Start"}


def test_a_chunked_answer_is_put_together(stage: Stage) -> None:
    body = """
path = f"/2018-06-01/runtime/invocation/{id}/response"
api.request("POST", path, iter([b'"a', b'', b'b"']), encode_chunked=True)
api.getresponse().read()
"""
    assert stage.answer(provided(stage, body)) == "ab"


def test_an_answer_that_is_too_large_is_refused(stage: Stage) -> None:
    spec = provided(stage, "call('POST', f'invocation/{id}/response', b'x' * (7 << 20))")
    expected = recorded("TestLambdaBaseFeatures::test_lambda_too_large_response", "invoke_result")
    assert stage.error(spec) == expected


def test_an_answer_to_another_request_is_refused(stage: Stage) -> None:
    body = """
refused, _ = call("POST", "invocation/other/response", "1")
call("POST", f"invocation/{id}/response", str(refused.status))
"""
    assert stage.answer(provided(stage, body)) == 400


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda file: file.unlink(), "no such file or directory"),
        (lambda file: file.chmod(0o644), "permission denied"),
        (lambda file: file.write_bytes(b"\x00nonsense"), "exec format error"),
    ],
)
def test_a_bootstrap_that_cannot_run_says_why(stage: Stage, make: Any, text: str) -> None:
    spec = provided(stage)
    make(spec.code_dir / "bootstrap")
    document = stage.error(spec, request_id="r-1")
    assert document["errorType"] == "Runtime.InvalidEntrypoint"
    assert re.fullmatch(rf"RequestId: r-1 Error: fork/exec \S+/bootstrap: {text}", document["errorMessage"])


def test_a_bootstrap_that_never_asks_is_ended_by_the_time_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.runtime.environment.INIT_LIMIT_S", 0.3)
    spec = provided(stage, start="import time\ntime.sleep(60)", timeout_ms=300)
    assert stage.error(spec)["errorType"] == "Sandbox.Timedout"


def test_a_wrapper_that_is_not_there(stage: Stage) -> None:
    spec = stage.function("", env={"AWS_LAMBDA_EXEC_WRAPPER": "/idontexist.sh"})
    expected = recorded("TestLambdaErrors::test_lambda_runtime_wrapper_not_found", "invocation_error")
    assert without_ids(stage.error(spec)) == without_ids(expected)


def test_a_wrapper_starts_the_runtime_as_it_likes(stage: Stage) -> None:
    spec = stage.function(
        "import os, boto3\ndef handler(event, context): return [event, os.environ['WRAPPED']]"
    )
    wrapper = spec.code_dir / "wrapper"
    wrapper.write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n')
    wrapper.chmod(0o755)
    seen_at = stage.answer(
        stage.function("import os\ndef handler(e, c): return os.environ['LAMBDA_TASK_ROOT']")
    )
    path = "/var/task/wrapper" if seen_at == "/var/task" else str(wrapper)
    spec = stage.function(code_dir=spec.code_dir, env={"AWS_LAMBDA_EXEC_WRAPPER": path})
    assert [stage.answer(spec, n) for n in range(2)] == [[0, "yes"], [1, "yes"]]
