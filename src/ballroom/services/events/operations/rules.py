"""Rules: put, describe, list, enable, disable, delete."""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Request, Response, Tx, operation
from ballroom.kernel.schedules import InvalidSchedule
from ballroom.services.events import scheduling
from ballroom.services.events.errors import ValidationException
from ballroom.services.events.live import Buses
from ballroom.services.events.names import DEFAULT, BusName, bus_of
from ballroom.services.events.paging import page_of
from ballroom.services.events.patterns import checked_pattern
from ballroom.services.events.quotas import check_quota
from ballroom.services.events.resources import (
    Rule,
    TargetLink,
    find_rule,
    key,
    load_bus,
    load_rule,
    targets_of,
)
from ballroom.services.events.tagging import read_tags

replace = msgspec.structs.replace


def save_rule(tx: Tx, at: BusName, rule: Rule) -> None:
    """Store a rule, with the timer of its schedule, and bring the bus's index up to date."""
    rule = scheduling.arm(tx, at, rule)
    tx.put(key(at, "rule", at.name, rule.name), rule)
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        tx.after_commit(lambda: live.put_rule(rule))


@operation("PutRule")
def put_rule(tx: Tx, request: Request) -> Response:
    """Create a rule, or replace all of an existing one but its targets and tags.

    Raises:
        BusNotFound, InvalidEventPattern, LimitExceeded
        ValidationException: neither pattern nor schedule, or a schedule that is wrong or on a custom bus.

    Source: EventBridge API Reference, PutRule; recorded answers.
    """
    at, name = bus_of(tx, request.get("EventBusName")), request["Name"]
    pattern, schedule = request.get("EventPattern") or None, request.get("ScheduleExpression") or None
    if pattern is None and schedule is None:
        raise ValidationException("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    load_bus(tx, at)
    if schedule is not None:
        if at.name != DEFAULT:
            raise ValidationException("ScheduleExpression is supported only on the default event bus.")
        try:
            scheduling.parse(schedule, 0)
        except InvalidSchedule:
            raise ValidationException("Parameter ScheduleExpression is not valid.") from None
    if pattern is not None:
        checked_pattern(pattern)
    before = find_rule(tx, at, name)
    if before is None:
        live = Buses.of(tx.kernel).find(tx, at)
        assert live is not None
        check_quota(tx.kernel, "events.rules-per-bus", len(live.rules) + 1)
        tags = read_tags(request.get("Tags"), tx.caller.source)
        before = Rule(at.name, name, tx.now_ms, tags=tags, anchor_ms=tx.now_ms)
    state = request.get("State") or "ENABLED"
    restarts = schedule != before.schedule or (state != "DISABLED" and not before.enabled)
    rule = replace(
        before, state=state, pattern=pattern, schedule=schedule,
        description=request.get("Description") or "", role_arn=request.get("RoleArn") or "",
        anchor_ms=tx.now_ms if restarts else before.anchor_ms,
    )  # fmt: skip
    save_rule(tx, at, rule)
    return {"RuleArn": at.rule_arn(name)}


@operation("EnableRule")
def enable_rule(tx: Tx, request: Request) -> Response:
    """Let a rule be triggered; a rate begins anew.

    Source: EventBridge API Reference, EnableRule.
    """
    at = bus_of(tx, request.get("EventBusName"))
    rule = load_rule(tx, at, request["Name"])
    if not rule.enabled:
        save_rule(tx, at, replace(rule, state="ENABLED", anchor_ms=tx.now_ms))
    return {}


@operation("DisableRule")
def disable_rule(tx: Tx, request: Request) -> Response:
    """Let a rule be triggered no more.

    Source: EventBridge API Reference, DisableRule.
    """
    at = bus_of(tx, request.get("EventBusName"))
    rule = load_rule(tx, at, request["Name"])
    if rule.enabled:
        save_rule(tx, at, replace(rule, state="DISABLED"))
    return {}


@operation("DeleteRule")
def delete_rule(tx: Tx, request: Request) -> Response:
    """Delete a rule without targets; one that does not exist is deleted already.

    Raises:
        BusNotFound: there is no such bus.
        ValidationException: it has targets.

    Source: EventBridge API Reference, DeleteRule; recorded answers.
    """
    at, name = bus_of(tx, request.get("EventBusName")), request["Name"]
    load_bus(tx, at)
    rule = find_rule(tx, at, name)
    if rule is None:
        return {}
    if targets_of(tx, at, name):
        raise ValidationException("Rule can't be deleted since it has targets.")
    scheduling.disarm(tx, at, rule)
    tx.delete(key(at, "rule", at.name, name))
    live = Buses.of(tx.kernel).known(at)
    if live is not None:
        tx.after_commit(lambda: live.remove_rule(name))
    return {}


def _shown(at: BusName, rule: Rule) -> dict[str, Any]:
    shown = {
        "Name": rule.name, "Arn": at.rule_arn(rule.name), "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule, "State": rule.state, "Description": rule.description or None,
        "RoleArn": rule.role_arn or None, "EventBusName": at.name,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


@operation("DescribeRule")
def describe_rule(tx: Tx, request: Request) -> Response:
    """A rule, without its targets.

    Source: EventBridge API Reference, DescribeRule; recorded answers.
    """
    at = bus_of(tx, request.get("EventBusName"))
    return {**_shown(at, load_rule(tx, at, request["Name"])), "CreatedBy": at.account}


@operation("ListRules")
def list_rules(tx: Tx, request: Request) -> Response:
    """The rules of a bus by name.

    Source: EventBridge API Reference, ListRules.
    """
    at = bus_of(tx, request.get("EventBusName"))
    load_bus(tx, at)
    prefix = request.get("NamePrefix") or ""
    rules = [r for r in tx.scan_prefix(Rule, key(at, "rule", at.name)) if r.name.startswith(prefix)]
    page, token = page_of(rules, request, name=lambda rule: rule.name)
    return {"Rules": [_shown(at, rule) for rule in page], **token}


@operation("ListRuleNamesByTarget")
def list_rule_names_by_target(tx: Tx, request: Request) -> Response:
    """The names of a bus's rules that have a target of this ARN.

    Source: EventBridge API Reference, ListRuleNamesByTarget.
    """
    at = bus_of(tx, request.get("EventBusName"))
    load_bus(tx, at)
    links = tx.scan_prefix(TargetLink, key(at, "by-target", at.name, request["TargetArn"]))
    names = sorted({link.rule for link in links})
    page, token = page_of(names, request, name=str)
    return {"RuleNames": page, **token}
