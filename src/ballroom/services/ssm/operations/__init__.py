"""SSM's operations, grouped by resource."""

from __future__ import annotations

from . import labels, parameters, reading, tags

__all__ = ["labels", "parameters", "reading", "tags"]
