"""From a matched rule to its targets: sent in the event's own transaction where that is possible.

Queues, topics, functions, workflows, log groups and other buses get theirs in the commit that
acknowledges the event, so neither is ever without the other. API destinations, and whatever failed but
may succeed later, are deliveries with the target's retry policy; what cannot be sent goes to the dead
letter queue, in the commit that gives it up.

Source: EventBridge User Guide, "Event retry policy and using dead-letter queues".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ballroom.kernel import (
    Caller,
    RetryPolicy,
    ServiceError,
    Throttled,
    Tx,
    Unavailable,
    exponential,
)
from ballroom.kernel.arn import find_arn
from ballroom.kernel.lineage import MOST_ROUNDS, Rounds, once_more, with_rounds
from ballroom.kernel.trace import Span
from ballroom.services.events.envelope import Event
from ballroom.services.events.failures import code_of, is_retriable
from ballroom.services.events.kinds import BUS
from ballroom.services.events.names import BusName
from ballroom.services.events.resources import Spec
from ballroom.services.events.transform import Matched, whole

if TYPE_CHECKING:
    from ballroom.services.events.live import LiveBus, LiveRule, LiveTarget

log = logging.getLogger("ballroom.events")

NAMESPACE = "AWS/Events"
DEFAULT_TRIES = 185
DEFAULT_AGE_S = 86_400
BACK_OFF_MS = exponential(1_000, 2, 480_000)
"""24 hours hold 185 tries."""
STOPPED_AFTER = 32
"""Rounds after which a loop, already slowed down to hours, is cut."""
PRINCIPAL = "events.amazonaws.com"


class Sent(NamedTuple):
    """An event on its way, as long as its transaction lasts."""

    event: Event
    body: bytes
    id: str
    trace: str | None
    """As the client gave it."""
    rounds: Rounds
    ingested_ms: int


Forward = Callable[[Tx, str, Event, str | None, Rounds], None]


class Pending(msgspec.Struct, array_like=True, frozen=True):
    """What a delivery to one target carries."""

    bus: tuple[str, str, str]
    rule: str
    spec: Spec
    body: bytes
    payload: bytes
    event_id: str
    trace: str | None
    rounds: dict[str, int]
    error_code: str = ""
    error: str = ""

    @property
    def at(self) -> BusName:
        """The bus of the rule."""
        return BusName(*self.bus)


encode_pending = msgspec.msgpack.Encoder().encode
decode_pending = msgspec.msgpack.Decoder(Pending).decode


def trigger(tx: Tx, bus: LiveBus, rule: LiveRule, sent: Sent, forward: Forward) -> None:
    """Send an event to all targets of a rule that it has matched; `forward` brings it to another bus."""
    at = bus.at
    rounds = once_more(sent.rounds, rule.mark)
    turn = rounds[rule.mark]
    for target in rule.targets:
        kind = target.kind
        if target.render is whole or kind is BUS:
            payload = sent.body
        else:
            payload = target.render(Matched(sent.event, sent.body, rule.arn, rule.name, sent.ingested_ms))
        if turn > MOST_ROUNDS:
            _slow_down(tx, at, rule, target, sent, payload, rounds, turn)
        elif kind.send is None and kind is not BUS:
            deliver_later(tx, _pending(at, rule.name, target.spec, sent, payload, rounds))
        else:
            _send_now(tx, at, rule, target, sent, payload, rounds, forward)
    tx.kernel.metrics.count(at.account, at.region, NAMESPACE, "TriggeredRules", rule.dimensions)


def _pending(
    at: BusName, rule: str, spec: Spec, sent: Sent, payload: bytes, rounds: Rounds,
    error: ServiceError | None = None,
) -> Pending:
    code, text = ("", "") if error is None else (code_of(error), error.text)
    where = (at.account, at.region, at.name)
    return Pending(where, rule, spec, sent.body, payload, sent.id, sent.trace, rounds, code, text)


def _send_now(
    tx: Tx, at: BusName, rule: LiveRule, target: LiveTarget, sent: Sent, payload: bytes, rounds: Rounds,
    forward: Forward,
) -> None:
    outcome = "ok"
    try:
        if target.kind is BUS:
            with tx.savepoint():
                _forward(tx, target.arn, sent, rounds, forward)
        else:
            send(tx, target, sent.id, payload, sent.trace, rounds)  # one call, which is its own savepoint
    except (Throttled, Unavailable):
        raise  # the store's: nothing of the event may be acknowledged
    except ServiceError as error:
        outcome = error.shape
        failed = _pending(at, rule.name, target.spec, sent, payload, rounds, error)
        if is_retriable(error) and tries_of(target.spec) > 0:
            deliver_later(tx, failed, after_failure=True)
        else:
            give_up(tx, failed, retries=0, exhausted="")
    note(tx, sent.id, target.route, outcome)


def send(
    tx: Tx, target: LiveTarget, event_id: str, payload: bytes, trace: str | None, rounds: Rounds
) -> None:
    """Send to a target that can be reached within the transaction.

    Raises:
        ServiceError: what the target's service answers.
    """
    parsed = target.parsed
    assert target.kind.send is not None
    # only functions and workflows always hear of the rounds: a message has a trace only if the client traced
    if (trace is not None and ";" in trace) or parsed.service in ("lambda", "states"):
        trace = with_rounds(trace, rounds)
    caller = caller_for(parsed.account, parsed.region, event_id, trace)
    target.kind.send(tx, parsed, target.spec, payload, caller)


def _forward(tx: Tx, arn: str, sent: Sent, rounds: Rounds, forward: Forward) -> None:
    before = tx.caller
    tx.caller = caller_for(before.account, before.region, sent.id, sent.trace)
    try:
        forward(tx, arn, sent.event, sent.trace, rounds)
    finally:
        tx.caller = before


def caller_for(account: str, region: str, event_id: str, trace: str | None) -> Caller:
    """EventBridge acting in the target's account, because of an event."""
    return Caller(
        account, region, f"arn:aws:iam::{account}:root", account, "", event_id, trace, PRINCIPAL, span=event_id
    )


def note(tx: Tx, event_id: str, route: str, outcome: str) -> None:
    """Leave a span that says where an event went: from which rule to which target."""
    kernel = tx.kernel
    now, caller = tx.now_ms, tx.caller
    kernel.trace.record(
        Span(
            kernel.ids.hex(16), event_id, "events", "Target", caller.account, caller.region, now, now, outcome,
            route,
        )
    )  # fmt: skip


# -- later --------------------------------------------------------------------------------------------


def tries_of(spec: Spec) -> int:
    """How often a target is tried again."""
    tries = (spec.get("RetryPolicy") or {}).get("MaximumRetryAttempts", DEFAULT_TRIES)
    return int(tries)


def age_ms_of(spec: Spec) -> int:
    """How old an event may get before it is given up."""
    seconds = (spec.get("RetryPolicy") or {}).get("MaximumEventAgeInSeconds", DEFAULT_AGE_S)
    return 1000 * int(seconds)


def deliver_later(
    tx: Tx, pending: Pending, *, after_failure: bool = False, due_ms: int | None = None
) -> None:
    """Leave a delivery with the target's retry policy. A first try that has failed counts."""
    tries = tries_of(pending.spec)
    policy = RetryPolicy(
        maximum_attempts=max(tries, 1) if after_failure else tries + 1,
        maximum_age_ms=age_ms_of(pending.spec),
        back_off_ms=BACK_OFF_MS,
        jitter=0.2,
    )
    if after_failure:
        due_ms = tx.now_ms + BACK_OFF_MS[0]
    at = pending.at
    caller = tx.caller
    tx.caller = caller_for(at.account, at.region, pending.event_id, pending.trace)
    try:
        subject = pending.spec["Arn"]
        tx.deliver("events.target", encode_pending(pending), policy=policy, due_ms=due_ms, subject=subject)
    finally:
        tx.caller = caller


def _slow_down(
    tx: Tx, at: BusName, rule: LiveRule, target: LiveTarget, sent: Sent, payload: bytes, rounds: Rounds,
    turn: int,
) -> None:
    """A rule that feeds itself: its rounds are put off, each twice as long as the last, and end one day."""
    tx.kernel.metrics.count(at.account, at.region, NAMESPACE, "ThrottledRules", rule.dimensions)
    pending = _pending(at, rule.name, target.spec, sent, payload, rounds)
    if turn > STOPPED_AFTER:
        log.warning("%s feeds itself: stopped in round %d (event %s)", rule.arn, turn, sent.id)
        stopped = msgspec.structs.replace(
            pending, error_code="THROTTLING", error=f"The rule has caused itself {turn} times."
        )
        give_up(tx, stopped, retries=0, exhausted="")
        note(tx, sent.id, target.route, "stopped: the rule feeds itself")
        return
    wait_ms = 1000 << (turn - MOST_ROUNDS - 1)
    log.warning(
        "%s feeds itself: round %d is throttled, %d s to %s (event %s)",
        rule.arn, turn, wait_ms // 1000, target.arn, sent.id,
    )  # fmt: skip
    deliver_later(tx, pending, due_ms=tx.now_ms + wait_ms)
    note(tx, sent.id, target.route, "throttled: the rule feeds itself")


def give_up(tx: Tx, pending: Pending, *, retries: int, exhausted: str) -> None:
    """The target will not get the event: to the dead-letter queue, or dropped with a line in the log.

    `exhausted` is the limit of the retry policy that was reached, if any.
    """
    at, spec = pending.at, pending.spec
    dimensions = (("RuleName", pending.rule),)
    count = tx.kernel.metrics.count
    count(at.account, at.region, NAMESPACE, "FailedInvocations", dimensions)
    rule_arn, target_arn = at.rule_arn(pending.rule), spec["Arn"]
    dead_letter = (spec.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letter is None:
        log.warning(
            "event %s is dropped: %s cannot be reached for %s (%s: %s)",
            pending.event_id, target_arn, rule_arn, pending.error_code, pending.error,
        )  # fmt: skip
        return
    attributes = {
        "RULE_ARN": rule_arn, "TARGET_ARN": target_arn, "ERROR_CODE": pending.error_code or "UNKNOWN",
        "ERROR_MESSAGE": (pending.error or "The event could not be delivered.")[:1024],
        "RETRY_ATTEMPTS": str(retries),
    }  # fmt: skip
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    try:
        with tx.savepoint():
            _dead_letter(tx, dead_letter, pending, attributes)
    except (Throttled, Unavailable):
        raise
    except ServiceError as error:
        count(at.account, at.region, NAMESPACE, "InvocationsFailedToBeSentToDlq", dimensions)
        log.warning("event %s is lost: its dead-letter queue %s: %r", pending.event_id, dead_letter, error)
    else:
        count(at.account, at.region, NAMESPACE, "InvocationsSentToDlq", dimensions)


def _dead_letter(tx: Tx, arn: str, pending: Pending, attributes: dict[str, str]) -> None:
    queue = find_arn(arn)
    if queue is None:
        raise ServiceError.of("QueueDoesNotExist", f"{arn} is no queue", status=400)
    message = {
        "QueueUrl": f"{tx.kernel.settings.base_url}/{queue.account}/{queue.resource}",
        "MessageBody": pending.body.decode("utf-8", "surrogatepass"),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
        },
    }
    caller = caller_for(queue.account, queue.region, pending.event_id, None)
    tx.call("sqs", "SendMessage", message, caller=caller)
