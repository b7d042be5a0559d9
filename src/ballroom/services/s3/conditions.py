"""Conditions of reads and writes: entity tags and dates. Pure.

Source: S3 User Guide, "Conditional requests"; RFC 9110, section 13.
"""

from __future__ import annotations

from typing import Any

from ballroom.services.s3.errors import InvalidArgument, NoSuchKey, NotModified, PreconditionFailed
from ballroom.services.s3.resources import ObjectVersion


def check_read(version: ObjectVersion, request: dict[str, Any]) -> None:
    """Refuses a read whose conditions do not hold; tags go before dates."""
    seconds = version.modified_ms // 1000
    if "IfMatch" in request:
        if not _names(request["IfMatch"], version.etag):
            raise PreconditionFailed(Condition="If-Match")
    elif "IfUnmodifiedSince" in request and seconds > request["IfUnmodifiedSince"] // 1000:
        raise PreconditionFailed(Condition="If-Unmodified-Since")
    if "IfNoneMatch" in request:
        if _names(request["IfNoneMatch"], version.etag):
            raise NotModified()
    elif "IfModifiedSince" in request and seconds <= request["IfModifiedSince"] // 1000:
        raise NotModified()


def check_write(current: ObjectVersion | None, request: dict[str, Any]) -> None:
    """Refuses a write that would replace what the caller did not expect."""
    there = current if current is not None and not current.is_marker else None
    if "IfNoneMatch" in request:
        if request["IfNoneMatch"] != "*":
            raise InvalidArgument("A header you provided implies functionality that is not implemented")
        if there is not None:
            raise PreconditionFailed(Condition="If-None-Match")
    if "IfMatch" in request:
        if there is None:
            raise NoSuchKey(Key=request["Key"])
        if not _names(request["IfMatch"], there.etag):
            raise PreconditionFailed(Condition="If-Match")


def check_copy(version: ObjectVersion, request: dict[str, Any]) -> None:
    """The conditions on a copy's source: all failures are 412."""
    mapped = {
        name.removeprefix("CopySource"): request[name]
        for name in (
            "CopySourceIfMatch", "CopySourceIfNoneMatch", "CopySourceIfModifiedSince",
            "CopySourceIfUnmodifiedSince",
        )
        if name in request
    }  # fmt: skip
    try:
        check_read(version, mapped)
    except NotModified as error:
        raise PreconditionFailed() from error


def _names(tags: str, etag: str) -> bool:
    """Whether a list of entity tags holds this one."""
    return any(tag.strip().removeprefix("W/").strip('"') in (etag, "*") for tag in tags.split(","))
