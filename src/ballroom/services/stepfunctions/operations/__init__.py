"""The operations of Step Functions; importing them registers them."""

from __future__ import annotations

from . import (
    activities,
    aliases,
    callbacks,
    executions,
    express,
    history,
    machines,
    map_runs,
    tags,
    testing,
    validation,
    versions,
)

__all__ = [
    "activities",
    "aliases",
    "callbacks",
    "executions",
    "express",
    "history",
    "machines",
    "map_runs",
    "tags",
    "testing",
    "validation",
    "versions",
]
