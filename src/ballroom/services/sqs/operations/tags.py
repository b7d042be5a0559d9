"""Tags of a queue."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs.errors import InvalidParameterValue
from ballroom.services.sqs.live import load_queue, put_queue

_MOST = 50
_KEY_LENGTH, _VALUE_LENGTH = 128, 256


def check_tags(name: str, tags: Mapping[str, str], new: Mapping[str, str], source: str) -> None:
    """Refuse tags beyond AWS's limits. Those that begin with `aws:` are for AWS's own services to give.

    Raises:
        InvalidParameterValue: too many, or a key or value too long.
    """
    if len(tags) > _MOST:
        raise InvalidParameterValue(f"Too many tags added for queue {name}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= _KEY_LENGTH:
            raise InvalidParameterValue("Tag keys must be between 1 and 128 characters in length.")
        if key in new and key.lower().startswith("aws:") and not source.endswith(".amazonaws.com"):
            raise InvalidParameterValue("Tag keys must not begin with aws:, which is reserved.")
        if len(value) > _VALUE_LENGTH:
            raise InvalidParameterValue("Tag values must be between 0 and 256 characters in length.")


@operation("TagQueue")
def tag_queue(tx: Tx, request: Request) -> Response:
    """Add tags, overwriting those with the same keys.

    Source: SQS API Reference, TagQueue.
    """
    live = load_queue(tx, request["QueueUrl"])
    tags = {**live.record.tags, **request["Tags"]}
    check_tags(live.record.name, tags, request["Tags"], tx.caller.source)
    put_queue(tx, msgspec.structs.replace(live.record, tags=tags))
    return {}


@operation("UntagQueue")
def untag_queue(tx: Tx, request: Request) -> Response:
    """Remove tags by key.

    Source: SQS API Reference, UntagQueue.
    """
    live = load_queue(tx, request["QueueUrl"])
    gone = set(request["TagKeys"])
    kept = {key: value for key, value in live.record.tags.items() if key not in gone}
    put_queue(tx, msgspec.structs.replace(live.record, tags=kept))
    return {}


@operation("ListQueueTags")
def list_queue_tags(tx: Tx, request: Request) -> Response:
    """The tags.

    Source: SQS API Reference, ListQueueTags.
    """
    tags = load_queue(tx, request["QueueUrl"]).record.tags
    return {"Tags": dict(tags)} if tags else {}
