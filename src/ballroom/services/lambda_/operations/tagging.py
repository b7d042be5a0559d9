"""Tags of functions and event source mappings."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from ballroom.services.lambda_.mappings import load_mapping, mapping_key
from ballroom.services.lambda_.names import parse_name
from ballroom.services.lambda_.resources import Function, Mapping, key, load_function
from ballroom.services.lambda_.tags import check_tags


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Add tags, or replace their values.

    Source: Lambda API Reference, TagResource; recorded answers.
    """
    if not request["Tags"]:
        raise InvalidParameterValue("An error occurred and the request cannot be processed.")
    place, resource = _load(tx, request["Resource"])
    tags = check_tags({**resource.tags, **request["Tags"]})
    tx.put(place, msgspec.structs.replace(resource, tags=tags))
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Remove tags; those that are not there are no error.

    Source: Lambda API Reference, UntagResource.
    """
    place, resource = _load(tx, request["Resource"])
    tags = {name: value for name, value in resource.tags.items() if name not in request["TagKeys"]}
    tx.put(place, msgspec.structs.replace(resource, tags=tags))
    return {}


@operation("ListTags")
def list_tags(tx: Tx, request: Request) -> Response:
    """All tags of a function or mapping.

    Source: Lambda API Reference, ListTags.
    """
    return {"Tags": _load(tx, request["Resource"])[1].tags}


def _load(tx: Tx, arn: str) -> tuple[Key, Function | Mapping]:
    parsed = find_arn(arn)
    if parsed is not None and parsed.resource.startswith("event-source-mapping:"):
        mapping = load_mapping(tx, parsed.resource.partition(":")[2])
        return mapping_key(tx.account, tx.region, mapping.uuid), mapping
    if parsed is None or not parsed.resource.startswith("function:"):
        raise ResourceNotFound()
    at = parse_name(arn, account=tx.account, region=tx.region)
    if at.qualifier is not None:
        raise InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return key(at, "function"), load_function(tx, at)
