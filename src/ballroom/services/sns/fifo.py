"""FIFO topics: sequence numbers, and messages that are dropped because they were sent before.

Source: Developer Guide, "Message deduplication for FIFO topics", "Message ordering details for FIFO topics".
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Tx
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.resources import Accepted, Expiry, Head, Topic, data_key

WINDOW_MS = 5 * 60 * 1000
_FIRST = 10_000_000_000_000_000_000
_SWEPT_AT_ONCE = 4


def sequence_number(sequence: int) -> str:
    """Twenty digits that rise."""
    return str(_FIRST + sequence)


def accept(tx: Tx, topic: Topic, publication: Publication) -> tuple[Publication, Accepted | None]:
    """The message with its sequence number, or the earlier one that it repeats."""
    assert publication.dedup is not None
    scope = publication.group or "" if topic.attributes.get("FifoThroughputScope") == "MessageGroup" else ""
    _sweep(tx, topic)
    key = data_key(topic, "dedup", scope, publication.dedup)
    earlier = tx.get(Accepted, key)
    if earlier is not None and tx.now_ms - earlier.at_ms < WINDOW_MS:
        return publication, earlier
    head = tx.get(Head, data_key(topic, "head")) or Head()
    sequence = head.sequence + 1
    tx.put(data_key(topic, "head"), Head(sequence))
    tx.put(key, Accepted(tx.now_ms, publication.message_id, sequence))
    tx.put(data_key(topic, "accepted", tx.now_ms, scope, publication.dedup), Expiry())
    return msgspec.structs.replace(publication, sequence=sequence_number(sequence)), None


def _sweep(tx: Tx, topic: Topic) -> None:
    """Drop some of what is out of the window: as many as come in, so that they never pile up."""
    low, high = data_key(topic, "accepted"), data_key(topic, "accepted", tx.now_ms - WINDOW_MS + 1)
    for key, _ in tx.scan_items(Expiry, low, high, limit=_SWEPT_AT_ONCE):
        tx.delete(key)
        at_ms, scope, dedup = key[-3:]
        known = tx.get(Accepted, data_key(topic, "dedup", scope, dedup))  # type: ignore[arg-type]
        if known is not None and known.at_ms == at_ms:
            tx.delete(data_key(topic, "dedup", scope, dedup))  # type: ignore[arg-type]
