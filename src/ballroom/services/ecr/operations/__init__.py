"""ECR's operations, grouped by resource."""

from __future__ import annotations

from . import images, policies, repositories, tags

__all__ = ["images", "policies", "repositories", "tags"]
