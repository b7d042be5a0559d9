"""Log groups, their retention and their keys."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ballroom.kernel import NotImplementedHere, Request, Response, Tx, operation
from ballroom.services.logs.errors import InvalidParameter, OperationRefused, ResourceAlreadyExists
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import (
    LogGroup,
    MetricFilter,
    Size,
    SubscriptionFilter,
    find_group,
    group_arn,
    key,
    load_group,
    name_of,
    next_number,
    put_group,
)
from ballroom.services.logs.sweeping import drop_group, start_retention

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
_DELIVERY_DAYS = 2


def add_group(tx: Tx, name: str, **settings: Any) -> LogGroup:
    """Store a new group of that name."""
    group = LogGroup(name, next_number(tx), tx.now_ms, **settings)
    put_group(tx, group)
    return group


@operation("CreateLogGroup")
def create_log_group(tx: Tx, request: Request) -> Response:
    """Create an empty log group.

    Raises:
        ResourceAlreadyExists: the name is taken.
        InvalidParameter: the name begins with `aws/`.

    Source: CloudWatch Logs API Reference, CreateLogGroup.
    """
    name = request["logGroupName"]
    if name.lower().startswith("aws/"):
        raise InvalidParameter("Log groups starting with AWS/ are reserved for AWS.")
    if find_group(tx, name) is not None:
        raise ResourceAlreadyExists("The specified log group already exists")
    group_class = request.get("logGroupClass", "STANDARD")
    group = add_group(
        tx, name, group_class=group_class, kms_key=request.get("kmsKeyId", ""),
        protected=request.get("deletionProtectionEnabled", False), tags=request.get("tags", {}),
        retention_days=_DELIVERY_DAYS if group_class == "DELIVERY" else 0,
    )
    if group.retention_days:
        start_retention(tx, group)
    return {}


@operation("DeleteLogGroup")
def delete_log_group(tx: Tx, request: Request) -> Response:
    """Delete a group with all its streams, events and filters.

    Raises:
        OperationRefused: it is protected from deletion.

    Source: CloudWatch Logs API Reference, DeleteLogGroup.
    """
    group = load_group(tx, request["logGroupName"])
    if group.protected:
        raise OperationRefused(
            f"Log group {group.name} has deletion protection enabled and cannot be deleted."
        )
    for metric in tx.scan_prefix(MetricFilter, key(tx, "metric-filter", group.name)):
        tx.delete(key(tx, "metric-filter", group.name, metric.name))
    for subscription in tx.scan_prefix(SubscriptionFilter, key(tx, "subscription", group.name)):
        tx.delete(key(tx, "subscription", group.name, subscription.name))
    tx.delete(key(tx, "group", group.name))
    drop_group(tx, group.number)
    return {}


def _show(tx: Tx, group: LogGroup) -> dict[str, Any]:
    arn = group_arn(tx, group.name)
    size = tx.get(Size, key(tx, "size", group.number))
    shown: dict[str, Any] = {
        "logGroupName": group.name, "creationTime": group.created_ms,
        "metricFilterCount": group.metric_filters, "arn": f"{arn}:*",
        "storedBytes": size.stored if size is not None else 0, "logGroupClass": group.group_class,
        "logGroupArn": arn, "deletionProtectionEnabled": group.protected,
    }
    if group.retention_days:
        shown["retentionInDays"] = group.retention_days
    if group.kms_key:
        shown["kmsKeyId"] = group.kms_key
    return shown


@operation("DescribeLogGroups")
def describe_log_groups(tx: Tx, request: Request) -> Response:
    """Groups by name, as a prefix, a part of the name or a class select them.

    Raises:
        InvalidParameter: both a prefix and a pattern are given.

    Source: CloudWatch Logs API Reference, DescribeLogGroups.
    """
    _refuse_linked(request)
    prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise InvalidParameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    group_class = request.get("logGroupClass")
    if "accountIdentifiers" in request and tx.account not in request["accountIdentifiers"]:
        return {"logGroups": []}
    if "logGroupIdentifiers" in request:
        names = {name_of(identifier) for identifier in request["logGroupIdentifiers"]}
        found = [group for name in sorted(names) if (group := find_group(tx, name)) is not None]
        return {"logGroups": [_show(tx, group) for group in found]}
    return page(
        tx, request, "logGroups", LogGroup, key(tx, "group"), lambda group: _show(tx, group), begins=prefix,
        keep=lambda group: pattern in group.name and group_class in (None, group.group_class),
    )


@operation("ListLogGroups")
def list_log_groups(tx: Tx, request: Request) -> Response:
    """Groups by name, as alternatives of up to 24 characters each select them.

    Source: CloudWatch Logs API Reference, ListLogGroups.
    """
    _refuse_linked(request)
    for member in ("dataSources", "fieldIndexNames"):
        if member in request:
            raise NotImplementedHere(f"Ballroom does not implement {member} of logs:ListLogGroups.")
    pattern = re.compile(request.get("logGroupNamePattern", ""))  # the model allows names, ^ and | only
    group_class, tags = request.get("logGroupClass"), request.get("logGroupTags", [])

    def keep(group: LogGroup) -> bool:
        return (
            pattern.search(group.name) is not None
            and group_class in (None, group.group_class)
            and all(
                tag["key"] in group.tags
                and (not tag.get("values") or group.tags[tag["key"]] in tag["values"])
                for tag in tags
            )
        )

    return page(
        tx, request, "logGroups", LogGroup, key(tx, "group"),
        lambda group: {
            "logGroupName": group.name, "logGroupArn": group_arn(tx, group.name),
            "logGroupClass": group.group_class,
        },
        keep=keep,
    )


def _refuse_linked(request: Request) -> None:
    if request.get("includeLinkedAccounts"):
        raise NotImplementedHere("Ballroom has no linked accounts: includeLinkedAccounts is not supported.")


@operation("PutRetentionPolicy")
def put_retention_policy(tx: Tx, request: Request) -> Response:
    """Keep a group's events for so many days; older ones disappear at once and go in the background.

    Raises:
        InvalidParameter: not one of the numbers that AWS allows.

    Source: CloudWatch Logs API Reference, PutRetentionPolicy.
    """
    days = request["retentionInDays"]
    if days not in RETENTION_DAYS:
        allowed = ", ".join(map(str, RETENTION_DAYS))
        raise InvalidParameter(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{allowed}]"
        )
    group = load_group(tx, request["logGroupName"])
    group = replace(group, retention_days=days, retention=group.retention + 1)
    put_group(tx, group)
    start_retention(tx, group)
    return {}


@operation("DeleteRetentionPolicy")
def delete_retention_policy(tx: Tx, request: Request) -> Response:
    """Keep a group's events for ever.

    Source: CloudWatch Logs API Reference, DeleteRetentionPolicy.
    """
    group = load_group(tx, request["logGroupName"])
    put_group(tx, replace(group, retention_days=0, retention=group.retention + 1))
    return {}


@operation("PutLogGroupDeletionProtection")
def put_log_group_deletion_protection(tx: Tx, request: Request) -> Response:
    """Protect a group from being deleted, or no longer.

    Source: CloudWatch Logs API Reference, PutLogGroupDeletionProtection.
    """
    group = load_group(tx, name_of(request["logGroupIdentifier"]))
    put_group(tx, replace(group, protected=request["deletionProtectionEnabled"]))
    return {}


def _identified(tx: Tx, request: Request) -> LogGroup:
    if "resourceIdentifier" in request and ":query-result:" in request["resourceIdentifier"]:
        raise NotImplementedHere("Ballroom keeps no query results, so no KMS key can be set for them.")
    return load_group(tx, request.get("logGroupName") or name_of(request.get("resourceIdentifier", "")))


@operation("AssociateKmsKey")
def associate_kms_key(tx: Tx, request: Request) -> Response:
    """Note a group's KMS key; events are not encrypted with it.

    Source: CloudWatch Logs API Reference, AssociateKmsKey.
    """
    put_group(tx, replace(_identified(tx, request), kms_key=request["kmsKeyId"]))
    return {}


@operation("DisassociateKmsKey")
def disassociate_kms_key(tx: Tx, request: Request) -> Response:
    """Forget a group's KMS key.

    Source: CloudWatch Logs API Reference, DisassociateKmsKey.
    """
    put_group(tx, replace(_identified(tx, request), kms_key=""))
    return {}
