"""Amazon DynamoDB: tables, items, expressions, indexes. See docs/services/dynamodb.md."""

from __future__ import annotations

from ballroom.services.dynamodb import housekeeping, style
from ballroom.services.dynamodb.expiry import deleting
from ballroom.services.dynamodb.operations import (
    batches,
    changes,
    items,
    queries,
    settings,
    statements,
    streams,
    tables,
    transactions,
)

__all__ = [
    "batches",
    "changes",
    "deleting",
    "housekeeping",
    "items",
    "queries",
    "settings",
    "statements",
    "streams",
    "style",
    "tables",
    "transactions",
]
