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
BACKWARDS = "b"
"""Ends the token of a search that shows the latest events first."""
_CHUNK = 64
_FOREVER = 10**14
_MOST_EVENTS = 10**18

Triple = tuple[int, int, int]
Rows = Iterator[tuple[int, int, Event]]


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
    forwards: bool = True
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
            place = self.after or (self.low_ms, 0, 0)
            answer["nextToken"] = make_token(place if self.forwards else (*place, BACKWARDS))
        return answer

    def _merge(self, tx: Tx) -> Iterator[tuple[int, int, int, Event]]:
        """The streams' events in order; a stream is opened only when its time comes.

        Backwards the same heap runs on negated numbers.
        """
        sign = 1 if self.forwards else -1
        heap: list[tuple[int, int, int, Event | None, Rows | None]] = []
        for stream in self.streams:
            bound = max(self.low_ms, stream.first_ms) if self.forwards else stream.last_ms
            # before the stream's own events of that time, whatever their sequence
            heap.append((sign * bound, sign * stream.number, -_MOST_EVENTS, None, None))
        heapq.heapify(heap)
        while heap:
            timestamp, number, sequence, event, rows = heapq.heappop(heap)
            if event is not None:
                yield sign * timestamp, sign * number, sign * sequence, event
            if rows is None:
                rows = self._rows(tx, sign * number)
            following = next(rows, None)
            if following is not None:
                later = (sign * following[0], number, sign * following[1], following[2], rows)
                heapq.heappush(heap, later)

    def _bounds(self, stream: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """What of a stream the search has not yet passed: timestamps and sequences, low <= x < high."""
        low, high = (self.low_ms, 0), (_FOREVER if self.high_ms is None else self.high_ms, 0)
        if self.after is None:
            return low, high
        timestamp, last_stream, sequence = self.after
        if self.forwards:
            if stream == last_stream:
                return max(low, (timestamp, sequence + 1)), high
            return max(low, (timestamp, 0) if stream > last_stream else (timestamp + 1, 0)), high
        if stream == last_stream:
            return low, min(high, (timestamp, sequence))
        return low, min(high, (timestamp, 0) if stream > last_stream else (timestamp + 1, 0))

    def _rows(self, tx: Tx, stream: int) -> Rows:
        prefix = key(tx, "event", self.group, stream)
        bounds = self._bounds(stream)
        low: Key = (*prefix, *bounds[0])
        high: Key = (*prefix, *bounds[1])
        while low < high:
            rows = tx.scan_items(Event, low, high, limit=_CHUNK, reverse=not self.forwards)
            for row_key, event in rows:
                timestamp, sequence = row_key[-2:]
                assert isinstance(timestamp, int)
                assert isinstance(sequence, int)
                yield timestamp, sequence, event
                if self.forwards:
                    low = (*prefix, timestamp, sequence + 1)
                else:
                    high = row_key
            if len(rows) < _CHUNK:
                return
