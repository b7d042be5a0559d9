"""Asynchronous invocations: queued in the commit that accepts them, tried again, and their ends told.

One durable delivery each. Its request id stays the same over all attempts. The settings that count are
those of the moment of each attempt, so a change reaches events that wait already.

Source: Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ballroom.kernel import (
    Context,
    Delivery,
    RetryAt,
    RetryPolicy,
    ServiceError,
    Tx,
    on_delivery,
)
from ballroom.services.lambda_ import destinations
from ballroom.services.lambda_.destinations import AGED, EXHAUSTED, LOOP, NO_CONCURRENCY, SUCCESS
from ballroom.services.lambda_.errors import LambdaError, ResourceNotFound, TooManyRequests
from ballroom.services.lambda_.invocation import Call, count, invoke
from ballroom.services.lambda_.names import LATEST, FunctionName
from ballroom.services.lambda_.outcome import Outcome
from ballroom.services.lambda_.recursion import is_loop, one_round_more
from ballroom.services.lambda_.resources import AsyncConfig, find_function, key, load_version

RETRIES = 2
AGE_LIMIT_MS = 6 * 3600 * 1000
BACK_OFF_MS = (60_000, 120_000)
_THROTTLED_AT_MOST_MS = 300_000
_POLICY = RetryPolicy(maximum_attempts=None, maximum_age_ms=None, back_off_ms=BACK_OFF_MS)


class AsyncEvent(msgspec.Struct, array_like=True, frozen=True):
    """What a delivery carries."""

    account: str
    region: str
    name: str
    qualifier: str  # or ""
    payload: bytes
    request_id: str
    client_context: str | None
    trace: str | None

    @property
    def at(self) -> FunctionName:
        """The function, as it was invoked."""
        return FunctionName(self.account, self.region, self.name, self.qualifier or None)


class FunctionFailed(LambdaError):
    """An attempt at an asynchronous invocation ended in an error of the function."""

    shape = "FunctionError"


class Rules(msgspec.Struct, frozen=True):
    """What holds for an event at this moment."""

    retries: int
    age_ms: int
    on_success: str
    on_failure: str
    dead_letter_arn: str
    stopped: bool
    """Reserved concurrency 0: no attempt will ever succeed."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AsyncEvent).decode


def queue_event(
    tx: Tx, at: FunctionName, payload: bytes, *, request_id: str, client_context: str | None = None,
    trace: str | None = None,
) -> None:
    """Accept an event: from this commit on it is delivered at least once."""
    event = AsyncEvent(
        at.account, at.region, at.name, at.qualifier or "", payload, request_id, client_context, trace
    )
    count(tx.kernel, at, "AsyncEventsReceived")
    tx.deliver("lambda.async", _encode(event), policy=_POLICY, subject=at.qualified_arn)


@on_delivery("lambda.async", concurrency=1000)
async def run(ctx: Context, delivery: Delivery) -> None:
    """One attempt. Raising `FunctionFailed` waits for the next; everything final is told in one commit."""
    event = _decode(delivery.payload)
    rules = ctx.transact(_rules, event)
    if rules is None:
        count(ctx.kernel, event.at, "AsyncEventsDropped")
        return  # the function is gone, and its events with it
    age_ms = ctx.clock.now_ms() - delivery.created_ms
    count(ctx.kernel, event.at, "AsyncEventAge", age_ms)
    if age_ms > rules.age_ms:
        ctx.transact(_end, delivery, event, rules, AGED, delivery.attempt - 1, None)
        return
    if is_loop(event.at, event.trace):
        count(ctx.kernel, event.at, "RecursiveInvocationsDropped")
        ctx.transact(_end, delivery, event, rules, LOOP, delivery.attempt - 1, None)
        return
    if rules.stopped:
        ctx.transact(_end, delivery, event, rules, NO_CONCURRENCY, 0, None)
        return
    outcome = await _attempt(ctx, delivery, event, age_ms)
    if not outcome.function_error:
        ctx.transact(_end, delivery, event, rules, SUCCESS, delivery.attempt, outcome)
    elif delivery.attempt > rules.retries:
        ctx.transact(_end, delivery, event, rules, EXHAUSTED, delivery.attempt, outcome)
    elif age_ms + BACK_OFF_MS[min(delivery.attempt, len(BACK_OFF_MS)) - 1] > rules.age_ms:
        ctx.transact(_end, delivery, event, rules, AGED, delivery.attempt, outcome)
    else:
        raise FunctionFailed(f"{event.at.qualified_arn}: {outcome.function_error}")


async def _attempt(ctx: Context, delivery: Delivery, event: AsyncEvent, age_ms: int) -> Outcome:
    trace = one_round_more(ctx.kernel, event.at, event.trace)
    call = Call(event.at, event.payload, event.request_id, trace, event.client_context)
    try:
        return await invoke(ctx, call)
    except TooManyRequests as throttled:
        # throttles do not count as attempts: wait as long as the event has waited so far, 1 s to 5 min
        wait_ms = min(max(age_ms, 1000), _THROTTLED_AT_MOST_MS)
        raise RetryAt(ctx.clock.now_ms() + wait_ms) from throttled


def _rules(tx: Tx, event: AsyncEvent) -> Rules | None:
    at = event.at
    function = find_function(tx, at)
    if function is None:
        return None
    try:
        version = load_version(tx, at)
    except ResourceNotFound:
        return None
    config = tx.get(AsyncConfig, key(at, "async", at.qualifier or LATEST)) or AsyncConfig(modified_ms=0)
    return Rules(
        retries=RETRIES if config.retries is None else config.retries,
        age_ms=AGE_LIMIT_MS if config.age_s is None else config.age_s * 1000,
        on_success=config.on_success,
        on_failure=config.on_failure,
        dead_letter_arn=version.settings.dead_letter_arn,
        stopped=function.reserved_concurrency == 0,
    )


def _end(
    tx: Tx, delivery: Delivery, event: AsyncEvent, rules: Rules, condition: str, attempts: int,
    outcome: Outcome | None,
) -> None:
    """The delivery ends, and whoever should know is told in the same commit."""
    delivery.complete(tx)
    destination = rules.on_success if condition == SUCCESS else rules.on_failure
    if destination:
        record = destinations.record_of(
            now_ms=tx.now_ms, request_id=event.request_id,
            function_arn=event.at.at(event.qualifier or LATEST).qualified_arn, condition=condition,
            attempts=attempts, payload=event.payload, outcome=outcome,
        )  # fmt: skip
        _tell(tx, event, "DestinationDeliveryFailures", lambda: destinations.send(
            tx, destination, record, trace=event.trace
        ))  # fmt: skip
    if condition == SUCCESS:
        return
    if rules.dead_letter_arn:
        _tell(tx, event, "DeadLetterErrors", lambda: destinations.send_dead_letter(
            tx, rules.dead_letter_arn, payload=event.payload, request_id=event.request_id, outcome=outcome,
            trace=event.trace,
        ))  # fmt: skip
    if not destination and not rules.dead_letter_arn:
        count(tx.kernel, event.at, "AsyncEventsDropped")


def _tell(tx: Tx, event: AsyncEvent, metric: str, send: Callable[[], None]) -> None:
    """A target that cannot be reached costs the record, as on AWS, and is counted."""
    try:
        with tx.savepoint():
            send()
    except ServiceError:
        count(tx.kernel, event.at, metric)
