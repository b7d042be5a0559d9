"""Map and Parallel: starting children, gathering their outputs, and failing together.

Source: Developer Guide, "Map workflow state", "Parallel workflow state"; recorded histories (which event
follows which).
"""

from __future__ import annotations

from ..definitions import machine_at
from ..integrations.nested import stop_nested
from ..language.machine import MapState, ParallelState, Scope, StatesError
from . import distributed, failing, redriving, steps
from .branch import GROUP, READY, RETRYING, TASK, WAITING, Branch, Group, Position
from .journal import NUMBER

INLINE_AT_ONCE = 40
"""How many iterations of an inline Map run at once, at most.

Source: Developer Guide, "Map state processing modes".
"""
_STARTED = {"Map": NUMBER["MapStateStarted"], "Parallel": NUMBER["ParallelStateStarted"]}
_SUCCEEDED = {"Map": NUMBER["MapStateSucceeded"], "Parallel": NUMBER["ParallelStateSucceeded"]}
_ABORTED = {kind: NUMBER[f"{kind}StateAborted"] for kind in ("Map", "Parallel", "Task", "Wait")}
_ITERATION_SUCCEEDED, _ITERATION_FAILED = NUMBER["MapIterationSucceeded"], NUMBER["MapIterationFailed"]
_RUN_ABORTED = NUMBER["MapRunAborted"]
_ITERATION_ABORTED = NUMBER["MapIterationAborted"]


def begin(branch: Branch, state: MapState | ParallelState, scope: Scope, before: int) -> None:
    """Start a Map or Parallel."""
    if isinstance(state, MapState) and state.distributed:
        distributed.begin(branch, state, scope, before)
        return
    try:
        if isinstance(state, ParallelState):
            given = state.prepare(scope)
            items, limit = None, len(state.branches)
        else:
            items = state.items(scope)
            given, limit = None, 0
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    live, position = branch.live, branch.position
    length = len(items) if items is not None else limit
    position.previous = live.journal.add(
        _STARTED[state.kind], position.previous, live.session.now_ms,
        {"length": length} if items is not None else {},
    )  # fmt: skip
    if isinstance(state, MapState):
        try:
            limit = min(state.max_concurrency(scope) or INLINE_AT_ONCE, INLINE_AT_ONCE)
        except StatesError as error:
            failing.failed(branch, state, scope, error, before)
            return
    position.status = GROUP
    position.group = Group(length, limit, position.previous)
    branch.items = items if items is not None else [given] * length
    branch.results, branch.stored, branch.children = {}, set(), {}
    branch.dirty = True
    if not length:
        _all_done(branch, state, position.previous)
        return
    for _ in range(min(limit, length)):
        if not _start_next(branch, state, position.previous):
            return


def _start_next(branch: Branch, state: MapState | ParallelState, previous: int) -> bool:
    """Start the next child; False: its input could not be made, and the group has failed."""
    live, group = branch.live, branch.position.group
    assert group is not None
    items = live.session.items_of(branch)
    index = group.next
    group.next += 1
    machine = machine_at(branch.states, branch.position.state, index)
    if isinstance(state, MapState) and not state.has_selector:
        item = items[index]
        position = Position(machine.start_at, item, previous, item=item, index=index)
    elif isinstance(state, MapState):
        scope = live.scope_of(branch)
        item = {"Index": index, "Value": items[index]}
        scope.context = {**scope.context, "Map": {"Item": item}}
        try:
            given = state.select(scope)
        except StatesError as error:
            _abort_children(branch, None)
            branch.position.group = None
            failing.failed(branch, state, live.scope_of(branch), error, branch.position.previous)
            return False
        position = Position(machine.start_at, given, previous, item=items[index], index=index)
    else:
        position = Position(machine.start_at, items[index], previous)
    child = Branch(live, (*branch.path, index), branch, machine.states, position)
    branch.children[index] = live.branches[child.path] = child
    live.ready.append(child)
    return True


def child_succeeded(branch: Branch, child: Branch, output: object) -> None:
    """A child has come to its end; the next one starts, or the group is done."""
    live, position, state = branch.live, branch.position, branch.state
    assert isinstance(state, MapState | ParallelState)
    group = position.group
    assert group is not None
    index = child.path[-1]
    live.drop(child)
    group.succeeded += 1
    branch.results[index] = output
    branch.dirty = True
    previous = last = child.position.previous
    if isinstance(state, MapState):
        last = live.journal.add(
            _ITERATION_SUCCEEDED, previous, live.session.now_ms, {"name": position.state, "index": index}
        )
    if group.succeeded == group.length:
        _all_done(branch, state, last)
    elif group.next < group.length:
        _start_next(branch, state, previous)


def _all_done(branch: Branch, state: MapState | ParallelState, last: int) -> None:
    live = branch.live
    outputs = live.session.outputs_of(branch)
    live.journal.add(_SUCCEEDED[state.kind], last, live.session.now_ms, {})
    finish(branch, state, last, outputs)


def finish(branch: Branch, state: MapState | ParallelState, last: int, outputs: object) -> None:
    """All children have succeeded: what the state makes of it. `last`: the event that its exit follows."""
    live, position = branch.live, branch.position
    live.session.forget_group(branch)
    position.previous = last
    position.group = None
    scope = live.scope_of(branch)
    try:
        finished = state.finish(scope, outputs)
        text = steps.checked(state, finished)
    except StatesError as error:
        failing.failed(branch, state, scope, error, last)
        return
    steps.leave(branch, state, finished, text)


def child_failed(branch: Branch, child: Branch, error: str | None, cause: str | None) -> None:
    """A child has failed: the others are aborted, and the state must deal with the error."""
    live, position, state = branch.live, branch.position, branch.state
    now, previous, index = live.session.now_ms, child.position.previous, child.path[-1]
    if not live.express:
        branch.failure = redriving.picture_of(branch)
    if isinstance(state, MapState):
        live.journal.add(_ITERATION_FAILED, previous, now, {"name": position.state, "index": index})
    elif child.state.kind in _ABORTED:
        live.journal.add(_ABORTED[child.state.kind], previous, now, {})
    live.drop(child)
    _abort_children(branch, child)
    live.session.forget_group(branch)
    position.previous = previous
    position.group = None
    branch.dirty = True
    failing.handle(branch, state, live.scope_of(branch), error, cause)


def _abort_children(branch: Branch, but: Branch | None) -> None:
    live = branch.live
    live.session.load_children(branch)
    for index in sorted(branch.children):
        child = branch.children[index]
        if child is not but and child.alive:
            abort_branch(child)
    branch.children = {}


def abort_branch(branch: Branch, tell: bool = True) -> None:
    """End a branch and all below it, wherever they stand."""
    live, position = branch.live, branch.position
    live.session.load_children(branch)
    for index in sorted(branch.children):
        if branch.children[index].alive:
            abort_branch(branch.children[index], tell)
    map_run = position.group.map_run if position.group is not None else ""
    if map_run:
        distributed.abort(live.session, map_run)
    live.session.cancel(branch)
    stop_nested(branch)
    kind = branch.state.kind
    if tell and position.entered:
        now = live.session.now_ms
        if map_run:
            position.previous = live.journal.add(_RUN_ABORTED, position.previous, now, {})
        if position.status in (WAITING, TASK, RETRYING, GROUP) and kind in _ABORTED:
            position.previous = live.journal.add(_ABORTED[kind], position.previous, now, {})
        if position.index >= 0 and branch.parent is not None:
            live.journal.add(
                _ITERATION_ABORTED, position.previous, now,
                {"name": branch.parent.position.state, "index": position.index},
            )  # fmt: skip
    live.session.forget_group(branch)
    position.group = None
    branch.alive = False
    live.drop(branch)


__all__ = ["READY", "abort_branch", "begin", "child_failed", "child_succeeded", "finish"]
