"""Moments as Lambda writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_ms(now_ms: int) -> str:
    """`2026-11-23T09:15:48.123`, without a zone."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{now_ms % 1000:03d}"


def last_modified(now_ms: int) -> str:
    """A function's LastModified, `2026-11-23T09:15:48.123+0000`."""
    return iso_ms(now_ms) + "+0000"


def url_time(now_ms: int) -> str:
    """A function URL's CreationTime, `2026-11-23T09:15:48.123Z`."""
    return iso_ms(now_ms) + "Z"
