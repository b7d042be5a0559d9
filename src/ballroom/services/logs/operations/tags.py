"""Tags, by the older operations (log group's name) and the newer ones (ARN)."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.logs.errors import InvalidParameter, ResourceNotFound, TooManyTags
from ballroom.services.logs.resources import LogGroup, find_group, load_group, put_group
from ballroom.services.logs.stored import Stored, find_stored, put_stored

_MOST = 50
_STORED = ("destination", "delivery-destination", "delivery-source", "delivery")

Tagged = LogGroup | Stored


def _load(tx: Tx, arn: str) -> Tagged:
    parsed = find_arn(arn)
    if parsed is None or parsed.service != "logs":
        raise InvalidParameter(f"Invalid ARN: {arn}")
    kind, _, name = parsed.resource.partition(":")
    found: Tagged | None = None
    if kind == "log-group":
        found = find_group(tx, name.removesuffix(":*"))
    elif kind in _STORED:
        found = find_stored(tx, kind, name)
    if found is None:
        raise ResourceNotFound("The specified resource does not exist.")
    return found


def _put(tx: Tx, tagged: Tagged, tags: dict[str, str]) -> None:
    if len(tags) > _MOST:
        raise TooManyTags("The resource has too many tags.")
    if isinstance(tagged, LogGroup):
        put_group(tx, replace(tagged, tags=tags))
    else:
        put_stored(tx, replace(tagged, tags=tags))


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Add tags, or replace their values.

    Source: CloudWatch Logs API Reference, TagResource.
    """
    tagged = _load(tx, request["resourceArn"])
    _put(tx, tagged, {**tagged.tags, **request["tags"]})
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Remove tags.

    Source: CloudWatch Logs API Reference, UntagResource.
    """
    tagged = _load(tx, request["resourceArn"])
    _put(tx, tagged, {k: v for k, v in tagged.tags.items() if k not in request["tagKeys"]})
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(tx: Tx, request: Request) -> Response:
    """The tags of a resource.

    Source: CloudWatch Logs API Reference, ListTagsForResource.
    """
    return {"tags": _load(tx, request["resourceArn"]).tags}


@operation("TagLogGroup")
def tag_log_group(tx: Tx, request: Request) -> Response:
    """Add tags to a log group, or replace their values.

    Source: CloudWatch Logs API Reference, TagLogGroup.
    """
    group = load_group(tx, request["logGroupName"])
    _put(tx, group, {**group.tags, **request["tags"]})
    return {}


@operation("UntagLogGroup")
def untag_log_group(tx: Tx, request: Request) -> Response:
    """Remove tags from a log group.

    Source: CloudWatch Logs API Reference, UntagLogGroup.
    """
    group = load_group(tx, request["logGroupName"])
    _put(tx, group, {k: v for k, v in group.tags.items() if k not in request["tags"]})
    return {}


@operation("ListTagsLogGroup")
def list_tags_log_group(tx: Tx, request: Request) -> Response:
    """The tags of a log group.

    Source: CloudWatch Logs API Reference, ListTagsLogGroup.
    """
    return {"tags": load_group(tx, request["logGroupName"]).tags}
