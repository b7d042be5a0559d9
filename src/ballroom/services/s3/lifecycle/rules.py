"""What lifecycle rules say of an object: when it expires, or moves to another storage class. Pure.

Rules are kept as they were put. A day ends at midnight UTC: an object of yesterday 10:30 under a rule of
3 days expires at the fourth midnight.

Source: S3 User Guide, "Lifecycle configuration elements", "Transitioning objects"; "Expiring objects".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple
from urllib.parse import quote

DAY_MS = 86_400_000
SMALL = 128 << 10
DEFAULT_MINIMUM = "all_storage_classes_128K"
WATERFALL = {
    "STANDARD": 0, "REDUCED_REDUNDANCY": 0, "STANDARD_IA": 1, "INTELLIGENT_TIERING": 2, "ONEZONE_IA": 3,
    "GLACIER_IR": 4, "GLACIER": 5, "DEEP_ARCHIVE": 6,
}  # fmt: skip
"""Objects only ever move to a later class."""
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
Rule = dict[str, Any]


class Facts(NamedTuple):
    """What rules ask of a version."""

    key: str
    size: int
    tags: dict[str, str]
    modified_ms: int
    storage_class: str


_LAST_MS = 253_402_214_400_000
"""31 December 9999: a rule may speak of 2,147,483,647 days."""


class Expiration(NamedTuple):
    """When an object goes, and by which rule."""

    due_ms: int
    rule_id: str

    @property
    def header(self) -> str:
        """As `x-amz-expiration` tells it."""
        when = format_datetime(datetime.fromtimestamp(self.due_ms / 1000, UTC), usegmt=True)
        return f'expiry-date="{when}", rule-id="{quote(self.rule_id, safe="-_.~")}"'


def next_midnight(ms: int) -> int:
    """The first midnight UTC after a moment."""
    return (ms // DAY_MS + 1) * DAY_MS


def after_days(moment_ms: int, days: int) -> int:
    """The midnight on which a number of days have passed; the last that can be told, if that is beyond it."""
    return min(next_midnight(moment_ms + days * DAY_MS), _LAST_MS)


def active(rules: Iterable[Rule]) -> list[Rule]:
    """The rules that are enabled."""
    return [rule for rule in rules if rule.get("Status") == "Enabled"]


def prefix_of(rule: Rule) -> str:
    """What keys must begin with."""
    if "Prefix" in rule:
        return str(rule["Prefix"] or "")
    filters = rule.get("Filter") or {}
    return str((filters.get("And") or filters).get("Prefix") or "")


def applies(rule: Rule, facts: Facts) -> bool:
    """Whether a rule's filter speaks of an object."""
    if not facts.key.startswith(prefix_of(rule)):
        return False
    filters = rule.get("Filter") or {}
    both = filters.get("And") or filters
    tags = both.get("Tags") or ([filters["Tag"]] if filters.get("Tag") else [])
    if any(facts.tags.get(tag["Key"]) != tag["Value"] for tag in tags):
        return False
    if "ObjectSizeGreaterThan" in both and facts.size <= both["ObjectSizeGreaterThan"]:
        return False
    return not ("ObjectSizeLessThan" in both and facts.size >= both["ObjectSizeLessThan"])


def expiration_of(rules: Iterable[Rule], facts: Facts) -> Expiration | None:
    """The earliest expiration of a current version."""
    found: Expiration | None = None
    for rule in rules:
        due = _due(rule.get("Expiration"), facts.modified_ms)
        if due is not None and (found is None or due < found.due_ms) and applies(rule, facts):
            found = Expiration(due, rule.get("ID", ""))
    return found


def _due(action: dict[str, Any] | None, modified_ms: int) -> int | None:
    if not action:
        return None
    if "Days" in action:
        return after_days(modified_ms, action["Days"])
    if "Date" in action:
        return int(action["Date"])
    return None


def transition_of(rules: Iterable[Rule], facts: Facts, now_ms: int, minimum: str) -> str | None:
    """The storage class that a current version should be in by now, if it is another."""
    due: list[str] = []
    for rule in rules:
        if rule.get("Transitions") and applies(rule, facts):
            due += [
                action["StorageClass"]
                for action in rule["Transitions"]
                if _moves_at(action, facts.modified_ms) <= now_ms
                and _large_enough(rule, facts.size, action["StorageClass"], minimum)
            ]
    return _deepest(due, facts.storage_class)


def _moves_at(action: dict[str, Any], modified_ms: int) -> int:
    return int(action["Date"]) if "Date" in action else after_days(modified_ms, action.get("Days", 0))


def noncurrent_transition(
    rules: Iterable[Rule], facts: Facts, since_ms: int, newer: int, now_ms: int, minimum: str
) -> str | None:
    """The same for a noncurrent version; `newer` noncurrent versions are newer than it."""
    due: list[str] = []
    for rule in rules:
        if rule.get("NoncurrentVersionTransitions") and applies(rule, facts):
            due += [
                action["StorageClass"]
                for action in rule["NoncurrentVersionTransitions"]
                if after_days(since_ms, action.get("NoncurrentDays", 0)) <= now_ms
                and newer >= action.get("NewerNoncurrentVersions", 0)
                and _large_enough(rule, facts.size, action["StorageClass"], minimum)
            ]
    return _deepest(due, facts.storage_class)


def _deepest(due: list[str], now_in: str) -> str | None:
    deepest = max(due, key=lambda name: WATERFALL.get(name, 0), default=None)
    if deepest is None or WATERFALL.get(deepest, 0) <= WATERFALL.get(now_in, 0):
        return None
    return deepest


def _large_enough(rule: Rule, size: int, target: str, minimum: str) -> bool:
    """Small objects stay where they are, unless the rule itself speaks of sizes."""
    filters = rule.get("Filter") or {}
    both = filters.get("And") or filters
    if size >= SMALL or "ObjectSizeGreaterThan" in both or "ObjectSizeLessThan" in both:
        return True
    return minimum != DEFAULT_MINIMUM and target in _ARCHIVES


def noncurrent_expires(rules: Iterable[Rule], facts: Facts, since_ms: int, newer: int, now_ms: int) -> bool:
    """Whether a version that is noncurrent since `since_ms` has expired."""
    for rule in rules:
        action = rule.get("NoncurrentVersionExpiration")
        if (
            action
            and newer >= action.get("NewerNoncurrentVersions", 0)
            and after_days(since_ms, action["NoncurrentDays"]) <= now_ms
            and applies(rule, facts)
        ):
            return True
    return False


def removes_lone_marker(rules: Iterable[Rule], key: str, modified_ms: int, now_ms: int) -> bool:
    """Whether a delete marker with no versions behind it goes: by its own rule, or by that of an expiration."""
    for rule in rules:
        action = rule.get("Expiration")
        if not action or not key.startswith(prefix_of(rule)):
            continue
        filters = rule.get("Filter") or {}
        both = filters.get("And") or filters
        if both.get("Tags") or filters.get("Tag") or any(name.startswith("ObjectSize") for name in both):
            continue
        if action.get("ExpiredObjectDeleteMarker"):
            return True
        due = _due(action, modified_ms)
        if due is not None and due <= now_ms:
            return True
    return False


def abort_of(rules: Iterable[Rule], key: str, started_ms: int) -> Expiration | None:
    """When an upload that is not completed is aborted, and by which rule."""
    found: Expiration | None = None
    for rule in rules:
        action = rule.get("AbortIncompleteMultipartUpload")
        if not action or not key.startswith(prefix_of(rule)):
            continue
        due = after_days(started_ms, action["DaysAfterInitiation"])
        if found is None or due < found.due_ms:
            found = Expiration(due, rule.get("ID", ""))
    return found
