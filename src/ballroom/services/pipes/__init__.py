"""EventBridge Pipes: from a source through a filter and an enrichment to a target, point to point."""

from __future__ import annotations

from . import operations, running

__all__ = ["operations", "running"]
