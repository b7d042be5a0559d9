"""STS's operations."""

from __future__ import annotations

from . import identity, refused, sessions

__all__ = ["identity", "refused", "sessions"]
