"""Distributed Map: a map run, whose items child executions work on, each with a history of its own.

The items are read by a delivery, if they lie in S3, and stored in pages; children are started in portions,
as many at once as MaxConcurrency allows, and their outputs are gathered when the last one has ended. The
parent's row holds none of them, so a run over a hundred thousand items costs disk, not memory.

A crash: a Standard child goes on by itself; an Express child is begun again, so its effects may repeat.

Source: Developer Guide, "Using Map state in Distributed mode"; recorded histories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from msgspec.structs import replace

from ballroom.kernel import Context, Delivery, Kernel, RetryPolicy, Tx, on_delivery, on_start, on_timer
from ballroom.kernel.caller import Caller

from ..arns import ExecutionRef
from ..item_reader import ReaderFailed, read
from ..language.machine import Machine, MapState, ParallelState, Scope, State, StatesError
from ..map_runs import (
    PAGE_ITEMS,
    Child,
    ChildResult,
    ItemsPage,
    MapRun,
    MapRunOf,
    child_key,
    child_result_key,
    find_map_run,
    items_page_key,
    map_run_arn,
    map_run_key,
    runs_of_key,
)
from ..resources import Execution, Listed, by_status_prefix
from . import failing, groups
from .branch import GROUP, Branch, Group, path_text, read_path
from .execution import MOST_BYTES, text_of
from .journal import NUMBER

if TYPE_CHECKING:
    from .execution import Live
    from .session import Session

AT_ONCE = 1_000
"""How many children run at once here, whatever MaxConcurrency says beyond (AWS: 10,000)."""
_PORTION = 64
_POLICY = RetryPolicy(maximum_attempts=None, back_off_ms=(1_000, 5_000, 30_000))
_STARTED, _RUN_STARTED = NUMBER["MapStateStarted"], NUMBER["MapRunStarted"]
_RUN_SUCCEEDED, _SUCCEEDED = NUMBER["MapRunSucceeded"], NUMBER["MapStateSucceeded"]
_RUN_FAILED, _RUN_ABORTED = NUMBER["MapRunFailed"], NUMBER["MapRunAborted"]


class Reading(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery that reads items carries."""

    arn: str
    action: str
    parameters: dict[str, Any]
    config: dict[str, Any]
    most: int | None


class Writing(msgspec.Struct, array_like=True, frozen=True):
    """What the delivery that writes results carries."""

    arn: str
    parameters: dict[str, Any]
    config: dict[str, Any]


_encode = msgspec.msgpack.Encoder().encode
_decode_reading = msgspec.msgpack.Decoder(Reading).decode
_decode_writing = msgspec.msgpack.Decoder(Writing).decode


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
        tx.deliver("states.map-read", _encode(replace(reading, arn=run.arn)), policy=_POLICY, subject=run.arn)
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


# -- items -------------------------------------------------------------------------------------------


@on_delivery("states.map-read", concurrency=16)
async def read_items(ctx: Context, delivery: Delivery) -> None:
    """Read the items of a map run; again from the start if it was interrupted."""
    reading = _decode_reading(delivery.payload)
    run = ctx.transact(find_map_run, reading.arn)
    if run is None or run.status != "RUNNING" or not run.reading:
        return
    total = 0
    try:
        caller = ctx.transact(_caller, run)
        reader = ctx.kernel.context(caller)
        async for items in read(reader, reading.action, reading.parameters, reading.config, reading.most):
            ctx.transact(_store_items, run.id, total, items)
            total += len(items)
            await ctx.durable()
    except ReaderFailed as failed:
        cause = str(failed)
        ctx.transact(_read_failed, delivery, reading.arn, cause)
        return

    def go(tx: Tx) -> None:
        delivery.complete(tx)
        now = find_map_run(tx, reading.arn)
        if now is None or now.status != "RUNNING":
            return
        tx.put(map_run_key(now.arn), replace(now, total=total, reading=False))
        _drive(tx, lambda session: pump(session, now.arn))

    ctx.transact(go)


def _caller(tx: Tx, run: MapRun) -> Caller:
    from ..integrations import caller_of
    from .running import Running

    live = tx.kernel.state(Running).at_hand(tx, run.number)
    if live is None:
        return tx.kernel.system_caller().acting("states.amazonaws.com", account=run.account, region=run.region)
    return caller_of(live, tx.ids.uuid())


def _store_items(tx: Tx, id: int, first: int, items: list[Any]) -> None:
    tx.put(items_page_key(id, first), ItemsPage(items))


def _read_failed(tx: Tx, delivery: Delivery, arn: str, cause: str) -> None:
    delivery.complete(tx)
    _drive(tx, lambda session: _fail(session, arn, "States.ItemReaderFailed", cause))


def _drive(tx: Tx, work: Any) -> None:
    from .running import Running

    tx.kernel.state(Running).drive(tx, work)


def _branch_of(session: Session, run: MapRun) -> Branch | None:
    branch = session.find_branch(run.number, read_path(run.path), run.attempt)
    if branch is None or branch.position.group is None or branch.position.group.map_run != run.arn:
        return None
    return branch


class _Items:
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


# -- children ----------------------------------------------------------------------------------------


@on_timer("states.map-pump")
def pump_later(tx: Tx, arn: str) -> None:
    """Start more children. Harmless if repeated: only as many as may run are started."""
    _drive(tx, lambda session: pump(session, arn))


def pump(session: Session, arn: str) -> None:
    """Start children, in a portion at most; when there is nothing left to do, end the run."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING" or run.reading:
        return
    branch = _branch_of(session, run)
    if branch is None:
        return
    state = branch.state
    assert isinstance(state, MapState)
    limit = min(run.limit or AT_ONCE, AT_ONCE)
    items = _Items(tx, run)
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
            _fail(session, arn, error.error, cause)
            return
        text = text_of(given)
        run = replace(
            run, next_item=run.next_item + count, children=run.children + 1, running=run.running + 1,
            running_items=run.running_items + count,
        )  # fmt: skip
        _start_child(session, branch, run, run.children - 1, text, count)
        started += 1
    tx.put(map_run_key(arn), run)
    if run.next_item >= run.total and run.running == 0:
        _complete(session, run, branch, state)


def _next_input(branch: Branch, state: MapState, run: MapRun, items: _Items) -> tuple[Any, int]:
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


def _start_child(session: Session, branch: Branch, run: MapRun, index: int, text: str, items: int) -> None:
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
        _fail(
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


# -- the end -----------------------------------------------------------------------------------------


def _complete(session: Session, run: MapRun, branch: Branch, state: MapState) -> None:
    tx = session.tx
    if state.writer is not None and state.writer.resource is not None:
        try:
            parameters = state.writer.parameters(branch.live.scope_of(branch)) or {}
        except StatesError as error:
            cause = error.located_cause(state.name, branch.position.entered)
            _fail(session, run.arn, error.error, cause)
            return
        writing = Writing(run.arn, parameters, state.writer.config)
        tx.put(map_run_key(run.arn), replace(run, reading=True))  # nothing more is to be started
        tx.deliver("states.map-write", _encode(writing), policy=_POLICY, subject=run.arn)
        return
    outputs, size = [], 2
    for row in tx.scan_prefix(ChildResult, child_result_key(run.id, 0)[:-1]):
        if row.status == "SUCCEEDED" and row.output is not None:
            size += len(row.output) + 1
            if size > MOST_BYTES:
                _fail(
                    session, run.arn, "States.DataLimitExceeded",
                    f"The state/task '{state.name}' returned a result with a size exceeding the maximum number "
                    "of bytes service limit.",
                )  # fmt: skip
                return
            outputs.append(orjson.loads(row.output))
    succeed(session, run.arn, outputs)


def succeed(session: Session, arn: str, result: Any, written: int = 0) -> None:
    """The run has succeeded, and its results are where they belong."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING":
        return
    branch = _branch_of(session, run)
    tx.put(
        map_run_key(arn),
        replace(run, status="SUCCEEDED", stopped_ms=tx.now_ms, reading=False, written=written),
    )
    clear(tx, run.id)
    if branch is None:
        return
    live, state, group = branch.live, branch.state, branch.position.group
    assert isinstance(state, MapState)
    assert group is not None
    id = live.journal.add(_RUN_SUCCEEDED, group.started, session.now_ms, {})
    live.journal.add(_SUCCEEDED, id, session.now_ms, {})
    session.moved(live)
    groups.finish(branch, state, group.started, result)


def _fail(session: Session, arn: str, error: str, cause: str | None) -> None:
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status != "RUNNING":
        return
    branch = _branch_of(session, run)
    tx.put(map_run_key(arn), replace(run, status="FAILED", stopped_ms=tx.now_ms, reading=False))
    session.inbox.append(lambda later: _abort_children(later, arn))
    if branch is None:
        return
    live, position, state = branch.live, branch.position, branch.state
    details = {"error": error} | ({"cause": cause} if cause is not None else {})
    assert position.group is not None
    position.previous = live.journal.add(_RUN_FAILED, position.group.started, session.now_ms, details)
    position.group = None
    branch.dirty = True
    session.moved(live)
    failing.handle(branch, state, live.scope_of(branch), error, cause)


def abort(session: Session, arn: str) -> None:
    """The Map is aborted, with all that runs of it."""
    tx = session.tx
    run = find_map_run(tx, arn)
    if run is not None and run.status == "RUNNING":
        tx.put(map_run_key(arn), replace(run, status="ABORTED", stopped_ms=tx.now_ms, reading=False))
        session.inbox.append(lambda later: _abort_children(later, arn))


@on_timer("states.map-abort")
def abort_later(tx: Tx, arn: str) -> None:
    """Abort more of what still runs of a run that has ended. Harmless if repeated."""
    _drive(tx, lambda session: _abort_children(session, arn))


def _abort_children(session: Session, arn: str) -> None:
    from . import ending

    tx = session.tx
    run = find_map_run(tx, arn)
    if run is None or run.status == "RUNNING":
        return
    if run.express:
        for held in list(session.running.express.values()):
            if held.live.record.map_run == arn and (live := session.find(held.live.number)) is not None:
                ending.stop(live, None, None)
        clear(tx, run.id)
        return
    prefix = by_status_prefix(run.account, run.region, arn, "RUNNING")
    rows = tx.scan_prefix(Listed, prefix, limit=_PORTION)
    for row in rows:
        live = session.find(row.number)
        if live is not None:
            ending.stop(live, None, None)
            run = replace(
                run, running=run.running - 1, aborted=run.aborted + 1,
                running_items=run.running_items - row.item_count,
                aborted_items=run.aborted_items + row.item_count,
            )  # fmt: skip
    tx.put(map_run_key(arn), run)
    if len(rows) == _PORTION:
        tx.wake_at(tx.now_ms, "states.map-abort", arn)
    else:
        clear(tx, run.id)


_CLEARED_AT_ONCE = 500


def clear(tx: Tx, id: int) -> None:
    """Remove what a run that has ended needs no more, in portions."""
    clear_later(tx, id)


@on_timer("states.map-clear")
def clear_later(tx: Tx, id: int) -> None:
    """Remove more. Harmless if repeated."""
    left = _CLEARED_AT_ONCE
    for kind, key in ((ItemsPage, items_page_key), (Child, child_key), (ChildResult, child_result_key)):
        rows = tx.scan_prefix_items(kind, key(id, 0)[:-1], limit=left)
        for row_key, _ in rows:
            tx.delete(row_key)
        left -= len(rows)
        if left <= 0:
            tx.wake_at(tx.now_ms + 1, "states.map-clear", id)
            return


# -- results in S3 -----------------------------------------------------------------------------------


@on_delivery("states.map-write", concurrency=16)
async def write_results(ctx: Context, delivery: Delivery) -> None:
    """Write the results of a run's children to S3; again from the start if it was interrupted."""
    from ..result_writer import WriterFailed, write

    writing = _decode_writing(delivery.payload)
    run = ctx.transact(find_map_run, writing.arn)
    if run is None or run.status != "RUNNING":
        return
    caller = ctx.transact(_caller, run)
    try:
        result, written = await write(ctx, ctx.kernel.context(caller), run, writing.parameters, writing.config)
    except WriterFailed as failed:
        cause = str(failed)

        def fail(tx: Tx) -> None:
            delivery.complete(tx)
            _drive(tx, lambda session: _fail(session, writing.arn, "States.ResultWriterFailed", cause))

        ctx.transact(fail)
        return

    def go(tx: Tx) -> None:
        delivery.complete(tx)
        _drive(tx, lambda session: succeed(session, writing.arn, result, written))

    ctx.transact(go)


# -- what children run -------------------------------------------------------------------------------


def processor_of(definition: Machine, within: str) -> Machine:
    """The machine that the children of a Map run."""
    found = _find(definition.states, within)
    assert found is not None
    processor = found.processor
    return replace_machine(definition, processor.start_at, processor.states)


def replace_machine(definition: Machine, start_at: str, states: dict[str, State]) -> Machine:
    """A definition with other states, and no limit of its own."""
    return replace(definition, start_at=start_at, states=states, timeout_s=None)


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
            branch = _branch_of(session, run) if run is not None else None
            if run is None or branch is None:
                tx.delete(key)
                continue
            _start_child(session, branch, run, int(key[2]), child.input, child.items)

    _drive(tx, work)


__all__ = ["abort", "begin", "child_ended", "processor_of", "pump", "succeed"]
