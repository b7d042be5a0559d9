"""CloudWatch Logs against what AWS answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballroom.kernel import Caller, ServiceError, registry
from ballroom.kernel.registry import Operation
from tests.cloud import Cloud
from tests.vectors.recorded import Case, assert_same, cases, needs_recordings

ACCOUNT = "111111111111"
GROUP = "group"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
STREAM_ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/r"


class Logs:
    """CloudWatch Logs of the recorded account: `logs("Operation", ...)`, `logs.error("Operation", ...)`."""

    def __init__(self, cloud: Cloud, me: Caller) -> None:
        self.cloud, self.me = cloud, me

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.cloud.call("logs", operation, self.me, **request)

    def error(self, operation: str, **request: Any) -> Any:
        return self.cloud.error("logs", operation, self.me, **request)


Steps = Callable[[Logs], dict[str, Any]]


def group(logs: Logs, **settings: Any) -> str:
    logs("CreateLogGroup", logGroupName=GROUP, **settings)
    return GROUP


def streams(logs: Logs, *names: str) -> None:
    group(logs)
    for name in names:
        logs("CreateLogStream", logGroupName=GROUP, logStreamName=name)


# -- deliveries ----------------------------------------------------------------------------------------


def delivery_destination(logs: Logs, bucket: str) -> dict[str, Any]:
    configuration = {"destinationResourceArn": f"arn:aws:s3:::{bucket}"}
    return logs("PutDeliveryDestination", name="dd", deliveryDestinationConfiguration=configuration)


def update_delivery_destination(logs: Logs) -> dict[str, Any]:
    delivery_destination(logs, "first")
    return {"put-delivery-destination-update": delivery_destination(logs, "second")}


def get_delivery_destination(logs: Logs) -> dict[str, Any]:
    delivery_destination(logs, "bucket")
    return {"get-delivery-destination": logs("GetDeliveryDestination", name="dd")}


def delete_delivery_destination(logs: Logs) -> dict[str, Any]:
    delivery_destination(logs, "bucket")
    logs("DeleteDeliveryDestination", name="dd")
    return {"error-after-delete": logs.error("GetDeliveryDestination", name="dd")}


def put_delivery_policy(logs: Logs) -> dict[str, Any]:
    delivery_destination(logs, "bucket")
    kinds = ("delivery-source", "delivery", "delivery-destination")
    statement = {
        "Sid": "AllowLogDeliveryActions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "logs:CreateDelivery",
        "Resource": [f"arn:aws:logs:us-east-1:{ACCOUNT}:{kind}:*" for kind in kinds],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return logs("PutDeliveryDestinationPolicy", deliveryDestinationName="dd", deliveryDestinationPolicy=policy)


def get_delivery_policy(logs: Logs) -> dict[str, Any]:
    put_delivery_policy(logs)
    return {
        "get-delivery-destination-policy": logs("GetDeliveryDestinationPolicy", deliveryDestinationName="dd")
    }


# -- destinations --------------------------------------------------------------------------------------


def put_destination(logs: Logs, target: str = STREAM_ARN) -> dict[str, Any]:
    return logs("PutDestination", destinationName="d", targetArn=target, roleArn=ROLE_ARN)


def describe_destinations(logs: Logs) -> dict[str, Any]:
    return logs("DescribeDestinations", DestinationNamePrefix="d")


def update_destination(logs: Logs) -> dict[str, Any]:
    put_destination(logs)
    before = describe_destinations(logs)
    put_destination(logs)
    return {"original-description": before, "updated-description": describe_destinations(logs)}


def destination_policy(logs: Logs) -> dict[str, Any]:
    put_destination(logs)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "logs.amazonaws.com"},
        "Action": "logs:PutSubscriptionFilter",
        "Resource": STREAM_ARN,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = logs("PutDestinationPolicy", destinationName="d", accessPolicy=policy)
    return {"put-destination-policy": put, "destination-with-policy": describe_destinations(logs)}


def destination_tags(logs: Logs) -> dict[str, Any]:
    arn = put_destination(logs)["destination"]["arn"]
    logs("TagResource", resourceArn=arn, tags={"key1": "val1", "key2": "val2"})
    added = logs("ListTagsForResource", resourceArn=arn)
    logs("UntagResource", resourceArn=arn, tagKeys=["key2"])
    removed = logs("ListTagsForResource", resourceArn=arn)
    return {"list-tags-after-add": added, "list-tags-after-remove": removed}


def one_destination(logs: Logs) -> dict[str, Any]:
    put_destination(logs)
    return {"describe-destinations": describe_destinations(logs)}


# -- events --------------------------------------------------------------------------------------------


def wrong_order(logs: Logs) -> dict[str, Any]:
    streams(logs, "s")
    now = logs.cloud.clock.now_ms
    events = [{"timestamp": now + n, "message": "m"} for n in (1, 0)]
    place = {"logGroupName": GROUP, "logStreamName": "s"}
    return {"error-wrong-order": logs.error("PutLogEvents", **place, logEvents=events)}


def missing_places(logs: Logs) -> dict[str, Any]:
    place = {"logGroupName": GROUP, "logStreamName": "s"}
    no_group = logs.error("GetLogEvents", **place)
    group(logs)
    return {
        "error-log-group-does-not-exist": no_group,
        "error-log-stream-does-not-exist": logs.error("GetLogEvents", **place),
    }


def unknown_token(logs: Logs) -> dict[str, Any]:
    group(logs)
    return {"invalid-token": logs.error("FilterLogEvents", logGroupName=GROUP, nextToken="invalid-token")}


def too_many_wanted(logs: Logs) -> dict[str, Any]:
    group(logs)
    return {"error-limit-exceeded": logs.error("FilterLogEvents", logGroupName=GROUP, limit=10001)}


# -- groups and streams --------------------------------------------------------------------------------


def with_kms_key(logs: Logs) -> dict[str, Any]:
    group(logs, kmsKeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k")
    return {"describe-log-groups-with-kms": logs("DescribeLogGroups", logGroupNamePrefix=GROUP)}


def long_name(logs: Logs) -> dict[str, Any]:
    return {"error-invalid-name-length": logs.error("CreateLogGroup", logGroupName="x" * 513)}


def group_tags(logs: Logs) -> dict[str, Any]:
    group(logs, tags={"env": "testing"})
    return {"list-tags-after-create": logs("ListTagsLogGroup", logGroupName=GROUP)}


def untag_group(logs: Logs) -> dict[str, Any]:
    group(logs, tags={"tag_key_1": "tag_value_1", "tag_key_2": "tag_value_2"})
    logs("UntagLogGroup", logGroupName=GROUP, tags=["tag_key_1"])
    return {"list-tags-after-untag": logs("ListTagsLogGroup", logGroupName=GROUP)}


def tag_resource(logs: Logs) -> dict[str, Any]:
    group(logs, tags={"env": "testing1"})
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}"
    answers = {"list-tags-after-create": logs("ListTagsLogGroup", logGroupName=GROUP)}

    def note(after: str) -> None:
        answers[f"list-tags-log-group-after-{after}"] = logs("ListTagsLogGroup", logGroupName=GROUP)
        answers[f"list-tags-for-resource-after-{after}"] = logs("ListTagsForResource", resourceArn=arn)

    logs("TagResource", resourceArn=arn, tags={"test1": "val1", "test2": "val2"})
    note("tag-resource")
    logs("TagLogGroup", logGroupName=GROUP, tags={"test3": "val3"})
    note("tag-log-group")
    logs("UntagLogGroup", logGroupName=GROUP, tags=["env", "test3"])
    logs("UntagResource", resourceArn=arn, tagKeys=["test1"])
    note("untag")
    return answers


def described_streams(key: str, *names: str, **more: Any) -> Steps:
    def steps(logs: Logs) -> dict[str, Any]:
        streams(logs, *names)
        return {key: logs("DescribeLogStreams", logGroupName=GROUP, **more)}

    return steps


# -- metric and subscription filters -------------------------------------------------------------------


def transformation(n: int = 1) -> dict[str, Any]:
    return {"metricName": f"metric{n}", "metricNamespace": f"namespace{n}", "metricValue": "1"}


def json_pattern(logs: Logs) -> dict[str, Any]:
    group(logs)
    logs(
        "PutMetricFilter",
        logGroupName=GROUP,
        filterName="f",
        filterPattern='{$.message = "test"}',
        metricTransformations=[{**transformation(), "defaultValue": 0.0}],
    )
    return {"describe-metric-filters-json": logs("DescribeMetricFilters", logGroupName=GROUP)}


def refused_filter(key: str, **changes: Any) -> Steps:
    def steps(logs: Logs) -> dict[str, Any]:
        group(logs)
        request = {
            "logGroupName": GROUP,
            "filterName": "f",
            "filterPattern": "p",
            "metricTransformations": [transformation()],
            **changes,
        }
        return {key: logs.error("PutMetricFilter", **request)}

    return steps


def refused_deletion(key: str, **changes: Any) -> Steps:
    def steps(logs: Logs) -> dict[str, Any]:
        group(logs)
        return {key: logs.error("DeleteMetricFilter", **{"logGroupName": GROUP, "filterName": "f", **changes})}

    return steps


def refused_descriptions(logs: Logs) -> dict[str, Any]:
    return {
        "error-invalid-filter-prefix": logs.error("DescribeMetricFilters", filterNamePrefix="X" * 513),
        "error-invalid-metric-name": logs.error(
            "DescribeMetricFilters", metricName="X" * 256, metricNamespace="n"
        ),
    }


def subscribe(logs: Logs, name: str, pattern: str = "") -> dict[str, Any]:
    return {
        "logGroupName": GROUP,
        "filterName": name,
        "filterPattern": pattern,
        "destinationArn": FUNCTION,
    }


def no_subscriptions(logs: Logs) -> dict[str, Any]:
    group(logs)
    return {"describe-subscription-filters-empty": logs("DescribeSubscriptionFilters", logGroupName=GROUP)}


def updated_subscription(logs: Logs) -> dict[str, Any]:
    group(logs)
    logs("PutSubscriptionFilter", **subscribe(logs, "test"))
    logs("PutSubscriptionFilter", **subscribe(logs, "test", "[]"))
    return {"updated-filter": logs("DescribeSubscriptionFilters", logGroupName=GROUP)}


def third_subscription(logs: Logs) -> dict[str, Any]:
    group(logs)
    for name in ("test", "test-2"):
        logs("PutSubscriptionFilter", **subscribe(logs, name))
    return {"error-limit-exceeded": logs.error("PutSubscriptionFilter", **subscribe(logs, "test-3"))}


# -- policies, queries, exports ------------------------------------------------------------------------


def resource_policy(logs: Logs, name: str, version: str = "2012-10-17", **statement: Any) -> dict[str, Any]:
    document = json.dumps({"Version": version, "Statement": [{**statement, "Effect": "Allow"}]})
    return logs("PutResourcePolicy", policyName=name, policyDocument=document)


SID = {"Sid": "Route53LogsToCloudWatchLogs", "Action": "logs:PutLogEvents"}
ROUTE_53 = {"Service": "route53.amazonaws.com"}


def put_resource_policy(logs: Logs) -> dict[str, Any]:
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:"
    principal = {"Service": ["route53.amazonaws.com"]}
    return {"put-resource-policy": resource_policy(logs, "p", **SID, Principal=principal, Resource=f"{arn}*")}


def update_resource_policy(logs: Logs) -> dict[str, Any]:
    resource_policy(logs, "p", **SID, Principal=ROUTE_53, Resource="log_arn")
    resource_policy(logs, "p", "2008-10-17", Principal=ROUTE_53, Action="logs:*", Resource="*")
    (found,) = logs("DescribeResourcePolicies")["resourcePolicies"]
    return {"updated-policy": found}


def describe_resource_policies(logs: Logs) -> dict[str, Any]:
    for n in (1, 2, 3):
        resource_policy(logs, f"p{n}", **SID, Principal=ROUTE_53, Resource="log_arn")
    found = logs("DescribeResourcePolicies")
    return {"describe-resource-policies": found, "policies": found["resourcePolicies"]}


def missing_resource_policy(logs: Logs) -> dict[str, Any]:
    return {"error-policy-not-found": logs.error("DeleteResourcePolicy", policyName="non-existent")}


def query_missing_group(logs: Logs) -> dict[str, Any]:
    request_id = "b04848e1-f91e-4ed5-8a00-413d7c60de9e"
    logs.me = logs.cloud.caller(account=ACCOUNT, request_id=request_id)
    error = logs.error("StartQuery", logGroupName="no", startTime=0, endTime=1, queryString="fields @message")
    return {"error-log-group-not-found": error}


def missing_bucket(logs: Logs) -> dict[str, Any]:
    group(logs)
    request = {"logGroupName": GROUP, "from": 0, "to": 1, "destination": "non-existent-bucket"}
    return {"error-bucket-not-found": logs.error("CreateExportTask", **request)}


def one_error(key: str, operation: str, **request: Any) -> Steps:
    return lambda logs: {key: logs.error(operation, **request)}


DELIVERY = "test_logs_delivery.py::"
DESTINATIONS = "test_logs_destinations.py::"
FILTERS = "test_logs_metric_filters.py::TestMetricFilters"
GROUPS = "test_logs_groups.py::TestLogsGroups"
POLICIES = "test_logs_resource_policies.py::TestResourcePolicies::"
STREAMS = "test_logs_streams.py::TestLogsStreams::"
SUBSCRIPTIONS = "test_logs_subscription_filters.py::"
STEPS: dict[str, Steps] = {
    DELIVERY + "TestDeliveryDestinations::test_put_delivery_destination_update": update_delivery_destination,
    DELIVERY + "TestDeliveryDestinations::test_get_delivery_destination": get_delivery_destination,
    DELIVERY + "TestDeliveryDestinations::test_delete_delivery_destination": delete_delivery_destination,
    DELIVERY + "TestDeliveryDestinations::test_delete_delivery_destination_not_found": one_error(
        "error-not-found", "DeleteDeliveryDestination", name="no"
    ),
    DELIVERY + "TestDeliveryDestinationPolicies::test_put_delivery_destination_policy": lambda logs: {
        "put-delivery-destination-policy": put_delivery_policy(logs)
    },
    DELIVERY + "TestDeliveryDestinationPolicies::test_get_delivery_destination_policy": get_delivery_policy,
    DELIVERY + "TestDeliverySources::test_put_delivery_source_invalid_resource": one_error(
        "error-invalid-resource",
        "PutDeliverySource",
        name="s",
        resourceArn="arn:aws:s3:::bucket",
        logType="ACCESS_LOGS",
    ),
    DELIVERY + "TestDeliverySources::test_get_delivery_source_not_found": one_error(
        "error-not-found", "GetDeliverySource", name="no"
    ),
    DESTINATIONS + "TestDestinations::test_put_destination": lambda logs: {
        "put-destination": put_destination(logs)
    },
    DESTINATIONS + "TestDestinations::test_describe_destinations_with_prefix": one_destination,
    DESTINATIONS + "TestDestinations::test_update_destination": update_destination,
    DESTINATIONS + "TestDestinations::test_put_destination_policy": destination_policy,
    DESTINATIONS + "TestDestinationsTags::test_destination_tags": destination_tags,
    "test_logs_events.py::TestLogsEvents::test_put_log_events_wrong_order": wrong_order,
    "test_logs_events.py::TestLogsEventsErrors::test_resource_does_not_exist": missing_places,
    "test_logs_export_tasks.py::TestExportTasks::test_create_export_task_bucket_not_found": missing_bucket,
    "test_logs_export_tasks.py::TestExportTasks::test_cancel_export_task_not_found": one_error(
        "error-cancel-not-found", "CancelExportTask", taskId="no"
    ),
    "test_logs_filter_events.py::TestFilterLogEvents::test_filter_log_events_unknown_token": unknown_token,
    "test_logs_filter_events.py::TestFilterLogEvents::test_filter_log_events_limit_validation": too_many_wanted,
    GROUPS + "::test_create_log_group_with_kms_key": with_kms_key,
    GROUPS + "::test_create_log_group_invalid_name_length": long_name,
    GROUPS + "Tags::test_create_log_group_with_tags": group_tags,
    GROUPS + "Tags::test_untag_log_group": untag_group,
    GROUPS + "Tags::test_tag_resource_api": tag_resource,
    FILTERS + "::test_put_metric_filter_json_pattern": json_pattern,
    FILTERS + "Validation::test_put_metric_filter_invalid_filter_name": refused_filter(
        "error-invalid-filter-name", filterName="X" * 513
    ),
    FILTERS + "Validation::test_put_metric_filter_invalid_filter_pattern": refused_filter(
        "error-invalid-filter-pattern", filterPattern="X" * 1025
    ),
    FILTERS + "Validation::test_put_metric_filter_too_many_transformations": refused_filter(
        "error-too-many-transformations", metricTransformations=[transformation(1), transformation(2)]
    ),
    FILTERS + "Validation::test_delete_metric_filter_invalid_filter_name": refused_deletion(
        "error-invalid-filter-name", filterName="X" * 513
    ),
    FILTERS + "Validation::test_delete_metric_filter_invalid_log_group_name": refused_deletion(
        "error-invalid-log-group-name", logGroupName="X" * 513
    ),
    FILTERS + "Validation::test_describe_metric_filters_invalid_parameters": refused_descriptions,
    "test_logs_queries.py::TestCloudWatchLogsInsightsQueries::test_start_query_log_group_not_found": (
        query_missing_group
    ),
    POLICIES + "test_put_resource_policy": put_resource_policy,
    POLICIES + "test_put_resource_policy_update": update_resource_policy,
    POLICIES + "test_describe_resource_policies": describe_resource_policies,
    POLICIES + "test_delete_resource_policy_not_found": missing_resource_policy,
    STREAMS + "test_create_and_delete_log_stream": described_streams("describe-log-streams-after-create", "s"),
    STREAMS + "test_describe_log_streams_with_prefix": described_streams(
        "describe-streams-with-prefix", "a1", "a2", "a3", "b", logStreamNamePrefix="a"
    ),
    STREAMS + "test_log_stream_arn_format": described_streams("describe-log-streams-with-arn", "s"),
    SUBSCRIPTIONS + "TestSubscriptionFilters::test_describe_subscription_filters_empty": no_subscriptions,
    SUBSCRIPTIONS + "TestSubscriptionFilterUpdates::test_put_subscription_filter_update": updated_subscription,
    SUBSCRIPTIONS + "TestSubscriptionFilterUpdates::test_put_subscription_filter_limit_exceeded": (
        third_subscription
    ),
}


@pytest.fixture(autouse=True)
def _a_function_and_no_bucket() -> Iterator[None]:
    """Stand-ins for what the cases need of lambda and s3: any function is there, no bucket is."""

    def configuration(tx: object, request: dict[str, Any]) -> dict[str, Any]:
        return {"FunctionArn": request["FunctionName"]}

    async def head(ctx: object, request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError.of("NoSuchBucket", "The specified bucket does not exist")

    stand_ins = {
        ("lambda", "GetFunctionConfiguration"): Operation(
            "lambda", "GetFunctionConfiguration", configuration, False, True
        ),
        ("s3", "HeadBucket"): Operation("s3", "HeadBucket", head, True, True),
    }
    kept = {name: registry.operations.get(name) for name in stand_ins}
    registry.operations.update(stand_ins)
    yield
    for name, operation in kept.items():
        registry.operations.pop(name)
        if operation is not None:
            registry.operations[name] = operation


@needs_recordings
@pytest.mark.parametrize("case", cases("logs"), ids=str)
def test_recorded(cloud: Cloud, case: Case) -> None:
    logs = Logs(cloud, cloud.caller(account=ACCOUNT))
    assert_same(case, STEPS[case.name](logs))
