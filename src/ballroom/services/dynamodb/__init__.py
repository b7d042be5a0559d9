"""Amazon DynamoDB: tables, items, expressions, indexes. See docs/services/dynamodb.md."""

from __future__ import annotations

from ballroom.services.dynamodb import housekeeping
from ballroom.services.dynamodb.operations import items, queries, tables

__all__ = ["housekeeping", "items", "queries", "tables"]
