"""What EventBridge Scheduler stores.

| key, after ("scheduler", account, region) | record | read by |
| --- | --- | --- |
| ("group", name) | Group | everything; lists are in the order of names |
| ("schedule", group, name) | Schedule | a schedule by name; a group's schedules, a prefix of their names |

A schedule's next moment is a timer; memory holds none of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ballroom.kernel import Key, Record, Tx
from ballroom.kernel.arn import make_arn

from .errors import GroupNotFound, ScheduleNotFound

DEFAULT_GROUP = "default"


class Group(Record, frozen=True):
    """A schedule group. A deleted one is there until its schedules are gone."""

    name: str
    created_ms: int
    modified_ms: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    client_token: str = ""
    deleting: bool = False


class Schedule(Record, frozen=True):
    """A schedule: the settings of its request, and where it stands.

    `generation` is new with each change, so that a timer of an earlier one is known to be stale.
    """

    account: str
    region: str
    group: str
    name: str
    settings: dict[str, Any]
    """As the request has them, defaults filled in; dates are milliseconds."""
    created_ms: int
    modified_ms: int
    generation: str
    next_ms: int | None = None
    """The next moment of its expression; None: it is over, or disabled."""
    wake_ms: int | None = None
    """When its target is invoked for that moment: later, within a flexible window."""
    client_token: str = ""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return make_arn("scheduler", self.region, self.account, f"schedule/{self.group}/{self.name}")

    @property
    def target(self) -> dict[str, Any]:
        """What it invokes."""
        target: dict[str, Any] = self.settings["Target"]
        return target

    @property
    def is_recurring(self) -> bool:
        """Whether it has more than one moment: it then never pulls a virtual clock."""
        return not self.settings["ScheduleExpression"].startswith("at(")


def schedule_key(account: str, region: str, group: str, name: str) -> Key:
    """One row for each schedule."""
    return ("scheduler", account, region, "schedule", group, name)


def schedules_of(tx: Tx, group: str) -> Key:
    """The prefix of a group's schedules."""
    return ("scheduler", tx.account, tx.region, "schedule", group)


def groups(tx: Tx) -> Key:
    """The prefix of the caller's groups."""
    return ("scheduler", tx.account, tx.region, "group")


def group_arn(tx: Tx, name: str) -> str:
    """A group's ARN."""
    return make_arn("scheduler", tx.region, tx.account, f"schedule-group/{name}")


def find_group(tx: Tx, name: str) -> Group | None:
    """The group of that name; the default one is always there."""
    group = tx.get(Group, (*groups(tx), name))
    return Group(name, 0, 0) if group is None and name == DEFAULT_GROUP else group


def load_group(tx: Tx, name: str) -> Group:
    """The group of that name.

    Raises:
        GroupNotFound: there is none.
    """
    group = find_group(tx, name)
    if group is None:
        raise GroupNotFound(name)
    return group


def put_group(tx: Tx, group: Group) -> None:
    """Store a group."""
    tx.put((*groups(tx), group.name), group)


def load_schedule(tx: Tx, group: str, name: str) -> Schedule:
    """The schedule of that name.

    Raises:
        ScheduleNotFound: there is none.
    """
    schedule = tx.get(Schedule, schedule_key(tx.account, tx.region, group, name))
    if schedule is None:
        raise ScheduleNotFound(name)
    return schedule


def put_schedule(tx: Tx, schedule: Schedule) -> None:
    """Store a schedule."""
    tx.put(schedule_key(schedule.account, schedule.region, schedule.group, schedule.name), schedule)


def delete_schedule(tx: Tx, schedule: Schedule) -> None:
    """Remove a schedule; a timer that is left finds nothing."""
    tx.delete(schedule_key(schedule.account, schedule.region, schedule.group, schedule.name))
