"""Which queue names which dead-letter queue: checked when set, and kept for ListDeadLetterSourceQueues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ballroom.services.sqs.live import find_queue
from ballroom.services.sqs.names import find_queue_arn
from ballroom.services.sqs.redrive import check_dead_letter_queue, read_redrive_policy
from ballroom.services.sqs.resources import DeadLetterSource, Queue, sources_prefix

if TYPE_CHECKING:
    from ballroom.kernel import Key, Tx


def check_redrive(tx: Tx, arn: str, given: Mapping[str, str]) -> None:
    """Refuse a redrive policy, among the attributes given, whose dead-letter queue cannot be used.

    Raises:
        InvalidParameterValue: it is missing, of another kind, or does not allow this queue.
    """
    raw = given.get("RedrivePolicy")
    if not raw:
        return
    policy = read_redrive_policy(raw)
    address = find_queue_arn(policy.arn)
    grave = find_queue(tx, *address) if address else None
    check_dead_letter_queue(raw, arn, policy, grave.meaning.allow if grave else None)


def link_source(tx: Tx, queue: Queue) -> None:
    """The queue names a dead-letter queue (or none) from now on."""
    key = _source_key(queue)
    if key is not None:
        tx.put(key, DeadLetterSource(queue.account, queue.region, queue.name))


def unlink_source(tx: Tx, queue: Queue) -> None:
    """It no longer does."""
    key = _source_key(queue)
    if key is not None:
        tx.delete(key)


def _source_key(queue: Queue) -> Key | None:
    raw = queue.attributes.get("RedrivePolicy")
    address = find_queue_arn(read_redrive_policy(raw).arn) if raw else None
    return (*sources_prefix(*address), queue.name) if address else None
