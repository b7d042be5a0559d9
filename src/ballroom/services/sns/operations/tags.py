"""Tags of topics."""

from __future__ import annotations

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sns import tagging
from ballroom.services.sns.authorization import load_for
from ballroom.services.sns.errors import ResourceNotFound
from ballroom.services.sns.names import TopicName, parse_topic
from ballroom.services.sns.resources import Tags, find_topic, tag_list, tags_key


def _load(tx: Tx, request: Request, action: str) -> tuple[TopicName, dict[str, str]]:
    at = parse_topic(request["ResourceArn"], tx.caller.region, "ResourceArn")
    if find_topic(tx, at) is None:
        raise ResourceNotFound()
    load_for(tx, at.arn, action, "ResourceArn")
    found = tx.get(Tags, tags_key(at))
    return at, dict(found.tags) if found is not None else {}


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Add tags, or replace the values of those that are there."""
    at, tags = _load(tx, request, "TagResource")
    tags |= tagging.read(request["Tags"], by_service=tx.caller.source.endswith(".amazonaws.com"))
    tagging.check_number(tags)
    tx.put(tags_key(at), Tags(tags))
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Remove tags; a key that is not there is no error."""
    at, tags = _load(tx, request, "UntagResource")
    gone = set(request["TagKeys"])
    tx.put(tags_key(at), Tags({key: value for key, value in tags.items() if key not in gone}))
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(tx: Tx, request: Request) -> Response:
    """A topic's tags."""
    return {"Tags": tag_list(_load(tx, request, "ListTagsForResource")[1])}
