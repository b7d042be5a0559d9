"""botocore sends, we read; we answer, botocore reads: the same values on both sides."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballroom.gateway import wire
from ballroom.kernel.model import load_service
from tests.gateway.wire.client import MILLIS, SECONDS, answer_of, request_of, values_of

OPERATIONS = [
    ("sqs", "json", ["SendMessage", "SendMessageBatch", "ReceiveMessage", "GetQueueAttributes", "CreateQueue"]),
    ("logs", "json", ["PutLogEvents", "FilterLogEvents", "DescribeLogGroups", "PutMetricFilter"]),
    ("dynamodb", "json", ["PutItem", "Query", "BatchWriteItem", "CreateTable", "TransactWriteItems"]),
    ("stepfunctions", "json", ["CreateStateMachine", "DescribeExecution", "GetExecutionHistory"]),
    ("events", "json", ["PutEvents", "PutTargets", "PutRule"]),
    ("ssm", "json", ["PutParameter", "GetParametersByPath"]),
    ("lambda", "rest-json", ["CreateFunction", "Invoke", "AddPermission", "CreateEventSourceMapping"]),
    ("lambda", "rest-json", ["ListFunctions", "GetFunction", "UntagResource", "UpdateFunctionUrlConfig"]),
    ("apigateway", "rest-json", ["CreateRestApi", "PutIntegration", "GetResources", "PutMethod"]),
    ("scheduler", "rest-json", ["CreateSchedule", "ListSchedules", "GetSchedule"]),
    ("s3", "rest-xml", ["PutObject", "GetObject", "ListObjectsV2", "DeleteObjects", "PutBucketTagging"]),
    ("s3", "rest-xml", ["CompleteMultipartUpload", "PutBucketNotificationConfiguration", "GetBucketAcl"]),
    ("s3", "rest-xml", ["PutBucketLifecycleConfiguration", "CopyObject", "ListBuckets", "HeadObject"]),
    ("route53", "rest-xml", ["ChangeResourceRecordSets", "ListHostedZones"]),
    ("cloudfront", "rest-xml", ["CreateInvalidation"]),
    ("sts", "query", ["GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"]),
    ("iam", "query", ["CreateRole", "ListRoles", "CreatePolicy", "GetAccountAuthorizationDetails"]),
    ("cloudformation", "query", ["CreateStack", "DescribeStacks", "CreateChangeSet", "DescribeStackEvents"]),
    ("sns", "query", ["Publish", "PublishBatch", "Subscribe", "GetTopicAttributes"]),
    ("cloudwatch", "smithy-rpc-v2-cbor", ["PutMetricData", "GetMetricData", "DescribeAlarms"]),
    ("cloudwatch", "json", ["PutMetricData", "GetMetricStatistics"]),
    ("cloudwatch", "query", ["PutMetricData", "GetMetricStatistics", "PutMetricAlarm"]),
]
CASES = [(service, name, protocol) for service, protocol, names in OPERATIONS for name in names]
QUICK = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


@pytest.mark.parametrize(("service", "name", "protocol"), CASES)
def test_what_botocore_sends_is_what_we_read(service: str, name: str, protocol: str) -> None:
    operation = load_service(service).operation(name)

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value: dict[str, Any] = data.draw(values_of(operation.input, times=SECONDS)) if operation.input else {}
        read = wire.codec(operation, protocol).parse(*request_of(service, name, protocol, value))
        read.pop("ContentLength", None)
        assert without_empty(read) == without_empty(value)

    check()


@pytest.mark.parametrize(("service", "name", "protocol"), CASES)
def test_what_we_answer_is_what_botocore_reads(service: str, name: str, protocol: str) -> None:
    operation = load_service(service).operation(name)
    if operation.output is None:
        assert answer_of(service, name, protocol, wire.codec(operation, protocol).serialise({}, "id")) == {}
        return

    @QUICK
    @given(values_of(operation.output, times=MILLIS))
    def check(output: dict[str, Any]) -> None:
        reply = wire.codec(operation, protocol).serialise(output, "id")
        read = answer_of(service, name, protocol, reply)
        if "StatusCode" not in output:
            read.pop("StatusCode", None)  # every reply has one
        assert without_empty(read) == without_empty(output)

    check()


def without_empty(value: Any) -> Any:
    """Neither XML nor query can tell empty from absent, and botocore fills absent lists in."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ([], b"", {}, None)}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value
