"""EventBridge Pipes' operations, grouped by resource."""

from __future__ import annotations

from . import pipes, tags

__all__ = ["pipes", "tags"]
