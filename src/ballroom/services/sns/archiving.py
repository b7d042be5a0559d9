"""Archives of FIFO topics: one copy of each message, kept until it is older than the retention period.

What is too old is not replayed from that moment on; its row is removed within an hour. A topic whose archive
policy is taken away loses all that was archived.

Source: Developer Guide, "Message archiving for FIFO topic owners".
"""

from __future__ import annotations

import msgspec

from ballroom.kernel import Key, Tx, on_timer
from ballroom.kernel.keys import PREFIX_END, pack
from ballroom.services.sns.archive_policies import retention_days
from ballroom.services.sns.messages import Publication
from ballroom.services.sns.names import TopicName
from ballroom.services.sns.resources import Archive, Topic, find_topic, topic_key

DAY_MS = 86_400_000
_NEVER_MS = 1 << 50
_ROWS_AT_ONCE = 500
_SWEPT_EVERY_MS = 3_600_000
"""Between two sweeps of one archive: else each of its messages would have a timer."""


def _rows(topic_id: str, archive_id: str) -> Key:
    return ("sns-data", topic_id, "archived", archive_id)


def _key(topic: Topic, archive: Archive, at_ms: int, sequence: str = "") -> Key:
    """By time, then in the order of publication."""
    return (*_rows(topic.id, archive.id), at_ms, sequence)


def keep(tx: Tx, topic: Topic, archive: Archive, publication: Publication) -> None:
    """Archive a message."""
    tx.put(_key(topic, archive, publication.at_ms, publication.sequence), publication)


def read(
    tx: Tx, topic: Topic, archive: Archive, after: tuple[int, str], until_ms: int | None, limit: int
) -> list[Publication]:
    """Up to `limit` archived messages behind a place (time and sequence number), to a moment, in order."""
    oldest_ms = beginning_ms(archive, tx.now_ms)
    low = (after[0], after[1] + "\0") if after[0] >= oldest_ms else (oldest_ms, "")
    high = _key(topic, archive, until_ms + 1 if until_ms is not None else _NEVER_MS)
    return tx.scan(Publication, _key(topic, archive, *low), high, limit=limit)


def beginning_ms(archive: Archive, now_ms: int) -> int:
    """The oldest moment that can be replayed: BeginningArchiveTime."""
    return max(archive.since_ms, now_ms - archive.days * DAY_MS)


def adopt_policy(tx: Tx, topic: Topic) -> Topic:
    """The topic with the archive that its attributes ask for; what is archived and is not to be goes."""
    policy = topic.attributes.get("ArchivePolicy")
    days = retention_days(policy) if policy else 0
    archive = topic.archive
    if days == (archive.days if archive is not None else 0):
        return topic
    if archive is not None:
        tx.cancel_wake(archive.sweep_ms, "sns.archive", *topic.at, archive.id, housekeeping=True)
    if not days:
        assert archive is not None
        tx.wake_at(tx.now_ms, "sns.archive-gone", topic.id, archive.id)
        return msgspec.structs.replace(topic, archive=None)
    since_ms = beginning_ms(archive, tx.now_ms) if archive is not None else tx.now_ms
    archive_id = archive.id if archive is not None else tx.ids.hex(16)
    # another period: what is older than it goes soon; at first there is nothing to go before the period is over
    sweep_ms = tx.now_ms + (days * DAY_MS if archive is None else _SWEPT_EVERY_MS)
    tx.wake_at(sweep_ms, "sns.archive", *topic.at, archive_id, housekeeping=True)
    return msgspec.structs.replace(topic, archive=Archive(archive_id, days, since_ms, sweep_ms))


@on_timer("sns.archive")
def sweep(tx: Tx, account: str, region: str, name: str, archive_id: str) -> None:
    """Remove what is too old. Harmless if late or repeated: it looks at ages."""
    topic = find_topic(tx, TopicName(account, region, name))
    archive = topic.archive if topic is not None else None
    if topic is None or archive is None or archive.id != archive_id:
        return
    rows = _rows(topic.id, archive.id)
    low, high = pack(rows), pack(_key(topic, archive, beginning_ms(archive, tx.now_ms)))
    due_ms = tx.now_ms
    if tx.delete_packed(low, high, _ROWS_AT_ONCE) < _ROWS_AT_ONCE:
        oldest = tx.scan_prefix(Publication, rows, limit=1)
        expires_ms = (oldest[0].at_ms if oldest else tx.now_ms) + archive.days * DAY_MS
        due_ms = max(expires_ms, tx.now_ms + _SWEPT_EVERY_MS)
    tx.wake_at(due_ms, "sns.archive", account, region, name, archive_id, housekeeping=True)
    archive = msgspec.structs.replace(archive, sweep_ms=due_ms)
    tx.put(topic_key(topic.at), msgspec.structs.replace(topic, archive=archive))


@on_timer("sns.archive-gone")
def wipe(tx: Tx, topic_id: str, archive_id: str) -> None:
    """Remove some rows of an archive that is no more; there are none of them after the last step."""
    low = pack(_rows(topic_id, archive_id))
    if tx.delete_packed(low, low + PREFIX_END, _ROWS_AT_ONCE) == _ROWS_AT_ONCE:
        tx.wake_at(tx.now_ms, "sns.archive-gone", topic_id, archive_id)
