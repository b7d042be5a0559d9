"""CloudWatch Logs: groups, streams, events, and the filter patterns that find them."""

from __future__ import annotations

from . import operations, style, sweeping

__all__ = ["operations", "style", "sweeping"]
