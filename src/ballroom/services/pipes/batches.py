"""One batch through a pipe: filtered, enriched, transformed, and handed to the target.

Source: EventBridge User Guide, "Amazon EventBridge Pipes concepts", "Batching and concurrency", "Error handling
and troubleshooting".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ballroom.kernel import Context, ServiceError
from ballroom.kernel.arn import find_arn
from ballroom.kernel.matcher import EVENTS, compile_pattern

from .enriching import Enrichment
from .logbook import Logbook
from .resources import Pipe
from .targets import Failure, Target, target_of
from .templates import Known, Template, decoded

Record = dict[str, Any]


class Line:
    """A pipe compiled: what its batches go through."""

    def __init__(self, pipe: Pipe) -> None:
        settings = pipe.settings
        criteria = settings.get("SourceParameters", {}).get("FilterCriteria", {}).get("Filters", [])
        self.pipe = pipe
        self._filters = [
            compile_pattern(entry["Pattern"], EVENTS) for entry in criteria if entry.get("Pattern")
        ]
        self._enrichment = Enrichment(settings) if settings.get("Enrichment") else None
        parameters = settings.get("TargetParameters", {})
        template = parameters.get("InputTemplate")
        self._template = Template(template) if template else None
        self._target: Target = target_of(settings["Target"], parameters)
        arn = find_arn(settings["Source"])
        self._id_field = "messageId" if arn is not None and arn.service == "sqs" else "eventID"

    def wants(self, record: Record) -> bool:
        """Whether the pipe's filters let a record through; a queue's JSON bodies are looked into."""
        if not self._filters:
            return True
        seen = decoded(record)
        return any(pattern.matches(seen) for pattern in self._filters)

    async def carry(self, ctx: Context, records: Sequence[Record]) -> set[int]:
        """Take records that passed the filter to the target; the positions of those that failed."""
        pipe, settings = self.pipe, self.pipe.settings
        known = Known(
            pipe.arn, pipe.name, settings["Source"], settings.get("Enrichment", ""), settings["Target"],
            ctx.clock.now_ms(),
        )  # fmt: skip
        log = Logbook(ctx, pipe)
        log.note("ExecutionStarted", records)
        try:
            events: list[Any] = list(records)
            if self._enrichment is not None:
                events = await self._enrichment.apply(ctx, events, known, log)
            failed = await self._deliver(ctx, events, known, log, len(records))
        except ServiceError as error:
            log.note("ExecutionFailed", error=error)
            log.write()
            return set(range(len(records)))
        log.note("ExecutionPartiallyFailed" if failed else "ExecutionSucceeded")
        log.write()
        return failed

    async def _deliver(
        self, ctx: Context, events: list[Any], known: Known, log: Logbook, size: int
    ) -> set[int]:
        if not events:
            log.note("TargetStageSkipped")
            return set()
        log.note("TargetStageEntered", events)
        shaped = events
        if self._template is not None:
            shaped = [self._template.render(event, known) for event in events]
            log.note("TargetTransformationSucceeded", shaped)
        log.note("TargetInvocationStarted", shaped)
        try:
            failures = await self._target.deliver(ctx, shaped, events)
        except ServiceError as error:
            log.note("TargetInvocationFailed", error=error)
            raise
        log.note("TargetInvocationPartiallyFailed" if failures else "TargetInvocationSucceeded")
        log.note("TargetStageExited")
        return self._positions(failures, events, size)

    def _positions(self, failures: list[Failure], events: list[Any], size: int) -> set[int]:
        """The records behind what failed; all of them where an enrichment changed how many there are."""
        positions: set[int] = set()
        for failure in failures:
            if isinstance(failure, int):
                found = failure
            else:
                ids = [e.get(self._id_field) if isinstance(e, dict) else None for e in events]
                found = ids.index(failure) if failure in ids else -1
            if found < 0 or len(events) != size:
                return set(range(size))
            positions.add(found)
        return positions
