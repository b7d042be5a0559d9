"""Each resource type: created, read, changed and deleted through the services' public operations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud

from ballroom.services.cloudformation.resource_types.base import REGISTRY

from .stacks import CAPABILITIES, create, delete, outputs, reasons, status, update

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
QUEUE = {"Type": "AWS::SQS::Queue"}
TOPIC = {"Type": "AWS::SNS::Topic"}
GROUP = {"Type": "AWS::Logs::LogGroup"}
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): return 1"},
    },
}
NAME = {"Ref": "Function"}
MACHINE = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
STATES = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": MACHINE}}  # fmt: skip
PIPE = {
    "Source": {"Fn::GetAtt": ["Queue", "Arn"]}, "Target": "arn:aws:sqs:us-east-1:000000000000:target",
    "RoleArn": "arn:aws:iam::000000000000:role/r",
}  # fmt: skip
HOURLY = {
    "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}, "RoleArn": "arn:aws:iam::000000000000:role/r"},
}  # fmt: skip
CONNECTION = {
    "Type": "AWS::Events::Connection",
    "Properties": {
        "AuthorizationType": "API_KEY",
        "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"}},
    },
}
MACHINE = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
STATES = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": MACHINE}}  # fmt: skip
TABLE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("AWS::SQS::Queue", {"DelaySeconds": "3", "RedrivePolicy": {"maxReceiveCount": "3", "deadLetterTargetArn": {
        "Fn::GetAtt": ["Queue", "Arn"]}}}, {"DelaySeconds": 4}, {"Queue": QUEUE}),
    ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}},
     {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
         {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}}, {"Queue": QUEUE}),
    ("AWS::ECR::Repository", {"ImageTagMutability": "IMMUTABLE", "Tags": [{"Key": "a", "Value": "b"}],
     "LifecyclePolicy": {"LifecyclePolicyText": '{"rules": []}' + 100 * " "}, "RepositoryPolicyText": DOCUMENT},
     {"ImageScanningConfiguration": {"ScanOnPush": True}, "Tags": [{"Key": "a", "Value": "c"}]}, {}),
    ("AWS::Pipes::Pipe", {**PIPE, "Tags": {"a": "b"}, "Description": "d"},
     {**PIPE, "Tags": {"a": "c"}, "TargetParameters": {"InputTemplate": "x"}}, {"Queue": QUEUE}),
    ("AWS::Scheduler::Schedule", {**HOURLY, "State": "DISABLED"}, {**HOURLY, "Description": "d"}, {"Queue": QUEUE}),
    ("AWS::Scheduler::ScheduleGroup", {"Tags": [{"Key": "a", "Value": "b"}]},
     {"Tags": [{"Key": "a", "Value": "c"}]}, {}),
    ("AWS::Events::Rule", {"EventPattern": {"source": ["a"]}, "Targets": [
        {"Id": "t", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}], "State": "ENABLED"},
     {"ScheduleExpression": "rate(1 hour)", "Description": "d"}, {"Queue": QUEUE}),
    ("AWS::Events::EventBus", {"Name": "b", "Tags": [{"Key": "a", "Value": "b"}]},
     {"Name": "b", "Description": "d", "Policy": {"Version": "2012-10-17", "Statement": [{"Sid": "s", "Effect": "Allow",
      "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}]}}, {}),
    ("AWS::Events::EventBusPolicy", {"StatementId": "s", "Action": "events:PutEvents", "Principal": "*",
     "EventBusName": {"Ref": "Bus"}}, {"StatementId": "s", "EventBusName": {"Ref": "Bus"}, "Statement": {
         "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": {"Fn::GetAtt": ["Bus", "Arn"]}}},
     {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b"}}}),
    ("AWS::Events::Archive", {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "EventPattern": {"source": ["a"]},
     "RetentionDays": "3"}, {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "Description": "d"},
     {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b"}}}),
    ("AWS::Events::Connection", {"AuthorizationType": "API_KEY", "AuthParameters": {"ApiKeyAuthParameters": {
        "ApiKeyName": "n", "ApiKeyValue": "v"}}}, {"AuthorizationType": "BASIC", "AuthParameters": {
            "BasicAuthParameters": {"Username": "u", "Password": "p"}}}, {}),
    ("AWS::Events::ApiDestination", {"ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]}, "HttpMethod": "POST",
     "InvocationEndpoint": "https://example.com/x"}, {"ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]},
     "HttpMethod": "PUT", "InvocationEndpoint": "https://example.com/y", "InvocationRateLimitPerSecond": "7"},
     {"Connection": CONNECTION}),
    ("AWS::EventSchemas::Registry", {"RegistryName": "g", "Description": "one"},
     {"RegistryName": "g", "Description": "two"}, {}),
    ("AWS::EventSchemas::Schema", {"RegistryName": {"Fn::GetAtt": ["Registry", "RegistryName"]}, "Type": "OpenApi3",
     "Content": '{"openapi": "3.0.0", "info": {"title": "T"}}'},
     {"RegistryName": {"Fn::GetAtt": ["Registry", "RegistryName"]}, "Type": "OpenApi3",
      "Content": '{"openapi": "3.0.1", "info": {"title": "T"}}'}, {"Registry": {"Type": "AWS::EventSchemas::Registry"}}),
    ("AWS::EventSchemas::Discoverer", {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "Description": "one"},
     {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "Description": "two"},
     {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b"}}}),
    ("AWS::SSM::Parameter", {"Type": "String", "Value": "1", "Tags": {"a": "b"}},
     {"Type": "String", "Value": "2", "Tags": {"a": "c"}}, {}),
    ("AWS::Logs::LogGroup", {"RetentionInDays": "7"}, {}, {}),
    ("AWS::Logs::LogStream", {"LogGroupName": {"Ref": "Group"}}, {"LogGroupName": {"Ref": "Group"},
     "LogStreamName": "other"}, {"Group": GROUP}),
    ("AWS::Logs::MetricFilter", {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "ERROR", "MetricTransformations": [
        {"MetricName": "n", "MetricNamespace": "ns", "MetricValue": "1"}]},
     {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "WARN", "MetricTransformations": [
         {"MetricName": "n", "MetricNamespace": "ns", "MetricValue": "1"}]}, {"Group": GROUP}),
    ("AWS::Logs::ResourcePolicy", {"PolicyName": "p", "PolicyDocument": json.dumps(DOCUMENT)},
     {"PolicyName": "q", "PolicyDocument": json.dumps(DOCUMENT)}, {}),
    ("AWS::Logs::SubscriptionFilter", {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "",
     "DestinationArn": {"Fn::GetAtt": ["Function", "Arn"]}}, {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "x",
     "DestinationArn": {"Fn::GetAtt": ["Function", "Arn"]}}, {"Group": GROUP, "Role": ROLE, "Function": FUNCTION}),
    ("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST, "Policies": [
        {"PolicyName": "p", "PolicyDocument": DOCUMENT}]},
     {"AssumeRolePolicyDocument": TRUST, "Description": "d", "MaxSessionDuration": "7200", "ManagedPolicyArns": [
         "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]}, {}),
    ("AWS::IAM::User", {"Groups": [{"Ref": "Friends"}]}, {"Policies": [
        {"PolicyName": "p", "PolicyDocument": DOCUMENT}]}, {"Friends": {"Type": "AWS::IAM::Group"}}),
    ("AWS::IAM::Group", {"Policies": [{"PolicyName": "p", "PolicyDocument": DOCUMENT}]}, {}, {}),
    ("AWS::IAM::UserToGroupAddition", {"GroupName": {"Ref": "Friends"}, "Users": [{"Ref": "User"}]},
     {"GroupName": {"Ref": "Friends"}, "Users": []}, {"Friends": {"Type": "AWS::IAM::Group"}, "User": {
         "Type": "AWS::IAM::User"}}),
    ("AWS::IAM::Policy", {"PolicyName": "p", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]},
     {"PolicyName": "q", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}, {"Role": ROLE}),
    ("AWS::IAM::ManagedPolicy", {"PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]},
     {"PolicyDocument": {**DOCUMENT, "Statement": []} | {"Statement": DOCUMENT["Statement"] * 2}}, {"Role": ROLE}),
    ("AWS::IAM::InstanceProfile", {"Roles": [{"Ref": "Role"}]}, {"Roles": []}, {"Role": ROLE}),
    ("AWS::IAM::AccessKey", {"UserName": {"Ref": "User"}}, {"UserName": {"Ref": "User"}, "Status": "Inactive"},
     {"User": {"Type": "AWS::IAM::User"}}),
    ("AWS::Lambda::Function", FUNCTION["Properties"] | {"Timeout": "5", "ReservedConcurrentExecutions": "2"},  # type: ignore[operator]
     FUNCTION["Properties"] | {"Code": {"ZipFile": "x = 1"}, "MemorySize": 256}, {"Role": ROLE}),  # type: ignore[operator]
    ("AWS::Lambda::Version", {"FunctionName": NAME}, {"FunctionName": NAME, "Description": "d"},
     {"Role": ROLE, "Function": FUNCTION}),
    ("AWS::Lambda::Alias", {"FunctionName": NAME, "FunctionVersion": "$LATEST", "Name": "a"},
     {"FunctionName": NAME, "FunctionVersion": "$LATEST", "Name": "a", "Description": "d"},
     {"Role": ROLE, "Function": FUNCTION}),
    ("AWS::Lambda::Permission", {"FunctionName": NAME, "Action": "lambda:InvokeFunction",
     "Principal": "s3.amazonaws.com"}, {"FunctionName": NAME, "Action": "lambda:InvokeFunction",
     "Principal": "sns.amazonaws.com"}, {"Role": ROLE, "Function": FUNCTION}),
    ("AWS::Lambda::Url", {"TargetFunctionArn": NAME, "AuthType": "NONE"}, {"TargetFunctionArn": NAME,
     "AuthType": "AWS_IAM", "Cors": {"AllowOrigins": ["*"]}}, {"Role": ROLE, "Function": FUNCTION}),
    ("AWS::Lambda::EventSourceMapping", {"FunctionName": NAME, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
     {"FunctionName": NAME, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "BatchSize": "3", "Enabled": "false"},
     {"Role": ROLE, "Function": FUNCTION, "Queue": QUEUE}),
    ("AWS::Lambda::EventInvokeConfig", {"FunctionName": NAME, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1},
     {"FunctionName": NAME, "Qualifier": "$LATEST", "MaximumRetryAttempts": "0"},
     {"Role": ROLE, "Function": FUNCTION}),
    ("AWS::S3::Bucket", {"BucketName": "my-bucket", "Tags": [{"Key": "a", "Value": "b"}]},
     {"BucketName": "my-bucket", "VersioningConfiguration": {"Status": "Enabled"}}, {}),
    ("AWS::S3::BucketPolicy", {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::b-1-x/*"}]}},
     {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [
         {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b-1-x/*"}]}},
     {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b-1-x"}}}),
    ("AWS::SNS::Topic", {"DisplayName": "d", "Subscription": [{"Protocol": "sqs", "Endpoint": {
        "Fn::GetAtt": ["Queue", "Arn"]}}], "Tags": [{"Key": "a", "Value": "b"}]},
     {"DisplayName": "e", "SignatureVersion": "2", "Subscription": [{"Protocol": "sms", "Endpoint": "+15551234567"}]}, {"Queue": QUEUE}),
    ("AWS::SNS::TopicPolicy", {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}]}},
     {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
         {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}]}}, {"Topic": TOPIC}),
    ("AWS::SNS::TopicInlinePolicy", {"TopicArn": {"Ref": "Topic"}, "PolicyDocument": {"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}]}},
     {"TopicArn": {"Ref": "Topic"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [
         {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}]}}, {"Topic": TOPIC}),
    ("AWS::SNS::Subscription", {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {
        "Fn::GetAtt": ["Queue", "Arn"]}, "FilterPolicy": {"a": {"b": ["c"]}}, "FilterPolicyScope": "MessageBody"},
     {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
      "RawMessageDelivery": "true", "FilterPolicy": {"a": ["b"]}}, {"Queue": QUEUE, "Topic": TOPIC}),
    ("AWS::StepFunctions::StateMachine", {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": MACHINE,
     "Tags": [{"Key": "a", "Value": "b"}]}, {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Definition": {
         "StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${What}", "End": True}}},
      "DefinitionSubstitutions": {"What": "that"}, "TracingConfiguration": {"Enabled": "true"}}, {"Role": ROLE}),
    ("AWS::StepFunctions::StateMachineVersion", {"StateMachineArn": {"Ref": "Machine"}},
     {"StateMachineArn": {"Ref": "Machine"}, "Description": "d"}, {"Role": ROLE, "Machine": STATES}),
    ("AWS::StepFunctions::StateMachineAlias", {"Name": "live", "RoutingConfiguration": [
        {"StateMachineVersionArn": {"Ref": "Published"}, "Weight": "100"}]},
     {"Name": "live", "Description": "d", "RoutingConfiguration": [
         {"StateMachineVersionArn": {"Ref": "Published"}, "Weight": 100}]},
     {"Role": ROLE, "Machine": STATES, "Published": {"Type": "AWS::StepFunctions::StateMachineVersion",
      "Properties": {"StateMachineArn": {"Ref": "Machine"}}}}),
    ("AWS::StepFunctions::Activity", {"Name": "work"}, {"Name": "work", "Tags": [{"Key": "a", "Value": "b"}]}, {}),
    ("AWS::DynamoDB::Table", {**TABLE, "BillingMode": "PAY_PER_REQUEST", "Tags": [{"Key": "a", "Value": "b"}]},
     {**TABLE, "ProvisionedThroughput": {"ReadCapacityUnits": "1", "WriteCapacityUnits": 2},
      "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": "true"}, "TableClass": "STANDARD",
      "SSESpecification": {"SSEEnabled": True}, "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
      "AttributeDefinitions": [*TABLE["AttributeDefinitions"], {"AttributeName": "g", "AttributeType": "N"}],
      "GlobalSecondaryIndexes": [{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}]}, {}),
    ("AWS::DynamoDB::GlobalTable", {**TABLE, "BillingMode": "PAY_PER_REQUEST", "Replicas": [{"Region": "us-east-1"}]},
     {**TABLE, "BillingMode": "PAY_PER_REQUEST", "Replicas": [{"Region": {"Ref": "AWS::Region"},
      "DeletionProtectionEnabled": "false", "TableClass": "STANDARD_INFREQUENT_ACCESS"}]}, {}),
    ("AWS::CDK::Metadata", {"Analytics": "x"}, {"Analytics": "y"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "first", "second", "others"), CASES, ids=[case[0] for case in CASES])
def test_a_type_is_created_changed_and_deleted(
    cloud: Cloud, kind: str, first: dict[str, Any], second: dict[str, Any], others: dict[str, Any]
) -> None:
    attributes = sorted(REGISTRY[kind].attributes)

    def body(properties: dict[str, Any]) -> str:
        made = {
            "Resources": {**others, "It": {"Type": kind, "Properties": properties}},
            "Outputs": {
                "Ref": {"Value": {"Ref": "It"}},
                **{
                    re.sub(r"\W", "", name): {"Value": {"Fn::Sub": f"${{It.{name}}}"}}
                    for name in attributes
                    if name not in ("SnapStartResponse",)
                },
            },
        }
        return json.dumps(made)

    stack_id = create(cloud, body(first), Capabilities=CAPABILITIES)
    assert (status(cloud), reasons(cloud)) == ("CREATE_COMPLETE", [])
    assert all(outputs(cloud).values())
    update(cloud, body(second), Capabilities=CAPABILITIES)
    replacing = [reason for reason in reasons(cloud) if not reason.startswith("Requested update requires")]
    assert (status(cloud), replacing) == ("UPDATE_COMPLETE", [])
    update(cloud, body(first), Capabilities=CAPABILITIES)
    assert status(cloud) == "UPDATE_COMPLETE"
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    left = [
        *cloud.iam("ListRoles")["Roles"], *cloud.iam("ListUsers")["Users"],
        *cloud.sqs("ListQueues").get("QueueUrls", []), *cloud.lambda_("ListFunctions").get("Functions", []),
        *cloud.sns("ListTopics")["Topics"], *cloud.sns("ListSubscriptions")["Subscriptions"],
        *cloud.ssm("DescribeParameters")["Parameters"],
        *cloud.stepfunctions("ListStateMachines")["stateMachines"],
        *cloud.stepfunctions("ListActivities")["activities"],
        *cloud.dynamodb("ListTables")["TableNames"],
        *(group for group in cloud.logs("DescribeLogGroups")["logGroups"]),
    ]  # fmt: skip
    assert left == []


def test_every_type_is_tried() -> None:
    tried = {case[0] for case in CASES}
    elsewhere = {name for name in REGISTRY if name.startswith(("AWS::CloudFormation::", "Test::"))}
    assert REGISTRY.keys() - elsewhere - {"AWS::Lambda::LayerVersion"} == tried


def test_the_page_lists_every_type() -> None:
    page = (Path(__file__).parents[3] / "docs/services/cloudformation.md").read_text()
    listed = set(re.findall(r"`(AWS::\w+::\w+)`", page))
    assert {name for name in REGISTRY if not name.startswith("Test::")} == listed
