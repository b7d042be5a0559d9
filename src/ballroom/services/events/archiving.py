"""What archives keep: an event's JSON under the moment at which it was matched, until it is too old.

Source: EventBridge User Guide, "Archiving and replaying events".
"""

from __future__ import annotations

from ballroom.kernel import Tx, on_timer
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import Archive, ArchiveCount, ArchivedEvent, key

DAY_MS = 86_400_000
_AT_ONCE = 500


def keep(tx: Tx, at: BusName, archive: Archive, event_id: str, body: bytes) -> None:
    """Keep one event."""
    tx.put(key(at, "archived", archive.id, tx.now_ms, event_id), ArchivedEvent(tx.now_ms, event_id, body))
    count = tx.get(ArchiveCount, key(at, "archive-count", archive.id))
    if count is None or count.events == 0:
        expect_sweep(tx, at, archive, tx.now_ms)
    before = count or ArchiveCount()
    tx.put(
        key(at, "archive-count", archive.id), ArchiveCount(before.events + 1, before.size + len(body))
    )


def expect_sweep(tx: Tx, at: BusName, archive: Archive, oldest_ms: int) -> None:
    """Come back when the oldest event is to go."""
    if archive.retention_days:
        due = oldest_ms + archive.retention_days * DAY_MS
        tx.wake_at(due, "events.archive", at.account, at.region, archive.name, archive.id, housekeeping=True)


@on_timer("events.archive")
def sweep(tx: Tx, account: str, region: str, name: str, archive_id: str) -> None:
    """Remove what is older than the archive's retention. Harmless if late or repeated: it looks at ages.

    An archive that is gone loses all it held, a part at a time.
    """
    at = BusName(account, region, "")
    archive = tx.get(Archive, key(at, "archive", name))
    gone = archive is None or archive.id != archive_id
    limit_ms = tx.now_ms + 1
    if archive is not None and not gone:
        if not archive.retention_days:
            return
        limit_ms = tx.now_ms - archive.retention_days * DAY_MS + 1
    low, high = key(at, "archived", archive_id), key(at, "archived", archive_id, limit_ms)
    rows = tx.scan_items(ArchivedEvent, low, high, limit=_AT_ONCE)
    for row_key, _ in rows:
        tx.delete(row_key)
    count_key = key(at, "archive-count", archive_id)
    count = tx.get(ArchiveCount, count_key) or ArchiveCount()
    left = ArchiveCount(
        max(count.events - len(rows), 0), max(count.size - sum(len(event.event) for _, event in rows), 0)
    )
    if len(rows) == _AT_ONCE:
        tx.put(count_key, left)
        tx.wake_at(tx.now_ms + 1, "events.archive", account, region, name, archive_id, housekeeping=True)
    elif gone or archive is None:
        tx.delete(count_key)
    else:
        tx.put(count_key, left)
        oldest = tx.scan_prefix(ArchivedEvent, key(at, "archived", archive_id), limit=1)
        if oldest:
            expect_sweep(tx, at, archive, oldest[0].at_ms)
