"""What a state machine is configured with besides its definition: logging, tracing, encryption, tags.

Tracing and encryption are checked, stored and read back, and have no effect.

Source: API Reference, LoggingConfiguration, TracingConfiguration, EncryptionConfiguration.
"""

from __future__ import annotations

from typing import Any

from ballroom.kernel import ServiceError, Tx
from ballroom.kernel.arn import find_arn

from .errors import InvalidEncryptionConfiguration, InvalidLoggingConfiguration, TooManyTags

MOST_TAGS = 50


def logging_of(tx: Tx, given: dict[str, Any] | None) -> dict[str, Any]:
    """The logging configuration as it is stored and described.

    Raises:
        InvalidLoggingConfiguration: more or less than one destination, or one that does not exist.
    """
    logging = {"level": "OFF", "includeExecutionData": False, **(given or {})}
    destinations = logging.get("destinations")
    if logging["level"] == "OFF" and not destinations:
        return logging
    if not destinations or len(destinations) != 1:
        raise InvalidLoggingConfiguration("Must specify exactly one Log Destination.")
    arn = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    group = log_group_of(arn)
    if group is None:
        raise InvalidLoggingConfiguration(f"Log Destination is not valid: {arn}")
    if not _exists(tx, group):
        raise InvalidLoggingConfiguration("Log Destination not found.")
    return logging


def log_group_of(arn: str) -> str | None:
    """The name of the log group that an ARN (`...:log-group:NAME:*`) names."""
    found = find_arn(arn)
    if found is None or found.service != "logs" or not found.resource.startswith("log-group:"):
        return None
    name = found.resource.removeprefix("log-group:")
    return name.removesuffix(":*") if name.endswith(":*") else None


def _exists(tx: Tx, group: str) -> bool:
    try:
        found = tx.call("logs", "DescribeLogGroups", {"logGroupNamePrefix": group})
    except ServiceError:
        return False
    return any(one["logGroupName"] == group for one in found.get("logGroups", ()))


def encryption_of(given: dict[str, Any] | None) -> dict[str, Any]:
    """The encryption configuration as it is stored; empty: none was given.

    Raises:
        InvalidEncryptionConfiguration: a key without its type, or the other way round.
    """
    if not given:
        return {}
    customer = given.get("type") == "CUSTOMER_MANAGED_KMS_KEY"
    if customer and not given.get("kmsKeyId"):
        raise InvalidEncryptionConfiguration("kmsKeyId must be specified for CUSTOMER_MANAGED_KMS_KEY")
    if not customer and (given.get("kmsKeyId") or given.get("kmsDataKeyReusePeriodSeconds")):
        raise InvalidEncryptionConfiguration("kmsKeyId must not be specified for AWS_OWNED_KEY")
    if customer and "kmsDataKeyReusePeriodSeconds" not in given:
        return {**given, "kmsDataKeyReusePeriodSeconds": 300}
    return dict(given)


def tags_of(given: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as a map.

    Raises:
        TooManyTags: more than 50.
    """
    tags = {tag.get("key", ""): tag.get("value", "") for tag in given or ()}
    if len(tags) > MOST_TAGS:
        raise TooManyTags
    return tags
