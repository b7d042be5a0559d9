"""Creating, changing, reading and deleting schedules."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Key, Request, Response, Tx, operation, tokens

from ..errors import Conflict, Invalid
from ..planning import check_expression, plan
from ..resources import (
    DEFAULT_GROUP,
    Group,
    Schedule,
    delete_schedule,
    groups,
    load_group,
    load_schedule,
    schedule_key,
    schedules_of,
)
from ..targets import check_target

_SETTINGS = (
    "ScheduleExpression", "StartDate", "EndDate", "Description", "ScheduleExpressionTimezone", "State",
    "KmsKeyArn", "Target", "FlexibleTimeWindow", "ActionAfterCompletion",
)  # fmt: skip
_PAGE = 100
_LOOKED_AT = 2_000
"""Rows that one page looks at, so that a filter that nothing passes costs no more than a page."""


@operation("CreateSchedule")
def create(tx: Tx, request: Request) -> Response:
    """Create a schedule, and plan its first moment.

    Raises:
        Conflict: the name is taken.
        GroupNotFound: the group does not exist.

    Source: EventBridge Scheduler API Reference, CreateSchedule.
    """
    group_name = request.get("GroupName", DEFAULT_GROUP)
    settings = _checked(request)
    group = load_group(tx, group_name)
    if group.deleting:
        raise Conflict(f"Schedule group {group_name} is being deleted.")
    name, token = request["Name"], request.get("ClientToken", "")
    before = tx.get(Schedule, schedule_key(tx.account, tx.region, group_name, name))
    if before is not None:
        if token and token == before.client_token and settings == before.settings:
            return {"ScheduleArn": before.arn}
        raise Conflict(f"Schedule {name} already exists.")
    schedule = Schedule(
        tx.account, tx.region, group_name, name, settings, tx.now_ms, tx.now_ms, tx.ids.uuid(),
        client_token=token,
    )  # fmt: skip
    plan(tx, schedule, tx.now_ms)
    return {"ScheduleArn": schedule.arn}


@operation("UpdateSchedule")
def update(tx: Tx, request: Request) -> Response:
    """Replace all settings of a schedule: what the request leaves out is the default again.

    Source: EventBridge Scheduler API Reference, UpdateSchedule.
    """
    settings = _checked(request)
    before = load_schedule(tx, request.get("GroupName", DEFAULT_GROUP), request["Name"])
    schedule = replace(before, settings=settings, modified_ms=tx.now_ms, generation=tx.ids.uuid())
    plan(tx, schedule, tx.now_ms)
    return {"ScheduleArn": schedule.arn}


def _checked(request: Request) -> dict[str, Any]:
    settings = {name: request[name] for name in _SETTINGS if name in request}
    settings.setdefault("ScheduleExpressionTimezone", "UTC")
    settings.setdefault("State", "ENABLED")
    settings.setdefault("ActionAfterCompletion", "NONE")
    target = dict(settings["Target"])
    policy = target.get("RetryPolicy", {})
    target["RetryPolicy"] = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185, **policy}
    settings["Target"] = target
    check_expression(settings)
    window = settings["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise Invalid(
            "MaximumWindowInMinutes is required for a FLEXIBLE time window and not allowed for one that is OFF."
        )
    start, end = settings.get("StartDate"), settings.get("EndDate")
    if start is not None and end is not None and end <= start:
        raise Invalid("The EndDate must come after the StartDate.")
    check_target(settings["Target"])
    return settings


@operation("GetSchedule")
def get(tx: Tx, request: Request) -> Response:
    """A schedule with its settings.

    Source: EventBridge Scheduler API Reference, GetSchedule.
    """
    schedule = load_schedule(tx, request.get("GroupName", DEFAULT_GROUP), request["Name"])
    return {
        "Arn": schedule.arn,
        "GroupName": schedule.group,
        "Name": schedule.name,
        "CreationDate": schedule.created_ms,
        "LastModificationDate": schedule.modified_ms,
        **schedule.settings,
    }


@operation("DeleteSchedule")
def delete(tx: Tx, request: Request) -> Response:
    """Delete a schedule; invocations that are under way go on.

    Source: EventBridge Scheduler API Reference, DeleteSchedule.
    """
    delete_schedule(tx, load_schedule(tx, request.get("GroupName", DEFAULT_GROUP), request["Name"]))
    return {}


@operation("ListSchedules")
def list_schedules(tx: Tx, request: Request) -> Response:
    """The schedules of a group, or of all, by group and name.

    Source: EventBridge Scheduler API Reference, ListSchedules.
    """
    only = request.get("GroupName")
    if only is not None:
        load_group(tx, only)
    after = _after(request)
    limit = request.get("MaxResults", _PAGE)
    prefix, state = request.get("NamePrefix", ""), request.get("State")
    shown: list[dict[str, Any]] = []
    looked = 0
    last: Key = ()
    for group in [only] if only is not None else _group_names(tx, after[0] if after else None):
        start = after[1] if after is not None and after[0] == group else None
        for schedule in _rows(tx, group, prefix, start, limit + 1 if state is None else _LOOKED_AT):
            if len(shown) == limit or looked == _LOOKED_AT:
                return {"Schedules": shown, "NextToken": tokens.make_token(last)}
            looked += 1
            last = (schedule.group, schedule.name)
            if state is None or schedule.settings["State"] == state:
                shown.append(_summary(schedule))
    return {"Schedules": shown}


def _after(request: Request) -> tuple[str, str] | None:
    if "NextToken" not in request:
        return None
    parts = tokens.read_token(request["NextToken"])
    if parts is None or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise Invalid("Invalid NextToken.")
    return str(parts[0]), str(parts[1])


def _group_names(tx: Tx, first: str | None) -> list[str]:
    names = {group.name for group in tx.scan_prefix(Group, groups(tx))} | {DEFAULT_GROUP}
    return sorted(name for name in names if first is None or name >= first)


def _rows(tx: Tx, group: str, prefix: str, after: str | None, limit: int) -> list[Schedule]:
    base = schedules_of(tx, group)
    low = (*base, prefix) if after is None or after < prefix else (*base, after + "\0")
    return tx.scan(Schedule, low, (*base, prefix + "\U0010ffff"), limit=limit)


def _summary(schedule: Schedule) -> dict[str, Any]:
    return {
        "Arn": schedule.arn,
        "Name": schedule.name,
        "GroupName": schedule.group,
        "State": schedule.settings["State"],
        "CreationDate": schedule.created_ms,
        "LastModificationDate": schedule.modified_ms,
        "Target": {"Arn": schedule.target["Arn"]},
    }
