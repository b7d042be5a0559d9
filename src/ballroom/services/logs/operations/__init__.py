"""CloudWatch Logs' operations, grouped by resource."""

from __future__ import annotations

from . import (
    deliveries,
    delivery_ends,
    destinations,
    events,
    exports,
    groups,
    metric_filters,
    policies,
    queries,
    streams,
    subscriptions,
    tags,
)

__all__ = [
    "deliveries", "delivery_ends", "destinations", "events", "exports", "groups", "metric_filters",
    "policies", "queries", "streams", "subscriptions", "tags",
]
