"""Tags of state machines and activities."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, operation

from ..arns import kind_of, parse_activity, parse_machine
from ..errors import ResourceNotFound, TooManyTags
from ..resources import Activity, Machine, activity_key, machine_key
from ..settings import MOST_TAGS


def _load(tx: Tx, arn: str) -> Machine | Activity:
    found: Machine | Activity | None
    if kind_of(arn) == "activity":
        found = tx.get(Activity, activity_key(*parse_activity(arn)))
    else:
        found = tx.get(Machine, machine_key(parse_machine(arn)))
    if found is None:
        raise _missing(arn)
    return found


def _missing(arn: str) -> ServiceError:
    return ResourceNotFound(f"Resource not found: '{arn}'")


def _store(tx: Tx, arn: str, found: Machine | Activity, tags: dict[str, str]) -> None:
    if isinstance(found, Machine):
        tx.put(machine_key(found.ref), replace(found, tags=tags))
    else:
        tx.put(activity_key(*parse_activity(arn)), replace(found, tags=tags))


@operation("TagResource")
def tag_resource(tx: Tx, request: Request) -> Response:
    """Add or change tags.

    Source: API Reference, TagResource.
    """
    arn = request["resourceArn"]
    found = _load(tx, arn)
    tags = found.tags | {tag.get("key", ""): tag.get("value", "") for tag in request["tags"]}
    if len(tags) > MOST_TAGS:
        raise TooManyTags
    _store(tx, arn, found, tags)
    return {}


@operation("UntagResource")
def untag_resource(tx: Tx, request: Request) -> Response:
    """Remove tags.

    Source: API Reference, UntagResource.
    """
    arn = request["resourceArn"]
    found = _load(tx, arn)
    gone = set(request["tagKeys"])
    _store(tx, arn, found, {name: value for name, value in found.tags.items() if name not in gone})
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(tx: Tx, request: Request) -> Response:
    """The tags of a state machine or activity.

    Source: API Reference, ListTagsForResource.
    """
    tags = _load(tx, request["resourceArn"]).tags
    return {"tags": [{"key": name, "value": value} for name, value in tags.items()]}
