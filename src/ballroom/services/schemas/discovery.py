"""From observed events to discovered schemas.

An event whose shape is known costs one comparison; a new one is merged into its schema, as a new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.kernel.caller import service_caller
from ballroom.services.schemas.documents import event_document, schema_name
from ballroom.services.schemas.inference import Shape, merged, shape_of
from ballroom.services.schemas.resources import (
    DISCOVERED,
    OPENAPI,
    Discoverer,
    DiscovererLink,
    ObservedShape,
    Schema,
    SchemaRegistry,
    key,
)
from ballroom.services.schemas.storing import add_version

if TYPE_CHECKING:
    from ballroom.kernel import Kernel

_MOST_KNOWN = 10_000


class Known:
    """The shapes of events that would change nothing, by bus and schema."""

    def __init__(self, kernel: Kernel) -> None:
        self.shapes: dict[tuple[str, str], Shape] = {}


@operation("Observe", internal=True)
def observe(tx: Tx, request: Request) -> Response:
    """For the event bus: `Event` (an object) has arrived on `Bus` (an ARN), whose discoverer is running."""
    bus, event = request["Bus"], request["Event"]
    parsed = find_arn(bus)
    if parsed is None:
        return {}
    shape = shape_of(event["detail"])
    name = schema_name(event["source"], event["detail-type"])
    known = tx.kernel.state(Known).shapes
    if known.get((bus, name)) == shape:
        return {}
    tx.caller = service_caller(parsed.account, parsed.region, "schemas.amazonaws.com", tx.caller.request_id)
    link = tx.get(DiscovererLink, key(tx, "discoverer-of", bus))
    discoverer = tx.get(Discoverer, key(tx, "discoverer", link.id)) if link is not None else None
    if discoverer is None or discoverer.state != "STARTED":
        return {}
    if not discoverer.cross_account and event["account"] != parsed.account:
        return {}
    _learn(tx, bus, name, event, shape)

    def remember() -> None:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[bus, name] = shape

    tx.after_commit(remember)
    return {}


def _learn(tx: Tx, bus: str, name: str, event: dict[str, Any], shape: Shape) -> None:
    row = key(tx, "shape", bus, name)
    before = tx.get(ObservedShape, row)
    after = shape if before is None else merged(before.shape, shape)
    if before is not None and after == before.shape:
        return
    tx.put(row, ObservedShape(after))
    if tx.get(SchemaRegistry, key(tx, "registry", DISCOVERED)) is None:
        tx.put(key(tx, "registry", DISCOVERED), SchemaRegistry(DISCOVERED))
    content = event_document(event["source"], event["detail-type"], after, OPENAPI)
    schema = tx.get(Schema, key(tx, "schema", DISCOVERED, name))
    if schema is None:
        about = f"Schema for event type {event['detail-type']}, published by {event['source']}."
        schema = Schema(DISCOVERED, name, OPENAPI, tx.now_ms, [], 1, about[:256])
    add_version(tx, msgspec.structs.replace(schema, type=OPENAPI), content)
