"""Step Functions: state machines in the States Language, run by a durable engine."""

from __future__ import annotations

from . import deleting, handing, operations, retention, timers

__all__ = ["deleting", "handing", "operations", "retention", "timers"]
