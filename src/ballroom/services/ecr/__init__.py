"""ECR's repositories, as far as tools that deploy expect them; images cannot be pushed."""

from __future__ import annotations

from . import operations

__all__ = ["operations"]
