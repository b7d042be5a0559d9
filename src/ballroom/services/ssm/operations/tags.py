"""Tags of parameters."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.ssm.errors import InvalidResourceId, TooManyTags
from ballroom.services.ssm.resources import Parameter, find_parameter, put_parameter

_MOST = 50


def merged(tags: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    """The tags with others added or replaced.

    Raises:
        TooManyTags: more than 50 in all.
    """
    all_tags = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(all_tags) > _MOST:
        raise TooManyTags(f"The parameter has more than {_MOST} tags.")
    return all_tags


def _load(tx: Tx, request: Request) -> Parameter:
    kind = request["ResourceType"]
    if kind != "Parameter":
        raise NotImplementedHere(f"Ballroom does not implement ResourceType {kind} of Systems Manager.")
    parameter = find_parameter(tx, request["ResourceId"])
    if parameter is None:
        raise InvalidResourceId()
    return parameter


@operation("AddTagsToResource")
def add_tags(tx: Tx, request: Request) -> Response:
    """Add tags to a parameter, or replace their values.

    Source: Systems Manager API Reference, AddTagsToResource.
    """
    parameter = _load(tx, request)
    put_parameter(tx, replace(parameter, tags=merged(parameter.tags, request["Tags"])))
    return {}


@operation("RemoveTagsFromResource")
def remove_tags(tx: Tx, request: Request) -> Response:
    """Remove tags from a parameter; those that are not there do not matter.

    Source: Systems Manager API Reference, RemoveTagsFromResource.
    """
    parameter = _load(tx, request)
    left = {name: value for name, value in parameter.tags.items() if name not in request["TagKeys"]}
    put_parameter(tx, replace(parameter, tags=left))
    return {}


@operation("ListTagsForResource")
def list_tags(tx: Tx, request: Request) -> Response:
    """The tags of a parameter.

    Source: Systems Manager API Reference, ListTagsForResource.
    """
    return {"TagList": [{"Key": k, "Value": v} for k, v in _load(tx, request).tags.items()]}
