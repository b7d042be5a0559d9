"""Distributed Map: a map run, whose items child executions work on, each with a history of its own.

The items are read by a delivery, if they lie in S3, and stored in pages; children are started in portions,
as many at once as MaxConcurrency allows, and their outputs are gathered when the last one has ended. The
parent's row holds none of them, so a run over a hundred thousand items costs disk, not memory.

A crash: a Standard child goes on by itself; an Express child is begun again, so its effects may repeat.

Source: Developer Guide, "Using Map state in Distributed mode"; recorded histories.
"""

from __future__ import annotations

from msgspec.structs import replace

from ..language.machine import Machine, MapState, ParallelState, Scope, State, StatesError
from ..map_runs import (
    PAGE_ITEMS,
    ItemsPage,
    MapRun,
    MapRunOf,
    items_page_key,
    map_run_arn,
    map_run_key,
    runs_of_key,
)
from . import failing
from .branch import GROUP, Branch, Group, path_text
from .journal import NUMBER
from .map_children import child_ended, pump
from .map_ends import abort
from .map_items import Reading, read_later

_STARTED, _RUN_STARTED = NUMBER["MapStateStarted"], NUMBER["MapRunStarted"]


def begin(branch: Branch, state: MapState, scope: Scope, before: int) -> None:
    """Start a map run."""
    live, position = branch.live, branch.position
    session = live.session
    try:
        items = state.items(scope) if state.reader is None else None
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    position.previous = live.journal.add(
        _STARTED, position.previous, session.now_ms, {"length": len(items) if items is not None else 0}
    )
    try:
        limit = state.max_concurrency(scope)
        count, percentage = state.tolerated_count(scope), state.tolerated_percentage(scope)
        reading = _reading(state, scope) if state.reader is not None else None
    except StatesError as error:
        failing.failed(branch, state, scope, error, before)
        return
    run = _new_run(branch, state, limit, count, percentage)
    position.previous = live.journal.add(
        _RUN_STARTED, position.previous, session.now_ms, {"mapRunArn": run.arn}
    )
    position.status = GROUP
    position.group = Group(0, 0, position.previous, map_run=run.arn)
    branch.dirty = live.effects = True
    tx = session.tx
    if reading is not None:
        tx.put(map_run_key(run.arn), replace(run, reading=True))
        read_later(tx, replace(reading, arn=run.arn))
        return
    assert items is not None
    for first in range(0, len(items), PAGE_ITEMS):
        tx.put(items_page_key(run.id, first), ItemsPage(items[first : first + PAGE_ITEMS]))
    tx.put(map_run_key(run.arn), replace(run, total=len(items)))
    session.inbox.append(lambda later: pump(later, run.arn))


def _new_run(
    branch: Branch, state: MapState, limit: int, count: int | None, percentage: float | None
) -> MapRun:
    live = branch.live
    tx, ref = live.session.tx, live.ref
    label = state.label or tx.ids.uuid()
    arn = map_run_arn(ref.region, ref.account, ref.machine.partition("/")[0], label, tx.ids.uuid())
    run = MapRun(
        arn, live.session.running.next_number(tx), ref.account, ref.region, live.number, path_text(branch.path),
        branch.position.attempt, live.arn, state.name, label, "RUNNING", tx.now_ms, 0,
        state.execution_type == "EXPRESS", limit, count or 0, percentage or 0.0,
    )  # fmt: skip
    tx.put(runs_of_key(live.number, tx.now_ms, run.id), MapRunOf(arn))
    return run


def _reading(state: MapState, scope: Scope) -> Reading:
    reader = state.reader
    assert reader is not None
    parameters = reader.parameters(scope) or {}
    return Reading("", reader.resource.action, parameters, reader.config, reader.max_items(scope))


def processor_of(definition: Machine, within: str) -> Machine:
    """The machine that the children of a Map run."""
    found = _find(definition.states, within)
    assert found is not None
    processor = found.processor
    return replace_machine(definition, processor.start_at, processor.states)


def replace_machine(definition: Machine, start_at: str, states: dict[str, State]) -> Machine:
    """A definition with other states, and no limit of its own."""
    from dataclasses import replace as changed

    return changed(definition, start_at=start_at, states=states, timeout_s=None)


def _find(states: dict[str, State], name: str) -> MapState | None:
    for state in states.values():
        if isinstance(state, MapState):
            if state.name == name:
                return state
            inner = _find(state.processor.states, name)
        elif isinstance(state, ParallelState):
            found = (_find(branch.states, name) for branch in state.branches)
            inner = next((one for one in found if one is not None), None)
        else:
            continue
        if inner is not None:
            return inner
    return None


__all__ = ["abort", "begin", "child_ended", "processor_of", "pump"]
