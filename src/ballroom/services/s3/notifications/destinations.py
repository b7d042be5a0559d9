"""Whether destinations are there and let S3 tell them: asked when a bucket's notifications are configured.

Source: S3 User Guide, "Granting permissions to publish event notification messages to a destination";
recorded answers.
"""

from __future__ import annotations

from typing import Any

import orjson

from ballroom.kernel import Caller, NotImplementedHere, ServiceError, Tx, registry, service_caller
from ballroom.kernel.arn import Arn, find_arn
from ballroom.kernel.policy import Access, Decision, PolicyError, Principal, decide, parse_policy
from ballroom.services.s3.errors import InvalidArgument
from ballroom.services.s3.notifications.configuration import Destination
from ballroom.services.s3.notifications.events import test_message
from ballroom.services.s3.notifications.sending import SUBJECT
from ballroom.services.s3.resources import Bucket

_WORDS = {"sqs": "queue", "sns": "topic"}
_ACTIONS = {"sqs": "SQS:SendMessage", "sns": "SNS:Publish", "lambda": "lambda:InvokeFunction"}
_SENDERS = {"sqs": "SendMessage", "sns": "Publish", "lambda": "InvokeLater"}


def check_known(destinations: list[Destination]) -> None:
    """Refuses destinations of services that are not here: their events would vanish.

    Raises:
        NotImplementedHere: Ballroom does not have the service.
    """
    for one in destinations:
        if (one.service, _SENDERS[one.service]) not in registry.operations:
            raise NotImplementedHere(f"Ballroom does not have {one.service} yet: {one.arn} cannot be told")


def check(tx: Tx, bucket: Bucket, destinations: list[Destination]) -> None:
    """Refuses destinations that are not there, or whose policies do not let S3 in.

    Raises:
        InvalidArgument: with S3's text for each of them.
    """
    wrong: dict[str, str] = {}
    for one in destinations:
        if one.arn not in wrong and (why := _problem(tx, bucket, one)) is not None:
            wrong[one.arn] = why
    if wrong:
        fields: dict[str, str] = {}
        for n, (arn, why) in enumerate(wrong.items(), 1):
            fields[f"ArgumentName{n}"], fields[f"ArgumentValue{n}"] = arn, why
        raise InvalidArgument("Unable to validate the following destination configurations", **fields)


def _problem(tx: Tx, bucket: Bucket, one: Destination) -> str | None:
    target = find_arn(one.arn)
    assert target is not None, "its form was checked before"
    caller = service_caller(target.account, target.region, "s3.amazonaws.com")
    if target.region != bucket.region:
        return "The notification destination service region is not valid for the bucket location constraint"
    if target.resource.endswith(".fifo"):
        return "FIFO queues and topics cannot be notification destinations"
    try:
        policy = _policy_of(tx, one.service, one.arn, target, caller)
    except ServiceError:
        what = _WORDS.get(one.service)
        return f"The destination {what} does not exist" if what else "The destination Lambda does not exist"
    if _allows(policy, one, bucket):
        return None
    if one.service == "lambda":
        return f"Not authorized to invoke function [{one.arn}]"
    return (
        f"Permissions on the destination {_WORDS[one.service]} do not allow S3 to publish notifications from "
        "this bucket"
    )


def _policy_of(tx: Tx, service: str, arn: str, target: Arn, caller: Caller) -> str | None:
    """The destination's own policy.

    Raises:
        ServiceError: there is no such destination.
    """
    if service == "sqs":
        url = tx.call("sqs", "GetQueueUrl", {"QueueName": target.resource}, caller=caller)["QueueUrl"]
        asked = {"QueueUrl": url, "AttributeNames": ["Policy"]}
        return _text(
            tx.call("sqs", "GetQueueAttributes", asked, caller=caller).get("Attributes", {}).get("Policy")
        )
    if service == "sns":
        found = tx.call("sns", "GetTopicAttributes", {"TopicArn": arn}, caller=caller)
        return _text(found.get("Attributes", {}).get("Policy"))
    tx.call("lambda", "GetFunctionConfiguration", {"FunctionName": arn}, caller=caller)
    try:
        return _text(tx.call("lambda", "GetPolicy", {"FunctionName": arn}, caller=caller).get("Policy"))
    except ServiceError:
        return None  # it has none


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _allows(text: str | None, one: Destination, bucket: Bucket) -> bool:
    if text is None:
        return False
    try:
        policy = parse_policy(text)
    except PolicyError:
        return False
    context = {
        "aws:sourcearn": (f"arn:aws:s3:::{bucket.name}",),
        "aws:sourceaccount": (bucket.account,),
        "aws:principalservicename": ("s3.amazonaws.com",),
        "aws:principalisawsservice": ("true",),
        "aws:securetransport": ("true",),
    }
    access = Access(Principal(service="s3.amazonaws.com"), _ACTIONS[one.service], one.arn, context)
    return decide(policy, access) is Decision.ALLOW


def send_tests(tx: Tx, bucket: Bucket, destinations: list[Destination]) -> None:
    """Each queue and topic gets a test message; functions get none."""
    for arn in dict.fromkeys(one.arn for one in destinations if one.service != "lambda"):
        target = find_arn(arn)
        assert target is not None, "its form was checked before"
        caller = service_caller(target.account, target.region, "s3.amazonaws.com")
        body = orjson.dumps(test_message(bucket.name, tx.now_ms, tx.caller.request_id)).decode()
        if target.service == "sqs":
            url = tx.call("sqs", "GetQueueUrl", {"QueueName": target.resource}, caller=caller)["QueueUrl"]
            tx.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body}, caller=caller)
        else:
            tx.call("sns", "Publish", {"TopicArn": arn, "Message": body, "Subject": SUBJECT}, caller=caller)
