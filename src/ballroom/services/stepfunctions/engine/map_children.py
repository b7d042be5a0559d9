"""The children of a map run: started as many at once as may run, counted as they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec.structs import replace

from ballroom.kernel import Kernel, Tx, on_start, on_timer

from ..arns import ExecutionRef
from ..language.machine import MapState, StatesError
from ..map_runs import (
    PAGE_ITEMS,
    Child,
    ChildResult,
    ItemsPage,
    MapRun,
    child_key,
    child_result_key,
    find_map_run,
    items_page_key,
    map_run_key,
)
from ..resources import Execution
from .branch import Branch
from .execution import MOST_BYTES, text_of
from .map_ends import branch_of, complete, drive, fail_run

if TYPE_CHECKING:
    from .execution import Live
    from .session import Session

AT_ONCE = 1_000
"""How many children run at once here, whatever MaxConcurrency says beyond (AWS: 10,000)."""
_PORTION = 64


class ItemsOf:
    """The items of a run from a place on, a page at a time."""

    def __init__(self, tx: Tx, run: MapRun) -> None:
        self._tx, self._id, self._total = tx, run.id, run.total
        self._first, self._page = -1, [None]

    def at(self, index: int) -> Any:
        first = index - index % PAGE_ITEMS
        if first != self._first:
            row = self._tx.get(ItemsPage, items_page_key(self._id, first))
            self._page = row.items if row is not None else []
            self._first = first
        return self._page[index - first]


@on_timer("states.map-pump")
def pump_later(tx: Tx, arn: str) -> None:
    """Start more children. Harmless if repeated: only as many as may run are started."""
    drive(tx, lambda session: pump(session, arn))


def pump(session: Session, arn: str) -> None:
    """Start children, in a portion at most; when there is nothing left to do, end the run."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING" or run.reading:
        return
    branch = branch_of(session, run)
    if branch is None:
        return
    state = branch.state
    assert isinstance(state, MapState)
    limit = min(run.limit or AT_ONCE, AT_ONCE)
    items = ItemsOf(tx, run)
    started = 0
    while run.next_item < run.total and run.running < limit:
        if started >= _PORTION or session.is_late:
            tx.wake_at(tx.now_ms, "states.map-pump", arn)
            break
        try:
            given, count = _next_input(branch, state, run, items)
        except StatesError as error:
            cause = error.located_cause(state.name, branch.position.entered)
            tx.put(map_run_key(arn), run)
            fail_run(session, arn, error.error, cause)
            return
        text = text_of(given)
        run = replace(
            run, next_item=run.next_item + count, children=run.children + 1, running=run.running + 1,
            running_items=run.running_items + count,
        )  # fmt: skip
        start_child(session, branch, run, run.children - 1, text, count)
        started += 1
    tx.put(map_run_key(arn), run)
    if run.next_item >= run.total and run.running == 0:
        complete(session, run, branch, state)


def _next_input(branch: Branch, state: MapState, run: MapRun, items: ItemsOf) -> tuple[Any, int]:
    live = branch.live
    scope = live.scope_of(branch)

    def selected(index: int) -> Any:
        item = {"Index": index, "Value": items.at(index)}
        inner = live.scope_of(branch)
        inner.context = {**scope.context, "Map": {"Item": item}}
        return state.select(inner)

    if state.batcher is None:
        return selected(run.next_item), 1
    most = state.batcher.max_items(scope) or run.total
    limit = min(state.batcher.max_bytes(scope) or MOST_BYTES, MOST_BYTES)
    batch: dict[str, Any] = {}
    if state.batcher.batch_input is not None:
        batch["BatchInput"] = state.batcher.batch_input(scope)
    chosen: list[Any] = []
    size = len(orjson.dumps({**batch, "Items": []}))
    for index in range(run.next_item, min(run.next_item + most, run.total)):
        item = selected(index)
        size += len(orjson.dumps(item)) + (1 if chosen else 0)
        if chosen and size > limit:
            break
        chosen.append(item)
    return {**batch, "Items": chosen}, len(chosen)


def start_child(session: Session, branch: Branch, run: MapRun, index: int, text: str, items: int) -> None:
    """Start the child of that number with its input; it may have ended when this transaction does."""
    from ..starting import begin, begin_express

    tx, parent = session.tx, branch.live.record
    machine = f"{branch.live.ref.machine.partition('/')[0]}/{run.label}"
    ref = ExecutionRef(run.account, run.region, machine, tx.ids.uuid())
    record = Execution(
        session.running.next_number(tx), machine, ref.name, "RUNNING", tx.now_ms, 0, parent.settings, text,
        of_version=parent.of_version, alias=parent.alias, map_run=run.arn, within=run.state, map_index=index,
        item_count=items, express=run.express, test_case=parent.test_case,
    )  # fmt: skip
    if run.express:
        tx.put(child_key(run.id, index), Child(text, items))
        begin_express(tx, ref, record)
    else:
        begin(tx, ref, record)


def child_ended(session: Session, live: Live) -> None:
    """A child execution has ended."""
    tx, record = session.tx, live.record
    run = find_map_run(tx, record.map_run)
    if run is None or tx.get(ChildResult, child_result_key(run.id, record.map_index)) is not None:
        return
    if run.express:
        tx.delete(child_key(run.id, record.map_index))
    if run.status != "RUNNING":
        return
    tx.put(
        child_result_key(run.id, record.map_index),
        ChildResult(
            live.arn, record.name, record.status, record.input, record.output, record.error, record.cause,
            record.started_ms, record.stopped_ms, record.item_count,
        ),
    )  # fmt: skip
    run = _counted(run, record)
    tx.put(map_run_key(run.arn), run)
    failed = run.failed + run.timed_out + run.aborted
    if failed and _exceeds(run):
        fail_run(
            session, run.arn, "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )  # fmt: skip
        return
    pump(session, run.arn)


def _counted(run: MapRun, record: Execution) -> MapRun:
    run = replace(run, running=run.running - 1, running_items=run.running_items - record.item_count)
    if record.status == "SUCCEEDED":
        return replace(
            run, succeeded=run.succeeded + 1, succeeded_items=run.succeeded_items + record.item_count
        )
    if record.status == "ABORTED":
        return replace(run, aborted=run.aborted + 1, aborted_items=run.aborted_items + record.item_count)
    run = replace(run, failed_items=run.failed_items + record.item_count)
    if record.status == "TIMED_OUT":
        return replace(run, timed_out=run.timed_out + 1)
    return replace(run, failed=run.failed + 1)


def _exceeds(run: MapRun) -> bool:
    """Whether more items have failed than are tolerated, by number and by share.

    Source: Developer Guide, "Setting failure thresholds for Distributed Map states".
    """
    failed = run.failed_items + run.aborted_items
    if failed > run.tolerated_count and not run.tolerated_percentage:
        return True
    if not run.tolerated_percentage:
        return False
    over = 100 * failed > run.tolerated_percentage * max(run.total, 1)
    return over or (run.tolerated_count > 0 and failed > run.tolerated_count)


@on_start
def begin_express_children_again(kernel: Kernel) -> None:
    """At start: Express children that were under way begin again."""
    rows = kernel.rows(Child, *_range("states-map-child"), 1)
    if rows:
        kernel.loop.call_soon(lambda: None if kernel.stopping else kernel.transact(_begin_again))


def _range(prefix: str) -> tuple[bytes, bytes]:
    from ballroom.kernel.keys import prefix_range

    return prefix_range((prefix,))


def _begin_again(tx: Tx) -> None:
    every = tx.scan_prefix(MapRun, ("states-map-run",))
    open_runs = {run.id: run for run in every if run.status == "RUNNING" and run.express}

    def work(session: Session) -> None:
        for key, child in tx.scan_prefix_items(Child, ("states-map-child",)):
            run = open_runs.get(int(key[1]))
            branch = branch_of(session, run) if run is not None else None
            if run is None or branch is None:
                tx.delete(key)
                continue
            start_child(session, branch, run, int(key[2]), child.input, child.items)

    drive(tx, work)
