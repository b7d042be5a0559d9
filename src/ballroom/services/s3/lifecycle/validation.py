"""Lifecycle configurations as S3 accepts them, with its words for what is wrong. Pure.

Source: S3 API Reference, PutBucketLifecycleConfiguration; recorded answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ballroom.services.s3.errors import InvalidArgument, MalformedXml, named
from ballroom.services.s3.lifecycle.rules import DAY_MS, DEFAULT_MINIMUM, WATERFALL, prefix_of

MOST_RULES = 1000
_MINIMA = (DEFAULT_MINIMUM, "varies_by_storage_class")
_ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)  # fmt: skip
_FILTERS = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")


def check_minimum(minimum: str | None) -> str:
    """The transition default, or S3's."""
    if minimum is not None and minimum not in _MINIMA:
        raise named("InvalidRequest", f"Invalid TransitionDefaultMinimumObjectSize found: {minimum}")
    return minimum or DEFAULT_MINIMUM


def check(rules: list[dict[str, Any]] | None) -> None:
    """Refuses rules that S3 would not take."""
    if not rules:
        raise MalformedXml()
    if len(rules) > MOST_RULES:
        raise InvalidArgument(
            f"The number of lifecycle rules must not exceed the allowed limit of {MOST_RULES} rules"
        )
    identities: set[str] = set()
    for rule in rules:
        identity = rule.get("ID")
        if identity:
            if len(identity) > 255:
                raise InvalidArgument("ID length should not exceed allowed limit of 255")
            if identity in identities:
                raise InvalidArgument("Rule ID must be unique. Found same ID for one or more rules")
            identities.add(identity)
        _check_rule(rule)


def _check_rule(rule: dict[str, Any]) -> None:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXml()
    if ("Filter" in rule) is ("Prefix" in rule):
        raise MalformedXml()
    tagged = _check_filter(rule.get("Filter") or {})
    if not any(rule.get(name) is not None for name in _ACTIONS):
        raise named("InvalidRequest", "At least one action needs to be specified in a rule")
    _check_transitions(rule)
    _check_noncurrent(rule)
    _check_expiration(rule, tagged)
    abort = rule.get("AbortIncompleteMultipartUpload")
    if abort is not None:
        if abort.get("DaysAfterInitiation") is None:
            raise MalformedXml()
        if abort["DaysAfterInitiation"] <= 0:
            raise InvalidArgument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"
            )
        if tagged:
            raise named("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags.")


def _check_filter(filters: dict[str, Any]) -> bool:
    """Whether it speaks of tags."""
    if sum(name in filters for name in _FILTERS) > 1:
        raise MalformedXml()
    both = filters.get("And") or filters
    tags = both.get("Tags") or ([filters["Tag"]] if filters.get("Tag") else [])
    for tag in tags:
        if tag.get("Key") is None or tag.get("Value") is None:
            raise MalformedXml()
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise named("InvalidRequest", "Duplicate Tag Keys are not allowed.")
    more, less = both.get("ObjectSizeGreaterThan"), both.get("ObjectSizeLessThan")
    if (more is not None and more < 0) or (less is not None and less < 1):
        raise named("InvalidRequest", "The object size in a lifecycle filter is out of range.")
    if more is not None and less is not None and less <= more:
        raise named(
            "InvalidRequest",
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
        )
    return bool(tags)


def _check_expiration(rule: dict[str, Any], tagged: bool) -> None:
    action = rule.get("Expiration")
    if action is None:
        return
    if sum(name in action for name in ("Days", "Date", "ExpiredObjectDeleteMarker")) != 1:
        raise MalformedXml()
    if "Days" in action and action["Days"] <= 0:
        raise InvalidArgument("'Days' for Expiration action must be a positive integer")
    if "Date" in action:
        _check_midnight(action["Date"])
    if action.get("ExpiredObjectDeleteMarker") and tagged:
        raise named("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags.")
    last = max((t.get("Days", 0) for t in rule.get("Transitions") or ()), default=None)
    if last is not None and "Days" in action and action["Days"] <= last:
        raise InvalidArgument(
            f"'Days' in the Expiration action for filter '(prefix={prefix_of(rule)})' must be greater than "
            "'Days' in the Transition action"
        )


def _check_transitions(rule: dict[str, Any]) -> None:
    dated = set()
    for action in rule.get("Transitions") or ():
        _check_class(action)
        if "Days" in action and "Date" in action:
            raise MalformedXml()
        dated.add("Date" in action)
        if "Date" in action:
            _check_midnight(action["Date"])
        days = action.get("Days", 0)
        if days < 0:
            raise InvalidArgument("'Days' in Transition action must be nonnegative")
        if action["StorageClass"] in ("STANDARD_IA", "ONEZONE_IA") and "Date" not in action and days < 30:
            raise InvalidArgument(
                "'Days' in Transition action must be greater than or equal to 30 for storageClass "
                f"'{action['StorageClass']}'"
            )
    if len(dated) > 1:
        raise named(
            "InvalidRequest", "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule"
        )


def _check_noncurrent(rule: dict[str, Any]) -> None:
    for action in rule.get("NoncurrentVersionTransitions") or ():
        _check_class(action)
        days = action.get("NoncurrentDays", 0)
        if action["StorageClass"] in ("STANDARD_IA", "ONEZONE_IA") and days < 30:
            raise InvalidArgument(
                "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 "
                f"for storageClass '{action['StorageClass']}'"
            )
        _check_newer(action)
    action = rule.get("NoncurrentVersionExpiration")
    if action is None:
        return
    if action.get("NoncurrentDays") is None:
        raise MalformedXml()
    if action["NoncurrentDays"] <= 0:
        raise InvalidArgument(
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"
        )
    _check_newer(action)


def _check_newer(action: dict[str, Any]) -> None:
    newer = action.get("NewerNoncurrentVersions")
    if newer is not None and not 1 <= newer <= 100:
        raise InvalidArgument("'NewerNoncurrentVersions' must be between 1 and 100")


def _check_class(action: dict[str, Any]) -> None:
    if WATERFALL.get(action.get("StorageClass", ""), 0) == 0:
        raise MalformedXml()


def _check_midnight(ms: int) -> None:
    if ms % DAY_MS:
        raise InvalidArgument("'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=_iso(ms))


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
