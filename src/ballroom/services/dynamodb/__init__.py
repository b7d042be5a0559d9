"""Amazon DynamoDB: tables, items, expressions, indexes. See docs/services/dynamodb.md."""

from __future__ import annotations

from ballroom.services.dynamodb import housekeeping, style
from ballroom.services.dynamodb.expiry import deleting
from ballroom.services.dynamodb.exports import writing
from ballroom.services.dynamodb.operations import (
    backups,
    batches,
    changes,
    exports,
    imports,
    items,
    queries,
    recovery,
    settings,
    statements,
    streams,
    tables,
    transactions,
)

__all__ = [
    "backups",
    "batches",
    "changes",
    "deleting",
    "exports",
    "housekeeping",
    "imports",
    "items",
    "queries",
    "recovery",
    "settings",
    "statements",
    "streams",
    "style",
    "tables",
    "transactions",
    "writing",
]
