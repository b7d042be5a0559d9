"""Conditions of reads, writes, deletions and copies: entity tags and dates. Pure.

Source: S3 User Guide, "Conditional requests"; RFC 9110, section 13; the recorded answers of AWS.
"""

from __future__ import annotations

from typing import Any

from ballroom.services.s3.errors import (
    ConditionalConflict,
    NoSuchKey,
    NotImplementedHeader,
    NotModified,
    PreconditionFailed,
    http_date,
)
from ballroom.services.s3.resources import ObjectVersion

_READ = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")


def check_read(version: ObjectVersion, request: dict[str, Any], now_ms: int) -> None:
    """Refuses a read whose conditions do not hold; tags go before dates.

    A date in the future is no condition.

    Raises:
        PreconditionFailed, NotModified.
    """
    modified = version.modified_ms // 1000
    if (tags := request.get("IfMatch")) is not None:
        if not names(tags, version.etag):
            raise PreconditionFailed(Condition="If-Match")
    elif (at := request.get("IfUnmodifiedSince")) is not None and modified > at // 1000:
        raise PreconditionFailed(Condition="If-Unmodified-Since")
    if (tags := request.get("IfNoneMatch")) is not None:
        if names(tags, version.etag):
            raise _not_modified(version)
    elif (at := request.get("IfModifiedSince")) is not None and modified <= at // 1000 and at <= now_ms:
        raise _not_modified(version)


def has_read_conditions(request: dict[str, Any]) -> bool:
    """Whether `check_read` has anything to check."""
    return any(name in request for name in _READ)


def is_unchanged(version: ObjectVersion, validator: str) -> bool:
    """Whether an If-Range names this very object; a weak tag and a date that is another do not.

    Source: RFC 9110, 13.1.5.
    """
    return validator.strip() in (f'"{version.etag}"', http_date(version.modified_ms))


def _not_modified(version: ObjectVersion) -> NotModified:
    error = NotModified()
    error.headers = [("etag", f'"{version.etag}"'), ("last-modified", http_date(version.modified_ms))]
    return error


def check_write(current: ObjectVersion | None, request: dict[str, Any], *, found: str | None = None) -> None:
    """Refuses a write that would replace what the caller did not expect.

    `current` is None where the key has no object; `found` is the `fingerprint` of what was there when a
    multipart upload began: another object is a conflict.

    Raises:
        PreconditionFailed: the object is there, or is another.
        NoSuchKey: If-Match, and there is none.
        ConditionalConflict: it has changed since the upload began.
    """
    if "IfMatch" in request and "IfNoneMatch" in request:
        raise NotImplementedHeader(
            Header="If-Match,If-None-Match",
            additionalMessage="Multiple conditional request headers present in the request",
        )
    if (tags := request.get("IfNoneMatch")) is not None:
        if tags != "*":
            raise _not_accepted("If-None-Match")
        if current is not None:
            raise PreconditionFailed(Condition="If-None-Match")
    if (tags := request.get("IfMatch")) is not None:
        if tags == "*":
            raise _not_accepted("If-Match")
        if current is None:
            raise NoSuchKey(Key=request["Key"])
        if found is not None and fingerprint(current) != found:
            raise ConditionalConflict(Condition="If-Match", Key=request["Key"])
        if not names(tags, current.etag):
            raise PreconditionFailed(Condition="If-Match")


def fingerprint(current: ObjectVersion | None) -> str:
    """What tells one object under a key from another."""
    return "" if current is None else f"{current.version_id} {current.mark:x}"


def check_deletion(current: ObjectVersion | None, key: str, tag: str) -> None:
    """Refuses to delete an object that is not the one expected; `*` stands for any.

    Raises:
        PreconditionFailed: it is another.
        NoSuchKey: there is none.
    """
    if current is None:
        raise NoSuchKey(Key=key)
    if not names(tag, current.etag):
        raise PreconditionFailed(Condition="If-Match")


def check_copy(version: ObjectVersion, request: dict[str, Any]) -> None:
    """The conditions on a copy's source. If-Match and If-Unmodified-Since are one condition, as are the others.

    Raises:
        PreconditionFailed.
    """
    modified = version.modified_ms // 1000
    if (tags := request.get("CopySourceIfMatch")) is not None:
        if not names(tags, version.etag):
            raise PreconditionFailed(Condition="x-amz-copy-source-If-Match")
    elif (at := request.get("CopySourceIfUnmodifiedSince")) is not None and modified > at // 1000:
        raise PreconditionFailed(Condition="x-amz-copy-source-If-Unmodified-Since")
    if (tags := request.get("CopySourceIfNoneMatch")) is not None:
        if names(tags, version.etag):
            raise PreconditionFailed(Condition="x-amz-copy-source-If-None-Match")
    elif (at := request.get("CopySourceIfModifiedSince")) is not None and modified <= at // 1000:
        raise PreconditionFailed(Condition="x-amz-copy-source-If-Modified-Since")


def names(tags: str, etag: str) -> bool:
    """Whether a list of entity tags holds this one."""
    return any(tag.strip().removeprefix("W/").strip('"') in (etag, "*") for tag in tags.split(","))


def _not_accepted(header: str) -> NotImplementedHeader:
    return NotImplementedHeader(
        Header=header, additionalMessage=f"We don't accept the provided value of {header} header for this API"
    )
