"""EventBridge Scheduler's operations, grouped by resource."""

from __future__ import annotations

from . import groups, schedules, tags

__all__ = ["groups", "schedules", "tags"]
