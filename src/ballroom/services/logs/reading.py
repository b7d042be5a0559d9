"""Reading one stream, forwards or backwards, from a position that a token holds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ballroom.kernel import Key, Response, Tx

from .errors import InvalidNextToken
from .resources import Event, key
from .slices import SLICE_ROWS

MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
_TOKEN = re.compile(r"([fb])/(\d{28})(\d{28})/s")
_FOREVER = 10**14 - 1

Position = tuple[int, int]
"""A place between events: after the event of that timestamp and sequence (or before it, backwards)."""


def make_token(direction: str, position: Position) -> str:
    """A token of AWS's form: direction, 56 digits."""
    return f"{direction}/{position[0]:028d}{position[1]:028d}/s"


def read_token(token: str) -> tuple[bool, Position]:
    """Whether the token goes forwards, and from where.

    Raises:
        InvalidNextToken: it is no token of ours.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidNextToken()
    return found[1] == "f", (int(found[2]), int(found[3]))


@dataclass(slots=True)
class StreamRead:
    """GetLogEvents at work. `low_ms` and `high_ms` bound the time (the upper bound is outside)."""

    group: int
    stream: int
    forwards: bool
    limit: int
    low_ms: int
    high_ms: int | None
    start: Position | None
    found: list[tuple[Key, Event]] = field(default_factory=list)
    size: int = 0

    def step(self, tx: Tx) -> bool:
        """Read up to 250 events."""
        prefix = key(tx, "event", self.group, self.stream)
        high_ms = _FOREVER if self.high_ms is None else self.high_ms
        low: Key = (*prefix, self.low_ms)
        high: Key = (*prefix, high_ms)
        position = self._position()
        if position is not None:
            if self.forwards:
                low = max(low, (*prefix, position[0], position[1] + 1))
            else:
                high = min(high, (*prefix, *position))
        wanted = min(SLICE_ROWS, self.limit - len(self.found))
        if low >= high:
            return True
        rows = tx.scan_items(Event, low, high, limit=wanted, reverse=not self.forwards)
        for row in rows:
            self.size += len(row[1].message) + 26
            if self.size > MOST_BYTES and self.found:
                return True
            self.found.append(row)
        return len(rows) < wanted or len(self.found) >= self.limit

    def _position(self) -> Position | None:
        if not self.found:
            return self.start
        timestamp, sequence = self.found[-1][0][-2:]
        assert isinstance(timestamp, int)
        assert isinstance(sequence, int)
        return timestamp, sequence

    def answer(self) -> Response:
        """The events in order of time, and tokens that stay the same at either end."""
        rows = self.found if self.forwards else self.found[::-1]
        first: tuple[int | str | bytes, ...]
        last: tuple[int | str | bytes, ...]
        if rows:
            first, last = rows[0][0][-2:], rows[-1][0][-2:]
        else:
            first = last = self.start or (self.low_ms, 0)
        return {
            "events": [
                {"timestamp": row_key[-2], "message": event.message, "ingestionTime": event.ingested_ms}
                for row_key, event in rows
            ],
            "nextForwardToken": make_token("f", (int(last[0]), int(last[1]))),
            "nextBackwardToken": make_token("b", (int(first[0]), int(first[1]))),
        }
