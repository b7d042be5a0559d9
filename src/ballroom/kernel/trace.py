"""Spans of calls and deliveries, in a bounded ring: what happened, caused by what, and how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

MOST_SHOWN = 1000
_PARENT = "Parent="


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


def parent_of(trace: str | None) -> str:
    """The span that a trace header names as its parent: what called from within a function; or nothing."""
    if trace is None or _PARENT not in trace:
        return ""
    return trace.partition(_PARENT)[2].partition(";")[0]


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

    def story(self, span_id: str) -> dict[str, Any] | None:
        """What led to a span, and the tree of all that it caused, as far as the ring reaches back.

        `causes` holds its ancestors, the first cause first; `spans` those of this id, each with what it
        caused under `caused`. None: nothing is known of the id. An event, a message or a delivery goes by
        its own id, a request by its request id.
        """
        by_id: dict[str, Span] = {}
        children: dict[str, list[Span]] = {}
        for span in self._ring:
            by_id.setdefault(span.id, span)
            if span.parent and span.parent != span.id:
                children.setdefault(span.parent, []).append(span)
        roots = [span for span in self._ring if span.id == span_id]
        if not roots and span_id not in children:
            return None
        causes: list[dict[str, Any]] = []
        seen = {span_id}
        above = roots[0].parent if roots else ""
        while above in by_id and above not in seen and len(causes) < MOST_SHOWN:
            seen.add(above)
            causes.append(msgspec.to_builtins(by_id[above]))
            above = by_id[above].parent
        tree = _Tree(children)
        shown = [tree.show(span) for span in roots] or tree.below(span_id)
        return {"id": span_id, "causes": causes[::-1], "spans": shown, "cut": tree.left <= 0}


class _Tree:
    """Spans with what they caused: each once, and not more than can be read."""

    def __init__(self, children: dict[str, list[Span]]) -> None:
        self._children = children
        self._expanded: set[str] = set()
        self.left = MOST_SHOWN

    def show(self, span: Span, depth: int = 0) -> dict[str, Any]:
        """A span and what it caused."""
        self.left -= 1
        shown: dict[str, Any] = msgspec.to_builtins(span)
        if depth < 100 and (caused := self.below(span.id, depth + 1)):
            shown["caused"] = caused
        return shown

    def below(self, span_id: str, depth: int = 0) -> list[dict[str, Any]]:
        """What a span caused."""
        if span_id in self._expanded:
            return []
        self._expanded.add(span_id)
        return [self.show(span, depth) for span in self._children.get(span_id, ()) if self.left > 0]
