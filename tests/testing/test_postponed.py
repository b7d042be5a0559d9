"""A server in memory imports each service when it is first asked for; nobody can tell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ballroom.kernel.registry import OnDemand, Registry

BEGIN = """
import json, sys, urllib.error, urllib.request
from ballroom.testing import BallroomServer
def loaded():
    return {name.split('.')[2] for name in sys.modules if name.startswith('ballroom.services.')}
def get(path, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(server.endpoint + path, headers=headers))
    except urllib.error.HTTPError as refused:
        return refused
server = BallroomServer().start()
assert loaded() == set(), loaded()
"""
CASES = {
    "a service that was called": """
server.client("sqs").create_queue(QueueName="q")
assert loaded() == {"sqs"}, loaded()
""",
    "health names all services": """
assert {"sqs", "dynamodb", "dynamodbstreams", "lambda"} <= set(json.load(get("/_ballroom/health"))["services"])
assert loaded() == set(), loaded()
""",
    "a page of a service": """
assert get("/_ballroom/outbox").status == 200
""",
    "a host of a service": """
answer = get("/", Host="nobody.s3-website.localhost")
assert (answer.status, b"NoSuchBucket" in answer.read()) == (404, True)
""",
    "rules for browsers": """
answer = get("/no-such-bucket/key", Origin="https://example.com")
assert b"NoSuchBucket" in answer.read()
""",
    "how a service words its errors": """
from ballroom.kernel.model.service import load_service
from ballroom.kernel.model.styles import STYLES
assert load_service("logs").style is STYLES["logs"]
""",
    "a service that another calls": """
queue = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
topic = server.client("sns").create_topic(Name="t")["TopicArn"]
arn = "arn:aws:sqs:us-east-1:000000000000:q"
server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
server.client("sns").publish(TopicArn=topic, Message="hello")
assert len(server.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])) == 1
""",
    "the services that were promised are those that come": """
from ballroom.kernel import registry
promised = set(registry.postponed)
registry.load_all()
assert {service for service, _ in registry.operations} == promised, promised
""",
    "what a service does at its start": """
queue = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
server.client("lambda").list_functions()
ran = server.do(lambda: server.ballroom.kernel._hooks_run)
from ballroom.kernel import registry
assert ran == len(registry.on_start) > 1
""",
}


@pytest.mark.parametrize("case", CASES)
def test_a_service_is_there_when_it_is_asked_for(case: str) -> None:
    ran = subprocess.run([sys.executable, "-c", BEGIN + CASES[case] + "server.stop()"], capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()


def test_a_package_is_imported_once_and_only_for_its_own() -> None:
    own, asked = Registry(), []
    own.postpone("sqs", lambda: asked.append("sqs"))
    own.postpone("sns", lambda: asked.append("sns"))
    assert own.operations.get(("sqs", "X")) is None
    assert ("sqs", "X") not in own.operations
    assert asked == ["sqs"]
    assert "some.kind" not in own.timers
    assert asked == ["sqs", "sns"]


def test_what_nobody_has_is_missing() -> None:
    nothing: OnDemand[str, int] = OnDemand(lambda key: None)
    assert nothing.get("x", 7) == 7
    with pytest.raises(KeyError):
        nothing["x"]
