from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from tests.cloud import Cloud
from tests.services.lambda_.floor import ARN, Stage, a_function, invoke

from ballroom.services.lambda_ import payloads


def test_an_answer_comes_back_with_the_version_that_gave_it(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    assert invoke(cloud, {"a": 1}) == {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": {"a": 1}}


def test_no_payload_is_an_empty_object(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    cloud.call("lambda", "Invoke", FunctionName="f")
    assert stage.events == [{}]


def test_an_error_of_the_function_is_an_answer(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    stage.script(lambda event: 1 / 0)
    answer = invoke(cloud)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"]["errorType"] == "ZeroDivisionError"


def test_the_tail_of_the_log_comes_when_asked_for(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    assert base64.b64decode(invoke(cloud, LogType="Tail")["LogResult"]) == b"the tail"
    assert "LogResult" not in invoke(cloud)


def test_a_dry_run_runs_nothing(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    assert cloud.call("lambda", "Invoke", FunctionName="f", InvocationType="DryRun") == {"StatusCode": 204}
    error = cloud.error("lambda", "Invoke", FunctionName="none", InvocationType="DryRun")
    assert error.text == f"Function not found: {ARN}:none:$LATEST"
    assert stage.seen == []


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        # the first two are recorded
        (b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "Invalid UTF-8 start byte 0x87\n at [Source: REDACTED "
         "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 3]"),
        (b"\x99\xeb,j\x07\xa1zYh", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value "
         "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED "
         "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"),
        (b"hello", "Unrecognized token 'hello'"),
        (b'{"a": ', "Unexpected end-of-input"),
        (b"  }", "Unexpected character ('}' (code 125))"),
        (b'{"a": \xff}', "Invalid UTF-8 start byte 0xff"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_in_awss_words(
    cloud: Cloud, stage: Stage, payload: bytes, text: str
) -> None:
    a_function(cloud)
    error = cloud.error("lambda", "Invoke", FunctionName="f", Payload=payload)
    assert error.shape == "InvalidRequestContentException"
    assert error.text.startswith(
        f"Could not parse request body into json: Could not parse payload into json: {text}"
    )
    assert stage.seen == []


def test_payloads_have_limits_of_their_kind(
    cloud: Cloud, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_function(cloud)
    big = json.dumps("x" * 1_048_576).encode()
    error = cloud.error("lambda", "Invoke", FunctionName="f", InvocationType="Event", Payload=big)
    assert (error.shape, error.status) == ("RequestTooLargeException", 413)
    assert error.text == (
        "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    )
    assert cloud.call("lambda", "Invoke", FunctionName="f", Payload=big)["StatusCode"] == 200
    monkeypatch.setattr(payloads, "SYNCHRONOUS_LIMIT", 1000)
    assert cloud.error("lambda", "Invoke", FunctionName="f", Payload=big).shape == "RequestTooLargeException"


def test_context_and_trace_are_handed_on(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    trace = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
    context = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    caller = cloud.caller(trace=trace, request_id="my-request")
    cloud.call("lambda", "Invoke", caller, FunctionName="f", ClientContext=context)
    (seen,) = stage.seen
    assert (seen.request_id, seen.trace, seen.client_context) == (
        "my-request", trace, '{"custom": {"a": 1}}',
    )  # fmt: skip
    error = cloud.error("lambda", "Invoke", FunctionName="f", ClientContext="no base 64")
    assert error.text == "Client context must be a valid Base64-encoded JSON object."


def test_without_a_trace_one_begins(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    invoke(cloud)
    assert (stage.seen[0].trace or "").startswith("Root=1-")


def test_reserved_concurrency_limits_and_zero_stops(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    stage.gate = asyncio.Event()
    running = cloud.start("lambda", "Invoke", FunctionName="f")
    error = cloud.error("lambda", "Invoke", FunctionName="f")
    assert (error.shape, error.status, error.text) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    assert error.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    stage.gate.set()
    assert cloud.run(running)["StatusCode"] == 200
    assert invoke(cloud)["StatusCode"] == 200  # the place has been given back
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    assert cloud.error("lambda", "Invoke", FunctionName="f").shape == "TooManyRequestsException"
    cloud.call("lambda", "DeleteFunctionConcurrency", FunctionName="f")
    assert invoke(cloud)["StatusCode"] == 200


def test_a_hundred_stay_unreserved(cloud: Cloud) -> None:
    a_function(cloud)
    a_function(cloud, name="g")
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=800)
    for wanted in (101, 1000):
        error = cloud.error(
            "lambda", "PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=wanted
        )
        assert error.text == (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100]."
        )
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=100)
    limits = cloud.call("lambda", "GetAccountSettings")["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, 100)


def test_functions_are_pointed_at_this_server_unless_they_say_otherwise(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    a_function(cloud, name="g", Environment={"Variables": {"AWS_ENDPOINT_URL": "http://elsewhere"}})
    invoke(cloud)
    invoke(cloud, name="g")
    mine, its = (spec.env for spec in stage.specs)
    assert mine["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{cloud.kernel.settings.port}"
    assert mine["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
    assert its["AWS_ENDPOINT_URL"] == "http://elsewhere"


def test_environments_are_shared_until_code_or_settings_change(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    invoke(cloud)
    cloud.call("lambda", "PublishVersion", FunctionName="f")  # a new revision, but the same function
    invoke(cloud)
    cloud.call("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    invoke(cloud)
    first, second, third = (spec.key for spec in stage.specs)
    assert first == second != third


def counted(cloud: Cloud) -> dict[str, float]:
    return {
        name: statistics[1]
        for (_, _, namespace, name, dimensions), statistics in cloud.kernel.metrics.read().items()
        if namespace == "AWS/Lambda" and dimensions == (("FunctionName", "f"),)
    }


def test_invocations_are_counted_as_cloudwatch_does(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    invoke(cloud)
    stage.script(lambda event: 1 / 0)
    invoke(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    cloud.error("lambda", "Invoke", FunctionName="f")
    metrics: dict[str, Any] = counted(cloud)
    assert (metrics["Invocations"], metrics["Errors"], metrics["Throttles"]) == (2, 1, 1)
    assert metrics["Duration"] == 2.0


def test_a_runtime_that_cannot_run_here_says_so(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud, Runtime="java21")
    error = cloud.error("lambda", "Invoke", FunctionName="f")
    assert error.shape == "InvalidRuntimeException"
    assert "java21" in error.text


def test_nothing_runs_before_the_function_is_durable(durable_cloud: Cloud, stage: Stage) -> None:
    cloud = durable_cloud
    a_function(cloud)
    seen_at: list[bool] = []
    stage.script(lambda event: seen_at.append(cloud.kernel.shard.idle))

    async def change_and_invoke() -> None:
        caller = cloud.caller()
        change = cloud.kernel.call(
            "lambda", "UpdateFunctionConfiguration", {"FunctionName": "f", "Timeout": 9}, caller
        )
        run = cloud.kernel.call("lambda", "Invoke", {"FunctionName": "f"}, caller)
        await asyncio.gather(change, run)

    cloud.run(change_and_invoke())
    assert stage.specs[-1].timeout_ms == 9000  # the change was seen
    assert len(seen_at) == 1


def test_a_stream_of_the_answer_comes_in_events(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)

    def streamed() -> list[dict[str, Any]]:
        answer = cloud.call("lambda", "InvokeWithResponseStream", FunctionName="f", Payload=b'{"a": 1}')

        async def gather() -> list[dict[str, Any]]:
            return [event async for event in answer["EventStream"]]

        return cloud.run(gather())

    assert streamed() == [{"PayloadChunk": {"Payload": b'{"a": 1}'}}, {"InvokeComplete": {}}]
    stage.script(lambda event: 1 / 0)
    (complete,) = streamed()
    assert complete["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert "ZeroDivisionError" in complete["InvokeComplete"]["ErrorDetails"]


def test_a_caller_who_goes_away_does_not_end_the_function(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    cloud.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    stage.gate = asyncio.Event()
    ended: list[bool] = []
    stage.script(lambda event: ended.append(True))
    running = cloud.start("lambda", "Invoke", FunctionName="f")

    async def leave() -> None:
        await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.sleep(0)

    cloud.run(leave())
    assert cloud.error("lambda", "Invoke", FunctionName="f").shape == "TooManyRequestsException"
    stage.gate.set()
    cloud.clock.settle()
    assert ended == [True]
    assert invoke(cloud)["StatusCode"] == 200
