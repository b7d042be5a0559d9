"""Schedule groups."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ballroom.kernel import Request, Response, Tx, on_timer, operation, service_caller, tokens

from ..errors import Conflict, Invalid
from ..resources import (
    DEFAULT_GROUP,
    Group,
    Schedule,
    delete_schedule,
    find_group,
    group_arn,
    groups,
    load_group,
    put_group,
    schedules_of,
)
from .tags import merged

_PAGE = 100
_EMPTY = "scheduler.empty-group"
_AT_ONCE = 500


@operation("CreateScheduleGroup")
def create(tx: Tx, request: Request) -> Response:
    """Create a group.

    Raises:
        Conflict: the name is taken.

    Source: EventBridge Scheduler API Reference, CreateScheduleGroup.
    """
    name, token = request["Name"], request.get("ClientToken", "")
    before = find_group(tx, name)
    if before is not None and not (token and before.client_token == token):
        raise Conflict(f"Schedule group {name} already exists.")
    if before is None:
        tags = merged({}, request.get("Tags", []))
        put_group(tx, Group(name, tx.now_ms, tx.now_ms, tags, token))
    return {"ScheduleGroupArn": group_arn(tx, name)}


@operation("GetScheduleGroup")
def get(tx: Tx, request: Request) -> Response:
    """A group.

    Source: EventBridge Scheduler API Reference, GetScheduleGroup.
    """
    return _present(tx, load_group(tx, request["Name"]))


@operation("DeleteScheduleGroup")
def delete(tx: Tx, request: Request) -> Response:
    """Delete a group and its schedules; it shows as DELETING until they are gone.

    Source: EventBridge Scheduler API Reference, DeleteScheduleGroup.
    """
    name = request["Name"]
    if name == DEFAULT_GROUP:
        raise Invalid("The default schedule group cannot be deleted.")
    put_group(tx, replace(load_group(tx, name), deleting=True, modified_ms=tx.now_ms))
    _go_on(tx, name)
    return {}


def _go_on(tx: Tx, name: str) -> None:
    tx.wake_at(tx.now_ms, _EMPTY, tx.account, tx.region, name)


@on_timer(_EMPTY)
def empty_group(tx: Tx, account: str, region: str, name: str) -> None:
    """Remove a slice of a deleted group's schedules, and the group with the last of them.

    Harmless if repeated: a group that is gone, or that is not being deleted, is left alone.
    """
    tx.caller = service_caller(account, region, "scheduler.amazonaws.com")
    group = find_group(tx, name)
    if group is None or not group.deleting:
        return
    rows = tx.scan_prefix(Schedule, schedules_of(tx, name), limit=_AT_ONCE)
    for schedule in rows:
        delete_schedule(tx, schedule)
    if len(rows) == _AT_ONCE:
        _go_on(tx, name)
    else:
        tx.delete((*groups(tx), name))


@operation("ListScheduleGroups")
def list_groups(tx: Tx, request: Request) -> Response:
    """The groups, by name.

    Source: EventBridge Scheduler API Reference, ListScheduleGroups.
    """
    limit, prefix = request.get("MaxResults", _PAGE), request.get("NamePrefix", "")
    after = _after(request)
    low = prefix if after is None else max(prefix, after + "\0")
    rows = tx.scan(Group, (*groups(tx), low), (*groups(tx), prefix + "\U0010ffff"), limit=limit + 1)
    is_stored = tx.get(Group, (*groups(tx), DEFAULT_GROUP)) is not None  # it is, once it has tags
    if not is_stored and DEFAULT_GROUP.startswith(prefix) and low <= DEFAULT_GROUP:
        rows = sorted([*rows, load_group(tx, DEFAULT_GROUP)], key=lambda group: group.name)
    answer: Response = {"ScheduleGroups": [_present(tx, group) for group in rows[:limit]]}
    if len(rows) > limit:
        answer["NextToken"] = tokens.make_token((rows[limit - 1].name,))
    return answer


def _after(request: Request) -> str | None:
    if "NextToken" not in request:
        return None
    parts = tokens.read_token(request["NextToken"])
    if parts is None or len(parts) != 1 or not isinstance(parts[0], str):
        raise Invalid("Invalid NextToken.")
    return parts[0]


def _present(tx: Tx, group: Group) -> dict[str, Any]:
    return {
        "Arn": group_arn(tx, group.name),
        "Name": group.name,
        "State": "DELETING" if group.deleting else "ACTIVE",
        "CreationDate": group.created_ms,
        "LastModificationDate": group.modified_ms,
    }
