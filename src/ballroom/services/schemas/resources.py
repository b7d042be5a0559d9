"""What the schema registry stores, and under which keys.

| key (after "schemas", account, region) | record         | read by                                     |
|----------------------------------------|----------------|---------------------------------------------|
| "registry", name                       | SchemaRegistry | registry operations                         |
| "schema", registry, name               | Schema         | schema operations, lists                    |
| "version", registry, name, n           | SchemaVersion  | DescribeSchema, bindings, searches          |
| "discoverer", id                       | Discoverer     | discoverer operations, observed events      |
| "discoverer-of", bus                   | DiscovererLink | observed events, CreateDiscoverer           |
| "binding", registry, name, n           | Binding        | code bindings                               |
| "shape", bus, schema name              | ObservedShape  | observed events                             |
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import make_arn
from ballroom.services.schemas.errors import NotFound

DISCOVERED = "discovered-schemas"
OPENAPI, JSON_SCHEMA = "OpenApi3", "JSONSchemaDraft4"


class SchemaRegistry(Record, frozen=True, array_like=True):
    """A registry; its policy is stored without effect."""

    name: str
    description: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    policy: str = ""
    policy_revision: str = ""


class Schema(Record, frozen=True, array_like=True):
    """A schema; `versions` are the numbers of those there are, the last one being current."""

    registry: str
    name: str
    type: str
    modified_ms: int
    versions: list[int]
    next_version: int
    description: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class SchemaVersion(Record, frozen=True, array_like=True):
    """The content of one version."""

    number: int
    type: str
    content: str
    created_ms: int


class Discoverer(Record, frozen=True, array_like=True):
    """What watches a bus."""

    id: str
    source_arn: str
    state: str = "STARTED"
    description: str | None = None
    cross_account: bool = True
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class DiscovererLink(Record, frozen=True, array_like=True):
    """The discoverer of a bus."""

    id: str


class Binding(Record, frozen=True, array_like=True):
    """Marks that a code binding was asked for; it is made anew from the schema when it is fetched."""

    language: str
    created_ms: int


class ObservedShape(Record, frozen=True, array_like=True):
    """What the observed events of one kind look like together."""

    shape: dict[str, Any]


def key(tx: Tx, kind: str, *rest: str | int) -> Key:
    """The key of something in the caller's account and region."""
    return ("schemas", tx.account, tx.region, kind, *rest)


def registry_arn(tx: Tx, name: str) -> str:
    """A registry's ARN."""
    return make_arn("schemas", tx.region, tx.account, f"registry/{name}")


def schema_arn(tx: Tx, registry: str, name: str) -> str:
    """A schema's ARN."""
    return make_arn("schemas", tx.region, tx.account, f"schema/{registry}/{name}")


def discoverer_arn(tx: Tx, discoverer_id: str) -> str:
    """A discoverer's ARN."""
    return make_arn("schemas", tx.region, tx.account, f"discoverer/{discoverer_id}")


def load_registry(tx: Tx, name: str) -> SchemaRegistry:
    """The registry.

    Raises:
        NotFound: there is none.
    """
    found = tx.get(SchemaRegistry, key(tx, "registry", name))
    if found is None:
        raise NotFound(f"Registry with name {name} does not exist.")
    return found


def load_schema(tx: Tx, registry: str, name: str) -> Schema:
    """The schema.

    Raises:
        NotFound: there is no such registry or schema.
    """
    found = tx.get(Schema, key(tx, "schema", registry, name))
    if found is None:
        load_registry(tx, registry)
        raise NotFound(f"Schema with name {name} does not exist.")
    return found


def load_version(tx: Tx, schema: Schema, number: str | None) -> SchemaVersion:
    """A version of a schema, the current one if none is named.

    Raises:
        NotFound: there is no such version.
    """
    wanted = number or str(schema.versions[-1])
    found = None
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        found = tx.get(SchemaVersion, key(tx, "version", schema.registry, schema.name, int(wanted)))
    if found is None:
        raise NotFound(f"Schema with name {schema.name} and version {wanted} does not exist.")
    return found
