"""Tags of repositories."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation

from ..errors import TooManyTags
from ..resources import load_by_arn, put_repository

_MOST = 50


def merged(tags: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    """The tags with others added or replaced.

    Raises:
        TooManyTags: more than 50 in all.
    """
    all_tags = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(all_tags) > _MOST:
        raise TooManyTags()
    return all_tags


@operation("TagResource")
def tag(tx: Tx, request: Request) -> Response:
    """Add tags, or replace their values.

    Source: Amazon ECR API Reference, TagResource.
    """
    repository = load_by_arn(tx, request["resourceArn"])
    put_repository(tx, replace(repository, tags=merged(repository.tags, request["tags"])))
    return {}


@operation("UntagResource")
def untag(tx: Tx, request: Request) -> Response:
    """Remove tags.

    Source: Amazon ECR API Reference, UntagResource.
    """
    repository = load_by_arn(tx, request["resourceArn"])
    left = {name: value for name, value in repository.tags.items() if name not in request["tagKeys"]}
    put_repository(tx, replace(repository, tags=left))
    return {}


@operation("ListTagsForResource")
def list_tags(tx: Tx, request: Request) -> Response:
    """A repository's tags.

    Source: Amazon ECR API Reference, ListTagsForResource.
    """
    tags = load_by_arn(tx, request["resourceArn"]).tags
    return {"tags": [{"Key": name, "Value": value} for name, value in tags.items()]}
