"""Receiving messages, at once or by waiting for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from ballroom.kernel import Context, Request, Response, Tx, Waiting, operation
from ballroom.services.sqs import attempts, fifo, standard
from ballroom.services.sqs.errors import InvalidAttributeName, InvalidParameterValue, OverLimit
from ballroom.services.sqs.live import LiveQueue, load_queue
from ballroom.services.sqs.message_attributes import digest, selector, to_wire
from ballroom.services.sqs.polling import Nothing, poll
from ballroom.services.sqs.queue_attributes import MAX_VISIBILITY_S, MAX_WAIT_S, READABLE
from ballroom.services.sqs.received import MAX_IN_FLIGHT, Received

_MOST = 10
_NO_NAMES: frozenset[str] = frozenset()
_PATIENCE_MS = 366 * 24 * 3600 * 1000
_SYSTEM_NAMES = frozenset({
    "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
    "SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
})


class _Ask(msgspec.Struct, frozen=True):
    """What a receiver asks for, checked."""

    url: str
    limit: int
    visibility_s: int | None
    attempt_id: str | None
    system_names: frozenset[str]
    attribute_names: list[str]


@operation("ReceiveMessage")
def receive_message(tx: Tx, request: Request) -> Response | Waiting:
    """Hand out up to `MaxNumberOfMessages`, hiding each for the visibility timeout.

    With a wait time and nothing to hand out, it waits without a thread until something comes.

    Raises:
        OverLimit: 120,000 messages of this standard queue are in flight.

    Source: SQS API Reference, ReceiveMessage; Developer Guide, "Amazon SQS short and long polling".
    """
    live = load_queue(tx, request["QueueUrl"])
    ask = _read(live, request)
    wait_s = request.get("WaitTimeSeconds", live.meaning.wait_s)
    found = _look(tx, ask)
    if not isinstance(found, Nothing):
        return found
    if wait_s == 0:
        return _empty(tx, live)
    return Waiting(partial(_wait, ask, found, tx.now_ms + 1000 * wait_s))


async def _wait(ask: _Ask, found: Nothing, until_ms: int, ctx: Context) -> Response:
    # somebody from outside who waits may make a virtual clock jump; a service that polls all day must not,
    # and it waits on until something comes: looking every 20 s costs a virtual month 130,000 looks
    pulls = ctx.caller.source == "wire"
    if not pulls:
        until_ms += _PATIENCE_MS
    answer = await poll(ctx, lambda tx: _look(tx, ask), found, until_ms, pulls=pulls)
    if answer is None:
        answer = ctx.transact(lambda tx: _empty(tx, load_queue(tx, ask.url)))
    return answer


def _read(live: LiveQueue, request: Request) -> _Ask:
    limit = request.get("MaxNumberOfMessages", 1)
    if not 1 <= limit <= _MOST:
        raise InvalidParameterValue.because(
            limit, "MaxNumberOfMessages", f"Must be between 1 and {_MOST}, if provided."
        )
    wait_s = request.get("WaitTimeSeconds", 0)
    if not 0 <= wait_s <= MAX_WAIT_S:
        raise InvalidParameterValue.because(
            wait_s, "WaitTimeSeconds", f"Must be >= 0 and <= {MAX_WAIT_S}, if provided."
        )
    visibility_s = request.get("VisibilityTimeout")
    if visibility_s is not None and not 0 <= visibility_s <= MAX_VISIBILITY_S:
        raise InvalidParameterValue.because(
            visibility_s, "VisibilityTimeout", f"Must be >= 0 and <= {MAX_VISIBILITY_S}, if provided."
        )
    attempt_id = request.get("ReceiveRequestAttemptId")
    if attempt_id is not None:
        attempts.check(live, attempt_id)
    names = _NO_NAMES
    if "MessageSystemAttributeNames" in request or "AttributeNames" in request:
        names = frozenset(
            (*request.get("MessageSystemAttributeNames", ()), *request.get("AttributeNames", ()))
        )
    for name in names:
        if name not in _SYSTEM_NAMES and name not in READABLE:
            raise InvalidAttributeName.unknown(name)
    return _Ask(
        request["QueueUrl"], limit, visibility_s, attempt_id, names, request.get("MessageAttributeNames") or []
    )


def _look(tx: Tx, ask: _Ask) -> Response | Nothing:
    """One look at the queue, which may have changed or gone since the last."""
    live = load_queue(tx, ask.url)
    seconds = ask.visibility_s if ask.visibility_s is not None else live.meaning.visibility_s
    received = _take(tx, live, ask, 1000 * seconds)
    if not received:
        return Nothing(live.pollers, live.next_visible_ms(tx.now_ms), live.pollers.calls)
    metrics = tx.kernel.metrics
    tx.after_commit(partial(metrics.add, live.metrics["NumberOfMessagesReceived"], len(received)))
    if len(live.pollers):
        total = live.head(tx).total
        tx.after_commit(lambda: live.pollers.wake() if total > live.in_flight + live.delayed else None)
    return {"Messages": [_tell(live, ask, one) for one in received]}


def _take(tx: Tx, live: LiveQueue, ask: _Ask, hide_ms: int) -> list[Received]:
    if live.meaning.fifo:
        if ask.attempt_id is None:
            return fifo.take(tx, live, ask.limit, hide_ms)
        again = attempts.replay(tx, live, ask.attempt_id, hide_ms)
        if again:
            return again
        received = fifo.take(tx, live, ask.limit, hide_ms)
        if received:
            attempts.remember(tx, live, ask.attempt_id, received)
        return received
    live.refresh(tx.now_ms)
    if live.in_flight >= MAX_IN_FLIGHT:
        raise OverLimit(f"The queue has {MAX_IN_FLIGHT} messages in flight, which is the maximum.")
    return standard.take(tx, live, ask.limit, hide_ms)


def _empty(tx: Tx, live: LiveQueue) -> Response:
    tx.kernel.metrics.add(live.metrics["NumberOfEmptyReceives"])
    return {}


def _tell(live: LiveQueue, ask: _Ask, received: Received) -> dict[str, Any]:
    """A message as the receiver sees it, with what it asked for."""
    message = received.message
    told: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": received.handle(live),
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if ask.system_names and (system := _system_attributes(live, received, ask.system_names)):
        told["Attributes"] = system
    if ask.attribute_names and message.attributes:
        chosen = selector(ask.attribute_names)(message.attributes)
        if chosen:
            told["MD5OfMessageAttributes"] = digest(chosen)
            told["MessageAttributes"] = to_wire(chosen)
    return told


def _system_attributes(live: LiveQueue, received: Received, names: frozenset[str]) -> dict[str, str]:
    message, flight = received.message, received.flight
    known = {
        "SenderId": message.sender,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateReceiveCount": str(flight.count),
        "ApproximateFirstReceiveTimestamp": str(flight.first_ms),
        "MessageGroupId": message.group,
        "AWSTraceHeader": message.trace,
        "DeadLetterQueueSourceArn": message.source,
    }
    if live.meaning.fifo:
        known["MessageDeduplicationId"] = message.dedup
        known["SequenceNumber"] = fifo.sequence_number(message.sequence)
    everything = "All" in names
    return {n: value for n, value in known.items() if value is not None and (everything or n in names)}
