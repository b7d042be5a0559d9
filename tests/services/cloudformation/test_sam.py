"""Serverless templates: AWS's translator in its own process, then every type that it gives.

One Ballroom serves the whole module: the translator takes a second to start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cloud import Cloud

from ballroom.services.cloudformation.sam.client import SamHelper

from .stacks import CAPABILITIES, create, delete, outputs, reasons, status, story, update


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    made.close()


def app(folder: Path, timeout: int = 7) -> str:
    return f"""
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Batch: {{Type: Number, Default: 5}}
Globals:
  Function: {{Timeout: {timeout}, Runtime: python3.11, Environment: {{Variables: {{COUNT: 1}}}}}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {{Bucket: ballroom-local, Key: {folder}}}
      Handler: app.handler
      AutoPublishAlias: live
      FunctionUrlConfig: {{AuthType: NONE}}
      Policies: [AmazonS3ReadOnlyAccess, {{SQSPollerPolicy: {{QueueName: !GetAtt Queue.QueueName}}}}]
      Events:
        FromQueue: {{Type: SQS, Properties: {{Queue: !GetAtt Queue.Arn, BatchSize: !Ref Batch}}}}
  Inline:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: "def handler(event, context): return 1"
      Handler: index.handler
      EventInvokeConfig: {{MaximumRetryAttempts: 1}}
  Queue: {{Type: AWS::SQS::Queue}}
Outputs:
  Url: {{Value: !GetAtt HelloUrl.FunctionUrl}}
  Name: {{Value: !Ref Hello}}
  QueueUrl: {{Value: !Ref Queue}}
"""


def test_a_serverless_application_is_deployed_changed_and_removed(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    stack_id = create(cloud, app(tmp_path), Capabilities=CAPABILITIES)
    assert (status(cloud), reasons(cloud)) == ("CREATE_COMPLETE", [])
    name = outputs(cloud)["Name"]
    assert name.startswith("s-Hello-")
    found = cloud.lambda_("GetFunction", FunctionName=name)
    assert found["Configuration"]["Timeout"] == 7
    assert found["Configuration"]["Environment"]["Variables"] == {"COUNT": "1"}
    assert found["Tags"]["aws:cloudformation:logical-id"] == "Hello"
    assert found["Tags"]["lambda:createdBy"] == "SAM"
    mappings = cloud.lambda_("ListEventSourceMappings")["EventSourceMappings"]
    assert [mapping["BatchSize"] for mapping in mappings] == [5]
    assert mappings[0]["FunctionArn"].endswith(f"{name}:live")
    assert ".lambda-url." in outputs(cloud)["Url"]
    statements = cloud.lambda_("GetPolicy", FunctionName=name, Qualifier="live")["Policy"]
    assert "lambda:InvokeFunctionUrl" in statements

    update(cloud, app(tmp_path, 9), Capabilities=CAPABILITIES,
           Parameters=[{"ParameterKey": "Batch", "ParameterValue": "3"}])  # fmt: skip
    assert status(cloud) == "UPDATE_COMPLETE"
    assert cloud.lambda_("GetFunctionConfiguration", FunctionName=name)["Timeout"] == 9
    mappings = cloud.lambda_("ListEventSourceMappings")["EventSourceMappings"]
    assert [mapping["BatchSize"] for mapping in mappings] == [3]

    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    assert any(line.endswith("DELETE_SKIPPED") for line in story(cloud, stack_id))  # versions are retained
    assert cloud.lambda_("ListFunctions").get("Functions", []) == []
    assert cloud.iam("ListRoles")["Roles"] == []


def test_a_change_set_with_a_transform_asks_for_what_it_needs(cloud: Cloud, tmp_path: Path) -> None:
    def proposed(name: str, **more: object) -> dict[str, object]:
        cloud.cloudformation(
            "CreateChangeSet", StackName="t", ChangeSetName=name, ChangeSetType="CREATE",
            TemplateBody=app(tmp_path), **more,
        )  # fmt: skip
        return cloud.cloudformation("DescribeChangeSet", StackName="t", ChangeSetName=name)

    refused = proposed("a")
    assert (refused["Status"], refused["StatusReason"]) == (
        "FAILED",
        "Requires capabilities : [CAPABILITY_IAM]",
    )
    made = proposed("b", Capabilities=["CAPABILITY_IAM"])
    assert made["Status"] == "CREATE_COMPLETE"
    changes = made["Changes"]
    assert isinstance(changes, list)
    assert len(changes) == 12
    processed = cloud.cloudformation("GetTemplate", StackName="t", ChangeSetName="b", TemplateStage="Processed")
    assert '"AWS::Lambda::Function"' in processed["TemplateBody"]
    original = cloud.cloudformation("GetTemplate", StackName="t", ChangeSetName="b")["TemplateBody"]
    assert original == app(tmp_path)
    delete(cloud, "t")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            ("Handler: app.handler", "Handler: app.handler\n      Foo: 1"),
            "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
            "Number of errors found: 1. Resource with id [Hello] is invalid. property Foo not defined for resource of "
            "type AWS::Serverless::Function",
        ),
        (
            ("{Type: AWS::SQS::Queue}", "{Type: AWS::Serverless::Api, Properties: {StageName: x}}"),
            "AWS::ApiGateway::",
        ),
    ],
)
def test_what_the_translator_or_ballroom_lacks_is_refused(
    cloud: Cloud, tmp_path: Path, wrong: tuple[str, str], text: str
) -> None:
    body = (
        app(tmp_path)
        .replace(*wrong)
        .replace("!GetAtt Queue.QueueName", "x")
        .replace("!GetAtt Queue.Arn", "arn:x")
    )
    error = cloud.error(
        "cloudformation", "CreateStack", StackName="u", TemplateBody=body, Capabilities=CAPABILITIES
    )
    assert text in str(error)
    live = cloud.cloudformation("DescribeStacks")["Stacks"]
    assert "u" not in [stack["StackName"] for stack in live]


def test_a_translator_that_dies_is_started_again(cloud: Cloud, tmp_path: Path) -> None:
    helper = cloud.kernel.state(SamHelper)
    cloud.run(helper.end())
    proposed = cloud.cloudformation("ValidateTemplate", TemplateBody=app(tmp_path))
    assert proposed["DeclaredTransforms"] == ["AWS::Serverless-2016-10-31"]
    cloud.cloudformation(
        "CreateChangeSet", StackName="v", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=app(tmp_path),
        Capabilities=CAPABILITIES,
    )  # fmt: skip
    found = cloud.cloudformation("DescribeChangeSet", StackName="v", ChangeSetName="c")
    assert found["Status"] == "CREATE_COMPLETE"


def test_a_serverless_state_machine_runs(cloud: Cloud) -> None:
    body = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties:
      Type: STANDARD
      Definition:
        StartAt: Send
        States:
          Send:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters: {QueueUrl: "${QueueUrl}", MessageBody.$: $}
            End: true
      DefinitionSubstitutions: {QueueUrl: !Ref Queue}
      Policies:
        - SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
      Tracing: {Enabled: true}
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  Arn: {Value: !Ref Orders}
  QueueUrl: {Value: !Ref Queue}
"""
    create(cloud, body, "machine", Capabilities=CAPABILITIES)
    assert (status(cloud, "machine"), reasons(cloud, "machine")) == ("CREATE_COMPLETE", [])
    made = outputs(cloud, "machine")
    cloud.stepfunctions("StartExecution", stateMachineArn=made["Arn"], input='{"car": "blue"}')
    messages = cloud.sqs("ReceiveMessage", QueueUrl=made["QueueUrl"])["Messages"]
    assert [message["Body"] for message in messages] == ['{"car":"blue"}']
    delete(cloud, "machine")


def test_functions_are_triggered_by_rules_and_schedules(cloud: Cloud) -> None:
    body = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: orders}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: "def handler(event, context): return 1"
      Handler: index.handler
      Runtime: python3.11
      Events:
        Placed:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Bus
            Pattern: {source: [shop], detail: {total: [{numeric: ['>', 5]}]}}
            InputPath: $.detail
            RetryPolicy: {MaximumRetryAttempts: 5}
        Old: {Type: CloudWatchEvent, Properties: {Pattern: {source: [old]}}}
        Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour), Input: '{"a": 1}'}}
"""
    create(cloud, body, "triggers", Capabilities=CAPABILITIES)
    assert (status(cloud, "triggers"), reasons(cloud, "triggers")) == ("CREATE_COMPLETE", [])
    (rule,) = cloud.events("ListRules", EventBusName="orders")["Rules"]
    (target,) = cloud.events("ListTargetsByRule", Rule=rule["Name"], EventBusName="orders")["Targets"]
    assert target["InputPath"] == "$.detail"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 5}
    assert len(cloud.events("ListRules")["Rules"]) == 2
    delete(cloud, "triggers")
    assert cloud.events("ListRules")["Rules"] == []


NOTIFIED = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Notified:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: "def handler(event, context): return 1"
      Handler: index.handler
      Runtime: python3.11
      Events:
        Direct: {Type: SNS, Properties: {Topic: !Ref Topic, FilterPolicy: {kind: [order]}}}
        Queued: {Type: SNS, Properties: {Topic: !Ref Topic, SqsSubscription: true}}
Outputs:
  Topic: {Value: !Ref Topic}
"""


def test_functions_subscribe_to_topics_directly_and_by_a_queue(cloud: Cloud) -> None:
    create(cloud, NOTIFIED, "notified", Capabilities=CAPABILITIES)
    assert (status(cloud, "notified"), reasons(cloud, "notified")) == ("CREATE_COMPLETE", [])
    topic = outputs(cloud, "notified")["Topic"]
    subscriptions = cloud.sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert sorted(s["Protocol"] for s in subscriptions) == ["lambda", "sqs"]
    assert len(cloud.lambda_("ListEventSourceMappings")["EventSourceMappings"]) == 1
    stack_id = cloud.cloudformation("DescribeStacks", StackName="notified")["Stacks"][0]["StackId"]
    delete(cloud, "notified")
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
    assert cloud.sns("ListSubscriptions")["Subscriptions"] == []
