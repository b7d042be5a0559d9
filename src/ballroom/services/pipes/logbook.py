"""The log of a pipe: what happened to one batch, at the pipe's level, in its log group.

Source: EventBridge User Guide, "Logging Amazon EventBridge Pipes performance".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ballroom.kernel import Context, ServiceError
from ballroom.kernel.arn import find_arn

from .resources import Pipe

_RANKS = {"OFF": 0, "ERROR": 1, "INFO": 2, "TRACE": 3}
_INFO = frozenset(
    {
        "ExecutionStarted", "ExecutionSucceeded", "EnrichmentStageEntered", "EnrichmentStageExited",
        "TargetStageEntered", "TargetStageExited", "TargetStageSkipped",
    }
)  # fmt: skip
_TRUNCATED = 200_000


class Logbook:
    """Notes of one batch, written at its end in one piece."""

    def __init__(self, ctx: Context, pipe: Pipe) -> None:
        settings = pipe.settings.get("LogConfiguration", {})
        self._ctx, self._pipe = ctx, pipe
        self._rank = _RANKS[settings.get("Level", "OFF")]
        self._with_data = "ALL" in settings.get("IncludeExecutionData", [])
        destination = settings.get("CloudwatchLogsLogDestination", {}).get("LogGroupArn")
        self._group = find_arn(destination) if destination else None
        self._execution = ctx.kernel.ids.uuid() if self._rank else ""
        self._lines: list[dict[str, Any]] = []

    def note(self, what: str, payload: Sequence[Any] | None = None, error: ServiceError | None = None) -> None:
        """Add a line, if the pipe's level wants it."""
        level = "ERROR" if "Failed" in what else "INFO" if what in _INFO else "TRACE"
        if _RANKS[level] > self._rank or self._group is None:
            return
        now = self._ctx.clock.now_ms()
        line: dict[str, Any] = {
            "resourceArn": self._pipe.arn,
            "timestamp": now,
            "executionId": self._execution,
            "messageType": what,
            "logLevel": level,
        }
        if self._with_data and payload is not None:
            text = orjson.dumps(list(payload)).decode()
            line["payload"] = text[:_TRUNCATED]
            line["truncatedFields"] = ["payload"] if len(text) > _TRUNCATED else []
        if error is not None:
            line["error"] = {"httpStatusCode": error.status or 400, "message": f"{error.shape}: {error.text}"}
        self._lines.append({"timestamp": now, "message": orjson.dumps(line).decode()})

    def write(self) -> None:
        """Hand the lines to CloudWatch Logs."""
        if not self._lines or self._group is None:
            return
        request = {
            "logGroupName": self._group.resource.removeprefix("log-group:").removesuffix(":*"),
            "logStreamName": self._pipe.name,
            "logEvents": self._lines,
        }
        self._ctx.transact(lambda tx: tx.call("logs", "Append", request))
        self._lines = []
