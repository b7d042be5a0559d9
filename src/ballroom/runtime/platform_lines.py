"""The lines that the platform itself writes to a function's log, in AWS's words, as text or as JSON.

Sources: Lambda Developer Guide, "Log formats" and "System log level event mapping"; Telemetry API Event
schema reference.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ballroom.runtime.runtimes import runtime_version, runtime_version_arn
from ballroom.runtime.spec import FunctionSpec

_LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}


def iso_time(ms: int) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def log_stream_name(ms: int, version: str, hexadecimal: str) -> str:
    """`2026/01/31/[$LATEST]0123...` (32 hexadecimal digits)."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y/%m/%d}/[{version}]{hexadecimal}"


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Whole milliseconds, initialisation included (as AWS bills since August 2025)."""
    return math.ceil(round(duration_ms + (init_ms or 0.0), 2))


@dataclass(frozen=True, slots=True)
class Report:
    """What the REPORT line says."""

    request_id: str
    duration_ms: float
    init_ms: float | None
    max_memory_mb: int
    status: str
    error_type: str | None


class PlatformLines:
    """Composes lines for one function. An empty list means that this level is not written."""

    def __init__(self, spec: FunctionSpec) -> None:
        self._spec = spec
        self._json = spec.log_format.upper() == "JSON"
        self._threshold = _LEVELS.get(spec.system_log_level, 1) if self._json else 1

    def init_start(self, now_ms: int) -> list[str]:
        """The environment begins to initialise."""
        spec = self._spec
        version, arn = runtime_version(spec.runtime), runtime_version_arn(spec.runtime, spec.region)
        if not self._json:
            return [f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}"]
        record = {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": version,
            "runtimeVersionArn": arn,
            "functionName": spec.function_name,
            "functionVersion": spec.version,
        }
        return self._record(now_ms, "platform.initStart", record, "INFO")

    def init_report(
        self, now_ms: int, init_ms: float, phase: str, status: str, error_type: str | None
    ) -> list[str]:
        """Initialisation failed or took too long (successes are in the REPORT line)."""
        if not self._json:
            error = f"\tError Type: {error_type}" if error_type else ""
            return [f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\tStatus: {status}{error}"]
        record: dict[str, Any] = {
            "initializationType": "on-demand",
            "phase": phase,
            "status": status,
            "metrics": {"durationMs": round(init_ms, 3)},
        }
        if error_type:
            record["errorType"] = error_type
        return self._record(now_ms, "platform.initReport", record, "WARN")

    def start(self, now_ms: int, request_id: str) -> list[str]:
        """An invocation begins."""
        version = self._spec.version
        if not self._json:
            return [f"START RequestId: {request_id} Version: {version}"]
        record = {"requestId": request_id, "version": version}
        return self._record(now_ms, "platform.start", record, "INFO")

    def fault(self, request_id: str, text: str, error_type: str) -> list[str]:
        """The runtime process ended on its own."""
        return [f"RequestId: {request_id} Error: {text}\n{error_type}"]

    def timed_out(self, now_ms: int, request_id: str, timeout_ms: int) -> list[str]:
        """The time limit ended the invocation."""
        return [f"{iso_time(now_ms)} {request_id} {timeout_text(timeout_ms)}\n"]

    def end(self, now_ms: int, report: Report) -> list[str]:
        """END and REPORT, or their JSON records."""
        spec = self._spec
        billed = billed_ms(report.duration_ms, report.init_ms)
        if not self._json:
            line = (
                f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
                f"Billed Duration: {billed} ms\tMemory Size: {spec.memory_mb} MB\t"
                f"Max Memory Used: {report.max_memory_mb} MB\t"
            )
            if report.init_ms is not None:
                line += f"Init Duration: {report.init_ms:.2f} ms\t"
            if report.status != "success":
                line += f"Status: {report.status}\t"
                if report.error_type and report.status == "error":
                    line += f"Error Type: {report.error_type}\t"
            return [f"END RequestId: {report.request_id}", line]
        level = "INFO" if report.status == "success" else "WARN"
        metrics: dict[str, Any] = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": billed,
            "memorySizeMB": spec.memory_mb,
            "maxMemoryUsedMB": report.max_memory_mb,
        }
        if report.init_ms is not None:
            metrics["initDurationMs"] = round(report.init_ms, 3)
        done: dict[str, Any] = {"requestId": report.request_id, "status": report.status}
        if report.error_type and report.status == "error":
            done["errorType"] = report.error_type
        return self._record(
            now_ms, "platform.runtimeDone", done, "DEBUG" if level == "INFO" else "WARN"
        ) + self._record(now_ms, "platform.report", {**done, "metrics": metrics}, level)

    def dropped(self, now_ms: int, count: int) -> list[str]:
        """Output beyond the limit of an invocation was left out."""
        if not self._json:
            return [f"LOGS\tState: Dropped\tDropped Records: {count}"]
        record = {"reason": "Log output exceeded the limit of one invocation", "droppedRecords": count}
        return self._record(now_ms, "platform.logsDropped", record, "WARN")

    def _record(self, now_ms: int, kind: str, record: dict[str, Any], level: str) -> list[str]:
        if _LEVELS[level] < self._threshold:
            return []
        document = {"time": iso_time(now_ms), "type": kind, "record": record}
        return [json.dumps(document, separators=(",", ":"))]


def timeout_text(timeout_ms: int) -> str:
    """`Task timed out after 3.00 seconds`."""
    return f"Task timed out after {timeout_ms / 1000:.2f} seconds"
