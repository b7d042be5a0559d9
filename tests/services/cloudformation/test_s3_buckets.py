"""AWS::S3::Bucket: every property reaches S3 in S3's own shape, changes, and is taken away again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cloud import Cloud

CASES: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({"CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": "5", "Id": "x",
                                           "ExposedHeaders": ["ETag"]}]}},
     "GetBucketCors",
     {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5, "ID": "x",
                     "ExposeHeaders": ["ETag"]}]}, "NoSuchCORSConfiguration"),
    ({"WebsiteConfiguration": {"IndexDocument": "i.html", "ErrorDocument": "e.html", "RoutingRules": [
        {"RoutingRuleCondition": {"KeyPrefixEquals": "a/"}, "RedirectRule": {"ReplaceKeyPrefixWith": "b/"}}]}},
     "GetBucketWebsite",
     {"IndexDocument": {"Suffix": "i.html"}, "ErrorDocument": {"Key": "e.html"}, "RoutingRules": [
         {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}]},
     "NoSuchWebsiteConfiguration"),
    ({"LifecycleConfiguration": {"Rules": [{
        "Id": "r", "Status": "Enabled", "Prefix": "a/", "TagFilters": [{"Key": "t", "Value": "1"}], "ExpirationInDays": "90",
        "Transition": {"StorageClass": "GLACIER", "TransitionInDays": 7},
        "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}],
        "NoncurrentVersionExpirationInDays": 9}]}},
     "GetBucketLifecycleConfiguration",
     {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "t", "Value": "1"}]}},
                 "Expiration": {"Days": 90}, "Transitions": [{"StorageClass": "GLACIER", "Days": 7}],
                 "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
                 "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "NoncurrentDays": 3}]}],
      "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}, "NoSuchLifecycleConfiguration"),
    ({"LifecycleConfiguration": {"Rules": [{"Id": "r", "Status": "Enabled", "ExpirationDate": "2027-01-01T00:00:00.000Z"}]}},
     "GetBucketLifecycleConfiguration",
     {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": 1798761600000}}],
      "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}, "NoSuchLifecycleConfiguration"),
    ({"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": "true"}}},
     "GetBucketNotificationConfiguration", {"EventBridgeConfiguration": {}}, {}),
    ({"LoggingConfiguration": {"LogFilePrefix": "l/"}}, "GetBucketLogging",
     {"LoggingEnabled": {"TargetBucket": "shelf", "TargetPrefix": "l/"}}, {}),
    ({"AccelerateConfiguration": {"AccelerationStatus": "Enabled"}}, "GetBucketAccelerateConfiguration",
     {"Status": "Enabled"}, {"Status": "Suspended"}),
    ({"VersioningConfiguration": {"Status": "Enabled"}}, "GetBucketVersioning", {"Status": "Enabled"},
     {"Status": "Suspended"}),
    ({"PublicAccessBlockConfiguration": {"BlockPublicAcls": "true"}}, "GetPublicAccessBlock",
     {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": False,
                                         "IgnorePublicAcls": False, "RestrictPublicBuckets": False}},
     "NoSuchPublicAccessBlockConfiguration"),
    ({"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}, "GetBucketOwnershipControls",
     {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}, "OwnershipControlsNotFoundError"),
    ({"MetricsConfigurations": [{"Id": "m", "Prefix": "p", "TagFilters": [{"Key": "t", "Value": "1"}]}]},
     "ListBucketMetricsConfigurations",
     {"IsTruncated": False, "MetricsConfigurationList": [
         {"Id": "m", "Filter": {"And": {"Prefix": "p", "Tags": [{"Key": "t", "Value": "1"}]}}}]}, {"IsTruncated": False}),
    ({"InventoryConfigurations": [{"Id": "i", "Enabled": "true", "IncludedObjectVersions": "All", "ScheduleFrequency": "Daily",
                                   "Prefix": "p", "Destination": {"BucketArn": "arn:aws:s3:::x", "Format": "CSV"}}]},
     "ListBucketInventoryConfigurations",
     {"IsTruncated": False, "InventoryConfigurationList": [
         {"Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
          "Filter": {"Prefix": "p"},
          "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::x", "Format": "CSV"}}}]}, {"IsTruncated": False}),
    ({"AnalyticsConfigurations": [{"Id": "a", "Prefix": "p", "StorageClassAnalysis": {}}]},
     "ListBucketAnalyticsConfigurations",
     {"IsTruncated": False, "AnalyticsConfigurationList": [
         {"Id": "a", "Filter": {"Prefix": "p"}, "StorageClassAnalysis": {}}]}, {"IsTruncated": False}),
    ({"IntelligentTieringConfigurations": [{"Id": "t", "Status": "Enabled",
                                            "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": "90"}]}]},
     "ListBucketIntelligentTieringConfigurations",
     {"IsTruncated": False, "IntelligentTieringConfigurationList": [
         {"Id": "t", "Status": "Enabled", "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}]},
     {"IsTruncated": False}),
]  # fmt: skip


def deploy(cloud: Cloud, operation: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shelf", **properties}}
    template = {"Resources": {"Bucket": bucket, **more}, "Outputs": {
        "Url": {"Value": {"Fn::GetAtt": ["Bucket", "WebsiteURL"]}}}}  # fmt: skip
    cloud.cloudformation(operation, StackName="s", TemplateBody=json.dumps(template))
    cloud.clock.settle()
    stack: dict[str, Any] = cloud.cloudformation("DescribeStacks", StackName="s")["Stacks"][0]
    return stack


@pytest.mark.parametrize(("properties", "read", "shown", "gone"), CASES, ids=[f"{next(iter(c[0]))}" for c in CASES])
def test_a_property_is_set_read_back_and_taken_away(
    cloud: Cloud, properties: dict[str, Any], read: str, shown: Any, gone: Any
) -> None:
    assert deploy(cloud, "CreateStack", properties)["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.s3(read, Bucket="shelf") == shown
    assert deploy(cloud, "UpdateStack", {})["StackStatus"] == "UPDATE_COMPLETE"
    if isinstance(gone, str):
        assert cloud.error("s3", read, Bucket="shelf").shape == gone
    else:
        assert cloud.s3(read, Bucket="shelf") == gone


def test_a_public_site_of_a_template_tells_where_it_is(cloud: Cloud) -> None:
    properties = {
        "WebsiteConfiguration": {"IndexDocument": "index.html"},
        "PublicAccessBlockConfiguration": {"BlockPublicPolicy": False, "RestrictPublicBuckets": False},
        "AccessControl": "Private",
    }
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shelf/*"}
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": [statement]}},
    }
    stack = deploy(cloud, "CreateStack", properties, Policy=policy)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"] == "http://shelf.s3-website-us-east-1.localhost:4566"
    cloud.s3("PutObject", Bucket="shelf", Key="index.html", Body=b"hi")
    found = cloud.s3("GetObject", cloud.caller(anonymous=True), Bucket="shelf", Key="index.html")
    assert found["Body"] == b"hi"


def test_a_locked_bucket_of_a_template_locks(cloud: Cloud) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": "1"}}
    properties = {
        "ObjectLockEnabled": True, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule},
    }  # fmt: skip
    assert deploy(cloud, "CreateStack", properties)["StackStatus"] == "CREATE_COMPLETE"
    written = cloud.s3("PutObject", Bucket="shelf", Key="k", Body=b"", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    error = cloud.error("s3", "DeleteObject", Bucket="shelf", Key="k", VersionId=written["VersionId"])
    assert error.shape == "AccessDenied"


@pytest.mark.parametrize(
    "properties",
    [
        {"ReplicationConfiguration": {"Role": "arn:aws:iam::000000000000:role/r", "Rules": [
            {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::x"}}]}},
        {"AbacStatus": "Enabled"},
        {"MetadataTableConfiguration": {}},
        {"Colour": "red"},
    ],
    ids=["replication", "abac", "metadata", "unknown"],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(cloud: Cloud, properties: dict[str, Any]) -> None:
    assert deploy(cloud, "CreateStack", properties)["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloud.cloudformation("DescribeStackEvents", StackName="s")["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert "replicate" in reasons if "ReplicationConfiguration" in properties else next(iter(properties)) in reasons


def test_a_sam_function_is_told_of_its_buckets_objects(cloud: Cloud) -> None:
    event = {
        "Type": "S3",
        "Properties": {
            "Bucket": {"Ref": "In"}, "Events": ["s3:ObjectCreated:*"],
            "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".txt"}]}},
        },
    }  # fmt: skip
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.11", "Handler": "index.handler", "InlineCode": "def handler(e, c): pass",
            "Events": {"Upload": event},
        },
    }  # fmt: skip
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"In": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shelf"}}, "F": function},
    }
    cloud.cloudformation(
        "CreateStack", StackName="s", TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )  # fmt: skip
    cloud.clock.advance(minutes=1)
    (told,) = cloud.s3("GetBucketNotificationConfiguration", Bucket="shelf")["LambdaFunctionConfigurations"]
    assert ":function:s-F-" in told["LambdaFunctionArn"]
    assert told["Filter"] == {"Key": {"FilterRules": [{"Name": "Suffix", "Value": ".txt"}]}}
