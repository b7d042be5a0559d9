"""Subscription filters: events that match go to a function."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, ServiceError, Tx, operation
from ballroom.kernel.arn import find_arn
from ballroom.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from ballroom.services.logs.operations.events import compiled
from ballroom.services.logs.operations.metric_filters import INVALID, refuse_unsupported
from ballroom.services.logs.paging import page
from ballroom.services.logs.resources import SubscriptionFilter, key, load_group, put_group

_PER_GROUP = 2


@operation("PutSubscriptionFilter")
def put_subscription_filter(tx: Tx, request: Request) -> Response:
    """Send events that match to a function, from now on; replaces the filter of that name.

    Raises:
        InvalidParameter: the pattern, or a destination that cannot be reached.
        LimitExceeded: the group has two.

    Source: CloudWatch Logs API Reference, PutSubscriptionFilter.
    """
    refuse_unsupported(request, "PutSubscriptionFilter", "fieldSelectionCriteria", "emitSystemFields")
    group = load_group(tx, request["logGroupName"])
    compiled(request["filterPattern"], INVALID)
    name = request["filterName"]
    if tx.get(SubscriptionFilter, key(tx, "subscription", group.name, name)) is None:
        if group.subscriptions >= _PER_GROUP:
            raise LimitExceeded()
        put_group(tx, replace(group, subscriptions=group.subscriptions + 1))
    _check_destination(tx, request["destinationArn"])
    found = SubscriptionFilter(
        name, group.name, request["filterPattern"], tx.now_ms, request["destinationArn"],
        request.get("roleArn", ""), request.get("distribution", "ByLogStream"),
        request.get("applyOnTransformedLogs", False),
    )
    tx.put(key(tx, "subscription", group.name, name), found)
    return {}


def _check_destination(tx: Tx, destination: str) -> None:
    """Only functions can be reached yet; the texts are AWS's for destinations that do not answer.

    Raises:
        InvalidParameter: it is no function that exists.
    """
    arn = find_arn(destination)
    if arn is None:
        raise InvalidParameter("Invalid destination ARN")
    if arn.service == "kinesis":
        raise InvalidParameter(
            "Could not deliver test message to specified Kinesis stream. "
            "Check if the given kinesis stream is in ACTIVE state. "
        )
    if arn.service == "firehose":
        raise InvalidParameter(
            "Could not deliver test message to specified Firehose stream. "
            "Check if the given Firehose stream is in ACTIVE state. "
        )
    if arn.service != "lambda":
        raise InvalidParameter(
            f"PutSubscriptionFilter operation cannot work with destinationArn for vendor {arn.service}"
        )
    there = tx.caller.acting("logs.amazonaws.com", account=arn.account, region=arn.region)
    try:
        tx.call("lambda", "GetFunctionConfiguration", {"FunctionName": destination}, caller=there)
    except ServiceError:
        raise InvalidParameter(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission "
            "to execute your function."
        ) from None


def _show(found: SubscriptionFilter) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "filterName": found.name, "logGroupName": found.group, "filterPattern": found.pattern,
        "destinationArn": found.destination, "distribution": found.distribution,
        "creationTime": found.created_ms, "applyOnTransformedLogs": found.on_transformed,
    }
    if found.role:
        shown["roleArn"] = found.role
    return shown


@operation("DescribeSubscriptionFilters")
def describe_subscription_filters(tx: Tx, request: Request) -> Response:
    """A group's subscription filters, by name.

    Source: CloudWatch Logs API Reference, DescribeSubscriptionFilters.
    """
    group = load_group(tx, request["logGroupName"])
    return page(
        tx, request, "subscriptionFilters", SubscriptionFilter, key(tx, "subscription", group.name), _show,
        begins=request.get("filterNamePrefix", ""),
    )


@operation("DeleteSubscriptionFilter")
def delete_subscription_filter(tx: Tx, request: Request) -> Response:
    """Stop sending.

    Source: CloudWatch Logs API Reference, DeleteSubscriptionFilter.
    """
    group = load_group(tx, request["logGroupName"])
    where = key(tx, "subscription", group.name, request["filterName"])
    if tx.get(SubscriptionFilter, where) is None:
        raise ResourceNotFound("The specified subscription filter does not exist.")
    tx.delete(where)
    put_group(tx, replace(group, subscriptions=group.subscriptions - 1))
    return {}
