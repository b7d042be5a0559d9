"""STS: who is calling, and temporary credentials that really work."""

from __future__ import annotations

from . import operations

__all__ = ["operations"]
