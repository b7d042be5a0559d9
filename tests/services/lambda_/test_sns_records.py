"""What a function subscribed to a topic is invoked with."""

from __future__ import annotations

from tests.cloud import Cloud
from tests.services.lambda_.conftest import Stage
from tests.services.lambda_.floor import ARN, a_function

TOPIC = "arn:aws:sns:us-east-1:000000000000:t"


def test_a_function_gets_the_notification_as_its_event(cloud: Cloud, stage: Stage) -> None:
    a_function(cloud)
    cloud.sns("CreateTopic", Name="t")
    arn = cloud.sns("Subscribe", TopicArn=TOPIC, Protocol="lambda", Endpoint=f"{ARN}:f")["SubscriptionArn"]
    attributes = {"n": {"DataType": "Number", "StringValue": "7"}}
    message_id = cloud.sns("Publish", TopicArn=TOPIC, Message="hi", MessageAttributes=attributes)["MessageId"]
    cloud.clock.settle()
    ((record,),) = (event["Records"] for event in stage.events)
    assert {name: record[name] for name in ("EventSource", "EventVersion", "EventSubscriptionArn")} == {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": arn,
    }
    sns = record["Sns"]
    assert list(sns) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertUrl", "UnsubscribeUrl", "MessageAttributes",
    ]  # fmt: skip
    assert (sns["MessageId"], sns["Message"], sns["Subject"]) == (message_id, "hi", None)
    assert sns["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"}}
