"""Writing schemas and their versions."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx
from ballroom.services.schemas.resources import Binding, Schema, SchemaVersion, key

MOST_VERSIONS = 100
"""AWS's quota; beyond it the oldest goes, since a discoverer must not stop."""


def add_version(tx: Tx, schema: Schema, content: str) -> Schema:
    """Store `content` as the schema's newest version."""
    number = schema.next_version
    tx.put(
        key(tx, "version", schema.registry, schema.name, number),
        SchemaVersion(number, schema.type, content, tx.now_ms),
    )
    versions = [*schema.versions, number]
    for old in versions[:-MOST_VERSIONS]:
        delete_version(tx, schema, old)
    schema = msgspec.structs.replace(
        schema, versions=versions[-MOST_VERSIONS:], next_version=number + 1, modified_ms=tx.now_ms
    )
    tx.put(key(tx, "schema", schema.registry, schema.name), schema)
    return schema


def delete_version(tx: Tx, schema: Schema, number: int) -> None:
    """Remove a version's rows; the schema itself is the caller's."""
    tx.delete(key(tx, "version", schema.registry, schema.name, number))
    for row, _ in tx.scan_prefix_items(Binding, key(tx, "binding", schema.registry, schema.name, number)):
        tx.delete(row)


def delete_schema(tx: Tx, schema: Schema) -> None:
    """Remove a schema with all its versions."""
    for number in schema.versions:
        delete_version(tx, schema, number)
    tx.delete(key(tx, "schema", schema.registry, schema.name))
