"""Tags of schedule groups; schedules have none."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn

from ..errors import GroupNotFound, Invalid
from ..resources import Group, load_group, put_group

_MOST = 50


def merged(tags: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    """The tags with others added or replaced.

    Raises:
        Invalid: more than 50 in all.
    """
    all_tags = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(all_tags) > _MOST:
        raise Invalid(f"The resource has more than {_MOST} tags.")
    return all_tags


def _group(tx: Tx, request: Request) -> Group:
    arn = find_arn(request["ResourceArn"])
    name = arn.resource.removeprefix("schedule-group/") if arn is not None else ""
    if arn is None or (arn.account, arn.region) != (tx.account, tx.region):
        raise GroupNotFound(name)
    return load_group(tx, name)


@operation("TagResource")
def tag(tx: Tx, request: Request) -> Response:
    """Add tags, or replace their values.

    Source: EventBridge Scheduler API Reference, TagResource.
    """
    group = _group(tx, request)
    put_group(tx, replace(group, tags=merged(group.tags, request["Tags"])))
    return {}


@operation("UntagResource")
def untag(tx: Tx, request: Request) -> Response:
    """Remove tags.

    Source: EventBridge Scheduler API Reference, UntagResource.
    """
    group = _group(tx, request)
    left = {name: value for name, value in group.tags.items() if name not in request["TagKeys"]}
    put_group(tx, replace(group, tags=left))
    return {}


@operation("ListTagsForResource")
def list_tags(tx: Tx, request: Request) -> Response:
    """A group's tags.

    Source: EventBridge Scheduler API Reference, ListTagsForResource.
    """
    return {"Tags": [{"Key": name, "Value": value} for name, value in _group(tx, request).tags.items()]}
