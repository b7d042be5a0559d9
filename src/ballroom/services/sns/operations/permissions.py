"""The topic's policy: statements by label (`authorization` evaluates them); data protection, which is stored.

Source: SNS API Reference, AddPermission, RemovePermission, PutDataProtectionPolicy; recorded answers (texts).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.arn import partition_of
from ballroom.services.sns import topic_attributes
from ballroom.services.sns.authorization import load_for
from ballroom.services.sns.errors import InvalidParameter
from ballroom.services.sns.operations.topics import put_topic
from ballroom.services.sns.resources import Topic
from ballroom.services.sns.topic_attributes import POLICY_ACTIONS, default_policy

_ACTIONS = frozenset({*POLICY_ACTIONS, "*"})
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


def _policy(topic: Topic) -> dict[str, Any]:
    policy: dict[str, Any] = orjson.loads(topic.attributes.get("Policy") or default_policy(topic.at))
    if isinstance(policy.get("Statement"), dict):
        policy["Statement"] = [policy["Statement"]]
    return policy


def _store(tx: Tx, topic: Topic, policy: dict[str, Any]) -> None:
    attributes = {**topic.attributes, "Policy": orjson.dumps(policy).decode()}
    put_topic(tx, msgspec.structs.replace(topic, attributes=attributes))


@operation("AddPermission")
def add_permission(tx: Tx, request: Request) -> Response:
    """Add a statement to the topic's policy."""
    topic = load_for(tx, request["TopicArn"], "AddPermission")
    label = request["Label"]
    actions, accounts = request["ActionName"], request["AWSAccountId"]
    for name, value in (("Label", label), ("AWSAccountId", accounts), ("ActionName", actions)):
        if not value:
            raise InvalidParameter.of(name, reason="no value for required parameter")
    policy = _policy(topic)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise InvalidParameter.of("Statement already exists")
    if any(action not in _ACTIONS for action in actions):
        raise InvalidParameter.of("Policy statement action out of service scope!")
    if any(not _ACCOUNT.fullmatch(account) for account in accounts):
        raise InvalidParameter.of("Policy statement principal is not valid")
    principals = [f"arn:{partition_of(topic.region)}:iam::{account}:root" for account in accounts]
    named = [f"SNS:{action}" for action in actions]
    policy["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
            "Action": named if len(named) > 1 else named[0],
            "Resource": topic.arn,
        }
    )
    topic_attributes.check("Policy", orjson.dumps(policy).decode(), fifo=topic.fifo)  # its quotas
    _store(tx, topic, policy)
    return {}


@operation("RemovePermission")
def remove_permission(tx: Tx, request: Request) -> Response:
    """Remove a statement from the topic's policy; a label that is not there is no error."""
    topic = load_for(tx, request["TopicArn"], "RemovePermission")
    policy = _policy(topic)
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != request["Label"]]
    if len(kept) != len(policy["Statement"]):
        _store(tx, topic, {**policy, "Statement": kept})
    return {}


@operation("PutDataProtectionPolicy")
def put_data_protection_policy(tx: Tx, request: Request) -> Response:
    """Store a data protection policy; messages are not looked into."""
    topic = load_for(tx, request["ResourceArn"], "PutDataProtectionPolicy", "ResourceArn")
    text = request["DataProtectionPolicy"]
    if text:
        try:
            policy = orjson.loads(text)
        except orjson.JSONDecodeError:
            policy = None
        if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list):
            raise InvalidParameter.of("DataProtectionPolicy Reason: Policy is not valid JSON")
    put_topic(tx, msgspec.structs.replace(topic, protection_policy=text))
    return {}


@operation("GetDataProtectionPolicy")
def get_data_protection_policy(tx: Tx, request: Request) -> Response:
    """The topic's data protection policy; none is an empty answer."""
    topic = load_for(tx, request["ResourceArn"], "GetDataProtectionPolicy", "ResourceArn")
    return {"DataProtectionPolicy": topic.protection_policy} if topic.protection_policy else {}
