"""Attributes and permissions of a queue."""

from __future__ import annotations

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.services.sqs import access_policy, housekeeping, queue_attributes
from ballroom.services.sqs.errors import InvalidAttributeName, MissingParameter
from ballroom.services.sqs.links import check_redrive, link_source, unlink_source
from ballroom.services.sqs.live import LiveQueue, load_queue, put_queue

replace = msgspec.structs.replace


@operation("GetQueueAttributes")
def get_queue_attributes(tx: Tx, request: Request) -> Response:
    """The attributes asked for; those without a value are left out.

    Raises:
        InvalidAttributeName: no attribute has that name.

    Source: SQS API Reference, GetQueueAttributes.
    """
    live = load_queue(tx, request["QueueUrl"])
    names = set(request.get("AttributeNames") or ())
    for name in names:
        if name != "All" and name not in queue_attributes.READABLE:
            raise InvalidAttributeName.unknown(name)
    told = _attributes_of(tx, live)
    if "All" not in names:
        told = {name: value for name, value in told.items() if name in names}
    return {"Attributes": told} if told else {}


def _attributes_of(tx: Tx, live: LiveQueue) -> dict[str, str]:
    record = live.record
    visible, in_flight, delayed = live.counts(tx)
    return {
        **queue_attributes.with_defaults(record.attributes),
        "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
        "CreatedTimestamp": str(record.created_ms // 1000),
        "LastModifiedTimestamp": str(record.modified_ms // 1000),
        "QueueArn": live.arn,
    }


@operation("SetQueueAttributes")
def set_queue_attributes(tx: Tx, request: Request) -> Response:
    """Change attributes; they take effect at once.

    Raises:
        InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue: what is given breaks a rule.

    Source: SQS API Reference, SetQueueAttributes.
    """
    live = load_queue(tx, request["QueueUrl"])
    given = request["Attributes"]
    after = queue_attributes.change(live.record.attributes, given, fifo=live.meaning.fifo, new=False)
    check_redrive(tx, live.arn, given)
    _store(tx, live, after)
    if "MessageRetentionPeriod" in given:
        housekeeping.expect_retention(tx, live, tx.now_ms)
    return {}


def _store(tx: Tx, live: LiveQueue, attributes: dict[str, str]) -> None:
    unlink_source(tx, live.record)
    after = replace(live.record, attributes=attributes, modified_ms=tx.now_ms)
    put_queue(tx, after)
    link_source(tx, after)


@operation("AddPermission")
def add_permission(tx: Tx, request: Request) -> Response:
    """Add a statement to the queue's policy, which is stored and not evaluated yet.

    Source: SQS API Reference, AddPermission; recorded answers.
    """
    live = load_queue(tx, request["QueueUrl"])
    for parameter, name in (("AWSAccountIds", "AWSAccountId"), ("Actions", "ActionName")):
        if not request[parameter]:
            raise MissingParameter(name)
    attributes = dict(live.record.attributes)
    attributes["Policy"] = access_policy.with_permission(
        attributes.get("Policy"), live.arn, live.record.region, request["Label"],
        request["AWSAccountIds"], request["Actions"],
    )
    _store(tx, live, attributes)
    return {}


@operation("RemovePermission")
def remove_permission(tx: Tx, request: Request) -> Response:
    """Remove the policy's statement of that label.

    Source: SQS API Reference, RemovePermission; recorded answers.
    """
    live = load_queue(tx, request["QueueUrl"])
    attributes = dict(live.record.attributes)
    policy = access_policy.without_permission(attributes.get("Policy"), request["Label"])
    if policy is None:
        attributes.pop("Policy", None)
    else:
        attributes["Policy"] = policy
    _store(tx, live, attributes)
    return {}
