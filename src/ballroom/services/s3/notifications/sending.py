"""How events reach their destinations: in the commit of the change that they tell of.

A destination that cannot take an event just now gets it as a delivery, tried again for a day; one that is
gone loses it, as on AWS.

Source: S3 User Guide, "Amazon S3 Event Notifications".
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import orjson

from ballroom.kernel import (
    Caller,
    Context,
    Delivery,
    GiveUp,
    Kernel,
    RetryPolicy,
    ServiceError,
    Tx,
    exponential,
    on_delivery,
    registry,
    service_caller,
)
from ballroom.kernel.arn import find_arn
from ballroom.services.s3.changes import Change
from ballroom.services.s3.notifications.configuration import destinations
from ballroom.services.s3.notifications.events import Event, bridge_entry, record, short_id
from ballroom.services.s3.owners import canonical_id
from ballroom.services.s3.resources import Bucket
from ballroom.services.s3.settings_store import find_setting

log = logging.getLogger("ballroom.s3")

NOTIFICATION = "notification"
SUBJECT = "Amazon S3 Notification"
_DAY_MS = 86_400_000
_POLICY = RetryPolicy(maximum_attempts=None, maximum_age_ms=_DAY_MS, back_off_ms=exponential(1_000, 2, 300_000))
_GONE = ("NotFound", "NonExistent", "DoesNotExist", "NoSuch")


class Sequencer:
    """Numbers that rise with each event, over restarts too: the clock's milliseconds leave room for 65,536."""

    def __init__(self, kernel: Kernel) -> None:
        self._last = 0

    def next(self, now_ms: int) -> str:
        """18 hexadecimal digits, to be compared as text."""
        self._last = max(self._last + 1, now_ms << 16)
        return f"{self._last:018X}"


def tell(tx: Tx, bucket: Bucket, change: Change) -> None:
    """Tell all who want to know of a change, within its transaction."""
    configured = find_setting(tx, bucket, NOTIFICATION)
    if not configured:
        return
    wanted = [one for one in destinations(configured) if one.wants(change.event, change.key)]
    to_bus = "EventBridgeConfiguration" in configured and ("events", "EmitEvents") in registry.operations
    if not wanted and not to_bus:
        return
    told = _event(tx, bucket, change)
    for destination in wanted:
        document = {"Records": [record(told, destination.id)]}
        _send(tx, bucket, destination.service, destination.arn, orjson.dumps(document))
    if to_bus and (entry := bridge_entry(told)) is not None:
        _send(tx, bucket, "events", "", orjson.dumps(entry))


def _event(tx: Tx, bucket: Bucket, change: Change) -> Event:
    caller = tx.caller
    # what S3 does on its own, by a rule or at the end of a restore, is told as its own
    itself = caller.source.endswith(".amazonaws.com") or change.event == "ObjectRestore:Completed"
    owner_id = canonical_id(bucket.account)
    return Event(
        change.event, change.key, change.version_id, change.etag, change.size,
        tx.kernel.state(Sequencer).next(tx.now_ms), bucket.name, bucket.account, owner_id, bucket.region,
        tx.now_ms, caller.request_id, _principal_id(caller, change.event, owner_id),
        "s3.amazonaws.com" if itself else caller.account,
        "s3.amazonaws.com" if itself else caller.remote or "127.0.0.1",
        change.storage_class, change.restored_until_ms,
    )  # fmt: skip


def _principal_id(caller: Caller, event: str, owner_id: str) -> str:
    if event == "ObjectRestore:Completed":
        return f"AmazonCustomer:{short_id(owner_id)}"
    if caller.anonymous:
        return "Anonymous"
    if caller.source.endswith(".amazonaws.com"):
        return caller.source
    return f"AWS:{caller.user_id}"


def _send(tx: Tx, bucket: Bucket, service: str, arn: str, body: bytes) -> None:
    """At once if the destination takes it within this transaction, else as a delivery."""
    try:
        if _joins(service):
            target_service, operation, request, caller = _call_of(bucket, service, arn, body, tx.now_ms)
            if service == "sqs":
                request["QueueUrl"] = _queue_url(tx, arn, caller)
            with_trace(request, service, tx.caller.trace)
            acting = msgspec.structs.replace(caller, trace=tx.caller.trace, span=tx.caller.span)
            tx.call(target_service, operation, request, caller=acting)
            return
    except ServiceError as error:
        if _is_gone(error):
            log.info("an event of %s is lost: %s: %s", bucket.name, arn, error)
            return
    payload = orjson.dumps([bucket.name, bucket.account, bucket.region, service, arn, body.decode()])
    tx.deliver("s3.notification", payload, policy=_POLICY, subject=arn or "events")


def _joins(service: str) -> bool:
    name = {"sqs": "SendMessage", "sns": "Publish", "lambda": "InvokeLater", "events": "EmitEvents"}[service]
    operation = registry.operations.get((service, name))
    return operation is not None and not operation.waits


def _is_gone(error: ServiceError) -> bool:
    return any(word in error.shape for word in _GONE)


def _call_of(
    bucket: Bucket, service: str, arn: str, body: bytes, now_ms: int
) -> tuple[str, str, dict[str, Any], Caller]:
    """The call that hands a document over; a queue's URL is still to be found."""
    target = find_arn(arn)
    account = target.account if target is not None else bucket.account
    region = target.region if target is not None else bucket.region
    caller = service_caller(account, region, "s3.amazonaws.com")
    if service == "sqs":
        return "sqs", "SendMessage", {"MessageBody": body.decode()}, caller
    if service == "sns":
        request = {"TopicArn": arn, "Message": body.decode(), "Subject": SUBJECT}
        return "sns", "Publish", request, caller
    if service == "lambda":
        return "lambda", "InvokeLater", {"FunctionName": arn, "Payload": body}, caller
    # PutEvents refuses AWS's own sources, as it must; this is the way in for services
    return "events", "EmitEvents", {"Entries": [{**orjson.loads(body), "Time": now_ms}]}, caller


def with_trace(request: dict[str, Any], service: str, trace: str | None) -> None:
    """A queue's message carries the trace of the request that caused it."""
    if service == "sqs" and trace:
        request["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}


def _queue_url(tx: Tx, arn: str, caller: Caller) -> str:
    target = find_arn(arn)
    assert target is not None, "checked when it was configured"
    url: str = tx.call("sqs", "GetQueueUrl", {"QueueName": target.resource}, caller=caller)["QueueUrl"]
    return url


@on_delivery("s3.notification")
async def deliver(ctx: Context, delivery: Delivery) -> None:
    """Hand an event over; receivers may see it twice, as on AWS.

    Raises:
        GiveUp: the destination is gone.
    """
    name, account, region, service, arn, body = orjson.loads(delivery.payload)
    bucket = Bucket(name, "", account, region, 0)
    target, operation, request, caller = _call_of(bucket, service, arn, body.encode(), ctx.clock.now_ms())
    try:
        if service == "sqs":
            request["QueueUrl"] = ctx.transact(_queue_url, arn, caller)
        with_trace(request, service, ctx.caller.trace)
        await ctx.call(target, operation, request, caller=caller)
    except ServiceError as error:
        if _is_gone(error):
            raise GiveUp(error.shape) from error
        raise
