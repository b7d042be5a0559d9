"""The pipes that run: one poller for each, from the start of the server on.

Source: EventBridge User Guide, "Amazon EventBridge Pipes sources".
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

from ballroom.kernel import Context, Kernel, Tx, on_start
from ballroom.kernel.arn import find_arn
from ballroom.sources import queue_records, stream_records
from ballroom.sources.queue_poller import Message, QueuePoller, QueueSource
from ballroom.sources.stream_poller import Discarded, StreamPoller, StreamRecord, StreamSource

from .batches import Line
from .dead_letters import tell_dead_letter
from .resources import Changes, Pipe, PipePlace, find_pipe

log = logging.getLogger("ballroom.pipes")

PRINCIPAL = "pipes.amazonaws.com"
NAMESPACE = "AWS/EventBridge/Pipes"
Place = tuple[str, str, str]


class Poller(Protocol):
    """Feeds a pipe until it is stopped."""

    def stop(self) -> None: ...


class RunningPipes:
    """Those of one kernel. They outlive a failed commit."""

    _all: ClassVar[WeakKeyDictionary[Kernel, RunningPipes]] = WeakKeyDictionary()

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._by_place: dict[Place, tuple[dict[str, Any], Poller]] = {}

    @classmethod
    def of(cls, kernel: Kernel) -> RunningPipes:
        """Those of a kernel."""
        found = cls._all.get(kernel)
        if found is None:
            found = cls._all[kernel] = RunningPipes(kernel)
            kernel.on_stop(found.stop)
        return found

    def begin(self) -> None:
        """Look at all pipes: at start, and after a failed commit."""
        Changes.of(self._kernel).listen(self.changed)
        for place in {*self._kernel.transact(_all_places), *self._by_place}:
            self.changed(place)

    async def stop(self) -> None:
        """Take nothing further from the sources."""
        for _, poller in self._by_place.values():
            poller.stop()

    def changed(self, place: Place) -> None:
        """A pipe is new, changed or gone."""
        if self._kernel.stopping:
            return
        pipe = self._kernel.transact(find_pipe, *place)
        running = self._by_place.get(place)
        wanted = pipe is not None and pipe.state in ("RUNNING", "STARTING")
        if running is not None and (pipe is None or not wanted or running[0] != pipe.settings):
            running[1].stop()
            del self._by_place[place]
            running = None
        if wanted and pipe is not None and running is None:
            self._by_place[place] = (pipe.settings, self._start(pipe))

    def _start(self, pipe: Pipe) -> Poller:
        source = find_arn(pipe.settings["Source"])
        assert source is not None
        if source.service == "sqs":
            return _queue_poller(self._kernel, pipe)
        return _stream_poller(self._kernel, pipe)


def _all_places(tx: Tx) -> list[Place]:
    rows = tx.scan_prefix_items(PipePlace, ("pipes-all",))
    return [(str(key[1]), str(key[2]), str(key[3])) for key, _ in rows]


def _queue_poller(kernel: Kernel, pipe: Pipe) -> Poller:
    line = Line(pipe)
    batching = pipe.settings.get("SourceParameters", {}).get("SqsQueueParameters", {})
    arn = pipe.settings["Source"]

    async def work(poller: QueuePoller, ctx: Context, messages: list[Message]) -> set[str]:
        """The messages that reached the target or are not wanted."""
        records = [queue_records.record_of(message, arn, poller.region) for message in messages]
        chosen = [record for record in records if line.wants(record)]
        failed = await line.carry(ctx, chosen) if chosen else set()
        left = {chosen[n]["messageId"] for n in failed}
        count(kernel, pipe, "Invocations")
        if left:
            count(kernel, pipe, "ExecutionPartiallyFailed" if len(left) < len(chosen) else "ExecutionFailed")
        return {message["MessageId"] for message in messages} - left

    source = QueueSource(
        arn, batching.get("BatchSize", 10), batching.get("MaximumBatchingWindowInSeconds", 0),
        principal=PRINCIPAL, consumer=pipe.name,
    )  # fmt: skip
    return QueuePoller(kernel, source, work)


def _stream_poller(kernel: Kernel, pipe: Pipe) -> Poller:
    line = Line(pipe)
    settings = pipe.settings.get("SourceParameters", {}).get("DynamoDBStreamParameters", {})
    arn = pipe.settings["Source"]
    dead_letter = settings.get("DeadLetterConfig", {}).get("Arn", "")

    async def work(ctx: Context, records: list[StreamRecord]) -> int | None:
        """The position of the first record that did not reach the target."""
        shown = [stream_records.record_of(record, arn) for record in records]
        chosen = [n for n, record in enumerate(shown) if line.wants(record)]
        failed = await line.carry(ctx, [shown[n] for n in chosen]) if chosen else set()
        count(kernel, pipe, "Invocations")
        if not failed:
            return None
        count(kernel, pipe, "ExecutionPartiallyFailed" if len(failed) < len(chosen) else "ExecutionFailed")
        return chosen[min(failed)]

    def discard(ctx: Context, told: Discarded) -> None:
        count(kernel, pipe, "DiscardedRecords")
        if dead_letter:
            ctx.transact(tell_dead_letter, pipe, dead_letter, told)

    source = StreamSource(
        arn, f"pipe:{pipe.arn}:{pipe.created_ms}", settings.get("BatchSize", 100), settings["StartingPosition"],
        settings.get("MaximumBatchingWindowInSeconds", 0), settings.get("MaximumRetryAttempts", -1),
        settings.get("MaximumRecordAgeInSeconds", -1),
        settings.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        settings.get("ParallelizationFactor", 1), PRINCIPAL, pipe.name,
    )  # fmt: skip
    return StreamPoller(kernel, source, work, discard)


def count(kernel: Kernel, pipe: Pipe, name: str) -> None:
    """A sample for the pipe."""
    kernel.metrics.count(pipe.account, pipe.region, NAMESPACE, name, (("PipeName", pipe.name),))


@on_start
def start_pipes(kernel: Kernel) -> None:
    """Run the pipes that are to run."""
    RunningPipes.of(kernel).begin()
