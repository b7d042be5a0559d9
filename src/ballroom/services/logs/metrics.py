"""Metric filters at work: matching events become samples of a metric."""

from __future__ import annotations

from typing import Any

from ballroom.kernel import Tx

from .patterns import compile_pattern
from .patterns.values import as_number
from .resources import LogGroup, MetricFilter, key


def count_matches(tx: Tx, group: LogGroup, events: list[dict[str, Any]]) -> None:
    """Count what a group's metric filters match, when the transaction has succeeded."""
    samples: list[tuple[str, str, tuple[tuple[str, str], ...], float]] = []
    for found in tx.scan_prefix(MetricFilter, key(tx, "metric-filter", group.name)):
        pattern = compile_pattern(found.pattern)
        for event in events:
            if not pattern.matches(event["message"]):
                continue
            for transformation in found.transformations:
                values = pattern.look_up(event["message"], _names(transformation))
                sample = _sample(transformation, values)
                if sample is not None:
                    samples.append(sample)
    account, region, metrics = tx.account, tx.region, tx.kernel.metrics

    def count() -> None:
        for namespace, name, dimensions, value in samples:
            metrics.count(account, region, namespace, name, dimensions, value)

    if samples:
        tx.after_commit(count)


def _names(transformation: dict[str, Any]) -> tuple[str, ...]:
    return (transformation["metricValue"], *(transformation.get("dimensions") or {}).values())


def _sample(
    transformation: dict[str, Any], values: dict[str, str]
) -> tuple[str, str, tuple[tuple[str, str], ...], float] | None:
    """The sample of one match, or `None` if the value it should take is missing or no number.

    Source: User Guide, "Publishing numerical values found in log entries".
    """
    spelled = transformation["metricValue"]
    value = as_number(values.get(spelled, "") if spelled.startswith("$") else spelled)
    if value is None:
        return None
    dimensions = tuple(
        (name, values[selector])
        for name, selector in (transformation.get("dimensions") or {}).items()
        if selector in values
    )
    return transformation["metricNamespace"], transformation["metricName"], dimensions, value
