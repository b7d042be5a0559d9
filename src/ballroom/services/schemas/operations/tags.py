"""Tags of registries, schemas and discoverers."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.schemas.errors import NotFound
from ballroom.services.schemas.resources import Discoverer, Schema, SchemaRegistry, key

Tagged = SchemaRegistry | Schema | Discoverer
_KINDS: dict[str, type[Tagged]] = {"registry": SchemaRegistry, "schema": Schema, "discoverer": Discoverer}


def _load(tx: Tx, arn: str) -> tuple[Key, Tagged]:
    parsed = find_arn(arn)
    if parsed is not None and parsed.service == "schemas":
        kind, *names = parsed.resource.split("/")
        if kind in _KINDS:
            row = key(tx, kind, *names)
            found = tx.get(_KINDS[kind], row)
            if found is not None:
                return row, found
    raise NotFound(f"Resource {arn} does not exist.")


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Give tags.

    Source: Schemas API Reference, Tags.
    """
    row, found = _load(tx, request["ResourceArn"])
    tx.put(row, msgspec.structs.replace(found, tags={**found.tags, **request["Tags"]}))
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Take tags away.

    Source: Schemas API Reference, Tags.
    """
    row, found = _load(tx, request["ResourceArn"])
    gone = set(request["TagKeys"])
    tx.put(row, msgspec.structs.replace(found, tags={k: v for k, v in found.tags.items() if k not in gone}))
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(tx: Tx, request: Request) -> Response:
    """The tags of a resource.

    Source: Schemas API Reference, Tags.
    """
    return {"Tags": _load(tx, request["ResourceArn"])[1].tags}
