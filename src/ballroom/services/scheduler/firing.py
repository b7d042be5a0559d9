"""A schedule's moment comes: its target is invoked, at least once, and the next moment is planned.

What can join the transaction is invoked in the very commit that plans the next moment, so it happens exactly
once. What cannot, and what failed, is a durable delivery with the schedule's retry policy and dead-letter
queue.

Source: EventBridge Scheduler User Guide, "Adding context attributes", "Configuring a dead-letter queue",
API Reference, RetryPolicy.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from ballroom.kernel import (
    Caller,
    Context,
    Delivery,
    GiveUp,
    RetryPolicy,
    ServiceError,
    Throttled,
    Tx,
    exponential,
    on_delivery,
    on_exhausted,
    on_timer,
    service_caller,
)
from ballroom.kernel.arn import find_arn

from .planning import FIRE, age_limit_ms, plan
from .resources import Schedule, delete_schedule, schedule_key
from .targets import Invocation, invocation_of

INVOKE = "scheduler.invoke"
NAMESPACE = "AWS/Scheduler"
PRINCIPAL = "scheduler.amazonaws.com"
DEFAULT_RETRIES = 185
BACK_OFF_MS = exponential(1_000, 2, 600_000)


class Firing(msgspec.Struct, array_like=True, frozen=True):
    """One moment of a schedule: what a delivery carries."""

    schedule_arn: str
    account: str
    region: str
    group: str
    target: dict[str, Any]
    scheduled_ms: int
    execution_id: str
    attempts: int
    """Made before the delivery's own."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Firing).decode


@on_timer(FIRE)
def fire(tx: Tx, account: str, region: str, group: str, name: str, generation: str) -> None:
    """Invoke the target and plan the next moment.

    Harmless if late or repeated: a schedule that changed, or whose moment was dealt with, is left alone.
    """
    schedule = tx.get(Schedule, schedule_key(account, region, group, name))
    if schedule is None or schedule.generation != generation or schedule.next_ms is None:
        return
    if schedule.wake_ms is None or schedule.wake_ms > tx.now_ms:
        return
    _invoke(tx, schedule, schedule.next_ms)
    planned = plan(tx, schedule, schedule.next_ms)
    if planned.next_ms is None and schedule.settings.get("ActionAfterCompletion") == "DELETE":
        delete_schedule(tx, planned)


def _invoke(tx: Tx, schedule: Schedule, moment_ms: int) -> None:
    firing = Firing(
        schedule.arn, schedule.account, schedule.region, schedule.group, schedule.target, moment_ms,
        tx.ids.uuid(), 0,
    )  # fmt: skip
    retries = schedule.target.get("RetryPolicy", {}).get("MaximumRetryAttempts", DEFAULT_RETRIES)
    caller = _caller(firing, tx.caller.span or tx.caller.request_id)
    left_ms = age_limit_ms(schedule) - (tx.now_ms - moment_ms)
    attempts = retries + 1
    due_ms = tx.now_ms
    try:
        invocation = _invocation(firing, 1)
        if not tx.kernel.operation(invocation.service, invocation.operation).waits:
            _count(tx, firing, "InvocationAttemptCount")
            _join(tx, invocation, caller)
            return
    except (Throttled, TypeError):
        pass  # not now, or it has to wait: the delivery does it
    except ServiceError as error:
        _count(tx, firing, "TargetErrorCount")
        firing = msgspec.structs.replace(firing, attempts=1)
        attempts, due_ms = retries, tx.now_ms + BACK_OFF_MS[0]
        if attempts < 1 or not _may_help(error):
            _drop(tx, firing, error.shape, error.text, None if attempts else "MaximumRetryAttempts", 0)
            return
    before = tx.caller
    tx.caller = caller
    try:
        tx.deliver(
            INVOKE, _encode(firing), due_ms=due_ms, subject=firing.schedule_arn,
            policy=RetryPolicy(attempts, max(left_ms, 0), BACK_OFF_MS, jitter=0.2),
        )  # fmt: skip
    finally:
        tx.caller = before


def _join(tx: Tx, invocation: Invocation, caller: Caller) -> None:
    on_behalf = msgspec.structs.replace(caller, account=invocation.account, region=invocation.region)
    answer = tx.call(
        invocation.service, invocation.operation, _located(tx, invocation, on_behalf), caller=on_behalf
    )
    _check_answer(invocation, answer)


def _located(tx: Tx, invocation: Invocation, caller: Caller) -> dict[str, Any]:
    """SendMessage wants the queue's URL, which the queue's ARN does not tell."""
    request = invocation.input
    arn = find_arn(request.get("QueueUrl", "")) if invocation.service == "sqs" else None
    if arn is None:
        return request
    url = tx.call("sqs", "GetQueueUrl", {"QueueName": arn.resource}, caller=caller)["QueueUrl"]
    return {**request, "QueueUrl": url}


def _check_answer(invocation: Invocation, answer: dict[str, Any]) -> None:
    """PutEvents tells of a failed entry in an answer that is none of an error."""
    if invocation.operation == "PutEvents" and answer.get("FailedEntryCount"):
        entry = answer["Entries"][0]
        raise ServiceError.of(entry["ErrorCode"], entry.get("ErrorMessage", ""), status=400)


@on_delivery(INVOKE, concurrency=200)
async def attempt(ctx: Context, delivery: Delivery) -> None:
    """One more attempt. A repeat after a crash has the same execution id."""
    firing = _decode(delivery.payload)
    number = firing.attempts + delivery.attempt
    caller = _caller(firing, delivery.id)
    try:
        invocation = _invocation(firing, number)
        if ctx.kernel.operation(invocation.service, invocation.operation).waits:
            ctx.transact(_count, firing, "InvocationAttemptCount")
            on_behalf = msgspec.structs.replace(caller, account=invocation.account, region=invocation.region)
            answer = await ctx.call(
                invocation.service, invocation.operation, invocation.input, caller=on_behalf
            )
            _check_answer(invocation, answer)
        else:
            ctx.transact(_attempt_joined, delivery, firing, invocation, caller)
    except ServiceError as error:
        if isinstance(error, Throttled):
            raise
        ctx.transact(_count, firing, "TargetErrorCount")
        if not _may_help(error):
            raise GiveUp(f"{error.shape}: {error.text}") from error
        raise


def _attempt_joined(tx: Tx, delivery: Delivery, firing: Firing, invocation: Invocation, caller: Caller) -> None:
    _count(tx, firing, "InvocationAttemptCount")
    _join(tx, invocation, caller)
    delivery.complete(tx)


@on_exhausted(INVOKE)
def exhausted(tx: Tx, delivery: Delivery, reason: str) -> None:
    """Tell the dead-letter queue, if the schedule has one."""
    firing = _decode(delivery.payload)
    conditions = {"age": "MaximumEventAge", "retries": "MaximumRetryAttempts"}
    error = delivery.head.last_error if reason in conditions else reason
    code, _, text = error.partition(": ")
    tries = firing.attempts + delivery.head.attempt
    _drop(tx, firing, code or "UNKNOWN", text, conditions.get(reason), max(tries - 1, 0))


def _drop(tx: Tx, firing: Firing, code: str, text: str, condition: str | None, retries: int) -> None:
    _count(tx, firing, "InvocationDroppedCount")
    queue = firing.target.get("DeadLetterConfig", {}).get("Arn")
    arn = find_arn(queue) if queue else None
    if arn is None:
        return
    told = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": text or code,
        "EXECUTION_ID": firing.execution_id,
        "EXHAUSTED_RETRY_CONDITION": condition,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULED_TIME": _iso(firing.scheduled_ms),
        "SCHEDULE_ARN": firing.schedule_arn,
        "TARGET_ARN": firing.target["Arn"],
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items() if value}
    caller = service_caller(arn.account, arn.region, PRINCIPAL, firing.execution_id)
    try:
        with tx.savepoint():
            url = tx.call("sqs", "GetQueueUrl", {"QueueName": arn.resource}, caller=caller)["QueueUrl"]
            message = {
                "QueueUrl": url,
                "MessageBody": input_of(firing, retries + 1),
                "MessageAttributes": attributes,
            }
            tx.call("sqs", "SendMessage", message, caller=caller)
        _count(tx, firing, "InvocationsSentToDeadLetterCount")
    except ServiceError:
        _count(tx, firing, "InvocationsFailedToBeSentToDeadLetterCount")


def _may_help(error: ServiceError) -> bool:
    """Whether another attempt may end otherwise: the target is busy, or the fault is the service's."""
    if error.status is not None and error.status >= 500:
        return True
    return error.status == 429 or "Throttl" in error.shape or "TooManyRequests" in error.shape


def _invocation(firing: Firing, number: int) -> Invocation:
    text = input_of(firing, number)
    return invocation_of(firing.target, text, firing.execution_id, firing.account, firing.region)


def input_of(firing: Firing, number: int) -> str:
    """The target's input with the context attributes filled in; a default notification if it has none."""
    text: str | None = firing.target.get("Input")
    if text is None:
        if ":::aws-sdk:" in firing.target["Arn"]:
            return "{}"
        return _notification(firing)
    if "<aws.scheduler." not in text:
        return text
    for name, value in (
        ("schedule-arn", firing.schedule_arn),
        ("scheduled-time", _iso(firing.scheduled_ms)),
        ("execution-id", firing.execution_id),
        ("attempt-number", str(number)),
    ):
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _notification(firing: Firing) -> str:
    event = {
        "version": "0",
        "id": firing.execution_id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": firing.account,
        "time": _iso(firing.scheduled_ms),
        "region": firing.region,
        "resources": [firing.schedule_arn],
        "detail": "{}",
    }
    return orjson.dumps(event).decode()


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _caller(firing: Firing, cause: str) -> Caller:
    caller = service_caller(firing.account, firing.region, PRINCIPAL, firing.execution_id)
    return msgspec.structs.replace(caller, span=cause)


def _count(tx: Tx, firing: Firing, name: str) -> None:
    dimensions = (("ScheduleGroup", firing.group),)
    tx.kernel.metrics.count(firing.account, firing.region, NAMESPACE, name, dimensions)
