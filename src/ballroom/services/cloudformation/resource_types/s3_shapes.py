"""The properties of `AWS::S3::Bucket` in the shapes of S3's operations. Pure.

CloudFormation spells many of them otherwise than S3's API does.

Source: CloudFormation User Guide, "AWS::S3::Bucket"; S3 API Reference.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..template.values import as_text
from .base import Failure

Shape = dict[str, Any]


def renamed(value: Any, **names: str) -> Shape:
    """A structure with some of its members under other names."""
    if not isinstance(value, dict):
        raise Failure(f"Model validation failed (expected type: JSONObject, found: {type(value).__name__})")
    return {str(names.get(name, name)): item for name, item in value.items()}


def cors(value: Any) -> Shape:
    """CorsConfiguration."""
    rules = value.get("CorsRules") or []
    names = {"Id": "ID", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [renamed(rule, **names) for rule in rules]}


def encryption(value: Any) -> Shape:
    """BucketEncryption."""
    rules = value.get("ServerSideEncryptionConfiguration") or []
    return {
        "Rules": [renamed(r, ServerSideEncryptionByDefault="ApplyServerSideEncryptionByDefault") for r in rules]
    }


def accelerate(value: Any) -> Shape:
    """AccelerateConfiguration."""
    return renamed(value, AccelerationStatus="Status")


def canned_acl(value: Any) -> str:
    """AccessControl: `PublicRead` is `public-read`."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in as_text(value))
    return words.lstrip("-")


def logging(value: Any, bucket: str) -> Shape:
    """LoggingConfiguration; without a target the bucket logs to itself."""
    fitted = renamed(value, DestinationBucketName="TargetBucket", LogFilePrefix="TargetPrefix")
    return {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "", **fitted}}


def website(value: Any) -> Shape:
    """WebsiteConfiguration."""
    fitted = dict(value)
    if "IndexDocument" in fitted:
        fitted["IndexDocument"] = {"Suffix": fitted["IndexDocument"]}
    if "ErrorDocument" in fitted:
        fitted["ErrorDocument"] = {"Key": fitted["ErrorDocument"]}
    if "RoutingRules" in fitted:
        fitted["RoutingRules"] = [
            renamed(rule, RedirectRule="Redirect", RoutingRuleCondition="Condition")
            for rule in fitted["RoutingRules"]
        ]
    return fitted


# --- filters


def _filter(value: Shape, *more: str) -> Shape | None:
    """Prefix, tags and sizes as S3's one-of filter; they are taken out of `value`."""
    found: Shape = {}
    if "Prefix" in value:
        found["Prefix"] = value.pop("Prefix")
    tags = value.pop("TagFilters", None) or []
    for name in more:
        if name in value:
            found[name] = value.pop(name)
    if len(found) + len(tags) > 1:
        return {"And": {**found, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return found or None


def _filtered(value: Any, *more: str) -> Shape:
    fitted = dict(value)
    found = _filter(fitted, *more)
    return fitted if found is None else {**fitted, "Filter": found}


def metrics(value: Any) -> Shape:
    """One of MetricsConfigurations."""
    return _filtered(value, "AccessPointArn")


def tiering(value: Any) -> Shape:
    """One of IntelligentTieringConfigurations."""
    return _filtered(value)


def _destination(value: Any) -> Shape:
    return {"S3BucketDestination": renamed(value, BucketArn="Bucket", BucketAccountId="AccountId")}


def analytics(value: Any) -> Shape:
    """One of AnalyticsConfigurations."""
    fitted = _filtered(value)
    export = (fitted.get("StorageClassAnalysis") or {}).get("DataExport")
    if export is not None:
        target = renamed(export["Destination"], BucketArn="Bucket", BucketAccountId="BucketAccountId")
        fitted["StorageClassAnalysis"] = {
            "DataExport": {**export, "Destination": {"S3BucketDestination": target}}
        }
    return fitted


def inventory(value: Any) -> Shape:
    """One of InventoryConfigurations."""
    fitted = renamed(value, Enabled="IsEnabled")
    if "ScheduleFrequency" in fitted:
        fitted["Schedule"] = {"Frequency": fitted.pop("ScheduleFrequency")}
    if "Prefix" in fitted:
        fitted["Filter"] = {"Prefix": fitted.pop("Prefix")}
    if "Destination" in fitted:
        fitted["Destination"] = _destination(fitted["Destination"])
    return fitted


# --- lifecycle


def lifecycle(value: Any) -> Shape:
    """LifecycleConfiguration, its rules only."""
    return {"Rules": [_rule(dict(rule)) for rule in value.get("Rules") or []]}


def _rule(rule: Shape) -> Shape:
    fitted: Shape = {}
    found = _filter(rule, "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    fitted["Filter"] = found or {"Prefix": ""}
    expiration: Shape = {}
    for name, member in (
        ("ExpirationInDays", "Days"), ("ExpirationDate", "Date"),
        ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
    ):  # fmt: skip
        if name in rule:
            value = rule.pop(name)
            expiration[member] = _moment(value) if member == "Date" else value
    if expiration:
        fitted["Expiration"] = expiration
    transitions = _many(rule, "Transitions", "Transition")
    if transitions:
        fitted["Transitions"] = [_transition(one) for one in transitions]
    if "NoncurrentVersionExpirationInDays" in rule:
        days = rule.pop("NoncurrentVersionExpirationInDays")
        fitted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    older = _many(rule, "NoncurrentVersionTransitions", "NoncurrentVersionTransition")
    if older:
        fitted["NoncurrentVersionTransitions"] = [
            renamed(one, TransitionInDays="NoncurrentDays") for one in older
        ]
    return {**renamed(rule, Id="ID"), **fitted}


def _many(rule: Shape, many: str, one: str) -> list[Any]:
    found = list(rule.pop(many, None) or [])
    return [*found, rule.pop(one)] if one in rule else found


def _transition(value: Any) -> Shape:
    fitted = renamed(value, TransitionInDays="Days", TransitionDate="Date")
    if "Date" in fitted:
        fitted["Date"] = _moment(fitted["Date"])
    return fitted


def _moment(value: Any) -> int:
    """Milliseconds of a date in a template."""
    text = as_text(value)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"Model validation failed (expected type: timestamp, found: {text})") from None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)


# --- notifications


_NOTIFIED = (
    ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
    ("TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"),
)


def notification(value: Any) -> Shape:
    """NotificationConfiguration."""
    fitted: Shape = {}
    for name, member, target, arn in _NOTIFIED:
        if value.get(name):
            fitted[member] = [_notified(rule, target, arn) for rule in value[name]]
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and as_text(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        fitted["EventBridgeConfiguration"] = {}
    return fitted


def _notified(rule: Any, target: str, arn: str) -> Shape:
    fitted: Shape = {arn: rule[target], "Events": [rule["Event"]]}
    if "Filter" in rule:
        fitted["Filter"] = {"Key": {"FilterRules": (rule["Filter"].get("S3Key") or {}).get("Rules") or []}}
    return fitted


IDENTIFIED: dict[str, tuple[str, str, Callable[[Any], Shape]]] = {
    "AnalyticsConfigurations": ("BucketAnalyticsConfiguration", "AnalyticsConfiguration", analytics),
    "IntelligentTieringConfigurations": (
        "BucketIntelligentTieringConfiguration", "IntelligentTieringConfiguration", tiering,
    ),
    "InventoryConfigurations": ("BucketInventoryConfiguration", "InventoryConfiguration", inventory),
    "MetricsConfigurations": ("BucketMetricsConfiguration", "MetricsConfiguration", metrics),
}  # fmt: skip
"""Lists of configurations with ids: the operations' noun, their member, the shape of one."""
