"""Distributed Map: a map run, whose items child executions work on, each with a history of its own.

Here is what the Map itself does: it starts a run, waits for it, and goes on when the run is over. The run has
rows of its own (`map_runs.py`), and its children are started from these, so that neither the parent's row nor
memory holds items or outputs: `map_items` reads, `map_children` starts and counts, `map_results` ends.

Source: Developer Guide, "Using Map state in Distributed mode"; recorded histories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..language.machine import MapState, Scope, StatesError
from ..map_runs import (
    OVER,
    READING,
    WORKING,
    MapRun,
    MapRunOf,
    Plan,
    find_map_run,
    map_run_arn,
    map_run_key,
    plan_key,
    runs_of_key,
)
from . import failing, groups, map_children, map_items, map_results, redriving, steps
from .branch import GROUP, READY, Branch, Group, path_text, read_path
from .ending import guarded
from .journal import NUMBER

if TYPE_CHECKING:
    from .session import Session

MOST_REDRIVES = 1_000
_STARTED, _RUN_STARTED = NUMBER["MapStateStarted"], NUMBER["MapRunStarted"]
_RUN_SUCCEEDED, _SUCCEEDED = NUMBER["MapRunSucceeded"], NUMBER["MapStateSucceeded"]
_RUN_FAILED, _RUN_REDRIVEN = NUMBER["MapRunFailed"], NUMBER["MapRunRedriven"]
_BEGUN_ANEW = frozenset(
    {"States.DataLimitExceeded", "States.Runtime", "States.ItemReaderFailed", "States.QueryEvaluationError"}
)
"""Failures after which a redrive starts a new map run.

Source: Developer Guide, "Redriving Map Runs".
"""


# -- a new run ---------------------------------------------------------------------------------------


def begin(branch: Branch, state: MapState, scope: Scope, before: int) -> None:
    """Start a map run."""
    live, position = branch.live, branch.position
    session = live.session
    branch.failure = None
    try:
        items = state.items(scope) if state.reader is None else None
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    position.previous = live.journal.add(
        _STARTED, position.previous, session.now_ms, {"length": len(items) if items is not None else 0}
    )
    try:
        run, plan = _planned(branch, state, scope)
        reading = map_items.reading_of(state, scope) if state.reader is not None else None
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    position.previous = live.journal.add(
        _RUN_STARTED, position.previous, session.now_ms, {"mapRunArn": run.arn}
    )
    position.status = GROUP
    position.group = Group(0, 0, position.previous, map_run=run.arn)
    branch.dirty = live.effects = True
    tx = session.tx
    tx.put(runs_of_key(live.number, tx.now_ms, run.id), MapRunOf(run.arn))
    tx.put(plan_key(run.id), plan)
    if reading is not None:
        map_items.read_later(tx, run, reading)
    else:
        assert items is not None
        run = map_items.store_all(tx, run, items)
        session.inbox.append(lambda later: map_children.pump(later, run.arn))
    tx.put(map_run_key(run.arn), run)


def _planned(branch: Branch, state: MapState, scope: Scope) -> tuple[MapRun, Plan]:
    live = branch.live
    tx, ref, record = live.session.tx, live.ref, live.record
    limit = state.max_concurrency(scope)
    count, percentage = state.tolerated_count(scope), state.tolerated_percentage(scope)
    writer = None
    if state.writer is not None and state.writer.resource is not None:
        writer = state.writer.parameters(scope) or {}
    label = state.label or tx.ids.uuid()
    arn = map_run_arn(ref.region, ref.account, ref.machine.partition("/")[0], label, tx.ids.uuid())
    run = MapRun(
        arn, live.session.running.next_number(tx), ref.account, ref.region, live.number, path_text(branch.path),
        branch.position.attempt, live.arn, state.name, label, "RUNNING", tx.now_ms, 0,
        state.execution_type == "EXPRESS", limit, count or 0, percentage or 0.0,
        batched=state.batcher is not None,
    )  # fmt: skip
    plan = Plan(
        record.settings, record.of_version, record.alias, record.test_case, branch.position.entered,
        scope.input, scope.context, dict(scope.variables), record.name, writer,
    )  # fmt: skip
    return run, plan


def abort(session: Session, arn: str) -> None:
    """The Map is aborted, with all that runs of it."""
    run = find_map_run(session.tx, arn)
    if run is not None and run.phase != OVER:
        map_results.end(session, run, "ABORTED")


# -- a run that is over ------------------------------------------------------------------------------


def _branch_of(session: Session, run: MapRun) -> Branch | None:
    """The branch that waits for a run."""
    branch = session.find_branch(run.number, read_path(run.path), run.attempt)
    if branch is None or branch.position.group is None or branch.position.group.map_run != run.arn:
        return None
    session.moved(branch.live)
    branch.live.effects = True
    return branch


def succeeded(session: Session, run: MapRun, result: Any) -> None:
    """The run has succeeded, and its results are where they belong."""
    branch = _branch_of(session, run)
    if branch is None:
        return
    live, state, group = branch.live, branch.state, branch.position.group
    assert isinstance(state, MapState)
    assert group is not None
    with guarded(live):
        id = live.journal.add(_RUN_SUCCEEDED, group.started, session.now_ms, {})
        live.journal.add(_SUCCEEDED, id, session.now_ms, {})
        groups.finish(branch, state, group.started, result)


def failed(session: Session, run: MapRun) -> None:
    """The run has failed: its Map must deal with the error. Caught or retried, it will not be redriven."""
    branch = _branch_of(session, run)
    if branch is None:
        return
    live, position, state = branch.live, branch.position, branch.state
    details = {"error": run.error} | ({"cause": run.cause} if run.cause is not None else {})
    assert position.group is not None
    with guarded(live):
        branch.failure = redriving.picture_of(branch)
        position.previous = live.journal.add(_RUN_FAILED, position.group.started, session.now_ms, details)
        position.group = None
        branch.dirty = True
        failing.handle(branch, state, live.scope_of(branch), run.error, run.cause)
        if branch.alive:
            branch.failure = None
            map_results.clear(session.tx, run.id)


# -- a run again -------------------------------------------------------------------------------------


def redrive(branch: Branch) -> None:
    """The execution is redriven, and this Map had not succeeded: its run goes on, or a new one starts."""
    live, position, state = branch.live, branch.position, branch.state
    session = live.session
    assert position.group is not None
    run = find_map_run(session.tx, position.group.map_run)
    if run is None or (run.phase == OVER and (not run.whole or run.error in _BEGUN_ANEW)):
        position.group, position.status = None, READY
        steps.perform(branch, state, position.previous)
        return
    if run.redrives >= MOST_REDRIVES:
        position.group = None
        failing.handle(
            branch, state, live.scope_of(branch), "States.Runtime",
            f"The Map Run was redriven {MOST_REDRIVES} times, the most there may be.",
        )  # fmt: skip
        return
    position.previous = live.journal.add(
        _RUN_REDRIVEN, position.previous, session.now_ms,
        {"mapRunArn": run.arn, "redriveCount": run.redrives + 1},
    )  # fmt: skip
    position.group = Group(0, 0, position.previous, map_run=run.arn)
    branch.dirty = live.effects = True
    run = replace(run, attempt=position.attempt, path=path_text(branch.path))
    if run.phase != OVER:  # it still ends: once that is done
        session.tx.put(map_run_key(run.arn), replace(run, redrive_asked=True))
        return
    go_on(session, run)


def go_on(session: Session, run: MapRun) -> None:
    """Let a run that is over go on: unsuccessful children again, then those that were never started."""
    tx = session.tx
    if not run.whole:  # what it was stopped in the middle of reading is read by a new run
        session.inbox.append(lambda later: _begin_anew(later, run))
        return
    inputs = map_children.Inputs(tx, run)
    scope, state = inputs.scope(), inputs.state
    run = replace(
        run, status="RUNNING", phase=WORKING, outcome="SUCCEEDED", error="", cause=None, stopped_ms=0,
        redrives=run.redrives + 1, redriven_ms=tx.now_ms, redrive_asked=False, written=0, written_items=0,
        redo=run.unsuccessful - run.stuck, redo_items=run.unsuccessful_items - run.stuck_items,
        failed=run.stuck, failed_items=run.stuck_items, timed_out=0, timed_out_items=0, aborted=0,
        aborted_items=0, limit=state.max_concurrency(scope), tolerated_count=state.tolerated_count(scope) or 0,
        tolerated_percentage=state.tolerated_percentage(scope) or 0.0,
    )  # fmt: skip
    tx.put(map_run_key(run.arn), run)
    session.inbox.append(lambda later: map_children.pump(later, run.arn))


def _begin_anew(session: Session, run: MapRun) -> None:
    branch = _branch_of(session, run)
    if branch is None:
        return
    position = branch.position
    position.group, position.status = None, READY
    with guarded(branch.live):
        steps.perform(branch, branch.state, position.previous)


__all__ = ["READING", "abort", "begin", "failed", "go_on", "redrive", "succeeded"]
