"""Deliveries to single targets: API destinations, what failed and is tried again, what was slowed down."""

from __future__ import annotations

import msgspec
import orjson

from ballroom.kernel import (
    Context,
    Delivery,
    GiveUp,
    ServiceError,
    Throttled,
    Tx,
    Unavailable,
    on_delivery,
    on_exhausted,
)
from ballroom.services.events import calling
from ballroom.services.events.delivering import (
    Pending,
    caller_for,
    decode_pending,
    give_up,
    note,
    send,
)
from ballroom.services.events.failures import TargetFailed, code_of, is_retriable
from ballroom.services.events.kinds import API_DESTINATION, BUS
from ballroom.services.events.live import LiveTarget
from ballroom.services.events.routing import Budget

_CONDITIONS = {"retries": "MaximumRetryAttempts", "age": "MaximumEventAgeInSeconds"}


@on_delivery("events.target", concurrency=200)
async def try_again(ctx: Context, delivery: Delivery) -> None:
    """One attempt; a target that could never be reached gives up at once."""
    pending = decode_pending(delivery.payload)
    outcome = "ok"
    try:
        target = LiveTarget(pending.spec, pending.at.rule_arn(pending.rule))
        if target.kind is API_DESTINATION:
            await calling.call_destination(ctx, delivery, pending, target)
        else:
            ctx.transact(_attempt, delivery, pending, target)
    except (Throttled, Unavailable):
        raise
    except ServiceError as error:
        outcome = error.shape
        if not is_retriable(error):
            text = error.text if isinstance(error, TargetFailed) else f"{code_of(error)}: {error.text}"
            raise GiveUp(text) from error
        raise
    finally:
        route = f"{pending.at.rule_arn(pending.rule)} -> {pending.spec['Arn']}"
        ctx.transact(note, pending.event_id, route, outcome)


def _attempt(tx: Tx, delivery: Delivery, pending: Pending, target: LiveTarget) -> None:
    delivery.complete(tx)
    if target.kind is not BUS:
        send(tx, target, pending.event_id, pending.payload, pending.trace, pending.rounds)
        return
    tx.caller = caller_for(target.parsed.account, target.parsed.region, pending.event_id, pending.trace)
    event = orjson.loads(pending.body)
    Budget().forward(tx, target.arn, event, pending.trace, pending.rounds)


@on_exhausted("events.target")
def dead_letter(tx: Tx, delivery: Delivery, reason: str) -> None:
    """The retry policy is at its end, or trying again is pointless: to the dead-letter queue, or dropped."""
    pending = decode_pending(delivery.payload)
    head = delivery.head
    exhausted = _CONDITIONS.get(reason, "")
    # a delivery's last error reads "shape: text", a reason to give up "CODE: text"
    code, _, text = (head.last_error if exhausted else reason).partition(": ")
    if exhausted:
        code = code_of(ServiceError.of(code or "InternalFailure", text, status=500)) if code else ""
        if head.last_error.startswith("TargetFailed: "):
            code, _, text = text.partition(": ")
    failed = msgspec.structs.replace(
        pending, error_code=code or pending.error_code, error=text or pending.error
    )
    give_up(tx, failed, retries=max(head.attempt - 1, 0), exhausted=exhausted)


