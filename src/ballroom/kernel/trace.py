"""Spans of calls and deliveries, in a bounded ring: what happened, caused by what, and how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec


class Span(msgspec.Struct, gc=False):
    """One call or delivery. Times are milliseconds on the product's clock."""

    id: str
    parent: str
    service: str
    operation: str
    account: str
    region: str
    start_ms: int
    end_ms: int
    outcome: str
    """`ok`, or the error's code."""
    subject: str = ""
    """What it was about, where the operation alone does not say: an ARN, a path from one to another."""


class Trace:
    """The newest spans. Recording costs about half a microsecond."""

    def __init__(self, capacity: int = 4096) -> None:
        self._ring: deque[Span] = deque(maxlen=capacity)
        self.recorded = 0

    def record(self, span: Span) -> None:
        """Add a span; the oldest falls out."""
        self._ring.append(span)
        self.recorded += 1

    def spans(self, *, limit: int = 1000) -> Iterator[Span]:
        """The newest spans, newest first."""
        for n, span in enumerate(reversed(self._ring)):
            if n >= limit:
                return
            yield span
