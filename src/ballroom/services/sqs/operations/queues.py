"""Queues as a whole: create, find, list, purge, delete."""

from __future__ import annotations

from base64 import b64decode, b64encode

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs import housekeeping, queue_attributes
from ballroom.services.sqs.errors import (
    InvalidAttributeValue,
    InvalidParameterValue,
    MissingParameter,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from ballroom.services.sqs.links import check_redrive, link_source, unlink_source
from ballroom.services.sqs.live import erase_queue, load_queue, put_queue
from ballroom.services.sqs.names import check_name, queue_arn, queue_url
from ballroom.services.sqs.operations.tags import check_tags
from ballroom.services.sqs.resources import (
    DeadLetterSource,
    Head,
    Keys,
    MoveTask,
    Queue,
    Tombstone,
    move_key,
    move_prefix,
    queue_key,
    queues_range,
    sources_prefix,
    tombstone_key,
)

_PAUSE_MS = 60_000
_ID_LENGTH = 12
_MOST = 1000
replace = msgspec.structs.replace


@operation("CreateQueue")
def create_queue(tx: Tx, request: Request) -> Response:
    """Create a queue, or answer the URL of the one that has the same name and attributes.

    Raises:
        QueueNameExists: an attribute given differs from the existing queue's.
        QueueDeletedRecently: one of that name was deleted within the last 60 seconds.
        InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue: what is given breaks a rule.

    Source: SQS API Reference, CreateQueue.
    """
    name, given = request["QueueName"], request.get("Attributes") or {}
    url = {"QueueUrl": queue_url(tx.kernel.settings.base_url, tx.account, name)}
    existing = tx.get(Queue, queue_key(tx.account, tx.region, name))
    if existing is not None:
        different = queue_attributes.first_difference(existing.attributes, given)
        if different is not None:
            raise QueueNameExists(different)
        return url
    asked = given.get("FifoQueue")
    if asked is not None and asked.lower() not in ("true", "false"):
        raise InvalidAttributeValue.of_parameter("FifoQueue")
    fifo = asked is not None and asked.lower() == "true"
    check_name(name, fifo=fifo)
    attributes = queue_attributes.change({}, given, fifo=fifo, new=True)
    check_redrive(tx, queue_arn(tx.account, tx.region, name), given)
    tags = request.get("tags") or {}
    check_tags(name, tags, tags, tx.caller.source)
    stone = tx.get(Tombstone, tombstone_key(tx.account, tx.region, name))
    if stone is not None and tx.now_ms - stone.deleted_ms < _PAUSE_MS:
        raise QueueDeletedRecently
    queue = Queue(
        tx.account, tx.region, name, tx.ids.lower(_ID_LENGTH), 0, tx.now_ms, tx.now_ms, attributes, tags
    )
    put_queue(tx, queue)
    link_source(tx, queue)
    return url


@operation("DeleteQueue")
def delete_queue(tx: Tx, request: Request) -> Response:
    """Delete a queue with its messages, at once; its name is free again after 60 seconds.

    Source: SQS API Reference, DeleteQueue.
    """
    live = load_queue(tx, request["QueueUrl"])
    queue = live.record
    erase_queue(tx, queue)
    unlink_source(tx, queue)
    for task in tx.scan_prefix(MoveTask, move_prefix(queue.account, queue.region, queue.name)):
        tx.delete(move_key(task))
    address = (queue.account, queue.region, queue.name)
    tx.put(tombstone_key(*address), Tombstone(tx.now_ms))
    housekeeping.collect_later(tx, tx.now_ms + _PAUSE_MS, "~deleted", *address)
    housekeeping.collect_later(tx, tx.now_ms, queue.id)
    return {}


@operation("GetQueueUrl")
def get_queue_url(tx: Tx, request: Request) -> Response:
    """The URL of a queue, of another account too.

    Source: SQS API Reference, GetQueueUrl.
    """
    name = request["QueueName"]
    if not name:
        raise MissingParameter("QueueName")
    account = request.get("QueueOwnerAWSAccountId") or tx.account
    if tx.get(Queue, queue_key(account, tx.region, name)) is None:
        raise QueueDoesNotExist
    return {"QueueUrl": queue_url(tx.kernel.settings.base_url, account, name)}


@operation("ListQueues")
def list_queues(tx: Tx, request: Request) -> Response:
    """The account's queues in the region, by name; pages only if `MaxResults` is given.

    Source: SQS API Reference, ListQueues.
    """
    low, high = queues_range(tx.account, tx.region, request.get("QueueNamePrefix") or "")
    limit, after = _page_of(request)
    if after is not None:
        low = queue_key(tx.account, tx.region, after + "\0")
    found = tx.scan(Queue, low, high, limit=limit + 1)
    base = tx.kernel.settings.base_url
    answer: Response = {}
    if found:
        answer["QueueUrls"] = [queue_url(base, q.account, q.name) for q in found[:limit]]
    if len(found) > limit and request.get("MaxResults") is not None:
        answer["NextToken"] = _to_token(found[limit - 1].name)
    return answer


@operation("ListDeadLetterSourceQueues")
def list_dead_letter_source_queues(tx: Tx, request: Request) -> Response:
    """The queues whose redrive policy names this one.

    Source: SQS API Reference, ListDeadLetterSourceQueues.
    """
    queue = load_queue(tx, request["QueueUrl"]).record
    limit, after = _page_of(request)
    prefix = sources_prefix(queue.account, queue.region, queue.name)
    found = tx.scan_prefix(
        DeadLetterSource, prefix, after=(*prefix, after) if after is not None else None, limit=limit + 1
    )
    base = tx.kernel.settings.base_url
    answer: Response = {"queueUrls": [queue_url(base, s.account, s.name) for s in found[:limit]]}
    if len(found) > limit and request.get("MaxResults") is not None:
        answer["NextToken"] = _to_token(found[limit - 1].name)
    return answer


@operation("PurgeQueue")
def purge_queue(tx: Tx, request: Request) -> Response:
    """Delete all messages, also those in flight, at once; once in 60 seconds.

    Deduplication ids stay known, and sequence numbers go on.

    Source: SQS API Reference, PurgeQueue.
    """
    live = load_queue(tx, request["QueueUrl"])
    queue = live.record
    if queue.purged_ms and tx.now_ms - queue.purged_ms < _PAUSE_MS:
        raise PurgeQueueInProgress(queue.name)
    head = live.head(tx)
    after = replace(queue, generation=queue.generation + 1, purged_ms=tx.now_ms)
    put_queue(tx, after)
    tx.put(Keys(queue.id, after.generation).head, Head(last=head.last, cursor=head.last))
    housekeeping.collect_later(tx, tx.now_ms, queue.id, queue.generation)
    return {}


def _page_of(request: Request) -> tuple[int, str | None]:
    """How many to answer, and the name to go on behind."""
    limit = request.get("MaxResults")
    if limit is not None and not 1 <= limit <= _MOST:
        raise InvalidParameterValue(
            "Value for parameter MaxResults is invalid. "
            "Reason: MaxResults must be an integer between 1 and 1000."
        )
    token = request.get("NextToken")
    if not token:
        return limit or _MOST, None
    try:
        return limit or _MOST, b64decode(token, validate=True).decode()
    except ValueError:
        raise InvalidParameterValue("Invalid or expired next token.") from None


def _to_token(name: str) -> str:
    return b64encode(name.encode()).decode()


