"""Counters of what AWS publishes as CloudWatch metrics, kept per minute from the start.

A service counts; once a minute the counts become one row of the store, so that CloudWatch can serve
them later. What a crash loses is at most the running minute, which is also what AWS promises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ballroom.kernel.keys import Key
from ballroom.kernel.records import Record

if TYPE_CHECKING:
    from ballroom.kernel.tx import Tx

Dimensions = tuple[tuple[str, str], ...]
Metric = tuple[str, str, str, str, Dimensions]
"""Account, region, namespace, name, dimensions."""
MINUTE_MS = 60_000
KEEP_MS = 15 * 24 * 3600 * 1000
"""CloudWatch keeps one-minute data points for 15 days."""


class MetricMinute(Record, frozen=True):
    """All counts of one minute: (account, region, namespace, name, dimensions) and its statistics."""

    points: list[tuple[str, str, str, str, Dimensions, int, float, float, float]]
    """... then sample count, sum, minimum, maximum."""


def metric_key(minute_ms: int) -> Key:
    """One row a minute, in time order."""
    return ("~metric", minute_ms)


class Metrics:
    """Counts in memory until the minute is over."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        """`on_first` is told when there is something to store again."""
        self._on_first = on_first
        self._points: dict[Metric, list[float]] = {}

    def count(
        self,
        account: str,
        region: str,
        namespace: str,
        name: str,
        dimensions: Dimensions = (),
        value: float = 1.0,
    ) -> None:
        """Add a sample."""
        self.add((account, region, namespace, name, dimensions), value)

    def add(self, metric: Metric, value: float = 1.0) -> None:
        """Add a sample of a metric that its counter keeps at hand."""
        point = self._points.get(metric)
        if point is None:
            if not self._points:
                self._on_first()
            self._points[metric] = [1.0, value, value, value]
            return
        point[0] += 1
        point[1] += value
        if value < point[2]:
            point[2] = value
        if value > point[3]:
            point[3] = value

    @property
    def waiting(self) -> bool:
        """Whether there is anything to store."""
        return bool(self._points)

    def store(self, tx: Tx) -> None:
        """Write what was counted as the row of the current minute, and drop what is too old."""
        minute = tx.now_ms - tx.now_ms % MINUTE_MS
        points, self._points = self._points, {}
        if points:
            rows = [(*key, int(p[0]), p[1], p[2], p[3]) for key, p in points.items()]
            before = tx.get(MetricMinute, metric_key(minute))
            tx.put(metric_key(minute), MetricMinute((before.points if before else []) + rows))
        for key, _ in tx.scan_items(MetricMinute, ("~metric",), metric_key(minute - KEEP_MS), limit=100):
            tx.delete(key)

    def read(self) -> dict[Metric, tuple[int, float, float, float]]:
        """What has been counted in the running minute: sample count, sum, minimum, maximum."""
        return {key: (int(p[0]), p[1], p[2], p[3]) for key, p in self._points.items()}
