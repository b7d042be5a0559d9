"""Metric filters."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from ballroom.services.logs.operations.events import compiled
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import MetricFilter, key, load_group, put_group

_PER_GROUP = 100
INVALID = "Invalid metric filter pattern"


def refuse_unsupported(request: Request, operation_name: str, *members: str) -> None:
    """Refuse settings that would have no effect.

    Raises:
        NotImplementedHere: one of them is set.
    """
    for member in members:
        if request.get(member):
            raise NotImplementedHere(f"Ballroom does not implement {member} of logs:{operation_name}.")


@operation("PutMetricFilter")
def put_metric_filter(tx: Tx, request: Request) -> Response:
    """Count events that match as a metric, from now on; replaces the filter of that name.

    Raises:
        InvalidParameter: the pattern, or dimensions that it cannot give.
        LimitExceeded: the group has 100.

    Source: CloudWatch Logs API Reference, PutMetricFilter.
    """
    refuse_unsupported(request, "PutMetricFilter", "fieldSelectionCriteria", "emitSystemFieldDimensions")
    group = load_group(tx, request["logGroupName"])
    pattern = compiled(request["filterPattern"], INVALID)
    (transformation,) = request["metricTransformations"]
    if transformation.get("dimensions"):
        if not pattern.names_values:
            raise InvalidParameter("The specified filter pattern does not support dimensions")
        if "defaultValue" in transformation:
            raise InvalidParameter(
                "Invalid metric transformation: dimensions and default value are mutually exclusive"
            )
    name = request["filterName"]
    before = tx.get(MetricFilter, key(tx, "metric-filter", group.name, name))
    if before is None:
        if group.metric_filters >= _PER_GROUP:
            raise LimitExceeded()
        put_group(tx, replace(group, metric_filters=group.metric_filters + 1))
    found = MetricFilter(
        name, group.name, request["filterPattern"], tx.now_ms, [transformation],
        request.get("applyOnTransformedLogs", False),
    )
    tx.put(key(tx, "metric-filter", group.name, name), found)
    return {}


def _show(found: MetricFilter) -> dict[str, Any]:
    return {
        "filterName": found.name, "filterPattern": found.pattern, "logGroupName": found.group,
        "creationTime": found.created_ms, "metricTransformations": found.transformations,
        "applyOnTransformedLogs": found.on_transformed,
    }


@operation("DescribeMetricFilters")
def describe_metric_filters(tx: Tx, request: Request) -> Response:
    """Metric filters of a group, or of all, by name or by metric.

    Source: CloudWatch Logs API Reference, DescribeMetricFilters.
    """
    if ("metricName" in request) != ("metricNamespace" in request):
        raise InvalidParameter("Both metricName and metricNamespace must be specified together.")
    prefix, metric = request.get("filterNamePrefix", ""), request.get("metricName")
    namespace = request.get("metricNamespace")

    def keep(found: MetricFilter) -> bool:
        return found.name.startswith(prefix) and (
            metric is None
            or any(
                t["metricName"] == metric and t["metricNamespace"] == namespace
                for t in found.transformations
            )
        )

    where = key(tx, "metric-filter")
    if "logGroupName" in request:
        where = (*where, load_group(tx, request["logGroupName"]).name)
    return page(tx, request, "metricFilters", MetricFilter, where, _show, keep=keep)


@operation("DeleteMetricFilter")
def delete_metric_filter(tx: Tx, request: Request) -> Response:
    """Stop counting.

    Source: CloudWatch Logs API Reference, DeleteMetricFilter.
    """
    group = load_group(tx, request["logGroupName"])
    where = key(tx, "metric-filter", group.name, request["filterName"])
    if tx.get(MetricFilter, where) is None:
        raise ResourceNotFound("The specified metric filter does not exist.")
    tx.delete(where)
    put_group(tx, replace(group, metric_filters=group.metric_filters - 1))
    return {}


@operation("TestMetricFilter")
def test_metric_filter(tx: Tx, request: Request) -> Response:
    """Which of some messages a pattern matches, and what it takes from them.

    Source: CloudWatch Logs API Reference, TestMetricFilter.
    """
    pattern = compiled(request["filterPattern"], INVALID)
    return {
        "matches": [
            {"eventNumber": n, "eventMessage": message, "extractedValues": pattern.extract(message)}
            for n, message in enumerate(request["logEventMessages"], 1)
            if pattern.matches(message)
        ]
    }
