"""Tags on IAM resources: at most 50, keys unique without regard to case."""

from __future__ import annotations

from ballroom.kernel import Request

from .errors import InvalidInput, LimitExceeded
from .resources import Tags

_MOST = 50


def tags_of(request: Request) -> Tags:
    """The tags of a create request, checked."""
    return merge([], request.get("Tags", []))


def merge(tags: Tags, added: list[dict[str, str]]) -> Tags:
    """The tags with others added or replaced.

    Raises:
        InvalidInput: two of the added keys differ by case at most.
        LimitExceeded: more than 50 in all.
    """
    if len({tag["Key"].lower() for tag in added}) != len(added):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    merged = {name.lower(): (name, value) for name, value in tags}
    for tag in added:
        merged[tag["Key"].lower()] = (tag["Key"], tag["Value"])
    if len(merged) > _MOST:
        raise LimitExceeded("The number of tags has reached the maximum limit.")
    return list(merged.values())


def without(tags: Tags, keys: list[str]) -> Tags:
    """The tags without some; keys that are not there do not matter."""
    gone = {name.lower() for name in keys}
    return [tag for tag in tags if tag[0].lower() not in gone]


def to_wire(tags: Tags) -> list[dict[str, str]]:
    """The tags as AWS lists them."""
    return [{"Key": name, "Value": value} for name, value in tags]
