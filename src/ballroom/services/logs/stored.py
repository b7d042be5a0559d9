"""Resources that are stored and read back, without effect: policies, destinations, deliveries.

| key, after ("logs", account, region) | record |
| --- | --- |
| ("stored", kind, name) | Stored |
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Record, Tx
from ballroom.kernel.arn import make_arn

from .resources import key


class Stored(Record, frozen=True):
    """A resource as its request gave it; `settings` are members of its answer."""

    kind: str
    name: str
    created_ms: int
    settings: dict[str, object]
    tags: dict[str, str] = msgspec.field(default_factory=dict)


def find_stored(tx: Tx, kind: str, name: str) -> Stored | None:
    """The resource of that kind and name."""
    return tx.get(Stored, key(tx, "stored", kind, name))


def put_stored(tx: Tx, stored: Stored) -> None:
    """Store a resource, or replace it."""
    tx.put(key(tx, "stored", stored.kind, stored.name), stored)


def drop_stored(tx: Tx, stored: Stored) -> None:
    """Delete a resource."""
    tx.delete(key(tx, "stored", stored.kind, stored.name))


def list_stored(tx: Tx, kind: str) -> list[Stored]:
    """All resources of a kind, by name."""
    return tx.scan_prefix(Stored, key(tx, "stored", kind))


def stored_arn(tx: Tx, stored: Stored) -> str:
    """A resource's ARN; its kind is part of it."""
    return make_arn("logs", tx.region, tx.account, f"{stored.kind}:{stored.name}")
