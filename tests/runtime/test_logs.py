"""What reaches the log of a function, line for line."""

from __future__ import annotations

import json
import re

from ballroom.runtime.output import OutputParser
from ballroom.runtime.worker.frames import encode

from .conftest import Stage


def masked(lines: list[str]) -> list[str]:
    return [re.sub(r"\b\d+ (ms|MB)", r"<n> \1", re.sub(r"\d+\.\d\d ms", "<ms>", line)) for line in lines]


def test_a_cold_and_a_warm_invocation_are_framed_as_on_aws(stage: Stage) -> None:
    spec = stage.function("print('loading')\ndef handler(event, context): print('hello', event)")
    for request_id in ("r-1", "r-2"):
        stage.invoke(spec, 1, request_id=request_id)
    lines = masked(stage.lines(spec))
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.11\.v1\t"
        r"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}",
        lines[0],
    )
    report = (
        "REPORT RequestId: {}\tDuration: <ms>\tBilled Duration: <n> ms\t"
        "Memory Size: <n> MB\tMax Memory Used: <n> MB\t"
    )
    assert lines[1:] == [
        "loading",
        "START RequestId: r-1 Version: $LATEST",
        "hello 1",
        "END RequestId: r-1",
        report.format("r-1") + "Init Duration: <ms>\t",
        "START RequestId: r-2 Version: $LATEST",
        "hello 1",
        "END RequestId: r-2",
        report.format("r-2"),
    ]


def test_a_record_of_the_logging_library_is_one_event_and_keeps_its_place(stage: Stage) -> None:
    spec = stage.function(
        """
        import logging
        def handler(event, context):
            print("before")
            logging.getLogger().warning("two\\nlines")
            print("after\\nwards")
            print("no line end", end="")
        """
    )
    stage.invoke(spec, request_id="r-1")
    printed = stage.lines(spec)[2:-2]
    assert [re.sub(r"\t2\S+Z\t", "\t<time>\t", line) for line in printed] == [
        "before",
        "[WARNING]\t<time>\tr-1\ttwo\nlines",
        "after",
        "wards",
        "no line end",
    ]


def test_an_error_is_logged_with_its_stack_trace_in_one_event(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): raise ValueError('no')")
    stage.invoke(spec)
    event = stage.lines(spec)[2]
    assert event.startswith("[ERROR] ValueError: no\nTraceback (most recent call last):\n\xa0\xa0File ")


def test_a_time_limit_is_told_before_the_end(stage: Stage) -> None:
    spec = stage.function(
        "import time\ndef handler(event, context): print('x'); time.sleep(30)", timeout_ms=300
    )
    stage.invoke(spec, request_id="r-1")
    lines = stage.lines(spec)[1:]
    assert lines[:2] == ["START RequestId: r-1 Version: $LATEST", "x"]
    assert re.fullmatch(r"20\d\d-\S+Z r-1 Task timed out after 0\.30 seconds\n", lines[2])
    assert lines[3] == "END RequestId: r-1"
    assert "Duration: 300.00 ms\t" in lines[4]
    assert lines[4].endswith("\tStatus: timeout\t")


def test_a_process_that_dies_is_told_before_the_end(stage: Stage) -> None:
    spec = stage.function("import sys\ndef handler(event, context): sys.exit(1)")
    stage.invoke(spec, request_id="r-1")
    assert stage.lines(spec)[2:4] == [
        "RequestId: r-1 Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        "END RequestId: r-1",
    ]
    assert stage.lines(spec)[4].endswith("\tStatus: error\tError Type: Runtime.ExitError\t")


def test_a_function_that_cannot_be_loaded_has_a_report_of_its_initialisation(stage: Stage) -> None:
    spec = stage.function("")
    stage.invoke(spec)
    report = next(line for line in stage.lines(spec) if line.startswith("INIT_REPORT"))
    assert masked([report]) == [
        "INIT_REPORT Init Duration: <ms>\tPhase: init\tStatus: error\tError Type: Runtime.HandlerNotFound"
    ]


def test_the_json_format_writes_records_of_the_platform_and_of_the_logging_library(stage: Stage) -> None:
    spec = stage.function(
        """
        import logging
        def handler(event, context):
            logging.getLogger().info("shown")
            logging.getLogger().debug("not shown")
            print("as it is")
        """,
        log_format="JSON",
        application_log_level="INFO",
    )
    stage.invoke(spec, request_id="r-1")
    lines = stage.lines(spec)
    assert lines.pop(3) == "as it is"
    records = [json.loads(line) for line in lines]
    assert [r.get("type") for r in records] == ["platform.initStart", "platform.start", None, "platform.report"]
    assert records[1]["record"] == {"requestId": "r-1", "version": "$LATEST"}
    assert {**records[2], "timestamp": ""} == {
        "timestamp": "",
        "level": "INFO",
        "message": "shown",
        "logger": "root",
        "requestId": "r-1",
    }
    assert set(records[3]["record"]["metrics"]) == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }
    assert records[3]["record"]["status"] == "success"


def test_the_system_log_level_decides_which_platform_records_are_written(stage: Stage) -> None:
    kinds = {}
    for level in ("DEBUG", "INFO", "WARN"):
        spec = stage.function("def handler(event, context): pass", log_format="JSON", system_log_level=level)
        stage.invoke(spec)
        kinds[level] = [json.loads(line)["type"] for line in stage.lines(spec)]
    assert kinds == {
        "DEBUG": ["platform.initStart", "platform.start", "platform.runtimeDone", "platform.report"],
        "INFO": ["platform.initStart", "platform.start", "platform.report"],
        "WARN": [],
    }


def test_the_tail_is_the_last_four_kilobytes_of_this_invocation(stage: Stage) -> None:
    spec = stage.function("def handler(event, context): print('x' * event)")
    stage.invoke(spec, 10)
    tail = stage.invoke(spec, 20).log_tail.decode()
    assert tail.startswith("START RequestId")
    assert "x" * 10 + "\n" in tail
    long = stage.invoke(spec, 10_000).log_tail
    assert len(long) == 4096
    assert b"REPORT RequestId" in long


def test_a_flood_of_output_arrives_whole_and_in_order(stage: Stage) -> None:
    spec = stage.function(
        "def handler(event, context):\n    for n in range(event): print(n)", timeout_ms=30_000
    )
    stage.invoke(spec, 20_000)
    assert stage.lines(spec)[2:-2] == [str(n) for n in range(20_000)]


def test_output_beyond_the_limit_is_dropped_and_counted(make_stage) -> None:
    from ballroom.runtime import RuntimeSettings

    stage = make_stage(settings=RuntimeSettings(log_limit_bytes=100_000))
    spec = stage.function("def handler(event, context):\n    for n in range(event): print('x' * 99)")
    stage.invoke(spec, 10_000)
    lines = stage.lines(spec)
    kept = lines.count("x" * 99)
    assert kept < 2000
    assert lines[-3] == f"LOGS\tState: Dropped\tDropped Records: {10_000 - kept}"


def test_the_parser_finds_events_however_the_bytes_are_cut() -> None:
    frame = b"\xa5\x5a\x00\x0f" + (4).to_bytes(4, "big") + bytes(8) + b"a\nb\n"
    data = b"one\ntw" + frame + b"o\n\xa5\xff binary\n" + frame + "ü".encode()
    whole = ["one", "a\nb", "two", "\ufffd\ufffd binary", "a\nb", "ü"]
    for size in (1, 2, 3, 7, len(data)):
        parser = OutputParser()
        events = [e for at in range(0, len(data), size) for e in parser.feed(data[at : at + size])]
        assert events + parser.flush() == whole


def test_a_line_without_end_is_cut_at_the_longest_event() -> None:
    parser = OutputParser()
    events = parser.feed(b"x" * 600_000)
    assert [len(event) for event in events] == [262_118, 262_118]
    assert len(parser.flush()[0]) == 600_000 - 2 * 262_118


def test_a_frame_is_its_length_then_its_parts() -> None:
    assert encode(3, {}, b"body") == b"\x00\x00\x00\x0b\x03\x00\x00\x00\x02{}body"
