"""What functions say, on its way to CloudWatch Logs: in batches, behind the invocations.

One writer a kernel. The first lines after a pause are written at once; while more come, they gather for
some 25 ms of real time, so that a busy function costs one transaction for many invocations (measured
without: a commit for each, and twice the server's CPU). A virtual clock waits for them, so that whoever
has settled time finds the lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ballroom.kernel import Kernel, ServiceError, Tx
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import service_caller
from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.runtime.spec import LogBatch

log = logging.getLogger("ballroom.lambda.logs")

WAITING_LIMIT = 64 << 20  # bytes of lines in memory; what comes beyond is dropped and counted
_GATHER_S = 0.025
_EVENTS_AT_ONCE = 1000
_BYTES_AT_ONCE = 900_000  # PutLogEvents takes 1 MiB, 26 bytes for each event included

Stream = tuple[str, str, str, str]  # account, region, group, stream


class FunctionLogs:
    """Lines that wait to be written."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: dict[Stream, list[tuple[int, str]]] = {}
        self._bytes = 0
        self._writing = False
        self._hurry = asyncio.Event()
        self.dropped = 0

    def take(self, batch: LogBatch) -> None:
        """Accept lines of one environment; returns at once."""
        function = find_arn(batch.spec.arn)
        if function is None:
            return
        size = sum(len(text) + 26 for _, text in batch.lines)
        if self._bytes + size > WAITING_LIMIT:
            self.dropped += len(batch.lines)
            return
        self._bytes += size
        stream = (function.account, function.region, batch.spec.group, batch.stream)
        self._waiting.setdefault(stream, []).extend(batch.lines)
        if not self._writing and not self._kernel.stopping:
            self._writing = True
            self._kernel.spawn(self._write(), "write function logs")

    async def drain(self) -> None:
        """Write all that waits; at the end of the server."""
        self._hurry.set()
        await self._write()

    async def _write(self) -> None:
        ctx = self._kernel.context()
        hold = ctx.clock.hold("function logs")
        try:
            while self._waiting:
                stream = next(iter(self._waiting))
                for chunk in _chunks(self._waiting[stream]):
                    try:
                        ctx.transact(self._put, stream, chunk)
                    except (Throttled, Unavailable):
                        return  # the disk takes no writes now: the next line tries again
                    except ServiceError as refused:
                        self.dropped += len(chunk)
                        log.warning("log lines for %s were refused: %r", stream[2], refused)
                    self._written(stream, len(chunk))
                if self._waiting:
                    continue
                await ctx.durable()
                if not ctx.clock.is_virtual:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._hurry.wait(), _GATHER_S)
        except Unavailable as lost:
            log.warning("log lines were lost: %s", lost)
        finally:
            self._writing = False
            hold.release()

    def _written(self, stream: Stream, count: int) -> None:
        lines = self._waiting[stream]
        self._bytes -= sum(len(text) + 26 for _, text in lines[:count])
        del lines[:count]
        if not lines:
            del self._waiting[stream]

    def _put(self, tx: Tx, stream: Stream, lines: list[tuple[int, str]]) -> None:
        account, region, group, name = stream
        caller = service_caller(account, region, "lambda.amazonaws.com", tx.ids.uuid())
        request = {
            "logGroupName": group,
            "logStreamName": name,
            "logEvents": [{"timestamp": at, "message": text or " "} for at, text in lines],
        }
        try:
            tx.call("logs", "PutLogEvents", request, caller=caller)
        except ServiceError as error:
            if error.shape != "ResourceNotFoundException":
                raise
            for operation, place in (
                ("CreateLogGroup", {"logGroupName": group}),
                ("CreateLogStream", {"logGroupName": group, "logStreamName": name}),
            ):
                try:
                    tx.call("logs", operation, place, caller=caller)
                except ServiceError as exists:
                    if exists.shape != "ResourceAlreadyExistsException":
                        raise
            tx.call("logs", "PutLogEvents", request, caller=caller)


def _chunks(lines: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Lines in portions that one PutLogEvents takes; over-long ones are cut as CloudWatch's limit asks."""
    chunks: list[list[tuple[int, str]]] = []
    size = 0
    for at, text in lines:
        encoded = text.encode()
        if len(encoded) > 256_000:
            text = encoded[:256_000].decode("utf-8", "ignore")
        length = min(len(encoded), 256_000) + 26
        if not chunks or size + length > _BYTES_AT_ONCE or len(chunks[-1]) >= _EVENTS_AT_ONCE:
            chunks.append([])
            size = 0
        chunks[-1].append((at, text))
        size += length
    return chunks
