"""Node.js functions."""

from __future__ import annotations

import json
import re
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ballroom.runtime import FunctionSpec

from .conftest import ARN, MakeStage, Stage

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js on this machine")


def node(stage: Stage, code: str, file: str = "index.js", **spec: Any) -> FunctionSpec:
    settings: dict[str, Any] = {"runtime": "nodejs20.x", "handler": "index.handler", "memory_mb": 256}
    return stage.function(code, file=file, **{**settings, **spec})


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("index.js", "exports.handler = async (event) => event"),
        ("index.js", "exports.handler = (event, context, callback) => callback(null, event)"),
        ("index.js", "exports.handler = (event, context) => context.succeed(event)"),
        ("index.js", "exports.handler = (event) => new Promise((done) => setTimeout(() => done(event), 5))"),
        ("index.js", "exports.handler = (e, c, callback) => { setTimeout(() => callback(null, e), 5) }"),
        ("index.mjs", "export const handler = async (event) => event"),
        ("index.mjs", "export default { handler: async (event) => event }"),
        ("index.cjs", "module.exports = { handler: async (event) => event }"),
    ],
)
def test_every_kind_of_handler_answers(stage: Stage, file: str, code: str) -> None:
    spec = node(stage, code, file)
    assert [stage.answer(spec, {"n": n}) for n in range(3)] == [{"n": n} for n in range(3)]


def test_a_package_that_says_module_is_one(stage: Stage) -> None:
    spec = node(stage, "import fs from 'node:fs'; export const handler = async () => typeof fs.readFileSync")
    (spec.code_dir / "package.json").write_text('{"type": "module"}')
    assert stage.answer(spec) == "function"


def test_a_handler_in_a_folder_and_an_object_is_found(stage: Stage) -> None:
    spec = node(stage, "", handler="src/app.api.handle")
    (spec.code_dir / "src").mkdir()
    (spec.code_dir / "src" / "app.js").write_text("exports.api = { handle: async () => 1 }")
    assert stage.answer(spec) == 1


def test_the_context_is_that_of_aws(stage: Stage) -> None:
    spec = node(
        stage,
        """
        exports.handler = async (event, context) => {
          const left = context.getRemainingTimeInMillis();
          return { ...JSON.parse(JSON.stringify(context)), inTime: left > 0 && left <= 3000 };
        };
        """,
    )
    custom = {"custom": {"foo": "bar"}, "client": {"snap": ["crackle"]}}
    answer = stage.answer(spec, request_id="r-1", client_context=json.dumps(custom))
    assert re.match(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", answer.pop("logStreamName"))
    assert answer == {
        "callbackWaitsForEmptyEventLoop": True, "functionVersion": "$LATEST", "functionName": "f",
        "memoryLimitInMB": "256", "logGroupName": "/aws/lambda/f", "clientContext": custom,
        "invokedFunctionArn": ARN, "awsRequestId": "r-1", "inTime": True,
    }  # fmt: skip


def test_a_callback_waits_for_the_event_loop_unless_told_not_to(stage: Stage) -> None:
    code = """
    let late = 0;
    exports.handler = (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = event;
      setTimeout(() => { late += 1; console.log("late"); }, 50);
      callback(null, late);
    };
    """
    waits = node(stage, code)
    assert stage.answer(waits, True) == 0
    assert stage.answer(waits, True) == 1
    assert stage.answer(node(stage, code), False) == 0


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("exports.handler = async () => { throw new TypeError('no') }", "TypeError", "no"),
        ("exports.handler = () => { throw new Error('no') }", "Error", "no"),
        ("exports.handler = (e, c, callback) => callback(new RangeError('no'))", "RangeError", "no"),
        ("exports.handler = (e, c, callback) => callback('words')", "string", "words"),
        ("exports.handler = async () => { const a = {}; a.a = a; return a }",
         "Error", "Unable to stringify response body"),
        ("exports.handler = () => { setTimeout(() => { throw new Error('late') }, 5) }", "Error", "late"),
        ("exports.handler = () => { Promise.reject(new Error('alone')); return new Promise(() => {}) }",
         "Runtime.UnhandledPromiseRejection", "Error: alone"),
        ("exports.other = 1", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ("exports.handler = 1", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("exports.handler = (", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("throw new Error('at start')", "Error", "at start"),
    ],
)  # fmt: skip
def test_an_error_has_a_type_a_message_and_a_trace(stage: Stage, code: str, kind: str, message: str) -> None:
    document = stage.error(node(stage, code))
    assert (document["errorType"], document["errorMessage"]) == (kind, message)
    assert set(document) == {"errorType", "errorMessage", "trace"}
    assert (document["trace"] == []) is (kind == "string")


def test_a_missing_module_is_named(stage: Stage) -> None:
    document = stage.error(node(stage, "require('not-there')"))
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"].startswith("Error: Cannot find module 'not-there'\nRequire stack:\n- ")
    assert stage.error(node(stage, "", handler="none.handler"))["errorMessage"].startswith(
        "Error: Cannot find module 'none'\nRequire stack:\n- "
    )


def test_leaving_the_process_is_an_exit_error(stage: Stage) -> None:
    spec = node(stage, "exports.handler = async () => process.exit(7)")
    assert stage.error(spec, request_id="r-1") == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: r-1 Error: Runtime exited with error: exit status 7",
    }


def test_a_loop_without_end_is_ended_by_the_time_limit(stage: Stage) -> None:
    spec = node(stage, "exports.handler = async () => { for (;;); }", timeout_ms=400)
    assert stage.error(spec)["errorType"] == "Sandbox.Timedout"


def test_console_lines_carry_time_request_and_level(stage: Stage) -> None:
    spec = node(
        stage,
        """
        exports.handler = async () => {
          console.log("an %s", "object", { a: 1 }); console.warn("w"); console.error("two\\nlines");
          process.stdout.write("raw\\n");
        };
        """,
    )
    stage.invoke(spec, request_id="r-1")
    printed = [re.sub(r"^20\S+Z\t", "<time>\t", line) for line in stage.lines(spec)[2:-2]]
    assert printed == [
        "<time>\tr-1\tINFO\tan object { a: 1 }",
        "<time>\tr-1\tWARN\tw",
        "<time>\tr-1\tERROR\ttwo\nlines",
        "raw",
    ]  # fmt: skip


def test_an_error_is_logged_as_invoke_error(stage: Stage) -> None:
    spec = node(stage, "exports.handler = async () => { throw new Error('no') }")
    stage.invoke(spec, request_id="r-1")
    head, document = stage.lines(spec)[2].rsplit("\t", 1)
    assert head.endswith("\tr-1\tERROR\tInvoke Error ")
    assert json.loads(document)["errorMessage"] == "no"


def test_json_records_of_the_console(stage: Stage) -> None:
    spec = node(
        stage,
        """
        exports.handler = async () => {
          console.info("shown", 1); console.debug("not"); console.warn({ a: 1 });
        };
        """,
        log_format="JSON",
        application_log_level="INFO",
    )
    stage.invoke(spec, request_id="r-1")
    records = [json.loads(line) for line in stage.lines(spec)[2:-1]]
    assert [(r["level"], r["message"], r["requestId"]) for r in records] == [
        ("INFO", "shown 1", "r-1"), ("WARN", {"a": 1}, "r-1"),
    ]  # fmt: skip


def test_a_streamed_response_is_collected(stage: Stage) -> None:
    spec = node(
        stage,
        """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
          stream.write("a"); stream.write("b"); stream.end();
        });
        """,
    )
    result = stage.invoke(spec)
    assert result.payload == b'{"statusCode":201}' + bytes(8) + b"ab"
    assert result.content_type == "application/vnd.awslambda.http-integration-response"


def test_packages_of_the_machine_are_found_after_the_functions_own(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # functions have a /tmp of their own
        for name in ("@aws-sdk/client-s3", "own"):
            (Path(folder) / name).mkdir(parents=True)
            (Path(folder) / name / "index.js").write_text("module.exports = 'machine'")
        Path(folder).chmod(0o755)
        monkeypatch.setenv("NODE_PATH", folder)
        stage = make_stage()
        spec = node(stage, "exports.handler = async () => [require('@aws-sdk/client-s3'), require('own')]")
        own = spec.code_dir / "node_modules" / "own"
        own.mkdir(parents=True)
        (own / "index.js").write_text("module.exports = 'function'")
        assert stage.answer(spec) == ["machine", "function"]


def test_a_missing_sdk_is_explained_in_the_log(stage: Stage) -> None:
    spec = node(stage, "require('@aws-sdk/client-nowhere'); exports.handler = async () => 1")
    assert stage.invoke(spec).error_type == "Runtime.ImportModuleError"
    assert "npm install --global @aws-sdk/client-nowhere" in "".join(stage.lines(spec))


@pytest.mark.parametrize(
    "form", ["{hostname, path, method: 'PUT'}", "{hostname, port: 443, path, method: 'PUT'}"]
)
def test_reports_of_custom_resources_reach_the_server_whatever_their_port(stage: Stage, form: str) -> None:
    code = f"""
    const http = require('http'), https = require('https');
    exports.handler = async () => {{
      const server = http.createServer((request, response) => response.end(request.method + request.url));
      await new Promise((listening) => server.listen(process.env.PORT, '127.0.0.1', listening));
      const hostname = 'localhost', path = '/_ballroom/cloudformation/token';
      return await new Promise((done, failed) => https.request({form}, (response) => {{
        let text = '';
        response.on('data', (data) => text += data);
        response.on('end', () => {{ server.close(); done(text); }});
      }}).on('error', failed).end());
    }};
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "PORT": str(port)}
    assert stage.answer(node(stage, code, env=env)) == "PUT/_ballroom/cloudformation/token"
