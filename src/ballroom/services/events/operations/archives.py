"""Archives: create, describe, update, list, delete."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import make_arn
from ballroom.services.events import archiving
from ballroom.services.events.errors import (
    ResourceAlreadyExists,
    ResourceNotFound,
    ValidationException,
)
from ballroom.services.events.live import Buses
from ballroom.services.events.names import BusName, parse_bus_arn
from ballroom.services.events.paging import page_of
from ballroom.services.events.patterns import checked_pattern
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import (
    Archive,
    ArchiveCount,
    ArchivedEvent,
    NameLink,
    key,
    load_bus,
)


def archive_arn(tx: Tx, name: str) -> str:
    """The ARN of an archive of the caller's account."""
    return make_arn("events", tx.region, tx.account, f"archive/{name}")


def load_archive(tx: Tx, name: str) -> Archive:
    """The archive.

    Raises:
        ResourceNotFound: there is none.
    """
    archive = tx.get(Archive, key(tx, "archive", name))
    if archive is None:
        raise ResourceNotFound(f"Archive {name} does not exist.")
    return archive


def _put(tx: Tx, archive: Archive) -> Archive:
    at = parse_bus_arn(archive.source_arn)
    tx.put(key(tx, "archive", archive.name), archive)
    tx.put(key(tx, "archive-of", at.name, archive.name), NameLink(archive.name))
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        tx.after_commit(lambda: live.put_archive(archive))
    return archive


@operation("CreateArchive")
def create_archive(tx: Tx, request: Request) -> Response:
    """Keep a bus's events, those that match a pattern or all.

    Raises:
        BusNotFound, ResourceAlreadyExists, InvalidEventPattern, LimitExceeded

    Source: EventBridge API Reference, CreateArchive; recorded answers.
    """
    name = request["ArchiveName"]
    if tx.get(Archive, key(tx, "archive", name)) is not None:
        raise ResourceAlreadyExists(f"Archive {name} already exists.")
    at = parse_bus_arn(request["EventSourceArn"])
    if (at.account, at.region) != (tx.account, tx.region):
        raise ValidationException(
            "Parameter EventSourceArn is not valid. Reason: the bus is in another account or region."
        )
    load_bus(tx, at)
    pattern = request.get("EventPattern") or None
    if pattern is not None:
        checked_pattern(pattern)
    check_quota(tx.kernel, "events.archives", len(tx.scan_prefix(Archive, key(tx, "archive"))) + 1)
    archive = _put(
        tx,
        Archive(
            name, tx.ids.lower(12), at.arn, tx.now_ms, pattern, request.get("Description"),
            request.get("RetentionDays") or 0, request.get("KmsKeyIdentifier") or "",
        ),
    )  # fmt: skip
    return _answer(tx, archive)


def _answer(tx: Tx, archive: Archive) -> Response:
    return {
        "ArchiveArn": archive_arn(tx, archive.name), "State": "ENABLED", "CreationTime": archive.created_ms,
    }  # fmt: skip


@operation("UpdateArchive")
def update_archive(tx: Tx, request: Request) -> Response:
    """Change what an archive keeps from now on, and for how long.

    Source: EventBridge API Reference, UpdateArchive.
    """
    archive = load_archive(tx, request["ArchiveName"])
    pattern = request.get("EventPattern", archive.pattern) or None
    if pattern is not None:
        checked_pattern(pattern)
    archive = _put(
        tx,
        msgspec.structs.replace(
            archive, pattern=pattern, description=request.get("Description", archive.description),
            retention_days=request.get("RetentionDays", archive.retention_days),
            kms_key=request.get("KmsKeyIdentifier", archive.kms_key),
        ),
    )  # fmt: skip
    at = BusName(tx.account, tx.region, "")
    oldest = tx.scan_prefix(ArchivedEvent, key(at, "archived", archive.id), limit=1)
    if oldest:
        archiving.expect_sweep(tx, at, archive, oldest[0].at_ms)
    return _answer(tx, archive)


@operation("DescribeArchive")
def describe_archive(tx: Tx, request: Request) -> Response:
    """An archive, with how much it holds.

    Source: EventBridge API Reference, DescribeArchive; recorded answers.
    """
    archive = load_archive(tx, request["ArchiveName"])
    answer = {
        "ArchiveArn": archive_arn(tx, archive.name), **_shown(tx, archive),
        "Description": archive.description, "EventPattern": archive.pattern,
        "KmsKeyIdentifier": archive.kms_key or None,
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


def _shown(tx: Tx, archive: Archive) -> dict[str, Any]:
    count = tx.get(ArchiveCount, key(tx, "archive-count", archive.id)) or ArchiveCount()
    return {
        "ArchiveName": archive.name, "EventSourceArn": archive.source_arn, "State": "ENABLED",
        "RetentionDays": archive.retention_days, "SizeBytes": count.size, "EventCount": count.events,
        "CreationTime": archive.created_ms,
    }  # fmt: skip


@operation("ListArchives")
def list_archives(tx: Tx, request: Request) -> Response:
    """The archives whose name has a prefix, or that have one source or state.

    Source: EventBridge API Reference, ListArchives; recorded answers.
    """
    given = [name for name in ("NamePrefix", "EventSourceArn", "State") if request.get(name) is not None]
    if len(given) > 1:
        raise ValidationException(
            "At most one filter is allowed for ListArchives. "
            "Use either : State, EventSourceArn, or NamePrefix."
        )
    archives = [
        archive
        for archive in tx.scan_prefix(Archive, key(tx, "archive"))
        if archive.name.startswith(request.get("NamePrefix") or "")
        and request.get("EventSourceArn") in (None, archive.source_arn)
        and request.get("State") in (None, "ENABLED")
    ]
    page, token = page_of(archives, request, name=lambda archive: archive.name)
    return {"Archives": [_shown(tx, archive) for archive in page], **token}


@operation("DeleteArchive")
def delete_archive(tx: Tx, request: Request) -> Response:
    """Delete an archive; what it holds goes a part at a time.

    Source: EventBridge API Reference, DeleteArchive.
    """
    archive = load_archive(tx, request["ArchiveName"])
    at = parse_bus_arn(archive.source_arn)
    tx.delete(key(tx, "archive", archive.name))
    tx.delete(key(tx, "archive-of", at.name, archive.name))
    tx.wake_at(tx.now_ms, "events.archive", at.account, at.region, archive.name, archive.id, housekeeping=True)
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        tx.after_commit(lambda: live.remove_archive(archive.name))
    return {}
