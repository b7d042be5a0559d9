"""Histories in CloudWatch Logs, as state machines are configured: behind the executions, never in their way.

Lines gather while the last ones are being written, so that many executions cost one transaction.

Source: Developer Guide, "Using CloudWatch Logs to log execution history in Step Functions"; recorded lines.
"""

from __future__ import annotations

import logging as python_logging
from typing import TYPE_CHECKING

import orjson

from ballroom.kernel import Kernel, ServiceError, Tx, service_caller
from ballroom.kernel.errors import Throttled, Unavailable

from .engine.execution import Live, time_text
from .engine.journal import TYPES, Event, details_of
from .settings import log_group_of

if TYPE_CHECKING:
    pass

log = python_logging.getLogger("ballroom.states.logs")

_FATAL = frozenset({"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})
_ENDS = ("Failed", "TimedOut", "Aborted")
LEVELS: dict[str, frozenset[int]] = {
    "ALL": frozenset(range(len(TYPES))),
    "ERROR": frozenset(n for n, name in enumerate(TYPES) if name == "FailStateEntered" or name.endswith(_ENDS)),
    "FATAL": frozenset(n for n, name in enumerate(TYPES) if name in _FATAL),
    "OFF": frozenset(),
}
"""Which events each level tells."""

WAITING_LIMIT = 200_000
Stream = tuple[str, str, str, str]  # account, region, group, stream


def wants_events(logging: dict[str, object]) -> bool:
    """Whether anything is to be logged."""
    return logging.get("level", "OFF") != "OFF"


class ExecutionLogs:
    """Lines that wait to be written."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._suffix = kernel.ids.hex(8)
        self._waiting: dict[Stream, list[tuple[int, str]]] = {}
        self._count = 0
        self._writing = False
        self.dropped = 0

    def take(self, tx: Tx, live: Live, first: int, events: list[Event]) -> None:
        """Log what a machine's level asks for, once this transaction has succeeded."""
        logging = live.record.settings.logging
        chosen = LEVELS[logging.get("level", "OFF")]
        if not chosen:
            return
        group = log_group_of(logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"])
        lines = []
        with_data = bool(logging.get("includeExecutionData"))
        for id, event in enumerate(events, first):
            if event[2] not in chosen:
                continue
            line = {
                "id": str(id), "type": TYPES[event[2]], "details": details_of(event[3], with_data),
                "previous_event_id": str(event[0]), "event_timestamp": str(event[1]), "execution_arn": live.arn,
                "redrive_count": str(live.record.redrives),
            }  # fmt: skip
            lines.append((event[1], orjson.dumps(line).decode()))
        if not lines or group is None:
            return
        machine = live.ref.machine.replace("/", "_")
        minute = time_text(self._kernel.started_ms)[:16].replace("T", "-").replace(":", "-")
        stream = (live.ref.account, live.ref.region, group, f"states/{machine}/{minute}/{self._suffix}")
        tx.when_durable(lambda: self._add(stream, lines))

    def _add(self, stream: Stream, lines: list[tuple[int, str]]) -> None:
        if self._count > WAITING_LIMIT:
            self.dropped += len(lines)
            return
        self._waiting.setdefault(stream, []).extend(lines)
        self._count += len(lines)
        if not self._writing and not self._kernel.stopping:
            self._writing = True
            self._kernel.spawn(self._write(), "write execution logs")

    async def _write(self) -> None:
        ctx = self._kernel.context()
        hold = ctx.clock.hold("execution logs")
        try:
            while self._waiting:
                stream = next(iter(self._waiting))
                lines = self._waiting.pop(stream)
                self._count -= len(lines)
                lines.sort(key=lambda line: line[0])
                for start in range(0, len(lines), 500):
                    try:
                        ctx.transact(_put, stream, lines[start : start + 500])
                    except (Throttled, Unavailable):
                        self.dropped += len(lines) - start
                        break
                    except ServiceError as refused:
                        self.dropped += len(lines) - start
                        log.warning("history lines for %s were refused: %r", stream[2], refused)
                        break
                await ctx.durable()
        except Unavailable as lost:
            log.warning("history lines were lost: %s", lost)
        finally:
            self._writing = False
            hold.release()


def _put(tx: Tx, stream: Stream, lines: list[tuple[int, str]]) -> None:
    account, region, group, name = stream
    caller = service_caller(account, region, "states.amazonaws.com", tx.ids.uuid())
    events = [{"timestamp": at, "message": text} for at, text in lines]
    if not tx.call("logs", "DescribeLogGroups", {"logGroupNamePrefix": group}, caller=caller).get("logGroups"):
        return  # the group has been deleted: as on AWS, nothing is logged
    tx.call(
        "logs", "Append", {"logGroupName": group, "logStreamName": name, "logEvents": events}, caller=caller
    )
