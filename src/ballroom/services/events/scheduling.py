"""Rules with a schedule: a timer each, and the event that AWS makes of it.

A scheduled event goes to its own rule's targets, and arrives on the default bus, where other rules may
match it. What came due while the server was down fires once when it is back.

Source: EventBridge User Guide, "Creating a scheduled rule (legacy)".
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from ballroom.kernel import Tx, on_timer
from ballroom.kernel.schedules import Schedule, parse_schedule
from ballroom.services.events.envelope import make_event
from ballroom.services.events.live import Buses
from ballroom.services.events.names import DEFAULT, BusName
from ballroom.services.events.resources import Rule, find_rule, key
from ballroom.services.events.routing import Budget, accept

_KINDS = frozenset({"cron", "rate"})
_TIMER = "events.schedule"


@lru_cache(maxsize=4096)
def parse(expression: str, anchor_ms: int) -> Schedule:
    """The schedule of a rule; there is no `at`, and no time zone but UTC.

    Raises:
        InvalidSchedule: AWS would refuse it.
    """
    return parse_schedule(expression, anchor_ms=anchor_ms, kinds=_KINDS)


def arm(tx: Tx, at: BusName, rule: Rule) -> Rule:
    """The rule with its next timer set, instead of the one that was."""
    disarm(tx, at, rule)
    return _armed(tx, at, rule)


def _armed(tx: Tx, at: BusName, rule: Rule) -> Rule:
    due_ms = None
    if rule.schedule is not None and rule.enabled:
        due_ms = parse(rule.schedule, rule.anchor_ms).next_after(tx.now_ms)
        if due_ms is not None:
            tx.wake_at(due_ms, _TIMER, at.account, at.region, rule.name, housekeeping=True)
    return rule if due_ms == rule.due_ms else msgspec.structs.replace(rule, due_ms=due_ms)


def disarm(tx: Tx, at: BusName, rule: Rule) -> None:
    """The rule fires no more."""
    if rule.due_ms is not None:
        tx.cancel_wake(rule.due_ms, _TIMER, at.account, at.region, rule.name, housekeeping=True)


@on_timer(_TIMER)
def fire(tx: Tx, account: str, region: str, name: str) -> None:
    """One moment of a schedule. Harmless if repeated: the rule knows which moment comes next."""
    at = BusName(account, region, DEFAULT)
    rule = find_rule(tx, at, name)
    if rule is None or not rule.enabled or rule.due_ms is None or rule.due_ms > tx.now_ms:
        return
    due_ms = rule.due_ms
    bus = Buses.of(tx.kernel).find(tx, at, unchanged=True)
    rule = _armed(tx, at, rule)  # the timer that has fired is gone already
    tx.put(key(at, "rule", DEFAULT, name), rule)
    if bus is None:
        return
    changed = rule
    live = bus.rules.get(name)
    if live is not None:
        tx.after_commit(lambda: setattr(live, "record", changed))
    event = make_event(
        tx.ids.uuid(), "Scheduled Event", "aws.events", account, due_ms, region, [at.rule_arn(name)], {}
    )
    accept(tx, bus, event, trace=None, budget=Budget(), always=name)
