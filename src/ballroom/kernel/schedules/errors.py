"""What is wrong with a schedule expression."""

from __future__ import annotations


class InvalidSchedule(ValueError):
    """An expression or time zone that AWS would refuse. The text says why; services have words of their own."""
