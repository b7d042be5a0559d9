"""Searching a group: its streams merged by time, without holding more of each than a chunk.

A search resumes after the last event that it looked at, a triple (timestamp, stream, sequence) in the
order of the merge, so its token is three numbers whatever it has found.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ballroom.kernel import Key, Response, Tx
from ballroom.kernel.tokens import make_token

from .ingest import event_id
from .resources import Event, LogStream, key
from .slices import SLICE_BYTES, SLICE_ROWS

MOST_BYTES = 1_048_576
_CHUNK = 64

Triple = tuple[int, int, int]


@dataclass(slots=True)
class Search:
    """FilterLogEvents at work. `streams` are those that may hold events of the time asked for."""

    group: int
    streams: list[LogStream]
    matches: Callable[[str], bool] | None
    limit: int
    low_ms: int
    high_ms: int | None
    after: Triple | None
    found: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    done: bool = False

    def step(self, tx: Tx) -> bool:
        """Look at up to 250 events or 64 KB of them."""
        names = {stream.number: stream.name for stream in self.streams}
        looked_bytes = 0
        for looked, (timestamp, stream, sequence, event) in enumerate(self._merge(tx)):
            if len(self.found) >= self.limit:
                return True  # there is more, so the answer carries a token
            if looked >= SLICE_ROWS or looked_bytes >= SLICE_BYTES:
                return False
            looked_bytes += len(event.message)
            if self.matches is None or self.matches(event.message):
                self.size += len(event.message) + 26
                if self.size > MOST_BYTES and self.found:
                    return True  # this match opens the next answer
                self.found.append(
                    {
                        "logStreamName": names[stream], "timestamp": timestamp, "message": event.message,
                        "ingestionTime": event.ingested_ms,
                        "eventId": event_id(timestamp, stream, sequence),
                    }
                )
            self.after = (timestamp, stream, sequence)
        self.done = True
        return True

    def answer(self) -> Response:
        """What was found; a token unless the search has come to its end."""
        answer: Response = {"events": self.found, "searchedLogStreams": []}
        if not self.done:
            answer["nextToken"] = make_token(self.after or (self.low_ms, 0, 0))
        return answer

    def _merge(self, tx: Tx) -> Iterator[tuple[int, int, int, Event]]:
        """The streams' events in order; a stream is opened only when its time comes."""
        heap: list[tuple[int, int, int, Event | None, Iterator[tuple[int, int, Event]] | None]] = []
        for stream in self.streams:
            low = self._low(stream.number)
            heap.append((max(low[0], stream.first_ms), stream.number, -1, None, None))
        heapq.heapify(heap)
        while heap:
            timestamp, stream_number, sequence, event, rows = heapq.heappop(heap)
            if event is not None:
                yield timestamp, stream_number, sequence, event
            if rows is None:
                rows = self._rows(tx, stream_number)
            following = next(rows, None)
            if following is not None:
                heapq.heappush(heap, (following[0], stream_number, following[1], following[2], rows))

    def _low(self, stream: int) -> tuple[int, int]:
        """The first timestamp and sequence of a stream that the search has not yet passed."""
        if self.after is None or self.after[0] < self.low_ms:
            return self.low_ms, 0
        timestamp, last_stream, sequence = self.after
        if stream == last_stream:
            return timestamp, sequence + 1
        return (timestamp, 0) if stream > last_stream else (timestamp + 1, 0)

    def _rows(self, tx: Tx, stream: int) -> Iterator[tuple[int, int, Event]]:
        prefix = key(tx, "event", self.group, stream)
        high: Key = (*prefix, 10**14 if self.high_ms is None else self.high_ms)
        low: Key = (*prefix, *self._low(stream))
        while low < high:
            rows = tx.scan_items(Event, low, high, limit=_CHUNK)
            for row_key, event in rows:
                timestamp, sequence = row_key[-2:]
                assert isinstance(timestamp, int)
                assert isinstance(sequence, int)
                yield timestamp, sequence, event
                low = (*prefix, timestamp, sequence + 1)
            if len(rows) < _CHUNK:
                return
