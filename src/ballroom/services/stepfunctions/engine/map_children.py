"""The children of a map run: starting them as slots free, counting how they end, beginning lost ones again.

Every start and every end is a change of the run's row in the commit of the child's own, so a crash leaves the
counts right. A Standard child goes on by itself after a crash; an Express child begins again.

Source: Developer Guide, "Using Map state in Distributed mode", "Redriving Map Runs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from msgspec.structs import replace

from ballroom.kernel import Kernel, Key, Tx, on_start, on_timer
from ballroom.kernel.errors import Throttled, Unavailable
from ballroom.kernel.keys import prefix_range

from ..arns import ExecutionRef
from ..definitions import compiled
from ..language.machine import ItemBatcher, MapState, Scope, StatesError
from ..map_runs import (
    ENDING,
    OVER,
    WORKING,
    Child,
    ChildResult,
    ItemPages,
    MapRun,
    Plan,
    Unsuccessful,
    child_key,
    child_result_key,
    find_map_run,
    find_result,
    map_run_key,
    plan_key,
    put_result,
    unsuccessful_key,
)
from ..resources import Execution, execution_key
from . import map_results
from .execution import MOST_BYTES, Unfit, text_of
from .processor import find_map
from .redriving import Redrivable, redrivable_key

if TYPE_CHECKING:
    from .execution import Live
    from .session import Session

AT_ONCE = 1_000
"""How many children run at once here, whatever MaxConcurrency says beyond (AWS: 10,000)."""
PORTION = 64
"""How many are started, or stopped, in one transaction."""
_RETRY_MS = 1_000
EXCEEDED = (
    "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded",
)  # fmt: skip


class Inputs:
    """What a run's children are given: its items selected and grouped as its Map says."""

    def __init__(self, tx: Tx, run: MapRun) -> None:
        plan = tx.get(Plan, plan_key(run.id))
        assert plan is not None
        self.plan = plan
        machine = compiled(tx.kernel, plan.settings.definition).machine
        self.state: MapState = find_map(machine.states, run.state)
        self._tx, self._run, self._pages = tx, run, tx.kernel.state(ItemPages)

    def scope(self, context: dict[str, Any] | None = None) -> Scope:
        """What the Map's expressions see."""
        plan, tx = self.plan, self._tx
        return Scope(plan.input, context or plan.context, plan.variables, tx.ids, tx.now_ms)

    def at(self, first: int) -> tuple[Any, int]:
        """The input of the child that begins with an item, and how many items it takes.

        Raises:
            StatesError: the selector or batcher fails.
        """
        batcher = self.state.batcher
        return (self._selected(first), 1) if batcher is None else self._batch(batcher, first)

    def _selected(self, index: int) -> Any:
        item = {"Index": index, "Value": self._item(index)}
        return self.state.select(self.scope({**self.plan.context, "Map": {"Item": item}}))

    def _batch(self, batcher: ItemBatcher, first: int) -> tuple[Any, int]:
        scope, total = self.scope(), self._run.total
        most = batcher.max_items(scope) or total
        limit = min(batcher.max_bytes(scope) or MOST_BYTES, MOST_BYTES)
        batch: dict[str, Any] = {}
        if batcher.batch_input is not None:
            batch["BatchInput"] = batcher.batch_input(scope)
        chosen: list[Any] = []
        size = len(orjson.dumps({**batch, "Items": []}))
        for index in range(first, min(first + most, total)):
            item = self._selected(index)
            size += len(text_of(item).encode()) + (1 if chosen else 0)
            if chosen and size > limit:
                break
            chosen.append(item)
        return {**batch, "Items": chosen}, len(chosen)

    def _item(self, index: int) -> Any:
        return self._pages.item(self._tx, self._run.id, index)


# -- starting ----------------------------------------------------------------------------------------


@on_timer("states.map-pump")
def pump_later(tx: Tx, arn: str) -> None:
    """Start more children. Harmless if repeated: only as many as may run are started."""
    from .running import Running

    tx.kernel.state(Running).drive(tx, lambda session: pump(session, arn))


def pump(session: Session, arn: str) -> None:
    """Start children, in a portion at most; when there is nothing left to do, end the run."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.phase != WORKING:
        return
    inputs = Inputs(tx, run)
    again = _to_redo(tx, run)
    started = 0
    while (run.redo or run.next_item < run.total) and run.running < min(run.limit or AT_ONCE, AT_ONCE):
        if started >= PORTION or session.is_late:
            tx.wake_at(tx.now_ms, "states.map-pump", arn)
            break
        if run.redo:
            if not again:  # the rest of them comes in another portion
                tx.wake_at(tx.now_ms, "states.map-pump", arn)
                break
            run = _do_again(session, inputs, run, again.pop(0))
            if run.stuck and exceeds(run):
                map_results.end(session, run, "FAILED", *EXCEEDED)
                return
        else:
            try:
                given, count = inputs.at(run.next_item)
                text = text_of(given)
            except (StatesError, Unfit, RecursionError) as error:
                tx.put(map_run_key(arn), run)
                map_results.end(session, run, "FAILED", *_reason(error, run, inputs.plan))
                return
            run = replace(
                run, next_item=run.next_item + count, children=run.children + 1, running=run.running + 1,
                running_items=run.running_items + count,
            )  # fmt: skip
            _start(session, inputs.plan, run, run.children - 1, text, count)
        started += 1
    tx.put(map_run_key(arn), run)
    if not run.redo and run.next_item >= run.total and not run.running:
        map_results.settle(session, run)


def _reason(error: Exception, run: MapRun, plan: Plan) -> tuple[str, str | None]:
    """Error and cause of a run whose next child cannot be given its input."""
    if isinstance(error, StatesError):
        return error.error, error.located_cause(run.state, plan.entered)
    return "States.Runtime", str(error) if isinstance(error, Unfit) else "The data is nested too deep."


def _start(session: Session, plan: Plan, run: MapRun, index: int, text: str, items: int) -> None:
    from ..starting import begin, begin_express

    tx = session.tx
    machine = f"{run.arn.rpartition('mapRun:')[2].partition('/')[0]}/{run.label}"
    ref = ExecutionRef(run.account, run.region, machine, tx.ids.uuid())
    record = Execution(
        session.running.next_number(tx), machine, ref.name, "RUNNING", tx.now_ms, 0, plan.settings, text,
        of_version=plan.of_version, alias=plan.alias, map_run=run.arn, within=run.state, map_index=index,
        item_count=items, express=run.express, test_case=plan.test_case,
    )  # fmt: skip
    if run.express:
        tx.put(child_key(run.id, index), Child(run.arn, text, items))
        begin_express(tx, ref, record)
    else:
        begin(tx, ref, record)


# -- again -------------------------------------------------------------------------------------------


def _to_redo(tx: Tx, run: MapRun) -> list[Key]:
    """Children of earlier rounds that did not succeed, the first of them."""
    if not run.redo:
        return []
    prefix = unsuccessful_key(run.id, 0, 0)[:-2]
    rows = tx.scan_prefix_items(Unsuccessful, prefix, limit=min(PORTION, run.redo))
    return [key for key, _ in rows]


def _do_again(session: Session, inputs: Inputs, run: MapRun, key: Key) -> MapRun:
    """Redrive a Standard child, or start an Express child anew; what cannot be redriven has failed for good."""
    tx, index = session.tx, int(key[-1])
    tx.delete(key)
    result = find_result(tx, run.id, index)
    assert result is not None
    run = replace(run, redo=run.redo - 1, redo_items=run.redo_items - result.items)
    if not run.express and not _redriven(tx, run, result):
        run = replace(run, stuck=run.stuck + 1, stuck_items=run.stuck_items + result.items)
        return _plus(run, result.status, result.items)
    run = replace(run, running=run.running + 1, running_items=run.running_items + result.items)
    tx.delete(child_result_key(run.id, index))
    if run.express:
        _start(session, inputs.plan, run, index, result.input, result.items)
    return run


def _redriven(tx: Tx, run: MapRun, result: ChildResult) -> bool:
    from ..redrive import redrive

    machine = f"{run.arn.rpartition('mapRun:')[2].partition('/')[0]}/{run.label}"
    ref = ExecutionRef(run.account, run.region, machine, result.name)
    record = tx.get(Execution, execution_key(ref))
    kept = tx.get(Redrivable, redrivable_key(record.number)) if record is not None else None
    if record is None or kept is None or kept.is_full:
        return False
    redrive(tx, ref, record, kept, "")
    return True


# -- ending ------------------------------------------------------------------------------------------


def child_ended(session: Session, live: Live) -> None:
    """A child execution has ended."""
    record = live.record
    ended(
        session, record.map_run, record.map_index,
        ChildResult(
            live.arn, record.name, record.status, record.input, record.output, record.error, record.cause,
            record.started_ms, record.stopped_ms, record.item_count, record.redrives,
        ),
    )  # fmt: skip


def ended(session: Session, arn: str, index: int, result: ChildResult) -> None:
    """Note what became of a child; the next one starts, or the run ends."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or find_result(tx, run.id, index) is not None:
        return
    if run.express:
        tx.delete(child_key(run.id, index))
    if run.phase == OVER:
        return
    put_result(tx, run.id, index, result)
    if result.status != "SUCCEEDED":
        tx.put(unsuccessful_key(run.id, run.redrives, index), Unsuccessful())
    run = replace(run, running=run.running - 1, running_items=run.running_items - result.items)
    run = _plus(run, result.status, result.items)
    tx.put(map_run_key(arn), run)
    if run.phase == ENDING:
        if not run.running:
            map_results.settle(session, run)
    elif result.status != "SUCCEEDED" and exceeds(run):
        map_results.end(session, run, "FAILED", *EXCEEDED)
    else:
        pump(session, arn)


def _plus(run: MapRun, status: str, items: int) -> MapRun:
    if status == "SUCCEEDED":
        return replace(run, succeeded=run.succeeded + 1, succeeded_items=run.succeeded_items + items)
    if status == "ABORTED":
        return replace(run, aborted=run.aborted + 1, aborted_items=run.aborted_items + items)
    if status == "TIMED_OUT":
        return replace(run, timed_out=run.timed_out + 1, timed_out_items=run.timed_out_items + items)
    return replace(run, failed=run.failed + 1, failed_items=run.failed_items + items)


def exceeds(run: MapRun) -> bool:
    """Whether more items have failed than are tolerated, by number and by share.

    Source: Developer Guide, "Setting failure thresholds for Distributed Map states".
    """
    failed = run.unsuccessful_items
    if not run.tolerated_percentage:
        return failed > run.tolerated_count
    over = 100 * failed > run.tolerated_percentage * max(run.total, 1)
    return over or (run.tolerated_count > 0 and failed > run.tolerated_count)


# -- after a crash -----------------------------------------------------------------------------------


@on_start
def begin_express_children_again(kernel: Kernel) -> None:
    """At start, and after a failed commit: Express children that were under way begin again."""
    if kernel.rows(Child, *prefix_range(("states-map-child",)), 1):
        kernel.loop.call_soon(_take_up, kernel, None)


def _take_up(kernel: Kernel, after: Key | None) -> None:
    if kernel.stopping:
        return
    try:
        following = kernel.transact(_begin_again, after)
    except (Throttled, Unavailable):
        kernel.clock.at(kernel.clock.now_ms() + _RETRY_MS, lambda: _take_up(kernel, after))
        return
    if following is not None:
        kernel.loop.call_soon(_take_up, kernel, following)


def _begin_again(tx: Tx, after: Key | None) -> Key | None:
    from .running import Running

    running = tx.kernel.state(Running)
    at_hand = {(held.live.record.map_run, held.live.record.map_index) for held in running.express.values()}
    rows = tx.scan_prefix_items(Child, ("states-map-child",), after=after, limit=PORTION)

    def work(session: Session) -> None:
        for key, child in rows:
            if (child.arn, int(key[2])) not in at_hand:
                _lost(session, key, child)

    running.drive(tx, work)
    return rows[-1][0] if len(rows) == PORTION else None


def _lost(session: Session, key: Key, child: Child) -> None:
    tx, index = session.tx, int(key[2])
    run = find_map_run(tx, child.arn)
    if run is None or run.phase == OVER:
        tx.delete(key)
    elif run.phase == WORKING:
        plan = tx.get(Plan, plan_key(run.id))
        assert plan is not None
        _start(session, plan, run, index, child.input, child.items)
    else:
        name, now = tx.ids.uuid(), tx.now_ms
        arn = run.arn.replace(":mapRun:", ":express:").rpartition(":")[0] + f":{name}:{name}"
        result = ChildResult(arn, name, "ABORTED", child.input, None, None, None, now, now, child.items)
        ended(session, run.arn, index, result)
