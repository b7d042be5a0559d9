"""What happens when something goes wrong: retriers, catchers, and the way up to the execution itself.

Source: Developer Guide, "Handling errors in Step Functions workflows"; recorded histories.
"""

from __future__ import annotations

from typing import Any

from ..language.machine import (
    FallibleState,
    MapState,
    ParallelState,
    Scope,
    State,
    StatesError,
    matches,
)
from . import groups, steps
from .branch import RETRYING, Branch
from .ending import fail
from .journal import NUMBER

_EVALUATION_FAILED = NUMBER["EvaluationFailed"]
_GROUP_FAILED = {"Map": NUMBER["MapStateFailed"], "Parallel": NUMBER["ParallelStateFailed"]}


def failed(branch: Branch, state: State, scope: Scope, error: StatesError, before: int) -> None:
    """A state failed by itself: one of its expressions, or its limits. `before`: the event before it."""
    live, position = branch.live, branch.position
    cause = error.located_cause(state.name, position.entered)
    if error.error == "States.QueryEvaluationError":
        # AWS lets the event follow whatever preceded the state, unless the state has told something already
        previous = before if position.previous == position.entered else position.previous
        details: dict[str, Any] = {"error": error.error, "state": state.name}
        if cause is not None:
            details["cause"] = cause
        location = getattr(error, "location", None)
        if location:
            details["location"] = location
        position.previous = live.journal.add(_EVALUATION_FAILED, previous, live.session.now_ms, details)
    own = error.error != "States.Runtime"
    handle(branch, state, scope, error.error, cause, tell=own)


def handle(
    branch: Branch,
    state: State,
    scope: Scope,
    error: str | None,
    cause: str | None,
    *,
    tell: bool = True,
    heartbeat: bool = False,
) -> None:
    """Retry, catch, or fail the branch. `tell`: whether a Map or Parallel notes that it failed.

    `heartbeat`: the time-out is that of a heartbeat, which Retry and Catch may name so.
    """  # fmt: skip
    live, position = branch.live, branch.position
    name = error or ""
    if isinstance(state, FallibleState):
        done = position.retries or [0] * len(state.retriers)
        retrier = state.retry_for(name, done, heartbeat=heartbeat)
        if retrier is not None:
            delay_ms = int(1000 * state.retriers[retrier].delay_s(done[retrier], live.session.ids))
            position.retries = [n + (i == retrier) for i, n in enumerate(done)]
            position.status = RETRYING
            branch.dirty = True
            live.session.sleep(branch, live.session.now_ms + delay_ms)
            return
        if tell and isinstance(state, MapState | ParallelState):
            position.previous = live.journal.add(
                _GROUP_FAILED[state.kind], position.previous, live.session.now_ms, {}
            )
        if _caught(branch, state, scope, name, cause, heartbeat=heartbeat):
            return
    fail_branch(branch, error, cause)


def _caught(
    branch: Branch, state: FallibleState, scope: Scope, name: str, cause: str | None, *, heartbeat: bool
) -> bool:
    try:
        catcher = next((one for one in state.catchers if matches(one.errors, name, heartbeat=heartbeat)), None)
        if catcher is None:
            return False
        finished = catcher.handle(scope, name, cause)
        text = steps.checked(state, finished)
    except StatesError as worse:
        position = branch.position
        worse_cause = worse.located_cause(state.name, position.entered)
        if worse.error == "States.QueryEvaluationError":
            details: dict[str, Any] = {"error": worse.error, "state": state.name, "cause": worse_cause or ""}
            location = getattr(worse, "location", None)
            if location:
                details["location"] = location
            position.previous = branch.live.journal.add(
                _EVALUATION_FAILED, position.previous, branch.live.session.now_ms, details
            )
        fail_branch(branch, worse.error, worse_cause)
        return True
    steps.leave(branch, state, finished, text)
    return True


def fail_branch(branch: Branch, error: str | None, cause: str | None) -> None:
    """A branch ends in an error: so does the execution, or the Map or Parallel around it must deal with it."""
    branch.alive = False
    if branch.parent is None:
        fail(branch.live, error, cause)
    else:
        groups.child_failed(branch.parent, branch, error, cause)
