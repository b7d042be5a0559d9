"""How invocations fail: the documents, and what is left afterwards. Compared with AWS's recorded answers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from ballroom.runtime import RuntimeSettings

from .conftest import MakeStage, Stage

SNAPSHOTS = Path(__file__).parents[3] / "shared/vectors/lambda/snapshots/test_lambda.snapshot.json"
PREFIX = "tests/aws/services/lambda_/test_lambda.py::"


def recorded(test: str, key: str) -> dict[str, Any]:
    if not SNAPSHOTS.exists():
        pytest.skip("the recorded cases are not beside this checkout")
    content = json.loads(SNAPSHOTS.read_text())[PREFIX + test]["recorded-content"]
    payload: dict[str, Any] = content[key]["Payload"]
    return payload


def without_ids(document: dict[str, Any]) -> dict[str, Any]:
    """With the placeholders of the recordings, and machine-dependent parts of stack traces left out."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", json.dumps(document))
    text = text.replace("<timeout_error_msg>", "<uuid>")
    cleaned: dict[str, Any] = json.loads(text)
    if "stackTrace" in cleaned:
        trace = [re.sub(r'File ".*/', 'File ".../', line) for line in cleaned["stackTrace"]]
        cleaned["stackTrace"] = trace[-1:]
    return cleaned


def test_an_exception_in_the_handler(stage: Stage) -> None:
    spec = stage.function(
        'def handler(event, context):\n    raise Exception("Handler fails")\n',
        file="lambda_handler_error.py",
        handler="lambda_handler_error.handler",
    )
    expected = recorded("TestLambdaErrors::test_lambda_handler_error", "invocation_error")
    assert without_ids(stage.error(spec)) == without_ids(expected)


def test_an_exception_while_the_module_is_imported(stage: Stage) -> None:
    spec = stage.function(
        'raise Exception("Runtime startup fails")\n',
        file="lambda_runtime_error.py",
        handler="lambda_runtime_error.handler",
    )
    expected = recorded("TestLambdaErrors::test_lambda_runtime_error", "invocation_error")
    assert without_ids(stage.error(spec)) == without_ids(expected)
    assert without_ids(stage.error(spec)) == without_ids(expected)


def test_a_process_that_leaves_without_a_word(stage: Stage) -> None:
    spec = stage.function("import sys\ndef handler(event, context): sys.exit(0)")
    expected = recorded("TestLambdaErrors::test_lambda_runtime_exit", "invocation_error")
    assert without_ids(stage.error(spec)) == without_ids(expected)


def test_a_time_limit_that_passes(stage: Stage) -> None:
    spec = stage.function("import time\ndef handler(event, context): time.sleep(30)", timeout_ms=1000)
    expected = recorded("TestLambdaBehavior::test_lambda_invoke_with_timeout", "invoke-result")
    assert without_ids(stage.error(spec)) == without_ids(expected)


def test_an_answer_of_more_than_six_megabytes(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): return 'x' * (6 * 1024 * 1024 + 200)", memory_mb=512)
    expected = recorded("TestLambdaBaseFeatures::test_lambda_too_large_response", "invoke_result")
    assert stage.error(spec) == expected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("sys.exit(1)", "Runtime exited with error: exit status 1"),
        ("sys.exit('oh')", "Runtime exited with error: exit status 1"),
        ("os._exit(42)", "Runtime exited with error: exit status 42"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("raise KeyboardInterrupt", "Runtime exited with error: exit status 1"),
    ],
)
def test_a_process_that_dies_says_how(stage: Stage, status: str, text: str) -> None:
    spec = stage.function(f"import os, sys\ndef handler(event, context): {status}")
    document = stage.error(spec, request_id="r-1")
    assert document == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: r-1 Error: {text}"}


@pytest.mark.parametrize(
    ("code", "handler", "kind", "message"),
    [
        (
            "import missing_library",
            "main.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'main': No module named 'missing_library'",
        ),
        (
            "",
            "other.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'other': No module named 'other'",
        ),
        ("", "main.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'main'"),
        (
            "",
            "main",
            "Runtime.MalformedHandlerName",
            "Bad handler 'main': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "def (",
            "main.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'main': invalid syntax (main.py, line 1)",
        ),
    ],
)
def test_a_function_that_cannot_be_loaded(
    stage: Stage, code: str, handler: str, kind: str, message: str
) -> None:
    document = stage.error(stage.function(code, handler=handler))
    assert (document["errorType"], document["errorMessage"]) == (kind, message)


def test_leaving_during_initialisation_is_an_exit_error(stage: Stage) -> None:
    document = stage.error(stage.function("import os\nos._exit(3)"), request_id="r-2")
    assert document["errorMessage"] == "RequestId: r-2 Error: Runtime exited with error: exit status 3"


def test_an_answer_that_is_not_json(stage: Stage) -> None:
    document = stage.error(stage.function("def handler(event, context): return {1, 2}"))
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_more_memory_than_the_function_has(stage: Stage) -> None:
    spec = stage.function(
        "import time\ndef handler(event, context):\n    held = b'x' * (300 << 20)\n    time.sleep(20)\n",
        timeout_ms=20_000,
    )
    result = stage.invoke(spec, request_id="r-3")
    assert json.loads(result.payload) == {
        "errorType": "Runtime.OutOfMemory",
        "errorMessage": "RequestId: r-3 Error: Runtime exited with error: signal: killed",
    }
    assert result.max_memory_mb == 128


def test_after_a_time_limit_the_environment_goes_on_with_a_new_process(stage: Stage) -> None:
    spec = stage.function(
        """
        import os, tempfile, time
        number = 0
        path = os.path.join(tempfile.gettempdir(), "kept")
        def handler(event, context):
            global number
            if event == "sleep":
                time.sleep(30)
            if event == "write":
                number = 42
                open(path, "w").write("some-content")
            return [number, os.path.exists(path) and open(path).read()]
        """,
        timeout_ms=1000,
    )
    assert stage.answer(spec, "write") == [42, "some-content"]
    assert stage.invoke(spec, "sleep").timed_out
    assert stage.answer(spec, "read") == [0, "some-content"]


@pytest.mark.parametrize("isolation", ["process", "isolated"])
def test_what_a_function_started_ends_with_it(make_stage: MakeStage, isolation: str) -> None:
    stage = make_stage(settings=RuntimeSettings(isolation=isolation))
    spec = stage.function(
        """
        import os, subprocess, sys, time
        def handler(event, context):
            daemon = ["-c", "import os, sys; os.fork() and sys.exit(); os.execvp('sleep', ['sleep', '987654'])"]
            subprocess.run([sys.executable, *daemon], start_new_session=True)
            subprocess.Popen(["sleep", "987654"], start_new_session=True)
            subprocess.Popen(["sleep", "987654"])
            if event == "exit":
                os._exit(1)
            time.sleep(30)
        """,
        timeout_ms=1500,
    )
    assert stage.error(spec, "exit")["errorType"] == "Runtime.ExitError"
    assert stage.invoke(spec).timed_out
    stage.do(asyncio.sleep(0))
    end = time.monotonic() + 10
    while sleepers():
        assert time.monotonic() < end
        time.sleep(0.01)


def sleepers() -> int:
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                count += Path(f"/proc/{name}/cmdline").read_bytes() == b"sleep\x00987654\x00"
            except OSError:
                continue
    return count


def test_threads_left_running_do_not_hold_an_answer_back(stage: Stage) -> None:
    spec = stage.function(
        """
        import threading, time
        def handler(event, context):
            threading.Thread(target=time.sleep, args=(60,)).start()
            return event
        """
    )
    assert [stage.answer(spec, n) for n in range(3)] == [0, 1, 2]


def test_a_handler_that_closes_every_descriptor_fails_alone(stage: Stage) -> None:
    spec = stage.function("import os\ndef handler(event, context): os.closerange(0, 100); return 1")
    assert stage.error(spec)["errorType"] == "Runtime.ExitError"
    assert stage.answer(stage.function("def handler(e, c): return e"), 1) == 1


def test_a_handler_that_closes_its_output_hears_of_it_and_the_environment_lives(stage: Stage) -> None:
    spec = stage.function(
        "import os\ndef handler(event, context): event or os.close(1); print('x'); return event"
    )
    assert stage.error(spec, 0)["errorType"] == "OSError"
    assert stage.error(spec, 1)["errorType"] == "OSError"
    assert [line.split()[0] for line in stage.lines(spec)].count("INIT_START") == 1


def test_initialisation_that_takes_too_long_is_tried_again_within_the_time_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ballroom.runtime.environment.INIT_LIMIT_S", 0.5)
    spec = stage.function("import time\ntime.sleep(30)", timeout_ms=800)
    result = stage.invoke(spec)
    assert result.timed_out
    starts = [line.split()[0] for line in stage.lines(spec) if line.startswith(("INIT", "START"))]
    assert starts == ["INIT_START", "INIT_REPORT", "START"]
