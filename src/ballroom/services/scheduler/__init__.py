"""EventBridge Scheduler: schedules and their groups, and what they invoke when their time comes."""

from __future__ import annotations

from . import firing, operations

__all__ = ["firing", "operations"]
