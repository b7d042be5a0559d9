"""IAM: users, groups, roles, policies and keys, stored and read back faithfully."""

from __future__ import annotations

from . import operations

__all__ = ["operations"]
