"""What happens to an event on a bus: kept by archives, matched by rules, sent to their targets.

All in the transaction of whoever brings the event, as long as that is a few hundred sends; what is more
follows in durable deliveries, so that no event holds up the server however many rules it matches.
"""

from __future__ import annotations

import msgspec
import orjson

from ballroom.kernel import Context, Delivery, RetryPolicy, Tx, exponential, on_delivery
from ballroom.kernel.lineage import Rounds, read_rounds
from ballroom.kernel.trace import Span
from ballroom.services.events import archiving
from ballroom.services.events.delivering import NAMESPACE, Sent, caller_for, trigger
from ballroom.services.events.envelope import Event, to_json
from ballroom.services.events.errors import BusNotFound
from ballroom.services.events.live import ARCHIVE, Buses, LiveBus, LiveRule
from ballroom.services.events.names import BusName, parse_bus_arn

AT_ONCE = 200
"""Sends in one transaction: about 5 ms of the loop."""
_REST_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=exponential(1_000, 2, 60_000))


class Budget:
    """How many sends the running transaction may still make."""

    __slots__ = ("left",)

    def __init__(self, left: int = AT_ONCE) -> None:
        self.left = left

    def forward(self, tx: Tx, arn: str, event: Event, trace: str | None, rounds: Rounds) -> None:
        """Let an event arrive on another bus, within this budget; in another region it has another id.

        Raises:
            BusNotFound: there is no such bus.
        """
        at = parse_bus_arn(arn)
        bus = Buses.of(tx.kernel).find(tx, at, unchanged=True)
        if bus is None:
            raise BusNotFound(at.name)
        if event["region"] != at.region:
            event = {**event, "id": tx.ids.uuid()}
        accept(tx, bus, event, trace=trace, rounds=rounds, budget=self)


class Rest(msgspec.Struct, array_like=True, frozen=True):
    """An event with the rules that it is still to trigger."""

    bus: tuple[str, str, str]
    rules: list[str]
    body: bytes
    event_id: str
    trace: str | None
    rounds: dict[str, int]
    ingested_ms: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Rest).decode


def accept(
    tx: Tx, bus: LiveBus, event: Event, *, trace: str | None, rounds: Rounds | None = None,
    budget: Budget | None = None, only: frozenset[str] | None = None, always: str | None = None,
) -> None:
    """Let an event arrive on a bus.

    Args:
        rounds: how often it has been through which rules; by default what the trace header says.
        budget: shared by what happens in one transaction.
        only: the ARNs of the rules that may match (replays).
        always: the rule that it is for, whatever its pattern (schedules).
    """
    matched = bus.index.match(event)
    event_id = event["id"]
    tx.kernel.trace.record(
        Span(
            event_id, tx.caller.span or tx.caller.request_id, "events", "Event", bus.at.account, bus.at.region,
            tx.now_ms, tx.now_ms, "ok", f"{event['source']} {event['detail-type']} on {bus.at.name}",
        )
    )  # fmt: skip
    if bus.watched and "replay-name" not in event:
        tx.call("schemas", "Observe", {"Bus": bus.at.arn, "Event": event})
    if always is not None and always not in matched and always in bus.rules:
        matched = [*matched, always]
    if not matched:
        return
    body = to_json(event)
    sent = Sent(
        event, body, event_id, trace, read_rounds(trace) if rounds is None else rounds, tx.now_ms
    )
    rules: list[LiveRule] = []
    for rule_id in matched:
        if rule_id.startswith(ARCHIVE):
            archiving.keep(tx, bus.at, bus.archives[rule_id[1:]], event_id, body)
        else:
            rule = bus.rules[rule_id]
            if only is None or rule.arn in only:
                rules.append(rule)
    if rules:
        tx.kernel.metrics.count(bus.at.account, bus.at.region, NAMESPACE, "MatchedEvents")
        _trigger_all(tx, bus, rules, sent, budget or Budget())


def _trigger_all(tx: Tx, bus: LiveBus, rules: list[LiveRule], sent: Sent, budget: Budget) -> None:
    if sum(len(rule.targets) for rule in rules) > budget.left:
        # what must keep its order is sent first
        rules.sort(key=lambda rule: not (rule.targets and rule.targets[0].arn.endswith(".fifo")))
    for n, rule in enumerate(rules):
        if budget.left <= 0:
            _later(tx, bus, rules[n:], sent)
            return
        budget.left -= max(len(rule.targets), 1)
        trigger(tx, bus, rule, sent, budget.forward)


def _later(tx: Tx, bus: LiveBus, rules: list[LiveRule], sent: Sent) -> None:
    at = bus.at
    rest = Rest(
        (at.account, at.region, at.name), [rule.name for rule in rules], sent.body, sent.id, sent.trace,
        sent.rounds, sent.ingested_ms,
    )  # fmt: skip
    caller = tx.caller
    tx.caller = caller_for(bus.at.account, bus.at.region, sent.id, sent.trace)
    try:
        tx.deliver("events.rest", _encode(rest), policy=_REST_POLICY, lane=bus.at.arn, subject=bus.at.arn)
    finally:
        tx.caller = caller


@on_delivery("events.rest", concurrency=20)
async def trigger_rest(ctx: Context, delivery: Delivery) -> None:
    """The next few hundred sends of an event; they and what is left then are one commit."""
    ctx.transact(_trigger_rest, delivery)


def _trigger_rest(tx: Tx, delivery: Delivery) -> None:
    rest = _decode(delivery.payload)
    bus = Buses.of(tx.kernel).find(tx, BusName(*rest.bus))
    delivery.complete(tx)
    if bus is None:
        return
    sent = Sent(
        orjson.loads(rest.body), rest.body, rest.event_id, rest.trace, rest.rounds, rest.ingested_ms
    )
    rules = [bus.rules[name] for name in rest.rules if name in bus.rules and bus.rules[name].record.enabled]
    _trigger_all(tx, bus, rules, sent, Budget())


__all__ = ["Budget", "accept"]
