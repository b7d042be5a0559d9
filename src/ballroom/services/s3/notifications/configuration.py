"""Notification configurations: checked, normalised, and which of them an event is for. Pure.

Source: S3 User Guide, "Amazon S3 Event Notifications", "Configuring event notifications using object key
name filtering"; recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

from ballroom.kernel.arn import find_arn
from ballroom.services.s3.errors import InvalidArgument, MalformedXml

KINDS = (
    ("QueueConfigurations", "QueueArn", "Queue", "sqs"),
    ("TopicConfigurations", "TopicArn", "Topic", "sns"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "CloudFunction", "lambda"),
)
"""Member, its member with the ARN, what S3 calls that in errors, the service."""
_FAMILIES: dict[str, tuple[str, ...]] = {
    "s3:ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "s3:ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
    "s3:ObjectRestore": ("Post", "Completed", "Delete"),
    "s3:Replication": (
        "OperationFailedReplication", "OperationNotTracked", "OperationMissedThreshold",
        "OperationReplicatedAfterThreshold",
    ),
    "s3:LifecycleExpiration": ("Delete", "DeleteMarkerCreated"),
    "s3:ObjectTagging": ("Put", "Delete"),
    "s3:ObjectAnnotation": ("Put", "Delete"),
}  # fmt: skip
EVENTS = frozenset(
    {f"{family}:{kind}" for family, kinds in _FAMILIES.items() for kind in (*kinds, "*")}
    | {
        "s3:ReducedRedundancyLostObject", "s3:LifecycleTransition", "s3:IntelligentTiering",
        "s3:ObjectAcl:Put", "s3:ObjectRetention:Put",
    }
)  # fmt: skip
_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)
_SAME = "Configurations overlap. Configurations on the same bucket cannot share a common event type."


class Destination(NamedTuple):
    """One rule of a configuration: what it is for, and whom it tells."""

    service: str
    arn: str
    id: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def wants(self, event: str, key: str) -> bool:
        """Whether it is told of an event (`ObjectCreated:Put`) of a key."""
        name = f"s3:{event}"
        family = f"{name.rpartition(':')[0]}:*"
        return (
            any(one in (name, family) for one in self.events)
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )


def normalised(configuration: dict[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    """The configuration as it is kept: ids given, filter names spelt as S3 answers them.

    Raises:
        InvalidArgument, MalformedXml: with S3's texts.
    """
    kept: dict[str, Any] = {}
    for member, arn_member, name, service in KINDS:
        rules = configuration.get(member)
        if not rules:
            continue
        kept[member] = [_rule(rule, arn_member, name, service, new_id) for rule in rules]
    if "EventBridgeConfiguration" in configuration:
        kept["EventBridgeConfiguration"] = {}
    _check_overlap(destinations(kept))
    return kept


def _rule(
    rule: dict[str, Any], arn_member: str, name: str, service: str, new_id: Callable[[], str]
) -> dict[str, Any]:
    if not rule.get("Events") or rule.get(arn_member) is None:
        raise MalformedXml()
    arn = find_arn(rule[arn_member])
    if arn is None or arn.service != service:
        raise InvalidArgument(
            "The ARN could not be parsed" if arn is None else "The ARN is not well formed",
            ArgumentName=name, ArgumentValue=rule[arn_member],
        )  # fmt: skip
    for event in rule["Events"]:
        if event not in EVENTS:
            raise InvalidArgument(
                "A specified event is not supported for notifications",
                ArgumentName="Event", ArgumentValue=event,
            )  # fmt: skip
    identity = rule.get("Id") or new_id()
    if len(identity) > 255:
        raise InvalidArgument("Id length should not exceed allowed limit of 255")
    kept: dict[str, Any] = {"Id": identity, arn_member: rule[arn_member], "Events": list(rule["Events"])}
    filters = rule.get("Filter")
    if filters:
        rules = (filters.get("Key") or {}).get("FilterRules")
        if rules is not None:
            kept["Filter"] = {"Key": {"FilterRules": _filter_rules(rules)}}
    return kept


def _filter_rules(rules: list[dict[str, Any]]) -> list[dict[str, str]]:
    kept: dict[str, str] = {}
    for rule in rules:
        name, value = rule.get("Name"), rule.get("Value")
        if name is None or value is None:
            raise MalformedXml()
        spelt = name.capitalize()
        if spelt not in ("Prefix", "Suffix"):
            raise InvalidArgument(
                "filter rule name must be either prefix or suffix",
                ArgumentName="FilterRule.Name", ArgumentValue=name,
            )  # fmt: skip
        if spelt in kept:
            raise InvalidArgument(
                f"Cannot specify more than one {spelt.lower()} rule in a filter.",
                ArgumentName="FilterRule.Name", ArgumentValue=spelt.lower(),
            )  # fmt: skip
        if len(value.encode()) > 1024:
            raise InvalidArgument(
                "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
                ArgumentName="FilterRule.Value", ArgumentValue=value[:256],
            )  # fmt: skip
        kept[spelt] = value
    return [{"Name": name, "Value": value} for name, value in kept.items()]


def destinations(configuration: dict[str, Any]) -> list[Destination]:
    """The rules of a kept configuration."""
    found = []
    for member, arn_member, _, service in KINDS:
        for rule in configuration.get(member) or ():
            rules = ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
            values = {one["Name"]: one["Value"] for one in rules}
            found.append(
                Destination(
                    service, rule[arn_member], rule["Id"], tuple(rule["Events"]),
                    values.get("Prefix", ""), values.get("Suffix", ""),
                )
            )  # fmt: skip
    return found


def _check_overlap(rules: list[Destination]) -> None:
    for one, other in combinations(rules, 2):
        if not _share(one.events, other.events):
            continue
        prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
        suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
        if prefixes and suffixes:
            filtered = any((one.prefix, one.suffix, other.prefix, other.suffix))
            raise InvalidArgument(_OVERLAP if filtered else _SAME)


def _share(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not _expanded(one).isdisjoint(_expanded(other))


def _expanded(events: tuple[str, ...]) -> set[str]:
    found = set()
    for event in events:
        family, _, kind = event.rpartition(":")
        if kind == "*":
            found |= {f"{family}:{one}" for one in _FAMILIES[family]}
        else:
            found.add(event)
    return found
