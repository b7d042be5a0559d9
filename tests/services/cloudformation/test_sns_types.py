"""SNS's types where they need more than the table of `test_resource_types` says."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import Cloud

from .stacks import create, delete, outputs, reasons, status, update


def body(topic: dict[str, Any], subscription: dict[str, Any]) -> str:
    made = {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True, **topic}},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"}, "Protocol": "sqs",
                    "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}, **subscription,
                },
            },
        },
        "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}, "Subscription": {"Value": {"Ref": "Subscription"}}},
    }  # fmt: skip
    return json.dumps(made)


def topic_attributes(cloud: Cloud) -> dict[str, Any]:
    told: dict[str, Any] = cloud.sns("GetTopicAttributes", TopicArn=outputs(cloud)["Topic"])["Attributes"]
    return told


def test_archives_and_replays_are_properties(cloud: Cloud) -> None:
    archive = {"ArchivePolicy": {"MessageRetentionPeriod": 30}}
    replay = {"PointType": "Timestamp", "StartingPoint": "2023-10-25T00:00:00.000Z"}
    create(cloud, body({**archive, "MaximumMessageSize": 1048576}, {"ReplayPolicy": replay}))
    assert (status(cloud), reasons(cloud)) == ("CREATE_COMPLETE", [])
    told = topic_attributes(cloud)
    assert json.loads(told["ArchivePolicy"]) == {"MessageRetentionPeriod": 30}
    assert told["MaximumMessageSize"] == "1048576"
    subscription = outputs(cloud)["Subscription"]
    found = cloud.sns("GetSubscriptionAttributes", SubscriptionArn=subscription)["Attributes"]
    assert json.loads(found["ReplayPolicy"]) == replay
    assert found["ReplayStatus"] == "Completed"
    update(cloud, body({}, {}))
    assert status(cloud) == "UPDATE_COMPLETE"
    told = topic_attributes(cloud)
    assert "ArchivePolicy" not in told
    assert told["MaximumMessageSize"] == "262144"
    found = cloud.sns("GetSubscriptionAttributes", SubscriptionArn=subscription)["Attributes"]
    assert "ReplayPolicy" not in found
    delete(cloud)


def test_an_archive_protects_its_topic_from_its_stack_too(cloud: Cloud) -> None:
    stack_id = create(cloud, body({"ArchivePolicy": {"MessageRetentionPeriod": "7"}}, {}))
    topic = outputs(cloud)["Topic"]
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_FAILED"
    cloud.sns("SetTopicAttributes", TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue="{}")
    delete(cloud)
    assert status(cloud, stack_id) == "DELETE_COMPLETE"
