"""Object lock: retention and legal holds, as buckets configure and versions carry them. Pure.

Source: S3 User Guide, "Locking objects with Object Lock"; S3 API Reference, PutObjectRetention;
recorded answers.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ballroom.services.s3.attributes import Attributes
from ballroom.services.s3.errors import AccessDenied, InvalidArgument, MalformedXml, S3Error, named

NAME = "object-lock"
MEMBERS = frozenset({"ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus"})
MODES = ("GOVERNANCE", "COMPLIANCE")
_DAY_MS = 86_400_000
_LONGEST_DAYS = 36_500


def missing_configuration() -> S3Error:
    """The bucket has no object lock."""
    return named("InvalidRequest", "Bucket is missing Object Lock Configuration")


def versioning_needed() -> S3Error:
    """A bucket with object lock keeps its versions."""
    return named(
        "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        status=409,
    )


def protected() -> S3Error:
    """A lock is in the way."""
    return AccessDenied("Access Denied because object protected by object lock.")


def check_removal(attributes: Attributes, now_ms: int, *, bypass: bool) -> None:
    """Refuses to remove a version that a lock protects; `bypass` gets around governance.

    Raises:
        AccessDenied: it is protected.
    """
    if attributes.legal_hold:
        raise protected()
    retained = bool(attributes.lock_mode) and attributes.retain_until_ms > now_ms
    if retained and (attributes.lock_mode == "COMPLIANCE" or not bypass):
        raise protected()


def check_configuration(configuration: dict[str, Any]) -> None:
    """Refuses what cannot be a bucket's object lock configuration."""
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise MalformedXml()
    if "Rule" not in configuration:
        return
    retention = (configuration["Rule"] or {}).get("DefaultRetention")
    if not retention or retention.get("Mode") not in MODES:
        raise MalformedXml()
    if ("Days" in retention) is ("Years" in retention):
        raise MalformedXml()
    period = retention.get("Days", retention.get("Years"))
    if period is None or period <= 0:
        raise InvalidArgument("Default retention period must be a positive integer value.")
    if period > (_LONGEST_DAYS if "Days" in retention else _LONGEST_DAYS // 365):
        raise named("InvalidRetentionPeriod", "The retention period specified is too large.")


def default_retention(configuration: dict[str, Any], now_ms: int) -> tuple[str, int]:
    """Mode and end that a new version gets from its bucket; empty and 0 without a rule."""
    retention = (configuration.get("Rule") or {}).get("DefaultRetention")
    if retention is None:
        return "", 0
    if "Days" in retention:
        return retention["Mode"], now_ms + retention["Days"] * _DAY_MS
    start = datetime.fromtimestamp(now_ms / 1000, UTC)
    try:
        end = start.replace(year=start.year + retention["Years"])
    except ValueError:  # 29 February
        end = start.replace(year=start.year + retention["Years"], day=28) + timedelta(days=1)
    return retention["Mode"], now_ms + int((end - start).total_seconds()) * 1000


def of_request(
    request: dict[str, Any], configuration: dict[str, Any] | None, attributes: Attributes, now_ms: int
) -> Attributes:
    """The lock that a write's headers, or else its bucket's default, give a new version."""
    mode, until = request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus")
    if configuration is None:
        if mode is not None or until is not None or hold is not None:
            raise missing_configuration()
        return attributes
    if (mode is None) is not (until is None):
        lacking = "x-amz-object-lock-mode" if mode is None else "x-amz-object-lock-retain-until-date"
        raise InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            ArgumentName=lacking,
        )
    if hold not in (None, "ON", "OFF"):
        raise InvalidArgument(
            "Legal Hold must be either of 'ON' or 'OFF'",
            ArgumentName="x-amz-object-lock-legal-hold", ArgumentValue=hold,
        )  # fmt: skip
    if mode is None:
        mode, end = default_retention(configuration, now_ms)
    else:
        if mode not in MODES:
            raise InvalidArgument(
                "Unknown wormMode directive.", ArgumentName="x-amz-object-lock-mode", ArgumentValue=mode
            )
        end = int(until or 0)
        if end <= now_ms:
            raise InvalidArgument(
                "The retain until date must be in the future!",
                ArgumentName="x-amz-object-lock-retain-until-date", ArgumentValue=_iso(end),
            )  # fmt: skip
    return msgspec.structs.replace(attributes, lock_mode=mode, retain_until_ms=end, **_hold(hold))


def with_hold(attributes: Attributes, status: str) -> Attributes:
    """A version's attributes with its legal hold on or off."""
    return msgspec.structs.replace(attributes, **_hold(status))


def _hold(status: str | None) -> dict[str, bool]:
    return {"legal_hold": status == "ON", "hold_told": status is not None}


def with_retention(
    attributes: Attributes, retention: dict[str, Any], now_ms: int, *, bypass: bool
) -> Attributes:
    """A version's attributes under a new retention; an empty one takes it away.

    Raises:
        AccessDenied: the lock there forbids to shorten or loosen it.
    """
    mode, until = retention.get("Mode", ""), retention.get("RetainUntilDate", 0)
    if bool(mode) is not bool(until) or (mode and mode not in MODES):
        raise MalformedXml()
    if until and until <= now_ms:
        raise InvalidArgument(
            "The retain until date must be in the future!",
            ArgumentName="RetainUntilDate", ArgumentValue=_pacific(until),
        )  # fmt: skip
    if attributes.lock_mode and attributes.retain_until_ms > now_ms:
        loosens = until < attributes.retain_until_ms or (
            attributes.lock_mode == "COMPLIANCE" and mode != "COMPLIANCE"
        )
        changes_governance = attributes.lock_mode == "GOVERNANCE" and mode != "GOVERNANCE" and not bypass
        if changes_governance or (loosens and (attributes.lock_mode == "COMPLIANCE" or not bypass)):
            raise protected()
    return msgspec.structs.replace(attributes, lock_mode=mode, retain_until_ms=until)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _pacific(ms: int) -> str:
    """S3 tells the date as its servers in Seattle print it."""
    try:
        zone: Any = ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        zone = UTC
    at = datetime.fromtimestamp(ms / 1000, UTC)
    with suppress(OverflowError):  # the first and last hours that there are have no other zone
        at = at.astimezone(zone)
    return at.strftime("%a %b %d %H:%M:%S %Z %Y")
