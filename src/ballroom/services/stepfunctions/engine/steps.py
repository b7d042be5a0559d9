"""Moving branches on from state to state, until each waits for something or has ended.

Pass, Choice, Succeed and Fail are over as soon as they are entered; Wait sleeps; Task, Map and Parallel have
rooms of their own (`tasks`, `groups`), and what goes wrong goes to `failing`.
"""

from __future__ import annotations

from time import perf_counter  # real time: how long the loop is held is not product time

from ..language.machine import (
    FailState,
    Finished,
    MapState,
    ParallelState,
    State,
    StatesError,
    StepState,
    TaskState,
    WaitState,
)
from . import failing, groups, tasks
from .branch import GROUP, READY, RETRYING, TASK, WAITING, Branch
from .ending import guarded, succeed
from .execution import MOST_BYTES, Live, text_of
from .journal import NUMBER

_KINDS = ("Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait")
ENTERED = {kind: NUMBER[f"{kind}StateEntered"] for kind in _KINDS}
EXITED = {kind: NUMBER[f"{kind}StateExited"] for kind in _KINDS}
_ITERATION_STARTED = NUMBER["MapIterationStarted"]
_LOOK_AT_CLOCK_EVERY = 8


def advance(live: Live, deadline: float) -> bool:
    """Move every branch that can move; False: the deadline (`perf_counter`) came first."""
    ready = live.ready
    with guarded(live):
        while ready:
            branch = ready.popleft()
            if branch.alive and not _run(branch, deadline):
                ready.appendleft(branch)
                return False
            if live.ended:
                ready.clear()
            elif perf_counter() > deadline and ready:
                return False
    return True


def _run(branch: Branch, deadline: float) -> bool:
    live, steps = branch.live, 0
    while branch.alive and branch.position.status == READY and not live.ended:
        steps += 1
        if steps % _LOOK_AT_CLOCK_EVERY == 0 and perf_counter() > deadline:
            return False
        enter(branch)
    return True


def enter(branch: Branch) -> None:
    """Enter the state that a branch stands before."""
    live, position = branch.live, branch.position
    state = branch.states[position.state]
    now, journal = live.session.now_ms, live.journal
    if branch.text is None:
        branch.text = text_of(position.input)
    if position.index >= 0 and not position.entered:
        assert branch.parent is not None
        position.previous = journal.add(
            _ITERATION_STARTED, position.previous, now,
            {"name": branch.parent.position.state, "index": position.index},
        )  # fmt: skip
    before = position.previous
    position.entered = position.previous = journal.add(
        ENTERED[state.kind], before, now, {"name": state.name, "input": branch.text}
    )
    position.entered_ms = now
    position.retries = None
    branch.dirty = True
    perform(branch, state, before)


def perform(branch: Branch, state: State, before: int) -> None:
    """Do what a state does; `before` is the event before it was entered (or tried before)."""
    live = branch.live
    scope = live.scope_of(branch)
    if isinstance(state, StepState):
        try:
            finished = state.step(scope)
            text = checked(state, finished)
        except StatesError as error:
            failing.failed(branch, state, scope, error, before)
            return
        leave(branch, state, finished, text)
    elif isinstance(state, TaskState):
        tasks.begin(branch, state, scope, before)
    elif isinstance(state, WaitState):
        _wait(branch, state, before)
    elif isinstance(state, FailState):
        try:
            failure = state.failure(scope)
        except StatesError as error:
            failing.failed(branch, state, scope, error, before)
            return
        failing.fail_branch(branch, failure.error, failure.cause)
    else:
        assert isinstance(state, MapState | ParallelState)
        groups.begin(branch, state, scope, before)


def checked(state: State, finished: Finished) -> str:
    """A state's output as text.

    Raises:
        StatesError: it is too large.
    """
    text = text_of(finished.output)
    if len(text) > MOST_BYTES // 4 and len(text.encode()) > MOST_BYTES:
        raise StatesError(
            "States.DataLimitExceeded",
            f"The state/task '{state.name}' returned a result with a size exceeding the maximum number of "
            "bytes service limit.",
            located=False,
        )
    return text


def leave(branch: Branch, state: State, finished: Finished, text: str) -> None:
    """Leave a state: note it, and stand before the next one or end."""
    live, position = branch.live, branch.position
    details: dict[str, object] = {"name": state.name, "output": text}
    if finished.assigned:
        details["assignedVariables"] = {name: text_of(value) for name, value in finished.assigned.items()}
        position.variables = {**position.variables, **finished.assigned}
    position.previous = live.journal.add(EXITED[state.kind], position.previous, live.session.now_ms, details)
    position.token = position.nested = ""
    position.timeout_ms = position.heartbeat_s = 0
    branch.failure = None
    branch.dirty = True
    if finished.next is None:
        completed(branch, finished.output, text)
        return
    position.state, position.input, branch.text = finished.next, finished.output, text
    if position.status != READY:
        position.status = READY
        live.ready.append(branch)


def completed(branch: Branch, output: object, text: str) -> None:
    """A branch has come to its end."""
    branch.alive = False
    if branch.parent is None:
        succeed(branch.live, output, text)
    else:
        groups.child_succeeded(branch.parent, branch, output)


def _wait(branch: Branch, state: WaitState, before: int) -> None:
    live = branch.live
    scope = live.scope_of(branch)
    try:
        due = state.until_ms(scope)
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    if due <= live.session.now_ms:
        _waited(branch, state)
    else:
        branch.position.status = WAITING
        live.session.sleep(branch, due)


def _waited(branch: Branch, state: WaitState) -> None:
    scope = branch.live.scope_of(branch)
    try:
        finished = state.step(scope)
        text = checked(state, finished)
    except StatesError as error:
        failing.failed(branch, state, scope, error, branch.position.previous)
        return
    leave(branch, state, finished, text)


def wake(branch: Branch) -> None:
    """A branch's time has come: its wait is over, its next try is due, or its task is late."""
    position, state = branch.position, branch.state
    position.due_ms = 0
    branch.dirty = True
    with guarded(branch.live):
        if position.status == WAITING:
            assert isinstance(state, WaitState)
            _waited(branch, state)
        elif position.status == RETRYING:
            position.status = READY  # as if just entered: `perform` decides what comes of it
            perform(branch, state, position.previous)
            if branch.alive and position.status == READY and not branch.live.ended:
                branch.live.ready.append(branch)
        elif position.status == TASK:
            tasks.look_at_time(branch)


__all__ = ["GROUP", "advance", "checked", "completed", "enter", "leave", "perform", "wake"]
