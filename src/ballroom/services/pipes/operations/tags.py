"""Tags of pipes."""

from __future__ import annotations

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import find_arn

from ..errors import Invalid, PipeNotFound
from ..resources import Pipe, key, load_pipe

_MOST = 50


def _pipe(tx: Tx, request: Request) -> Pipe:
    arn = find_arn(request["resourceArn"])
    name = arn.resource.removeprefix("pipe/") if arn is not None else ""
    if arn is None or (arn.account, arn.region) != (tx.account, tx.region):
        raise PipeNotFound(name)
    return load_pipe(tx, name)


def _put(tx: Tx, pipe: Pipe, tags: dict[str, str]) -> None:
    tx.put(key(pipe.account, pipe.region, pipe.name), replace(pipe, tags=tags))


@operation("TagResource")
def tag(tx: Tx, request: Request) -> Response:
    """Add tags, or replace their values.

    Source: EventBridge Pipes API Reference, TagResource.
    """
    pipe = _pipe(tx, request)
    tags = {**pipe.tags, **request["tags"]}
    if len(tags) > _MOST:
        raise Invalid(f"A pipe has at most {_MOST} tags.")
    _put(tx, pipe, tags)
    return {}


@operation("UntagResource")
def untag(tx: Tx, request: Request) -> Response:
    """Remove tags.

    Source: EventBridge Pipes API Reference, UntagResource.
    """
    pipe = _pipe(tx, request)
    _put(tx, pipe, {name: value for name, value in pipe.tags.items() if name not in request["tagKeys"]})
    return {}


@operation("ListTagsForResource")
def list_tags(tx: Tx, request: Request) -> Response:
    """A pipe's tags.

    Source: EventBridge Pipes API Reference, ListTagsForResource.
    """
    return {"tags": _pipe(tx, request).tags}
