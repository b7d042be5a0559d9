"""Redriving: an execution that failed, timed out or was aborted goes on where it stopped.

When an execution ends so, a picture of its branches is kept: what had succeeded stays done, what had not is
done again with the input that it had.

Source: Developer Guide, "Restarting state machine executions with redrive in Step Functions".
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec

from ballroom.kernel import Record

from ..definitions import machine_at
from ..language.machine import State
from . import distributed, steps
from .branch import GROUP, READY, RETRYING, Branch, Group, Position
from .journal import MOST_EVENTS

if TYPE_CHECKING:
    from .execution import Live


class Picture(msgspec.Struct, array_like=True):
    """A branch, and all below it, when it failed or was ended."""

    position: Position
    results: dict[int, Any] = {}
    children: dict[int, Picture] = {}
    items: list[Any] | None = None


class Redrivable(Record, frozen=True):
    """Where an execution that ended badly can be taken up again."""

    root: Picture
    next_event: int

    @property
    def is_full(self) -> bool:
        """Whether its history has no room to go on."""
        return self.next_event >= MOST_EVENTS - 1


def redrivable_key(number: int) -> tuple[str, int]:
    """Where the picture of an ended execution is."""
    return ("states-redrivable", number)


def picture_of(branch: Branch) -> Picture:
    """A branch as it stands; as it stood when its children failed, if they did."""
    if branch.failure is not None:
        return branch.failure
    session, position = branch.live.session, copy.copy(branch.position)
    if position.status != GROUP or position.group is None:
        position.group = None
        return Picture(position)
    position.group = copy.copy(position.group)
    if position.group.map_run:
        return Picture(position)
    session.load_children(branch)
    if len(branch.results) < position.group.succeeded:
        session.load_results(branch)
    children = {index: picture_of(child) for index, child in branch.children.items()}
    return Picture(position, dict(branch.results), children, session.items_of(branch))


def restore(live: Live, root: Picture, event: int) -> list[Branch]:
    """The branches of a picture, in place; those that have something to do again."""
    again: list[Branch] = []
    live.branches.clear()
    live.root = _restored(live, (), None, live.definition.states, root, event, again)
    return again


def _restored(
    live: Live, path: tuple[int, ...], parent: Branch | None, states: dict[str, State], picture: Picture,
    event: int, again: list[Branch],
) -> Branch:  # fmt: skip
    position = picture.position
    position.previous, position.retries, position.due_ms, position.token = event, None, 0, ""
    position.nested = ""
    branch = Branch(live, path, parent, states, position)
    live.branches[path] = branch
    if parent is not None:
        parent.children[path[-1]] = branch
    group = position.group
    if group is None or group.map_run:
        position.status = GROUP if group is not None else RETRYING if position.entered else READY
        again.append(branch)
        return branch
    position.status = GROUP
    branch.items, branch.results = picture.items, dict(picture.results)
    length = group.length
    position.group = Group(length, group.limit, group.started, group.next, succeeded=len(picture.results))
    for index, child in sorted(picture.children.items()):
        machine = machine_at(states, position.state, index)
        _restored(live, (*path, index), branch, machine.states, child, event, again)
    return branch


def go_on(branch: Branch) -> None:
    """Do again what a branch had not finished: not entering its state anew, but trying it."""
    position = branch.position
    if position.group is not None:
        distributed.redrive(branch)
        return
    if position.status == RETRYING:
        position.status = READY
        steps.perform(branch, branch.state, position.previous)
        if not branch.alive or position.status != READY or branch.live.ended:
            return
    branch.live.ready.append(branch)
