"""SSM's Parameter Store: parameters with versions, hierarchies, labels and tags."""

from __future__ import annotations

from . import operations

__all__ = ["operations"]
